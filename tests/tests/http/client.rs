//! A client of HTTP/1.1 for tests: one request a connection, and answers that are read to their end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where a host serves, and what it is told with each request.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    /// The body; an error if it broke before its end.
    pub(crate) body: std::io::Result<Vec<u8>>,
}

/// An answer whose body is still to be read.
pub(crate) struct Open {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    body: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, headers: Vec::new() }
    }

    /// The same with one more header.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.push((name.to_owned(), value.to_owned()));
        Self { address: self.address, headers }
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, b"")
    }

    /// Sends a request, and reads the whole answer.
    pub(crate) fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.open(method, path, body).read()
    }

    /// Sends a request.
    pub(crate) fn open(&self, method: &str, path: &str, body: &[u8]) -> Open {
        let mut socket = self.begin(method, path, body.len());
        // A host that refuses it need not read all of it.
        let _ = socket.write_all(body);
        Open::of(socket)
    }

    /// Sends the head of a request whose body has this many bytes.
    pub(crate) fn begin(&self, method: &str, path: &str, length: usize) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.address);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if length > 0 || method == "POST" {
            head.push_str(&format!("Content-Length: {length}\r\n"));
        }
        socket.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        socket
    }

    /// Posts a form.
    pub(crate) fn post(&self, path: &str, form: &Form) -> Answer {
        self.with("Content-Type", &form.content_type()).send("POST", path, &form.body())
    }
}

impl Open {
    pub(crate) fn of(socket: TcpStream) -> Self {
        let mut body = BufReader::new(socket);
        let mut line = String::new();
        body.read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no answer: {line:?}"));
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            body.read_line(&mut line).unwrap();
            match line.trim_end().split_once(": ") {
                Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                None => break,
            }
        }
        Self { status, headers, body }
    }

    /// Reads a line of a body that is not chunked, or the next one of a chunked one.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.body.read_line(&mut line).unwrap();
        line
    }

    fn read(mut self) -> Answer {
        let named = |name: &str| self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let body = if named("transfer-encoding").as_deref() == Some("chunked") {
            chunks(&mut self.body)
        } else {
            let mut body = Vec::new();
            self.body.read_to_end(&mut body).map(|_| body)
        };
        Answer { status: self.status, headers: self.headers, body }
    }
}

fn chunks(from: &mut BufReader<TcpStream>) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        from.read_line(&mut line)?;
        let length = usize::from_str_radix(line.trim_end(), 16).map_err(|_| std::io::ErrorKind::UnexpectedEof)?;
        let begin = body.len();
        body.resize(begin + length, 0);
        from.read_exact(&mut body[begin..])?;
        from.read_line(&mut line)?;
        if length == 0 {
            return Ok(body);
        }
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.body.unwrap()
    }

    pub(crate) fn text(self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    /// The JSON of an answer with this status.
    pub(crate) fn json(self, status: u16) -> serde_json::Value {
        let (found, text) = (self.status, self.text());
        assert_eq!(found, status, "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// A form, `multipart/form-data`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Form(Vec<u8>);

/// It stands in no part.
const BOUNDARY: &str = "a-boundary-that-stands-in-no-part";

impl Form {
    /// A part that is a text.
    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.part(&format!("name=\"{name}\""), text.as_bytes())
    }

    /// A part that is a file.
    pub(crate) fn file(self, name: &str, file: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.part(&format!("name=\"{name}\"; filename=\"{file}\""), bytes.as_ref())
    }

    /// A part with these parameters, which may end with further headers.
    pub(crate) fn part(mut self, parameters: &str, bytes: &[u8]) -> Self {
        self.0.extend(format!("--{BOUNDARY}\r\nContent-Disposition: form-data; {parameters}\r\n\r\n").bytes());
        self.0.extend(bytes);
        self.0.extend(b"\r\n");
        self
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        [&self.0, format!("--{BOUNDARY}--\r\n").as_bytes()].concat()
    }

    pub(crate) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }
}
