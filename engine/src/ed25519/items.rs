//! What goes into a batch of signatures, and what comes out.

/// One signature to decide, as received. Nothing is copied, nothing is decoded yet.
#[derive(Debug, Clone, Copy)]
pub struct SignatureItem<'a> {
    /// The signer's key A.
    pub key: &'a [u8; 32],
    /// R, then S.
    pub signature: &'a [u8; 64],
    /// What was signed, any length.
    pub message: &'a [u8],
}

/// One verdict a signature, as a bitmap. A new or cleared one says "reject" everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdicts {
    count: usize,
    /// Bit `i % 64` of word `i / 64` is the verdict of item `i`; bits beyond `count` are zero.
    words: Vec<u64>,
}

impl Verdicts {
    /// No verdicts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `count` times "reject", keeping the memory.
    pub fn reset(&mut self, count: usize) {
        self.count = count;
        self.words.clear();
        self.words.resize(count.div_ceil(64), 0);
    }

    /// Number of verdicts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without any verdict.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// True when item `index` is valid.
    ///
    /// # Panics
    /// When `index` is not below [`Verdicts::len`].
    #[must_use]
    pub fn get(&self, index: usize) -> bool {
        assert!(index < self.count, "verdict {index} of {}", self.count);
        self.words[index / 64] >> (index % 64) & 1 == 1
    }

    /// Verdicts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        (0..self.count).map(|i| self.get(i))
    }

    /// Number of valid items.
    #[must_use]
    pub fn count_valid(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// True when every item is valid; also without any item.
    #[must_use]
    pub fn all_valid(&self) -> bool {
        self.count_valid() == self.count
    }

    /// Writes verdict `index`.
    #[cfg(feature = "gpu")]
    pub(crate) fn set(&mut self, index: usize, valid: bool) {
        assert!(index < self.count, "verdict {index} of {}", self.count);
        let bit = 1 << (index % 64);
        if valid {
            self.words[index / 64] |= bit;
        } else {
            self.words[index / 64] &= !bit;
        }
    }

    /// Writes the verdicts of `part` from `start` on, over what says "reject".
    ///
    /// `start` must be a multiple of 64, and `part` ends within these or at a multiple of 64.
    pub(crate) fn put(&mut self, start: usize, part: &Self) {
        assert!(
            start.is_multiple_of(64) && start + part.count <= self.count,
            "{} verdicts from {start} on, of {}",
            part.count,
            self.count
        );
        let words = &mut self.words[start / 64..][..part.words.len()];
        for (word, own) in words.iter_mut().zip(&part.words) {
            *word |= own;
        }
    }

    /// The bitmap, 64 verdicts a word, for whoever fills it.
    pub(crate) fn words_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
}
