//! Transfers to accounts that are not trusted: they wait for the delay, can be stopped meanwhile, and move what was set aside.

use bds_contracts::Code;
use bds_contracts::amount::Quantity;
use bds_contracts::carbon::InstrumentId;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::machine::BlockOutcome;
use bds_contracts::kernel::meter::Limits;
use bds_contracts::kernel::receipt::{ReceiptId, ReceiptView};
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::delayed::{BLOCKS_MAX, Ending, WAITING_MAX};
use bds_contracts::money::units::holding::RANGES_MAX;
use bds_contracts::money::units::{Call, Event, Holding, Units};
use bds_contracts::tx::{AccountId, Millis};

use super::stage::{ANNA_S, BANK_S, BERT_S, BUFFER, EUA, JOINT, PLANT, Stage, VCU, Who, codes};

fn later(to: AccountId, quantity: u64) -> Call<'static> {
    of_numbers(ANNA_S, to, EUA, quantity, &[])
}

fn of_numbers<'a>(
    from: AccountId,
    to: AccountId,
    instrument: InstrumentId,
    quantity: u64,
    blocks: &'a [(u64, u64)],
) -> Call<'a> {
    Call::TransferDelayed {
        from,
        to,
        instrument,
        quantity: Quantity(quantity),
        blocks: List::Items(blocks),
    }
}

fn at_once(to: AccountId, instrument: InstrumentId, quantity: u64) -> Call<'static> {
    Call::Transfer {
        from: ANNA_S,
        to,
        instrument,
        quantity: Quantity(quantity),
    }
}

/// Anna's account has a delay of three seconds, which are three blocks, and block 1 is over.
fn stage() -> Stage {
    let mut stage = Stage::new();
    let delay = 3_000;
    let control = Call::SetControl {
        account: ANNA_S,
        delay,
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &control), Code::OK);
    stage
}

fn held(stage: &Stage, account: AccountId, instrument: InstrumentId) -> (u64, u64) {
    let units = stage.machine.stores().read::<Units>();
    let Holding { held, reserved } = units.holding(account, instrument);
    (held.0, reserved.0)
}

fn numbers(stage: &Stage, account: AccountId) -> Vec<(u64, u64)> {
    let units = stage.machine.stores().read::<Units>();
    let blocks = units.blocks.get(&(account, VCU));
    let ranges = blocks.into_iter().flat_map(|blocks| blocks.iter());
    ranges.map(|range| (range.start, range.end)).collect()
}

/// The only transfer that waits.
fn waiting(stage: &Stage) -> u64 {
    let units = stage.machine.stores().read::<Units>();
    let all: Vec<u64> = units.waiting.range(..).map(|((_, n), ())| *n).collect();
    assert_eq!((all.len(), units.delayed.len()), (1, 1));
    all[0]
}

/// What triggers of a block said: the units that moved, and how each transfer ended.
fn of_triggers(outcome: &BlockOutcome) -> (u64, Vec<(u64, Ending)>) {
    let (mut moved, mut endings) = (0, Vec::new());
    for bytes in outcome.receipts.iter() {
        let receipt = ReceiptView::parse(bytes).expect("a receipt of the machine");
        let ReceiptId::Trigger(_) = receipt.id else {
            continue;
        };
        assert_eq!(receipt.code, Code::OK);
        for event in receipt.events() {
            match Event::decode(event.number, event.fields) {
                Ok(Event::Transferred { quantity, .. }) => moved += quantity.0,
                Ok(Event::DelayEnded {
                    transfer, ending, ..
                }) => endings.push((transfer, ending)),
                other => panic!("{other:?}"),
            }
        }
    }
    (moved, endings)
}

