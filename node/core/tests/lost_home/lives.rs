//! Others hold different batches of one lane, of several lives of its author: all work out the same chain.

use std::collections::BTreeMap;

use super::{held_by, lose_home, texts};
use crate::common::{Net, sign};
use bds_contracts::block::{BatchDigest, Statement};
use bds_core::batch::{Batch, LaneTip, TipCertificate};
use bds_core::message::Message;
use bds_core::turn::Record;

/// A network in which the author of lane 3 is down, and each of these validators holds batches of an earlier life of it: which
/// life, and how many, from the first place on.
pub(super) fn with_lives(held: [(&str, u64); 3]) -> Net {
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
pub(super) fn life_of(life: &str, count: u64) -> Vec<Batch> {
    crate::common::row(3, life, LaneTip::default(), count)
}

/// A validator says that it holds this batch of lane 3.
pub(super) fn acknowledgement(who: u16, batch: &Batch) -> Message {
    let (position, digest) = (batch.header.position, batch.header.digest());
    Message::Acknowledge {
        position,
        digest,
        signature: sign(who, &Statement::Acknowledge(3, position, digest)),
    }
}

/// What a validator has acknowledged of lane 3, in the order in which it said so, repeats among them.
pub(super) fn acknowledged(net: &Net, who: u16) -> Vec<(u64, BatchDigest)> {
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
pub(super) fn assert_ever_smaller(net: &Net) {
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
pub(super) fn certified_by_author(net: &Net) -> Vec<LaneTip> {
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
    let signatures = crate::common::certificate(&[1, 2], &tip.acknowledgement());
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
