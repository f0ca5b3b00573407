//! What orders set aside, pay and get, worked by hand: amounts are `quantity x price x 3 / 10`, cut.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::exchange::Side;
use bds_contracts::exchange::event::{Phase, Reason};
use bds_contracts::exchange::orders::call::ValidityKind as Kind;
use bds_contracts::exchange::orders::{Call, Event, Exchange};
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::AccountId;

use super::super::stage::{ANNA_S, BANK_S, BERT_S, CNY, EUR, JOINT, PLANT, Stage, Who, block};
use super::{Order, UKA, amend, book, cancel, done, events, floor, held, limit, list, send, stock};

fn accepted(account: AccountId, number: u64, side: Side, quantity: u64, price: i64) -> Event {
    Event::Accepted {
        instrument: UKA,
        account,
        number,
        side,
        quantity: Quantity(quantity),
        price: Some(Price(price)),
        trigger: None,
    }
}

fn reduced(account: AccountId, number: u64, quantity: u64, open: u64, reason: Reason) -> Event {
    Event::Reduced {
        instrument: UKA,
        account,
        number,
        quantity: Quantity(quantity),
        open: Quantity(open),
        reason,
    }
}

#[test]
fn a_bid_sets_its_limit_aside_and_pays_the_resting_price() {
    let mut stage = floor();
    let ask = done(&mut stage, Who::Bert, &limit(BERT_S, 7, Side::Sell, 50, 10));
    assert_eq!(ask, [accepted(BERT_S, 7, Side::Sell, 50, 10)]);
    assert_eq!(held(&stage, BERT_S), (101_000, 0, 1_000, 50));
    // 30 at 10 cost 90; the 20 that rest at 12 would not be taken, so nothing of the bid is left.
    let bid = done(&mut stage, Who::Anna, &limit(ANNA_S, 3, Side::Buy, 30, 12));
    let traded = Event::Traded {
        instrument: UKA,
        buyer: ANNA_S,
        bid: 3,
        seller: BERT_S,
        ask: 7,
        price: Price(10),
        quantity: Quantity(30),
        amount: Amount(90),
        taker: Side::Buy,
        auction: false,
    };
    assert_eq!(bid, [accepted(ANNA_S, 3, Side::Buy, 30, 12), traded]);
    assert_eq!(held(&stage, ANNA_S), (99_910, 0, 1_030, 0));
    assert_eq!(held(&stage, BERT_S), (101_090, 0, 970, 20));
    // 40 at 11 set 132 aside; 20 of them trade for 60, and 20 at 11 are 66.
    done(&mut stage, Who::Anna, &limit(ANNA_S, 4, Side::Buy, 40, 11));
    assert_eq!(held(&stage, ANNA_S), (99_850, 66, 1_050, 0));
    assert_eq!(held(&stage, BERT_S), (101_150, 0, 950, 0));
    let gone = done(&mut stage, Who::Anna, &cancel(ANNA_S, 4));
    assert_eq!(gone, [reduced(ANNA_S, 4, 20, 0, Reason::Cancelled)]);
    assert_eq!(held(&stage, ANNA_S), (99_850, 0, 1_050, 0));
}

/// 15 at 7 are 31 (31.5), 10 are 21, 5 are 10 (10.5): what is cut off is free in the end, and never missing before.
#[test]
fn what_truncation_leaves_is_free_with_the_end_of_the_order() {
    let mut stage = floor();
    done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 15, 7));
    assert_eq!(held(&stage, ANNA_S), (100_000, 31, 1_000, 0));
    for (money, reserved) in [(99_990, 21), (99_980, 10), (99_970, 0)] {
        let number = money as u64;
        done(
            &mut stage,
            Who::Bert,
            &limit(BERT_S, number, Side::Sell, 5, 7),
        );
        assert_eq!(
            (held(&stage, ANNA_S).0, held(&stage, ANNA_S).1),
            (money, reserved)
        );
    }
    assert_eq!(held(&stage, BERT_S), (101_030, 0, 985, 0));
}

