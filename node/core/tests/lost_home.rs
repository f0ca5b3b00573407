//! An author that has lost its home: others may hold batches of its lane that it does not know of, and it must go on from them,
//! or beside them, without ever leaving the lane where nobody can follow.

mod common;

use std::collections::BTreeMap;

use bds_contracts::block::{BatchDigest, Statement};
use bds_contracts::tx::Millis;
use bds_core::batch::{Batch, LaneTip, TipCertificate};
use bds_core::config::Config;
use bds_core::message::Message;
use bds_core::turn::{Effect, Input, Record, Turn};
use common::{Net, sign};

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

/// A network in which the author of lane 3 is down, and each of these validators holds batches of an earlier life of it: which
/// life, and how many, from the first place on.
fn with_lives(held: [(&str, u64); 3]) -> Net {
    let mut net = Net::new(4, |config| config.batch_delay_busy_ms = 20);
    net.stop(3);
    for (index, (life, count)) in held.into_iter().enumerate() {
        for batch in life_of(life, count) {
            net.say(3, index, Message::Batch(batch));
        }
        assert_eq!(held_by(&net, index), count);
    }
    // What they answer reaches nobody.
    net.run(1);
    net
}

/// The first batches that validator 3 sealed in one of its lives.
fn life_of(life: &str, count: u64) -> Vec<Batch> {
    common::row(3, life, LaneTip::default(), count)
}

/// A validator says that it holds this batch of lane 3.
fn acknowledgement(who: u16, batch: &Batch) -> Message {
    let (position, digest) = (batch.header.position, batch.header.digest());
    Message::Acknowledge {
        position,
        digest,
        signature: sign(who, &Statement::Acknowledge(3, position, digest)),
    }
}

/// What a validator has acknowledged of lane 3, in the order in which it said so, repeats among them.
fn acknowledged(net: &Net, who: u16) -> Vec<(u64, BatchDigest)> {
    let heard = net
        .delivered
        .iter()
        .filter(|(from, to, _)| (*from, *to) == (who, 3));
    let messages = heard.map(|(_, _, bytes)| borsh::from_slice(bytes).unwrap());
    let acknowledged = messages.filter_map(|message| match message {
        Message::Acknowledge {
            position, digest, ..
        } => Some((position, digest)),
        _ => None,
    });
    acknowledged.collect()
}

/// Whoever acknowledges another batch behind the same one acknowledges a smaller one.
fn assert_ever_smaller(net: &Net) {
    let records = net.nodes.iter().flat_map(|node| &node.disk.0);
    let batches = records.filter_map(|record| match record {
        Record::Batch(batch) => Some((batch.header.digest(), batch.header.parent)),
        _ => None,
    });
    let parents: BTreeMap<_, _> = batches.collect();
    for who in 0..3 {
        let mut last = BTreeMap::new();
        for (position, digest) in acknowledged(net, who) {
            let before = last.insert((position, parents[&digest]), digest);
            assert!(before.is_none_or(|before| digest <= before), "{who}");
        }
    }
}

/// Certificates of lane 3 that validator 3 has made.
fn certified_by_author(net: &Net) -> Vec<LaneTip> {
    let records = net.nodes[3].disk.0.iter();
    let certificates = records.filter_map(|record| match record {
        Record::LaneCertificate(certificate) => Some(certificate.tip.in_lane()),
        _ => None,
    });
    certificates.collect()
}

