//! What a primary can do with the order, and for how long: leave nobody out, order nothing, hold on to its place, choose the
//! time, and stretch the patience of others.
//!
//! The stories: any commit used to restart the timer, so a primary that ordered three lanes and left the fourth out stayed for
//! ever, and so did one that ordered nothing; proposals sent early to one validator made it wait sixteen seconds.

mod common;

use std::collections::BTreeSet;

use bds_contracts::block::Statement;
use bds_core::core::Core;
use bds_core::message::{Message, PrePrepare};
use common::{Net, sign};

/// The primary's proposals as it would bend them, signed again.
fn bend_proposals(net: &mut Net, change: impl Fn(&mut PrePrepare) + 'static) {
    net.bend = Some(Box::new(move |from, _, message| {
        let Message::PrePrepare(mut proposed) = message else {
            return Some((0, message));
        };
        if from == 0 {
            change(&mut proposed);
            let (view, proposal) = (proposed.view, &proposed.proposal);
            let statement = Statement::PrePrepare(view, proposal.slot, proposal.digest().0);
            proposed.signature = sign(0, &statement);
        }
        Some((0, Message::PrePrepare(proposed)))
    }));
}

fn view_changes(net: &Net) -> Vec<u64> {
    net.nodes.iter().map(|n| n.core().view_changes()).collect()
}

#[test]
fn a_lane_that_is_left_out_costs_the_primary_its_place() {
    let mut net = Net::new(4, |_| {});
    bend_proposals(&mut net, |proposed| {
        let keep: Vec<_> = proposed.proposal.tips.iter().map(|t| t.lane != 3).collect();
        let mut kept = keep.iter();
        proposed.proposal.tips.retain(|_| *kept.next().unwrap());
        let mut kept = keep.iter();
        proposed.certificates.retain(|_| *kept.next().unwrap());
    });
    net.submit(3, &[b"left out"]);
    let mut ms = 0;
    while net.nodes[1].core().view() == 0 {
        // The other lanes move all the time.
        net.make_blocks(1, 1);
        net.run(10);
        ms += 10;
        assert!(ms < 10_000, "the primary stays: {}", net.standing());
    }
    net.run(2_000);
    assert_eq!(net.nodes[1].core().view(), 1);
    let lane = net.nodes[1].slots().flat_map(|slot| &slot.proposal.tips);
    assert!(lane.into_iter().any(|tip| tip.lane == 3));
}

#[test]
fn proposals_that_order_nothing_are_refused() {
    let mut net = Net::new(4, |_| {});
    bend_proposals(&mut net, |proposed| {
        proposed.proposal.tips.clear();
        proposed.certificates.clear();
    });
    net.submit(1, &[b"to be ordered"]);
    net.run(3_000);
    assert_eq!(net.nodes[1].core().view(), 1, "{}", net.standing());
    assert!(net.nodes[1].core().counters()["pre_prepare_orders_nothing"] > 0);
    assert_eq!(net.nodes[1].core().committed(), net.heights().1);
    assert!(net.heights().0 > 0);
}

#[test]
fn everyone_is_primary_in_turn_without_a_view_change() {
    let mut net = Net::new(4, |config| config.rotation_slots = 4);
    net.make_blocks(1, 40);
    net.run(1_000);
    assert_eq!(view_changes(&net), [0; 4]);
    let mut slots = 0;
    let mut proposers = BTreeSet::new();
    for (from, _, bytes) in &net.delivered {
        if let Message::PrePrepare(proposed) = borsh::from_slice(bytes).unwrap() {
            proposers.insert(*from);
            let turn = (proposed.proposal.slot - 1) / 4;
            assert_eq!(u64::from(*from), turn % 4);
            slots = slots.max(proposed.proposal.slot);
        }
    }
    assert_eq!(proposers.len(), 4, "{slots} slots");
}

#[test]
fn a_dead_validator_whose_turn_comes_is_passed_over() {
    let mut net = Net::new(4, |config| config.rotation_slots = 4);
    net.stop(2);
    net.make_blocks(1, 30);
    let (low, high) = net.heights();
    assert!(high - low <= 4 && low >= 26, "{}", net.standing());
}

/// Clocks may be stepped: timers do not notice, and a block never takes a time that a quorum finds wrong.
#[test]
fn a_stepped_clock_ends_no_view() {
    for (who, ahead) in [(3, 120_000), (3, -60_000), (1, 120_000)] {
        let mut net = Net::new(4, |_| {});
        net.make_blocks(1, 5);
        net.clock_ahead[who] = ahead;
        net.make_blocks(1, 20);
        net.run(2_000);
        assert_eq!(view_changes(&net), [0; 4], "{who} {ahead}");
        net.clock_ahead[who] = 0;
        net.make_blocks(1, 5);
        net.run(2_000);
        let (low, high) = net.heights();
        assert_eq!(low, high);
    }
}