#[test]
fn units_move_when_the_delay_is_over_and_not_before() {
    let mut stage = stage();
    assert_eq!(
        stage.call::<Units>(Who::Anna, &later(BERT_S, 100)),
        Code::OK
    );
    let number = waiting(&stage);
    // Asked for in block 2, so due in block 5.
    for _ in 3..5 {
        assert_eq!(of_triggers(&stage.execute(&[])), (0, vec![]));
        assert_eq!(held(&stage, ANNA_S, EUA), (300, 100));
        assert_eq!(held(&stage, BERT_S, EUA), (0, 0));
    }
    let due = stage.execute(&[]);
    assert_eq!(of_triggers(&due), (100, vec![(number, Ending::Moved)]));
    assert_eq!(held(&stage, ANNA_S, EUA), (200, 0));
    assert_eq!(held(&stage, BERT_S, EUA), (100, 0));
    assert!(stage.machine.stores().read::<Units>().delayed.is_empty());
    // All an account has, so that its entry goes away.
    assert_eq!(
        stage.call::<Units>(Who::Anna, &later(BERT_S, 200)),
        Code::OK
    );
    (0..3).for_each(|_| drop(stage.execute(&[])));
    assert_eq!(held(&stage, ANNA_S, EUA), (0, 0));
    assert_eq!(held(&stage, BERT_S, EUA), (300, 0));
    let units = stage.machine.stores().read::<Units>();
    assert!(!units.holdings.contains(&(ANNA_S, EUA)));
}

/// Nothing else can take what waits: not a transfer to a trusted account, not a second delayed one, not a cancellation.
#[test]
fn what_waits_is_set_aside_by_number() {
    let mut stage = stage();
    let trust = Call::Trust {
        account: ANNA_S,
        other: BANK_S,
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &trust), Code::OK);
    (3..5).for_each(|_| drop(stage.execute(&[])));
    let blocks = [(1_001, 1_100), (1_299, 1_299)];
    let some = of_numbers(ANNA_S, BERT_S, VCU, 101, &blocks);
    assert_eq!(stage.call::<Units>(Who::Anna, &some), Code::OK);
    assert_eq!(held(&stage, ANNA_S, VCU), (300, 101));
    assert_eq!(numbers(&stage, ANNA_S), [(1_101, 1_298), (1_300, 1_300)]);

    let same = [(1_100, 1_100)];
    let again = of_numbers(ANNA_S, BERT_S, VCU, 1, &same);
    let some_at_once = Call::TransferBlocks {
        from: ANNA_S,
        to: BANK_S,
        instrument: VCU,
        blocks: List::Items(&same),
    };
    let too_many = at_once(BANK_S, VCU, 200);
    // All that is free, the lowest numbers first.
    let rest = at_once(BANK_S, VCU, 199);
    let txs =
        [&again, &some_at_once, &too_many, &rest].map(|call| stage.tx::<Units>(Who::Anna, call));
    let expected = [
        Code::BLOCK_NOT_HELD,
        Code::BLOCK_NOT_HELD,
        Code::BALANCE_TOO_LOW,
        Code::OK,
    ];
    assert_eq!(codes(&stage.execute(&txs)), expected);
    assert_eq!(held(&stage, ANNA_S, VCU), (101, 101));
    (0..2).for_each(|_| drop(stage.execute(&[])));
    assert_eq!(numbers(&stage, ANNA_S), []);
    assert_eq!(numbers(&stage, BERT_S), blocks);
    assert_eq!(numbers(&stage, BANK_S), [(1_101, 1_298), (1_300, 1_300)]);
    assert_eq!(held(&stage, BERT_S, VCU), (101, 0));
}

