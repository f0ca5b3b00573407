//! The backend for GPUs: batches as compute kernels through wgpu, and the CPU behind them.
//!
//! A device is not trusted. It is put through a known-answer test before it gets work; each job carries items whose
//! answers are known, at random places, and a number that every item's result must repeat; whatever it rejects is
//! decided by the CPU, and a sample of what it accepts too. After the first fault of any kind the call runs again on the
//! CPU, and the following calls go there until the device has passed the test again. So a device can cost time, not a
//! verdict: for a wrong accept it would have to write the batch's number, in full, to the place of a signature that it
//! should reject, and answer everything else correctly.
//!
//! `adapter` chooses the device, `owner` is the one thread that talks to it, `driver` is wgpu and `device` the seam in
//! front of it; `hash`, `tree` and `verify` make jobs and check their answers, `call` and `verify` cut calls into them;
//! `breaker` decides when the device rests.

mod adapter;
mod breaker;
mod call;
mod counters;
mod cut;
mod device;
mod dice;
mod driver;
#[cfg(test)]
mod emulator;
mod fault;
mod hash;
mod job;
mod known;
mod open;
mod owner;
mod pack;
mod pipeline;
mod stream;
#[cfg(test)]
mod tests;
mod tree;
mod verify;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

pub use adapter::{Adapters, GpuInfo, NoGpu, SOFTWARE_VARIABLE};
pub use counters::GpuStats;

use super::portable::{check_count, fresh_secret};
use super::{Backend, fastest_cpu};
use crate::ed25519::{SignatureItem, Verdicts, VerifyStats};
use crate::{EngineError, HashAlgorithm};
use breaker::Route;
use counters::{Counters, Verified};
use dice::Dice;
use fault::Fault;
use hash::Sha;
use owner::Owner;

/// A GPU, and the fastest CPU backend for when it fails.
///
/// Several may share one device; each counts its own signatures.
pub struct Gpu {
    device: Arc<Service>,
    cpu: Box<dyn Backend>,
    verified: Verified,
}

/// A device in use by any number of [`Gpu`].
struct Service {
    owner: Owner,
    dice: Dice,
    counters: Counters,
}

/// The device of this process, or why there is none, once somebody has asked.
static SHARED: OnceLock<Result<Arc<Service>, NoGpu>> = OnceLock::new();

impl Service {
    fn start(opener: device::Opener) -> Result<Arc<Self>, NoGpu> {
        // Without randomness from the system the places of canaries could be guessed, by nobody who gains from it.
        let seed = fresh_secret().unwrap_or_default();
        let seed = seed.first_chunk().expect("32 bytes hold 8");
        Ok(Arc::new(Self {
            owner: Owner::start(opener)?,
            dice: Dice::new(u64::from_le_bytes(*seed)),
            counters: Counters::default(),
        }))
    }

    fn stats(&self) -> GpuStats {
        let breaker = self.owner.breaker();
        self.counters.stats(breaker.is_open(), self.owner.probes())
    }
}

impl Gpu {
    /// Opens a device of its own. Takes as long as its driver needs to compile the kernels.
    ///
    /// # Errors
    /// [`NoGpu`], which says why there is none to use.
    pub fn open(adapters: &Adapters) -> Result<Self, NoGpu> {
        Self::start(Box::new({
            let adapters = adapters.clone();
            move || open::open(&adapters, None)
        }))
    }

    /// As [`Gpu::open`], with kernels of 32-bit integers only, which is what a device without 64-bit ones gets.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn open_u32(adapters: &Adapters) -> Result<Self, NoGpu> {
        Self::start(Box::new({
            let adapters = adapters.clone();
            move || open::open(&adapters, Some(bds_shaders::Path::U32))
        }))
    }

    /// The device of this process, as [`Adapters::from_environment`] allows: opened by the first call, shared by all.
    ///
    /// # Errors
    /// [`NoGpu`], the same at every call.
    pub fn shared() -> Result<Self, NoGpu> {
        let opened = SHARED.get_or_init(|| {
            let adapters = Adapters::from_environment();
            Service::start(Box::new(move || open::open(&adapters, None)))
        });
        opened.clone().map(Self::with)
    }

    /// What the device of this process has done so far; none where nobody has asked for it, or there is none. Opens none.
    #[must_use]
    pub fn shared_stats() -> Option<GpuStats> {
        let opened = SHARED.get()?.as_ref();
        opened.ok().map(|device| device.stats())
    }

    fn start(opener: device::Opener) -> Result<Self, NoGpu> {
        Service::start(opener).map(Self::with)
    }

    fn with(device: Arc<Service>) -> Self {
        Self {
            device,
            cpu: fastest_cpu(),
            verified: Verified::default(),
        }
    }

    /// Which device this is.
    #[must_use]
    pub fn info(&self) -> &GpuInfo {
        self.device.owner.info()
    }

    /// What the device has done for all who share it, for metrics.
    #[must_use]
    pub fn stats(&self) -> GpuStats {
        self.device.stats()
    }

    /// Runs a call on the device, or on the CPU when the device rests or fails.
    fn run<T: ?Sized>(
        &self,
        items: usize,
        output: &mut T,
        on_device: impl FnOnce(&mut T) -> Result<(), Fault>,
        on_cpu: impl FnOnce(&mut T) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        let Service {
            owner, counters, ..
        } = &*self.device;
        if items == 0 {
            return on_cpu(output);
        }
        match owner.breaker().route(Instant::now()) {
            Route::Device => match on_device(output) {
                Ok(()) => {
                    counters.on_device(items);
                    return Ok(());
                }
                Err(fault) => {
                    counters.fault(&fault);
                    owner.breaker().trip(Instant::now());
                }
            },
            Route::Cpu => {}
            Route::CpuAndProbe => owner.probe(),
        }
        counters.on_cpu(items);
        on_cpu(output)
    }
}

