//! The TCP listener, and its connections: bounded in number, and in the time that a peer may take to ask.

use crate::error::ServerError;
use crate::open::Open;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use longshore::Cancel;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// The most connections at a time: each takes two buffers of up to `BUFFER`, 160 MiB for all, and a descriptor. Peers that
/// wait for the ends of a thousand queued runs leave room for others.
const CONNECTIONS_MAX: usize = 1280;

/// The most bytes of a request's head, and of what is buffered of its body.
const BUFFER: usize = 64 << 10;

/// How long a peer may take to send the head of a request. It is also how long a connection may be kept without one.
const HEAD: Duration = Duration::from_secs(15);

/// How long to wait after an error of accepting, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// A TCP socket that listens for HTTP.
#[derive(Debug)]
pub struct HttpListening {
    listener: TcpListener,
    address: SocketAddr,
}

impl HttpListening {
    /// Listens on this address; port 0 is any free one. Call it in a Tokio runtime.
    ///
    /// # Errors
    /// [`ServerError::ListenHttp`].
    pub async fn on(address: SocketAddr) -> Result<Self, ServerError> {
        let failed = |source| ServerError::ListenHttp { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Its address, with the port that was chosen.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `closing`. Connections then end with the answer that they are sending.
    pub(crate) async fn serve(self, router: Router, closing: &Cancel, open: &Open) {
        let (places, graceful) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), GracefulShutdown::new());
        loop {
            let accepting = async {
                let place = Arc::clone(&places).acquire_owned().await.ok()?;
                Some((self.listener.accept().await, place))
            };
            let (accepted, place) = tokio::select! {
                Some(accepted) = accepting => accepted,
                () = closing.cancelled() => break,
            };
            let socket = match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    tracing::warn!("cannot accept a connection over HTTP: {error}");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let connection = connection(socket, router.clone());
            let (served, counted) = (graceful.watch(connection), open.hold());
            // It ends with its peer, or at the latest with the process.
            tokio::spawn(async move {
                let _held = (place, counted);
                if let Err(error) = served.await {
                    tracing::debug!("a connection over HTTP: {error}");
                }
            });
        }
        drop(self.listener);
        graceful.shutdown().await;
    }
}

type Connection = http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>>;

fn connection(socket: TcpStream, router: Router) -> Connection {
    // Small answers are sent at once; without it they only wait longer.
    let _ = socket.set_nodelay(true);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router))
}
