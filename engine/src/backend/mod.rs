//! What a backend must do, and which ones this machine has.

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "instructions of one CPU; each block says why it may"
)]
#[allow(
    clippy::needless_range_loop,
    reason = "limb i of several numbers at once: an index says which limb, iterators would hide it"
)]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "instructions of one CPU; each block says why it may"
)]
#[allow(
    clippy::needless_range_loop,
    reason = "limb i of several numbers at once: an index says which limb, iterators would hide it"
)]
mod avx512;
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "calls of functions compiled for an instruction set; a proof of it is at hand"
)]
mod cpu;
#[cfg(feature = "gpu")]
pub mod gpu;
mod portable;
#[cfg(target_arch = "x86_64")]
mod scalar;
#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "SIMD intrinsics; each use says what proves them supported"
)]
mod sha512;
#[cfg(target_arch = "x86_64")]
mod vectors;
#[cfg(target_arch = "x86_64")]
#[allow(
    clippy::needless_range_loop,
    reason = "lane or limb i of several numbers at once: an index says which, iterators would hide it"
)]
mod vertical;

pub use portable::{Portable, may_share};
#[cfg(target_arch = "x86_64")]
pub use vectors::{Avx2, Avx512};

use crate::ed25519::{SignatureItem, Verdicts, VerifyStats};
use crate::{EngineError, HashAlgorithm};

/// Most items one call may hold, on every backend: a caller never has to know which one it talks to.
pub const BATCH_ITEMS_MAX: usize = 1 << 26;

/// Work on whole batches. A call covers thousands of items, so one virtual call costs nothing.
///
/// Every method answers the same bytes on every backend; `portable` defines right. All methods may be called from
/// several threads at once.
///
/// # Errors
/// Every method: [`EngineError::BatchTooLarge`] above [`BATCH_ITEMS_MAX`] items. On an error the output is unspecified.
///
/// # Panics
/// Every method, when input and output slices do not fit each other: that is a bug in the caller.
#[allow(
    clippy::missing_errors_doc,
    reason = "the section above holds for every method"
)]
pub trait Backend: Send + Sync {
    /// Stable lower-case name, used in logs, metrics and bench labels: `portable`, `avx512`, `gpu`.
    fn name(&self) -> &'static str;

    /// SHA-512 of `messages[i]` into `digests[i]`. Messages may differ in length.
    fn sha512_many(&self, messages: &[&[u8]], digests: &mut [[u8; 64]]) -> Result<(), EngineError>;

    /// SHA-512/256 of `messages[i]` into `digests[i]`.
    fn sha512_256_many(
        &self,
        messages: &[&[u8]],
        digests: &mut [[u8; 32]],
    ) -> Result<(), EngineError>;

    /// SHA-256 of `messages[i]` into `digests[i]`.
    fn sha256_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError>;

    /// BLAKE3 of `messages[i]` into `digests[i]`.
    fn blake3_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError>;

    /// Roots of neighbouring subtrees over leaves: each run of `2^height` leaves becomes one digest in `roots`, the last
    /// run may be shorter. A leaf hashes as `H(0x00 || leaf)`, what is above as in [`Backend::subtree_roots`].
    ///
    /// With `height = 0` these are the leaf hashes; a greater height never keeps more of them than a core works on.
    fn leaf_roots(
        &self,
        hash: HashAlgorithm,
        leaves: &[&[u8]],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError>;

    /// Roots of neighbouring subtrees: `nodes` is one level of a tree, digests one after the other; each run of
    /// `2^height` of them becomes one digest in `roots`, the last run may be shorter. A pair becomes
    /// `H(0x01 || left || right)`, a node without a partner rises unchanged, which is the shape of RFC 9162.
    ///
    /// With `height = 1` this is one level; a greater height keeps whole subtrees in one core's cache.
    fn subtree_roots(
        &self,
        hash: HashAlgorithm,
        nodes: &[u8],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError>;

    /// Decides every signature by the rule of [`crate::ed25519`]; `verdicts` is cleared first and then holds one
    /// verdict an item, in order. The verdict of an item depends on that item alone.
    fn verify_ed25519(
        &self,
        items: &[SignatureItem<'_>],
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError>;

    /// Whether it computes on the cores that everything else on this machine runs on: what slows one such backend slows
    /// all of them alike. A device of its own answers `false`.
    fn shares_cores(&self) -> bool {
        true
    }

    /// What verification has done since this backend was made, for metrics.
    fn verify_stats(&self) -> VerifyStats;
}

/// Every backend this machine can run; the last is always `portable`. The only place that decides: tests and benches
/// iterate it, the node takes the first or the one in its configuration.
///
/// CPU backends come first, fastest first. A GPU stands after them, before `portable`: it is fastest for large batches
/// only, and a call of a few items would wait for it.
#[must_use]
pub fn available() -> Vec<Box<dyn Backend>> {
    let mut all = on_cpu();
    #[cfg(feature = "gpu")]
    if let Ok(gpu) = gpu::Gpu::shared() {
        all.push(Box::new(gpu));
    }
    all.push(Box::new(Portable::new()));
    all
}

/// The backend of this name; `auto` is the fastest on the CPU. Only the name `gpu` opens a GPU.
///
/// # Errors
/// [`EngineError::NoSuchBackend`], which names those this machine has; [`EngineError::NoGpu`], which says why there is
/// none to use.
pub fn by_name(name: &str) -> Result<Box<dyn Backend>, EngineError> {
    #[cfg(feature = "gpu")]
    if name == "gpu" {
        return match gpu::Gpu::shared() {
            Ok(gpu) => Ok(Box::new(gpu)),
            Err(why) => Err(EngineError::NoGpu {
                reason: why.to_string(),
            }),
        };
    }
    let mut on_cpu = on_cpu();
    on_cpu.push(Box::new(Portable::new()));
    let found = on_cpu
        .into_iter()
        .find(|b| name == "auto" || b.name() == name);
    found.ok_or_else(|| EngineError::NoSuchBackend {
        name: name.to_owned(),
        has: available()
            .iter()
            .map(|b| b.name())
            .collect::<Vec<_>>()
            .join(", "),
    })
}

/// The CPU backends that need more than any CPU has, fastest first.
fn on_cpu() -> Vec<Box<dyn Backend>> {
    #[cfg_attr(
        not(target_arch = "x86_64"),
        expect(unused_mut, reason = "only x86 has such backends")
    )]
    let mut all: Vec<Box<dyn Backend>> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        all.extend(Avx512::detect());
        all.extend(Avx2::detect());
    }
    all
}

/// The fastest CPU backend of this machine.
#[cfg(feature = "gpu")]
fn fastest_cpu() -> Box<dyn Backend> {
    let fastest = on_cpu().into_iter().next();
    fastest.unwrap_or_else(|| Box::new(Portable::new()))
}