#[test]
fn a_representative_stops_it_and_the_units_are_free_again() {
    let mut stage = stage();
    let blocks = [(1_050, 1_060)];
    let some = of_numbers(ANNA_S, BERT_S, VCU, 11, &blocks);
    assert_eq!(stage.call::<Units>(Who::Anna, &some), Code::OK);
    let transfer = waiting(&stage);
    let stop = Call::StopTransfer { transfer };
    let code = stage.call::<Units>(Who::Bert, &stop);
    assert_eq!(code, Code::NOT_REPRESENTATIVE, "the receiver cannot");
    // Also while the account is blocked: stopping makes it safer.
    let block = identity::Call::SetStatus {
        account: ANNA_S,
        status: AccountStatus::Blocked,
        reason: "",
    };
    let txs = [
        stage.tx::<Identity>(Who::Regulator, &block),
        stage.tx::<Units>(Who::Anna, &stop),
        stage.tx::<Units>(Who::Anna, &stop),
    ];
    let expected = [Code::OK, Code::OK, Code::UNKNOWN_DELAYED];
    assert_eq!(codes(&stage.execute(&txs)), expected);
    assert_eq!(held(&stage, ANNA_S, VCU), (300, 0));
    assert_eq!(numbers(&stage, ANNA_S), [(1_001, 1_300)]);
    for _ in 0..4 {
        assert_eq!(of_triggers(&stage.execute(&[])), (0, vec![]));
    }
    assert!(stage.machine.stores().read::<Units>().waiting.is_empty());
}

#[test]
fn an_account_that_is_shut_when_the_time_comes_keeps_its_units() {
    for status in [AccountStatus::Blocked, AccountStatus::Suspended] {
        let mut stage = stage();
        assert_eq!(stage.call::<Units>(Who::Anna, &later(BANK_S, 7)), Code::OK);
        let number = waiting(&stage);
        let set = |account, status| identity::Call::SetStatus {
            account,
            status,
            reason: "",
        };
        // It does not close while something of it waits.
        let txs = [set(ANNA_S, AccountStatus::Closed), set(ANNA_S, status)]
            .map(|call| stage.tx::<Identity>(Who::Regulator, &call));
        let refused = Code::ACCOUNT_NOT_EMPTY;
        assert_eq!(codes(&stage.execute(&txs)), [refused, Code::OK]);
        assert_eq!(of_triggers(&stage.execute(&[])), (0, vec![]));
        let due = stage.execute(&[]);
        assert_eq!(of_triggers(&due), (0, vec![(number, Ending::Failed)]));
        assert_eq!(held(&stage, ANNA_S, EUA), (300, 0));
        assert_eq!(held(&stage, BANK_S, EUA), (0, 0));
    }
}

/// Whoever sends something keeps nobody's account from closing: the bank's holds nothing, and has not agreed to anything.
#[test]
fn a_receiving_account_closes_and_what_was_on_its_way_stays() {
    let mut stage = stage();
    assert_eq!(stage.call::<Units>(Who::Anna, &later(BANK_S, 7)), Code::OK);
    let number = waiting(&stage);
    let close = identity::Call::SetStatus {
        account: BANK_S,
        status: AccountStatus::Closed,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &close), Code::OK);
    assert_eq!(of_triggers(&stage.execute(&[])), (0, vec![]));
    let due = stage.execute(&[]);
    assert_eq!(of_triggers(&due), (0, vec![(number, Ending::Failed)]));
    assert_eq!(held(&stage, ANNA_S, EUA), (300, 0));
    assert_eq!(held(&stage, BANK_S, EUA), (0, 0));
}

/// A holding has room for so many ranges of numbers: what comes in beyond stays where it was, and nothing is stuck.
#[test]
fn numbers_without_room_at_the_receiver_stay_where_they_are() {
    let mut stage = Stage::new();
    let issue = Call::Issue {
        account: ANNA_S,
        instrument: VCU,
        quantity: Quantity(3_000),
    };
    assert_eq!(stage.call::<Units>(Who::Regulator, &issue), Code::OK);
    let singles: Vec<(u64, u64)> = (0..RANGES_MAX as u64)
        .map(|n| (1_001 + 2 * n, 1_001 + 2 * n))
        .collect();
    let give = Call::TransferBlocks {
        from: ANNA_S,
        to: BERT_S,
        instrument: VCU,
        blocks: List::Items(&singles),
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &give), Code::OK);
    let control = Call::SetControl {
        account: ANNA_S,
        delay: 1_000,
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &control), Code::OK);
    let before = (numbers(&stage, ANNA_S), numbers(&stage, BERT_S));
    let last = [(4_300, 4_300)];
    let some = of_numbers(ANNA_S, BERT_S, VCU, 1, &last);
    assert_eq!(stage.call::<Units>(Who::Anna, &some), Code::OK);
    let number = waiting(&stage);
    let due = stage.execute(&[]);
    assert_eq!(of_triggers(&due), (0, vec![(number, Ending::Failed)]));
    assert_eq!((numbers(&stage, ANNA_S), numbers(&stage, BERT_S)), before);
    assert_eq!(held(&stage, ANNA_S, VCU), (3_300 - RANGES_MAX as u64, 0));
}

