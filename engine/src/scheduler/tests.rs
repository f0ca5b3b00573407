//! Does the scheduler ask the right backend, and survive one that fails?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use ed25519_dalek::{Signer as _, SigningKey};

use super::model::Sample;
use super::*;
use crate::merkle::{self, Sha512_256};
use crate::{Portable, available};

/// Name of the one that is no part of the CPU.
const FAR: &str = "far";

/// `portable` under another name, with a count of its calls and a switch that makes it fail.
struct Device {
    name: &'static str,
    lost: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    /// How often it does its work in a call, and how long it waits for a core before.
    times: usize,
    wait: Duration,
    inner: Portable,
}

impl Device {
    fn boxed(name: &'static str) -> (Box<dyn Backend>, Arc<AtomicBool>, Arc<AtomicUsize>) {
        let (lost, calls) = (Arc::default(), Arc::default());
        let device = Self {
            name,
            lost: Arc::clone(&lost),
            calls: Arc::clone(&calls),
            times: 1,
            wait: Duration::ZERO,
            inner: Portable::exact(),
        };
        (Box::new(device), lost, calls)
    }

    fn answer(
        &self,
        mut with: impl FnMut(&Portable) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if !self.wait.is_zero() {
            std::thread::sleep(self.wait);
        }
        for _ in 0..self.times {
            with(&self.inner)?;
        }
        if self.lost.load(Ordering::Relaxed) {
            let backend = self.name;
            let reason = "switched off".to_owned();
            return Err(EngineError::DeviceLost { backend, reason });
        }
        Ok(())
    }
}

impl Backend for Device {
    fn name(&self) -> &'static str {
        self.name
    }

    fn sha512_many(&self, messages: &[&[u8]], digests: &mut [[u8; 64]]) -> Result<(), EngineError> {
        self.answer(|b| b.sha512_many(messages, digests))
    }

    fn sha512_256_many(
        &self,
        messages: &[&[u8]],
        digests: &mut [[u8; 32]],
    ) -> Result<(), EngineError> {
        self.answer(|b| b.sha512_256_many(messages, digests))
    }

    fn sha256_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.answer(|b| b.sha256_many(messages, digests))
    }

    fn blake3_many(&self, messages: &[&[u8]], digests: &mut [[u8; 32]]) -> Result<(), EngineError> {
        self.answer(|b| b.blake3_many(messages, digests))
    }

    fn leaf_roots(
        &self,
        hash: HashAlgorithm,
        leaves: &[&[u8]],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        self.answer(|b| b.leaf_roots(hash, leaves, height, roots))
    }

    fn subtree_roots(
        &self,
        hash: HashAlgorithm,
        nodes: &[u8],
        height: u32,
        roots: &mut [u8],
    ) -> Result<(), EngineError> {
        self.answer(|b| b.subtree_roots(hash, nodes, height, roots))
    }

    fn verify_ed25519(
        &self,
        items: &[SignatureItem<'_>],
        verdicts: &mut Verdicts,
    ) -> Result<(), EngineError> {
        self.answer(|b| b.verify_ed25519(items, verdicts))
    }

    fn shares_cores(&self) -> bool {
        self.name != FAR
    }

    fn verify_stats(&self) -> VerifyStats {
        self.inner.verify_stats()
    }
}

/// Models by which a call costs `start_ns` and each item `item_ns`.
fn priced(start_ns: f64, item_ns: f64) -> Models {
    let at = |items: usize| Sample {
        size: size(items),
        nanos: start_ns + items as f64 * item_ns,
    };
    Some(Job::ALL.map(|_| Model::fit(&[at(1), at(256)], None)))
}

fn size(items: usize) -> Size {
    Size {
        items,
        bytes: items * 128,
    }
}

fn two(near: Models, far: Models) -> (Scheduler, [Arc<AtomicBool>; 2], [Arc<AtomicUsize>; 2]) {
    let (a, a_lost, a_calls) = Device::boxed("near");
    let (b, b_lost, b_calls) = Device::boxed(FAR);
    let scheduler = Scheduler::with(vec![a, b], vec![near, far]);
    (scheduler, [a_lost, b_lost], [a_calls, b_calls])
}

