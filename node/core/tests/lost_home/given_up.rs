//! What an author gave up comes back into its lane, whatever was being sealed, stored or checked meanwhile.

use super::lives::{acknowledgement, life_of};
use super::lose_home;
use crate::common::Net;
use bds_contracts::block::BatchDigest;
use bds_core::batch::{Batch, LaneTip};
use bds_core::message::Message;
use bds_core::turn::{Effect, Input, Record, Turn};

/// A batch of an earlier life that is smaller than this one, and so goes before it.
fn smaller_than(batch: BatchDigest) -> Batch {
    let lives = (0..).map(|life| life_of(&format!("smaller {life}"), 1).remove(0));
    let mut smaller = lives.filter(|made| made.header.digest() < batch);
    smaller.next().expect("one of so many")
}

/// What validator 3 has on disk of its lane in this place, in the order written.
fn own_in(net: &Net, position: u64) -> Vec<&Batch> {
    let records = net.nodes[3].disk.0.iter();
    let batches = records.filter_map(|record| match record {
        Record::Batch(batch) if batch.header.lane == 3 => Some(batch),
        _ => None,
    });
    batches
        .filter(|batch| batch.header.position == position)
        .collect()
}

/// One step of validator 3 with nobody to carry out what it asks for.
fn step(net: &mut Net, input: Input) -> Vec<Effect> {
    let node = &mut net.nodes[3];
    let mut turn = Turn::default();
    node.core
        .as_mut()
        .expect("up")
        .step(net.now, input, &mut turn);
    let Ok(effects) = turn.commit(&mut node.disk);
    effects
}

/// Validator 3 learns of a batch of an earlier life and gets it.
fn regain(net: &mut Net, batch: &Batch) -> Vec<Effect> {
    let digest = batch.header.digest();
    for message in [acknowledgement(1, batch), Message::Batch(batch.clone())] {
        step(net, Input::Received { from: 1, message });
    }
    let verdict = bds_core::turn::Verdict::Valid;
    step(net, Input::Verified { digest, verdict })
}

/// A batch is given up while the next one is being sealed: both are sealed again, in the order in which they were handed in.
#[test]
fn what_is_being_sealed_stays_behind_what_is_given_up() {
    let mut net = Net::stopped(4, |_| {});
    lose_home(&mut net);
    net.submit(3, &[b"first"]);
    net.run(50);
    let first = own_in(&net, 1)[0].header.digest();
    step(&mut net, Input::Submit(vec![b"second"[..].into()]));
    net.now.0 += 1_000;
    let effects = step(&mut net, Input::Tick);
    let payload = effects.into_iter().find_map(|effect| match effect {
        Effect::Seal { payload, .. } => Some(payload),
        _ => None,
    });
    let payload = payload.expect("it begins a batch");
    regain(&mut net, &smaller_than(first));
    let root = crate::common::root_of(&payload);
    net.input(
        3,
        Input::Sealed {
            position: 2,
            payload,
            root,
            count: 1,
        },
    );
    net.run(2_000);
    let sealed = own_in(&net, 2);
    assert_eq!(sealed.len(), 1);
    let transactions = sealed[0].payload.transactions().unwrap();
    assert_eq!(transactions, [&b"first"[..], b"second"]);
}

