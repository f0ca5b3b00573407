//! Bids in a sale: placed, changed and withdrawn while it takes bids.
//!
//! A bid sets aside what it would cost at its own price, so the close can neither fail for want of money nor ask for more. What a
//! bid says is told by no event before the sale is over (see [`sale`](super::sale)).

use super::super::auction::Bid;
use super::super::order::{OrderId, Side};
use super::Exchange;
use super::call::Call;
use super::event::Event;
use super::run::Follows as _;
use super::sale::Sale;
use super::settle::{Market, Settlement};
use crate::amount::{Money, Price, Quantity};
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::kernel::table::Slot;
use crate::money::aside;
use crate::receipt::Code;
use crate::tx::AccountId;

/// A bid as its account names it, whether or not there is one.
pub(super) struct Named {
    number: u64,
    sale: Sale,
    id: OrderId,
    slot: Slot,
}

impl Named {
    /// Refused in this order: account unknown, not represented, not open; no such sale; the seller's own holder.
    pub(super) fn of(
        cx: &Cx<'_>,
        sale: u64,
        account: AccountId,
        number: u64,
    ) -> Result<Self, Code> {
        let identity = cx.read::<Identity>();
        let slot = identity.to_move(cx.member(), account)?;
        let found = find(cx, sale)?;
        let seller = identity.find(found.seller)?;
        if identity.at(seller).holder == identity.at(slot).holder {
            return Err(Code::SAME_HOLDER);
        }
        Ok(Self {
            number: sale,
            sale: found,
            id: OrderId { account, number },
            slot,
        })
    }

    /// Refused in this order: no bids now; what is wrong with quantity and price; the number taken; as many bids as the sale takes,
    /// as the account may have; too much with the account's other bids; an amount out of range; too little money free; not
    /// endorsed.
    pub(super) fn place(
        &self,
        cx: &mut Cx<'_>,
        call: &Call<'_>,
        quantity: Quantity,
        price: Price,
    ) -> Result<(), Code> {
        let Self {
            number, sale, id, ..
        } = *self;
        let bid = self.checked(cx, quantity, price)?;
        let bids = &cx.read::<Exchange>().bids;
        if bids.contains(&(number, id)) {
            return Err(Code::BID_NUMBER_USED);
        }
        if sale.bids >= sale.offer.bids_max {
            return Err(Code::BOOK_FULL);
        }
        let others = self.others(cx)?;
        if others.len() >= sale.account_bids_max as usize {
            return Err(Code::ORDER_LIMIT);
        }
        let bid = self.reserved(cx, bid, &others)?;
        self.check_free(cx, bid.reserve)?;
        self.second(cx, call)?;

        reserve(cx, &sale, id, bid.reserve)?;
        let (tables, journal) = cx.tables::<Exchange>();
        if let Some(sale) = tables.sales.update(journal, &number)? {
            sale.bids += 1;
        }
        tables.bids.set(journal, (number, id), bid)?;
        cx.emit::<Exchange>(&Event::BidPlaced {
            sale: number,
            account: id.account,
            number: id.number,
        })
    }

    /// Refused in this order: no bids now; what is wrong with quantity and price; no such bid; too much with the account's other
    /// bids; an amount out of range; too little money free; not endorsed.
    pub(super) fn change(
        &self,
        cx: &mut Cx<'_>,
        call: &Call<'_>,
        quantity: Quantity,
        price: Price,
    ) -> Result<(), Code> {
        let Self {
            number, sale, id, ..
        } = *self;
        let bid = self.checked(cx, quantity, price)?;
        let before = cx.read::<Exchange>().bids.get(&(number, id)).copied();
        let before = before.ok_or(Code::UNKNOWN_BID)?;
        let others = self.others(cx)?;
        let bid = self.reserved(cx, bid, &others)?;
        let more = bid.reserve - before.reserve;
        self.check_free(cx, more)?;
        self.second(cx, call)?;

        reserve(cx, &sale, id, more)?;
        let (tables, journal) = cx.tables::<Exchange>();
        tables.bids.set(journal, (number, id), bid)?;
        cx.emit::<Exchange>(&Event::BidChanged {
            sale: number,
            account: id.account,
            number: id.number,
        })
    }

