//! Which instructions has this CPU? A value of these types is the proof.

/// Proof of AVX-512 F, BW, DQ, VL, IFMA and VBMI: the private field means only [`Avx512::detect`] can make one.
///
/// Every CPU with IFMA that was ever built has the others too; asking for all of them at once keeps one token for
/// hashing and for field arithmetic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

impl Avx512 {
    /// The proof, where this CPU and operating system give it.
    pub(super) fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512vbmi");
        all.then_some(Self(()))
    }
}

/// Proof of AVX2 and FMA: the private field means only [`Avx2::detect`] can make one.
///
/// As good as every CPU with AVX2 has FMA; field arithmetic wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The proof, where this CPU and operating system give it.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}
