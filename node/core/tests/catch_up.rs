//! A validator that was away comes back, however far the others have gone, under load and beside a network that stands
//! still.
//!
//! The story: a peer once answered a question for slots with as many as fit into a message, and the asker refused the
//! whole answer when it held more certified headers than it takes. More than 256 blocks away meant away for ever.

mod common;

use bds_core::batch::{LaneTip, TipCertificate};
use bds_core::message::Message;
use bds_core::turn::Record;
use common::{Net, status};

const LIMIT: u64 = 64;

fn net() -> Net {
    Net::new(4, |config| {
        config.fetch_slots_max = usize::try_from(LIMIT).unwrap();
        config.window = LIMIT;
        config.batch_delay_ms = 1;
        config.batch_delay_busy_ms = 1;
        config.slot_interval_min_ms = 1;
    })
}

/// Distances around the limit of one answer.
const DISTANCES: [u64; 5] = [1, LIMIT - 1, LIMIT, LIMIT + 1, 10 * LIMIT];

fn assert_level(net: &Net, what: &str) {
    let (low, high) = net.heights();
    assert_eq!(low, high, "{what}: {:?}", net.nodes[3].core().counters());
    let node = &net.nodes[3];
    assert_eq!(
        node.core().certified(),
        high,
        "{what}: certificates are missing"
    );
    let proven: Vec<_> = node.certified().map(|h| h.header.height).collect();
    assert_eq!(proven, (1..=high).collect::<Vec<_>>(), "{what}");
    assert_eq!(node.core().answers_refused(), 0, "{what}");
}

#[test]
fn an_emptied_validator_catches_up_with_an_idle_network() {
    for distance in DISTANCES {
        let mut net = net();
        net.stop(3);
        net.make_blocks(0, distance);
        net.run(500);
        net.start(3);
        net.run(3_000);
        assert_level(&net, &format!("{distance} blocks away"));
    }
}

#[test]
fn a_validator_that_was_away_catches_up_under_load() {
    for distance in DISTANCES {
        let mut net = net();
        net.make_blocks(0, 10);
        net.stop(3);
        net.make_blocks(0, distance);
        net.start(3);
        let mut more = 0;
        while net.heights().1 - net.nodes[3].core().executed() > 16 {
            more += 10;
            assert!(more <= 1_000, "{distance} blocks away, and {more} later");
            net.make_blocks(0, 10);
        }
        net.run(3_000);
        assert_level(&net, &format!("{distance} blocks away"));
    }
}

/// Blocks that were executed and not certified when the process died are proven by what peers hold.
#[test]
fn blocks_left_without_certificate_get_one() {
    let mut net = net();
    net.make_blocks(0, 5 * LIMIT);
    net.run(500);
    net.stop(3);
    let kept = |record: &bds_core::turn::Record| !matches!(record, bds_core::turn::Record::Certified(h) if h.header.height > 10);
    net.nodes[3].disk.0.retain(kept);
    net.start(3);
    net.run(3_000);
    assert_level(&net, "after losing certificates");
}

/// Whoever gets answers that it must refuse says so.
#[test]
fn refused_answers_are_told() {
    let mut net = net();
    net.stop(3);
    net.make_blocks(0, 2 * LIMIT);
    for peer in 0..3 {
        net.stop(peer);
    }
    net.start(3);
    for round in 1..=3 {
        net.say(1, 3, common::status(2 * LIMIT, 4));
        net.run(1_000);
        let mut slots: Vec<_> = net.nodes[0].slots().take(2).cloned().collect();
        slots[1].certificate.view = 9;
        net.say(1, 3, bds_core::message::Message::Slots(slots));
        assert_eq!(net.nodes[3].core().answers_refused(), round);
    }
    for peer in 0..3 {
        net.start(peer);
    }
    net.run(3_000);
    assert_eq!(net.nodes[3].core().answers_refused(), 0);
    assert_level(&net, "after refusing");
}

/// The state on disk is ahead of the certificates on disk, further than one answer reaches: peers have them.
#[test]
fn blocks_below_the_state_on_disk_get_their_certificates() {
    let mut net = net();
    net.make_blocks(0, 5 * LIMIT);
    net.run(500);
    net.stop(3);
    let high = net.nodes[3].certified().last().unwrap().header.height;
    net.nodes[3].base = Some(net.nodes[3].executed_base(high - 3));
    let lost = |record: &bds_core::turn::Record| matches!(record, bds_core::turn::Record::Certified(h) if h.header.height > 10);
    net.nodes[3].disk.0.retain(|record| !lost(record));
    net.start(3);
    net.run(3_000);
    net.make_blocks(0, 5);
    net.run(3_000);
    let mut proven: Vec<_> = net.nodes[3].certified().map(|h| h.header.height).collect();
    proven.sort_unstable();
    assert_eq!(proven, (1..=net.heights().1).collect::<Vec<_>>());
}

fn heights_proven(net: &Net, index: usize) -> Vec<u64> {
    let mut proven: Vec<_> = net.nodes[index]
        .certified()
        .map(|h| h.header.height)
        .collect();
    proven.sort_unstable();
    proven.dedup();
    proven
}

/// Takes certificates from a disk, with the state there or without.
fn lose(net: &mut Net, index: usize, lost: std::ops::RangeInclusive<u64>) {
    let is_lost = |record: &bds_core::turn::Record| matches!(record, bds_core::turn::Record::Certified(h) if lost.contains(&h.header.height));
    net.nodes[index].disk.0.retain(|record| !is_lost(record));
}

