//! A span of time that a question is about, cut into periods: at most a week of quarter hours.

use super::{Arguments, QueryError, bad};
use crate::tx::Millis;

/// Most periods of a span.
const PERIODS_MAX: u64 = 672;

/// From one time until before another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    from: u64,
    to: u64,
}

impl Span {
    /// As the arguments `from` and `to` say it.
    ///
    /// # Errors
    /// When one of them is missing or no time.
    pub(super) fn of(arguments: &Arguments<'_>) -> Result<Self, QueryError> {
        Ok(Self {
            from: arguments.required("from")?,
            to: arguments.required("to")?,
        })
    }

    /// Starts of the periods of this length that begin in it.
    ///
    /// - `what`: what such a period is called.
    ///
    /// # Errors
    /// When there are too many.
    pub(super) fn starts(
        self,
        length: u64,
        what: &str,
    ) -> Result<impl Iterator<Item = Millis>, QueryError> {
        let (first, end) = (self.from.div_ceil(length), self.to.div_ceil(length));
        if end.saturating_sub(first) > PERIODS_MAX {
            let problem = format!("is more than {PERIODS_MAX} {what} after `from`; ask for fewer");
            return Err(bad("to", problem));
        }
        // Correctness: each begins before `to`.
        Ok((first..end).map(move |place| Millis(place * length)))
    }
}