fn hash_some(scheduler: &Scheduler, count: usize) -> Result<(), EngineError> {
    let messages = vec![&b"message"[..]; count];
    let mut digests = vec![[0; 64]; count];
    scheduler.sha512_many(&messages, &mut digests)?;
    let right: [u8; 64] = sha2::Digest::finalize(sha2::Digest::chain_update(
        <sha2::Sha512 as sha2::Digest>::new(),
        b"message",
    ))
    .into();
    assert!(digests.iter().all(|digest| *digest == right));
    Ok(())
}

fn count(calls: &AtomicUsize) -> usize {
    calls.load(Ordering::Relaxed)
}

#[test]
fn each_size_goes_where_it_is_done_first() {
    // Equal at 1,000 items; at 1,126 the second is faster by the share that is asked for.
    let (scheduler, _, calls) = two(priced(1000.0, 100.0), priced(91_000.0, 10.0));
    for (items, name) in [(1, "near"), (1100, "near"), (1150, FAR), (65_536, FAR)] {
        assert_eq!(scheduler.choice(Job::Sha512, size(items)), name, "{items}");
    }
    hash_some(&scheduler, 1).unwrap();
    assert_eq!((count(&calls[0]), count(&calls[1])), (1, 0));
    hash_some(&scheduler, 2000).unwrap();
    assert_eq!((count(&calls[0]), count(&calls[1])), (1, 1));
}

#[test]
fn the_clock_corrects_a_wrong_calibration() {
    let (scheduler, ..) = two(priced(0.0, 100.0), priced(0.0, 150.0));
    let of = size(500);
    assert_eq!(scheduler.choice(Job::Verify, of), "near");
    for _ in 0..40 {
        scheduler.record(0, Job::Verify, of, 500.0 * 250.0);
    }
    assert_eq!(scheduler.choice(Job::Verify, of), "far");
    assert_eq!(
        scheduler.choice(Job::Verify, size(5)),
        "near",
        "other sizes"
    );
    assert_eq!(scheduler.choice(Job::Tree, of), "near", "other jobs");
    // The slow one gets another chance in the end.
    let mut calls = 0;
    while scheduler.choice(Job::Verify, of) == "far" {
        scheduler.record(1, Job::Verify, of, 500.0 * 150.0);
        calls += 1;
        assert!(calls < 10_000, "never asked again");
    }
}

#[test]
fn load_on_the_machine_turns_nothing_around() {
    let (near, ..) = Device::boxed("near");
    let (next, ..) = Device::boxed("next");
    let models = vec![priced(0.0, 100.0), priced(0.0, 130.0)];
    let scheduler = Scheduler::with(vec![near, next], models);
    for nanos in [1e12, 0.0] {
        for _ in 0..1000 {
            scheduler.record(0, Job::Verify, size(500), nanos);
            assert_eq!(scheduler.choice(Job::Verify, size(500)), "near");
        }
    }
}

#[test]
fn the_forecast_follows_the_clock_on_all_backends_of_the_cpu() {
    let (near, ..) = Device::boxed("near");
    let (next, ..) = Device::boxed("next");
    let models = vec![priced(0.0, 100.0), priced(0.0, 200.0)];
    let scheduler = Scheduler::with(vec![near, next], models);
    for _ in 0..200 {
        scheduler.record(0, Job::Verify, size(500), 500.0 * 300.0);
    }
    for (name, nanos) in scheduler.forecast(Job::Verify, size(500)) {
        let expected = if name == "near" { 150e3 } else { 300e3 };
        let off = nanos / expected;
        assert!((0.999..1.001).contains(&off), "{name}: {nanos} ns");
    }
}

#[test]
fn of_equals_the_first_is_asked() {
    let (scheduler, _, calls) = two(priced(0.0, 100.0), priced(0.0, 95.0));
    hash_some(&scheduler, 100).unwrap();
    assert_eq!((count(&calls[0]), count(&calls[1])), (1, 0));
}

