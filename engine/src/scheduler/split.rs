//! How do a device and the cores share one batch of signatures, so that both finish together?
//!
//! They take pieces from its two ends until they meet, so whoever is faster than predicted takes more, and what was not yet
//! handed to one is free for the other. A piece that fails goes to the one that is left.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use crate::{EngineError, SignatureItem, Verdicts};

/// Pieces each of the two takes of a batch, when both are as fast as predicted: what one may wait for the other is a piece.
const PIECES: usize = 8;
/// No smaller piece is taken: below it equations and dispatches lose their worth.
const PIECE_ITEMS_MIN: usize = 1024;
/// Below this many signatures nothing is shared.
pub(super) const SHARED_ITEMS_MIN: usize = 16 * PIECE_ITEMS_MIN;

/// Verdicts on the items of a range.
type Piece = (Range<usize>, Verdicts);

/// What nobody has taken yet. Its bounds are multiples of 64, but for the end of the batch.
struct Rest(Mutex<Range<usize>>);

impl Rest {
    fn take(&self, from_front: bool, count: usize) -> Option<Range<usize>> {
        let mut rest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rest.is_empty() {
            return None;
        }
        // What is left is less than half a piece more: not worth a call of its own.
        let count = if rest.len() <= count + count / 2 {
            rest.len()
        } else {
            count
        };
        Some(if from_front {
            let taken = rest.start..rest.start + count;
            rest.start = taken.end;
            taken
        } else {
            // The front stays a multiple of 64, and so does every cut from the back.
            let start = (rest.end - count).next_multiple_of(64).max(rest.start);
            let taken = start..rest.end;
            rest.end = start;
            taken
        })
    }
}

/// Items a piece of one of two backends that would take `nanos` and `other_nanos` for all `items` alone.
pub(super) fn piece_items(items: usize, nanos: f64, other_nanos: f64) -> usize {
    let share = other_nanos / (nanos + other_nanos);
    let piece = (items as f64 * share) as usize / PIECES;
    piece.max(PIECE_ITEMS_MIN).next_multiple_of(64)
}

/// Decides `items` on two backends at once; the first runs on a thread of its own, the second on the caller's.
///
/// - `pieces`: items a piece of each, as [`piece_items`] says.
/// - `call`: verifies a piece on backend 0 or 1.
///
/// # Errors
/// That of the second to fail: one alone is enough to finish.
pub(super) fn verify(
    items: &[SignatureItem<'_>],
    verdicts: &mut Verdicts,
    pieces: [usize; 2],
    call: &(impl Fn(usize, &[SignatureItem<'_>], &mut Verdicts) -> Result<(), EngineError> + Sync),
) -> Result<(), EngineError> {
    let rest = Rest(Mutex::new(0..items.len()));
    let run = |side: usize| -> (Vec<Piece>, Option<Range<usize>>) {
        let mut done = Vec::new();
        while let Some(range) = rest.take(side == 0, pieces[side]) {
            let mut own = Verdicts::new();
            if call(side, &items[range.clone()], &mut own).is_err() {
                return (done, Some(range));
            }
            done.push((range, own));
        }
        (done, None)
    };
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| run(0));
        let second = run(1);
        let first = first.join();
        (
            first.unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            second,
        )
    });
    verdicts.reset(items.len());
    for (range, own) in first.0.iter().chain(&second.0) {
        verdicts.put(range.start, own);
    }
    // Whoever is left has emptied the rest, unless both failed.
    let left = rest.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    let open = [(first.1, 1), (second.1, 0), (Some(left), 1)];
    for (range, side) in open {
        let Some(range) = range.filter(|range| !range.is_empty()) else {
            continue;
        };
        let mut own = Verdicts::new();
        call(side, &items[range.clone()], &mut own)?;
        verdicts.put(range.start, &own);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const COUNT: usize = 40_001;

    /// Item `i` is "valid" when the sum of its message's two bytes is odd.
    fn messages() -> Vec<[u8; 2]> {
        (0..COUNT).map(|i| (i as u16).to_le_bytes()).collect()
    }

    fn decide(items: &[SignatureItem<'_>], verdicts: &mut Verdicts) {
        verdicts.reset(items.len());
        let words = verdicts.words_mut();
        for (i, item) in items.iter().enumerate() {
            let odd = item.message.iter().map(|b| u64::from(*b)).sum::<u64>() & 1;
            words[i / 64] |= odd << (i % 64);
        }
    }

    /// Runs the batch with calls that fail when `fails` says so; the verdicts and how many items each side did.
    fn run(
        pieces: [usize; 2],
        fails: impl Fn(usize, usize) -> bool + Sync,
    ) -> (Result<(), EngineError>, [usize; 2]) {
        let messages = messages();
        let items: Vec<_> = (messages.iter())
            .map(|message| SignatureItem {
                key: &[0; 32],
                signature: &[0; 64],
                message,
            })
            .collect();
        let (calls, done) = (
            [const { AtomicUsize::new(0) }; 2],
            [const { AtomicUsize::new(0) }; 2],
        );
        let mut verdicts = Verdicts::new();
        let result = verify(&items, &mut verdicts, pieces, &|side, part, own| {
            if fails(side, calls[side].fetch_add(1, Ordering::Relaxed)) {
                let (backend, reason) = ("test", "asked to".to_owned());
                return Err(EngineError::DeviceLost { backend, reason });
            }
            decide(part, own);
            done[side].fetch_add(part.len(), Ordering::Relaxed);
            Ok(())
        });
        if result.is_ok() {
            let mut expected = Verdicts::new();
            decide(&items, &mut expected);
            assert_eq!(verdicts, expected);
        }
        (result, done.map(AtomicUsize::into_inner))
    }

    #[test]
    fn every_item_is_decided_once_whatever_the_pieces() {
        for pieces in [
            [64, 64],
            [1024, 4096],
            [4096, 1024],
            [64, 30_016],
            [50_048, 64],
        ] {
            let (result, done) = run(pieces, |_, _| false);
            assert!(result.is_ok());
            assert_eq!(done[0] + done[1], COUNT, "{pieces:?}");
        }
    }

    #[test]
    fn what_one_fails_at_the_other_does() {
        for failing in [0, 1] {
            for after in [0, 1, 5] {
                let (result, done) =
                    run([1024, 1024], |side, call| side == failing && call >= after);
                assert!(result.is_ok());
                assert_eq!(done[0] + done[1], COUNT);
                assert!(done[failing] <= after * 1536, "{done:?}");
            }
        }
        assert!(run([1024, 1024], |_, _| true).0.is_err());
        assert!(run([1024, 1024], |_, call| call >= 2).0.is_err());
    }

    #[test]
    fn the_faster_is_given_larger_pieces() {
        assert_eq!(piece_items(80_000, 1.0, 3.0), 7_552);
        assert_eq!(piece_items(80_000, 3.0, 1.0), 2_560);
        assert_eq!(piece_items(100, 1.0, 1.0), PIECE_ITEMS_MIN);
    }
}
