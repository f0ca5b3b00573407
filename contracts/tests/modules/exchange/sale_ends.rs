//! How sales end: cancelled, late, and without those who may not trade any more.

use bds_contracts::Code;
use bds_contracts::account::{HolderId, Roles};
use bds_contracts::amount::{Money as Amount, Price, Quantity};
use bds_contracts::exchange::orders::sale::NotSold;
use bds_contracts::exchange::orders::{Event, Exchange};
use bds_contracts::identity::account::{AccountKind, AccountStatus};
use bds_contracts::identity::{self, Identity};
use bds_contracts::kernel::module::Module as _;
use bds_contracts::kernel::wire::List;
use bds_contracts::money::units::{self, Units};
use bds_contracts::money::{self, Money};
use bds_contracts::tx::AccountId;

use super::super::stage::{
    ANNA_S, BERT_S, EUA, EUR, GOVERNMENT, JOINT, MILL, PLANT, Stage, Who, block, codes,
};
use super::sale::{
    TERMS, Terms, bid, bids_of, change, execute, finish, hall, held, wait_until, withdraw,
};
use super::{done, events};

fn cancelled(sale: u64, reason: NotSold) -> Event {
    Event::SaleCancelled {
        sale,
        seller: GOVERNMENT,
        instrument: EUA,
        reason,
    }
}

fn lost(sale: u64, account: AccountId, number: u64) -> Event {
    Event::BidLost {
        sale,
        account,
        number,
    }
}

fn shut(sale: u64, account: AccountId, number: u64) -> Event {
    Event::BidShut {
        sale,
        account,
        number,
    }
}

pub(super) fn price(told: &[Event]) -> Option<i64> {
    told.iter().find_map(|event| match event {
        Event::SaleCleared { price, .. } => Some(price.0),
        _ => None,
    })
}

pub(super) fn set_status(stage: &mut Stage, account: AccountId, status: AccountStatus) {
    let call = identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &call), Code::OK);
}

fn set_roles(stage: &mut Stage, who: Who, roles: Roles) {
    let call = identity::Call::SetRoles {
        key: who.key(),
        roles,
    };
    let (one, two) = (Who::Administrator, Who::Administrator2);
    assert_eq!(stage.call_of_two::<Identity>(one, two, &call), Code::OK);
}

/// Everything is as it was before the sale.
fn untouched(stage: &Stage) {
    for (account, units) in [(ANNA_S, 300), (BERT_S, 0), (PLANT, 0), (MILL, 0)] {
        assert_eq!(held(stage, account), (1_000_000_000, 0, units, 0));
    }
    assert_eq!(held(stage, GOVERNMENT), (0, 0, 10_000, 0));
}

/// 2,500 wanted and 3,000 offered: cancelled, and nothing moves. So is a sale without bids.
#[test]
fn too_little_demand_cancels() {
    let mut stage = hall();
    let sale = TERMS.open(&mut stage);
    done(&mut stage, Who::Anna, &bid(sale, ANNA_S, 1, 1_000, 650_000));
    done(&mut stage, Who::Bert, &bid(sale, BERT_S, 1, 1_500, 640_000));
    let told = finish(&mut stage, sale, TERMS.closes);
    let reason = NotSold::TooLittleDemand;
    assert_eq!(
        told,
        [
            cancelled(sale, reason),
            lost(sale, ANNA_S, 1),
            lost(sale, BERT_S, 1),
        ]
    );
    untouched(&stage);
    let terms = Terms {
        closes: TERMS.closes + 100_000,
        ..TERMS
    };
    let sale = terms.open(&mut stage);
    let told = finish(&mut stage, sale, terms.closes);
    assert_eq!(told, [cancelled(sale, reason)]);
    untouched(&stage);
}

