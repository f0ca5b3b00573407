//! Orders of accounts: placed, changed, cancelled.
//!
//! What an order needs is set aside before it meets another one. Every refusal but that of a fill-or-kill order stands above the
//! first write.

use std::collections::BTreeSet;

use super::super::event::Phase;
use super::super::order::{OrderId, Side};
use super::super::request::{Amend, QUOTES_MAX, Request, Resize, Validity};
use super::call::{Call, QuoteEntry, ValidityKind};
use super::event::Event;
use super::reserve::{self, Reserve};
use super::settle::{Command, Market, Order};
use super::{Exchange, market};
use crate::account::HolderId;
use crate::amount::{Price, Quantity};
use crate::carbon::InstrumentId;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::kernel::wire::List;
use crate::money::cash;
use crate::money::units::Units;
use crate::money::units::holding::Holding;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// An account that trades in a market, and the call by which it does.
pub(super) struct Trader<'a> {
    call: &'a Call<'a>,
    market: Market,
    account: AccountId,
    slot: Slot,
    holder: HolderId,
}

impl<'a> Trader<'a> {
    /// Refused in this order: account unknown, not represented, not open; no such market.
    pub(super) fn of(
        cx: &Cx<'_>,
        call: &'a Call<'a>,
        account: AccountId,
        instrument: InstrumentId,
    ) -> Result<Self, Code> {
        let identity = cx.read::<Identity>();
        let slot = identity.to_move(cx.member(), account)?;
        Ok(Self {
            call,
            market: Market::of(cx, instrument)?,
            account,
            slot,
            holder: identity.at(slot).holder,
        })
    }

    fn id(&self, number: u64) -> OrderId {
        OrderId {
            account: self.account,
            number,
        }
    }

    /// An order of the account's that sets so much more aside.
    fn order(&self, side: Side, more: i128) -> Order {
        Order {
            account: self.account,
            slot: self.slot,
            side,
            more,
        }
    }

    /// What the account holds of the market's instrument.
    fn holding(&self, cx: &Cx<'_>) -> Holding {
        let units = cx.read::<Units>();
        units.holding(self.account, self.market.id)
    }

    /// Whether the account, which holds so many units, can set so much more aside.
    ///
    /// # Errors
    /// `CASH_TOO_LOW`, `BALANCE_TOO_LOW`.
    #[inline(always)]
    fn check_free(&self, cx: &Cx<'_>, side: Side, held: &Holding, more: i128) -> Result<(), Code> {
        let (free, refusal) = match side {
            Side::Buy => {
                let held = cash::of(cx, self.account, self.slot, self.market.currency);
                (i128::from(held.free().0), Code::CASH_TOO_LOW)
            }
            Side::Sell => (i128::from(held.free().0), Code::BALANCE_TOO_LOW),
        };
        if more > 0 && free < more {
            return Err(refusal);
        }
        Ok(())
    }

    /// What an order sets aside for so much of it; a lump is the same for any quantity.
    fn needed(&self, side: Side, quantity: Quantity, reserve: i64) -> Result<i128, Code> {
        match (side, Reserve::of_bid(reserve)) {
            (Side::Sell, _) => Ok(i128::from(quantity.0)),
            (Side::Buy, Reserve::At(price)) => Ok(self.market.amount(quantity, price)?.0.into()),
            (Side::Buy, Reserve::Lump(lump)) => Ok(lump.0.into()),
        }
    }

    /// The second representative's endorsement, where the account asks for one.
    fn second(&self, cx: &mut Cx<'_>) -> Result<(), Code> {
        account::second(cx, self.account, self.slot, || {
            endorse::digest::<Exchange>(self.call)
        })
    }

    /// Refused in this order: what the book's checks say; a call with too many orders; no bound on the money of a market bid; too
    /// little free; not endorsed; not to be filled at once.
    pub(super) fn place(&self, cx: &mut Cx<'_>, order: &Request, last: bool) -> Result<(), Code> {
        let held = self.holding(cx);
        let mut request = Request {
            holder: self.holder,
            position: position(&held),
            ..*order
        };
        let book = cx.read::<Exchange>().books.get(self.market.id)?;
        let checked = book.check(&request)?;
        if book.phase() == Phase::Call && book.len() >= market::CALL_ORDERS_MAX {
            return Err(Code::BOOK_FULL);
        }
        request.reserve = reserve::carried(&request, book.rules().price_max)?;
        let needed = self.needed(request.side, request.quantity, request.reserve)?;
        self.check_free(cx, request.side, &held, needed)?;
        if last {
            self.second(cx)?;
        }

        let accepted = Event::Accepted {
            instrument: self.market.id,
            account: self.account,
            number: request.id.number,
            side: request.side,
            quantity: request.quantity,
            price: request.price,
            trigger: request.trigger,
        };
        let command = Command {
            market: self.market,
            order: Some(self.order(request.side, needed)),
            first: Some(accepted),
        };
        command.run(cx, |book, told| {
            book.place_checked(&request, checked, told).map(|_| ())
        })
    }

