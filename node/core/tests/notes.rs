//! Notes are written and not waited for, and nothing is lost with them.

mod common;

use bds_core::turn::Record;
use common::Net;

/// A lane certificate leaves without a sync; everything that others rest on is synced before it leaves.
#[test]
fn only_promises_are_waited_for() {
    let mut net = Net::new(4, |_| {});
    net.make_blocks(1, 20);
    net.run(500);
    for node in &net.nodes {
        let unsynced = &node.disk.0[node.disk.1..];
        assert!(unsynced.iter().all(|record| !record.is_promise()));
    }
    let mut noted = Net::new(4, |_| {});
    noted.bend = Some(Box::new(|_, _, message| {
        // Nobody proposes, so that nothing is written after the certificate.
        let proposes = matches!(message, bds_core::message::Message::PrePrepare(_));
        (!proposes).then_some((0, message))
    }));
    noted.submit(1, &[b"certified and not ordered"]);
    noted.run(100);
    let disk = &noted.nodes[1].disk;
    assert!(matches!(disk.0.last(), Some(Record::LaneCertificate(_))));
    assert_eq!(disk.1, disk.0.len() - 1);
    assert!(noted.nodes[2].core().lane_certified()[1] > 0);
}

/// All lose power at once, and with it every note that nothing synced followed, and every lane certificate besides: what was
/// committed stays, and the ledger goes on.
#[test]
fn notes_may_be_lost_everywhere_at_once() {
    for millis in [0, 1, 2, 3, 5, 8, 13, 21] {
        let mut net = Net::new(4, |config| {
            config.batch_delay_ms = 1;
            config.batch_delay_busy_ms = 1;
        });
        net.bend = Some(Box::new(|from, to, message| {
            Some((u64::from(from + to) % 3, message))
        }));
        net.make_blocks(1, 5);
        for index in 0..4 {
            net.submit(index, &[b"on its way"]);
        }
        net.run(millis);
        let before: Vec<_> = net.nodes[0].slots().cloned().collect();
        for index in 0..4 {
            net.stop(index);
            let disk = &mut net.nodes[index].disk;
            disk.0.truncate(disk.1);
            disk.0
                .retain(|record| !matches!(record, Record::LaneCertificate(_)));
            disk.1 = disk.0.len();
        }
        for index in 0..4 {
            net.start(index);
        }
        net.run(3_000);
        net.make_blocks(2, 5);
        net.run(1_000);
        let (low, high) = net.heights();
        assert_eq!(low, high, "after {millis} ms: {}", net.standing());
        let after: Vec<_> = net.nodes[3].slots().cloned().collect();
        for slot in &before {
            let same = after.iter().find(|s| s.proposal.slot == slot.proposal.slot);
            assert_eq!(same.map(|s| &s.proposal), Some(&slot.proposal));
        }
        for node in &net.nodes {
            assert_eq!(node.core().mempool().1, 0);
        }
    }
}
