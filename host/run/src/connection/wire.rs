//! The transport of a connection: a connected stream socket, and whether descriptors pass over it. The sessions are
//! the same over every transport: where descriptors do not pass, they send data inline. Runs use Unix sockets; the
//! tests also run the sessions over TCP.

use longshore_protocol::{ConnectionError, Message, Reader, Sending, receive_once, send_once};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use tokio::io::Interest;
#[cfg(test)]
use tokio::net::TcpStream;
use tokio::net::UnixStream;

/// A connected socket.
#[derive(Debug)]
pub enum Wire {
    /// It passes descriptors.
    Unix(UnixStream),
    /// It passes none.
    #[cfg(test)]
    Tcp(TcpStream),
}

impl Wire {
    /// Whether it can pass descriptors.
    pub(crate) fn passes_descriptors(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            #[cfg(test)]
            Self::Tcp(_) => false,
        }
    }

    /// Waits until there is something to read, and reads once. Returns the number of bytes, 0 if the peer closed the
    /// connection.
    pub(crate) async fn receive<M: Message>(
        &self,
        buffer: &mut [u8],
        reader: &mut Reader<M>,
    ) -> Result<usize, ConnectionError> {
        let attempt = |socket: BorrowedFd<'_>| match receive_once(socket, buffer, reader) {
            Err(ConnectionError::Io { source, .. }) => Err(source),
            other => Ok(other),
        };
        match self.when(Interest::READABLE, attempt).await {
            Ok(received) => received,
            // A container that is killed resets its connections.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(0),
            Err(source) => Err(ConnectionError::Io { doing: "reading from", source }),
        }
    }

    /// Reads what has arrived already. `None` if nothing has, and the connection is open.
    pub(crate) fn receive_rest<M: Message>(
        &self,
        buffer: &mut [u8],
        reader: &mut Reader<M>,
    ) -> Result<Option<usize>, ConnectionError> {
        let received = match self {
            Self::Unix(socket) => receive_once(socket, buffer, reader),
            #[cfg(test)]
            Self::Tcp(socket) => receive_once(socket, buffer, reader),
        };
        match received {
            Err(ConnectionError::Io { source, .. }) if source.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(ConnectionError::Io { source, .. }) if source.kind() == io::ErrorKind::ConnectionReset => Ok(Some(0)),
            other => other.map(Some),
        }
    }

    /// Writes once, when there is room.
    pub(crate) async fn send(&self, sending: &mut Sending) -> io::Result<()> {
        self.when(Interest::WRITABLE, |socket| send_once(socket, sending)).await
    }

    /// Calls `attempt`, which must not block, when the socket is ready, and again where it would have blocked.
    async fn when<R>(
        &self,
        ready: Interest,
        mut attempt: impl FnMut(BorrowedFd<'_>) -> io::Result<R>,
    ) -> io::Result<R> {
        match self {
            Self::Unix(socket) => socket.async_io(ready, || attempt(socket.as_fd())).await,
            #[cfg(test)]
            Self::Tcp(socket) => socket.async_io(ready, || attempt(socket.as_fd())).await,
        }
    }
}
