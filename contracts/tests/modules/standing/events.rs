//! Instructions that wait for an event.

use bds_contracts::account::{HolderId, Roles};
use bds_contracts::identity::account::AccountKind;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::wire::List;
use bds_contracts::standing::{HEARD_MAX, OWN_MAX};
use bds_contracts::tx::PublicKey;

use super::super::stage::{JOINT, Stage};
use super::*;

#[test]
fn what_happens_to_the_account_is_answered_in_the_next_block() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let number = left(&mut stage, &on_transfer(1, 900_000, &calls));
    let other = bert_pays(&mut stage, JOINT);
    let heard = stage.execute(&[other]);
    assert_eq!(told(&heard), [], "it names another account");
    assert_eq!(ran(&stage.execute(&[])), []);
    let tx = bert_pays(&mut stage, ANNA_S);
    let heard = stage.execute(&[tx]);
    assert_eq!((ran(&heard), money(&stage)), (vec![], (1_001, 998)));
    let outcome = stage.execute(&[]);
    assert_eq!(ran(&outcome), [Code::OK]);
    let expected = [came_up(number, 0), ended(number, End::Done)];
    assert_eq!(told(&outcome), expected);
    assert_eq!(money(&stage), (991, 1_008));
    nothing_left(&stage);
}

/// However often it happened in a block. What the instruction does itself is an event as well, heard for the next time.
#[test]
fn it_comes_up_once_for_a_block_and_so_often_in_all() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let number = left(&mut stage, &on_transfer(3, 900_000, &calls));
    let txs = [ANNA_S, ANNA_S, ANNA_S].map(|to| bert_pays(&mut stage, to));
    stage.execute(&txs);
    for left in [2, 1, 0] {
        let outcome = stage.execute(&[]);
        assert_eq!(ran(&outcome), [Code::OK]);
        assert_eq!(told(&outcome)[0], came_up(number, left));
    }
    assert_eq!(ran(&stage.execute(&[])), []);
    assert_eq!(money(&stage), (1_003 - 30, 997 + 30));
    nothing_left(&stage);
}

/// What happened before it was left is nothing it waits for.
#[test]
fn the_block_it_is_left_in_does_not_count() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let before = bert_pays(&mut stage, ANNA_S);
    let leave = stage.tx::<Standing>(Who::Anna, &on_transfer(1, 900_000, &calls));
    let after = bert_pays(&mut stage, ANNA_S);
    assert_eq!(
        codes(&stage.execute(&[before, leave, after])),
        [Code::OK; 3]
    );
    assert_eq!(ran(&stage.execute(&[])), []);
    let tx = bert_pays(&mut stage, ANNA_S);
    stage.execute(&[tx]);
    assert_eq!(ran(&stage.execute(&[])), [Code::OK]);
    nothing_left(&stage);
}

/// A transaction that failed left no event.
#[test]
fn what_failed_is_not_heard_of() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    left(&mut stage, &on_transfer(1, 900_000, &calls));
    let failing = stage.tx::<Money>(Who::Bert, &payment(BERT_S, ANNA_S, 5_000));
    assert_eq!(codes(&stage.execute(&[failing])), [Code::CASH_TOO_LOW]);
    assert_eq!(ran(&stage.execute(&[])), []);
}

#[test]
fn what_never_comes_ends_it() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let until = now(&stage) + 3_000;
    let number = left(&mut stage, &on_transfer(1, until, &calls));
    assert_eq!(told(&stage.execute(&[])), []);
    assert_eq!(told(&stage.execute(&[])), [ended(number, End::Expired)]);
    nothing_left(&stage);
    let tx = bert_pays(&mut stage, ANNA_S);
    stage.execute(&[tx]);
    assert_eq!(ran(&stage.execute(&[])), []);
}

