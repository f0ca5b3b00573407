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

/// Signed digits of the scalars of a sum: that of window `w` of term `i` is `values[w * stride + i]`.
///
/// Terms with long scalars come first. Short scalars have digits in the lower windows only; what stands at their
/// place in the others means nothing.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Digits<'a> {
    pub(in crate::backend) values: &'a [i16],
    pub(in crate::backend) stride: usize,
    /// Bits of a digit; digits are from -half to half of 2^width.
    pub(in crate::backend) width: usize,
    /// Terms with long scalars.
    pub(in crate::backend) long: usize,
    /// All terms.
    pub(in crate::backend) terms: usize,
}

impl Digits<'_> {
    /// Those of window `window`, one a term that has any there.
    #[inline(always)]
    fn window(&self, window: usize) -> &[i16] {
        let terms = if window < window_count(SHORT_BITS, self.width) {
            self.terms
        } else if window < window_count(LONG_BITS, self.width) {
            self.long
        } else {
            return &[];
        };
        &self.values[window * self.stride..][..terms]
    }
}

/// The runs of some neighbouring windows. Kept from one to the next for its memory.
///
/// A run is a chain of entries, each twice the number of a point, plus one if it is to be subtracted. Points come in
/// order, so one pass over the digits does it; there is no need to count first.
pub(super) struct Runs {
    lanes: usize,
    /// Number of digits, 0 included, that a window may hold up to their sign.
    keys: usize,
    /// For each window and digit: last entry of the chain, and its length in the upper half.
    chains: Vec<u32>,
    /// For each window and point: the entry before that of this point.
    before: Vec<u16>,
    /// Runs, or pieces of them, the longest first.
    pub(super) pieces: Vec<Piece>,
    /// Runs whose second, third, ... piece has sum number [`Runs::count`] and so on.
    pub(super) further: Vec<u32>,
    unsorted: Vec<Piece>,
    by_length: Vec<u32>,
}

/// Most terms of a sum: what an entry can number.
pub(in crate::backend) const TERMS_MAX: usize = 1 << 15;