#[test]
fn a_market_bid_spends_its_budget_and_gets_the_rest_back() {
    let mut stage = floor();
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 10, 10));
    done(&mut stage, Who::Bert, &limit(BERT_S, 2, Side::Sell, 10, 20));
    let market = Order {
        validity: Kind::ImmediateOrCancel,
        budget: Some(50),
        ..Order::of(ANNA_S, 1, Side::Buy, 20)
    };
    // 10 at 10 cost 30; of the 20 that are left nothing is bought, since 5 at 20 cost 30.
    let told = done(&mut stage, Who::Anna, &market.call());
    assert_eq!(told.len(), 3);
    assert_eq!(told[2], reduced(ANNA_S, 1, 10, 0, Reason::NothingToTrade));
    assert_eq!(held(&stage, ANNA_S), (99_970, 0, 1_010, 0));
    // Filled with some of the budget left: 5 at 20 for 30 of 100.
    let filled = Order {
        number: 2,
        quantity: 5,
        budget: Some(100),
        ..market
    };
    assert_eq!(done(&mut stage, Who::Anna, &filled.call()).len(), 2);
    assert_eq!(held(&stage, ANNA_S), (99_940, 0, 1_015, 0));
    assert_eq!(held(&stage, BERT_S), (101_060, 0, 985, 5));
}

#[test]
fn a_stop_pays_out_of_what_it_set_aside_when_it_was_placed() {
    let mut stage = floor();
    let stop = Order {
        trigger: Some(12),
        budget: Some(100),
        ..Order::of(ANNA_S, 1, Side::Buy, 10)
    };
    done(&mut stage, Who::Anna, &stop.call());
    assert_eq!(held(&stage, ANNA_S), (100_000, 100, 1_000, 0));
    // Fewer units change nothing of a budget.
    done(&mut stage, Who::Anna, &amend(ANNA_S, 1, None, Some(5)));
    done(&mut stage, Who::Anna, &amend(ANNA_S, 1, None, Some(10)));
    assert_eq!(held(&stage, ANNA_S), (100_000, 100, 1_000, 0));
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 20, 13));
    done(&mut stage, Who::Bert, &limit(BERT_S, 2, Side::Sell, 5, 12));
    let told = done(&mut stage, Who::Bank, &limit(BANK_S, 1, Side::Buy, 5, 12));
    let woke = Event::Woke {
        instrument: UKA,
        account: ANNA_S,
        number: 1,
    };
    assert_eq!(told[2], woke);
    assert_eq!(told.len(), 4, "accepted, traded, woke, traded");
    // 10 at 13 cost 39.
    assert_eq!(held(&stage, ANNA_S), (99_961, 0, 1_010, 0));
    // 18 for the five at 12 before.
    assert_eq!(held(&stage, BERT_S), (101_057, 0, 985, 10));
    assert_eq!(held(&stage, BANK_S), (982, 0, 1_005, 0));
}

#[test]
fn quotes_are_placed_changed_and_cancelled_together() {
    let mut stage = floor();
    let quote =
        |number, side, price, quantity| ((number, side), (Price(price), Quantity(quantity)));
    let mut send = |quotes: &[_]| {
        let call = Call::MassQuote {
            account: ANNA_S,
            instrument: UKA,
            quotes: List::Items(quotes),
        };
        done(&mut stage, Who::Anna, &call).len()
    };
    assert_eq!(
        send(&[quote(1, Side::Buy, 10, 50), quote(2, Side::Sell, 12, 40)]),
        2
    );
    assert_eq!(
        send(&[
            quote(2, Side::Sell, 11, 45),
            quote(1, Side::Buy, 10, 0),
            quote(3, Side::Buy, 9, 5),
        ]),
        3
    );
    // 5 at 9 are 13 (13.5).
    assert_eq!(held(&stage, ANNA_S), (100_000, 13, 1_000, 45));
    let all = Call::CancelAll {
        account: ANNA_S,
        instrument: UKA,
    };
    assert_eq!(done(&mut stage, Who::Anna, &all).len(), 2);
    assert_eq!(done(&mut stage, Who::Anna, &all).len(), 0, "none is fine");
    assert_eq!(held(&stage, ANNA_S), (100_000, 0, 1_000, 0));
}

