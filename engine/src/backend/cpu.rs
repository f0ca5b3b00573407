//! Which instructions has this CPU, and how is code compiled for them? A value of these types is the proof.

/// Something to do within an instruction set. `run` must be `#[inline(always)]`, or it is compiled for any CPU; closures
/// cannot be.
pub(super) trait Work {
    /// What comes out.
    type Output;

    /// Does it.
    fn run(self) -> Self::Output;
}

/// An instruction set. A value is the proof that this CPU and operating system have it.
pub(super) trait InstructionSet: Copy + Send + Sync + 'static {
    /// Name of the backend on it.
    const NAME: &'static str;

    /// The proof, where there is one.
    fn detect() -> Option<Self>;

    /// Runs `work` compiled for this instruction set.
    fn within<W: Work>(self, work: W) -> W::Output;
}

/// Proof of AVX-512 F, BW, DQ, VL, IFMA and VBMI: the private field means only `detect` can make one.
///
/// Every CPU with IFMA that was ever built has the others too; asking for all of them at once keeps one token for
/// hashing and for field arithmetic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx512(());

impl InstructionSet for Avx512 {
    const NAME: &'static str = "avx512";

    fn detect() -> Option<Self> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512vbmi");
        all.then_some(Self(()))
    }

    #[inline]
    fn within<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512ifma,avx512vbmi")]
        fn run<W: Work>(work: W) -> W::Output {
            work.run()
        }
        // SAFETY: `self` exists, so `detect` saw these instructions on this CPU.
        unsafe { run(work) }
    }
}

/// Proof of AVX2 and FMA: the private field means only `detect` can make one.
///
/// As good as every CPU with AVX2 has FMA; field arithmetic wants it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl InstructionSet for Avx2 {
    const NAME: &'static str = "avx2";

    fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    #[inline]
    fn within<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx2,fma")]
        fn run<W: Work>(work: W) -> W::Output {
            work.run()
        }
        // SAFETY: `self` exists, so `detect` saw these instructions on this CPU.
        unsafe { run(work) }
    }
}
