//! What no instruction can be, in the order of the checks.

use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::standing::{
    AHEAD_MAX, BYTES_MAX, Bound, CALLS_MAX, LIFE_MAX, OWN_MAX, TIMES_MAX,
};

use super::super::stage::{EUA, Stage};
use super::*;

fn refused(stage: &Stage, who: Who, call: &Call<'_>, code: Code) {
    let mut stage = stage.clone();
    let before = stage.machine.stores().read::<Standing>().instructions.len();
    assert_eq!(stage.call::<Standing>(who, call), code, "{call:?}");
    let tables = stage.machine.stores().read::<Standing>();
    assert_eq!(tables.instructions.len(), before);
}

#[test]
fn accounts_come_first() {
    let mut stage = Stage::new();
    let calls = pay(&[1]);
    let never = |account| Call::At {
        account,
        time: Millis(0),
        calls: &[],
    };
    refused(
        &stage,
        Who::Anna,
        &never(AccountId(999)),
        Code::UNKNOWN_ACCOUNT,
    );
    refused(&stage, Who::Bert, &never(ANNA_S), Code::NOT_REPRESENTATIVE);
    refused(&stage, Who::Anna, &never(ANNA_S), Code::INSTRUCTION_INVALID);
    let time = now(&stage) + 90_000;
    refused(&stage, Who::Anna, &at(time, &[]), Code::INSTRUCTION_INVALID);
    let block = identity::Call::SetStatus {
        account: ANNA_S,
        status: AccountStatus::Blocked,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &block), Code::OK);
    refused(&stage, Who::Anna, &at(time, &calls), Code::ACCOUNT_NOT_OPEN);
}

#[test]
fn times_counts_and_events_are_bounded() {
    let stage = Stage::new();
    let calls = pay(&[1]);
    let calls = calls.as_slice();
    // The block in which they are sent is a second later.
    let now = now(&stage) + 1_000;
    let every = |first, period, times| Call::Every {
        account: ANNA_S,
        first: Millis(first),
        period: Millis(period),
        times,
        calls,
    };
    let event = |module, event, times, until| Call::OnEvent {
        account: ANNA_S,
        module,
        event,
        times,
        until: Millis(until),
        calls,
    };
    let height = |height| Call::AtHeight {
        account: ANNA_S,
        height,
        calls,
    };
    let next = stage.machine.block().height + 1;
    let wrong = [
        at(now, calls),
        at(now + LIFE_MAX + 1, calls),
        at(u64::MAX, calls),
        height(next),
        height(0),
        height(next + AHEAD_MAX + 1),
        height(u64::MAX),
        every(now, MINUTE, 1),
        every(now + 1, MINUTE - 1, 1),
        every(now + 1, LIFE_MAX + 1, 1),
        every(now + 1, MINUTE, 0),
        every(now + 1, MINUTE, TIMES_MAX + 1),
        event(2, 1, 0, now + 1),
        event(2, 1, TIMES_MAX + 1, now + 1),
        event(2, 1, 1, now),
        event(2, 1, 1, now + LIFE_MAX + 1),
        event(2, 0, 1, now + 1),
        event(2, 999, 1, now + 1),
        event(999, 1, 1, now + 1),
        event(0, 1, 1, now + 1),
        event(Standing::ID, 1, 1, now + 1),
    ];
    for call in wrong {
        refused(&stage, Who::Anna, &call, Code::INSTRUCTION_INVALID);
    }
    let right = [
        at(now + 1, calls),
        at(now + LIFE_MAX, calls),
        height(next + 1),
        height(next + AHEAD_MAX),
        every(now + 1, MINUTE, 1),
        every(now + LIFE_MAX, LIFE_MAX, TIMES_MAX),
        event(2, 1, TIMES_MAX, now + LIFE_MAX),
    ];
    for call in right {
        assert_eq!(stage.clone().call::<Standing>(Who::Anna, &call), Code::OK);
    }
}

