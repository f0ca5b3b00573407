//! What an author can do with its own lane: nothing off the chain reaches the disk, memory is bounded, bad batches bar it.
//!
//! The story: one bad batch followed by good ones. The good ones passed their checks, did not continue the checked chain, and
//! were written and kept for ever.

mod common;

use bds_contracts::block::{BatchDigest, Statement};
use bds_core::batch::{Batch, BatchHeader, LaneTip, Payload};
use bds_core::evidence::Evidence;
use bds_core::message::Message;
use bds_core::turn::{Effect, Input, Turn, Verdict};
use common::{BAD_TRANSACTION, Net, batch, sign};

/// `count` batches of lane 3 in a row from the first place on.
fn row(count: u64) -> Vec<Batch> {
    common::row(3, "tx", LaneTip::default(), count)
}

/// Hands batches to validator 0, whose engine answers in the order given and only after all were heard.
fn hear_then_verify(net: &mut Net, batches: &[Batch], valid: impl Fn(&Batch) -> bool, back: bool) {
    let now = net.now;
    let node = &mut net.nodes[0];
    let core = node.core.as_mut().expect("up");
    let mut asked = Vec::new();
    let mut turn = Turn::default();
    for batch in batches {
        let message = Message::Batch(batch.clone());
        core.step(now, Input::Received { from: 3, message }, &mut turn);
    }
    loop {
        let Ok(effects) = std::mem::take(&mut turn).commit(&mut node.disk);
        asked.extend(effects.into_iter().filter_map(|effect| match effect {
            Effect::Verify(batch) => Some(batch),
            _ => None,
        }));
        if asked.is_empty() {
            return;
        }
        if back {
            asked.reverse();
        }
        for batch in asked.drain(..) {
            let digest = batch.header.digest();
            let verdict = if valid(&batch) {
                Verdict::Valid
            } else {
                Verdict::Forged
            };
            core.step(now, Input::Verified { digest, verdict }, &mut turn);
        }
    }
}

#[test]
fn what_follows_a_bad_batch_is_not_kept() {
    for back in [false, true] {
        let mut net = Net::new(4, |_| {});
        net.stop(3);
        let batches = row(8);
        hear_then_verify(&mut net, &batches, |b| b.header.position != 3, back);
        assert_eq!(net.nodes[0].batches_on_disk(), 2, "backwards: {back}");
        assert_eq!(net.nodes[0].core().lane_positions()[3], 2);
        let evidence: Vec<_> = net.nodes[0].core().evidence().cloned().collect();
        let [Evidence::BadBatch { header, signature }] = evidence.as_slice() else {
            panic!("{evidence:?}");
        };
        assert_eq!(header, &batches[2].header);
        let statement = Statement::Batch(header.digest());
        assert_eq!(signature, &sign(3, &statement));
    }
}

#[test]
fn good_batches_are_kept_in_whatever_order_they_were_checked() {
    for back in [false, true] {
        let mut net = Net::new(4, |_| {});
        net.stop(3);
        let batches = row(8);
        hear_then_verify(&mut net, &batches, |_| true, back);
        assert_eq!(net.nodes[0].batches_on_disk(), 8, "backwards: {back}");
        assert_eq!(net.nodes[0].core().lane_positions()[3], 8);
    }
}

/// Whatever one author sends at once, the engine gets a window of it and memory another.
#[test]
fn an_author_takes_two_windows_at_the_most() {
    let mut net = Net::new(4, |_| {});
    let window = usize::try_from(net.nodes[0].config.lane_window).unwrap();
    let core = net.nodes[0].core.as_mut().expect("up");
    let mut turn = Turn::default();
    for batch in row(200) {
        let message = Message::Batch(batch);
        core.step(net.now, Input::Received { from: 3, message }, &mut turn);
    }
    let Ok(effects) = turn.commit(&mut net.nodes[0].disk);
    let asked = effects.iter().filter(|e| matches!(e, Effect::Verify(_)));
    assert_eq!(asked.count(), window);
    let full = net.nodes[0].core().counters()["batch_waiting_full"];
    assert_eq!(full, 200 - 2 * window as u64);
}

