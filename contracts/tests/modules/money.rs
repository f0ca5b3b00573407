//! Money moves as its owner says, is never made by whoever receives it, and adds up.

use std::collections::BTreeMap;

use bds_contracts::Code;
use bds_contracts::amount::{Currency, Money as Amount};
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::receipt::ReceiptView;
use bds_contracts::money::{Call, Event, Money};
use bds_contracts::tx::{AccountId, Millis};

use super::stage::{ANNA_S, BANK_S, BERT_S, CNY, EUR, JOINT, Random, Stage, Who};

fn transfer(from: AccountId, to: AccountId, currency: Currency, amount: i64) -> Call {
    Call::Transfer {
        from,
        to,
        currency,
        amount: Amount(amount),
    }
}

fn hold(amount: i64, until: u64) -> Call {
    Call::Hold {
        from: ANNA_S,
        to: BERT_S,
        currency: EUR,
        amount: Amount(amount),
        until: Millis(until),
    }
}

#[test]
fn transfers_are_refused_for_one_reason_in_a_fixed_order() {
    let mut stage = Stage::new();
    let nobody = AccountId(9);
    let cases = [
        (
            Who::Guest,
            transfer(nobody, nobody, EUR, 0),
            Code::WRONG_ROLE,
        ),
        (
            Who::Anna,
            transfer(nobody, nobody, EUR, 0),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            Who::Anna,
            transfer(BERT_S, nobody, EUR, 0),
            Code::NOT_REPRESENTATIVE,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, nobody, EUR, 0),
            Code::UNKNOWN_ACCOUNT,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, ANNA_S, EUR, 0),
            Code::SAME_ACCOUNT,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, EUR, 0),
            Code::AMOUNT_NOT_POSITIVE,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, EUR, -1),
            Code::AMOUNT_NOT_POSITIVE,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, EUR, i64::MIN),
            Code::AMOUNT_NOT_POSITIVE,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, EUR, 1_001),
            Code::CASH_TOO_LOW,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, EUR, i64::MAX),
            Code::CASH_TOO_LOW,
        ),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, Currency(*b"XXX"), 1),
            Code::CASH_TOO_LOW,
        ),
        (
            Who::Anna,
            transfer(JOINT, BERT_S, EUR, 101),
            Code::CASH_TOO_LOW,
        ),
        (
            Who::Anna,
            transfer(JOINT, BERT_S, EUR, 100),
            Code::NOT_ENDORSED,
        ),
        (Who::Anna, transfer(ANNA_S, BERT_S, EUR, 1_000), Code::OK),
        (
            Who::Anna,
            transfer(ANNA_S, BERT_S, EUR, 1),
            Code::CASH_TOO_LOW,
        ),
        (Who::Anna, transfer(ANNA_S, BANK_S, CNY, 500), Code::OK),
    ];
    for (who, call, code) in cases {
        assert_eq!(stage.call::<Money>(who, &call), code, "{call:?}");
    }
    assert_eq!(stage.held(ANNA_S, EUR), (0, 0));
    assert_eq!(stage.held(BERT_S, EUR), (2_000, 0));
    assert_eq!(stage.held(BANK_S, CNY), (500, 0));
    // The entry that became empty is gone, the new one is counted; two are her units.
    assert_eq!(stage.account(ANNA_S).entries, 2);
    assert_eq!(stage.account(BANK_S).entries, 1);
}

#[test]
fn a_blocked_account_receives_and_gives_nothing_and_a_closed_one_neither() {
    for status in [AccountStatus::Blocked, AccountStatus::Suspended] {
        let mut stage = Stage::new();
        let set = identity::Call::SetStatus {
            account: ANNA_S,
            status,
            reason: "",
        };
        assert_eq!(stage.call::<Identity>(Who::Regulator, &set), Code::OK);
        let out = transfer(ANNA_S, BERT_S, EUR, 1);
        assert_eq!(stage.call::<Money>(Who::Anna, &out), Code::ACCOUNT_NOT_OPEN);
        let waits = hold(1, 90_000);
        assert_eq!(
            stage.call::<Money>(Who::Anna, &waits),
            Code::ACCOUNT_NOT_OPEN
        );
        let into = transfer(BERT_S, ANNA_S, EUR, 1);
        assert_eq!(stage.call::<Money>(Who::Bert, &into), Code::OK);
    }
    let mut stage = Stage::new();
    let close = identity::Call::SetStatus {
        account: BANK_S,
        status: AccountStatus::Closed,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &close), Code::OK);
    let into = transfer(BERT_S, BANK_S, EUR, 1);
    assert_eq!(
        stage.call::<Money>(Who::Bert, &into),
        Code::ACCOUNT_NOT_OPEN
    );
}