#[test]
fn a_lost_device_is_passed_over_and_comes_back() {
    let (scheduler, lost, calls) = two(priced(0.0, 10.0), priced(0.0, 100.0));
    lost[0].store(true, Ordering::Relaxed);
    hash_some(&scheduler, 10).unwrap();
    assert_eq!((count(&calls[0]), count(&calls[1])), (1, 1));
    assert_eq!(scheduler.choice(Job::Sha512, size(10)), "far");
    for _ in 1..REST_CALLS_MIN {
        hash_some(&scheduler, 10).unwrap();
    }
    assert_eq!(count(&calls[0]), 1, "it rests");
    hash_some(&scheduler, 10).unwrap();
    assert_eq!(count(&calls[0]), 2, "asked again, lost still");
    lost[0].store(false, Ordering::Relaxed);
    for _ in 0..2 * REST_CALLS_MIN {
        hash_some(&scheduler, 10).unwrap();
    }
    assert_eq!(count(&calls[0]), 3, "rested twice as long");
    assert_eq!(scheduler.choice(Job::Sha512, size(10)), "near");
}

#[test]
fn an_error_is_told_when_nobody_is_left() {
    let (scheduler, lost, calls) = two(priced(0.0, 10.0), priced(0.0, 100.0));
    lost.iter().for_each(|l| l.store(true, Ordering::Relaxed));
    let error = hash_some(&scheduler, 10).unwrap_err();
    assert!(matches!(
        error,
        EngineError::DeviceLost { backend: "far", .. }
    ));
    assert_eq!((count(&calls[0]), count(&calls[1])), (1, 1));
    lost[1].store(false, Ordering::Relaxed);
    hash_some(&scheduler, 10).unwrap();
}

#[test]
fn who_fails_the_calibration_is_left_out() {
    let (bad, lost, calls) = Device::boxed("bad");
    lost.store(true, Ordering::Relaxed);
    let scheduler = Scheduler::new(vec![bad, Box::new(Portable::exact())]);
    let at_start = count(&calls);
    assert!(at_start > 0);
    hash_some(&scheduler, 100).unwrap();
    assert_eq!(count(&calls), at_start);
    let names: Vec<_> = scheduler.costs(Job::Verify).map(|(name, _)| name).collect();
    assert_eq!(names, ["portable"]);
}

/// A validator that starts beside others, or under load, finds the order that a lonely one finds: by the clock on the wall the
/// second would seem by far the slower, and it takes half the work.
#[cfg(unix)]
#[test]
fn waiting_for_a_core_is_no_cost() {
    let device = |name, times, wait| -> Box<dyn Backend> {
        Box::new(Device {
            name,
            lost: Arc::default(),
            calls: Arc::default(),
            times,
            wait,
            inner: Portable::exact(),
        })
    };
    let twice = device("twice", 2, Duration::ZERO);
    let waits = device("waits", 1, Duration::from_millis(2));
    let scheduler = Scheduler::new(vec![twice, waits]);
    for items in [4, 32] {
        assert_eq!(scheduler.choice(Job::Verify, size(items)), "waits");
    }
}

#[test]
fn the_calibration_leaves_no_trace_in_the_numbers() {
    let scheduler = Scheduler::auto();
    let stats = scheduler.verify_stats();
    let counted = VerifyStats {
        keys_cached: stats.keys_cached,
        ..VerifyStats::default()
    };
    assert_eq!(stats, counted);
    for job in Job::ALL {
        let lines: Vec<_> = scheduler.costs(job).collect();
        assert_eq!(lines.len(), available().len());
        for (name, cost) in lines {
            let parts = [cost.start_ns, cost.item_ns, cost.byte_ns];
            let sound = parts.iter().all(|part| part.is_finite() && *part >= 0.0);
            // Which part is how large is up to the machine; on a busy one, noise can take a part away.
            let some = parts.iter().any(|part| *part > 0.0);
            assert!(sound && some, "{name} {job:?}: {cost:?}");
        }
    }
}

