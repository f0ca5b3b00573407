//! What an author can do with its own lane: nothing off the chain reaches the disk, memory is bounded, bad batches bar it.
//!
//! The story: one bad batch followed by good ones. The good ones passed their checks, did not continue the checked chain, and
//! were written and kept for ever.

mod common;

use bds_contracts::block::{BatchDigest, Statement};
use bds_contracts::tx::Millis;
use bds_core::batch::{Batch, BatchHeader, Payload};
use bds_core::config::Config;
use bds_core::evidence::Evidence;
use bds_core::message::Message;
use bds_core::turn::{Effect, Input, Record, Turn, Verdict};
use common::{BAD_TRANSACTION, Net, batch, sign};

fn batches_on_disk(net: &Net, index: usize) -> usize {
    let records = net.nodes[index].disk.0.iter();
    records.filter(|r| matches!(r, Record::Batch(_))).count()
}

/// `count` batches of lane 3 in a row from this place on.
fn row(from: u64, mut parent: BatchDigest, count: u64) -> Vec<Batch> {
    let make = |position| {
        let text = format!("tx {position}");
        let made = batch(3, position, parent, &[text.as_bytes()]);
        parent = made.header.digest();
        made
    };
    (from..from + count).map(make).collect()
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
        let batches = row(1, BatchDigest::default(), 8);
        hear_then_verify(&mut net, &batches, |b| b.header.position != 3, back);
        assert_eq!(batches_on_disk(&net, 0), 2, "backwards: {back}");
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
        let batches = row(1, BatchDigest::default(), 8);
        hear_then_verify(&mut net, &batches, |_| true, back);
        assert_eq!(batches_on_disk(&net, 0), 8, "backwards: {back}");
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
    for batch in row(1, BatchDigest::default(), 200) {
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
    let good = row(1, BatchDigest::default(), 1).remove(0);
    net.say(3, 0, Message::Batch(good));
    assert_eq!(batches_on_disk(&net, 0), 0);
    net.make_blocks(1, 5);
}

/// Two batches for one place, both signed: one is acknowledged, and both signatures are kept.
#[test]
fn two_batches_at_one_place_are_evidence() {
    let mut net = Net::new(4, |_| {});
    net.stop(3);
    let first = batch(3, 1, BatchDigest::default(), &[b"one"]);
    let second = batch(3, 1, BatchDigest::default(), &[b"other"]);
    for batch in [&first, &second, &second] {
        net.say(3, 0, Message::Batch(batch.clone()));
    }
    assert_eq!(batches_on_disk(&net, 0), 1);
    let signed = |b: &Batch| (Statement::Batch(b.header.digest()), b.signature);
    let conflict = Evidence::Conflict {
        validator: 3,
        statements: [signed(&first), signed(&second)],
    };
    let evidence: Vec<_> = net.nodes[0].core().evidence().cloned().collect();
    assert_eq!(evidence, [conflict]);
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
    assert_eq!(batches_on_disk(&net, 0), 0);
    assert_eq!(net.nodes[0].core().batches_pending(), (0, 0, 0));
}

/// Whoever passes a batch on may change its payload, which its author did not sign: nobody is accused, and the true batch is
/// taken when it comes.
#[test]
fn an_altered_payload_accuses_nobody() {
    let mut net = Net::new(4, |_| {});
    net.stop(3);
    let good = row(1, BatchDigest::default(), 2);
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

/// Validator 3 starts from an empty disk and hears from two that hold nothing of its lane either: a quorum with itself.
fn lose_home(net: &mut Net) {
    net.nodes[3].disk.0.clear();
    net.start(3);
    for peer in 0..2 {
        net.say(peer, 3, common::status(0, 4));
    }
}

/// A validator that lost its home seals nothing before a quorum has said what it holds of its lane.
#[test]
fn a_validator_seals_nothing_before_it_has_heard_a_quorum() {
    let mut net = Net::new(4, |_| {});
    for index in 0..4 {
        net.stop(index);
    }
    // What was on its way reaches nobody.
    net.run(1);
    net.start(3);
    net.submit(3, &[b"early"]);
    net.run(1_000);
    net.say(0, 3, common::status(0, 4));
    net.run(1_000);
    assert_eq!(net.nodes[3].core().mempool().1, 1);
    net.say(1, 3, common::status(0, 4));
    net.run(1_000);
    assert_eq!(net.nodes[3].core().mempool().1, 0);
    // Alone in its set a validator is a quorum.
    let mut alone = Net::new(1, |_| {});
    alone.make_blocks(0, 3);
}

/// A validator that lost its home sealed a batch for a place that its lane had long passed. What was in it is not lost: it is
/// ordered in a later one.
#[test]
fn what_was_sealed_for_a_passed_place_is_sealed_again() {
    let mut net = Net::new(4, |_| {});
    for round in 0..5 {
        let text = format!("round {round}");
        net.submit(3, &[text.as_bytes()]);
        net.run(100);
    }
    let before = net.nodes[0].core().lane_positions()[3];
    for index in 0..4 {
        net.stop(index);
    }
    lose_home(&mut net);
    for text in ["first", "second", "third"] {
        net.submit(3, &[text.as_bytes()]);
        net.run(300);
    }
    let sealed = batches_on_disk(&net, 3);
    assert!(sealed > 0, "it had to seal for this");
    for index in 0..3 {
        net.start(index);
    }
    net.run(5_000);
    let kept = |text: &str| {
        let held = net.nodes[0]
            .disk
            .0
            .iter()
            .filter_map(|record| match record {
                Record::Batch(batch) if batch.header.position > before => Some(batch),
                _ => None,
            });
        let mut transactions = held.flat_map(|b| b.payload.transactions().unwrap());
        transactions.any(|tx| tx == text.as_bytes())
    };
    for text in ["first", "second", "third"] {
        assert!(kept(text), "{text} is lost: {}", net.standing());
    }
    assert_eq!(net.nodes[3].core().mempool(), (0, 0));
    let ordered = net.nodes[0].core().lane_certified()[3];
    assert!(ordered > before);
}

/// A validator that lost its home has a batch at the engine when it learns how far its lane was ordered. The batch once took
/// the place it was begun for: a second one there, with the wrong parent, and the lane went back with it.
#[test]
fn a_batch_begun_before_the_lane_moved_on_takes_the_next_place() {
    let mut net = Net::new(4, |_| {});
    for round in 0..5 {
        let text = format!("round {round}");
        net.submit(3, &[text.as_bytes()]);
        net.run(100);
    }
    let before = net.nodes[0].core().lane_positions()[3];
    assert!(before >= 5);
    for index in 0..4 {
        net.stop(index);
    }
    lose_home(&mut net);
    let node = &mut net.nodes[3];
    let core = node.core.as_mut().expect("up");
    let mut turn = Turn::default();
    core.step(net.now, Input::Submit(vec![b"begun"[..].into()]), &mut turn);
    let later = Millis(net.now.0 + 100);
    core.step(later, Input::Tick, &mut turn);
    let Ok(effects) = turn.commit(&mut node.disk);
    let seal = effects.into_iter().find_map(|effect| match effect {
        Effect::Seal { position, payload } => Some((position, payload)),
        _ => None,
    });
    let (position, payload) = seal.expect("it begins a batch");
    assert_eq!(position, 1);
    net.now = later;
    for index in 0..3 {
        net.start(index);
    }
    net.run(3_000);
    assert_eq!(net.nodes[3].core().lane_positions()[3], before);
    let root = common::root_of(&payload);
    net.input(
        3,
        Input::Sealed {
            position,
            payload,
            root,
            count: 1,
        },
    );
    net.run(3_000);
    assert_eq!(net.nodes[0].core().lane_positions()[3], before + 1);
    assert_eq!(net.nodes[0].core().lane_certified()[3], before + 1);
    let evidence: usize = net.nodes.iter().map(|n| n.core().evidence().count()).sum();
    assert_eq!(evidence, 0);
}

/// While validator 3 lives, its batches reach these only, and it hears acknowledgements of those only; then its home is lost.
fn seal_and_lose(net: &mut Net, texts: &[String], holders: &'static [u16], heard: &'static [u16]) {
    net.bend = Some(Box::new(move |from, to, message| {
        let lost = match &message {
            Message::Acknowledge { .. } => to == 3 && !heard.contains(&from),
            Message::Batch(_) => from == 3 && !holders.contains(&to),
            _ => false,
        };
        (!lost).then_some((0, message))
    }));
    if net.nodes[3].core.is_none() {
        net.start(3);
        net.run(3_000);
    }
    for text in texts {
        net.submit(3, &[text.as_bytes()]);
        net.run(100);
    }
    net.stop(3);
    net.nodes[3].disk.0.clear();
    net.bend = None;
}

fn texts(what: &str, count: u64) -> Vec<String> {
    (0..count).map(|i| format!("{what} {i}")).collect()
}

/// What a validator holds of the lane of validator 3.
fn held_by(net: &Net, index: usize) -> u64 {
    net.nodes[index].core().lane_positions()[3]
}

/// The author loses its home while f+1 hold batches of its lane that are certified nowhere, one or as many as it may have on
/// their way: they hold the author back, and it knows of no batch that it could have certified. Their acknowledgements are the
/// certificate.
#[test]
fn what_f_plus_1_hold_of_a_lost_home_is_certified() {
    let settle = |config: &mut Config| config.batch_delay_busy_ms = 20;
    let window = Net::new(4, settle).nodes[3].config.lane_window;
    for count in [1, window] {
        let mut net = Net::new(4, settle);
        net.make_blocks(3, 2);
        let before = net.nodes[0].core().lane_certified()[3];
        let held = texts("held by two", count);
        seal_and_lose(&mut net, &held, &[0, 1], &[]);
        assert_eq!(held_by(&net, 0), before + count);
        assert_eq!(net.nodes[0].core().lane_certified()[3], before);
        net.start(3);
        net.submit(3, &[b"later"]);
        net.run(10_000);
        assert_eq!(net.nodes[3].core().mempool().1, 0, "{}", net.standing());
        let disk = net.nodes[2].disk.0.iter();
        let batches = disk.filter_map(|record| match record {
            Record::Batch(batch) => Some(batch.payload.transactions().unwrap()),
            _ => None,
        });
        let ordered: Vec<&[u8]> = batches.flatten().collect();
        for text in held.iter().map(String::as_bytes).chain([&b"later"[..]]) {
            assert!(ordered.contains(&text), "{count}: {}", net.standing());
        }
        assert!(net.nodes[0].core().lane_certified()[3] > before + count);
        let evidence: usize = net.nodes.iter().map(|n| n.core().evidence().count()).sum();
        assert_eq!(evidence, 0, "it must not seal a place twice");
    }
}

/// The home is lost twice, and two hold different batches for one place, so that neither can be certified: a third can. And it
/// is lost once more with that one on its way, so that all three hold different ones and take no other.
#[test]
fn a_lane_held_differently_by_all_goes_on() {
    for losses in [2, 3] {
        let mut net = Net::new(4, |_| {});
        net.make_blocks(3, 2);
        let before = net.nodes[0].core().lane_certified()[3];
        seal_and_lose(&mut net, &texts("held by the first", 1), &[0], &[]);
        seal_and_lose(&mut net, &texts("held by the second", 1), &[1], &[]);
        for (holder, held) in [(0, 1), (1, 1), (2, 0)] {
            assert_eq!(held_by(&net, holder), before + held);
        }
        if losses == 3 {
            seal_and_lose(&mut net, &texts("held by the third", 1), &[2], &[0, 1]);
        }
        net.start(3);
        net.submit(3, &[b"later"]);
        net.run(5_000);
        assert_eq!(net.nodes[3].core().mempool().1, 0, "{}", net.standing());
        assert!(net.nodes[0].core().lane_certified()[3] > before);
        net.make_blocks(3, 2);
    }
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
