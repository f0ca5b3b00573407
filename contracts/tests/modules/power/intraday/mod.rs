//! Intraday books: orders until the gate of an interval, what they set aside and pay, and how a book is closed.

mod bounds;
mod gate;
mod naive;
mod orders;
mod random;
mod refusals;
mod shut;

use bds_contracts::Code;
use bds_contracts::exchange::event::Reason;
use bds_contracts::exchange::request::Prevention;
use bds_contracts::identity::account::AccountStatus;
use bds_contracts::power::intraday::Standing;

use super::super::undo::Rehearsal;
use super::*;

/// How long before delivery the gates of most tests close: five minutes.
pub(super) const LEAD: u64 = 300_000;

/// Everything of a rule, in whole currency and tenths of megawatt hours.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) lead: u64,
    pub(crate) price_min: i64,
    pub(crate) price_max: i64,
    pub(crate) energy_max: i64,
    pub(crate) makers_max: u32,
    pub(crate) orders_max: u32,
    pub(crate) account_orders_max: u32,
    pub(crate) books_max: u32,
}

pub(crate) const PLAIN: Terms = Terms {
    lead: LEAD,
    price_min: -1_000 * PER_MWH,
    price_max: 5_000 * PER_MWH,
    energy_max: 500 * MWH / 10,
    makers_max: 32,
    orders_max: 64,
    account_orders_max: 16,
    books_max: 200,
};

impl Terms {
    pub(crate) fn call(self) -> Call<'static> {
        Call::SetIntraday {
            zone: ZONE,
            lead: Millis(self.lead),
            price_min: Price(self.price_min),
            price_max: Price(self.price_max),
            energy_max: WattHours(self.energy_max),
            makers_max: self.makers_max,
            orders_max: self.orders_max,
            account_orders_max: self.account_orders_max,
            books_max: self.books_max,
        }
    }

    /// What is told of it.
    fn set(self) -> Event {
        Event::IntradaySet {
            zone: ZONE,
            lead: Millis(self.lead),
            price_min: Price(self.price_min),
            price_max: Price(self.price_max),
            energy_max: WattHours(self.energy_max),
            makers_max: self.makers_max,
            orders_max: self.orders_max,
            account_orders_max: self.account_orders_max,
            books_max: self.books_max,
        }
    }
}

/// An order, in whole currency and tenths of megawatt hours; what is not said is as most orders have it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    pub(crate) session: u64,
    pub(crate) interval: u8,
    pub(crate) account: AccountId,
    pub(crate) number: u64,
    pub(crate) side: Side,
    pub(crate) price: i64,
    pub(crate) energy: i64,
    pub(crate) display: Option<i64>,
    pub(crate) standing: Standing,
    pub(crate) prevention: Prevention,
}

impl Order {
    pub(crate) fn call(self) -> Call<'static> {
        let energy = |tenths: i64| WattHours(tenths * MWH / 10);
        Call::PlaceOrder {
            session: self.session,
            interval: self.interval,
            account: self.account,
            number: self.number,
            side: self.side,
            energy: energy(self.energy),
            price: Price(self.price * PER_MWH),
            display: self.display.map(energy),
            standing: self.standing,
            prevention: self.prevention,
        }
    }

    /// Sends it; what is told.
    pub(crate) fn done(self, stage: &mut Stage) -> Vec<Event> {
        done(stage, owner(self.account), &self.call())
    }
}

pub(crate) fn order(
    session: u64,
    account: AccountId,
    number: u64,
    side: Side,
    (price, energy): (i64, i64),
) -> Order {
    Order {
        session,
        interval: 0,
        account,
        number,
        side,
        price,
        energy,
        display: None,
        standing: Standing::UntilGate,
        prevention: Prevention::DecrementAndCancel,
    }
}

pub(super) fn cancel(session: u64, account: AccountId, number: u64) -> Call<'static> {
    Call::CancelOrder {
        session,
        interval: 0,
        account,
        number,
    }
}

pub(super) fn cancel_all(session: u64, account: AccountId, interval: Option<u8>) -> Call<'static> {
    Call::CancelOrders {
        session,
        account,
        interval,
    }
}

pub(super) fn withdraw_all(
    session: u64,
    account: AccountId,
    interval: Option<u8>,
) -> Call<'static> {
    Call::WithdrawOrders {
        session,
        account,
        interval,
    }
}

/// By the authority, which need not look for its orders.
pub(super) fn set_status(stage: &mut Stage, account: AccountId, status: AccountStatus) {
    let call = identity::Call::SetStatus {
        account,
        status,
        reason: "",
    };
    assert_eq!(stage.call::<Identity>(Who::Regulator, &call), Code::OK);
}

