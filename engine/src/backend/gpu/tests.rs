//! Is every answer right, whatever the device does?

use std::time::{Duration, Instant};

use crossbeam::channel;
use ed25519_dalek::{Signer as _, SigningKey};

use super::device::Limits;
use super::emulator::{Stage, Switch, Tamper, Trouble};
use super::fault::Fault;
use super::{Gpu, known};
use crate::backend::fastest_cpu;
use crate::ed25519::{SignatureItem, Verdicts, rule};
use crate::{Backend, HashAlgorithm, Portable};

/// A device that works, and the switch to spoil it.
fn device() -> (Gpu, Switch) {
    let switch = Switch::new();
    let gpu = Gpu::start(switch.opener()).expect("the emulator passes the test");
    (gpu, switch)
}

fn painted(bytes: usize, from: usize) -> Vec<u8> {
    (0..bytes).map(|i| ((i + from) % 251) as u8).collect()
}

struct Signed {
    key: [u8; 32],
    signature: [u8; 64],
    message: Vec<u8>,
}

/// Signatures of which one in `bad` is invalid.
fn signatures(count: usize, bad: usize) -> Vec<Signed> {
    let signer = SigningKey::from_bytes(&[7; 32]);
    (0..count)
        .map(|i| {
            let message = painted(i % 300, i);
            let mut signature = signer.sign(&message).to_bytes();
            signature[3] ^= u8::from(i % bad == bad - 1);
            Signed {
                key: signer.verifying_key().to_bytes(),
                signature,
                message,
            }
        })
        .collect()
}

fn items(signed: &[Signed]) -> Vec<SignatureItem<'_>> {
    let items = signed.iter().map(|signed| SignatureItem {
        key: &signed.key,
        signature: &signed.signature,
        message: &signed.message,
    });
    items.collect()
}

/// One call of every kind with `count` items; each answer must be that of `portable`.
fn check(gpu: &Gpu, count: usize, what: &str) {
    let portable = Portable::exact();
    let messages: Vec<Vec<u8>> = (0..count).map(|i| painted(i * 7 % 400, i)).collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();

    let [mut found, mut expected] = [(); 2].map(|()| vec![[0; 64]; count]);
    gpu.sha512_many(&messages, &mut found).unwrap();
    portable.sha512_many(&messages, &mut expected).unwrap();
    assert_eq!(found, expected, "SHA-512 of {count}, {what}");

    let [mut found, mut expected] = [(); 2].map(|()| vec![[0; 32]; count]);
    gpu.sha512_256_many(&messages, &mut found).unwrap();
    portable.sha512_256_many(&messages, &mut expected).unwrap();
    assert_eq!(found, expected, "SHA-512/256 of {count}, {what}");

    for hash in HashAlgorithm::ALL {
        let nodes = painted(count * hash.digest_bytes(), 3);
        for height in [0, 1, 4, 32] {
            let what = format!("{hash} {count} height {height}, {what}");
            let roots = count.div_ceil(1 << height) * hash.digest_bytes();
            let [mut found, mut expected] = [(); 2].map(|()| vec![0; roots]);
            gpu.leaf_roots(hash, &messages, height, &mut found).unwrap();
            portable
                .leaf_roots(hash, &messages, height, &mut expected)
                .unwrap();
            assert_eq!(found, expected, "leaves, {what}");
            if height > 0 {
                gpu.subtree_roots(hash, &nodes, height, &mut found).unwrap();
                portable
                    .subtree_roots(hash, &nodes, height, &mut expected)
                    .unwrap();
                assert_eq!(found, expected, "nodes, {what}");
            }
        }
    }
    for bad in [1, 3, 1000] {
        let signed = signatures(count, bad);
        let mut verdicts = Verdicts::new();
        gpu.verify_ed25519(&items(&signed), &mut verdicts).unwrap();
        assert_eq!(verdicts.len(), count);
        for (i, valid) in verdicts.iter().enumerate() {
            assert_eq!(valid, i % bad != bad - 1, "{i} of {count}, {what}");
        }
    }
}

/// Faults of each kind seen so far.
fn faults(gpu: &Gpu) -> u64 {
    gpu.stats().faults.iter().map(|(_, count)| count).sum()
}