/// The words of an answer, as the device wrote them.
fn words(bytes: &[u8]) -> impl ExactSizeIterator<Item = u32> + '_ {
    let (words, _) = bytes.as_chunks::<4>();
    words.iter().map(|word| u32::from_le_bytes(*word))
}

impl Backend for Gpu {
    fn name(&self) -> &'static str {
        "gpu"
    }

    fn sha512_many(&self, messages: &[&[u8]], digests: &mut [[u8; 64]]) -> Result<(), EngineError> {
        assert_eq!(messages.len(), digests.len(), "one digest a message");
        check_count(messages.len())?;
        self.run(
            messages.len(),
            digests,
            |digests| self.hash(Sha::Full, false, messages, digests.as_flattened_mut()),
            |digests| self.cpu.sha512_many(messages, digests),
        )
    }

    fn sha512_256_many(
        &self,
        messages: &[&[u8]],
        digests: &mut [[u8; 32]],
    ) -> Result<(), EngineError> {
        assert_eq!(messages.len(), digests.len(), "one digest a message");
        check_count(messages.len())?;
        self.run(
            messages.len(),
            digests,
            |digests| self.hash(Sha::Cut, false, messages, digests.as_flattened_mut()),
            |digests| self.cpu.sha512_256_many(messages, digests),
        )
    }

    /// On the CPU: a device has no kernel for it.
    fn sha256_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.cpu.sha256_many(messages, digests)
    }

    /// On the CPU: a device has no kernel for it.
    fn blake3_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.cpu.blake3_many(messages, digests)
    }

    fn leaf_roots(
        &self,
        hash: HashAlgorithm,
        leaves: &[&[u8]],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        let on_cpu = |roots: &mut [u8]| self.cpu.leaf_roots(hash, leaves, height, roots);
        let Some(sha) = Sha::of(hash) else {
            return on_cpu(roots);
        };
        check_runs(leaves.len(), height, roots, sha)?;
        self.run(
            leaves.len(),
            roots,
            |roots| self.fold_leaves(sha, leaves, height, roots),
            on_cpu,
        )
    }

    fn subtree_roots(
        &self,
        hash: HashAlgorithm,
        nodes: &[u8],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        let on_cpu = |roots: &mut [u8]| self.cpu.subtree_roots(hash, nodes, height, roots);
        let Some(sha) = Sha::of(hash) else {
            return on_cpu(roots);
        };
        assert!(height > 0, "a subtree of height 0 is its node");
        let count = nodes.len() / sha.digest_bytes();
        assert_eq!(nodes.len() % sha.digest_bytes(), 0, "whole digests");
        check_runs(count, height, roots, sha)?;
        self.run(
            count,
            roots,
            |roots| self.fold_nodes(sha, nodes, height, roots),
            on_cpu,
        )
    }

    fn verify_ed25519(
        &self,
        items: &[SignatureItem<'_>],
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError> {
        check_count(items.len())?;
        self.run(
            items.len(),
            verdicts,
            |verdicts| self.verify(items, verdicts),
            |verdicts| self.cpu.verify_ed25519(items, verdicts),
        )?;
        self.verified.add(items.len(), verdicts.count_valid());
        Ok(())
    }

    /// A software adapter is a program on the same cores.
    fn shares_cores(&self) -> bool {
        self.info().software
    }

    /// Equations and keys are those of the CPU behind the device, which decides what that rejects.
    fn verify_stats(&self) -> VerifyStats {
        self.verified.stats(self.cpu.verify_stats())
    }
}

/// One root for each run of `2^height` of `count` items, as every backend asks for.
fn check_runs(count: usize, height: u32, roots: &[u8], sha: Sha) -> Result<(), EngineError> {
    check_count(count)?;
    assert!(height <= 32, "height {height} is above 32");
    let expected = count.div_ceil(1 << height) * sha.digest_bytes();
    assert_eq!(roots.len(), expected, "one root a subtree");
    Ok(())
}
