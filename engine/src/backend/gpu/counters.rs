//! What has the device done, and how often did it fail? Numbers for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use super::fault::Fault;
use crate::ed25519::VerifyStats;

/// What a device has done for this process. Every number only rises; `resting` says how it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GpuStats {
    /// Calls answered by the device.
    pub calls: u64,
    /// Items of these.
    pub items: u64,
    /// Calls meant for the device that the CPU answered: after a fault, or while the device rests.
    pub fallback_calls: u64,
    /// Items of these.
    pub fallback_items: u64,
    /// Calls that met a fault, by its name.
    pub faults: Vec<(&'static str, u64)>,
    /// Known-answer tests after a fault.
    pub probes: u64,
    /// True while calls go to the CPU.
    pub resting: bool,
}

/// The numbers as they are counted.
#[derive(Default)]
pub(super) struct Counters {
    calls: AtomicU64,
    items: AtomicU64,
    fallback_calls: AtomicU64,
    fallback_items: AtomicU64,
    faults: [AtomicU64; Fault::KINDS],
}

impl Counters {
    pub(super) fn on_device(&self, items: usize) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.items.fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(super) fn on_cpu(&self, items: usize) {
        self.fallback_calls.fetch_add(1, Ordering::Relaxed);
        self.fallback_items
            .fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(super) fn fault(&self, fault: &Fault) {
        self.faults[fault.kind()].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self, resting: bool, probes: u64) -> GpuStats {
        let counts = self
            .faults
            .iter()
            .map(|count| count.load(Ordering::Relaxed));
        GpuStats {
            calls: self.calls.load(Ordering::Relaxed),
            items: self.items.load(Ordering::Relaxed),
            fallback_calls: self.fallback_calls.load(Ordering::Relaxed),
            fallback_items: self.fallback_items.load(Ordering::Relaxed),
            faults: Fault::NAMES.into_iter().zip(counts).collect(),
            probes,
            resting,
        }
    }
}

/// Signatures decided through one backend.
#[derive(Default)]
pub(super) struct Verified {
    signatures: AtomicU64,
    invalid: AtomicU64,
}

impl Verified {
    pub(super) fn add(&self, signatures: usize, valid: usize) {
        self.signatures
            .fetch_add(signatures as u64, Ordering::Relaxed);
        self.invalid
            .fetch_add((signatures - valid) as u64, Ordering::Relaxed);
    }

    /// These numbers, with the rest from the CPU.
    pub(super) fn stats(&self, cpu: VerifyStats) -> VerifyStats {
        VerifyStats {
            signatures: self.signatures.load(Ordering::Relaxed),
            invalid: self.invalid.load(Ordering::Relaxed),
            ..cpu
        }
    }
}