/// The author seals batches before it hears that others hold some of its earlier lives. They take none that builds on them, and it
/// once repeated only those above what they hold: it never heard what they acknowledged below, and the lane stood still.
#[test]
fn an_author_learns_what_others_hold_below_what_it_sealed() {
    // As much as a lane may have on its way, and everything that two batches of three lives can come to.
    let mut ways = vec![[("a", 8), ("b", 8), ("c", 8)]];
    let lives = [
        ("a", 0),
        ("a", 1),
        ("a", 2),
        ("b", 1),
        ("b", 2),
        ("c", 1),
        ("c", 2),
    ];
    for (first, second) in (0..7).flat_map(|first| (first..7).map(move |second| (first, second))) {
        ways.extend((second..7).map(|third| [lives[first], lives[second], lives[third]]));
    }
    for held in ways {
        let mut net = with_lives(held);
        for index in 0..3 {
            net.stop(index);
        }
        lose_home(&mut net);
        let later = texts("later", 4);
        for text in &later {
            net.submit(3, &[text.as_bytes()]);
            net.run(50);
        }
        assert_eq!(net.nodes[3].batches_on_disk(), 4, "it seals in ignorance");
        for index in 0..3 {
            net.start(index);
        }
        net.run(3_000);
        assert_eq!(
            net.nodes[3].core().mempool().1,
            0,
            "{held:?} {}",
            net.standing()
        );
        for index in 0..3 {
            let disk = net.nodes[index].disk.0.iter();
            let batches = disk.filter_map(|record| match record {
                Record::Batch(batch) => Some(batch.payload.transactions().unwrap()),
                _ => None,
            });
            let ordered: Vec<&[u8]> = batches.flatten().collect();
            for text in &later {
                let has = ordered.contains(&text.as_bytes());
                assert!(has, "{index} lacks {text}: {held:?} {}", net.standing());
            }
        }
        let certified: Vec<_> = (0..4)
            .map(|i| net.nodes[i].core().lane_certified()[3])
            .collect();
        assert_eq!(
            certified,
            [held_by(&net, 3); 4],
            "{held:?} {}",
            net.standing()
        );
        assert_ever_smaller(&net);
        net.make_blocks(3, 2);
    }
}

/// Nothing new is needed for that: what others hold differently is certified one after the other. The author once took what it
/// fetched for a part of its lane, told the others that it had it, and they had nothing more to say.
#[test]
fn what_is_held_differently_is_certified_though_nothing_is_sealed() {
    for held in [
        [("a", 1), ("b", 1), ("c", 1)],
        [("a", 1), ("b", 1), ("b", 0)],
        [("a", 2), ("b", 2), ("c", 2)],
    ] {
        let mut net = with_lives(held);
        net.start(3);
        net.run(10_000);
        for index in 0..4 {
            let certified = net.nodes[index].core().lane_certified()[3];
            assert_eq!(certified, held[0].1, "{index}: {held:?} {}", net.standing());
            assert_eq!(
                net.nodes[index]
                    .core()
                    .counters()
                    .get("message_from_outside"),
                None
            );
        }
        assert_ever_smaller(&net);
    }
}

/// A batch of an earlier life is signed again only together with all before it, as every acknowledgement says: whoever says that it
/// holds it may keep from the others what it builds on.
#[test]
fn what_is_fetched_is_signed_with_all_before_it() {
    let mut net = Net::stopped(4, |_| {});
    net.start(3);
    let held = life_of("a", 3);
    for batch in held.iter().rev() {
        assert_eq!(net.nodes[3].core().lane_positions()[3], 0);
        net.say(0, 3, acknowledgement(0, batch));
        net.run(1_000);
        net.say(0, 3, acknowledgement(0, &held[2]));
        assert_eq!(certified_by_author(&net), []);
        net.say(0, 3, Message::Batch(batch.clone()));
    }
    assert_eq!(net.nodes[3].core().lane_positions()[3], 3);
    net.say(0, 3, acknowledgement(0, &held[2]));
    let tip = LaneTip {
        position: 3,
        digest: held[2].header.digest(),
    };
    assert_eq!(certified_by_author(&net), [tip]);
}

/// A validator acknowledged two batches, and another one was ordered in the place of the first: the second is not part of the lane
/// any more. It takes and acknowledges what follows what was ordered.
#[test]
fn what_builds_on_a_batch_that_is_passed_over_is_left() {
    let mut net = with_lives([("a", 2), ("b", 1), ("b", 1)]);
    let b = life_of("b", 2);
    let tip = LaneTip {
        position: 1,
        digest: b[0].header.digest(),
    }
    .of(3);
    let signatures = common::certificate(&[1, 2], &tip.acknowledgement());
    for index in 0..3 {
        let certificate = TipCertificate {
            tip,
            signatures: signatures.clone(),
        };
        net.say(3, index, Message::Certificate(certificate));
    }
    net.run(2_000);
    assert_eq!(net.nodes[0].core().executed(), 1, "{}", net.standing());
    assert_eq!(held_by(&net, 0), 1);
    let before = acknowledged(&net, 0).len();
    for _ in 0..3 {
        net.say(3, 0, Message::Batch(b[1].clone()));
        net.run(1);
    }
    assert_eq!(held_by(&net, 0), 2);
    let said = acknowledged(&net, 0).split_off(before);
    assert_eq!(said, [(2, b[1].header.digest()); 3]);
}

