//! Frames over a stream socket, one system call at a time: shared by the blocking connection and the host's
//! asynchronous one. Descriptors are passed with the first byte of their frame, over Unix sockets only.

use crate::error::{ConnectionError, ProtocolError};
use crate::limits::DESCRIPTORS_MAX;
use crate::message::Message;
use crate::reader::Reader;
use crate::sending::Sending;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;

/// Reads once from the socket into the reader. Returns the number of bytes, 0 when the peer has closed the connection.
///
/// # Errors
/// [`ConnectionError::Io`], also for a socket that would block, and the reader's errors about descriptors.
pub fn receive_once<M: Message>(
    socket: impl AsFd,
    buffer: &mut [u8],
    reader: &mut Reader<M>,
) -> Result<usize, ConnectionError> {
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
                reader.push_descriptor(descriptor)?;
            }
        }
    }
    if received.flags.contains(rustix::net::ReturnFlags::CTRUNC) {
        return Err(ProtocolError::UnexpectedDescriptor.into());
    }
    reader.push(&buffer[..received.bytes]);
    Ok(received.bytes)
}

/// Writes once: as much of a frame as the socket accepts.
///
/// # Errors
/// The error of the system call, also for a socket that would block.
pub fn send_once(socket: impl AsFd, sending: &mut Sending) -> Result<(), std::io::Error> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = sending.descriptor().map(|descriptor| [descriptor]);
    if let Some(descriptors) = &descriptors {
        control.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let sent = loop {
        match sendmsg(&socket, &sending.parts().map(IoSlice::new), &mut control, SendFlags::NOSIGNAL) {
            Ok(bytes) => break bytes,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    };
    sending.advance(sent);
    Ok(())
}
