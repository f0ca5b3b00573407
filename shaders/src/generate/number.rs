//! Numbers modulo p = 2^255 - 19, for the constants that kernels carry. Slow and plain: it runs when text is generated.

/// A number below p, lowest 64 bits first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number([u64; 4]);

const P: [u64; 4] = [u64::MAX - 18, u64::MAX, u64::MAX, 0x7fff_ffff_ffff_ffff];

impl Number {
    pub(super) const ZERO: Self = Self([0; 4]);
    pub(super) const ONE: Self = Self([1, 0, 0, 0]);

    pub(super) const fn small(value: u64) -> Self {
        Self([value, 0, 0, 0])
    }

    /// The 32 bytes of this number as eight words, lowest first.
    pub(super) fn words(self) -> [u32; 8] {
        std::array::from_fn(|i| (self.0[i / 2] >> (32 * (i % 2))) as u32)
    }

    pub(super) fn is_odd(self) -> bool {
        self.0[0] & 1 == 1
    }

    pub(super) fn add(self, other: Self) -> Self {
        // Both are below 2^255, so the sum fits.
        let mut sum = [0; 4];
        let mut carry = 0;
        for (i, limb) in sum.iter_mut().enumerate() {
            let wide = u128::from(self.0[i]) + u128::from(other.0[i]) + carry;
            *limb = wide as u64;
            carry = wide >> 64;
        }
        Self(less_p(sum))
    }

    pub(super) fn negate(self) -> Self {
        if self == Self::ZERO {
            return self;
        }
        Self(subtract(P, self.0).0)
    }

    pub(super) fn subtract(self, other: Self) -> Self {
        self.add(other.negate())
    }

    pub(super) fn multiply(self, other: Self) -> Self {
        let mut wide = [0_u64; 8];
        for i in 0..4 {
            let mut carry = 0;
            for j in 0..4 {
                let term = u128::from(self.0[i]) * u128::from(other.0[j])
                    + u128::from(wide[i + j])
                    + carry;
                wide[i + j] = term as u64;
                carry = term >> 64;
            }
            wide[i + 4] = carry as u64;
        }
        // 2^256 is 38 modulo p: fold twice, the second time less than 38 + 1 high words' worth.
        let mut low = [wide[0], wide[1], wide[2], wide[3]];
        let mut high = [wide[4], wide[5], wide[6], wide[7]];
        while high != [0; 4] {
            let mut carry = 0;
            for (limb, over) in low.iter_mut().zip(high) {
                let term = u128::from(over) * 38 + u128::from(*limb) + carry;
                *limb = term as u64;
                carry = term >> 64;
            }
            high = [carry as u64, 0, 0, 0];
        }
        Self(less_p(less_p(low)))
    }

    /// This number to the power of the 255-bit `exponent`, lowest 64 bits first.
    fn power(self, exponent: [u64; 4]) -> Self {
        let mut result = Self::ONE;
        for bit in (0..256).rev() {
            result = result.multiply(result);
            if exponent[bit / 64] >> (bit % 64) & 1 == 1 {
                result = result.multiply(self);
            }
        }
        result
    }

    /// The inverse; zero gives zero.
    pub(super) fn invert(self) -> Self {
        self.power([P[0] - 2, P[1], P[2], P[3]])
    }

    /// A square root of -1: 2 to the power of (p - 1) / 4, which is 2^253 - 5.
    pub(super) fn root_of_minus_one() -> Self {
        Self::small(2).power([u64::MAX - 4, u64::MAX, u64::MAX, 0x1fff_ffff_ffff_ffff])
    }

    /// The even square root of a number that has one: its power of (p + 3) / 8 = 2^252 - 2, or that times the root of -1.
    ///
    /// # Panics
    /// When there is none.
    pub(super) fn even_root(self) -> Self {
        let mut root = self.power([u64::MAX - 1, u64::MAX, u64::MAX, 0x0fff_ffff_ffff_ffff]);
        if root.multiply(root) != self {
            root = root.multiply(Self::root_of_minus_one());
        }
        assert_eq!(root.multiply(root), self, "a number with a square root");
        if root.is_odd() { root.negate() } else { root }
    }
}

/// `value` or `value - p`, the smallest that is not negative.
fn less_p(value: [u64; 4]) -> [u64; 4] {
    match subtract(value, P) {
        (difference, false) => difference,
        (_, true) => value,
    }
}

fn subtract(left: [u64; 4], right: [u64; 4]) -> ([u64; 4], bool) {
    let mut difference = [0; 4];
    let mut borrow = false;
    for i in 0..4 {
        let (first, under) = left[i].overflowing_sub(right[i]);
        let (second, under_again) = first.overflowing_sub(borrow.into());
        difference[i] = second;
        borrow = under || under_again;
    }
    (difference, borrow)
}