/// One that was woken in the block before its time is over still ends at its time, in the order in which both were asked for.
#[test]
fn one_that_is_over_when_it_would_come_up_ends() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let until = now(&stage) + 3_000;
    let number = left(&mut stage, &on_transfer(1, until, &calls));
    let tx = bert_pays(&mut stage, ANNA_S);
    stage.execute(&[tx]);
    assert_eq!(told(&stage.execute(&[])), [ended(number, End::Expired)]);
    assert_eq!(money(&stage), (1_001, 999));
    nothing_left(&stage);
}

#[test]
fn what_is_taken_back_does_not_come_up() {
    let mut stage = Stage::new();
    let calls = pay(&[10]);
    let number = left(&mut stage, &on_transfer(1, 900_000, &calls));
    let tx = bert_pays(&mut stage, ANNA_S);
    stage.execute(&[tx]);
    // It comes up at the beginning of the next block, before anyone can take it back.
    let kept = left(&mut stage, &on_transfer(1, 900_000, &calls));
    assert!(kept != number);
    let withdraw = Call::Withdraw {
        account: ANNA_S,
        number: kept,
    };
    let tx = stage.tx::<Standing>(Who::Anna, &withdraw);
    let outcome = stage.execute(&[tx]);
    assert_eq!(told(&outcome).last(), Some(&ended(kept, End::Withdrawn)));
    nothing_left(&stage);
    assert_eq!(ran(&stage.execute(&[])), []);
}

/// A member of the crowd: its key and account.
fn of_crowd(n: usize) -> (PublicKey, AccountId) {
    (PublicKey([100 + n as u8; 32]), AccountId(900 + n as u64))
}

/// Whatever happens in a block, no more instructions than the limit are looked at, those of what happened first.
#[test]
fn so_many_hear_of_a_block_and_no_more() {
    let crowd = HEARD_MAX / OWN_MAX + 1;
    let mut stage = Stage::new();
    let here = *stage.machine.block();
    let calls = pay(&[1]);
    let set_up = stage.machine.set_up(here, |cx| {
        for n in 0..crowd {
            let (key, account) = of_crowd(n);
            cx.admit_member(key, Roles::TRADER)?;
            let open = identity::Call::OpenAccount {
                account,
                holder: HolderId(account.0),
                kind: AccountKind::Trading,
                currency: EUR,
                threshold: 1,
                representatives: List::Items(&[key]),
            };
            Identity::execute(&open, cx)?;
        }
        Ok(())
    });
    set_up.expect("a crowd");
    let mut wires = Vec::new();
    for n in 0..crowd {
        let (key, account) = of_crowd(n);
        let Call::OnEvent { module, event, .. } = on_transfer(1, 900_000, &calls) else {
            panic!("an event");
        };
        for nonce in 0..OWN_MAX as u64 {
            let call = Call::OnEvent {
                account,
                module,
                event,
                times: 1,
                until: Millis(900_000),
                calls: &calls,
            };
            let draft = Draft::new(ChainId([7; 32]), key, nonce).call::<Standing>(&call);
            let mut wire = draft.signed_bytes();
            wire.extend([0; 64]);
            wires.push(wire);
        }
    }
    for wires in wires.chunks(500) {
        let codes = codes(&stage.execute(wires));
        assert!(codes.iter().all(|code| code.is_ok()), "all are left");
    }
    // The last of the crowd comes first, and again and again; each account is looked at once.
    let paid = (0..crowd).rev().chain(0..crowd).chain(0..crowd);
    let txs: Vec<Vec<u8>> = paid.map(|n| bert_pays(&mut stage, of_crowd(n).1)).collect();
    stage.execute(&txs);
    let tables = stage.machine.stores().read::<Standing>();
    let woken = |n: usize| {
        let (_, account) = of_crowd(n);
        let keys = tables.events.range(..).filter(|(key, ())| key.2 == account);
        let numbers = keys.map(|(key, ())| key.3);
        let due = |number| {
            tables
                .instructions
                .get(&number)
                .is_some_and(|one| one.due.is_some())
        };
        numbers.filter(|number| due(*number)).count()
    };
    for n in 1..crowd {
        assert_eq!(woken(n), OWN_MAX, "member {n}");
    }
    assert_eq!(woken(0), 0, "the last to be paid for the first time");
}