#[test]
fn a_joint_account_takes_two_of_its_own() {
    let mut stage = Stage::new();
    let call = transfer(JOINT, BERT_S, EUR, 60);
    for (second, code) in [
        (Who::Regulator, Code::NOT_ENDORSED),
        (Who::Anna, Code::NOT_ENDORSED),
        (Who::Bert, Code::OK),
    ] {
        assert_eq!(stage.call_of_two::<Money>(Who::Anna, second, &call), code);
    }
    assert_eq!(stage.held(JOINT, EUR), (40, 0));
}

#[test]
fn money_comes_and_goes_through_the_bank_but_never_to_itself() {
    let mut stage = Stage::new();
    let deposit = |account, amount| Call::Deposit {
        account,
        currency: EUR,
        amount: Amount(amount),
    };
    let withdraw = |account, amount| Call::Withdraw {
        account,
        currency: EUR,
        amount: Amount(amount),
    };
    let cases = [
        (Who::Anna, deposit(ANNA_S, 1), Code::WRONG_ROLE),
        (Who::Bank, deposit(AccountId(9), 1), Code::UNKNOWN_ACCOUNT),
        (Who::Bank, deposit(BANK_S, 1), Code::OWN_ACCOUNT),
        (Who::Bank, deposit(ANNA_S, 0), Code::AMOUNT_NOT_POSITIVE),
        (Who::Bank, deposit(ANNA_S, i64::MAX), Code::OVERFLOW),
        (Who::Bank, deposit(ANNA_S, 5), Code::OK),
        (Who::Bank, withdraw(ANNA_S, 1_006), Code::CASH_TOO_LOW),
        (Who::Bank, withdraw(ANNA_S, 0), Code::AMOUNT_NOT_POSITIVE),
        (Who::Bank, withdraw(ANNA_S, 5), Code::NOT_ENDORSED),
    ];
    for (who, call, code) in cases {
        assert_eq!(stage.call::<Money>(who, &call), code, "{call:?}");
    }
    let wrong = Call::Deposit {
        account: ANNA_S,
        currency: Currency(*b"eur"),
        amount: Amount(1),
    };
    assert_eq!(
        stage.call::<Money>(Who::Bank, &wrong),
        Code::UNKNOWN_CURRENCY
    );
    // Not another's consent, the owner's.
    for (second, code) in [(Who::Bert, Code::NOT_ENDORSED), (Who::Anna, Code::OK)] {
        let call = withdraw(ANNA_S, 1_005);
        assert_eq!(stage.call_of_two::<Money>(Who::Bank, second, &call), code);
    }
    let totals = &stage.machine.stores().read::<Money>().totals;
    assert_eq!(totals.get(&EUR).map(|t| t.money), Some(Amount(1_100)));
    // What is reserved is not paid out.
    assert_eq!(stage.held(ANNA_S, EUR), (0, 0));
}

#[test]
fn a_credit_limit_is_set_by_two_that_are_not_its_owner() {
    let mut stage = Stage::new();
    let limit = |account, limit| Call::SetLimit {
        account,
        currency: EUR,
        limit: Amount(limit),
    };
    let set = |stage: &mut Stage, call: &Call| {
        stage.call_of_two::<Money>(Who::Surveillance, Who::Regulator, call)
    };
    let alone = stage.call::<Money>(Who::Regulator, &limit(ANNA_S, 50));
    assert_eq!(alone, Code::NOT_ENDORSED);
    let by_owner = stage.call_of_two::<Money>(Who::Regulator, Who::Anna, &limit(ANNA_S, 50));
    assert_eq!(by_owner, Code::NOT_ENDORSED);
    assert_eq!(set(&mut stage, &limit(ANNA_S, -1)), Code::LIMIT_INVALID);
    assert_eq!(set(&mut stage, &limit(ANNA_S, i64::MAX)), Code::OVERFLOW);
    assert_eq!(set(&mut stage, &limit(ANNA_S, 50)), Code::OK);
    let call = transfer(ANNA_S, BERT_S, EUR, 1_051);
    assert_eq!(stage.call::<Money>(Who::Anna, &call), Code::CASH_TOO_LOW);
    let call = transfer(ANNA_S, BERT_S, EUR, 1_030);
    assert_eq!(stage.call::<Money>(Who::Anna, &call), Code::OK);
    assert_eq!(stage.held(ANNA_S, EUR), (-30, 0));
    // It cannot be taken back below what is drawn of it, holds counted.
    assert_eq!(stage.call::<Money>(Who::Anna, &hold(20, 90_000)), Code::OK);
    assert_eq!(
        stage.call::<Money>(Who::Anna, &hold(1, 90_000)),
        Code::CASH_TOO_LOW
    );
    assert_eq!(set(&mut stage, &limit(ANNA_S, 49)), Code::LIMIT_INVALID);
    assert_eq!(set(&mut stage, &limit(ANNA_S, 50)), Code::OK);
    // Credit is not paid out.
    let withdraw = Call::Withdraw {
        account: ANNA_S,
        currency: EUR,
        amount: Amount(1),
    };
    let paid = stage.call_of_two::<Money>(Who::Bank, Who::Anna, &withdraw);
    assert_eq!(paid, Code::CASH_TOO_LOW);
}