    /// Refused in this order: what the book's checks say; too little free; not endorsed.
    pub(super) fn amend(
        &self,
        cx: &mut Cx<'_>,
        number: u64,
        price: Option<Price>,
        size: Option<Resize>,
        last: bool,
    ) -> Result<(), Code> {
        let held = self.holding(cx);
        let mut amend = Amend {
            id: self.id(number),
            price,
            size,
            reserve: None,
            position: position(&held),
        };
        let book = cx.read::<Exchange>().books.get(self.market.id)?;
        let (limit, open) = book.check_amend(&amend)?;
        let before = book.order(amend.id).ok_or(Code::UNKNOWN_ORDER)?;
        let side = before.side;
        if side == Side::Buy
            && let Some(limit) = limit
        {
            amend.reserve = Some(limit.0);
        }
        let reserve = amend.reserve.unwrap_or(before.reserve);
        let more =
            self.needed(side, open, reserve)? - self.needed(side, before.open(), before.reserve)?;
        self.check_free(cx, side, &held, more)?;
        if last {
            self.second(cx)?;
        }

        let command = Command {
            order: Some(self.order(side, more)),
            ..Command::plain(self.market)
        };
        command.run(cx, |book, told| book.amend(&amend, told).map(|_| ()))
    }

    /// Refused in this order: list empty, too long, or a number twice; not endorsed; then the first entry that is refused, for what
    /// a single order, amendment or cancellation would be; the receipt's message says which.
    pub(super) fn quote(&self, cx: &mut Cx<'_>, quotes: List<'_, QuoteEntry>) -> Result<(), Code> {
        if quotes.is_empty() || quotes.len() > QUOTES_MAX {
            return Err(Code::TOO_MANY);
        }
        cx.charge_items(quotes.len())?;
        let mut numbers = BTreeSet::new();
        if !quotes.iter().all(|((number, _), _)| numbers.insert(number)) {
            return Err(Code::TOO_MANY);
        }
        self.second(cx)?;

        for (place, quote) in quotes.iter().enumerate() {
            if let Err(code) = self.quote_one(cx, quote) {
                cx.say(&format!("entry {place} of the quote is refused"));
                return Err(code);
            }
        }
        Ok(())
    }

    fn quote_one(
        &self,
        cx: &mut Cx<'_>,
        ((number, side), (price, quantity)): QuoteEntry,
    ) -> Result<(), Code> {
        let id = self.id(number);
        let open = cx.read::<Exchange>().books.get(self.market.id)?.order(id);
        match open {
            None => {
                let order = Request::limit(id, self.holder, side, price, quantity);
                self.place(cx, &order, false)
            }
            Some(order) if order.side != side => Err(Code::ORDER_NUMBER_USED),
            Some(_) if quantity == Quantity::ZERO => cancel(cx, self.market, id),
            Some(_) => {
                let size = Some(Resize::Open(quantity));
                self.amend(cx, number, Some(price), size, false)
            }
        }
    }
}

/// What an account holds of an instrument, for the position limit.
pub(super) fn position(holding: &Holding) -> i64 {
    i64::try_from(holding.held.0).unwrap_or(i64::MAX)
}

/// The market in which somebody cancels for an account. A shut account may still withdraw its orders: nothing goes out by
/// that.
///
/// Refused in this order: account unknown, not represented; no such market.
pub(super) fn to_cancel(
    cx: &Cx<'_>,
    account: AccountId,
    instrument: InstrumentId,
) -> Result<Market, Code> {
    let identity = cx.read::<Identity>();
    identity.represented(cx.member(), account)?;
    Market::of(cx, instrument)
}

pub(super) fn cancel(cx: &mut Cx<'_>, market: Market, id: OrderId) -> Result<(), Code> {
    Command::plain(market).run(cx, |book, told| book.cancel(id, told).map(|_| ()))
}

pub(super) fn cancel_all(cx: &mut Cx<'_>, market: Market, account: AccountId) -> Result<(), Code> {
    Command::plain(market).run(cx, |book, told| {
        book.cancel_all(account, usize::MAX, told);
        Ok(())
    })
}

/// How long an order stands.
///
/// # Errors
/// `EXPIRY_INVALID` for a date that is missing or given where none may be.
pub(super) fn validity(kind: ValidityKind, until: Option<Millis>) -> Result<Validity, Code> {
    Ok(match (kind, until) {
        (ValidityKind::GoodTillDate, Some(until)) => Validity::GoodTillDate(until),
        (ValidityKind::GoodTillDate, None) | (_, Some(_)) => return Err(Code::EXPIRY_INVALID),
        (ValidityKind::GoodTillCancelled, None) => Validity::GoodTillCancelled,
        (ValidityKind::Day, None) => Validity::Day,
        (ValidityKind::ImmediateOrCancel, None) => Validity::ImmediateOrCancel,
        (ValidityKind::FillOrKill, None) => Validity::FillOrKill,
        (ValidityKind::GoodAtAuction, None) => Validity::GoodAtAuction,
    })
}

/// The new size of an order.
///
/// # Errors
/// `AMEND_INVALID` for a size that is said in both ways.
pub(super) fn size(
    total: Option<Quantity>,
    open: Option<Quantity>,
) -> Result<Option<Resize>, Code> {
    match (total, open) {
        (Some(_), Some(_)) => Err(Code::AMEND_INVALID),
        (Some(total), None) => Ok(Some(Resize::Total(total))),
        (None, open) => Ok(open.map(Resize::Open)),
    }
}
