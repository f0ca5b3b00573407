//! What must a backend compute so that batches can be verified? Arithmetic only; no decision is taken here.

use super::SignatureItem;

/// The arithmetic of one kind of hardware. Scalars are 32 bytes, little endian, below the group order L; factors are
/// 16 bytes, little endian.
pub(crate) trait Kernel: Send + Sync {
    /// A decoded point, in the form that the sums of this kernel want.
    type Point: Copy + Send + Sync;

    /// Most signatures under one equation; a multiple of 64. Larger chunks gain little and make one bad signature dearer.
    const CHUNK_ITEMS_MAX: usize;
    /// Signatures under each equation after one has failed.
    const RETRY_ITEMS: usize;
    /// Fewer signatures than this are checked one by one: the equation would save too little to risk it.
    const EQUATION_ITEMS_MIN: usize;

    /// Step 2 of the rule: appends a point for each encoding to `points`, and to `valid` whether it is one. A point that
    /// is not is never used.
    fn decode(&self, encodings: &[&[u8; 32]], points: &mut Vec<Self::Point>, valid: &mut Vec<bool>);

    /// Step 3, first half: appends k of each of the items at `places`.
    fn challenges(&self, items: &[SignatureItem<'_>], places: &[u32], k: &mut Vec<[u8; 32]>);

    /// True when eight times the sum of all S·B - R - k·A, each times its factor, is the identity.
    fn equation(&self, part: &Part<'_, Self::Point>, factors: &[[u8; 16]]) -> bool;

    /// Step 3, second half: is eight times S·B - R - k·A the identity? Appends one answer a signature.
    fn each(&self, part: &Part<'_, Self::Point>, verdicts: &mut Vec<bool>);
}

/// Signatures whose parts all decoded, column by column.
pub(crate) struct Part<'a, P> {
    /// Distinct keys, then other points. Some may be of no signature here.
    pub(crate) points: &'a [P],
    /// How many of `points` are keys.
    pub(crate) keys: usize,
    /// For each signature the place of its key.
    pub(crate) key_of: &'a [u32],
    /// For each signature the place of R.
    pub(crate) r_of: &'a [u32],
    pub(crate) s: &'a [[u8; 32]],
    pub(crate) k: &'a [[u8; 32]],
}

impl<P> Part<'_, P> {
    /// Number of signatures.
    pub(crate) fn len(&self) -> usize {
        self.key_of.len()
    }

    /// The key of signature `i`.
    pub(crate) fn key(&self, i: usize) -> &P {
        &self.points[self.key_of[i] as usize]
    }

    /// R of signature `i`.
    pub(crate) fn r(&self, i: usize) -> &P {
        &self.points[self.r_of[i] as usize]
    }
}
