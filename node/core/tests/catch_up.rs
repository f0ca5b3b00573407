//! A validator that was away comes back, however far the others have gone, under load and beside a network that stands
//! still.
//!
//! The story: a peer once answered a question for slots with as many as fit into a message, and the asker refused the
//! whole answer when it held more certified headers than it takes. More than 256 blocks away meant away for ever.

mod common;

use common::Net;

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
