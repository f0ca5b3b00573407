//! Many numbers in order: two passes over the bits that tell most of them apart, then a look at neighbours.

/// Digits of one pass.
const DIGITS: usize = 1 << BITS;
const BITS: u32 = 11;
/// With fewer numbers than this, comparing is quicker than counting digits.
const COUNTED_MIN: usize = 256;

/// Sorts by the upper 64 bits, and numbers that agree in them by the lower. `spare` is room that is used again.
///
/// Cost: two passes over the numbers where keys are spread over what they differ in; never more than a comparison sort beside that.
pub(super) fn by_upper_half(numbers: &mut [u128], spare: &mut Vec<u128>) {
    if numbers.len() < COUNTED_MIN {
        numbers.sort_unstable();
        return;
    }
    let upper = |number: u128| (number >> 64) as u64;
    let first = upper(numbers[0]);
    let differing = numbers.iter().fold(0, |all, n| all | (upper(*n) ^ first));
    // The highest bits in which any two differ, as two digits.
    let below = (u64::BITS - differing.leading_zeros()).saturating_sub(2 * BITS);
    let digit =
        |number: u128, pass: u32| (upper(number) >> below >> (pass * BITS)) as usize % DIGITS;

    spare.clear();
    spare.resize(numbers.len(), 0);
    let mut counts = [[0_u32; DIGITS]; 2];
    for number in numbers.iter() {
        counts[0][digit(*number, 0)] += 1;
        counts[1][digit(*number, 1)] += 1;
    }
    for (pass, counts) in (0..).zip(&mut counts) {
        let mut place = 0;
        for count in counts.iter_mut() {
            place += std::mem::replace(count, place);
        }
        let (from, to) = match pass {
            0 => (&*numbers, &mut spare[..]),
            _ => (&spare[..], &mut *numbers),
        };
        for number in from {
            let place = &mut counts[digit(*number, pass)];
            to[*place as usize] = *number;
            *place += 1;
        }
    }
    // What agrees in both digits stands together, and is little unless somebody chose the keys.
    let mut at = 1;
    while at < numbers.len() {
        if numbers[at - 1] > numbers[at] {
            at = sort_alike(numbers, at, |number| upper(number) >> below);
        }
        at += 1;
    }
}

/// Sorts all those around `at` that have the same part; returns where they end.
fn sort_alike(numbers: &mut [u128], at: usize, part: impl Fn(u128) -> u64) -> usize {
    let same = part(numbers[at]);
    let alike = |number: &&u128| part(**number) == same;
    let start = at - numbers[..at].iter().rev().take_while(alike).count();
    let end = at + numbers[at..].iter().take_while(alike).count();
    numbers[start..end].sort_unstable();
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the standard sort, for keys that are spread, that share long heads or tails, that repeat, and for few.
    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut random = 7_u64;
        let mut draw = || {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            random ^ random >> 31
        };
        let mut spare = vec![9; 3];
        for count in [0, 1, 2, 255, 256, 257, 3_000] {
            for form in 0..6 {
                let key = |draw: &mut dyn FnMut() -> u64| match form {
                    0 => draw(),
                    1 => (draw() % 1_000).swap_bytes(),
                    2 => 0x1234_5678_0000_0000 | (draw() % 50),
                    3 => draw() << 60 | 5,
                    4 => 77,
                    _ => draw() % 2 * u64::MAX,
                };
                let mut numbers: Vec<u128> = (0..count)
                    .map(|place| u128::from(key(&mut draw)) << 64 | (count - place))
                    .collect();
                let mut expected = numbers.clone();
                expected.sort();
                by_upper_half(&mut numbers, &mut spare);
                assert_eq!(numbers, expected, "{count} of form {form}");
            }
        }
    }
}
