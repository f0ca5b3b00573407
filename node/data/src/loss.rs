//! What a form could not carry over: told element by element, so that nothing is lost in silence.

use std::collections::BTreeMap;

use crate::fault::Place;

/// Losses kept one by one; beyond them only the count of each kind grows.
pub const LOSSES_MAX: usize = 1_000;

/// One thing left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// Where it stood; line 0 when it did not come from a file.
    pub place: Place,
    /// Which element: a class, an object, an attribute.
    pub element: String,
    /// What of it is not there any more.
    pub what: &'static str,
}

/// All that was left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Losses {
    told: Vec<Loss>,
    counts: BTreeMap<&'static str, u64>,
}

impl Losses {
    /// Notes a loss.
    pub(crate) fn tell(&mut self, place: Place, element: &str, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
        if self.told.len() < LOSSES_MAX {
            let element = element.chars().take(200).collect();
            self.told.push(Loss {
                place,
                element,
                what,
            });
        }
    }

    /// The first [`LOSSES_MAX`] of them, in order.
    #[must_use]
    pub fn told(&self) -> &[Loss] {
        &self.told
    }

    /// How many of each kind.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Nothing was lost.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Takes over what was told elsewhere.
    pub fn append(&mut self, other: Losses) {
        let room = LOSSES_MAX - self.told.len();
        self.told.extend(other.told.into_iter().take(room));
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }
}