/// One peer that leaves certificates out of its answers costs none: the others are asked before one is given up. With the
/// state on disk ahead of the certificates, and behind.
#[test]
fn one_peer_cannot_have_certificates_given_up() {
    for with_state in [false, true] {
        let mut net = net();
        net.make_blocks(0, 2 * LIMIT);
        net.run(500);
        net.stop(3);
        let high = net.nodes[3].certified().last().unwrap().header.height;
        if with_state {
            net.nodes[3].base = Some(net.nodes[3].executed_base(high - 3));
        }
        lose(&mut net, 3, 11..=u64::MAX);
        net.bend = Some(Box::new(|from, _, message| {
            let bds_core::message::Message::Headers(mut headers) = message else {
                return Some((0, message));
            };
            if from == 0 {
                headers.retain(|header| header.header.height > 40);
            }
            Some((0, bds_core::message::Message::Headers(headers)))
        }));
        net.start(3);
        net.run(5_000);
        let all = (1..=net.heights().1).collect::<Vec<_>>();
        assert_eq!(heights_proven(&net, 3), all, "with state: {with_state}");
    }
}

/// Certificates that all have lost are not asked for for ever: those after them are taken.
#[test]
fn certificates_that_all_have_lost_are_passed_over() {
    for with_state in [false, true] {
        let mut net = net();
        net.make_blocks(0, LIMIT);
        net.run(500);
        net.stop(3);
        let high = net.nodes[3].certified().last().unwrap().header.height;
        if with_state {
            net.nodes[3].base = Some(net.nodes[3].executed_base(high - 3));
        }
        lose(&mut net, 3, 11..=u64::MAX);
        for peer in 0..3 {
            lose(&mut net, peer, 20..=22);
        }
        net.start(3);
        net.run(10_000);
        net.make_blocks(0, 5);
        net.run(3_000);
        let top = net.heights().1;
        let most = (1..=top).filter(|height| !(20..=22).contains(height));
        assert_eq!(heights_proven(&net, 3), most.collect::<Vec<_>>());
        assert_eq!(net.nodes[3].core().certified(), top);
        assert_eq!(net.nodes[3].core().counters()["certificates_lost"], 3);
    }
}

/// A slot orders many batches of a lane that this validator has none of, and the first of those who should have them says nothing. It
/// once asked that one first for every batch, and for each only when the one above was checked.
#[test]
fn a_long_lane_is_fetched_past_a_silent_validator() {
    let mut net = Net::new(4, |_| {});
    net.stop(3);
    let row = common::row(3, "missed", LaneTip::default(), 60);
    for batch in &row {
        for holder in [1, 2] {
            net.say(3, holder, Message::Batch(batch.clone()));
        }
    }
    net.bend = Some(Box::new(|from, to, message| {
        let kept = (from, to) == (1, 0) && matches!(message, Message::Batch(_));
        (!kept).then_some((0, message))
    }));
    let tip = LaneTip {
        position: 60,
        digest: row[59].header.digest(),
    }
    .of(3);
    for index in 0..3 {
        let certificate = TipCertificate {
            tip,
            signatures: common::certificate(&[1, 2], &tip.acknowledgement()),
        };
        net.say(3, index, Message::Certificate(certificate));
    }
    net.run(2_000);
    let executed: Vec<_> = (0..3).map(|i| net.nodes[i].core().executed()).collect();
    assert_eq!(executed, [1; 3], "{}", net.standing());
}

/// Executing again what others executed is for those who are a little behind; one liar does not make anybody stop.
#[test]
fn a_validator_that_is_too_far_behind_asks_for_a_state() {
    let far = |replay_ms| {
        let mut net = Net::stopped(4, |config| {
            config.replay_blocks_max = 20;
            config.replay_ms = replay_ms;
            config.batch_delay_ms = 1;
            config.slot_interval_min_ms = 1;
        });
        for index in 0..3 {
            net.start(index);
        }
        net.make_blocks(0, 21);
        net.run(500);
        net.start(3);
        net.run(200);
        net
    };
    let net = far(0);
    let (asked, certified) = (net.nodes[3].out_of_reach, net.nodes[0].core().certified());
    assert!(asked.is_some_and(|height| height > 20 && height <= certified));
    // Told to wait, it catches up instead.
    let mut net = far(10_000);
    net.run(3_000);
    assert_eq!(net.nodes[3].out_of_reach, None);
    assert_eq!(net.nodes[3].core().committed(), certified);

    // As far as at least one correct validator is.
    let mut net = Net::new(4, |config| config.replay_blocks_max = 20);
    net.make_blocks(0, 3);
    let base = net.nodes[3].core().executed();
    net.say(1, 3, status(base + 5_000, 4));
    assert_eq!(net.nodes[3].out_of_reach, None);
    net.say(2, 3, status(base + 20, 4));
    assert_eq!(net.nodes[3].out_of_reach, None);
    net.say(2, 3, status(base + 21, 4));
    assert_eq!(net.nodes[3].out_of_reach, Some(base + 21));
}

/// Validators may keep less than another one expects: it notices when it asks, however near it is.
#[test]
fn a_validator_whose_next_slot_nobody_has_any_more_asks_for_a_state() {
    let mut net = net();
    net.make_blocks(0, 5);
    net.stop(3);
    net.make_blocks(0, 20);
    let next = net.nodes[3].slots().count() as u64 + 1;
    for index in 0..3 {
        let keeps = |record: &Record| !matches!(record, Record::Committed(slot) if slot.proposal.slot <= next + 5);
        net.nodes[index].disk.0.retain(keeps);
    }
    net.start(3);
    net.run(3_000);
    assert_eq!(net.nodes[3].out_of_reach, Some(next));
}