#[test]
fn a_primary_chooses_the_time_only_within_what_a_quorum_finds_right() {
    for ahead in [120_000, -60_000] {
        let mut net = Net::new(4, |_| {});
        net.clock_ahead[0] = ahead;
        net.make_blocks(1, 5);
        assert_eq!(net.nodes[1].core().view(), 1, "{ahead}");
        let times = net.nodes[1].slots().map(|slot| slot.proposal.time.0);
        for time in times.filter(|time| *time > 0) {
            assert!(time.abs_diff(net.now.0) < 60_000, "{time} at {:?}", net.now);
        }
    }
}

/// Clocks that all disagree delay the ledger and do not stop it.
#[test]
fn clocks_that_all_disagree_do_not_stop_the_ledger() {
    let mut net = Net::new(4, |_| {});
    net.clock_ahead = vec![0, 3_000, 6_000, 9_000];
    net.submit(1, &[b"some time"]);
    net.run(60_000);
    assert!(net.nodes[1].core().committed() > 0, "{}", net.standing());
}

#[test]
fn early_proposals_do_not_stretch_one_validators_patience() {
    let mut net = Net::new(4, |_| {});
    // The primary lets validators 2 and 3 wait for almost as long as they have patience.
    net.bend = Some(Box::new(|from, to, message| {
        let late = from == 0 && to > 1 && matches!(message, Message::PrePrepare(_));
        Some((if late { 700 } else { 0 }, message))
    }));
    net.make_blocks(1, 4);
    assert_eq!(view_changes(&net), [0; 4]);
    net.run(1_000);
    net.bend = Some(Box::new(|from, _, message| {
        (from != 0).then_some((0, message))
    }));
    net.submit(1, &[b"now it is silent"]);
    let started = net.now.0;
    while net.nodes[1].core().view_changes() == 0 {
        net.run(1);
        let waited = net.now.0 - started;
        assert!(waited < 2_000, "still patient after {waited} ms");
    }
}

fn executed_of(net: &Net, lane: u16) -> u64 {
    let tips = net.nodes[0].slots().flat_map(|slot| &slot.proposal.tips);
    let of_lane = tips.filter(|tip| tip.lane == lane);
    of_lane.map(|tip| tip.position).max().unwrap_or(0)
}

/// A validator that lost its home sealed at the first place of its lane again, where nobody listened.
#[test]
fn an_emptied_validator_goes_on_with_its_own_lane() {
    let mut net = Net::new(4, |_| {});
    for round in 0..5 {
        let text = format!("round {round}");
        net.submit(3, &[text.as_bytes()]);
        net.run(100);
    }
    let before = executed_of(&net, 3);
    assert!(before >= 5);
    net.stop(3);
    net.nodes[3].disk.0.clear();
    net.start(3);
    net.submit(3, &[b"at once"]);
    net.run(3_000);
    net.submit(3, &[b"later"]);
    net.run(3_000);
    assert!(executed_of(&net, 3) > before, "{}", net.standing());
    assert_eq!(net.nodes[3].core().mempool().1, 0);
    let evidence: usize = net.nodes.iter().map(|n| n.core().evidence().count()).sum();
    assert_eq!(evidence, 0, "it must not seal a place twice");
}

#[test]
fn nobody_is_synced_before_a_quorum_was_heard() {
    let mut net = Net::new(4, |_| {});
    net.make_blocks(0, 3);
    for peer in 0..3 {
        net.stop(peer);
    }
    net.stop(3);
    net.nodes[3].disk.0.clear();
    net.start(3);
    let synced = |net: &Net| Core::is_synced(net.nodes[3].core());
    assert!(!synced(&net));
    net.start(0);
    net.run(50);
    assert!(!synced(&net));
    net.start(1);
    net.start(2);
    net.run(3_000);
    assert!(synced(&net));
}

/// One validator that claims to hold more of a lane than its author has sealed does not keep the author from sealing.
#[test]
fn one_liar_does_not_silence_a_lane() {
    let mut net = Net::new(4, |_| {});
    net.make_blocks(1, 2);
    net.stop(3);
    let mut status = common::status(2, 4);
    if let Message::Status(status) = &mut status {
        status.lanes = vec![1_000; 4];
    }
    for to in 0..3 {
        net.say(3, to, status.clone());
    }
    net.submit(0, &[b"still heard"]);
    net.run(2_000);
    assert_eq!(executed_of(&net, 0), 1);
}