/// At the reserve price it clears, one tick above what it clears at it does not, though the first bids are far higher.
#[test]
fn a_clearing_price_below_the_reserve_cancels() {
    for (reserve, sold) in [(600_000, true), (600_100, false)] {
        let mut stage = hall();
        let terms = Terms { reserve, ..TERMS };
        let sale = terms.open(&mut stage);
        done(&mut stage, Who::Anna, &bid(sale, ANNA_S, 1, 2_500, 990_000));
        done(&mut stage, Who::Bert, &bid(sale, BERT_S, 1, 500, 600_000));
        let told = finish(&mut stage, sale, terms.closes);
        if sold {
            assert_eq!(price(&told), Some(600_000));
            assert_eq!(held(&stage, ANNA_S), (850_000_000, 0, 2_800, 0));
            assert_eq!(held(&stage, GOVERNMENT), (180_000_000, 0, 7_000, 0));
        } else {
            assert_eq!(told[0], cancelled(sale, NotSold::BelowReserve));
            untouched(&stage);
        }
    }
}

/// The sum matches the volume exactly: the last price that was needed, not the next one. And an auction account may sell.
#[test]
fn a_sum_that_matches_ends_there() {
    let mut stage = hall();
    let seller = AccountId(91);
    let next = block(stage.machine.block().height + 1);
    let set_up = stage.machine.set_up(next, |cx| {
        let open = identity::Call::OpenAccount {
            account: seller,
            holder: HolderId(91),
            kind: AccountKind::AuctionDelivery,
            currency: EUR,
            threshold: 1,
            representatives: List::Items(&[Who::Regulator2.key()]),
        };
        Identity::execute(&open, cx)
    });
    set_up.expect("an account can be opened");
    let issue = units::Call::Issue {
        account: seller,
        instrument: EUA,
        quantity: Quantity(3_000),
    };
    let code = stage.call::<Units>(Who::Regulator, &issue);
    assert_eq!(code, Code::OK);
    let terms = Terms {
        account: seller,
        ..TERMS
    };
    let sale = terms.open(&mut stage);
    for (who, account, quantity, price) in [
        (Who::Anna, ANNA_S, 1_000, 650_000),
        (Who::Bert, BERT_S, 2_000, 640_000),
        (Who::Anna, PLANT, 500, 630_000),
    ] {
        done(&mut stage, who, &bid(sale, account, 1, quantity, price));
    }
    let told = finish(&mut stage, sale, terms.closes);
    assert_eq!(price(&told), Some(640_000));
    assert_eq!(told[3], lost(sale, PLANT, 1));
    assert_eq!(held(&stage, seller), (192_000_000, 0, 0, 0));
    // All it had is sold, and it has an entry less.
    assert_eq!(stage.account(seller).entries, 0);
}

/// In the first block at the closing time, and in the one that clears, nothing is taken, changed or withdrawn, though the sale
/// is still there; a millisecond before it is.
#[test]
fn the_window_shuts_with_its_time() {
    let mut stage = hall();
    let terms = Terms {
        opens: 50_000,
        closes: 60_000,
        ..TERMS
    };
    let sale = terms.open(&mut stage);
    let all = [
        bid(sale, BERT_S, 1, 500, 640_000),
        change(sale, ANNA_S, 1, 500, 650_000),
        withdraw(sale, ANNA_S, 1),
    ];
    let who = [Who::Bert, Who::Anna, Who::Anna];
    let send_all = |stage: &mut Stage, time: u64| {
        let height = stage.machine.block().height + 1;
        stage.epoch = time - 1_000 * height;
        let txs: Vec<_> = all
            .iter()
            .zip(who)
            .map(|(call, who)| stage.tx::<Exchange>(who, call))
            .collect();
        let outcome = execute(stage, &txs);
        (codes(&outcome), events(&outcome))
    };
    let closed = vec![Code::AUCTION_CLOSED; 3];
    assert_eq!(send_all(&mut stage, 49_999), (closed.clone(), vec![]));
    wait_until(&mut stage, 50_000);
    let tx = stage.tx::<Exchange>(Who::Anna, &bid(sale, ANNA_S, 1, 500, 640_000));
    assert_eq!(codes(&execute(&mut stage, &[tx])), [Code::OK]);
    let mut late = stage.clone();
    assert_eq!(send_all(&mut stage, 59_999).0, [Code::OK; 3]);
    let close = Event::SaleClosed { sale };
    assert_eq!(send_all(&mut late, 60_000), (closed.clone(), vec![close]));
    assert_eq!(bids_of(&late, sale), 1);
    // Cleared before the transactions of the next block, to which it is unknown.
    let (found, told) = send_all(&mut late, 60_000 + 1_000);
    assert_eq!(found, [Code::UNKNOWN_SALE; 3]);
    assert_eq!(told[0], cancelled(sale, NotSold::TooLittleDemand));
    // One block that comes long after closes it too, and what it brings is not taken.
    let (found, told) = send_all(&mut stage, 900_000);
    assert_eq!((found, told), (closed, vec![close]));
}