/// Traders, and a session that is cleared without orders, of a zone whose intervals are traded.
pub(super) fn trading() -> (Stage, u64) {
    trading_by(PLAIN)
}

pub(super) fn trading_by(terms: Terms) -> (Stage, u64) {
    let (mut stage, session) = market();
    cleared(&mut stage);
    done(&mut stage, Who::Surveillance, &terms.call());
    (stage, session)
}

/// Trades told: buyer, seller, whole price, tenths of megawatt hours, money.
pub(super) fn trades(events: &[Event]) -> Vec<(u64, u64, i64, i64, i64)> {
    let trades = events.iter().filter_map(|event| match event {
        Event::EnergyTraded {
            buyer,
            seller,
            price,
            energy,
            amount,
            ..
        } => Some((
            buyer.0,
            seller.0,
            price.0 / PER_MWH,
            energy.0 * 10 / MWH,
            amount.0,
        )),
        _ => None,
    });
    trades.collect()
}

/// What orders lost without a trade: account, number, tenths of megawatt hours, why.
pub(super) fn lost(events: &[Event]) -> Vec<(u64, u64, i64, Reason)> {
    let lost = events.iter().filter_map(|event| match event {
        Event::OrderReduced {
            account,
            number,
            energy,
            reason,
            ..
        } => Some((account.0, *number, energy.0 * 10 / MWH, *reason)),
        _ => None,
    });
    lost.collect()
}

/// What an account bought and sold in an interval, in tenths of megawatt hours, and what it got.
pub(super) fn position(
    stage: &Stage,
    session: u64,
    account: AccountId,
    interval: u8,
) -> (i128, i128, i128) {
    let found = tables(stage).positions.get(&(session, account, interval));
    let found = found.copied().unwrap_or_default();
    let tenths = |energy: i128| energy * 10 / i128::from(MWH);
    (tenths(found.bought), tenths(found.sold), found.amount)
}

/// Open orders of an account in an interval: number and tenths of megawatt hours.
pub(super) fn open(stage: &Stage, id: (u64, u8), account: AccountId) -> Vec<(u64, i64)> {
    let Ok(book) = tables(stage).books.get(id) else {
        return Vec::new();
    };
    let orders = book.orders_of(account).into_iter();
    let orders = orders.map(|order| (order.id.number, order.open().0 as i64 * 10 / MWH));
    orders.collect()
}

/// Each intraday call, the ways through it that write most.
pub(crate) fn rehearse(r: &mut Rehearsal) {
    let now = r.stage.machine.block().time.0;
    let start = (now / QUARTER + 4) * QUARTER;
    let session = opened(
        &mut r.stage,
        &day(start, start + 96 * QUARTER, now + 60_000),
    );
    cleared_from(&mut r.stage, now + 60_000);
    for books_max in [2, 9] {
        let terms = Terms { books_max, ..PLAIN };
        r.step::<Power>(Who::Surveillance, &terms.call());
    }
    let mut send = |order: Order| r.step::<Power>(owner(order.account), &order.call());
    // The first one opens the book; the last one meets two, and what is left of it rests.
    send(order(session, T[1], 1, Side::Sell, (-20, 10)));
    send(Order {
        display: Some(5),
        ..order(session, T[3], 1, Side::Sell, (30, 20))
    });
    send(order(session, T[0], 1, Side::Buy, (40, 40)));
    send(order(session, T[0], 2, Side::Sell, (60, 10)));
    send(order(session, T[0], 3, Side::Buy, (60, 5)));
    let amend = Call::AmendOrder {
        session,
        interval: 0,
        account: T[0],
        number: 1,
        price: Some(Price(50 * PER_MWH)),
        energy: Some(WattHours(MWH)),
    };
    r.step::<Power>(Who::Anna, &amend);
    r.step::<Power>(Who::Anna, &cancel(session, T[0], 1));
    r.step::<Power>(Who::Anna, &cancel_all(session, T[0], None));
    let one = order(session, T[1], 2, Side::Buy, (5, 10));
    for interval in [0, 1] {
        let one = Order { interval, ..one };
        r.step::<Power>(Who::Bert, &one.call());
    }
    set_status(&mut r.stage, T[1], AccountStatus::Blocked);
    r.step::<Power>(Who::Surveillance, &withdraw_all(session, T[1], None));
    set_status(&mut r.stage, T[1], AccountStatus::Open);
}
