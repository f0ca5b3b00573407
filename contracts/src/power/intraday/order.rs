//! Intraday orders of accounts: placed, changed, cancelled.
//!
//! What an order needs is set aside before it meets another one. Every refusal but that of a fill-or-kill order stands above the
//! first write.

use super::super::call::Call;
use super::super::event::Event;
use super::super::module::Power;
use super::super::rules::MEMBER;
use super::period::Traded;
use super::settle::{Command, Market, Taker, needed, worst};
use super::{PeriodId, Standing, desk};
use crate::account::HolderId;
use crate::amount::{Price, Quantity, WattHours};
use crate::exchange::order::{OrderId, Side};
use crate::exchange::request::{Amend, Prevention, Request, Resize, Validity};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::money::aside::{self, At};
use crate::receipt::Code;
use crate::tx::AccountId;

/// What a new order asks for.
pub(in super::super) struct New {
    pub(in super::super) id: OrderId,
    pub(in super::super) side: Side,
    pub(in super::super) energy: WattHours,
    pub(in super::super) price: Price,
    pub(in super::super) display: Option<WattHours>,
    pub(in super::super) standing: Standing,
    pub(in super::super) prevention: Prevention,
}

impl New {
    fn request(&self, energy: Quantity, holder: HolderId) -> Request {
        // A display below zero is as one of zero: the book refuses both.
        let shown = |display: WattHours| Quantity(u64::try_from(display.0).unwrap_or(0));
        Request {
            display: self.display.map(shown),
            validity: match self.standing {
                Standing::UntilGate => Validity::GoodTillCancelled,
                Standing::ImmediateOrCancel => Validity::ImmediateOrCancel,
                Standing::FillOrKill => Validity::FillOrKill,
            },
            prevention: self.prevention,
            reserve: worst(self.side, self.price).0,
            ..Request::limit(self.id, holder, self.side, self.price, energy)
        }
    }
}

/// Energy that an order of the period may have.
///
/// # Errors
/// `INTRADAY_ENERGY_INVALID`.
fn quantity(period: &Traded, energy: WattHours) -> Result<Quantity, Code> {
    let rules = &period.rules;
    let energy = Quantity(u64::try_from(energy.0).unwrap_or(0));
    let sound = energy > Quantity::ZERO
        && energy <= rules.quantity_max
        && energy.0.is_multiple_of(rules.terms.lot);
    if sound {
        Ok(energy)
    } else {
        Err(Code::INTRADAY_ENERGY_INVALID)
    }
}

/// Refused in this order: account unknown, not represented, not open; no such session; no such interval; the auction is not cleared,
/// or the zone has no books; gate closed; energy out of range; one open order too many for the account; what the book's checks say;
/// done at once where there is no book; one open book too many for the zone; too little money free; not endorsed; not to be filled at
/// once.
pub(in super::super) fn place(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: PeriodId,
    new: &New,
) -> Result<(), Code> {
    let account = new.id.account;
    let identity = cx.read::<Identity>();
    let slot = identity.to_move(cx.member(), account)?;
    let holder = identity.at(slot).holder;
    let period = Traded::of(cx, id)?;
    let energy = quantity(&period, new.energy)?;
    let rests = new.standing == Standing::UntilGate;
    let orders = desk::of(cx, id.0, account).orders;
    if rests && orders >= period.rules.account_orders_max {
        return Err(Code::INTRADAY_ACCOUNT_FULL);
    }
    let request = new.request(energy, holder);
    let checked = match cx.read::<Power>().books.get(id) {
        Ok(book) => Some(book.check(&request)?),
        // All that an empty book asks.
        Err(_) => period.rules.check_request(&request).map(|()| None)?,
    };
    // A book is opened for what stays in it alone: each takes one of the zone's places, and keeps the rule that it is opened with.
    if !period.has_book && !rests {
        return Err(Code::NOT_FILLABLE);
    }
    period.check_room()?;
    let more = needed(energy, Price(request.reserve));
    afford(cx, &period, (account, slot), more)?;
    account::second(cx, account, slot, || endorse::digest::<Power>(call))?;

    period.open_book(cx)?;
    let accepted = Event::OrderAccepted {
        session: id.0,
        interval: id.1,
        account,
        number: new.id.number,
        side: new.side,
        energy: new.energy,
        price: new.price,
    };
    let taker = Taker {
        id: new.id,
        slot,
        aside: more,
    };
    let command = Command {
        market: period.market(),
        order: Some(taker),
        first: Some(accepted),
    };
    command.run(cx, |book, told| {
        let placed = match checked {
            Some(checked) => book.place_checked(&request, checked, told),
            None => book.place(&request, told),
        };
        placed.map(|_| ())
    })
}

