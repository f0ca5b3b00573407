//! What must an instruction set offer for the curve arithmetic: numbers mod p = 2^255 - 19 in every lane of a vector.

/// Most lanes of any instruction set: the length of arrays that hold one entry a lane.
pub(in crate::backend) const LANES_MAX: usize = 8;

/// A number mod p as five limbs of 51 bits, the same for every instruction set.
pub(super) type Limbs = [u64; 5];

/// `LANES` independent numbers mod p, called *reduced*: any two may be multiplied or added.
///
/// A product is first [`LaneField::Wide`]; wide numbers may be added and subtracted a few times, and then be reduced
/// once. That saves most carries: a point addition reduces each of its products or sums of products once.
///
/// Arrays over lanes have [`LANES_MAX`] entries; those from `LANES` on are ignored or zero.
pub(in crate::backend) trait LaneField: Copy {
    /// Number of lanes, at most [`LANES_MAX`].
    const LANES: usize;
    /// The value that proves that the CPU has the instructions; what makes a vector from nothing asks for it.
    type Isa: Copy;
    /// One bit a lane.
    type Mask: Copy;
    /// A product, or a sum of few, before its carries.
    type Wide: Copy;
    /// Three numbers of one lane, in a form that loads fast: an affine point.
    type Row3: Copy + Send + Sync;
    /// Four numbers of one lane: a projective point.
    type Row4: Copy + Send + Sync;

    /// The same number in every lane; limbs below 2^51.
    fn splat(isa: Self::Isa, limbs: &Limbs) -> Self;

    /// Bits 0 to 254 of four little-endian words, of which `words[i][lane]` is the `i`-th.
    fn from_words(isa: Self::Isa, words: &[[u64; LANES_MAX]; 4]) -> Self;

    /// Least and most of a limb of a reduced number.
    #[cfg(test)]
    const REDUCED_LIMBS: [i64; 2];
    /// The same of a number that may only be multiplied.
    #[cfg(test)]
    const FACTOR_LIMBS: [i64; 2];
    /// The same of a wide number.
    #[cfg(test)]
    const WIDE_LIMBS: [i64; 2];

    /// Limbs as they are: `limbs[i][lane]` weighs 2^(51 i).
    #[cfg(test)]
    fn from_limbs(isa: Self::Isa, limbs: &[[i64; LANES_MAX]; 5]) -> Self;

    /// The same of a wide number.
    #[cfg(test)]
    fn wide_from_limbs(isa: Self::Isa, limbs: &[[i64; LANES_MAX]; 5]) -> Self::Wide;

    #[cfg(test)]
    /// The least number not below 0 of every lane, as [`LaneField::from_words`] takes it.
    fn to_words(self) -> [[u64; LANES_MAX]; 4];

    /// Product of two reduced (or negated) numbers.
    fn mul_wide(self, rhs: Self) -> Self::Wide;

    /// Square of a reduced (or negated) number.
    fn square_wide(self) -> Self::Wide;

    /// A reduced number as a summand of wide ones.
    fn widen(self) -> Self::Wide;

    /// Sum. At most four products may come together in one wide number.
    fn wide_add(a: Self::Wide, b: Self::Wide) -> Self::Wide;

    /// Difference of a sum of up to four products and one of up to two; a widened number counts as a product.
    /// What comes out may only be reduced.
    fn wide_sub(a: Self::Wide, b: Self::Wide) -> Self::Wide;

    /// Carries.
    fn reduce(wide: Self::Wide) -> Self;

    /// `-self` in the lanes of `mask`. The result may be multiplied, not added.
    fn negate_if(self, mask: Self::Mask) -> Self;

    /// `yes` in the lanes of `mask`, `no` in the others.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// Lanes that are 0 mod p.
    fn is_zero(self) -> Self::Mask;

    /// Lanes whose least number not below 0 is odd.
    fn is_odd(self) -> Self::Mask;

    /// Bit `i` for lane `i`.
    fn mask(isa: Self::Isa, bits: u8) -> Self::Mask;

    /// Bit `i` for lane `i`; bits from `LANES` on are zero.
    fn mask_bits(mask: Self::Mask) -> u8;

    /// Lane `i` from `rows[i]`.
    fn load3(isa: Self::Isa, rows: [&Self::Row3; LANES_MAX]) -> [Self; 3];

    /// Starts loading a row that is needed soon.
    #[inline(always)]
    fn prefetch(_: Self::Isa, _: &Self::Row3) {}

    /// Lane `i` into the `i`-th row.
    fn store3(elements: &[Self; 3]) -> [Self::Row3; LANES_MAX];

    /// Lane `i` from `rows[i]`.
    fn load4(isa: Self::Isa, rows: [&Self::Row4; LANES_MAX]) -> [Self; 4];

    /// Lane `i` into the `i`-th row.
    fn store4(elements: &[Self; 4]) -> [Self::Row4; LANES_MAX];

    /// Product.
    #[inline(always)]
    fn mul(self, rhs: Self) -> Self {
        Self::reduce(self.mul_wide(rhs))
    }

    /// Square.
    #[inline(always)]
    fn square(self) -> Self {
        Self::reduce(self.square_wide())
    }

    /// Sum.
    #[inline(always)]
    fn add(self, rhs: Self) -> Self {
        Self::reduce(Self::wide_add(self.widen(), rhs.widen()))
    }

    /// Difference.
    #[inline(always)]
    fn sub(self, rhs: Self) -> Self {
        Self::reduce(Self::wide_sub(self.widen(), rhs.widen()))
    }
}

/// Constants of the curve -x^2 + y^2 = 1 + d x^2 y^2, as limbs. Checked against dalek in the tests.
pub(super) mod constants {
    use super::Limbs;

    pub(in crate::backend) const ZERO: Limbs = [0; 5];
    pub(in crate::backend) const ONE: Limbs = [1, 0, 0, 0, 0];
    /// d = -121665/121666.
    pub(in crate::backend) const D: Limbs = [
        0x34dca135978a3,
        0x1a8283b156ebd,
        0x5e7a26001c029,
        0x739c663a03cbb,
        0x52036cee2b6ff,
    ];
    /// 2d.
    pub(in crate::backend) const D2: Limbs = [
        0x69b9426b2f159,
        0x35050762add7a,
        0x3cf44c0038052,
        0x6738cc7407977,
        0x2406d9dc56dff,
    ];
    /// 1/d.
    pub(in crate::backend) const D_INVERSE: Limbs = [
        0x0f276cdc9f843,
        0x3084f2a85c4bc,
        0x6e73d982d775a,
        0x721958b108a66,
        0x40907ed214d5c,
    ];
    /// A square root of -1.
    pub(in crate::backend) const SQRT_MINUS_ONE: Limbs = [
        0x61b274a0ea0b0,
        0x0d5a5fc8f189d,
        0x7ef5e9cbd0c60,
        0x78595a6804c9e,
        0x2b8324804fc1d,
    ];
}
