//! How long will a call take on a backend?
//!
//! T = (start + items·item + bytes·byte) · shape · drift. The line and its shape come from the calibration and stay;
//! the drift follows the clock. Both are kept by class of size, a class being a factor of four in items, since no
//! backend is a straight line from one signature to 65,536.

use std::sync::atomic::{AtomicU64, Ordering};

use super::calibration::Parts;

/// Work with a price of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Job {
    /// Ed25519 verdicts; bytes are those of the messages.
    Verify,
    /// SHA-512 or SHA-512/256 of many messages.
    Sha512,
    /// Leaves or nodes of a tree over SHA-512 or SHA-512/256; bytes are what goes in.
    Tree,
}

impl Job {
    /// Every job, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Verify, Self::Sha512, Self::Tree];

    /// Stable lower-case name, as on the command line and in bench labels.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verify => "verify",
            Self::Sha512 => "sha512",
            Self::Tree => "tree",
        }
    }
}

/// How much a call holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Signatures, messages, leaves or nodes.
    pub items: usize,
    /// Bytes of all messages, leaves or nodes together.
    pub bytes: usize,
}

/// The calibrated line of one backend and job, on one thread.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Nanoseconds a call.
    pub start_ns: f64,
    /// Nanoseconds an item.
    pub item_ns: f64,
    /// Nanoseconds a byte.
    pub byte_ns: f64,
}

impl Cost {
    /// Nanoseconds of a call of this size; never below one.
    fn line(&self, size: Size) -> f64 {
        let items = size.items as f64 * self.item_ns;
        (self.start_ns + items + size.bytes as f64 * self.byte_ns).max(1.0)
    }
}

/// One measured call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) size: Size,
    pub(super) nanos: f64,
}

/// Classes of size: 26 bits of items, two bits a class.
pub(super) const CLASSES: usize = 14;
/// A measured time counts for at most this many times the predicted, and at least one over this: what lies beyond is
/// another process that took the core.
const DRIFT_MAX: f64 = 4.0;
/// Share of a new measurement in the drift.
const LEARN: f64 = 1.0 / 16.0;
/// Share by which the drift of those on other hardware moves towards that of the one asked.
const FOLLOW: f64 = 1.0 / 256.0;

/// What is known about one backend and job.
pub(super) struct Model {
    cost: Cost,
    /// Calibrated over the line, by class.
    shape: [f64; CLASSES],
    /// Measured over calibrated, by class, as the bits of an `f64`. Threads may race on it: an update lost is a
    /// measurement lost.
    drift: [AtomicU64; CLASSES],
}

impl Model {
    /// Fits a line through the first and the last of `samples` and keeps how far those between are off it.
    ///
    /// - `samples`: rising in items, all with as many bytes an item; none gives a model that predicts the least time
    ///   for everything.
    /// - `long`: a call with more bytes an item, from which the price of a byte comes; of as many items as one of `samples`,
    ///   or the line stands in for that one.
    pub(super) fn fit(samples: &[Sample], long: Option<Sample>) -> Self {
        let cost = line_through(samples, long);
        let mut shape = [1.0; CLASSES];
        let mut from = 0;
        for sample in samples {
            let class = class(sample.size);
            // Classes without a sample of their own are as the next above them, and above the last as the line.
            shape[from..=class].fill((sample.nanos / cost.line(sample.size)).max(1e-3));
            from = class + 1;
        }
        Self::from_parts(Parts { cost, shape })
    }

    /// As it was calibrated.
    pub(super) fn from_parts(Parts { cost, shape }: Parts) -> Self {
        Self {
            cost,
            shape,
            drift: std::array::from_fn(|_| AtomicU64::new(1_f64.to_bits())),
        }
    }

    /// What the calibration found.
    pub(super) fn parts(&self) -> Parts {
        Parts {
            cost: self.cost,
            shape: self.shape,
        }
    }

    pub(super) fn cost(&self) -> Cost {
        self.cost
    }

    /// Nanoseconds this call will take.
    pub(super) fn predict(&self, size: Size) -> f64 {
        self.calibrated(size) * self.drift(size)
    }

    /// Takes in what a call took.
    pub(super) fn learn(&self, size: Size, nanos: f64) {
        let ratio = (nanos / self.calibrated(size)).clamp(1.0 / DRIFT_MAX, DRIFT_MAX);
        self.move_drift(size, ratio, LEARN);
    }

    /// Takes in that a backend on other hardware is off its calibration by `drift`. Some of what slows one slows all, and one
    /// that was slow once gets its turn again.
    pub(super) fn follow(&self, size: Size, drift: f64) {
        self.move_drift(size, drift, FOLLOW);
    }

    /// Takes over the drift of a backend on the same hardware.
    pub(super) fn take_drift(&self, size: Size, drift: f64) {
        self.drift[class(size)].store(drift.to_bits(), Ordering::Relaxed);
    }

