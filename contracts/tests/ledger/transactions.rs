//! The way of a transaction through a ledger: what is dropped, what fails, what succeeds, the root after it.

use bds_contracts::amount::Quantity;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::exchange::Side;
use bds_contracts::exchange::orders::Exchange;
use bds_contracts::kernel::envelope::Draft;
use bds_contracts::kernel::tree::Tree;
use bds_contracts::ledger;
use bds_contracts::money::units::{self, Units};
use bds_contracts::tx::{AccountId, Millis};
use bds_contracts::{Code, carbon};

use super::world::{
    ALICE, ALICE_S, BOB, BOB_S, EUA, Node, draft, genesis, of_alice, order, transfer, wire,
};

#[test]
fn units_move_and_the_root_depends_on_content_alone() {
    let mut node = Node::new();
    let start = node.tree.root();
    let there = of_alice(0, &transfer(ALICE_S, BOB_S, 400));
    assert_eq!(node.codes(&[there]), (vec![Code::OK], vec![]));
    assert_eq!((node.held(ALICE_S), node.held(BOB_S)), ((600, 0), (400, 0)));
    let moved = node.tree.root();
    assert_ne!(start, moved);
    let quiet = node.execute(&[]);
    assert!(quiet.receipts.is_empty() && quiet.changes.is_empty());
    assert_eq!(node.tree.root(), moved, "a block in which nothing happens");

    // An order rests as well, so that the books are in the snapshot.
    let ask = order(ALICE_S, 1, Side::Sell, 50, 800_000);
    let ask = wire(&draft(ALICE, 1).call::<Exchange>(&ask));
    assert_eq!(node.codes(&[ask]), (vec![Code::OK], vec![]));
    let snapshot = node.ledger.stores().snapshot();
    let block = *node.ledger.block();
    let ledger = ledger::restore(&genesis(), block, &snapshot).expect("its own snapshot");
    let mut again = Node {
        ledger,
        tree: Tree::new(),
    };
    again.note(&again.ledger.stores().entries());
    assert_eq!(
        again.tree.root(),
        node.tree.root(),
        "built at once from nothing"
    );
    assert_eq!(again.ledger.stores().snapshot(), snapshot);

    // Both go on alike: the order that was restored trades.
    let bid = order(BOB_S, 1, Side::Buy, 20, 900_000);
    let bid = wire(&draft(BOB, 0).call::<Exchange>(&bid));
    let [one, two] = [&mut node, &mut again].map(|node| node.execute(std::slice::from_ref(&bid)));
    assert_eq!(one.receipts.bytes(), two.receipts.bytes());
    assert_eq!(node.tree.root(), again.tree.root());
    assert_eq!(
        (node.held(ALICE_S), node.held(BOB_S)),
        ((580, 30), (420, 0))
    );
}

