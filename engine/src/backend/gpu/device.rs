//! What must a device do? The seam between the engine and a driver, so that tests can put a faulty one in its place.

use std::time::Duration;

use bds_shaders::Path;

use super::adapter::{GpuInfo, NoGpu};
use super::fault::Fault;
use super::job::Job;

/// Jobs on their way at once: one uploads while one computes and one is read back.
pub(super) const SLOTS: usize = 3;

/// A device with [`SLOTS`] places for jobs. Only its owner thread calls it, for each slot in this order: `upload`,
/// `dispatch`, `wait`, `read`. After any fault it is dropped, and perhaps another opened.
pub(super) trait Device: Send {
    /// Copies the job's input to where the device can read it.
    fn upload(&mut self, slot: usize, job: &Job) -> Result<(), Fault>;

    /// Starts the job's steps.
    fn dispatch(&mut self, slot: usize, job: &Job) -> Result<(), Fault>;

    /// Waits until the job is done and its answer can be read.
    fn wait(&mut self, slot: usize, timeout: Duration) -> Result<(), Fault>;

    /// Appends the answer to `answer`: the job's [`Job::answer_bytes`].
    fn read(&mut self, slot: usize, job: &Job, answer: &mut Vec<u8>) -> Result<(), Fault>;
}

/// How much a device is given at once, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Most bytes of a job's input, and of the nodes of a tree.
    pub(super) job_bytes: usize,
    /// Most messages or nodes in a job.
    pub(super) hash_items: usize,
    /// Most signatures in a job.
    pub(super) verify_items: usize,
    /// Longest wait for a job that the device has started.
    pub(super) job_timeout: Duration,
    /// A call whose jobs make no progress for so long gives up on the device and its thread.
    pub(super) stall_timeout: Duration,
}

impl Limits {
    /// Of a real GPU. A job takes it some milliseconds, so a job that is not done in half a second never will be, and
    /// the CPU has its work within a second.
    pub(super) const HARDWARE: Self = Self {
        // 64 MiB less what alignment and parameters take.
        job_bytes: (64 << 20) - (64 << 10),
        hash_items: 1 << 20,
        verify_items: 1 << 16,
        job_timeout: Duration::from_millis(500),
        stall_timeout: Duration::from_millis(800),
    };

    /// Of a software adapter, which is slow and shares its cores with the tests around it, but does not hang.
    pub(super) const SOFTWARE: Self = Self {
        verify_items: 1 << 13,
        job_timeout: Duration::from_secs(60),
        stall_timeout: Duration::from_secs(90),
        ..Self::HARDWARE
    };
}

// What a hang may cost a caller before the CPU begins.
const _: () = assert!(Limits::HARDWARE.stall_timeout.as_millis() < 1000);

/// A device just opened.
pub(super) struct Opened {
    pub(super) device: Box<dyn Device>,
    pub(super) info: GpuInfo,
    pub(super) path: Path,
    pub(super) limits: Limits,
}

/// Opens the device, and opens it again after a fault.
pub(super) type Opener = Box<dyn FnMut() -> Result<Opened, NoGpu> + Send>;
