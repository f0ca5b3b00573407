//! Which points meet in which bucket, and which lane adds them up?
//!
//! Every scalar is cut into signed digits of `width` bits, one a *window*. Points with the same digit in the same window
//! are a *run*: they go into the same bucket. Runs are worked on in the lanes of a vector; sorted by length, those taken
//! up together end together, and long ones are cut into pieces so that none is left alone at the end.
//!
//! Scalars are random in use (a factor that nobody knew before goes into each); others only cost time.

/// A scalar as words, little endian.
pub(in crate::backend) type ScalarWords = [u64; 4];

/// Bits of a long scalar: it is below L, which is 2^252 and a little.
pub(super) const LONG_BITS: usize = 252;
/// Bits of a short scalar.
const SHORT_BITS: usize = 128;
/// Shorter runs are not worth cutting.
const PIECE_ENTRIES_MIN: usize = 16;

/// The runs of some neighbouring windows. Kept from one to the next for its memory.
pub(super) struct Runs {
    /// Digits of the windows at hand: one a lane and term.
    digits: Vec<i16>,
    /// Run `r` is `starts[r]..starts[r + 1]` of `entries`.
    pub(super) starts: Vec<u32>,
    /// Twice the number of a point, plus one if it is to be subtracted.
    pub(super) entries: Vec<u32>,
    /// Runs, or pieces of them, the longest first.
    pub(super) pieces: Vec<Piece>,
    /// Runs whose second, third, ... piece has sum `lanes * buckets + i`.
    pub(super) further: Vec<u32>,
    by_length: Vec<u32>,
}

/// What one lane adds up.
#[derive(Clone, Copy, Default)]
pub(super) struct Piece {
    pub(super) start: u32,
    pub(super) length: u32,
    /// Number of the sum it makes: that of its run, or a further one.
    pub(super) sum: u32,
}

/// Windows of `width` bits that hold scalars of `bits` bits, or little more.
///
/// # Correctness
/// `windows * width` is above `bits`, so the top digit, which is not signed, is at most half of 2^`width` with its carry.
pub(super) const fn window_count(bits: usize, width: usize) -> usize {
    (bits + 1).div_ceil(width)
}

/// The width that costs least, in multiplications.
///
/// - `long`, `short`: terms of either kind.
pub(super) fn best_width(long: usize, short: usize, lanes: usize) -> usize {
    let cost = |width: &usize| {
        let windows = window_count(LONG_BITS, *width);
        let additions = long * windows + short * window_count(SHORT_BITS, *width);
        // An addition to a bucket takes 7; weighing a bucket takes two additions of 9, with all lanes.
        let weighed = windows.next_multiple_of(lanes) << (width - 1);
        additions * 7 + weighed * 18
    };
    (4..=11).min_by_key(cost).expect("some widths")
}

impl Runs {
    pub(super) fn new() -> Self {
        Self {
            digits: Vec::new(),
            starts: Vec::new(),
            entries: Vec::new(),
            pieces: Vec::new(),
            further: Vec::new(),
            by_length: Vec::new(),
        }
    }

    /// Sorts windows `first` to `first + lanes`: window `first + l`, bucket `b` (from 0, for the digits b + 1 and
    /// -b - 1) is run `b * lanes + l`. Points are numbered through `long`, then `short`.
    #[inline(always)]
    pub(super) fn sort(
        &mut self,
        long: &[ScalarWords],
        short: &[u128],
        width: usize,
        first: usize,
        lanes: usize,
    ) {
        self.cut_digits(long, short, width, first, lanes);
        let runs = lanes << (width - 1);
        self.starts.clear();
        // One place more in front: while entries are placed, a run's start stands one place too high.
        self.starts.resize(runs + 2, 0);
        let starts = &mut self.starts[..];
        let run_of = |lane: usize, digit: i16| {
            usize::from(digit.unsigned_abs()).wrapping_sub(1) * lanes + lane
        };
        for digits in self.digits.chunks_exact(lanes) {
            for (lane, digit) in digits.iter().enumerate() {
                if *digit != 0 {
                    starts[run_of(lane, *digit) + 2] += 1;
                }
            }
        }
        for run in 2..runs + 2 {
            starts[run] += starts[run - 1];
        }
        self.entries.clear();
        self.entries.resize(starts[runs + 1] as usize, 0);
        for (point, digits) in self.digits.chunks_exact(lanes).enumerate() {
            for (lane, digit) in digits.iter().enumerate() {
                if *digit != 0 {
                    let place = &mut starts[run_of(lane, *digit) + 1];
                    self.entries[*place as usize] = 2 * point as u32 + u32::from(*digit < 0);
                    *place += 1;
                }
            }
        }
        self.starts.truncate(runs + 1);
        self.cut_pieces(runs);
    }

