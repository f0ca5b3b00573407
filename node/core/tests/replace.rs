//! A transaction takes the place of one that waits, and of no other.

mod common;

use std::sync::Arc;

use bds_contracts::tx::Millis;
use bds_core::batch::Payload;
use bds_core::turn::{Effect, Input, Submission, Turn};
use common::Net;

fn new(transaction: &[u8]) -> Submission {
    Submission::from(transaction)
}

fn instead(number: u64, transaction: &[u8]) -> Submission {
    Submission {
        transaction: Arc::from(transaction),
        replaces: Some(number),
    }
}

/// What validator 0 seals and answers once these are handed over and their time has come.
fn seals(net: &mut Net, submissions: Vec<Submission>) -> (Vec<Vec<u8>>, Vec<bool>) {
    let node = &mut net.nodes[0];
    let core = node.core.as_mut().expect("up");
    let mut turn = Turn::default();
    core.step(net.now, Input::Submit(submissions), &mut turn);
    net.now = Millis(net.now.0 + 100);
    core.step(net.now, Input::Tick, &mut turn);
    let Ok(effects) = turn.commit(&mut node.disk);
    let (mut sealed, mut answers) = (Vec::new(), Vec::new());
    for effect in effects {
        match effect {
            Effect::Seal { payload, .. } => {
                let transactions = payload.transactions().expect("well packed");
                sealed.extend(transactions.into_iter().map(<[u8]>::to_vec));
            }
            Effect::Replaced(done) => answers.extend(done),
            _ => {}
        }
    }
    (sealed, answers)
}

#[test]
fn what_waits_can_be_replaced_and_keeps_its_place() {
    let mut net = Net::new(4, |_| {});
    net.run(100);
    let (sealed, answers) = seals(
        &mut net,
        vec![
            new(b"zero"),
            new(b"one"),
            new(b"two"),
            instead(1, b"a longer one"),
            instead(3, b"of nothing yet"),
            new(b"three"),
            instead(0, b"0"),
            instead(1, b"the last one"),
        ],
    );
    assert_eq!(answers, [true, false, true, true]);
    assert_eq!(sealed, [&b"0"[..], b"the last one", b"two", b"three"]);

    // All of it is in a batch now. What was replaced counts no place.
    let late = vec![instead(3, b"late"), new(b"four"), instead(4, b"4")];
    let (_, answers) = seals(&mut net, late);
    assert_eq!(answers, [false, true]);
}

/// The bound counts what is there after: a longer one must fit, and what it takes the place of makes room.
#[test]
fn the_mempool_stays_in_its_bound() {
    let [half, more] = [vec![1; 500], vec![2; 600]];
    let packed = |transaction: &[u8]| Payload::packed_bytes(transaction);
    let room = 2 * packed(&half);
    let mut net = Net::new(4, |config| config.mempool_bytes_max = room);
    net.run(100);
    let submitted = [packed(&half), packed(&half), packed(&more), packed(&half)];
    let submissions = vec![new(&half), new(&half), instead(0, &more), instead(1, &half)];
    let before = net.nodes[0].core().submit_credit();
    let (sealed, answers) = seals(&mut net, submissions);
    assert_eq!(answers, [false, true]);
    assert_eq!(sealed, [half.clone(), half.clone()]);
    let submitted = u64::try_from(submitted.iter().sum::<usize>()).unwrap();
    assert_eq!(
        net.nodes[0].core().submit_credit(),
        before + submitted - u64::try_from(room).unwrap(),
        "what is in a batch takes its room until it is executed, and nothing else does"
    );
}
