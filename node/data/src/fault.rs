//! Why data cannot be taken, and where.

use std::fmt;

/// A place in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column, from 1. In text: characters; in a table: fields. 0 stands for the whole line.
    pub column: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            0 => write!(f, "line {}", self.line),
            column => write!(f, "line {}, column {column}", self.line),
        }
    }
}

/// Why data cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The reader or writer failed.
    #[error("cannot be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// The data is not what it should be.
    #[error("{place}: {what}")]
    At {
        /// Where.
        place: Place,
        /// What is wrong and, where that is not plain, what to do.
        what: String,
    },
    /// The data as a whole cannot be taken.
    #[error("{0}")]
    Whole(String),
}

impl DataError {
    /// Something wrong at a place.
    pub(crate) fn at(place: Place, what: impl Into<String>) -> Self {
        DataError::At {
            place,
            what: what.into(),
        }
    }

    /// Where it is wrong, when it is one place.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        match self {
            DataError::At { place, .. } => Some(*place),
            DataError::Io(_) | DataError::Whole(_) => None,
        }
    }
}

/// A text of the data as a message shows it: in quotes, at most 60 characters, control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    let mut start: String = text.chars().take(SHOWN_MAX).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    format!("`{}`", start.escape_debug())
}
