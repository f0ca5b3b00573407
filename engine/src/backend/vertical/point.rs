//! How are points of the curve added and doubled, one in each lane?
//!
//! Twisted Edwards with a = -1, complete formulas of Hisil, Wong, Carter and Dawson (2008): no case of equal points, the
//! identity or small order needs another. A point is held as (Y + X, Y - X, Z, T) with T = XY/Z: what an addition
//! multiplies first, so that the sums are taken on wide numbers and carries are spent once.

use super::field::constants::{D_INVERSE, D2, ONE, ZERO};
use super::{LANES_MAX, LaneField};

/// A projective point in each lane.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Point<F> {
    /// Y + X.
    pub(in crate::backend) sum: F,
    /// Y - X.
    pub(in crate::backend) difference: F,
    pub(super) z: F,
    /// XY/Z.
    pub(super) t: F,
}

/// An affine point to add: y + x, y - x, 2dxy.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Niels<F> {
    pub(in crate::backend) sum: F,
    pub(in crate::backend) difference: F,
    pub(in crate::backend) t2d: F,
}

/// A projective point to add: Y + X, Y - X, Z, 2dT.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Cached<F> {
    pub(in crate::backend) sum: F,
    pub(in crate::backend) difference: F,
    pub(super) z: F,
    pub(in crate::backend) t2d: F,
}

impl<F: LaneField> Point<F> {
    #[inline(always)]
    pub(in crate::backend) fn identity(isa: F::Isa) -> Self {
        let (zero, one) = (F::splat(isa, &ZERO), F::splat(isa, &ONE));
        Self {
            sum: one,
            difference: one,
            z: one,
            t: zero,
        }
    }

    #[inline(always)]
    pub(in crate::backend) fn load(isa: F::Isa, rows: [&F::Row4; LANES_MAX]) -> Self {
        let [sum, difference, z, t] = F::load4(isa, rows);
        Self {
            sum,
            difference,
            z,
            t,
        }
    }

    #[inline(always)]
    pub(in crate::backend) fn store(&self) -> [F::Row4; LANES_MAX] {
        F::store4(&[self.sum, self.difference, self.z, self.t])
    }

    /// An affine point, as (2x, 2y, 2, 2xy).
    #[inline(always)]
    pub(in crate::backend) fn from_niels(isa: F::Isa, point: &Niels<F>) -> Self {
        let one = F::splat(isa, &ONE);
        Self {
            sum: point.sum.add(point.sum),
            difference: point.difference.add(point.difference),
            z: one.add(one),
            t: point.t2d.mul(F::splat(isa, &D_INVERSE)),
        }
    }

    /// The same point, to add.
    #[inline(always)]
    pub(in crate::backend) fn cached(&self, isa: F::Isa) -> Cached<F> {
        Cached {
            sum: self.sum,
            difference: self.difference,
            z: self.z,
            t2d: self.t.mul(F::splat(isa, &D2)),
        }
    }

    /// Lanes that hold the identity: X = 0 and Y = Z.
    #[inline(always)]
    pub(in crate::backend) fn is_identity(&self) -> u8 {
        let x2 = self.sum.sub(self.difference);
        let y2 = self.sum.add(self.difference);
        let z2 = self.z.add(self.z);
        F::mask_bits(x2.is_zero()) & F::mask_bits(y2.sub(z2).is_zero())
    }

    /// Sum with an affine point. Seven multiplications.
    #[inline(always)]
    pub(in crate::backend) fn add_niels(&self, other: &Niels<F>) -> Self {
        let a = self.difference.mul_wide(other.difference);
        let b = self.sum.mul_wide(other.sum);
        let c = self.t.mul_wide(other.t2d);
        let z = self.z.widen();
        Self::complete(a, b, c, F::wide_add(z, z))
    }

    /// Sum. Eight multiplications.
    #[inline(always)]
    pub(in crate::backend) fn add_cached(&self, other: &Cached<F>) -> Self {
        let a = self.difference.mul_wide(other.difference);
        let b = self.sum.mul_wide(other.sum);
        let c = self.t.mul_wide(other.t2d);
        let zz = self.z.mul_wide(other.z);
        Self::complete(a, b, c, F::wide_add(zz, zz))
    }