    fn cut_digits(
        &mut self,
        long: &[ScalarWords],
        short: &[u128],
        width: usize,
        first: usize,
        lanes: usize,
    ) {
        let windows = window_count(LONG_BITS, width);
        let windows_short = window_count(SHORT_BITS, width);
        // Above the short scalars only the long ones have digits.
        let short = if first < windows_short { short } else { &[] };
        self.digits.clear();
        self.digits.resize((long.len() + short.len()) * lanes, 0);
        let mut out = self.digits.chunks_exact_mut(lanes);
        let halves = halves::<6>(windows, width);
        for (scalar, out) in long.iter().zip(&mut out) {
            digits(&add_words(scalar, &halves), windows, first, width, out);
        }
        let halves = self::halves::<4>(windows_short, width);
        for (scalar, out) in short.iter().zip(&mut out) {
            let words = [*scalar as u64, (*scalar >> 64) as u64];
            digits(
                &add_words(&words, &halves),
                windows_short,
                first,
                width,
                out,
            );
        }
    }

    /// Pieces of at most twice the mean length, by a counting sort.
    fn cut_pieces(&mut self, runs: usize) {
        let length_max = (2 * self.entries.len() / runs).max(PIECE_ENTRIES_MIN);
        let by_length = &mut self.by_length;
        by_length.clear();
        by_length.resize(length_max + 1, 0);
        let lengths = |run: usize| (self.starts[run + 1] - self.starts[run]) as usize;
        for run in 0..runs {
            by_length[length_max] += (lengths(run) / length_max) as u32;
            by_length[lengths(run) % length_max] += 1;
        }
        let mut pieces = 0;
        for length in (1..=length_max).rev() {
            pieces += std::mem::replace(&mut by_length[length], pieces);
        }
        self.pieces.clear();
        self.pieces.resize(pieces as usize, Piece::default());
        self.further.clear();
        for run in 0..runs {
            let (mut start, end) = (self.starts[run], self.starts[run + 1]);
            let mut sum = run as u32;
            while start < end {
                let length = (end - start).min(length_max as u32);
                let place = &mut by_length[length as usize];
                self.pieces[*place as usize] = Piece { start, length, sum };
                *place += 1;
                start += length;
                if start < end {
                    sum = (runs + self.further.len()) as u32;
                    self.further.push(run as u32);
                }
            }
        }
    }
}

/// Half of 2^width at every window but the top one.
pub(super) fn halves<const WORDS: usize>(windows: usize, width: usize) -> [u64; WORDS] {
    let mut sum = [0; WORDS];
    for window in 0..windows - 1 {
        let bit = window * width + width - 1;
        sum[bit / 64] |= 1 << (bit % 64);
    }
    sum
}

/// `x` plus the halves of its windows: what [`digits`] reads.
#[inline(always)]
pub(super) fn add_words<const WORDS: usize>(x: &[u64], halves: &[u64; WORDS]) -> [u64; WORDS] {
    let mut out = *halves;
    let mut carry = false;
    for (i, word) in out.iter_mut().enumerate() {
        let (sum, over) = word.overflowing_add(if i < x.len() { x[i] } else { 0 });
        let (sum, over_again) = sum.overflowing_add(u64::from(carry));
        (*word, carry) = (sum, over | over_again);
    }
    out
}

