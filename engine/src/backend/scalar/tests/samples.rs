//! The numbers that the tests run on.

/// L, little-endian words.
pub(super) const ORDER: [u64; 4] = [0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 1 << 60];

/// How many inputs each property is tried on: 10^5, or 10^7 with `BDS_LONG=1`.
pub(in crate::backend) fn inputs() -> usize {
    match std::env::var_os("BDS_LONG") {
        Some(_) => 10_000_000,
        None => 100_000,
    }
}

/// An endless supply, the same in every run.
pub(super) struct Samples {
    xof: blake3::OutputReader,
    drawn: usize,
}

impl Samples {
    pub(super) fn new(name: &str) -> Self {
        Self {
            xof: blake3::Hasher::new_derive_key("bds scalar test")
                .update(name.as_bytes())
                .finalize_xof(),
            drawn: 0,
        }
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.xof.fill(&mut bytes);
        bytes
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        (u64::from_le_bytes(self.bytes()) % limit as u64) as usize
    }

    /// The next number of N bytes: half of them uniform, the others near the places where arithmetic breaks.
    pub(super) fn number<const N: usize>(&mut self) -> [u8; N] {
        self.drawn += 1;
        match self.drawn {
            n if n <= edge_count(N) => edge(n - 1),
            n if n % 2 == 0 => self.bytes(),
            n if n % 4 == 1 => self.near_multiple(),
            _ => self.extreme_limbs(),
        }
    }

    /// A multiple of L, give or take a little.
    fn near_multiple<const N: usize>(&mut self) -> [u8; N] {
        let mut factor: [u8; N] = self.bytes();
        factor[self.below(N + 1)..].fill(0);
        let mut number = multiply_order(&factor);
        let little: [u8; 16] = self.bytes();
        let little = u128::from_le_bytes(little) >> self.below(128);
        let low = u128::from_le_bytes(number[..16].try_into().expect("16 bytes"));
        let low = match self.below(4) {
            0 => low,
            1 => low.wrapping_add(1),
            2 => low.wrapping_sub(little),
            _ => low.wrapping_add(little),
        };
        number[..16].copy_from_slice(&low.to_le_bytes());
        number
    }

    /// Limbs of 52 bits that are 0, 1, all ones, one less or anything.
    fn extreme_limbs<const N: usize>(&mut self) -> [u8; N] {
        let mut number = [0; N];
        for limb in 0..(8 * N).div_ceil(52) {
            let value = match self.below(5) {
                0 => 0,
                1 => 1,
                2 => (1 << 52) - 1,
                3 => (1 << 52) - 2,
                _ => u64::from_le_bytes(self.bytes()),
            };
            set_bits(&mut number, 52 * limb, 52, value);
        }
        number
    }
}

/// Numbers that come up first, once each: 2^i, 2^i - 1, 52 ones in every byte, and kL - 1, kL, kL + 1 for k < 16.
const fn edge_count(number_bytes: usize) -> usize {
    8 * number_bytes + 8 * number_bytes + number_bytes + 3 * 16
}

fn edge<const N: usize>(index: usize) -> [u8; N] {
    let mut number = [0; N];
    let bits = 8 * N;
    if index < bits {
        set_bits(&mut number, index, 1, 1);
    } else if index < 2 * bits {
        (0..=index - bits).for_each(|bit| set_bits(&mut number, bit, 1, 1));
    } else if index < 2 * bits + N {
        set_bits(&mut number, 8 * (index - 2 * bits), 52, u64::MAX);
    } else {
        let index = index - 2 * bits - N;
        let mut factor = [0; N];
        factor[0] = (index / 3) as u8;
        number = multiply_order(&factor);
        let low = u128::from_le_bytes(number[..16].try_into().expect("16 bytes"));
        let low = low.wrapping_add(index as u128 % 3).wrapping_sub(1);
        number[..16].copy_from_slice(&low.to_le_bytes());
    }
    number
}

fn set_bits(number: &mut [u8], position: usize, count: usize, value: u64) {
    for bit in 0..count.min(8 * number.len() - position) {
        let (byte, shift) = ((position + bit) / 8, (position + bit) % 8);
        number[byte] |= ((value >> bit & 1) as u8) << shift;
    }
}

/// Low N bytes of L times `factor`.
pub(super) fn multiply_order<const N: usize>(factor: &[u8; N]) -> [u8; N] {
    let order: Vec<u8> = ORDER.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut product = [0; N];
    let mut carry = 0_u32;
    for (place, byte) in product.iter_mut().enumerate() {
        let column: u32 = (0..=place.min(31))
            .map(|i| u32::from(order[i]) * u32::from(factor[place - i]))
            .sum();
        carry += column;
        *byte = carry as u8;
        carry >>= 8;
    }
    product
}