#[test]
fn held_money_waits_for_its_receiver_and_comes_back_by_itself() {
    let mut stage = Stage::new();
    let number = |stage: &mut Stage, call: &Call| {
        let tx = stage.tx::<Money>(Who::Anna, call);
        let outcome = stage.execute(&[tx]);
        let receipt = outcome.receipts.iter().next().unwrap();
        let event = ReceiptView::parse(receipt)
            .unwrap()
            .events()
            .next()
            .unwrap();
        match Event::decode(event.number, event.fields) {
            Ok(Event::Held { hold, .. }) => hold,
            other => panic!("{other:?}"),
        }
    };
    let post = |hold, amount| Call::PostHold {
        hold,
        amount: Amount(amount),
    };
    let first = number(&mut stage, &hold(100, 9_000));
    assert_eq!(stage.held(ANNA_S, EUR), (1_000, 100));
    assert_eq!(
        stage.call::<Money>(Who::Anna, &transfer(ANNA_S, BERT_S, EUR, 901)),
        Code::CASH_TOO_LOW,
        "what waits is not free"
    );
    let cases = [
        (Who::Bert, post(first + 1, 1), Code::UNKNOWN_HOLD),
        (Who::Anna, post(first, 1), Code::NOT_OF_HOLD),
        (Who::Bert, post(first, 0), Code::AMOUNT_NOT_POSITIVE),
        (Who::Bert, post(first, 101), Code::CASH_TOO_LOW),
        (Who::Bert, post(first, 70), Code::OK),
        (Who::Bert, post(first, 1), Code::UNKNOWN_HOLD),
    ];
    for (who, call, code) in cases {
        assert_eq!(stage.call::<Money>(who, &call), code, "{call:?}");
    }
    assert_eq!(stage.held(ANNA_S, EUR), (930, 0));
    assert_eq!(stage.held(BERT_S, EUR), (1_070, 0));

    let second = number(&mut stage, &hold(30, 60_000));
    let void = Call::VoidHold { hold: second };
    assert_eq!(stage.call::<Money>(Who::Anna, &void), Code::NOT_OF_HOLD);
    assert_eq!(stage.call::<Money>(Who::Bert, &void), Code::OK);
    assert_eq!(stage.held(ANNA_S, EUR), (930, 0));

    // One that nobody takes: there until the block before its time, gone in the block of it.
    let until = stage.machine.block().time.0 + 4_000;
    let third = number(&mut stage, &hold(30, until));
    stage.execute(&[]);
    stage.execute(&[]);
    assert_eq!(stage.held(ANNA_S, EUR), (930, 30));
    let tx = stage.tx::<Money>(Who::Bert, &post(third, 1));
    let outcome = stage.execute(&[tx]);
    let receipts: Vec<_> = outcome
        .receipts
        .iter()
        .map(|bytes| ReceiptView::parse(bytes).unwrap().code)
        .collect();
    assert_eq!(receipts, [Code::OK, Code::UNKNOWN_HOLD]);
    assert_eq!(stage.held(ANNA_S, EUR), (930, 0));
    assert_eq!(stage.account(ANNA_S).entries, 3, "its CNY and its units");

    let past = hold(1, stage.machine.block().time.0 + 1_000);
    assert_eq!(
        stage.call::<Money>(Who::Anna, &past),
        Code::SCHEDULE_INVALID
    );
}

