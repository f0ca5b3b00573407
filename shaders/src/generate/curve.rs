//! Constants of edwards25519: d, the order, and the table of multiples of the base point.
//!
//! Source: RFC 8032, section 5.1.

use crate::generate::number::Number;

/// How many multiples of the base point the table holds: 0 to 128, for signed digits of eight bits.
pub(super) const BASE_MULTIPLES: usize = 129;

/// L - 2^252, where L is the order of the base point; lowest word first.
pub(super) const ORDER_LOW: [u32; 4] = [0x5cf5_d3ed, 0x5812_631a, 0xa2f7_9cd6, 0x14de_f9de];

/// L, lowest word first.
pub(super) const ORDER: [u32; 8] = [
    ORDER_LOW[0],
    ORDER_LOW[1],
    ORDER_LOW[2],
    ORDER_LOW[3],
    0,
    0,
    0,
    0x1000_0000,
];

/// d = -121665 / 121666.
pub(super) fn d() -> Number {
    Number::small(121_665)
        .negate()
        .multiply(Number::small(121_666).invert())
}

/// A point by its coordinates.
#[derive(Clone, Copy)]
struct Affine {
    x: Number,
    y: Number,
}

impl Affine {
    /// The base point: y = 4/5 and the even x.
    fn base() -> Self {
        let y = Number::small(4).multiply(Number::small(5).invert());
        let yy = y.multiply(y);
        let x = yy
            .subtract(Number::ONE)
            .multiply(d().multiply(yy).add(Number::ONE).invert())
            .even_root();
        Self { x, y }
    }

    /// The complete addition law, with divisions.
    fn add(self, other: Self) -> Self {
        let xx = self.x.multiply(other.x);
        let yy = self.y.multiply(other.y);
        let dxxyy = d().multiply(xx).multiply(yy);
        let x = self.x.multiply(other.y).add(self.y.multiply(other.x));
        Self {
            x: x.multiply(Number::ONE.add(dxxyy).invert()),
            y: yy.add(xx).multiply(Number::ONE.subtract(dxxyy).invert()),
        }
    }
}

/// Multiples 0 to 128 of the base point: for each y + x, y - x and 2 d x y, eight words each, below p.
pub(super) fn base_table() -> Vec<u32> {
    let base = Affine::base();
    let mut point = Affine {
        x: Number::ZERO,
        y: Number::ONE,
    };
    let mut words = Vec::with_capacity(24 * BASE_MULTIPLES);
    for _ in 0..BASE_MULTIPLES {
        for number in [
            point.y.add(point.x),
            point.y.subtract(point.x),
            Number::small(2)
                .multiply(d())
                .multiply(point.x)
                .multiply(point.y),
        ] {
            words.extend(number.words());
        }
        point = point.add(base);
    }
    words
}