    /// Measured over calibrated for calls of about this size.
    pub(super) fn drift(&self, size: Size) -> f64 {
        f64::from_bits(self.drift[class(size)].load(Ordering::Relaxed))
    }

    fn calibrated(&self, size: Size) -> f64 {
        self.cost.line(size) * self.shape[class(size)]
    }

    fn move_drift(&self, size: Size, target: f64, share: f64) {
        let now = self.drift(size);
        let next = now + (target - now) * share;
        self.drift[class(size)].store(next.to_bits(), Ordering::Relaxed);
    }
}

fn class(size: Size) -> usize {
    (size.items.max(1).ilog2() as usize / 2).min(CLASSES - 1)
}

fn line_through(samples: &[Sample], long: Option<Sample>) -> Cost {
    let (Some(first), Some(last)) = (samples.first(), samples.last()) else {
        return Cost::default();
    };
    let items = |sample: &Sample| sample.size.items as f64;
    let slope = if items(last) > items(first) {
        ((last.nanos - first.nanos) / (items(last) - items(first))).max(0.0)
    } else {
        last.nanos / items(last).max(1.0)
    };
    let start_ns = (first.nanos - slope * items(first)).max(0.0);
    let bytes_per_item = last.size.bytes as f64 / items(last).max(1.0);
    let byte_ns = long.map_or(0.0, |long| {
        let extra_bytes = long.size.bytes as f64 - items(&long) * bytes_per_item;
        let usual = samples.iter().find(|s| s.size.items == long.size.items);
        let usual_ns = usual.map_or(start_ns + slope * items(&long), |s| s.nanos);
        let extra_ns = long.nanos - usual_ns;
        // Not more than the whole price of an item: a noisy sample must not make items free or worse.
        (extra_ns / extra_bytes.max(1.0)).clamp(0.0, slope / bytes_per_item.max(1.0))
    });
    Cost {
        start_ns,
        item_ns: (slope - byte_ns * bytes_per_item).max(0.0),
        byte_ns,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size(items: usize) -> Size {
        Size {
            items,
            bytes: items * 128,
        }
    }

    fn sampled(items: usize, nanos: f64) -> Sample {
        Sample {
            size: size(items),
            nanos,
        }
    }

    #[test]
    fn a_fit_gives_back_what_it_was_fitted_to() {
        let truth = Cost {
            start_ns: 900.0,
            item_ns: 40.0,
            byte_ns: 0.5,
        };
        let at = |items| sampled(items, truth.line(size(items)));
        let long = Size {
            items: 4,
            bytes: 40_000,
        };
        let long = Sample {
            size: long,
            nanos: truth.line(long),
        };
        let model = Model::fit(&[at(1), at(16), at(256)], Some(long));
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6 * b, "{a} is not {b}");
        near(model.cost().start_ns, 900.0);
        near(model.cost().item_ns, 40.0);
        near(model.cost().byte_ns, 0.5);
        for items in [1, 5, 16, 300, 65_536] {
            near(model.predict(size(items)), truth.line(size(items)));
        }
    }

    #[test]
    fn what_is_off_the_line_is_remembered_where_it_is() {
        let model = Model::fit(
            &[
                sampled(1, 100.0),
                sampled(16, 4000.0),
                sampled(256, 25_600.0),
            ],
            None,
        );
        assert!((model.predict(size(16)) - 4000.0).abs() < 1e-6);
        assert!((model.predict(size(1)) - 100.0).abs() < 1e-6);
        assert!((model.predict(size(4096)) - 409_600.0).abs() < 1e-3);
    }

    #[test]
    fn corrections_converge_and_stay_bounded() {
        let model = Model::fit(&[sampled(1, 1000.0), sampled(256, 256_000.0)], None);
        for _ in 0..200 {
            model.learn(size(256), 384_000.0);
        }
        let off = model.predict(size(256)) / 384_000.0;
        assert!((0.999..1.001).contains(&off), "off by {off}");
        assert!(
            (model.predict(size(1)) - 1000.0).abs() < 1e-6,
            "another class"
        );
        for _ in 0..1000 {
            model.learn(size(256), 1e12);
        }
        assert!(model.predict(size(256)) <= DRIFT_MAX * 256_000.0);
        for _ in 0..1000 {
            model.learn(size(256), 0.0);
        }
        assert!(model.predict(size(256)) >= 256_000.0 / DRIFT_MAX * 0.999);
    }

    #[test]
    fn no_sample_or_nonsense_still_predicts_something_finite() {
        let empty = Model::fit(&[], None);
        assert_eq!(empty.predict(size(1000)), 1.0);
        let falling = Model::fit(&[sampled(1, 5000.0), sampled(256, 10.0)], None);
        for items in [0, 1, 256, 1 << 26] {
            let nanos = falling.predict(size(items));
            assert!(nanos.is_finite() && nanos > 0.0, "{nanos} ns for {items}");
        }
    }
}