/// So many come due in a block as it may run, in the order they were asked for; the rest are first in the next.
#[test]
fn what_a_block_cannot_do_comes_first_in_the_next() {
    let mut stage = stage();
    let txs: Vec<_> = (0..5)
        .map(|_| stage.tx::<Units>(Who::Anna, &later(BERT_S, 1)))
        .collect();
    assert_eq!(codes(&stage.execute(&txs)), [Code::OK; 5]);
    stage.machine.set_limits(Limits {
        triggers: 2,
        ..Limits::default()
    });
    (3..5).for_each(|_| drop(stage.execute(&[])));
    let mut order = Vec::new();
    for count in [2, 2, 1, 0] {
        let (moved, endings) = of_triggers(&stage.execute(&[]));
        assert_eq!((moved, endings.len()), (count, count as usize));
        order.extend(endings.into_iter().map(|(number, _)| number));
    }
    assert!(order.is_sorted() && order.len() == 5, "{order:?}");
}

#[test]
fn what_one_account_leaves_waiting_is_bounded() {
    let mut stage = stage();
    let txs: Vec<_> = (0..=WAITING_MAX)
        .map(|_| stage.tx::<Units>(Who::Anna, &later(BERT_S, 1)))
        .collect();
    let mut expected = vec![Code::OK; WAITING_MAX];
    expected.push(Code::TOO_MANY_DELAYED);
    assert_eq!(codes(&stage.execute(&txs)), expected);
    let units = stage.machine.stores().read::<Units>();
    assert_eq!(
        (units.delayed.len(), units.waiting.len()),
        (WAITING_MAX, WAITING_MAX)
    );
    (0..3).for_each(|_| drop(stage.execute(&[])));
    assert_eq!(held(&stage, BERT_S, EUA), (WAITING_MAX as u64, 0));
    assert_eq!(stage.call::<Units>(Who::Anna, &later(BERT_S, 1)), Code::OK);
}

#[test]
fn an_account_of_two_takes_two_to_ask_and_one_to_stop() {
    let mut stage = stage();
    let control = Call::SetControl {
        account: JOINT,
        delay: 10_000,
    };
    let two =
        |stage: &mut Stage, call: &Call<'_>| stage.call_of_two::<Units>(Who::Anna, Who::Bert, call);
    assert_eq!(
        stage.call::<Units>(Who::Anna, &at_once(PLANT, EUA, 1)),
        Code::NOT_TRUSTED
    );
    let trust = Call::Trust {
        account: ANNA_S,
        other: JOINT,
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &trust), Code::OK);
    (0..3).for_each(|_| drop(stage.execute(&[])));
    assert_eq!(
        stage.call::<Units>(Who::Anna, &at_once(JOINT, EUA, 9)),
        Code::OK
    );
    assert_eq!(two(&mut stage, &control), Code::OK);
    let some = of_numbers(JOINT, BANK_S, EUA, 9, &[]);
    assert_eq!(stage.call::<Units>(Who::Anna, &some), Code::NOT_ENDORSED);
    assert_eq!(two(&mut stage, &some), Code::OK);
    let transfer = waiting(&stage);
    let stop = Call::StopTransfer { transfer };
    assert_eq!(stage.call::<Units>(Who::Bert, &stop), Code::OK);
    assert_eq!(held(&stage, JOINT, EUA), (9, 0));
}

