//! How a field element lies in limbs, and how large a limb can get.
//!
//! # Correctness
//! No kernel checks for overflow, so the generator does: every line of limb arithmetic it writes carries the largest value that the line can
//! have ([`Limb::max`]), worked out from the largest inputs, and [`Steps`] notes when one does not fit its word. A product that could
//! overflow is not written: [`crate::generate::formula`] puts a carry in front.

/// Widths of the limbs of an element, lowest first.
///
/// The top limb ends at bit 255 or above. What is carried out of it comes back at the bottom times [`Layout::fold`].
pub(super) struct Layout {
    pub widths: Vec<u32>,
}

impl Layout {
    pub(super) fn count(&self) -> usize {
        self.widths.len()
    }

    /// Weight of limb `index` is two to this power.
    pub(super) fn position(&self, index: usize) -> u32 {
        self.widths[..index].iter().sum()
    }

    /// What two to the power of all widths is modulo p: 19 for 255 bits, 608 for 260.
    pub(super) fn fold(&self) -> u64 {
        19 << (self.position(self.count()) - 255)
    }

    /// Largest value of limb `index` without a bit above its width.
    pub(super) fn mask(&self, index: usize) -> u64 {
        (1 << self.widths[index]) - 1
    }

    /// A multiple of p with large limbs: `times` times (two to the power of all widths, less the fold).
    pub(super) fn multiple_of_p(&self, times: u64) -> Vec<u64> {
        let mut limbs: Vec<u64> = (0..self.count()).map(|i| times * self.mask(i)).collect();
        limbs[0] -= times * (self.fold() - 1);
        limbs
    }

    /// The limbs of a number of eight words; its bit 255 is dropped.
    pub(super) fn limbs(&self, words: [u32; 8]) -> Vec<u64> {
        let bit = |at: u32| u64::from(at < 255 && words[at as usize / 32] >> (at % 32) & 1 == 1);
        (0..self.count())
            .map(|i| {
                let low = self.position(i);
                (0..self.widths[i]).map(|b| bit(low + b) << b).sum()
            })
            .collect()
    }
}

/// Largest values of the limbs of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bound(pub Vec<u64>);

impl Bound {
    pub(super) fn plus(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a + b).collect())
    }

    pub(super) fn times(&self, factor: u64) -> Self {
        Self(self.0.iter().map(|a| factor * a).collect())
    }

    pub(super) fn within(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a <= b)
    }
}

/// A value in generated text and the largest it can be.
#[derive(Clone)]
pub(super) struct Limb {
    pub name: String,
    pub max: u128,
}

/// Lines of one function, as they are written.
pub(super) struct Steps {
    /// The lines so far.
    pub text: String,
    /// Whether some line can exceed its word.
    pub overflow: bool,
}

impl Steps {
    pub(super) fn new() -> Self {
        Self {
            text: String::new(),
            overflow: false,
        }
    }

    /// Writes `let name = expression;` for a value of at most `max` in a word of `bits`.
    pub(super) fn define(&mut self, name: String, expression: &str, max: u128, bits: u32) -> Limb {
        self.overflow |= max >> bits != 0;
        self.text.push_str("    let ");
        self.text.push_str(&name);
        self.text.push_str(" = ");
        self.text.push_str(expression);
        self.text.push_str(";\n");
        Limb { name, max }
    }

    /// The value modulo `2^width`, as the expression for a name to come.
    pub(super) fn masked(max: u128, width: u32) -> u128 {
        max.min((1 << width) - 1)
    }
}

/// `terms` as a sum, a few to a line.
pub(super) fn sum_of(terms: &[String]) -> String {
    terms
        .chunks(6)
        .map(|line| line.join(" + "))
        .collect::<Vec<_>>()
        .join("\n        + ")
}
