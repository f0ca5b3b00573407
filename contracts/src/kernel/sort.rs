//! Many numbers in order: one pass over the bits that tell most of them apart, then a look at neighbours.

/// Digits of the pass.
const DIGITS: usize = 1 << BITS;
const BITS: u32 = 11;
/// With fewer numbers than this, comparing is quicker than counting digits.
const COUNTED_MIN: usize = 256;

/// Sorts by the upper 64 bits, and numbers that agree in them by the lower. `spare` is room that is used again.
///
/// Cost: one pass over the numbers where keys are spread over what they differ in; never more than a comparison sort beside that.
pub(super) fn by_upper_half(numbers: &mut Vec<u128>, spare: &mut Vec<u128>) {
    if numbers.len() < COUNTED_MIN {
        numbers.sort_unstable();
        return;
    }
    let upper = |number: u128| (number >> 64) as u64;
    let first = upper(numbers[0]);
    let differing = numbers.iter().fold(0, |all, n| all | (upper(*n) ^ first));
    // The highest bits in which any two differ.
    let below = (u64::BITS - differing.leading_zeros()).saturating_sub(BITS);
    let digit = |number: u128| (upper(number) >> below) as usize % DIGITS;

    let mut places = [0_u32; DIGITS];
    for number in numbers.iter() {
        places[digit(*number)] += 1;
    }
    let mut place = 0;
    for count in &mut places {
        place += std::mem::replace(count, place);
    }
    spare.clear();
    spare.resize(numbers.len(), 0);
    for number in numbers.iter() {
        let place = &mut places[digit(*number)];
        spare[*place as usize] = *number;
        *place += 1;
    }
    std::mem::swap(numbers, spare);
    // What agrees in the digit stands together, and is little unless somebody chose the keys.
    let mut start = 0;
    for end in places {
        let end = end as usize;
        if end - start > 1 {
            numbers[start..end].sort_unstable();
        }
        start = end;
    }
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