    /// Second half of an addition. Products: a, b, c one each, d at most two.
    #[inline(always)]
    fn complete(a: F::Wide, b: F::Wide, c: F::Wide, d: F::Wide) -> Self {
        let e = F::reduce(F::wide_sub(b, a));
        let f = F::reduce(F::wide_sub(d, c));
        let g = F::reduce(F::wide_add(d, c));
        let h = F::reduce(F::wide_add(b, a));
        Self::from_efgh(e, f, g, h, true)
    }

    /// (X, Y, Z, T) = (EF, GH, FG, EH).
    #[inline(always)]
    fn from_efgh(e: F, f: F, g: F, h: F, with_t: bool) -> Self {
        let (x, y) = (e.mul_wide(f), g.mul_wide(h));
        Self {
            sum: F::reduce(F::wide_add(y, x)),
            difference: F::reduce(F::wide_sub(y, x)),
            z: f.mul(g),
            t: if with_t { e.mul(h) } else { f },
        }
    }

    /// Twice the point. Three squarings, five multiplications.
    #[inline(always)]
    pub(in crate::backend) fn double(&self) -> Self {
        self.double_or(true)
    }

    /// Twice the point, with nothing of use in `t`: for a point that is only doubled again. A multiplication less.
    #[inline(always)]
    pub(in crate::backend) fn double_without_t(&self) -> Self {
        self.double_or(false)
    }

    /// With s = Y + X and m = Y - X: E = ss - mm = 4XY, G = 2sm = 2(YY - XX), H = ss + mm = 2(YY + XX), F = 4ZZ - 2sm.
    ///
    /// Against the formulas as published all four are doubled, and F and H have their signs turned: X, Y, Z and T come
    /// out with the common factor -4.
    #[inline(always)]
    fn double_or(&self, with_t: bool) -> Self {
        let ss = self.sum.square_wide();
        let mm = self.difference.square_wide();
        let sm = self.sum.mul_wide(self.difference);
        let zz = self.z.square_wide();
        let (sm2, zz2) = (F::wide_add(sm, sm), F::wide_add(zz, zz));
        let e = F::reduce(F::wide_sub(ss, mm));
        let f = F::reduce(F::wide_sub(F::wide_add(zz2, zz2), sm2));
        let g = F::reduce(sm2);
        let h = F::reduce(F::wide_add(ss, mm));
        Self::from_efgh(e, f, g, h, with_t)
    }
}

impl<F: LaneField> Niels<F> {
    /// Lane `i` from `rows[i]`, with the sign turned in the lanes of `negative`.
    #[inline(always)]
    pub(in crate::backend) fn load_signed(
        isa: F::Isa,
        rows: [&F::Row3; LANES_MAX],
        negative: u8,
    ) -> Self {
        let [sum, difference, t2d] = F::load3(isa, rows);
        let negative = F::mask(isa, negative);
        Self {
            sum: F::select(negative, difference, sum),
            difference: F::select(negative, sum, difference),
            t2d: t2d.negate_if(negative),
        }
    }
}

impl<F: LaneField> Cached<F> {
    /// As [`Niels::load_signed`].
    #[inline(always)]
    pub(in crate::backend) fn load_signed(
        isa: F::Isa,
        rows: [&F::Row4; LANES_MAX],
        negative: u8,
    ) -> Self {
        let [sum, difference, z, t2d] = F::load4(isa, rows);
        let negative = F::mask(isa, negative);
        Self {
            sum: F::select(negative, difference, sum),
            difference: F::select(negative, sum, difference),
            z,
            t2d: t2d.negate_if(negative),
        }
    }

    #[inline(always)]
    pub(in crate::backend) fn store(&self) -> [F::Row4; LANES_MAX] {
        F::store4(&[self.sum, self.difference, self.z, self.t2d])
    }
}