/// What one lane adds up.
#[derive(Clone, Copy, Default)]
pub(super) struct Piece {
    /// Where the chain starts.
    pub(super) entry: u16,
    pub(super) length: u16,
    /// Where its window starts in [`Runs::before`].
    window: u32,
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
pub(in crate::backend) fn best_width(long: usize, short: usize, lanes: usize) -> usize {
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
            lanes: 0,
            keys: 0,
            chains: Vec::new(),
            before: Vec::new(),
            pieces: Vec::new(),
            further: Vec::new(),
            unsorted: Vec::new(),
            by_length: Vec::new(),
        }
    }

    /// Number of runs, those of the digit 0 included.
    pub(super) fn count(&self) -> usize {
        self.lanes * self.keys
    }

    /// Runs that no piece makes the sum of.
    pub(super) fn without_piece(&self) -> impl Iterator<Item = usize> + '_ {
        let chains = self.chains.iter().enumerate();
        chains
            .filter(|(_, chain)| **chain >> 16 == 0)
            .map(|(place, _)| place % self.keys * self.lanes + place / self.keys)
    }

    /// The entry before that of `point` in the chain of this piece; nothing of meaning before the first.
    #[inline(always)]
    pub(super) fn before(&self, piece: &Piece, point: usize) -> u16 {
        self.before[piece.window as usize + point]
    }

    /// Sorts windows `first` to `first + lanes`: digits `d` and `-d` of window `first + l` are run `d * lanes + l`.
    #[inline(always)]
    pub(super) fn sort(&mut self, digits: &Digits<'_>, first: usize, lanes: usize) {
        assert!(digits.terms <= TERMS_MAX, "{} terms", digits.terms);
        (self.lanes, self.keys) = (lanes, (1 << (digits.width - 1)) + 1);
        let entries: usize = (0..lanes).map(|l| digits.window(first + l).len()).sum();
        let length_max = (2 * entries / self.count()).max(PIECE_ENTRIES_MIN) as u32;
        self.chains.clear();
        self.chains.resize(self.count(), 0);
        self.before.resize(lanes * digits.terms, 0);
        self.unsorted.clear();
        self.further.clear();
        for lane in 0..lanes {
            let window = lane * digits.terms;
            let chains = &mut self.chains[lane * self.keys..][..self.keys];
            let digits = digits.window(first + lane);
            let before = &mut self.before[window..][..digits.len()];
            for (point, (digit, before)) in digits.iter().zip(before).enumerate() {
                let chain = &mut chains[usize::from(digit.unsigned_abs())];
                let entry = (2 * point) as u32 | u32::from(*digit < 0);
                *before = *chain as u16;
                *chain = (*chain & !0xffff).wrapping_add(1 << 16) | entry;
                if *chain >= length_max << 16 {
                    // Long enough: the piece is closed, and the next point starts another.
                    *chain = 0;
                    if *digit != 0 {
                        let run = usize::from(digit.unsigned_abs()) * lanes + lane;
                        self.unsorted.push(Piece {
                            entry: entry as u16,
                            length: length_max as u16,
                            window: window as u32,
                            sum: (lanes * self.keys + self.further.len()) as u32,
                        });
                        self.further.push(run as u32);
                    }
                }
            }
            for (key, chain) in chains.iter().enumerate().skip(1) {
                if *chain >> 16 > 0 {
                    self.unsorted.push(Piece {
                        entry: *chain as u16,
                        length: (*chain >> 16) as u16,
                        window: window as u32,
                        sum: (key * lanes + lane) as u32,
                    });
                }
            }
        }
        self.sort_pieces(length_max as usize);
    }

    /// The longest first, by counting.
    fn sort_pieces(&mut self, length_max: usize) {
        let by_length = &mut self.by_length;
        by_length.clear();
        by_length.resize(length_max + 1, 0);
        for piece in &self.unsorted {
            by_length[usize::from(piece.length)] += 1;
        }
        let mut place = 0;
        for count in by_length.iter_mut().rev() {
            place += std::mem::replace(count, place);
        }
        self.pieces.resize(self.unsorted.len(), Piece::default());
        for piece in &self.unsorted {
            let place = &mut by_length[usize::from(piece.length)];
            self.pieces[*place as usize] = *piece;
            *place += 1;
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
pub(super) mod tests {
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

    /// Digits of these scalars, window by window.
    pub(in crate::backend::vertical) fn written(
        long: &[ScalarWords],
        short: &[u128],
        width: usize,
    ) -> (Vec<i16>, usize) {
        let terms = long.len() + short.len();
        let windows = window_count(LONG_BITS, width);
        let mut values = vec![99; windows * terms];
        let mut write = |scalar: &[u64], bits: usize, term: usize| {
            let mut column = vec![0; window_count(bits, width)];
            let with_halves = add_words(scalar, &halves::<6>(column.len(), width));
            digits(&with_halves, column.len(), 0, width, &mut column);
            for (window, digit) in column.into_iter().enumerate() {
                values[window * terms + term] = digit;
            }
        };
        for (i, scalar) in long.iter().enumerate() {
            write(scalar, LONG_BITS, i);
        }
        for (i, scalar) in short.iter().enumerate() {
            write(
                &[*scalar as u64, (*scalar >> 64) as u64],
                SHORT_BITS,
                long.len() + i,
            );
        }
        (values, terms)
    }

    #[test]
    fn every_point_is_in_the_pieces_of_its_run_once() {
        let mut runs = Runs::new();
        // Many equal digits, so that runs are cut; in window 0 one a bucket as well.
        let long: Vec<ScalarWords> = (0..300).map(|i| [i % 7 + 1, 0, 0, 0]).collect();
        let short: Vec<u128> = (0..200).collect();
        let (values, stride) = written(&long, &short, 8);
        let digits = Digits {
            values: &values,
            stride,
            width: 8,
            long: long.len(),
            terms: stride,
        };
        runs.sort(&digits, 0, 4);
        assert!(!runs.further.is_empty());
        let mut seen = vec![0; 500];
        for piece in &runs.pieces {
            let count = runs.count();
            let run = match (piece.sum as usize).checked_sub(count) {
                None => piece.sum,
                Some(further) => runs.further[further],
            };
            let mut entry = piece.entry;
            for _ in 0..piece.length {
                let point = usize::from(entry / 2);
                let negative = entry % 2 == 1;
                entry = runs.before(piece, point);
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
                    assert_eq!(i64::from(run / 4), low.abs());
                    assert_eq!(negative, low < 0);
                } else {
                    assert_eq!((run, next), (5, 1));
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
