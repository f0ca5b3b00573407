//! How do bytes of an input become decisions?

use crate::choices::{Choices, Seeded};

/// Reads decisions from an input, first bytes first. Beyond its end every decision is 0, so short inputs are simple ones.
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A generator seeded by two bytes: long content that costs the input little.
    pub(crate) fn seeded(&mut self) -> Seeded {
        let mut seed = [0; 8];
        self.fill(&mut seed[..2]);
        Seeded::new(u64::from_le_bytes(seed))
    }
}

impl Choices for Input<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let mut word = [0; 8];
        // One byte where one is enough.
        let bytes = if bound <= 256 { 1 } else { 4 };
        self.fill(&mut word[..bytes]);
        (u64::from_le_bytes(word) % bound as u64) as usize
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        let count = bytes.len().min(self.rest.len());
        let (now, rest) = self.rest.split_at(count);
        bytes[..count].copy_from_slice(now);
        bytes[count..].fill(0);
        self.rest = rest;
    }
}