#[test]
fn calls_are_calls_of_the_ledger_and_few() {
    let stage = Stage::new();
    let time = now(&stage) + 90_000;
    let draft = || Draft::new(ChainId([0; 32]), Who::Anna.key(), 0);
    let most = usize::from(CALLS_MAX);
    let too_many = pay(&vec![1; most + 1]);
    let mut cut = pay(&[1]);
    cut.pop();
    let mut longer = pay(&[1]);
    longer.push(0);
    let none = [0];
    let own = draft().call::<Standing>(&Call::Withdraw {
        account: ANNA_S,
        number: 1,
    });
    let long = draft().raw(Money::ID, 1, &vec![0; BYTES_MAX]);
    for (calls, wrong) in [
        (too_many, "there are too many calls"),
        (long.calls(), "the calls are too long"),
        (cut, "the calls do not decode"),
        (longer, "the calls do not decode"),
        (none.to_vec(), "the calls do not decode"),
        (draft().raw(999, 1, &[]).calls(), "call 0 is of no module"),
        (draft().raw(0, 1, &[]).calls(), "call 0 is of no module"),
        (
            draft().raw(Money::ID, 999, &[]).calls(),
            "call 0 is of no method",
        ),
        (
            draft().raw(Money::ID, 0, &[]).calls(),
            "call 0 is of no method",
        ),
        (
            draft().raw(1, 1, &[]).raw(Money::ID, 1, &[1, 2]).calls(),
            "call 1 does not decode",
        ),
        (own.calls(), "call 0 leaves an instruction itself"),
    ] {
        let call = at(time, &calls);
        refused(&stage, Who::Anna, &call, Code::INSTRUCTION_INVALID);
        let mut stage = stage.clone();
        let tx = stage.tx::<Standing>(Who::Anna, &call);
        let outcome = stage.execute(&[tx]);
        let mut receipts = outcome.receipts.views();
        assert_eq!(receipts.next().expect("its receipt").message, wrong);
    }
    let most = pay(&vec![1; most]);
    assert_eq!(
        stage.clone().call::<Standing>(Who::Anna, &at(time, &most)),
        Code::OK
    );
}

#[test]
fn a_member_has_so_many_and_no_more() {
    let mut stage = Stage::new();
    let calls = pay(&[1]);
    let time = now(&stage) + 900_000;
    let mut last = 0;
    for _ in 0..OWN_MAX {
        last = left(&mut stage, &at(time, &calls));
    }
    refused(
        &stage,
        Who::Anna,
        &at(time, &calls),
        Code::INSTRUCTION_LIMIT,
    );
    let withdraw = Call::Withdraw {
        account: ANNA_S,
        number: last,
    };
    assert_eq!(stage.call::<Standing>(Who::Anna, &withdraw), Code::OK);
    left(&mut stage, &at(time, &calls));
}

#[test]
fn only_what_was_left_for_the_account_is_taken_back() {
    let mut stage = Stage::new();
    let calls = pay(&[1]);
    let time = now(&stage) + 900_000;
    let number = left(&mut stage, &at(time, &calls));
    let withdraw = |account, number| Call::Withdraw { account, number };
    let unknown = Code::UNKNOWN_INSTRUCTION;
    refused(
        &stage,
        Who::Bert,
        &withdraw(ANNA_S, number),
        Code::NOT_REPRESENTATIVE,
    );
    refused(&stage, Who::Bert, &withdraw(BERT_S, number), unknown);
    refused(&stage, Who::Anna, &withdraw(ANNA_S, number + 1), unknown);
    assert_eq!(
        stage.call::<Standing>(Who::Anna, &withdraw(ANNA_S, number)),
        Code::OK
    );
    refused(&stage, Who::Anna, &withdraw(ANNA_S, number), unknown);
    nothing_left(&stage);
}

/// Whoever waits for what nobody has, waits until the end and costs a look a block.
#[test]
fn states_of_what_is_not_there_never_are() {
    let mut stage = Stage::new();
    let calls = pay(&[1]);
    let until = now(&stage) + 4_000;
    for instrument in [EUA.0 + 900, EUA.0] {
        let call = Call::WhenPrice {
            account: ANNA_S,
            instrument: bds_contracts::carbon::InstrumentId(instrument),
            bound: Bound::AtMost,
            price: bds_contracts::amount::Price(i64::MAX),
            until: Millis(until),
            calls: &calls,
        };
        left(&mut stage, &call);
    }
    stage.execute(&[]);
    let outcome = stage.execute(&[]);
    assert_eq!(told(&outcome).len(), 2, "both expired");
    assert_eq!(money(&stage), (1_000, 1_000));
    nothing_left(&stage);
}
