//! Secrets by which programs and browsers are let in: tokens, which have names and are shown once; sessions of browsers,
//! which begin with a token or a link and end with the token; and links, which begin one session. Only hashes of them
//! are stored: a secret has 256 random bits, so that one round of SHA-256 protects it.

use crate::database::{Database, Place, signed};
use crate::error::{StoreFailure, TokenError};
use longshore_model::digest::Digest;
use rusqlite::{OptionalExtension, Row, TransactionBehavior, params};
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What a secret begins with, so that people and scanners of leaked secrets recognize it.
const PREFIX: &str = "longshore_";

/// Random bytes of a secret.
const BYTES: usize = 32;

/// How long a session lasts: a working day and the evening after it.
pub(crate) const SESSION: Duration = Duration::from_secs(16 * 3600);

/// How long a link can be used.
const LINK: Duration = Duration::from_secs(10 * 60);

/// How exactly a token's last use is known. Writing each one would make reading as slow as writing.
const USE: Duration = Duration::from_secs(60);

/// The longest name of a token.
const NAME_MAX: usize = 64;

/// A secret, which is shown once. Its `Debug` does not contain it.
pub struct Secret(String);

/// A token, as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TokenEntry {
    /// Its name.
    pub name: String,
    /// When it was created, in milliseconds since 1970.
    pub made_ms: u64,
    /// When it ends; `null` if it does not.
    pub ends_ms: Option<u64>,
    /// When it was last used, to a minute; `null` if it never was.
    pub used_ms: Option<u64>,
}

/// Who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admitted {
    /// The name of the token, or of the token with which the session began; `None` for a link's session.
    pub token: Option<String>,
    number: i64,
}

/// The tokens of this user. Used by one thread at a time; others open their own.
#[derive(Debug)]
pub struct Tokens {
    place: Place,
    database: Database,
}

