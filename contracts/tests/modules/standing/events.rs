//! Instructions that wait for an event.

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