/// Whoever holds money for an account does not keep it from closing. A closed account takes nothing, and can let it go.
#[test]
fn an_account_closes_though_money_is_held_for_it() {
    let mut stage = Stage::new();
    let until = stage.machine.block().time.0 + 10_000;
    let held = Call::Hold {
        from: ANNA_S,
        to: BANK_S,
        currency: EUR,
        amount: Amount(10),
        until: Millis(until),
    };
    for _ in 0..2 {
        assert_eq!(stage.call::<Money>(Who::Anna, &held), Code::OK);
    }
    let numbers: Vec<_> = {
        let tables = stage.machine.stores().read::<Money>();
        (0..10).filter(|n| tables.holds.contains(n)).collect()
    };
    let close = identity::Call::SetStatus {
        account: BANK_S,
        status: AccountStatus::Closed,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &close), Code::OK);
    let post = Call::PostHold {
        hold: numbers[0],
        amount: Amount(10),
    };
    assert_eq!(
        stage.call::<Money>(Who::Bank, &post),
        Code::ACCOUNT_NOT_OPEN
    );
    let void = Call::VoidHold { hold: numbers[0] };
    assert_eq!(stage.call::<Money>(Who::Bank, &void), Code::OK);
    assert_eq!(stage.held(ANNA_S, EUR), (1_000, 10));
    while stage.machine.block().time.0 < until {
        stage.execute(&[]);
    }
    assert_eq!(stage.held(ANNA_S, EUR), (1_000, 0));
    assert_eq!(stage.held(BANK_S, EUR), (0, 0));
}

#[test]
fn an_account_makes_so_many_holds_and_for_so_long() {
    let mut stage = Stage::new();
    let longest = stage.machine.block().time.0 + 1_000 + 400 * 24 * 3_600 * 1_000;
    let code = stage.call::<Money>(Who::Anna, &hold(1, longest + 1));
    assert_eq!(code, Code::HOLD_INVALID);
    let longest = stage.machine.block().time.0 + 1_000 + 400 * 24 * 3_600 * 1_000;
    assert_eq!(stage.call::<Money>(Who::Anna, &hold(1, longest)), Code::OK);
    let call = transfer(BERT_S, ANNA_S, EUR, 1_000);
    assert_eq!(stage.call::<Money>(Who::Bert, &call), Code::OK);
    let txs: Vec<_> = (0..1_023)
        .map(|_| stage.tx::<Money>(Who::Anna, &hold(1, 9_000_000)))
        .collect();
    let outcome = stage.execute(&txs);
    assert!(
        super::stage::codes(&outcome)
            .iter()
            .all(|code| code.is_ok())
    );
    let code = stage.call::<Money>(Who::Anna, &hold(1, 9_000_000));
    assert_eq!(code, Code::HOLD_INVALID);
    // One less, and there is room.
    let tables = stage.machine.stores().read::<Money>();
    let first = (1..).find(|n| tables.holds.contains(n)).unwrap();
    let void = Call::VoidHold { hold: first };
    assert_eq!(stage.call::<Money>(Who::Bert, &void), Code::OK);
    assert_eq!(
        stage.call::<Money>(Who::Anna, &hold(1, 9_000_000)),
        Code::OK
    );
}

