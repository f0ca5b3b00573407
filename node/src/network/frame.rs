//! How a message lies on a stream: its length (u32, little endian), then its borsh encoding.
//!
//! A length of zero is a heartbeat: it carries nothing and shows that the sender lives.

use std::io;

use bds_core::message::Message;
use futures::{AsyncRead, AsyncReadExt as _};
use libp2p::bytes::Bytes;

use super::class::Class;

/// Length of the prefix.
pub const PREFIX_BYTES: usize = 4;
/// A heartbeat on the wire.
pub const HEARTBEAT: [u8; PREFIX_BYTES] = [0; PREFIX_BYTES];

/// Why a stream is given up. Everything but `Closed` and `Silent` is a fault of the peer.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    /// The peer or the connection went away.
    #[error("stream closed: {0}")]
    Closed(#[from] io::Error),
    /// Not even a heartbeat arrived in time.
    #[error("peer was silent for too long")]
    Silent,
    /// A frame longer than the class allows.
    #[error("frame of {bytes} bytes on stream `{}`, the limit is {limit}", class.name())]
    Oversized {
        /// Stream.
        class: Class,
        /// Announced length.
        bytes: u64,
        /// What the class allows.
        limit: usize,
    },
    /// Not a message, or bytes left over.
    #[error("frame on stream `{}` does not decode: {problem}", class.name())]
    Undecodable {
        /// Stream.
        class: Class,
        /// What the decoder says.
        problem: io::Error,
    },
    /// A message that belongs on another stream.
    #[error("message of another class on stream `{}`", class.name())]
    WrongClass {
        /// Stream.
        class: Class,
    },
}

impl StreamError {
    /// True when the peer broke a rule, as opposed to having gone away.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Closed(_) | Self::Silent)
    }
}

/// Encodes once; the result is shared by every queue it goes to.
///
/// Returns `None` when the message is longer than `limit`: every correct peer would cut us off for it.
#[must_use]
pub fn encode(message: &Message, limit: usize) -> Option<Bytes> {
    let mut bytes = vec![0; PREFIX_BYTES];
    borsh::to_writer(&mut bytes, message).expect("writing to memory cannot fail");
    let length = bytes.len() - PREFIX_BYTES;
    if length > limit {
        return None;
    }
    let prefix = u32::try_from(length).expect("the class limit is below 4 GiB");
    bytes[..PREFIX_BYTES].copy_from_slice(&prefix.to_le_bytes());
    Some(Bytes::from(bytes))
}

/// Reads a prefix; 0 is a heartbeat.
///
/// # Errors
/// [`StreamError::Closed`], or [`StreamError::Oversized`] before anything is reserved for the frame.
pub(super) async fn read_length(
    class: Class,
    limit: usize,
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<usize, StreamError> {
    let mut prefix = [0; PREFIX_BYTES];
    stream.read_exact(&mut prefix).await?;
    announced(class, limit, prefix)
}

/// What a prefix announces; 0 is a heartbeat.
///
/// # Errors
/// [`StreamError::Oversized`].
pub fn announced(
    class: Class,
    limit: usize,
    prefix: [u8; PREFIX_BYTES],
) -> Result<usize, StreamError> {
    let announced = u32::from_le_bytes(prefix);
    let length = usize::try_from(announced).unwrap_or(usize::MAX);
    if length > limit {
        return Err(StreamError::Oversized {
            class,
            bytes: u64::from(announced),
            limit,
        });
    }
    Ok(length)
}

/// Decodes a whole frame body.
///
/// # Errors
/// [`StreamError::Undecodable`] or [`StreamError::WrongClass`].
pub fn decode(class: Class, body: &[u8]) -> Result<Message, StreamError> {
    let message: Message =
        borsh::from_slice(body).map_err(|problem| StreamError::Undecodable { class, problem })?;
    if !class.carries(&message) {
        return Err(StreamError::WrongClass { class });
    }
    Ok(message)
}