/// Digits of a scalar in windows from `first` on, zero beyond the last.
///
/// A plain digit of scalar plus halves, less the half, is a signed digit of the scalar: adding the halves took care of
/// all carries at once.
#[inline(always)]
pub(super) fn digits<const WORDS: usize>(
    with_halves: &[u64; WORDS],
    windows: usize,
    first: usize,
    width: usize,
    out: &mut [i16],
) {
    for (i, digit) in out.iter_mut().enumerate() {
        let window = first + i;
        let bit = window * width;
        *digit = 0;
        if window < windows {
            let (word, shift) = (bit / 64, bit % 64);
            let plain = with_halves[word] >> shift | with_halves[word + 1] << 1 << (63 - shift);
            let half = if window + 1 < windows {
                1 << (width - 1)
            } else {
                0
            };
            *digit = (plain & ((1 << width) - 1)) as i16 - half;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every digit of every window weighs out to the scalar, and none needs a bucket that is not there.
    #[test]
    fn digits_make_up_the_scalar() {
        let order_less_1 = [
            0x5812_631a_5cf5_d3ec,
            0x14de_f9de_a2f7_9cd6,
            0,
            0x1000_0000_0000_0000,
        ];
        let high = u64::MAX >> 3;
        for width in 4..=11 {
            for (bits, scalar) in [
                (LONG_BITS, [0; 4]),
                (LONG_BITS, order_less_1),
                (LONG_BITS, [u64::MAX, u64::MAX, u64::MAX, high >> 1]),
                (LONG_BITS, [0x5555_5555_5555_5555, 3, 1 << 63, 1 << 60]),
                (SHORT_BITS, [u64::MAX, u64::MAX, 0, 0]),
                (SHORT_BITS, [0, 1 << 63, 0, 0]),
            ] {
                let windows = window_count(bits, width);
                let mut found = vec![0; windows + 3];
                let shifted = add_words(&scalar, &halves::<6>(windows, width));
                digits(&shifted, windows, 0, width, &mut found);
                assert_eq!(found[windows..], [0; 3]);
                let mut sum = [0_u64; 6];
                for digit in found[..windows].iter().rev() {
                    assert!(
                        digit.unsigned_abs() <= 1 << (width - 1),
                        "{digit} at {width}"
                    );
                    let mut carry = i128::from(*digit);
                    for word in &mut sum {
                        carry += i128::from(*word) << width;
                        *word = carry as u64;
                        carry >>= 64;
                    }
                }
                assert_eq!(sum[..4], scalar);
                assert_eq!(sum[4..], [0; 2]);
            }
        }
    }

    #[test]
    fn every_point_is_in_the_pieces_of_its_run_once() {
        let mut runs = Runs::new();
        // Many equal digits, so that runs are cut; in window 0 one a bucket as well.
        let long: Vec<ScalarWords> = (0..300).map(|i| [i % 7 + 1, 0, 0, 0]).collect();
        let short: Vec<u128> = (0..200).collect();
        runs.sort(&long, &short, 8, 0, 4);
        assert!(!runs.further.is_empty());
        let mut seen = vec![0; 500];
        for piece in &runs.pieces {
            let count = runs.starts.len() - 1;
            let run = match (piece.sum as usize).checked_sub(count) {
                None => piece.sum,
                Some(further) => runs.further[further],
            };
            for entry in &runs.entries[piece.start as usize..][..piece.length as usize] {
                let point = *entry as usize / 2;
                let scalar = long
                    .get(point)
                    .map_or_else(|| short[point - 300] as i64, |words| words[0] as i64);
                // 128 to 199 are -128 to -57 and one in window 1.
                let (low, next) = if scalar < 128 {
                    (scalar, 0)
                } else {
                    (scalar - 256, 1)
                };
                if run % 4 == 0 {
                    assert_eq!(i64::from(run / 4) + 1, low.abs());
                    assert_eq!(entry % 2 == 1, low < 0);
                } else {
                    assert_eq!((run, next), (1, 1));
                }
                seen[point] += 1;
            }
        }
        for (point, times) in seen.iter().enumerate() {
            let expected = match point {
                300 => 0,
                428.. => 2,
                _ => 1,
            };
            assert_eq!(*times, expected, "point {point}");
        }
        assert!(
            runs.pieces
                .is_sorted_by_key(|p| std::cmp::Reverse(p.length))
        );
    }
}
