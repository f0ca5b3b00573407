//! The field modulo p in WGSL: what is the same for both limb layouts, around the multiplication of each.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::Path;
use crate::generate::limbs::{Bound, Layout, Steps};
use crate::generate::number::Number;
use crate::generate::{field_u32, field_u64};

/// Largest multiple of a tight element that `fe_carry` takes.
const CARRY_UNITS: u64 = 8;

/// One limb layout with its multiplication.
pub(super) struct Field {
    pub path: Path,
    pub layout: Layout,
    /// What limbs are after a multiplication or a carry: their width and a little.
    pub tight: Bound,
    /// Which `fe_sub` functions formulas asked for, by the multiple of p they add.
    subtractions: RefCell<BTreeSet<u64>>,
}

impl Field {
    pub(super) fn new(path: Path) -> Self {
        let (layout, slack) = match path {
            Path::U64 => (field_u64::layout(), 7),
            Path::U32 => (field_u32::layout(), 5),
        };
        let tight = layout
            .widths
            .iter()
            .map(|width| (1 << width) - 1 + (1 << (width - slack)))
            .collect();
        Self {
            path,
            layout,
            tight: Bound(tight),
            subtractions: RefCell::new(BTreeSet::new()),
        }
    }

    /// Body and bound of a product, or of a square without a `right`; nothing when a sum could overflow.
    fn product(&self, left: &Bound, right: Option<&Bound>) -> Option<(String, Bound)> {
        match self.path {
            Path::U64 => field_u64::product(left, right),
            Path::U32 => field_u32::product(left, right),
        }
    }

    /// Whether `fe_mul` (or `fe_sq`) may be given such operands: no sum overflows and the result is tight.
    pub(super) fn multiplies(&self, left: &Bound, right: Option<&Bound>) -> bool {
        self.product(left, right)
            .is_some_and(|(_, bound)| bound.within(&self.tight))
    }

    /// Whether `fe_carry` makes such an element tight.
    pub(super) fn carries(&self, bound: &Bound) -> bool {
        bound.within(&self.tight.times(CARRY_UNITS))
    }

    /// The subtraction whose result is never negative for a subtrahend within `bound`: the multiple of p it adds, as limbs and as a number.
    pub(super) fn subtraction(&self, bound: &Bound) -> (u64, Bound) {
        let times = (1..=CARRY_UNITS)
            .find(|&times| bound.within(&Bound(self.layout.multiple_of_p(times))))
            .expect("formulas carry a subtrahend before it grows so large");
        self.subtractions.borrow_mut().insert(times);
        (times, Bound(self.layout.multiple_of_p(times)))
    }

    /// `number` as a value of WGSL.
    pub(super) fn constant(&self, number: Number) -> String {
        let limbs: Vec<String> = self
            .layout
            .limbs(number.words())
            .iter()
            .map(|limb| format!("{limb}u"))
            .collect();
        format!("Fe({})", limbs.join(", "))
    }

    /// Type and functions; comes after all formulas, which say which subtractions there are.
    pub(super) fn text(&self) -> String {
        let count = self.layout.count();
        let widths = match self.path {
            Path::U64 => "26 and 25 bits by turns",
            Path::U32 => "13 bits each",
        };
        let mut text = format!(
            "// A number modulo p = 2^255 - 19 in {count} limbs, lowest first, of {widths}; tight limbs may pass that by less than 1/{}.
alias Fe = array<u32, {count}>;

const FE_ZERO = {};
const FE_ONE = {};

",
            match self.path {
                Path::U64 => 127,
                Path::U32 => 31,
            },
            self.constant(Number::ZERO),
            self.constant(Number::ONE)
        );
        text.push_str(&self.by_limb(
            "// Limb by limb, without a carry.\nfn fe_add(f: Fe, g: Fe) -> Fe",
            |i| format!("f[{i}] + g[{i}]"),
        ));
        for &times in self.subtractions.borrow().iter() {
            let multiple = self.layout.multiple_of_p(times);
            text.push_str(&self.by_limb(
                &format!(
                    "// f - g and a multiple of p whose limbs are {times} times the largest, without a carry.\nfn fe_sub{times}(f: Fe, g: Fe) -> Fe"
                ),
                |i| format!("(f[{i}] + {}u) - g[{i}]", multiple[i]),
            ));
        }
        text.push_str(&self.by_limb(
            "// f where the condition holds, else g.\nfn fe_select(condition: bool, f: Fe, g: Fe) -> Fe",
            |i| format!("select(g[{i}], f[{i}], condition)"),
        ));
        text.push_str(&self.carry());
        let (multiplication, _) = self
            .product(&self.tight, Some(&self.tight))
            .expect("tight elements multiply");
        let (squaring, _) = self
            .product(&self.tight, None)
            .expect("tight elements square");
        let _ = write!(
            text,
            "fn fe_mul(f: Fe, g: Fe) -> Fe {{\n{multiplication}}}\n\nfn fe_sq(f: Fe) -> Fe {{\n{squaring}}}\n\n"
        );
        text.push_str(
            "// f to the power of two to the power of count.
fn fe_sq_times(f: Fe, count: u32) -> Fe {
    var power = f;
    for (var i = 0u; i < count; i += 1u) {
        power = fe_sq(power);
    }
    return power;
}

",
        );
        text.push_str(&self.decoding());
        text.push_str(&self.encoding());
        text.push_str(
            "// Whether f, which must be tight, is 0 modulo p.
fn fe_is_zero(f: Fe) -> bool {
    let w = fe_to_words(f);
    return (w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) == 0u;
}

",
        );
        text
    }