impl Secret {
    /// The secret itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    fn random() -> Result<Self, TokenError> {
        let mut bytes = [0_u8; BYTES];
        let mut filled = 0;
        while filled < BYTES {
            let flags = rustix::rand::GetRandomFlags::empty();
            filled +=
                rustix::rand::getrandom(&mut bytes[filled..], flags).map_err(|no| TokenError::Random(no.into()))?;
        }
        let mut text = PREFIX.to_owned();
        bytes.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap_or_default());
        Ok(Self(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl TokenEntry {
    /// Whether it can no longer be used.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.ends_ms.is_some_and(|ends| ends <= now())
    }
}

impl Tokens {
    /// Opens the tokens in a state folder, which is created if it is missing. Blocks, as all methods do.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub fn open(state_folder: &Path) -> Result<Self, TokenError> {
        let place = Place::new(state_folder);
        let database = place.open().map_err(failed(&place, "read"))?;
        Ok(Self { place, database })
    }

    /// Creates a token, which ends after this time, if one is given.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn add(&mut self, name: &str, lasts: Option<Duration>) -> Result<Secret, TokenError> {
        let wrong = |reason| TokenError::Name { name: name.to_owned(), reason };
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(wrong("it needs 1 to 64 bytes"));
        }
        if !name.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-@".contains(letter)) {
            return Err(wrong("it may have letters and digits of ASCII, and `.`, `_`, `-` and `@`"));
        }
        let secret = Secret::random()?;
        let ends = lasts.map(after);
        let added = self.write(|database| {
            let insert = "INSERT INTO tokens (kind, name, hash, made_ms, ends_ms) VALUES ('token', ?1, ?2, ?3, ?4) \
                          ON CONFLICT DO NOTHING";
            Ok(database.connection.execute(insert, params![name, hash(&secret.0), signed(now()), ends.map(signed)])?)
        })?;
        match added {
            0 => Err(TokenError::Exists { name: name.to_owned() }),
            _ => Ok(secret),
        }
    }

    /// All tokens, by name. Those that have ended are among them.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub fn list(&self) -> Result<Vec<TokenEntry>, TokenError> {
        self.read(|database| {
            let all = "SELECT name, made_ms, ends_ms, used_ms FROM tokens WHERE kind = 'token' ORDER BY name";
            let mut all = database.connection.prepare(all)?;
            Ok(all.query_map([], listed)?.collect::<Result<_, _>>()?)
        })
    }

    /// Removes a token, and ends the sessions that began with it.
    ///
    /// # Errors
    /// [`TokenError::Unknown`], or [`TokenError::Store`].
    pub fn revoke(&mut self, name: &str) -> Result<(), TokenError> {
        let remove = "DELETE FROM tokens WHERE kind = 'token' AND name = ?1";
        match self.write(|database| Ok(database.connection.execute(remove, [name])?))? {
            0 => Err(TokenError::Unknown { name: name.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Creates a link's secret, with which one session can be begun within the next minutes.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn link(&mut self) -> Result<Secret, TokenError> {
        self.insert("link", None, LINK)
    }

    /// Begins a session with a token's or a link's secret; the link cannot be used again. `None` if there is no such
    /// secret, or it has ended.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn begin_session(&mut self, secret: &str) -> Result<Option<Secret>, TokenError> {
        let remove = "DELETE FROM tokens WHERE kind = 'link' AND hash = ?1 AND ends_ms > ?2";
        let used =
            self.write(|database| Ok(database.connection.execute(remove, params![hash(secret), signed(now())])?))?;
        if used > 0 {
            return self.insert("session", None, SESSION).map(Some);
        }
        let token = self.admit_as("token", secret)?;
        token.map(|token| self.insert("session", Some(token.number), SESSION)).transpose()
    }

    /// Who has this token; `None` if there is no such token, or it has ended.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub fn admit(&mut self, secret: &str) -> Result<Option<Admitted>, TokenError> {
        self.admit_as("token", secret)
    }

    /// Who has this session; `None` if there is no such session, or it has ended.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub fn admit_session(&mut self, secret: &str) -> Result<Option<Admitted>, TokenError> {
        self.admit_as("session", secret)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub fn end_session(&mut self, secret: &str) -> Result<(), TokenError> {
        let remove = "DELETE FROM tokens WHERE kind = 'session' AND hash = ?1";
        self.write(|database| Ok(database.connection.execute(remove, [hash(secret)])?)).map(drop)
    }

    fn insert(&mut self, kind: &str, parent: Option<i64>, lasts: Duration) -> Result<Secret, TokenError> {
        let secret = Secret::random()?;
        self.write(|database| {
            let transaction = database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let remove = "DELETE FROM tokens WHERE kind <> 'token' AND ends_ms <= ?1";
            transaction.execute(remove, [signed(now())])?;
            let insert = "INSERT INTO tokens (kind, hash, parent, made_ms, ends_ms) VALUES (?1, ?2, ?3, ?4, ?5)";
            let (made, ends) = (signed(now()), signed(after(lasts)));
            transaction.execute(insert, params![kind, hash(&secret.0), parent, made, ends])?;
            Ok(transaction.commit()?)
        })?;
        Ok(secret)
    }

    fn admit_as(&mut self, kind: &str, secret: &str) -> Result<Option<Admitted>, TokenError> {
        let now = signed(now());
        let found = self.read(|database| {
            // A session lasts no longer than its token.
            let find = "SELECT secret.number, coalesce(parent.name, secret.name), \
                               coalesce(parent.number, secret.number), coalesce(parent.used_ms, secret.used_ms, 0) \
                        FROM tokens AS secret LEFT JOIN tokens AS parent ON parent.number = secret.parent \
                        WHERE secret.kind = ?1 AND secret.hash = ?2 \
                        AND coalesce(secret.ends_ms > ?3, TRUE) AND coalesce(parent.ends_ms > ?3, TRUE)";
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?, row.get::<_, i64>(3)?));
            Ok(database.connection.prepare(find)?.query_row(params![kind, hash(secret), now], read).optional()?)
        })?;
        let Some((number, token, used, used_ms)) = found else { return Ok(None) };
        if now.saturating_sub(used_ms) > i64::try_from(USE.as_millis()).unwrap_or(i64::MAX) {
            // Whoever may come in is not kept out because this cannot be written.
            let update = "UPDATE tokens SET used_ms = ?2 WHERE number = ?1";
            let _ = self.database.connection.execute(update, params![used, now]);
        }
        Ok(Some(Admitted { token, number }))
    }

    fn read<T>(&self, read: impl FnOnce(&Database) -> Result<T, StoreFailure>) -> Result<T, TokenError> {
        read(&self.database).map_err(failed(&self.place, "read"))
    }

    fn write<T>(&mut self, write: impl FnOnce(&mut Database) -> Result<T, StoreFailure>) -> Result<T, TokenError> {
        write(&mut self.database).map_err(failed(&self.place, "write"))
    }
}

fn failed(place: &Place, what: &'static str) -> impl Fn(StoreFailure) -> TokenError {
    let folder = place.folder().to_owned();
    move |source| TokenError::Store { folder: folder.clone(), what, source }
}

fn listed(row: &Row<'_>) -> rusqlite::Result<TokenEntry> {
    let unsigned = |number: i64| u64::try_from(number).unwrap_or_default();
    Ok(TokenEntry {
        name: row.get(0)?,
        made_ms: unsigned(row.get(1)?),
        ends_ms: row.get::<_, Option<i64>>(2)?.map(unsigned),
        used_ms: row.get::<_, Option<i64>>(3)?.map(unsigned),
    })
}

fn hash(secret: &str) -> String {
    Digest::of(secret.as_bytes()).hex()
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

fn after(time: Duration) -> u64 {
    now().saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}