#[test]
fn a_device_that_works_does_all_the_work() {
    let (gpu, _) = device();
    for count in [0, 1, 2, 3, 5, 62, 63, 64, 65, 130, 300] {
        check(&gpu, count, "no fault");
    }
    let stats = gpu.stats();
    assert_eq!(
        (stats.fallback_calls, faults(&gpu), stats.probes),
        (0, 0, 0)
    );
    assert!(stats.calls > 100 && stats.items > 1000 && !stats.resting);
    assert_eq!(gpu.verify_stats().signatures, 3 * 695);
}

#[test]
fn many_jobs_make_one_answer() {
    let (gpu, _) = device();
    let portable = Portable::exact();
    // More than one job holds, and subtrees higher than a job folds.
    let leaves: Vec<Vec<u8>> = (0..9001).map(|i| painted(i % 130, i)).collect();
    let leaves: Vec<&[u8]> = leaves.iter().map(Vec::as_slice).collect();
    for hash in [HashAlgorithm::Sha512, HashAlgorithm::Sha512_256] {
        for height in [0, 11, 12, 13, 14] {
            let roots = leaves.len().div_ceil(1 << height) * hash.digest_bytes();
            let [mut found, mut expected] = [(); 2].map(|()| vec![0; roots]);
            gpu.leaf_roots(hash, &leaves, height, &mut found).unwrap();
            portable
                .leaf_roots(hash, &leaves, height, &mut expected)
                .unwrap();
            assert_eq!(found, expected, "{hash}, height {height}");
        }
    }
    assert_eq!(gpu.stats().fallback_calls, 0);
}

#[test]
fn long_messages_go_to_the_cpu_and_keep_their_place() {
    let (gpu, _) = device();
    let portable = Portable::exact();
    let long = painted((1 << 20) + 1, 0);
    let short = painted(100, 1);
    let messages: [&[u8]; 5] = [&short, &long, &long, &short, &long];
    let [mut found, mut expected] = [[[0; 64]; 5]; 2];
    gpu.sha512_many(&messages, &mut found).unwrap();
    portable.sha512_many(&messages, &mut expected).unwrap();
    assert_eq!(found, expected);
    for height in [0, 1, 3] {
        let roots = messages.len().div_ceil(1 << height) * 32;
        let [mut found, mut expected] = [(); 2].map(|()| vec![0; roots]);
        let hash = HashAlgorithm::Sha512_256;
        gpu.leaf_roots(hash, &messages, height, &mut found).unwrap();
        portable
            .leaf_roots(hash, &messages, height, &mut expected)
            .unwrap();
        assert_eq!(found, expected, "height {height}");
    }
    let signer = SigningKey::from_bytes(&[9; 32]);
    let key = signer.verifying_key().to_bytes();
    let signature = signer.sign(&long).to_bytes();
    let item = |message| SignatureItem {
        key: &key,
        signature: &signature,
        message,
    };
    let mut verdicts = Verdicts::new();
    let all = [item(&short), item(&long), item(&short), item(&long)];
    gpu.verify_ed25519(&all, &mut verdicts).unwrap();
    assert_eq!(
        verdicts.iter().collect::<Vec<_>>(),
        [false, true, false, true]
    );
    assert_eq!(gpu.stats().fallback_calls, 0);
}

#[test]
fn every_fault_at_every_stage_ends_on_the_cpu() {
    for stage in Stage::ALL {
        let says = |fault| Trouble::Says(stage, fault);
        for trouble in [
            says(Fault::OutOfMemory),
            says(Fault::Lost),
            says(Fault::Timeout),
            says(Fault::Driver("no".to_owned())),
            Trouble::Panics(stage),
        ] {
            let (gpu, switch) = device();
            check(&gpu, 3, "before");
            switch.set(trouble.clone());
            check(&gpu, 130, &format!("{trouble:?}"));
            let stats = gpu.stats();
            assert!(stats.resting, "{trouble:?}");
            assert_eq!(faults(&gpu), 1, "only the first call met it, {trouble:?}");
            assert!(stats.fallback_calls > 10);
        }
    }
}

#[test]
fn an_answer_that_is_too_short_is_a_fault() {
    let (gpu, switch) = device();
    switch.set(Trouble::Short);
    check(&gpu, 65, "short");
    assert!(gpu.stats().resting);
}

