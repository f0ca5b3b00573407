//! Multiplication modulo p in twenty limbs of 13 bits, with 32-bit sums only.
//!
//! Limb i weighs two to the power of 13 i, 260 bits in all; what is beyond comes back at the bottom times 608 = 2^5 * 19. All 39 columns are
//! summed first, then carried in two chains, from column 0 and from column 20, so that the upper limbs are short before they are
//! folded onto the lower ones.
//!
//! # Correctness
//! A column is at most twenty products. With limbs of the operands at most `a` and `b` times 2^13, `20 * a * b * 2^26` must leave room for a
//! carry of 19 bits below 2^32: `a * b` up to 3.19, so a sum of a tight element and twice p (3) may be multiplied by a tight one, and two
//! sums of tight ones (2 each) may not. After the chains limbs are 13 bits; folding makes them at most 608 * 2^13 + 2^13 < 2^23, limb 0 with
//! the carry of the low chain (19 bits) less than 2^29, limb 19 less than 2^24. One more chain leaves a carry of 11 bits at the top, times
//! 608 less than 2^21 at limb 0, so 8 bits into limb 1. [`product`] works this out for each pair of bounds it is asked for.

use std::collections::BTreeMap;

use crate::generate::limbs::{Bound, Layout, Limb, Steps, sum_of};

const COUNT: usize = 20;
const WIDTH: u32 = 13;
const MASK: u128 = (1 << WIDTH) - 1;

/// Limb widths of this path.
pub(super) fn layout() -> Layout {
    Layout {
        widths: vec![WIDTH; COUNT],
    }
}

/// The body of `f * g`, or of `f * f` without a `right`, and the bound of its result; nothing when a sum could overflow.
pub(super) fn product(left: &Bound, right: Option<&Bound>) -> Option<(String, Bound)> {
    let mut steps = Steps::new();
    let columns = columns(&mut steps, left, right);
    let (mut low, low_carry) = chain(&mut steps, &columns[..COUNT], "l");
    let (mut high, high_carry) = chain(&mut steps, &columns[COUNT..], "u");
    high.push(high_carry);
    let fold = layout().fold();
    for (i, (limb, upper)) in low.iter_mut().zip(&high).enumerate() {
        let mut expression = format!("{} + {fold}u * {}", limb.name, upper.name);
        let mut max = limb.max + u128::from(fold) * upper.max;
        if i == 0 {
            expression = format!("{expression} + {fold}u * {}", low_carry.name);
            max += u128::from(fold) * low_carry.max;
        }
        *limb = steps.define(format!("r{i}"), &expression, max, 32);
    }
    let (mut limbs, top) = chain(&mut steps, &low, "m");
    let bottom = steps.define(
        String::from("z"),
        &format!("{} + {fold}u * {}", limbs[0].name, top.name),
        limbs[0].max + u128::from(fold) * top.max,
        32,
    );
    limbs[0] = Limb {
        name: format!("{} & {MASK}u", bottom.name),
        max: MASK,
    };
    limbs[1] = Limb {
        name: format!("{} + ({} >> {WIDTH}u)", limbs[1].name, bottom.name),
        max: limbs[1].max + (bottom.max >> WIDTH),
    };
    let names: Vec<&str> = limbs.iter().map(|limb| limb.name.as_str()).collect();
    steps.text.push_str("    return Fe(\n");
    for line in names.chunks(5) {
        steps
            .text
            .push_str(&format!("        {},\n", line.join(", ")));
    }
    steps.text.push_str("    );\n");
    let bound = Bound(limbs.iter().map(|limb| limb.max as u64).collect());
    (!steps.overflow).then_some((steps.text, bound))
}

/// The 39 sums of products of equal weight.
fn columns(steps: &mut Steps, left: &Bound, right: Option<&Bound>) -> Vec<Limb> {
    let mut operands: BTreeMap<String, Limb> = BTreeMap::new();
    let mut operand = |steps: &mut Steps, name: &str, bound: &Bound, index: usize, factor: u64| {
        let (own, expression) = match factor {
            1 => (format!("{name}{index}"), format!("{name}[{index}]")),
            _ => (
                format!("{name}{index}_{factor}"),
                format!("{factor}u * {name}[{index}]"),
            ),
        };
        let max = u128::from(factor * bound.0[index]);
        operands
            .entry(own.clone())
            .or_insert_with(|| steps.define(own, &expression, max, 32))
            .clone()
    };
    (0..2 * COUNT - 1)
        .map(|k| {
            let mut products = Vec::new();
            let mut max = 0;
            for i in k.saturating_sub(COUNT - 1)..=k.min(COUNT - 1) {
                let j = k - i;
                let (f, g) = match right {
                    Some(right) => (
                        operand(steps, "f", left, i, 1),
                        operand(steps, "g", right, j, 1),
                    ),
                    None if i > j => continue,
                    None => (
                        operand(steps, "f", left, i, if i < j { 2 } else { 1 }),
                        operand(steps, "f", left, j, 1),
                    ),
                };
                products.push(format!("{} * {}", f.name, g.name));
                max += f.max * g.max;
            }
            steps.define(format!("h{k}"), &sum_of(&products), max, 32)
        })
        .collect()
}

/// Carries `sums` from the lowest to the highest: what is left of each, named `prefix` and its place, and the last carry.
fn chain(steps: &mut Steps, sums: &[Limb], prefix: &str) -> (Vec<Limb>, Limb) {
    let mut limbs = Vec::new();
    let mut carry: Option<Limb> = None;
    for (i, sum) in sums.iter().enumerate() {
        let sum = match &carry {
            None => sum.clone(),
            Some(carry) => steps.define(
                format!("{prefix}s{i}"),
                &format!("{} + {}", sum.name, carry.name),
                sum.max + carry.max,
                32,
            ),
        };
        limbs.push(steps.define(
            format!("{prefix}{i}"),
            &format!("{} & {MASK}u", sum.name),
            Steps::masked(sum.max, WIDTH),
            32,
        ));
        carry = Some(steps.define(
            format!("{prefix}c{i}"),
            &format!("{} >> {WIDTH}u", sum.name),
            sum.max >> WIDTH,
            32,
        ));
    }
    (limbs, carry.expect("a chain of at least one"))
}