/// Refused in this order: account unknown, not represented, not open; no such session; no such interval; the auction is not cleared,
/// or the zone has no books; gate closed; energy out of range; no such order; what the book's checks say; too little money free; not
/// endorsed.
pub(in super::super) fn amend(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    id: PeriodId,
    order: OrderId,
    price: Option<Price>,
    energy: Option<WattHours>,
) -> Result<(), Code> {
    let account = order.account;
    let slot = cx.read::<Identity>().to_move(cx.member(), account)?;
    let period = Traded::of(cx, id)?;
    let open = energy.map(|energy| quantity(&period, energy)).transpose()?;
    let mut amend = Amend {
        id: order,
        price,
        size: open.map(Resize::Open),
        reserve: None,
        position: 0,
    };
    let book = cx.read::<Power>().books.get(id);
    let book = book.map_err(|_| Code::UNKNOWN_ORDER)?;
    let (limit, open) = book.check_amend(&amend)?;
    let before = book.order(order).ok_or(Code::UNKNOWN_ORDER)?;
    let limit = limit.ok_or(Code::UNKNOWN_ORDER)?;
    let reserve = worst(before.side, limit);
    amend.reserve = Some(reserve.0);
    let more = needed(open, reserve) - needed(before.open(), Price(before.reserve));
    afford(cx, &period, (account, slot), more)?;
    account::second(cx, account, slot, || endorse::digest::<Power>(call))?;

    let taker = Taker {
        id: order,
        slot,
        aside: more,
    };
    let command = Command {
        order: Some(taker),
        ..Command::plain(period.market())
    };
    command.run(cx, |book, told| book.amend(&amend, told).map(|_| ()))
}

fn afford(cx: &Cx<'_>, period: &Traded, at: At, more: i128) -> Result<(), Code> {
    aside::check_more(cx, at, period.session.terms.currency, more)
}

/// A shut account may still take its order back, and after the gate too while the book is there: nothing goes out by that.
///
/// Refused in this order: account unknown, not represented; no such session; no such interval; no such order.
pub(in super::super) fn cancel(cx: &mut Cx<'_>, id: PeriodId, order: OrderId) -> Result<(), Code> {
    cx.read::<Identity>()
        .represented(cx.member(), order.account)?;
    let tables = cx.read::<Power>();
    let session = tables.session(id.0)?;
    session.check_intervals(id.1, 1)?;
    if tables.books.get(id).is_err() {
        return Err(Code::UNKNOWN_ORDER);
    }
    Command::plain(Market::of(id, &session))
        .run(cx, |book, told| book.cancel(order, told).map(|_| ()))
}

/// All orders of an account in a session, or in one interval of it.
///
/// Refused in this order: account unknown, not represented; no such session; no such interval.
pub(in super::super) fn cancel_all(
    cx: &mut Cx<'_>,
    session: u64,
    interval: Option<u8>,
    account: AccountId,
) -> Result<(), Code> {
    cx.read::<Identity>().represented(cx.member(), account)?;
    for market in with_orders_of(cx, session, interval, account)? {
        Command::plain(market).run(cx, |book, told| {
            book.cancel_all(account, usize::MAX, told);
            Ok(())
        })?;
    }
    Ok(())
}

/// The same for an account that may not trade any more, by whoever operates the market. One order meets few of those whose orders stand in
/// its way before its units are spent, so a crowd of them would keep a book shut.
///
/// Refused in this order: account unknown; no such session; no such interval; the account may trade.
pub(in super::super) fn withdraw_all(
    cx: &mut Cx<'_>,
    session: u64,
    interval: Option<u8>,
    account: AccountId,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().find(account)?;
    let markets = with_orders_of(cx, session, interval, account)?;
    if account::is_active_at(cx, account, slot, MEMBER) {
        return Err(Code::INTRADAY_ACCOUNT_ACTIVE);
    }

    cx.emit::<Power>(&Event::OrdersWithdrawn {
        session,
        interval,
        account,
    })?;
    for market in markets {
        Command::withdraw_shut(cx, &market, account)?;
    }
    Ok(())
}

/// The books of a session in which the account has open orders, or that of one interval if it has some there.
///
/// Refused in this order: no such session; no such interval.
fn with_orders_of(
    cx: &mut Cx<'_>,
    session: u64,
    interval: Option<u8>,
    account: AccountId,
) -> Result<Vec<Market>, Code> {
    let tables = cx.read::<Power>();
    let found = tables.session(session)?;
    let (first, last) = interval.map_or((0, u8::MAX), |one| (one, one));
    if interval.is_some() {
        found.check_intervals(first, 1)?;
    }
    let open = tables.periods.range((session, first)..=(session, last));
    let has_orders = |id: &PeriodId| {
        let book = tables.books.get(*id);
        book.is_ok_and(|book| book.has_orders_of(account))
    };
    let open = open.map(|(id, _)| *id).filter(has_orders);
    let markets = open.map(|id| Market::of(id, &found)).collect();
    cx.charge_items(usize::from(found.intervals))?;
    Ok(markets)
}