/// Whoever is asked: every backend in turn is made the cheapest, and all of them answer as `portable`.
#[test]
fn answers_are_those_of_portable_whoever_gives_them() {
    let signer = SigningKey::from_bytes(&[7; 32]);
    let messages: Vec<Vec<u8>> = (0..700_usize).map(|i| vec![i as u8; i % 300]).collect();
    let signed: Vec<([u8; 32], [u8; 64])> = (messages.iter().enumerate())
        .map(|(i, message)| {
            let mut signature = signer.sign(message).to_bytes();
            signature[i % 64] ^= u8::from(i % 97 == 5);
            (signer.verifying_key().to_bytes(), signature)
        })
        .collect();
    let items: Vec<SignatureItem<'_>> = (signed.iter().zip(&messages))
        .map(|((key, signature), message)| SignatureItem {
            key,
            signature,
            message,
        })
        .collect();
    let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    let portable = Portable::new();
    let mut right = Verdicts::new();
    portable.verify_ed25519(&items, &mut right).unwrap();
    assert_eq!(right.count_valid(), 700 - 8, "every 97th is spoiled");
    let mut digests = vec![[0; 64]; 700];
    portable.sha512_many(&slices, &mut digests).unwrap();
    let root = merkle::root::<Sha512_256>(&portable, &slices).unwrap();

    let names: Vec<_> = available().iter().map(|b| b.name()).collect();
    for cheapest in &names {
        let price = |name: &&str| priced(0.0, if name == cheapest { 1.0 } else { 1e6 });
        let scheduler = Scheduler::with(available(), names.iter().map(price).collect());
        for n in [0, 1, 7, 64, 257, 700] {
            let mut verdicts = Verdicts::new();
            scheduler
                .verify_ed25519(&items[..n], &mut verdicts)
                .unwrap();
            let same = verdicts.iter().eq(right.iter().take(n));
            assert!(same && verdicts.len() == n, "{cheapest}, {n} signatures");
        }
        let stats = scheduler.verify_stats();
        assert_eq!(stats.signatures, 1 + 7 + 64 + 257 + 700);
        let mut out = vec![[0; 64]; 700];
        scheduler.sha512_many(&slices, &mut out).unwrap();
        assert_eq!(out, digests, "{cheapest}");
        let of = merkle::root::<Sha512_256>(&scheduler, &slices).unwrap();
        assert_eq!(of, root, "{cheapest}");
    }
}

/// Cores and device take pieces from both ends, also when the device is lost on the way.
#[test]
fn a_large_batch_is_shared_with_a_device() {
    let (scheduler, lost, calls) = two(priced(0.0, 100.0), priced(0.0, 100.0));
    assert_eq!(scheduler.partner(Job::Verify, size(16_383)), None);
    assert_eq!(scheduler.partner(Job::Verify, size(16_384)), Some(FAR));
    assert_eq!(scheduler.partner(Job::Sha512, size(65_536)), None);
    let signer = SigningKey::from_bytes(&[7; 32]);
    let key = signer.verifying_key().to_bytes();
    let good = signer.sign(b"message").to_bytes();
    let bad = signer.sign(b"another").to_bytes();
    let items: Vec<SignatureItem<'_>> = (0..16_500)
        .map(|i| SignatureItem {
            key: &key,
            signature: if i % 1000 == 7 { &bad } else { &good },
            message: b"message",
        })
        .collect();
    let mut verdicts = Verdicts::new();
    for is_lost in [false, true] {
        lost[1].store(is_lost, Ordering::Relaxed);
        let before = calls.each_ref().map(|calls| count(calls));
        scheduler.verify_ed25519(&items, &mut verdicts).unwrap();
        assert!(
            (0..2).all(|i| count(&calls[i]) > before[i]),
            "both were asked"
        );
        for (i, valid) in verdicts.iter().enumerate() {
            assert_eq!(valid, i % 1000 != 7, "{i}, lost: {is_lost}");
        }
    }
    assert_eq!(
        scheduler.partner(Job::Verify, size(16_384)),
        None,
        "it rests"
    );
}

