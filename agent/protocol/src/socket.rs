//! Frames over a Unix socket, one system call at a time: what the blocking connection and the host's asynchronous
//! one share. Descriptors ride with the first byte of their frame.

use crate::codec::Decoder;
use crate::error::{ConnectionError, ProtocolError};
use crate::limits::DESCRIPTORS_MAX;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

/// Reads once from the socket into the decoder. Returns the number of bytes, 0 when the peer has hung up.
///
/// # Errors
/// [`ConnectionError::Io`], also for a socket that would block, and what the decoder says of descriptors.
pub fn receive_into(socket: impl AsFd, buffer: &mut [u8], decoder: &mut Decoder) -> Result<usize, ConnectionError> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS_MAX))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match recvmsg(&socket, &mut [IoSliceMut::new(buffer)], &mut control, RecvFlags::CMSG_CLOEXEC) {
            Ok(received) => break received,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(ConnectionError::Io { doing: "reading from", source: errno.into() }),
        }
    };
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            for descriptor in descriptors {
                decoder.push_descriptor(descriptor)?;
            }
        }
    }
    if received.flags.contains(rustix::net::ReturnFlags::CTRUNC) {
        return Err(ProtocolError::UnexpectedDescriptor.into());
    }
    decoder.push(&buffer[..received.bytes]);
    Ok(received.bytes)
}

/// Writes once: as much of `parts` as the socket takes, with `descriptor` beside the first byte. Returns the number
/// of bytes written; the caller passes the rest again, without the descriptor.
///
/// # Errors
/// The system's own, also for a socket that would block.
pub fn send_frame_part(
    socket: impl AsFd,
    parts: &[IoSlice<'_>],
    descriptor: Option<BorrowedFd<'_>>,
) -> Result<usize, std::io::Error> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.map(|descriptor| [descriptor]);
    if let Some(descriptors) = &descriptors {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    loop {
        match sendmsg(&socket, parts, &mut control, SendFlags::NOSIGNAL) {
            Ok(bytes) => return Ok(bytes),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}