/// Who says that it acknowledged a batch that never was is asked for it, and no more comes of it: whatever it says how often, the
/// author asks for one batch a place, and the lane goes on.
#[test]
fn an_acknowledgement_of_nothing_keeps_nothing_up() {
    let mut net = Net::new(4, |_| {});
    net.make_blocks(3, 2);
    let window = net.nodes[3].config.lane_window;
    let base = held_by(&net, 3);
    for round in 0..100_u64 {
        for position in base + 1..=base + 2 * window {
            let place = u8::try_from(position).unwrap();
            let mut digest = BatchDigest([place; 32]);
            digest.0[0] = u8::try_from(round).unwrap();
            let statement = Statement::Acknowledge(3, position, digest);
            let message = Message::Acknowledge {
                position,
                digest,
                signature: sign(0, &statement),
            };
            net.say(0, 3, message);
        }
    }
    let (_, _, wanted) = net.nodes[3].core().batches_pending();
    assert_eq!(u64::try_from(wanted).unwrap(), window);
    net.make_blocks(3, 2 * window);
    assert_eq!(net.nodes[3].core().batches_pending(), (0, 0, 0));
}

/// A home is lost again and again, and each life leaves its batches with one other, so that none of them has enough holders to be
/// certified, however many validators there are. In the end the author is started once more from what it has, too.
#[test]
fn a_home_lost_once_for_every_validator_does_not_end_its_lane() {
    for (n, count, restarted) in [
        (4, 1, false),
        (4, 8, true),
        (7, 1, true),
        (7, 3, false),
        (10, 2, true),
    ] {
        let mut net = Net::new(n, |config| config.batch_delay_busy_ms = 20);
        net.stop(3);
        let others: Vec<_> = (0..n).filter(|index| *index != 3).collect();
        for &holder in &others {
            for batch in life_of(&format!("life {holder}"), count) {
                net.say(3, holder, Message::Batch(batch));
            }
            assert_eq!(held_by(&net, holder), count);
        }
        net.run(1);
        net.start(3);
        if restarted {
            net.run(250);
            net.stop(3);
            net.start(3);
        }
        net.submit(3, &[b"later"]);
        net.run(10_000);
        let what = format!("{n} {count} {}", net.standing());
        assert_eq!(net.nodes[3].core().mempool().1, 0, "{what}");
        let certified = net.nodes.iter().map(|n| n.core().lane_certified()[3]);
        let certified: Vec<_> = certified.collect();
        assert!(certified[0] > count, "{what}");
        assert_eq!(certified, vec![certified[0]; n], "{what}");
        for index in 0..n {
            let disk = net.nodes[index].disk.0.iter();
            let mut batches = disk.filter_map(|record| match record {
                Record::Batch(batch) => Some(batch.payload.transactions().unwrap()),
                _ => None,
            });
            assert!(batches.any(|b| b.contains(&&b"later"[..])), "{what}");
        }
        assert_ever_smaller(&net);
        net.make_blocks(3, 2);
    }
}

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
    let root = common::root_of(&payload);
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
    let others = (0..).map(|life| common::row(3, &format!("second {life}"), parent, 1).remove(0));
    let mut smaller = others.filter(|made| made.header.digest() < second.header.digest());
    regain(&mut net, &smaller.next().expect("one of so many"));
    regain(&mut net, &smaller_than(first.header.digest()));
    step(&mut net, Input::Loaded(vec![second]));
    step(&mut net, Input::Loaded(vec![first]));
    for peer in 0..2 {
        net.say(peer, 3, common::status(0, 4));
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