/// A call over so many items, which checks its own answer.
type Call = fn(&Gpu, usize);

/// Calls of one kind each, as the first call that meets spoiled results.
const FIRST_CALLS: [(&str, Call); 4] = [
    ("hash", |gpu, count| {
        let messages: Vec<Vec<u8>> = (0..count).map(|i| painted(90 + i, i)).collect();
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        let [mut found, mut expected] = [(); 2].map(|()| vec![[0; 64]; count]);
        gpu.sha512_many(&messages, &mut found).unwrap();
        Portable::exact()
            .sha512_many(&messages, &mut expected)
            .unwrap();
        assert_eq!(found, expected);
    }),
    ("leaves", |gpu, count| {
        let leaves: Vec<Vec<u8>> = (0..count).map(|i| painted(40 + i, i)).collect();
        let leaves: Vec<&[u8]> = leaves.iter().map(Vec::as_slice).collect();
        let [mut found, mut expected] = [[0; 32]; 2];
        let hash = HashAlgorithm::Sha512_256;
        gpu.leaf_roots(hash, &leaves, 20, &mut found).unwrap();
        Portable::exact()
            .leaf_roots(hash, &leaves, 20, &mut expected)
            .unwrap();
        assert_eq!(found, expected);
    }),
    ("nodes", |gpu, count| {
        let nodes = painted(64 * count, 1);
        let roots = count.div_ceil(4) * 64;
        let [mut found, mut expected] = [(); 2].map(|()| vec![0; roots]);
        let hash = HashAlgorithm::Sha512;
        gpu.subtree_roots(hash, &nodes, 2, &mut found).unwrap();
        Portable::exact()
            .subtree_roots(hash, &nodes, 2, &mut expected)
            .unwrap();
        assert_eq!(found, expected);
    }),
    ("verify", |gpu, count| {
        let signed = signatures(count, 5);
        let mut verdicts = Verdicts::new();
        gpu.verify_ed25519(&items(&signed), &mut verdicts).unwrap();
        for (item, valid) in items(&signed).iter().zip(verdicts.iter()) {
            assert_eq!(valid, rule::verify(item));
        }
    }),
];

#[test]
fn spoiled_results_are_noticed_and_never_given_out() {
    for tamper in Tamper::ALL {
        for (what, call) in FIRST_CALLS {
            // Sizes of one job and of several; more than one node, so that there is something to fold.
            for count in [2, 3, 40, 130] {
                let (gpu, switch) = device();
                // Leaves something behind in every slot.
                (0..3).for_each(|_| call(&gpu, count));
                assert_eq!(faults(&gpu), 0);
                switch.set(Trouble::Tampers(tamper));
                call(&gpu, count);
                let verdicts_only = matches!(
                    tamper,
                    Tamper::AcceptAll | Tamper::RejectAll | Tamper::RejectOne | Tamper::Inverted
                );
                // Echoes of hashing are all the same, so none is out of place; wrong challenges make every signature
                // invalid, and the valid ones are noticed.
                let harmless = match what {
                    "verify" => false,
                    _ => verdicts_only || tamper == Tamper::ShiftedEchoes,
                };
                // A few shifted verdicts can all be right by chance.
                let by_chance = what == "verify" && tamper == Tamper::ShiftedEchoes;
                // All nodes but the odd one change places, and the path may be that of the odd one.
                let by_place = what == "nodes" && tamper == Tamper::ShiftedDigests;
                if !by_chance && !by_place {
                    let what = format!("{tamper:?}, {what} of {count}");
                    assert_eq!(faults(&gpu), u64::from(!harmless), "{what}");
                    assert_eq!(gpu.stats().resting, !harmless, "{what}");
                }
            }
        }
    }
}

#[test]
fn one_wrong_accept_among_many_needs_all_the_rest_to_be_right() {
    // What protects a verdict besides canaries: every place carries the job's number, in one of two forms.
    let (gpu, switch) = device();
    switch.set(Trouble::Tampers(Tamper::AcceptAll));
    let bad = known::invalid(1);
    let mut verdicts = Verdicts::new();
    gpu.verify_ed25519(&[bad; 50], &mut verdicts).unwrap();
    assert_eq!(verdicts.count_valid(), 0);
    assert_eq!(faults(&gpu), 1);
}

