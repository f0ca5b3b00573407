//! An author that has lost its home: others may hold batches of its lane that it does not know of, and it must go on from them,
//! or beside them, without ever leaving the lane where nobody can follow.

#[path = "../common/mod.rs"]
mod common;
mod given_up;
mod lives;

use bds_contracts::tx::Millis;
use bds_core::config::Config;
use bds_core::message::Message;
use bds_core::turn::{Effect, Input, Record, Turn};
use common::Net;

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
    let sealed = net.nodes[3].batches_on_disk();
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