    fn by_limb(&self, head: &str, limb: impl Fn(usize) -> String) -> String {
        let mut text = format!("{head} {{\n    return Fe(\n");
        for i in 0..self.layout.count() {
            let _ = writeln!(text, "        {},", limb(i));
        }
        text.push_str("    );\n}\n\n");
        text
    }

    /// `fe_carry`: every limb gives its upper bits to the next at once, so that none waits for another.
    ///
    /// # Correctness
    /// A limb at most eight times a tight one carries less than 9, so the next stays tight; limb 0 gets the top carry times the fold. Where that
    /// is more than a tight limb allows (608 * 8), limb 0 carries once more.
    fn carry(&self) -> String {
        let layout = &self.layout;
        let count = layout.count();
        let mut steps = Steps::new();
        let mut limbs = Vec::new();
        let largest = self.tight.times(CARRY_UNITS);
        for i in 0..count {
            let before = (i + count - 1) % count;
            let width = layout.widths[before];
            let times = if i == 0 { layout.fold() } else { 1 };
            let factor = if i == 0 {
                format!("{times}u * ")
            } else {
                String::new()
            };
            limbs.push(steps.define(
                format!("l{i}"),
                &format!(
                    "(f[{i}] & {}u) + {factor}(f[{before}] >> {width}u)",
                    layout.mask(i)
                ),
                u128::from(layout.mask(i) + times * (largest.0[before] >> width)),
                32,
            ));
        }
        let mut names: Vec<String> = limbs.iter().map(|limb| limb.name.clone()).collect();
        if limbs[0].max > u128::from(self.tight.0[0]) {
            let width = layout.widths[0];
            names[0] = format!("l0 & {}u", layout.mask(0));
            names[1] = format!("l1 + (l0 >> {width}u)");
            limbs[1].max += limbs[0].max >> width;
            limbs[0].max = u128::from(layout.mask(0));
        }
        let bound = Bound(limbs.iter().map(|limb| limb.max as u64).collect());
        assert!(
            !steps.overflow && bound.within(&self.tight),
            "fe_carry leaves {bound:?}"
        );
        format!(
            "// The same number with tight limbs, from limbs up to {CARRY_UNITS} times as large.
fn fe_carry(f: Fe) -> Fe {{
{}    return Fe({});
}}

",
            steps.text,
            names.join(", ")
        )
    }

    /// `fe_from_words`.
    fn decoding(&self) -> String {
        let layout = &self.layout;
        self.by_limb(
            "// The number of 32 bytes without their last bit; it may be p or more.\nfn fe_from_words(w: array<u32, 8>) -> Fe",
            |i| {
                let low = layout.position(i);
                // The top limb may reach beyond bit 255 by its width, but not here.
                let width = layout.widths[i].min(255 - low);
                let (word, shift) = (low / 32, low % 32);
                let mut parts = match shift {
                    0 => format!("w[{word}]"),
                    _ => format!("(w[{word}] >> {shift}u)"),
                };
                if shift + width > 32 {
                    parts = format!("({parts} | (w[{}] << {}u))", word + 1, 32 - shift);
                }
                format!("{parts} & {}u", (1_u64 << width) - 1)
            },
        )
    }

    /// `fe_to_words`: the one representative below p.
    ///
    /// # Correctness
    /// A tight element is below 2^255 * 66. The first chain cuts it at bit 255 and folds the rest, so it is below 2^255 + 19 * 66, and that is
    /// below 2p. The second chain computes the carry of it plus 19 out of bit 255: 1 exactly when it is p or more. Adding 19 times that and
    /// dropping bit 255 subtracts p.
    fn encoding(&self) -> String {
        let layout = &self.layout;
        let count = layout.count();
        let width = |i: usize| layout.widths[i].min(255 - layout.position(i));
        let mask = |i: usize| (1_u64 << width(i)) - 1;
        let mut text = String::from(
            "// The 32 bytes of f, which must be tight, reduced below p.\nfn fe_to_words(f: Fe) -> array<u32, 8> {\n",
        );
        for i in 0..count {
            let carried = match i {
                0 => String::new(),
                _ => format!(" + (a{} >> {}u)", i - 1, width(i - 1)),
            };
            let _ = writeln!(text, "    let a{i} = f[{i}]{carried};");
        }
        let top = count - 1;
        let _ = writeln!(
            text,
            "    let b0 = (a0 & {}u) + 19u * (a{top} >> {}u);",
            mask(0),
            width(top)
        );
        for i in 1..count {
            let _ = writeln!(text, "    let b{i} = a{i} & {}u;", mask(i));
        }
        let mut carry = String::from("19u");
        for i in 0..count {
            let _ = writeln!(text, "    let q{i} = (b{i} + {carry}) >> {}u;", width(i));
            carry = format!("q{i}");
        }
        let _ = writeln!(text, "    let c0 = b0 + 19u * q{top};");
        for i in 1..count {
            let _ = writeln!(
                text,
                "    let c{i} = b{i} + (c{} >> {}u);",
                i - 1,
                width(i - 1)
            );
        }
        for i in 0..count {
            let _ = writeln!(text, "    let d{i} = c{i} & {}u;", mask(i));
        }
        text.push_str("    return array<u32, 8>(\n");
        for word in 0..8_u32 {
            let parts: Vec<String> = (0..count)
                .filter_map(|i| {
                    let low = layout.position(i);
                    let start = 32 * word;
                    if low + width(i) <= start || low >= start + 32 {
                        None
                    } else if low < start {
                        Some(format!("(d{i} >> {}u)", start - low))
                    } else if low == start {
                        Some(format!("d{i}"))
                    } else {
                        Some(format!("(d{i} << {}u)", low - start))
                    }
                })
                .collect();
            let _ = writeln!(text, "        {},", parts.join(" | "));
        }
        text.push_str("    );\n}\n\n");
        text
    }
}