    /// The bid, once the sale takes bids and it is one by itself.
    fn checked(&self, cx: &Cx<'_>, quantity: Quantity, price: Price) -> Result<Bid, Code> {
        let bid = Bid {
            price,
            quantity,
            reserve: 0,
        };
        self.sale.offer.check_window(cx.block().time)?;
        self.sale.offer.check_bid(&bid)?;
        Ok(bid)
    }

    /// Quantities of the account's other bids in the sale.
    fn others(&self, cx: &mut Cx<'_>) -> Result<Vec<Quantity>, Code> {
        let of = |number| (self.number, OrderId { number, ..self.id });
        let range = of(0)..=of(u64::MAX);
        let own = cx.read::<Exchange>().bids.range(range);
        let others = own.filter(|((_, id), _)| *id != self.id);
        let others: Vec<Quantity> = others.map(|(_, bid)| bid.quantity).collect();
        cx.charge_items(others.len())?;
        Ok(others)
    }

    /// The bid with the money that it sets aside, once the account may bid for so much.
    fn reserved(&self, cx: &Cx<'_>, bid: Bid, others: &[Quantity]) -> Result<Bid, Code> {
        let offer = &self.sale.offer;
        offer.check_sum(others.iter().copied(), &bid)?;
        let market = Market::of_instrument(cx, self.sale.instrument)?;
        let Money(reserve) = market.amount(bid.quantity, bid.price)?;
        Ok(Bid { reserve, ..bid })
    }

    fn check_free(&self, cx: &Cx<'_>, more: i64) -> Result<(), Code> {
        let market = Market::of_instrument(cx, self.sale.instrument)?;
        let at = (self.id.account, self.slot);
        aside::check_more(cx, at, market.currency, more.into())
    }

    /// The second representative's endorsement, where the account asks for one.
    fn second(&self, cx: &mut Cx<'_>, call: &Call<'_>) -> Result<(), Code> {
        account::second(cx, self.id.account, self.slot, || {
            endorse::digest::<Exchange>(call)
        })
    }
}

/// A shut account may still withdraw its bids: nothing goes out by that.
///
/// Refused in this order: account unknown, not represented; no such sale; no withdrawals now; no such bid.
pub(super) fn withdraw(cx: &mut Cx<'_>, number: u64, id: OrderId) -> Result<(), Code> {
    cx.read::<Identity>().represented(cx.member(), id.account)?;
    let sale = find(cx, number)?;
    sale.offer.check_window(cx.block().time)?;
    let bid = cx.read::<Exchange>().bids.get(&(number, id)).copied();
    let bid = bid.ok_or(Code::UNKNOWN_BID)?;

    reserve(cx, &sale, id, -bid.reserve)?;
    let (tables, journal) = cx.tables::<Exchange>();
    if let Some(sale) = tables.sales.update(journal, &number)? {
        sale.bids -= 1;
    }
    tables.bids.remove(journal, &(number, id))?;
    cx.emit::<Exchange>(&Event::BidWithdrawn {
        sale: number,
        account: id.account,
        number: id.number,
    })
}

fn find(cx: &Cx<'_>, number: u64) -> Result<Sale, Code> {
    let sale = cx.read::<Exchange>().sales.get(&number);
    sale.copied().ok_or(Code::UNKNOWN_SALE)
}

/// Sets more money aside for a bid, or less.
fn reserve(cx: &mut Cx<'_>, sale: &Sale, id: OrderId, more: i64) -> Result<(), Code> {
    let mut settlement = Settlement::new(Market::of_instrument(cx, sale.instrument)?);
    settlement.reserve(id.account, Side::Buy, i128::from(more));
    settlement.apply(cx)
}