/// All that collects trades at one price; a bid without a price sets the market's highest price aside.
#[test]
fn a_call_trades_at_one_price() {
    let mut stage = floor();
    // The last price is 10: 5 at 10 for 15.
    done(&mut stage, Who::Bank, &limit(BANK_S, 1, Side::Sell, 5, 10));
    done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 5, 10));
    let open = done(
        &mut stage,
        Who::Surveillance,
        &Call::OpenCall { instrument: UKA },
    );
    let phase = |phase| Event::PhaseSet {
        instrument: UKA,
        phase,
    };
    assert_eq!(open, [phase(Phase::Call)]);
    let at_auction = Order {
        validity: Kind::GoodAtAuction,
        ..Order::of(ANNA_S, 2, Side::Buy, 10)
    };
    done(&mut stage, Who::Anna, &at_auction.call());
    assert_eq!(
        held(&stage, ANNA_S),
        (99_985, 3_000, 1_005, 0),
        "10 at 1,000"
    );
    done(&mut stage, Who::Anna, &limit(ANNA_S, 3, Side::Buy, 10, 12));
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 20, 8));
    // 20 against 20 from 8 to 12: nearest to the last price, which is 10; 30 a trade.
    let told = done(
        &mut stage,
        Who::Surveillance,
        &Call::Uncross { instrument: UKA },
    );
    let traded = |bid| Event::Traded {
        instrument: UKA,
        buyer: ANNA_S,
        bid,
        seller: BERT_S,
        ask: 1,
        price: Price(10),
        quantity: Quantity(10),
        amount: Amount(30),
        taker: Side::Sell,
        auction: true,
    };
    assert_eq!(told, [traded(2), traded(3), phase(Phase::Open)]);
    assert_eq!(held(&stage, ANNA_S), (99_925, 0, 1_025, 0));
    assert_eq!(held(&stage, BERT_S), (101_060, 0, 980, 0));
}

fn set_status(stage: &mut Stage, account: AccountId, status: AccountStatus) {
    let call = identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &call), Code::OK);
}

#[test]
fn nothing_trades_out_of_an_account_that_is_shut() {
    for status in [AccountStatus::Blocked, AccountStatus::Suspended] {
        let mut stage = floor();
        done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 10, 9));
        done(&mut stage, Who::Bert, &limit(BERT_S, 2, Side::Buy, 10, 5));
        done(&mut stage, Who::Bank, &limit(BANK_S, 1, Side::Sell, 10, 10));
        set_status(&mut stage, BERT_S, status);
        // Bert's ask is the best; both his orders are withdrawn, and Bank's trades.
        let told = done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 10, 11));
        assert_eq!(
            told[..3],
            [
                reduced(BERT_S, 1, 10, 0, Reason::AccountShut),
                reduced(BERT_S, 2, 10, 0, Reason::AccountShut),
                accepted(ANNA_S, 1, Side::Buy, 10, 11),
            ]
        );
        assert_eq!(told.len(), 4);
        assert_eq!(held(&stage, BERT_S), (101_000, 0, 1_000, 0));
        assert_eq!(held(&stage, BANK_S), (1_030, 0, 990, 0));
        // It may cancel, and place nothing.
        set_status(&mut stage, BERT_S, AccountStatus::Open);
        done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 10, 9));
        set_status(&mut stage, BERT_S, status);
        done(&mut stage, Who::Bert, &cancel(BERT_S, 1));
        let (code, _) = send(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 10, 9));
        assert_eq!(code, Code::ACCOUNT_NOT_OPEN);
    }
}

#[test]
fn orders_end_with_the_role_of_the_last_trader_of_their_account() {
    let mut stage = floor();
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 10, 9));
    let joint = limit(JOINT, 1, Side::Sell, 10, 9);
    let code = stage.call_of_two::<Exchange>(Who::Bert, Who::Anna, &joint);
    assert_eq!(code, Code::OK);
    let roles = identity::Call::SetRoles {
        key: Who::Bert.key(),
        roles: Roles::OPERATOR_REPRESENTATIVE,
    };
    let (one, two) = (Who::Administrator, Who::Administrator2);
    assert_eq!(stage.call_of_two::<Identity>(one, two, &roles), Code::OK);
    // Bert's account has no trader now; the joint one has Anna.
    let told = done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 20, 9));
    assert_eq!(told[0], reduced(BERT_S, 1, 10, 0, Reason::AccountShut));
    assert_eq!(told.len(), 3);
    assert_eq!(held(&stage, BERT_S), (101_000, 0, 1_000, 0));
    assert_eq!(held(&stage, JOINT), (101_027, 0, 990, 0));
    assert_eq!(held(&stage, ANNA_S), (99_973, 27, 1_010, 0));
}