/// Batches are given up one after the other while the store has not answered: nothing of them is lost, and none counts as lost on disk.
/// And a restart in between forgets nothing either.
#[test]
fn what_is_given_up_waits_for_the_store_and_through_a_restart() {
    let mut net = Net::stopped(4, |_| {});
    lose_home(&mut net);
    net.submit(3, &[b"first"]);
    net.run(50);
    let first = own_in(&net, 1)[0].clone();
    // Nothing is in memory, and nobody has said anything.
    net.stop(3);
    net.start(3);
    let smaller = smaller_than(first.header.digest());
    let smallest = smaller_than(smaller.header.digest());
    let asked = regain(&mut net, &smaller);
    let asked_for = asked.iter().filter_map(|effect| match effect {
        Effect::LoadBatches(digests) => Some(digests.as_slice()),
        _ => None,
    });
    let asked_for: Vec<_> = asked_for.collect();
    assert_eq!(asked_for, [[first.header.digest()]]);
    regain(&mut net, &smallest);
    step(&mut net, Input::Loaded(vec![first]));
    let waiting = net.nodes[3].core().mempool().1;
    assert_eq!(waiting, 2);
    let counters = net.nodes[3].core().counters();
    for lost in ["own_batch_lost", "batch_lost_on_disk"] {
        assert_eq!(counters.get(lost), None);
    }
    net.stop(3);
    net.start(3);
    assert_eq!(net.nodes[3].core().mempool().1, 2);
    assert_eq!(net.nodes[3].core().lane_positions()[3], 1);
}

/// Batches in two places are given up, first the second and then the first: what is in them comes back in the order in which it was sealed.
#[test]
fn what_is_given_up_later_but_sealed_before_comes_first() {
    let mut net = Net::stopped(4, |config| config.batch_delay_busy_ms = 20);
    lose_home(&mut net);
    for text in ["first", "second"] {
        net.submit(3, &[text.as_bytes()]);
        net.run(50);
    }
    let [first, second] = [1, 2].map(|place| own_in(&net, place)[0].clone());
    // From an empty memory, so that what is given up is asked of the store.
    net.stop(3);
    net.start(3);
    let parent = LaneTip {
        position: 1,
        digest: first.header.digest(),
    };
    let others =
        (0..).map(|life| crate::common::row(3, &format!("second {life}"), parent, 1).remove(0));
    let mut smaller = others.filter(|made| made.header.digest() < second.header.digest());
    regain(&mut net, &smaller.next().expect("one of so many"));
    regain(&mut net, &smaller_than(first.header.digest()));
    step(&mut net, Input::Loaded(vec![second]));
    step(&mut net, Input::Loaded(vec![first]));
    for peer in 0..2 {
        net.say(peer, 3, crate::common::status(0, 4));
    }
    net.run(2_000);
    let sealed = own_in(&net, 2);
    let again = sealed.last().expect("what came back");
    let transactions = again.payload.transactions().unwrap();
    assert_eq!(transactions.first(), Some(&&b"first"[..]));
    assert_eq!(transactions.last(), Some(&&b"second"[..]));
}

/// A batch that the engine has is not asked for again, however long the engine takes.
#[test]
fn what_is_being_checked_is_not_asked_for_again() {
    let mut net = Net::stopped(4, |_| {});
    net.start(3);
    let batch = life_of("a", 1).remove(0);
    let asks = |effects: Vec<Effect>| {
        let asks = |effect: &Effect| matches!(effect, Effect::Send(_, Message::FetchBatches(_)));
        effects.iter().filter(|effect| asks(effect)).count()
    };
    let message = acknowledgement(1, &batch);
    assert_eq!(
        asks(step(&mut net, Input::Received { from: 1, message })),
        1
    );
    let message = Message::Batch(batch);
    step(&mut net, Input::Received { from: 1, message });
    for _ in 0..10 {
        net.now.0 += 1_000;
        assert_eq!(asks(step(&mut net, Input::Tick)), 0);
    }
}

/// A peer that once said something true cannot have the answer refused by saying something else.
#[test]
fn a_second_word_does_not_take_back_the_first() {
    let mut net = Net::stopped(4, |_| {});
    net.start(3);
    let batch = life_of("a", 1).remove(0);
    let other = life_of("b", 1).remove(0);
    for message in [acknowledgement(1, &batch), acknowledgement(1, &other)] {
        step(&mut net, Input::Received { from: 1, message });
    }
    net.say(2, 3, Message::Batch(batch));
    assert_eq!(net.nodes[3].core().lane_positions()[3], 1);
}
