//! Does this CPU have AVX-512 with IFMA, and what runs on it.

mod field;

/// Proof that this CPU has AVX-512F, DQ and IFMA: the private field means only [`Isa::detect`] can make one.
#[derive(Clone, Copy)]
pub(in crate::backend) struct Isa(());

impl Isa {
    /// Nothing on a CPU without one of the three.
    pub(in crate::backend) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma"))
        .then_some(Self(()))
    }
}

#[cfg(test)]
mod tests {
    use super::Isa;
    use super::field::Field;
    use crate::backend::vertical::tests;

    #[test]
    fn arithmetic_agrees_with_big_integers() {
        let Some(isa) = Isa::detect() else { return };
        tests::field_agrees::<Field>(isa);
        tests::lanes_keep_apart::<Field>(isa);
    }
}
