//! Which reader takes a message of the energy markets: its root says it, and nothing else is read for that.

use std::io::Read;

use crate::fault::DataError;
use crate::xml::{Node, Xml};

/// Most bytes of a message, for its reader as well: twice the largest settlement there may be, indented, and twice as many points or time series
/// as a document may have.
pub(crate) const FILE_BYTES_MAX: u64 = 16 << 20;

/// Who reads a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// [`uftp`](crate::uftp).
    Uftp,
    /// [`market`](crate::market).
    Market,
}

impl Format {
    /// The format of a file by its root. Whether it is one of those that the reader knows, the reader says.
    ///
    /// Cost: the file is read until its first element.
    ///
    /// # Errors
    /// [`DataError`] with its place where the file is no XML until there, has a DOCTYPE, or holds no element.
    pub fn of(file: impl Read) -> Result<Self, DataError> {
        let mut xml = Xml::bounded(file, None, 1, FILE_BYTES_MAX);
        match xml.next_solid()? {
            Node::Open(root) if root.name.local.ends_with("_MarketDocument") => Ok(Self::Market),
            Node::Open(_) => Ok(Self::Uftp),
            Node::Text(_) | Node::Close | Node::End => Err(xml.wrong("the file holds no element")),
        }
    }
}