/// Random commands against a naive second model: every balance, every reserve, every total, after every block.
#[test]
fn money_adds_up_over_many_random_commands() {
    #[derive(Clone, Default)]
    struct Model {
        cash: BTreeMap<(AccountId, Currency), (i64, i64)>,
        holds: BTreeMap<u64, (AccountId, AccountId, Currency, i64, u64)>,
        totals: BTreeMap<Currency, i64>,
    }
    let mut stage = Stage::new();
    let mut model = Model::default();
    for id in [ANNA_S, BERT_S] {
        model.cash.insert((id, EUR), (1_000, 0));
        model.cash.insert((id, CNY), (500, 0));
    }
    model.cash.insert((JOINT, EUR), (100, 0));
    model.totals = BTreeMap::from([(EUR, 2_100), (CNY, 1_000)]);
    let mut random = Random(4);
    let mut next_hold = 1;
    for _ in 0..6_000 {
        let who = [Who::Anna, Who::Bert, Who::Bank][random.below(3) as usize];
        let own = match who {
            Who::Anna => ANNA_S,
            Who::Bert => BERT_S,
            _ => BANK_S,
        };
        let other = [ANNA_S, BERT_S, JOINT, BANK_S][random.below(4) as usize];
        let currency = [EUR, CNY][random.below(2) as usize];
        let amount = random.below(400) as i64 - 5;
        let now = stage.machine.block().time.0 + 1_000;
        // What is due happens first.
        let due: Vec<u64> = model
            .holds
            .iter()
            .filter(|(_, hold)| hold.4 <= now)
            .map(|(number, _)| *number)
            .collect();
        for number in due {
            let (from, _, currency, amount, _) = model.holds.remove(&number).unwrap();
            model.cash.get_mut(&(from, currency)).unwrap().1 -= amount;
        }
        let free = |model: &Model, id, currency| {
            let (balance, reserved) = model.cash.get(&(id, currency)).copied().unwrap_or_default();
            balance - reserved
        };
        let add = |model: &mut Model, id, currency, balance: i64, reserved: i64| {
            let entry = model.cash.entry((id, currency)).or_default();
            *entry = (entry.0 + balance, entry.1 + reserved);
            if *entry == (0, 0) {
                model.cash.remove(&(id, currency));
            }
        };
        let (call, done) = match random.below(4) {
            0 => {
                let ok = amount > 0 && other != own && free(&model, own, currency) >= amount;
                if ok {
                    add(&mut model, own, currency, -amount, 0);
                    add(&mut model, other, currency, amount, 0);
                }
                (transfer(own, other, currency, amount), ok)
            }
            1 if who == Who::Bank => {
                let ok = amount > 0 && other != BANK_S;
                if ok {
                    add(&mut model, other, currency, amount, 0);
                    *model.totals.entry(currency).or_default() += amount;
                }
                let call = Call::Deposit {
                    account: other,
                    currency,
                    amount: Amount(amount),
                };
                (call, ok)
            }
            1 | 2 => {
                let until = now + random.below(8_000);
                let ok = amount > 0
                    && other != own
                    && free(&model, own, currency) >= amount
                    && until > now;
                if ok {
                    add(&mut model, own, currency, 0, amount);
                    let hold = (own, other, currency, amount, until);
                    model.holds.insert(next_hold, hold);
                    next_hold += 1;
                }
                let call = Call::Hold {
                    from: own,
                    to: other,
                    currency,
                    amount: Amount(amount),
                    until: Millis(until),
                };
                (call, ok)
            }
            _ => {
                let number = next_hold.saturating_sub(1 + random.below(6));
                let void = random.below(3) == 0;
                let found = model.holds.get(&number).copied();
                let ok = found.is_some_and(|(_, to, _, held, _)| {
                    let mine = to == own || to == JOINT && who != Who::Bank;
                    mine && (void || amount > 0 && amount <= held)
                });
                if ok {
                    let (from, to, currency, held, _) = model.holds.remove(&number).unwrap();
                    let taken = if void { 0 } else { amount };
                    add(&mut model, from, currency, -taken, -held);
                    add(&mut model, to, currency, taken, 0);
                }
                let call = if void {
                    Call::VoidHold { hold: number }
                } else {
                    Call::PostHold {
                        hold: number,
                        amount: Amount(amount),
                    }
                };
                (call, ok)
            }
        };
        let code = stage.call::<Money>(who, &call);
        assert_eq!(code.is_ok(), done, "{who:?} {call:?}: {code}");
        let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
        for id in [ANNA_S, BERT_S, JOINT, BANK_S] {
            let mut entries = if id == ANNA_S { 2 } else { 0 };
            for currency in [EUR, CNY] {
                let expected = model.cash.get(&(id, currency)).copied().unwrap_or_default();
                assert_eq!(stage.held(id, currency), expected, "{id:?} {currency}");
                *sums.entry(currency).or_default() += expected.0;
                entries += u32::from(currency == CNY && expected != (0, 0));
            }
            let of = |hold: &&(AccountId, AccountId, Currency, i64, u64)| hold.0 == id;
            entries += model.holds.values().filter(of).count() as u32;
            assert_eq!(stage.account(id).entries, entries);
        }
        let totals = &stage.machine.stores().read::<Money>().totals;
        for (currency, sum) in sums {
            assert_eq!(totals.get(&currency).map_or(0, |t| t.money.0), sum);
            assert_eq!(model.totals[&currency], sum);
        }
    }
    assert!(next_hold > 500, "{next_hold} holds were made");
}
