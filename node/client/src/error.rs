//! How validators refuse, and why there is no answer.

use std::time::Duration;

use serde::Deserialize;

use crate::wire::BATCH_ITEMS_MAX;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client was made without an address, or with one that is no URL.
    #[error("`{0}` is no usable base URL; expected e.g. http://127.0.0.1:8080")]
    BadAddress(String),
    /// More than [`BATCH_ITEMS_MAX`] transactions in one batch.
    #[error("{0} transactions in one batch; the limit is {BATCH_ITEMS_MAX}")]
    BatchTooLarge(usize),
    /// No connection, or it broke, or nothing came in time. What was sent may have been taken.
    #[error("{node}: {source}")]
    Unreachable {
        /// Which validator.
        node: String,
        /// What the transport says.
        source: reqwest::Error,
    },
    /// A stream was opened or open, and nothing came over it for so long.
    #[error("{node}: nothing came for {after:?}")]
    Silent {
        /// Which validator.
        node: String,
        /// How long it was waited.
        after: Duration,
    },
    /// The validator refused the request and says why.
    #[error("{node}: {status} {problem}")]
    Problem {
        /// Which validator.
        node: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        problem: Box<Problem>,
    },
    /// The answer does not decode.
    #[error("{node}: the answer does not decode: {what}")]
    BadAnswer {
        /// Which validator.
        node: String,
        /// What is wrong.
        what: String,
    },
}

/// Problem details (RFC 9457) as validators send them; fields that were not sent are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// Stable URI or name of the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// This occurrence in words.
    pub detail: String,
    /// Stable code, when the problem has one: a number or a word.
    pub code: serde_json::Value,
    /// The same request may succeed later.
    pub retryable: bool,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.title.as_str(), self.detail.as_str()) {
            ("", "") => f.write_str("(no reason given)"),
            (title, "") => f.write_str(title),
            ("", detail) => f.write_str(detail),
            (title, detail) => write!(f, "{title}: {detail}"),
        }
    }
}

impl ClientError {
    /// The validator took the time it was given and did not answer, as a stopped process does: others should be asked first.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => source.is_timeout(),
            Self::Silent { .. } => true,
            _ => false,
        }
    }

    /// The same bytes sent again, here or elsewhere, may succeed.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } => true,
            Self::Problem {
                status, problem, ..
            } => problem.retryable || matches!(status, 408 | 429 | 502..=504),
            Self::BadAddress(_) | Self::BatchTooLarge(_) | Self::BadAnswer { .. } => false,
        }
    }
}