#[test]
fn a_call_leaves_out_accounts_that_are_shut() {
    let mut stage = floor();
    done(
        &mut stage,
        Who::Surveillance,
        &Call::OpenCall { instrument: UKA },
    );
    done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 10, 9));
    done(&mut stage, Who::Bank, &limit(BANK_S, 1, Side::Sell, 10, 10));
    done(&mut stage, Who::Anna, &limit(ANNA_S, 1, Side::Buy, 10, 10));
    set_status(&mut stage, BERT_S, AccountStatus::Blocked);
    let told = done(
        &mut stage,
        Who::Surveillance,
        &Call::Uncross { instrument: UKA },
    );
    assert_eq!(told[0], reduced(BERT_S, 1, 10, 0, Reason::AccountShut));
    assert!(matches!(told[1], Event::Traded { seller: BANK_S, .. }));
    assert_eq!(told.len(), 3);
}

#[test]
fn the_kill_switch_withdraws_orders_and_holds_until_it_is_off() {
    let mut stage = floor();
    for number in 1..4 {
        done(
            &mut stage,
            Who::Bert,
            &limit(BERT_S, number, Side::Buy, 10, 5),
        );
    }
    let off = Call::SwitchOff {
        instrument: UKA,
        account: BERT_S,
    };
    let told = done(&mut stage, Who::Surveillance, &off);
    assert_eq!(told.len(), 4);
    assert_eq!(told[1], reduced(BERT_S, 1, 10, 0, Reason::Killed));
    assert_eq!(held(&stage, BERT_S), (101_000, 0, 1_000, 0));
    let bid = limit(BERT_S, 1, Side::Buy, 10, 5);
    assert_eq!(send(&mut stage, Who::Bert, &bid).0, Code::ACCOUNT_KILLED);
    let on = Call::SwitchOn {
        instrument: UKA,
        account: BERT_S,
    };
    assert_eq!(done(&mut stage, Who::Surveillance, &on).len(), 1);
    done(&mut stage, Who::Bert, &bid);
}

/// An account with an order is not empty, so it cannot be closed: what trades is held by somebody.
#[test]
fn an_account_with_an_order_is_not_closed() {
    let mut stage = floor();
    done(&mut stage, Who::Bank, &limit(BANK_S, 1, Side::Buy, 5, 1));
    let give = units::Call::Transfer {
        from: BANK_S,
        to: ANNA_S,
        instrument: UKA,
        quantity: Quantity(1_000),
    };
    assert_eq!(stage.call::<Units>(Who::Bank, &give), Code::OK);
    // 5 at 1 cost 1, and that much money is left.
    let give = |amount| money::Call::Transfer {
        from: BANK_S,
        to: ANNA_S,
        currency: EUR,
        amount: Amount(amount),
    };
    assert_eq!(
        stage.call::<Money>(Who::Bank, &give(1_000)),
        Code::CASH_TOO_LOW
    );
    assert_eq!(stage.call::<Money>(Who::Bank, &give(999)), Code::OK);
    let close = identity::Call::SetStatus {
        account: BANK_S,
        status: AccountStatus::Closed,
        reason: "",
    };
    let refused = stage.call::<Identity>(Who::Regulator, &close);
    assert_eq!(refused, Code::ACCOUNT_NOT_EMPTY);
    done(&mut stage, Who::Bank, &cancel(BANK_S, 1));
    assert_eq!(stage.call::<Money>(Who::Bank, &give(1)), Code::OK);
    assert_eq!(stage.call::<Identity>(Who::Regulator, &close), Code::OK);
}