#[test]
fn a_failed_transaction_uses_its_nonce_and_changes_nothing_else() {
    let issue = units::Call::Issue {
        account: AccountId(ALICE_S),
        instrument: EUA,
        quantity: Quantity(1),
    };
    let stranger = InstrumentId(77);
    let elsewhere = units::Call::Transfer {
        from: AccountId(ALICE_S),
        to: AccountId(BOB_S),
        instrument: stranger,
        quantity: Quantity(1),
    };
    let good = transfer(ALICE_S, BOB_S, 1);
    let with = |change: fn(&mut Draft)| {
        let mut draft = draft(ALICE, 0);
        change(&mut draft);
        draft.call::<Units>(&good)
    };
    let bad = [
        (Code::BALANCE_TOO_LOW, transfer(ALICE_S, BOB_S, 1_001)),
        (Code::QUANTITY_ZERO, transfer(ALICE_S, BOB_S, 0)),
        (Code::NOT_REPRESENTATIVE, transfer(BOB_S, ALICE_S, 1)),
        (Code::UNKNOWN_ACCOUNT, transfer(ALICE_S, 77, 1)),
        (Code::UNKNOWN_INSTRUMENT, elsewhere),
        (Code::WRONG_ROLE, issue),
    ];
    let bad = bad.map(|(code, call)| (code, draft(ALICE, 0).call::<Units>(&call)));
    let terminate = carbon::Call::SetDeadline {
        year: 2021,
        time: Millis(1),
    };
    let more = [
        (
            Code::WRONG_ROLE,
            draft(ALICE, 0).call::<carbon::Carbon>(&terminate),
        ),
        (Code::UNKNOWN_MODULE, draft(ALICE, 0).raw(99, 1, &[])),
        (Code::UNKNOWN_METHOD, draft(ALICE, 0).raw(3, 99, &[])),
        (Code::MALFORMED, draft(ALICE, 0).raw(3, 1, &[1, 2, 3])),
        (Code::EXPIRED, with(|draft| draft.expires_at = Millis(1))),
        (
            Code::NOT_YET_VALID,
            with(|draft| draft.lock_time = Millis(1 << 40)),
        ),
    ];
    let mut node = Node::new();
    let before = node.ledger.stores().entries();
    for (nonce, (code, mut draft)) in (0..).zip(bad.into_iter().chain(more)) {
        draft.nonce = nonce;
        let outcome = node.execute(&[wire(&draft)]);
        let view = outcome.receipts.views().next().expect("a receipt");
        assert_eq!(view.code, code, "{}", code.text());
        assert_eq!(view.events().count(), 0);
        let reached = ![Code::EXPIRED, Code::NOT_YET_VALID].contains(&code);
        assert_eq!(view.call, reached.then_some(0), "{code}");
        assert_eq!(outcome.changes.len(), 1, "the sender's nonces alone");
        assert_eq!(node.next_nonce(ALICE), nonce + 1);
    }
    let after = node.ledger.stores().entries();
    let same = before.iter().zip(after.iter());
    let changed = same.filter(|(one, two)| one != two).count();
    assert_eq!((before.len(), changed), (after.len(), 1));
}

/// The third call fails: units, money and the order of the first two are back.
#[test]
fn several_calls_are_done_all_or_none() {
    let mut node = Node::new();
    let calls = |draft: Draft, last: u64| {
        draft
            .call::<Units>(&transfer(ALICE_S, BOB_S, 100))
            .call::<Exchange>(&order(ALICE_S, 1, Side::Sell, 50, 800_000))
            .call::<Units>(&transfer(ALICE_S, BOB_S, last))
    };
    let bad = node.execute(&[wire(&calls(draft(ALICE, 0), 851))]);
    let view = bad.receipts.views().next().expect("a receipt");
    assert_eq!((view.code, view.call), (Code::BALANCE_TOO_LOW, Some(2)));
    assert_eq!((bad.changes.len(), view.events().count()), (1, 0));
    assert_eq!((node.held(ALICE_S), node.held(BOB_S)), ((1_000, 0), (0, 0)));

    let good = node.execute(&[wire(&calls(draft(ALICE, 1), 850))]);
    let view = good.receipts.views().next().expect("a receipt");
    assert_eq!((view.code, view.call), (Code::OK, None));
    assert_eq!(view.events().count(), 3);
    assert_eq!((node.held(ALICE_S), node.held(BOB_S)), ((50, 50), (950, 0)));
}

#[test]
fn out_of_turn_and_foreign_transactions_leave_no_trace() {
    let mut node = Node::new();
    let call = transfer(ALICE_S, BOB_S, 1);
    let first = of_alice(0, &call);
    let ahead = of_alice(64, &call); // the last that can come before number 1
    let gap = of_alice(66, &call);
    let stranger = wire(&draft(77, 0).call::<Units>(&call));
    let mut elsewhere = first.clone();
    elsewhere[8] ^= 1;
    let mut waits = draft(ALICE, 2);
    waits.after = Some(1);
    let waits = wire(&waits.call::<Units>(&call));
    let mut damaged = of_alice(3, &call);
    damaged[104] = 0xff; // neither with a content hash nor without
    let txs = [
        first.clone(),
        first,
        gap,
        stranger,
        elsewhere,
        waits,
        ahead,
        damaged,
    ];
    let (done, dropped) = node.codes(&txs);
    assert_eq!(done, [Code::OK, Code::OK, Code::MALFORMED]);
    let expected = [
        (1, Code::NONCE_REUSED),
        (2, Code::NONCE_GAP),
        (3, Code::UNKNOWN_SENDER),
        (4, Code::WRONG_CHAIN),
        (5, Code::NONCE_GAP),
    ];
    assert_eq!(dropped, expected);
    assert_eq!(node.held(BOB_S).0, 2);
    assert_eq!(node.next_nonce(ALICE), 1);
}