/// Many sales that end at once are closed and cleared as many in a block as triggers are run; each takes no bid meanwhile, and
/// is cleared in its turn.
#[test]
fn sales_that_wait_their_turn_take_no_bids() {
    let mut stage = hall();
    let terms = Terms {
        volume: 500,
        ..TERMS
    };
    let sales = [terms.open(&mut stage), terms.open(&mut stage)];
    for sale in sales {
        for (who, account) in [(Who::Anna, ANNA_S), (Who::Bert, BERT_S)] {
            done(&mut stage, who, &bid(sale, account, 1, 500, 640_000));
        }
    }
    let mut limits = *stage.machine.limits();
    limits.triggers = 1;
    stage.machine.set_limits(limits);
    wait_until(&mut stage, terms.closes);
    let mut told = Vec::new();
    for _ in 0..4 {
        let tx = stage.tx::<Exchange>(Who::Anna, &bid(sales[1], ANNA_S, 2, 500, 640_000));
        let outcome = execute(&mut stage, &[tx]);
        assert!(!codes(&outcome)[0].is_ok());
        let height = stage.machine.block().height;
        let heads = events(&outcome)
            .into_iter()
            .filter(|event| matches!(event, Event::SaleClosed { .. } | Event::SaleCleared { .. }));
        told.extend(heads.map(|event| (height, event)));
    }
    let first = told[0].0;
    let kinds: Vec<_> = told
        .iter()
        .map(|(height, event)| match event {
            Event::SaleClosed { sale } => (height - first, "closed", *sale),
            Event::SaleCleared { sale, .. } => (height - first, "cleared", *sale),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        kinds,
        [
            (0, "closed", sales[0]),
            (1, "closed", sales[1]),
            (2, "cleared", sales[0]),
            (3, "cleared", sales[1]),
        ]
    );
}

/// Accounts that are shut, or lost their last trader, before the sale is cleared take no part, at any price; the others do as if
/// those bids had not been.
#[test]
fn bids_of_accounts_that_may_not_trade_are_taken_out() {
    let mut stage = hall();
    let sale = TERMS.open(&mut stage);
    // Bert is the only one for his account and the mill; the joint account has Anna.
    for (account, number, quantity, price) in [
        (BERT_S, 1, 3_000, 700_000),
        (BERT_S, 2, 500, 100),
        (MILL, 1, 500, 690_000),
    ] {
        done(
            &mut stage,
            Who::Bert,
            &bid(sale, account, number, quantity, price),
        );
    }
    for (account, quantity, price) in [(ANNA_S, 2_500, 640_000), (PLANT, 1_000, 680_000)] {
        done(
            &mut stage,
            Who::Anna,
            &bid(sale, account, 1, quantity, price),
        );
    }
    let joint = bid(sale, JOINT, 1, 500, 630_000);
    let code = stage.call_of_two::<Exchange>(Who::Anna, Who::Bert, &joint);
    assert_eq!(code, Code::OK);
    set_roles(&mut stage, Who::Bert, Roles::OPERATOR_REPRESENTATIVE);
    set_status(&mut stage, PLANT, AccountStatus::Blocked);
    let told = finish(&mut stage, sale, TERMS.closes);
    assert_eq!(
        told[..5],
        [
            shut(sale, BERT_S, 1),
            shut(sale, BERT_S, 2),
            shut(sale, PLANT, 1),
            shut(sale, MILL, 1),
            Event::SaleCleared {
                sale,
                seller: GOVERNMENT,
                instrument: EUA,
                volume: Quantity(3_000),
                price: Price(630_000),
                amount: Amount(189_000_000_000),
            },
        ]
    );
    assert_eq!(told.len(), 7);
    assert_eq!(held(&stage, ANNA_S), (842_500_000, 0, 2_800, 0));
    assert_eq!(held(&stage, JOINT), (968_500_000, 0, 500, 0));
    for account in [BERT_S, PLANT, MILL] {
        assert_eq!(held(&stage, account), (1_000_000_000, 0, 0, 0));
    }
}

/// Whether an account may trade is asked when it is cleared, not before: one that is blocked and opened again takes part, one that
/// is blocked in the closing block does not. Its money can be withdrawn by nobody in between, and its bids by itself.
#[test]
fn what_counts_is_how_an_account_stands_when_the_sale_is_cleared() {
    let mut stage = hall();
    let sale = TERMS.open(&mut stage);
    for (who, account) in [(Who::Anna, ANNA_S), (Who::Bert, BERT_S), (Who::Anna, PLANT)] {
        done(&mut stage, who, &bid(sale, account, 1, 1_500, 640_000));
    }
    for account in [ANNA_S, PLANT] {
        set_status(&mut stage, account, AccountStatus::Suspended);
    }
    // Shut, and still free to let its bid go.
    done(&mut stage, Who::Anna, &withdraw(sale, PLANT, 1));
    set_status(&mut stage, ANNA_S, AccountStatus::Open);
    let mut other = stage.clone();
    let told = finish(&mut stage, sale, TERMS.closes);
    assert_eq!(price(&told), Some(640_000));

    wait_until(&mut other, TERMS.closes);
    let call = identity::Call::SetStatus {
        account: ANNA_S,
        status: AccountStatus::Blocked,
        reason: "",
    };
    let tx = other.tx::<Identity>(Who::Regulator, &call);
    assert_eq!(
        events(&execute(&mut other, &[tx])),
        [Event::SaleClosed { sale }]
    );
    let told = events(&execute(&mut other, &[]));
    assert_eq!(
        told,
        [
            shut(sale, ANNA_S, 1),
            cancelled(sale, NotSold::TooLittleDemand),
            lost(sale, BERT_S, 1),
        ]
    );
}

/// Nothing goes out of a seller's account that is shut.
#[test]
fn a_seller_that_is_shut_sells_nothing() {
    let mut stage = hall();
    let sale = TERMS.open(&mut stage);
    done(&mut stage, Who::Anna, &bid(sale, ANNA_S, 1, 3_000, 640_000));
    set_status(&mut stage, GOVERNMENT, AccountStatus::Blocked);
    let told = finish(&mut stage, sale, TERMS.closes);
    let expected = [cancelled(sale, NotSold::SellerShut), lost(sale, ANNA_S, 1)];
    assert_eq!(told, expected);
    untouched(&stage);
}

/// What waits keeps both sides' accounts from being closed.
#[test]
fn accounts_with_a_bid_or_a_sale_are_not_closed() {
    let mut stage = hall();
    let terms = Terms {
        volume: 10_000,
        ..TERMS
    };
    let sale = terms.open(&mut stage);
    done(&mut stage, Who::Anna, &bid(sale, PLANT, 1, 500, 640_000));
    for account in [PLANT, GOVERNMENT] {
        let close = identity::Call::SetStatus {
            account,
            status: AccountStatus::Closed,
            reason: "",
        };
        assert_eq!(
            stage.call::<Identity>(Who::Regulator, &close),
            Code::ACCOUNT_NOT_EMPTY
        );
    }
    // Nor does money or do units that wait go elsewhere.
    let transfer = money::Call::Transfer {
        from: PLANT,
        to: BERT_S,
        currency: EUR,
        amount: Amount(1_000_000_000_000 - 32_000_000_000 + 1),
    };
    assert_eq!(
        stage.call::<Money>(Who::Anna, &transfer),
        Code::CASH_TOO_LOW
    );
    let allocate = units::Call::Allocate {
        from: GOVERNMENT,
        instrument: EUA,
        year: 2021,
        shares: List::Items(&[(PLANT, Quantity(1))]),
    };
    let code = stage.call::<Units>(Who::Regulator, &allocate);
    assert_eq!(code, Code::BALANCE_TOO_LOW);
}
