//! Which terms has a batch equation, and where do their digits lie?
//!
//! With its sign turned the equation is the sum of z·R over all signatures, of (sum of z·k)·A over distinct keys, and
//! -(sum of z·S)·B. Terms are the keys, then B, then every R.

use super::runs::{Digits, best_width};
use crate::backend::scalar::windows::{scalar_windows, stride};
use crate::backend::scalar::{ROW_TERMS_MAX, Row};
use crate::ed25519::Part;

/// Digits of one equation, and which keys they belong to. Kept for its memory.
pub(in crate::backend) struct Weights {
    /// The keys of the part, in the order of their terms.
    pub(in crate::backend) keys: Vec<u32>,
    /// For each key of the chunk its place among `keys`.
    pub(in crate::backend) places: Vec<u32>,
    /// Sum of z·k for each of `keys`.
    pub(in crate::backend) rows: Vec<Row>,
    pub(in crate::backend) values: Vec<i16>,
    pub(in crate::backend) stride: usize,
    pub(in crate::backend) width: usize,
    terms: usize,
}

/// A key that has no place yet.
const NOWHERE: u32 = u32::MAX;

impl Weights {
    pub(in crate::backend) fn new() -> Self {
        Self {
            keys: Vec::new(),
            places: Vec::new(),
            rows: Vec::new(),
            values: Vec::new(),
            stride: 0,
            width: 0,
            terms: 0,
        }
    }

    /// What the sum needs.
    pub(in crate::backend) fn digits(&self) -> Digits<'_> {
        Digits {
            values: &self.values,
            stride: self.stride,
            width: self.width,
            long: self.keys.len() + 1,
            terms: self.terms,
        }
    }

    /// Makes room for the digits of an equation over `part` in vectors of `lanes`; sums of keys begin at zero.
    ///
    /// # Panics
    /// When a key could have more terms than its row takes, or there is not a factor a signature.
    pub(in crate::backend) fn begin<P>(
        &mut self,
        part: &Part<'_, P>,
        factors: &[[u8; 16]],
        lanes: usize,
    ) {
        assert!(part.len() <= ROW_TERMS_MAX, "{} terms of a key", part.len());
        assert_eq!(part.len(), factors.len(), "a factor a signature");
        self.place_keys(part);
        let keys = self.keys.len();
        self.terms = keys + 1 + part.len();
        self.width = best_width(keys + 1, part.len(), lanes);
        // Room for whole vectors at the end.
        self.stride = stride(self.terms + lanes);
        let windows = scalar_windows(self.width as u32);
        self.values.resize(windows * self.stride, 0);
        self.rows.clear();
        self.rows.resize(keys.next_multiple_of(lanes), [0; 8]);
    }

    /// Gives every key of the part a place.
    fn place_keys<P>(&mut self, part: &Part<'_, P>) {
        self.places.clear();
        self.places.resize(part.keys, NOWHERE);
        self.keys.clear();
        for key in part.key_of {
            let place = &mut self.places[*key as usize];
            if *place == NOWHERE {
                *place = self.keys.len() as u32;
                self.keys.push(*key);
            }
        }
    }
}