#[test]
fn an_author_of_bad_batches_is_barred_and_the_others_go_on() {
    let mut net = Net::new(4, |_| {});
    net.stop(3);
    let allowed = net.nodes[0].config.bad_batches_max;
    for round in 0..u64::from(allowed) + 2 {
        let text = format!("round {round}");
        let bad = batch(
            3,
            1,
            BatchDigest::default(),
            &[text.as_bytes(), BAD_TRANSACTION],
        );
        net.say(3, 0, Message::Batch(bad));
    }
    let counters = net.nodes[0].core().counters().clone();
    assert_eq!(counters["batch_invalid"], u64::from(allowed));
    assert_eq!(counters["author_barred"], 1);
    assert_eq!(counters["batch_of_barred_author"], 2);
    let good = row(1).remove(0);
    net.say(3, 0, Message::Batch(good));
    assert_eq!(net.nodes[0].batches_on_disk(), 0);
    net.make_blocks(1, 5);
}

/// Two batches for one place, both signed: both signatures are kept, and a larger batch is not taken after a smaller one.
#[test]
fn two_batches_at_one_place_are_evidence() {
    let mut pair = [b"one", b"two"].map(|tx| batch(3, 1, BatchDigest::default(), &[tx]));
    pair.sort_by_key(|batch| batch.header.digest());
    for (order, written) in [([0, 1, 1], 1), ([1, 0, 0], 2)] {
        let mut net = Net::new(4, |_| {});
        net.stop(3);
        let [first, second, third] = order.map(|i: usize| &pair[i]);
        for batch in [first, second, third] {
            net.say(3, 0, Message::Batch(batch.clone()));
        }
        assert_eq!(net.nodes[0].batches_on_disk(), written);
        let signed = |b: &Batch| (Statement::Batch(b.header.digest()), b.signature);
        let conflict = Evidence::Conflict {
            validator: 3,
            statements: [signed(first), signed(second)],
        };
        let evidence: Vec<_> = net.nodes[0].core().evidence().cloned().collect();
        assert_eq!(evidence, [conflict]);
    }
}

/// An author makes a thousand first batches, and sends the largest first: each is smaller than the one before, and it is heard as often
/// as there are validators.
#[test]
fn ever_smaller_first_batches_are_soon_not_taken() {
    let mut net = Net::new(4, |_| {});
    net.stop(3);
    let mut rows: Vec<_> = (0..1_000)
        .map(|life| common::row(3, &format!("life {life}"), LaneTip::default(), 3))
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row[0].header.digest()));
    for batch in rows.iter().flatten() {
        net.say(3, 0, Message::Batch(batch.clone()));
    }
    assert_eq!(net.nodes[0].batches_on_disk(), (1 + 4) * 3);
    assert_eq!(net.nodes[0].core().lane_positions()[3], 3);
}

/// A header that lies about its payload is refused before anything is checked.
#[test]
fn a_header_that_does_not_fit_its_payload_is_refused() {
    let mut net = Net::new(4, |_| {});
    let good = batch(3, 1, BatchDigest::default(), &[b"one"]);
    let bend = |change: &dyn Fn(&mut BatchHeader)| {
        let mut bent = good.clone();
        change(&mut bent.header);
        bent.signature = sign(3, &Statement::Batch(bent.header.digest()));
        bent
    };
    let long = Payload::from_bytes(vec![0; net.nodes[0].config.batch_bytes_max + 1]);
    let bad = [
        bend(&|h| h.bytes = u32::MAX),
        bend(&|h| h.count = 0),
        bend(&|h| h.count = u32::MAX),
        bend(&|h| h.position = 0),
        bend(&|h| h.position = u64::MAX),
        bend(&|h| h.lane = 9),
        bend(&|h| h.chain.0[0] ^= 1),
        Batch {
            payload: long,
            ..bend(&|h| h.bytes = 512 * 1024 + 1)
        },
    ];
    for bent in bad {
        net.say(3, 0, Message::Batch(bent));
    }
    assert_eq!(net.nodes[0].batches_on_disk(), 0);
    assert_eq!(net.nodes[0].core().batches_pending(), (0, 0, 0));
}

