//! What is known of each transaction of a request, after all that was answered about it.
//!
//! A validator that says it does not know yet may have taken the transaction, and so may one that was sent it and gave no answer.
//! From then on a refusal that a retry may mend is about the copy that was sent again and says nothing of the one that may be
//! under way: what became of the transaction is unknown until something definite is told.

use bds_contracts::receipt::Code;
use bds_contracts::tx::TxId;

use crate::error::ClientError;
use crate::wire::{BatchAnswer, ItemAnswer, ItemOutcome};

/// What was told, by place in the request.
#[derive(Debug)]
pub struct Told {
    items: Vec<Option<ItemAnswer>>,
}

impl Told {
    /// Nothing yet, of a request of so many.
    #[must_use]
    pub fn nothing(count: usize) -> Self {
        Self {
            items: vec![None; count],
        }
    }

    /// Places of which nothing definite is told.
    #[must_use]
    pub fn open(&self) -> Vec<usize> {
        let items = self.items.iter().enumerate();
        items
            .filter(|(_, item)| item.as_ref().is_none_or(|item| is_open(&item.outcome)))
            .map(|(place, _)| place)
            .collect()
    }

    /// An answer about these places, in their order.
    pub(crate) fn hear(&mut self, places: &[usize], items: Vec<ItemAnswer>) {
        for (place, item) in places.iter().zip(items) {
            let before = &mut self.items[*place];
            let is_unknown = before
                .as_ref()
                .is_some_and(|item| item.outcome == ItemOutcome::Unknown);
            if !(is_unknown && is_open(&item.outcome)) {
                *before = Some(item);
            }
        }
    }

    /// No answer about these places, but an error.
    pub(crate) fn miss(&mut self, places: &[usize], error: &ClientError) {
        let code = match error {
            ClientError::Problem { status: 429, .. } => Code::RATE_LIMITED,
            ClientError::Problem { status: 503, .. } => Code::BUSY,
            // It never left.
            ClientError::Unreachable { source, .. } if source.is_connect() => return,
            _ => return self.lose(places),
        };
        let refused = ItemOutcome::Refused {
            code,
            reason: error.to_string(),
            retryable: true,
        };
        self.hear(places, vec![nameless(refused); places.len()]);
    }

    /// What was sent of these places may have been taken, and nobody says so.
    pub(crate) fn lose(&mut self, places: &[usize]) {
        self.hear(places, vec![nameless(ItemOutcome::Unknown); places.len()]);
    }

    /// What it comes to. Of whom nothing was told, nothing is known.
    #[must_use]
    pub fn into_answer(self) -> BatchAnswer {
        let unknown = || nameless(ItemOutcome::Unknown);
        let items = self.items.into_iter();
        BatchAnswer {
            items: items.map(|item| item.unwrap_or_else(unknown)).collect(),
        }
    }
}

/// Sent again, it may come to something else.
fn is_open(outcome: &ItemOutcome) -> bool {
    match outcome {
        ItemOutcome::Unknown => true,
        ItemOutcome::Refused { retryable, .. } => *retryable,
        ItemOutcome::Accepted | ItemOutcome::Committed { .. } | ItemOutcome::Applied { .. } => {
            false
        }
    }
}

/// An outcome that no validator told of the transaction itself: its id is not asked for.
fn nameless(outcome: ItemOutcome) -> ItemAnswer {
    ItemAnswer {
        id: TxId([0; 64]),
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(code: Code) -> ItemOutcome {
        ItemOutcome::Applied {
            height: 1,
            index: 0,
            code,
        }
    }

    fn refused(code: Code, retryable: bool) -> ItemOutcome {
        ItemOutcome::Refused {
            code,
            reason: code.text().to_owned(),
            retryable,
        }
    }

    fn problem(status: u16) -> ClientError {
        ClientError::Problem {
            node: String::new(),
            status,
            problem: Box::default(),
        }
    }

    /// One transaction, of which these are told one after the other: what it comes to, and whether it is sent again.
    fn after(told: &[ItemOutcome]) -> (ItemOutcome, bool) {
        let mut all = Told::nothing(1);
        for outcome in told {
            all.hear(&[0], vec![nameless(outcome.clone())]);
        }
        let is_open = !all.open().is_empty();
        (all.into_answer().items.remove(0).outcome, is_open)
    }

    #[test]
    fn a_refusal_does_not_hide_what_may_be_under_way() {
        let unknown = ItemOutcome::Unknown;
        let busy = refused(Code::BUSY, true);
        let limited = refused(Code::RATE_LIMITED, true);
        let expired = refused(Code::EXPIRED, false);
        let done = applied(Code::OK);
        for (told, comes_to, is_open) in [
            (vec![], &unknown, true),
            (vec![&unknown], &unknown, true),
            (vec![&busy], &busy, true),
            // The last one told, where it never was unknown.
            (vec![&busy, &limited], &limited, true),
            (vec![&busy, &unknown], &unknown, true),
            (vec![&unknown, &busy], &unknown, true),
            (vec![&busy, &unknown, &busy, &limited], &unknown, true),
            // What is definite settles it.
            (vec![&unknown, &done], &done, false),
            (vec![&busy, &done], &done, false),
            (vec![&unknown, &busy, &done], &done, false),
            (vec![&unknown, &expired], &expired, false),
        ] {
            let told: Vec<ItemOutcome> = told.into_iter().cloned().collect();
            assert_eq!(after(&told), (comes_to.clone(), is_open), "{told:?}");
        }
    }

    /// Who refuses the whole request has taken nothing of it; any other error leaves open whether it was taken. Only what is open is
    /// asked for again, and heard by its place.
    #[test]
    fn an_error_is_about_all_that_was_sent() {
        let silent = || ClientError::Silent {
            node: String::new(),
            after: std::time::Duration::ZERO,
        };
        let mut told = Told::nothing(3);
        told.miss(&[0, 1, 2], &problem(503));
        told.hear(
            &[0, 1, 2],
            [
                applied(Code::OK),
                refused(Code::BUSY, true),
                ItemOutcome::Unknown,
            ]
            .map(nameless)
            .into(),
        );
        assert_eq!(told.open(), [1, 2]);
        told.miss(&[1, 2], &problem(429));
        let outcomes = |told: &Told| -> Vec<Option<ItemOutcome>> {
            let items = told.items.iter();
            items
                .map(|item| item.as_ref().map(|item| item.outcome.clone()))
                .collect()
        };
        let Some(ItemOutcome::Refused { code, .. }) = &outcomes(&told)[1] else {
            panic!("{told:?}");
        };
        assert_eq!(*code, Code::RATE_LIMITED);
        assert_eq!(outcomes(&told)[2], Some(ItemOutcome::Unknown));
        told.miss(&[1, 2], &silent());
        told.miss(&[1, 2], &problem(503));
        let expected = [
            applied(Code::OK),
            ItemOutcome::Unknown,
            ItemOutcome::Unknown,
        ];
        assert_eq!(outcomes(&told), expected.map(Some));
    }
}