#[test]
fn delayed_transfers_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = stage();
    let (a, b) = (ANNA_S, BERT_S);
    let unknown = AccountId(9);
    let many: Vec<(u64, u64)> = (0..=BLOCKS_MAX as u64)
        .map(|n| (1_001 + 2 * n, 1_001 + 2 * n))
        .collect();
    let of = of_numbers;
    let none = InstrumentId(77);
    for (who, call, code) in [
        (Who::Guest, later(b, 1), Code::WRONG_ROLE),
        (
            Who::Anna,
            of(unknown, unknown, none, 0, &[]),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            Who::Anna,
            of(b, unknown, none, 0, &[]),
            Code::NOT_REPRESENTATIVE,
        ),
        (
            Who::Anna,
            of(a, unknown, none, 0, &[]),
            Code::UNKNOWN_ACCOUNT,
        ),
        (Who::Anna, of(a, a, none, 0, &[]), Code::SAME_ACCOUNT),
        (Who::Bank, of(BUFFER, a, none, 0, &[]), Code::ACCOUNT_KIND),
        (Who::Bert, of(b, a, none, 0, &[]), Code::NOT_DELAYED),
        (Who::Anna, of(a, b, none, 0, &[]), Code::QUANTITY_ZERO),
        (Who::Anna, of(a, b, none, 1, &[]), Code::UNKNOWN_INSTRUMENT),
        (Who::Anna, later(b, 301), Code::BALANCE_TOO_LOW),
        (
            Who::Anna,
            of(a, b, VCU, 3, &[(1_005, 1_004)]),
            Code::BLOCK_INVALID,
        ),
        (
            Who::Anna,
            of(a, b, VCU, 3, &[(1_005, 1_006), (1_006, 1_006)]),
            Code::BLOCK_INVALID,
        ),
        (Who::Anna, of(a, b, VCU, 65, &many), Code::TOO_MANY),
        (
            Who::Anna,
            of(a, b, VCU, 3, &[(1_001, 1_002)]),
            Code::BLOCK_INVALID,
        ),
        (Who::Anna, of(a, b, VCU, 3, &[]), Code::BLOCK_NOT_HELD),
        (
            Who::Anna,
            of(a, b, EUA, 2, &[(1_001, 1_002)]),
            Code::BLOCK_NOT_HELD,
        ),
        (
            Who::Anna,
            of(a, b, VCU, 2, &[(1_000, 1_001)]),
            Code::BLOCK_NOT_HELD,
        ),
        (
            Who::Anna,
            Call::StopTransfer { transfer: 1 },
            Code::UNKNOWN_DELAYED,
        ),
        (
            Who::Guest,
            Call::StopTransfer { transfer: 1 },
            Code::WRONG_ROLE,
        ),
        (Who::Anna, of(a, b, VCU, 64, &many[..64]), Code::OK),
    ] {
        assert_eq!(stage.call::<Units>(who, &call), code, "{call:?}");
    }
}

/// The longest delay is bounded, so whatever waits ends.
#[test]
fn a_delay_that_was_made_shorter_meanwhile_changes_nothing_for_what_waits() {
    let mut stage = stage();
    assert_eq!(stage.call::<Units>(Who::Anna, &later(BERT_S, 5)), Code::OK);
    let units = stage.machine.stores().read::<Units>();
    let until = units.delayed.get(&waiting(&stage)).map(|one| one.until);
    assert_eq!(until, Some(Millis(5_000)));
    let control = Call::SetControl {
        account: ANNA_S,
        delay: 0,
    };
    assert_eq!(stage.call::<Units>(Who::Anna, &control), Code::OK);
    stage.execute(&[]);
    assert_eq!(held(&stage, BERT_S, EUA), (0, 0));
    stage.execute(&[]);
    assert_eq!(held(&stage, BERT_S, EUA), (5, 0));
}