/// The largest call there can be, every order of another account whose money lies beside its record, ends in one transaction
/// of the usual limits.
#[test]
fn the_largest_call_ends_in_one_transaction() {
    let mut stage = Stage::new();
    stock(&mut stage);
    let mut call = list();
    if let Call::ListMarket { orders_max, .. } = &mut call {
        *orders_max = 4_096;
    }
    done(&mut stage, Who::Regulator, &call);
    let accounts: Vec<AccountId> = (10_000..12_048).map(AccountId).collect();
    let next = block(stage.machine.block().height + 1);
    let set_up = stage.machine.set_up(next, |cx| {
        for account in &accounts {
            let open = identity::Call::OpenAccount {
                account: *account,
                holder: HolderId(account.0),
                kind: AccountKind::Trading,
                currency: CNY,
                threshold: 1,
                representatives: List::Items(&[Who::Anna.key()]),
            };
            Identity::execute(&open, cx)?;
            let deposit = money::Call::Deposit {
                account: *account,
                currency: EUR,
                amount: Amount(15),
            };
            Money::execute(&deposit, cx)?;
            let issue = units::Call::Issue {
                account: *account,
                instrument: UKA,
                quantity: Quantity(5),
            };
            Units::execute(&issue, cx)?;
        }
        Ok(())
    });
    set_up.expect("accounts can be opened");
    done(
        &mut stage,
        Who::Surveillance,
        &Call::OpenCall { instrument: UKA },
    );
    let mut txs = Vec::new();
    for (place, account) in accounts.iter().enumerate() {
        let side = [Side::Buy, Side::Sell][place % 2];
        // 5 at 10 cost 15.
        txs.push(stage.tx::<Exchange>(Who::Anna, &limit(*account, 1, side, 5, 10)));
    }
    let outcome = stage.execute(&txs);
    assert!(
        super::super::stage::codes(&outcome)
            .iter()
            .all(|code| code.is_ok())
    );
    assert_eq!(events(&outcome).len(), 2_048);
    let more = limit(ANNA_S, 1, Side::Buy, 5, 10);
    assert_eq!(send(&mut stage, Who::Anna, &more).0, Code::BOOK_FULL);
    let told = done(
        &mut stage,
        Who::Surveillance,
        &Call::Uncross { instrument: UKA },
    );
    assert_eq!(told.len(), 1_025);
    assert!(book(&stage).is_empty());
    for (place, account) in accounts.iter().enumerate() {
        let expected = [(0, 0, 10, 0), (30, 0, 0, 0)][place % 2];
        assert_eq!(held(&stage, *account), expected);
    }
}

/// Events name both accounts of a trade by their schema, so that each side's stream is told of it.
#[test]
fn both_sides_are_named() {
    use bds_contracts::kernel::describe::event_accounts;
    use bds_contracts::kernel::receipt::ReceiptView;
    use bds_contracts::modules::Modules;

    let mut stage = floor();
    done(&mut stage, Who::Anna, &limit(PLANT, 1, Side::Sell, 5, 9));
    let tx = stage.tx::<Exchange>(Who::Bert, &limit(BERT_S, 1, Side::Buy, 5, 9));
    let outcome = stage.execute(&[tx]);
    let receipt = ReceiptView::parse(outcome.receipts.iter().next().unwrap()).unwrap();
    let named: Vec<_> = receipt
        .events()
        .map(|event| event_accounts::<Modules>(&event).unwrap())
        .collect();
    assert_eq!(named, [vec![BERT_S], vec![BERT_S, PLANT]]);
}

#[test]
fn an_order_expires_at_its_time_and_not_before() {
    let mut stage = floor();
    let next = stage.machine.block().height + 1;
    let dated = Order {
        price: Some(5),
        validity: Kind::GoodTillDate,
        until: Some(1_000 * (next + 3)),
        ..Order::of(ANNA_S, 1, Side::Buy, 10)
    };
    done(&mut stage, Who::Anna, &dated.call());
    for height in next + 1..next + 3 {
        let outcome = stage.execute(&[]);
        assert_eq!(stage.machine.block().height, height);
        assert!(events(&outcome).is_empty());
        assert_eq!(outcome.receipts.len(), 0, "nothing is said of nothing");
        assert!(outcome.changes.is_empty(), "nor changed");
    }
    assert_eq!(held(&stage, ANNA_S), (100_000, 15, 1_000, 0));
    // In the block of its time it no longer trades: the ask that would meet it withdraws it and rests.
    let told = done(&mut stage, Who::Bert, &limit(BERT_S, 1, Side::Sell, 10, 5));
    let expired = reduced(ANNA_S, 1, 10, 0, Reason::Expired);
    assert_eq!(told, [accepted(BERT_S, 1, Side::Sell, 10, 5), expired]);
    assert_eq!(held(&stage, ANNA_S), (100_000, 0, 1_000, 0));
    // Met by nobody, it is taken out at the end of the block.
    let until = Some(stage.machine.block().time.0 + 2_000);
    let dated = Order { until, ..dated };
    let dated = Order {
        price: Some(4),
        ..dated
    };
    done(&mut stage, Who::Anna, &dated.call());
    let outcome = stage.execute(&[]);
    assert_eq!(events(&outcome), [expired]);
}