#[test]
fn a_driver_that_hangs_holds_up_nobody_for_long() {
    for stage in Stage::ALL {
        let (gpu, switch) = device();
        let (release, hangs) = channel::bounded(8);
        switch.set(Trouble::Hangs(stage, hangs));
        // The driver hangs until after this line, so whatever comes back came from the CPU.
        check(&gpu, 70, &format!("hangs at {stage:?}"));
        let stats = gpu.stats();
        assert!(stats.resting);
        assert_eq!(faults(&gpu), 1);
        drop(release);
    }
}

/// With the waits of real hardware: the call that meets a hang waits once, the following ones do not touch the device.
///
/// `cargo test --release -p bds-engine a_hang_costs -- --nocapture` prints what that takes on this machine.
#[test]
fn a_hang_costs_one_wait_and_the_cpu_goes_on_at_its_own_pace() {
    let switch = Switch::new();
    let gpu = Gpu::start(switch.opener_within(Limits::HARDWARE)).expect("passes the test");
    let cpu = fastest_cpu();
    let signed = signatures(4096, usize::MAX);
    let items = items(&signed);
    let timed = |backend: &dyn Backend| {
        let mut verdicts = Verdicts::new();
        let start = Instant::now();
        backend.verify_ed25519(&items, &mut verdicts).unwrap();
        assert_eq!(verdicts.count_valid(), items.len());
        start.elapsed()
    };
    // Knows the key.
    timed(&*cpu);
    let (release, hangs) = channel::bounded(8);
    switch.set(Trouble::Hangs(Stage::Dispatch, hangs));
    let first = timed(&gpu);
    let jobs = switch.dispatched();
    let [mut resting, mut alone] = [Duration::MAX; 2];
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(300) {
        resting = resting.min(timed(&gpu));
        alone = alone.min(timed(&*cpu));
    }
    // A machine that stands still for longer than the rest sees a probe.
    let probed = gpu.stats().probes > 0;
    assert!(probed || (switch.dispatched(), faults(&gpu)) == (jobs, 1));
    assert!(gpu.stats().resting);
    eprintln!(
        "4,096 signatures: the call that meets the hang {first:?}, the next {resting:?}, {} alone {alone:?}",
        cpu.name()
    );
    drop(release);
}

#[test]
fn several_callers_of_a_failing_device_all_get_right_answers() {
    let (gpu, switch) = device();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..10).for_each(|i| check(&gpu, 20 + i, "shared")));
        }
        scope.spawn(|| {
            for tamper in Tamper::ALL {
                switch.set(Trouble::Tampers(tamper));
                std::thread::sleep(Duration::from_millis(20));
                switch.set(Trouble::None);
            }
        });
    });
    check(&gpu, 20, "after all that");
}

#[test]
fn a_device_that_works_again_is_used_again() {
    let (gpu, switch) = device();
    switch.set(Trouble::Says(Stage::Dispatch, Fault::Lost));
    check(&gpu, 3, "lost");
    assert!(gpu.stats().resting);
    switch.set(Trouble::None);
    let started = Instant::now();
    while gpu.stats().resting {
        check(&gpu, 2, "while it rests");
        std::thread::sleep(Duration::from_millis(20));
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "rests for ever"
        );
    }
    let before = gpu.stats();
    check(&gpu, 3, "works again");
    let after = gpu.stats();
    assert_eq!(after.fallback_calls, before.fallback_calls);
    assert!(after.calls > before.calls);
    assert_eq!(after.probes, 1);
}

#[test]
fn a_device_that_fails_the_first_test_is_not_used() {
    for trouble in [
        Trouble::Says(Stage::Wait, Fault::Timeout),
        Trouble::Panics(Stage::Upload),
        Trouble::Tampers(Tamper::WrongDigests),
        Trouble::Tampers(Tamper::AcceptAll),
        Trouble::Tampers(Tamper::RejectAll),
        Trouble::Tampers(Tamper::Zeroed),
    ] {
        let switch = Switch::new();
        switch.set(trouble.clone());
        let refused = Gpu::start(switch.opener()).err();
        assert!(refused.is_some(), "{trouble:?}");
    }
}