/// Whoever passes a batch on may change its payload, which its author did not sign: nobody is accused, and the true batch is
/// taken when it comes.
#[test]
fn an_altered_payload_accuses_nobody() {
    let mut net = Net::new(4, |_| {});
    net.stop(3);
    let good = row(2);
    for round in 0..10 {
        let mut altered = good[0].clone();
        let mut bytes = altered.payload.as_bytes().to_vec();
        bytes[4] = round;
        altered.payload = Payload::from_bytes(bytes);
        net.say(3, 0, Message::Batch(altered));
    }
    assert_eq!(net.nodes[0].core().counters()["batch_altered"], 10);
    assert_eq!(net.nodes[0].core().evidence().count(), 0);
    for batch in &good {
        net.say(3, 0, Message::Batch(batch.clone()));
    }
    assert_eq!(net.nodes[0].core().lane_positions()[3], 2);
}

/// Acknowledgements of a whole window are lost: every peer holds the batches and says so, and the author asks again.
#[test]
fn lost_acknowledgements_do_not_stop_a_lane() {
    let mut net = Net::new(4, |config| {
        config.batch_delay_ms = 1;
        config.batch_delay_busy_ms = 1;
    });
    net.bend = Some(Box::new(|_, to, message| {
        let lost = to == 1 && matches!(message, Message::Acknowledge { .. });
        (!lost).then_some((0, message))
    }));
    let window = net.nodes[1].config.lane_window;
    for round in 0..window + 4 {
        let text = format!("round {round}");
        net.submit(1, &[text.as_bytes()]);
        net.run(10);
    }
    assert_eq!(net.nodes[0].core().lane_positions()[1], window);
    net.bend = None;
    net.run(3_000);
    net.make_blocks(1, 3);
    assert!(net.nodes[0].core().lane_certified()[1] > window);
}

/// The shell may hand over what the credit says, whatever is on its way meanwhile, and nothing of it is dropped.
#[test]
fn what_is_within_the_credit_is_never_dropped() {
    let mut net = Net::new(1, |config| {
        config.mempool_bytes_max = 1_000;
        config.batch_delay_ms = 100;
    });
    // Each takes 100 bytes, the four of its length among them.
    let transaction = [7; 96];
    let refused = |net: &Net| {
        let counters = net.nodes[0].core().counters();
        counters.get("submit_refused_full").copied()
    };
    let credit = net.nodes[0].core().submit_credit();
    assert_eq!(credit, 1_000);
    for handed_over in 1..=10 {
        net.submit(0, &[&transaction]);
        assert_eq!(net.nodes[0].core().submit_credit(), credit, "{handed_over}");
    }
    assert_eq!(refused(&net), None);
    net.submit(0, &[&transaction]);
    assert_eq!(refused(&net), Some(1));
    // What a batch takes along makes room for as much.
    net.run(200);
    assert_eq!(net.nodes[0].core().mempool().0, 0);
    assert_eq!(net.nodes[0].core().submit_credit(), 1_100 + 1_000);
}

/// No more is asked for than leaves within the time that the settings name: four batches at first, and as much as has left of late.
#[test]
fn the_credit_follows_what_leaves() {
    let mut net = Net::new(1, |config| {
        config.batch_bytes_max = 1_000;
        config.batch_delay_ms = 10;
        config.queue_ms = 500;
    });
    let transaction = [7; 96];
    let allowed = |net: &Net, submitted: u64| {
        let core = net.nodes[0].core();
        core.submit_credit() - submitted + core.mempool().0 as u64
    };
    assert_eq!(allowed(&net, 0), 4_000);
    // A hundred bytes a millisecond.
    for _ in 0..400 {
        net.submit(0, &[&transaction]);
        net.run(1);
    }
    let now = allowed(&net, 40_000);
    assert!((40_000..=60_000).contains(&now), "{now}");
    // A standstill counts no less than four batches.
    net.run(2_000);
    net.submit(0, &[&transaction]);
    net.run(100);
    assert_eq!(allowed(&net, 40_100), 4_000);
}