/// The two that share a batch fail: whoever else there is does it, and with nobody else the error is told.
#[test]
fn whoever_is_left_does_a_shared_batch_alone() {
    let (near, near_lost, _) = Device::boxed("near");
    let (far, far_lost, _) = Device::boxed(FAR);
    let (last, last_lost, last_calls) = Device::boxed("last");
    let models = vec![priced(0.0, 100.0), priced(0.0, 100.0), priced(0.0, 1e4)];
    let scheduler = Scheduler::with(vec![near, far, last], models);
    assert_eq!(scheduler.partner(Job::Verify, size(16_384)), Some(FAR));
    near_lost.store(true, Ordering::Relaxed);
    far_lost.store(true, Ordering::Relaxed);
    let items = [SignatureItem {
        key: &[0; 32],
        signature: &[0; 64],
        message: b"",
    }; 16_384];
    let mut verdicts = Verdicts::new();
    scheduler.verify_ed25519(&items, &mut verdicts).unwrap();
    let alone = Device::boxed("alone").0;
    let mut expected = Verdicts::new();
    alone.verify_ed25519(&items, &mut expected).unwrap();
    assert_eq!(verdicts, expected);
    assert_eq!(count(&last_calls), 1);
    last_lost.store(true, Ordering::Relaxed);
    assert!(scheduler.verify_ed25519(&items, &mut verdicts).is_err());
}

#[test]
fn a_calibration_is_kept_as_text_and_taken_back() {
    let both = || -> Vec<Box<dyn Backend>> {
        let (far, ..) = Device::boxed(FAR);
        vec![far, Box::new(Portable::exact())]
    };
    let first = Scheduler::new(both());
    let kept = first.calibration().expect("none was left out");
    let text = kept.to_string();
    assert_eq!(text.parse(), Ok(kept.clone()));
    let second = Scheduler::with_known(both(), &kept).expect("the same backends");
    for job in Job::ALL {
        for items in [1, 3, 64, 5_000] {
            let forecast = |of: &Scheduler| of.forecast(job, size(items)).collect::<Vec<_>>();
            assert_eq!(forecast(&first), forecast(&second), "{job:?} {items}");
        }
    }
    // Of other backends it says nothing.
    let alone: Vec<Box<dyn Backend>> = vec![Box::new(Portable::exact())];
    assert!(Scheduler::with_known(alone, &kept).is_none());
    let (third, ..) = Device::boxed("third");
    let others: Vec<Box<dyn Backend>> = vec![third, Box::new(Portable::exact())];
    assert!(Scheduler::with_known(others, &kept).is_none());
}

/// One that has broken since is found out, left out, and tried anew at the next start.
#[test]
fn a_remembered_backend_must_still_work() {
    let (far, lost, calls) = Device::boxed(FAR);
    let kept = Scheduler::new(vec![far, Box::new(Portable::exact())]).calibration();
    let kept = kept.expect("none was left out");
    drop((lost, calls));
    let (far, lost, calls) = Device::boxed(FAR);
    lost.store(true, Ordering::Relaxed);
    let again = Scheduler::with_known(vec![far, Box::new(Portable::exact())], &kept);
    let again = again.expect("the same backends");
    let at_start = count(&calls);
    hash_some(&again, 100).unwrap();
    assert_eq!(count(&calls), at_start);
    assert_eq!(again.calibration(), None);
}

#[test]
fn what_is_no_calibration_is_refused_by_line() {
    let good = Scheduler::new(vec![Box::new(Portable::exact())])
        .calibration()
        .unwrap()
        .to_string();
    let line = |text: &str| text.parse::<Calibration>().map(|_| ()).unwrap_err().line;
    assert_eq!(line(""), 1);
    let lines: Vec<&str> = good.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(line(&lines[..2].join("\n")), 3);
    assert_eq!(line(&[lines[0], lines[2], lines[1]].join("\n")), 2);
    assert_eq!(line(&format!("{good}{good}")), 4);
    assert_eq!(line(&good.replace("sha512 ", "sha512 NaN ")), 2);
    assert_eq!(line(&good.replace("tree ", "tree -1 ")), 3);
    assert_eq!(line(&good.replacen('\n', " 1\n", 1)), 1);
}
