//! Multiplication modulo p in ten limbs of 26 and 25 bits, with 64-bit sums.
//!
//! Limb i weighs two to the power of 25.5 i, rounded up, so the product of limbs i and j belongs to column i + j, doubled when both are odd.
//! A column from the tenth on comes back ten lower, times 19. These factors go into the 32-bit limbs first; then a column is ten
//! multiplications of 32 by 32 bits, each added to a 64-bit sum: one instruction each where the device has a wide multiply-add.
//!
//! # Correctness
//! With limbs at most `b` times 2^26 (even) and 2^25 (odd), column 0 is the largest: `b^2 * 2^52 * (1 + 19 * (4 + 5/2))`, 2^58.96 * b^2. So
//! 64 bits hold products of operands up to three and four times as large as a tight one, provided that the right one times 19 fits in
//! 32 bits: up to 3.3 times. [`product`] works this out for each pair of bounds it is asked for.

use std::collections::BTreeMap;

use crate::generate::limbs::{Bound, Layout, Limb, Steps, sum_of};

/// Limb widths of this path.
pub(super) fn layout() -> Layout {
    Layout {
        widths: (0..10).map(|i| 26 - i % 2).collect(),
    }
}

/// One product in a column: limb `left` times `left_factor`, and `right` likewise.
struct Term {
    left: usize,
    left_factor: u64,
    right: usize,
    right_factor: u64,
}

/// The products that make column `column` of `f * g`, or of `f * f` when `square`.
fn column(layout: &Layout, column: usize, square: bool) -> Vec<Term> {
    let count = layout.count();
    let mut terms = Vec::new();
    for left in 0..count {
        let right = (column + count - left) % count;
        if square && left > right {
            continue;
        }
        let wraps = left + right >= count;
        let weight = layout.position(left) + layout.position(right) - if wraps { 255 } else { 0 };
        let mut twos = 1 << (weight - layout.position(column));
        if square && left < right {
            twos *= 2;
        }
        // A product has all its left limbs doubled anyway. A square can have one factor on each side, but 38 times a limb fits only where
        // the limb is odd, and so one bit shorter.
        let right_twos = match (square, wraps, right % 2) {
            (true, true, 1) => twos.min(2),
            (true, false, _) if twos == 4 => 2,
            _ => 1,
        };
        terms.push(Term {
            left,
            left_factor: twos / right_twos,
            right,
            right_factor: right_twos * if wraps { 19 } else { 1 },
        });
    }
    terms
}

/// The body of `f * g`, or of `f * f` without a `right`, and the bound of its result; nothing when a sum could overflow.
pub(super) fn product(left: &Bound, right: Option<&Bound>) -> Option<(String, Bound)> {
    let layout = layout();
    let count = layout.count();
    let mut steps = Steps::new();
    let mut scaled = BTreeMap::new();
    let mut columns = Vec::new();
    for k in 0..count {
        let mut max = 0;
        let mut products = Vec::new();
        for term in column(&layout, k, right.is_none()) {
            let f = scale(
                &mut steps,
                &mut scaled,
                ("f", left),
                term.left,
                term.left_factor,
            );
            let other = right.map_or(("f", left), |bound| ("g", bound));
            let g = scale(
                &mut steps,
                &mut scaled,
                other,
                term.right,
                term.right_factor,
            );
            max += f.max * g.max;
            products.push(format!("{} * {}", f.name, g.name));
        }
        columns.push((products, max));
    }
    let mut sums: Vec<Limb> = columns
        .iter()
        .enumerate()
        .map(|(k, (products, max))| steps.define(format!("h{k}"), &sum_of(products), *max, 64))
        .collect();
    // Two chains at once, from limb 0 and from limb 5, so that a device need not wait for one long chain.
    let mut low: Vec<Option<Limb>> = vec![None; count];
    for from in [0, 5, 1, 6, 2, 7, 3, 8, 4, 9] {
        let width = layout.widths[from];
        let sum = sums[from].clone();
        let carry = steps.define(
            format!("c{from}"),
            &format!("{} >> {width}u", sum.name),
            sum.max >> width,
            64,
        );
        low[from] = Some(steps.define(
            format!("l{from}"),
            &format!("u32({} & 0x{:x}lu)", sum.name, layout.mask(from)),
            Steps::masked(sum.max, width),
            32,
        ));
        let to = (from + 1) % count;
        let (carried, times) = match to {
            0 => (format!("19lu * {}", carry.name), 19),
            _ => (carry.name, 1),
        };
        // Limbs 5 and 0 were cut before their carry comes.
        let (name, max) = match &low[to] {
            Some(cut) => (format!("u64({})", cut.name), cut.max),
            None => (sums[to].name.clone(), sums[to].max),
        };
        sums[to] = steps.define(
            format!("s{to}{}", if low[to].is_some() { "b" } else { "" }),
            &format!("{name} + {carried}"),
            max + times * carry.max,
            64,
        );
    }
    let mut limbs: Vec<Limb> = low.into_iter().flatten().collect();
    for from in [5, 0] {
        let width = layout.widths[from];
        let sum = &sums[from];
        limbs[from] = Limb {
            name: format!("u32({} & 0x{:x}lu)", sum.name, layout.mask(from)),
            max: Steps::masked(sum.max, width),
        };
        let above = &limbs[from + 1];
        limbs[from + 1] = Limb {
            name: format!("{} + u32({} >> {width}u)", above.name, sum.name),
            max: above.max + (sum.max >> width),
        };
    }
    steps.text.push_str("    return Fe(\n");
    for limb in &limbs {
        steps.overflow |= limb.max >> 32 != 0;
        steps.text.push_str(&format!("        {},\n", limb.name));
    }
    steps.text.push_str("    );\n");
    let bound = Bound(limbs.iter().map(|limb| limb.max as u64).collect());
    (!steps.overflow).then_some((steps.text, bound))
}

/// Limb `index` of an operand times `factor`, as 64 bits, written once.
fn scale(
    steps: &mut Steps,
    scaled: &mut BTreeMap<String, Limb>,
    (operand, bound): (&str, &Bound),
    index: usize,
    factor: u64,
) -> Limb {
    let (name, expression) = match factor {
        1 => (format!("{operand}{index}"), format!("{operand}[{index}]")),
        _ => (
            format!("{operand}{index}_{factor}"),
            format!("{factor}u * {operand}[{index}]"),
        ),
    };
    scaled
        .entry(name.clone())
        .or_insert_with(|| {
            let max = u128::from(factor) * u128::from(bound.0[index]);
            steps.define(name, &format!("u64({expression})"), max, 32)
        })
        .clone()
}
