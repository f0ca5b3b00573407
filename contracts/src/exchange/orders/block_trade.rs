//! Block trades: what two accounts agreed on off the book, settled at once by a representative of either side.
//!
//! The book is asked for its rules and what stands open, and learns nothing of the trade: its orders and its last price stay as
//! they are. Nobody acts for both sides: the sender counts for its own, each endorser for one.

use borsh::{BorshDeserialize, BorshSerialize};

use super::super::event::Phase;
use super::super::limits::Band;
use super::super::order::Side;
use super::Exchange;
use super::call::{Call, TRADING};
use super::event::Event;
use super::place::position;
use super::run::Follows as _;
use super::settle::{Market, Settlement};
use crate::amount::{Money, Price, Quantity};
use crate::carbon::InstrumentId;
use crate::identity::account::{self, AccountStatus};
use crate::identity::{Identity, endorse};
use crate::kernel::context::Cx;
use crate::kernel::member::MemberId;
use crate::kernel::table::Slot;
use crate::money::cash;
use crate::money::units::{Units, movement};
use crate::receipt::Code;
use crate::tx::AccountId;

/// Which block trades a market takes. One without an entry takes none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BlockRule {
    /// Least quantity of a trade; a multiple of the lot above zero.
    pub quantity_min: Quantity,
    /// Prices of block trades, in place of the market's band: rules of large trades are often wider. None where the market's
    /// band holds, if it has one.
    pub band: Option<Band>,
}

/// What two accounts agreed on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trade {
    pub(super) seller: AccountId,
    pub(super) buyer: AccountId,
    pub(super) instrument: InstrumentId,
    pub(super) quantity: Quantity,
    pub(super) price: Price,
}

/// Refused: no such market; a quantity of zero or off the lot, a band without a quantity, or one whose ends are in the wrong
/// order or no prices of the market.
pub(super) fn set_rule(
    cx: &mut Cx<'_>,
    instrument: InstrumentId,
    quantity_min: Option<Quantity>,
    band: Option<(Price, Price)>,
) -> Result<(), Code> {
    let rules = cx.read::<Exchange>().books.get(instrument)?.rules();
    let limits = band.map(|(low, high)| Band { low, high });
    let sound = match quantity_min {
        Some(least) => least > Quantity::ZERO && least.0.is_multiple_of(rules.terms.lot),
        None => band.is_none(),
    };
    if !sound || limits.is_some_and(|band| !band.is_sound(rules)) {
        return Err(Code::RULE_INVALID);
    }

    let (tables, journal) = cx.tables::<Exchange>();
    match quantity_min {
        Some(quantity_min) => {
            let rule = BlockRule {
                quantity_min,
                band: limits,
            };
            tables.block_rules.set(journal, instrument, rule)?;
        }
        None => {
            tables.block_rules.remove(journal, &instrument)?;
        }
    }
    cx.emit::<Exchange>(&Event::BlockRuleSet {
        instrument,
        quantity_min,
        band,
    })
}

/// Refused in this order: an account unknown; neither represented by the sender; one not open; both of one holder; the seller a
/// buffer, or the buyer not trusted by it; no such market; what [`check_terms`] says; one switched off, or the buyer beyond its
/// position; an amount out of range; too few units free, too little money; not endorsed.
pub(super) fn trade(cx: &mut Cx<'_>, call: &Call<'_>, trade: &Trade) -> Result<(), Code> {
    let &Trade {
        seller,
        buyer,
        instrument,
        quantity,
        price,
    } = trade;
    let (own, other) = sides(cx, seller, buyer)?;
    let identity = cx.read::<Identity>();
    let (giver, taker) = (identity.find(seller)?, identity.find(buyer)?);
    movement::check_way(cx, giver, seller, buyer)?;
    let market = Market::of(cx, instrument)?;
    check_terms(cx, trade)?;
    let book = cx.read::<Exchange>().books.get(instrument)?;
    for (account, side) in [(seller, Side::Sell), (buyer, Side::Buy)] {
        let held = cx.read::<Units>().holding(account, instrument);
        book.check_beside(account, side, position(&held), quantity)?;
    }
    let amount = market.amount(quantity, price)?;
    cx.read::<Units>()
        .check_free(seller, instrument, quantity)?;
    if cash::of(cx, buyer, taker, market.currency).free() < amount {
        return Err(Code::CASH_TOO_LOW);
    }
    endorsed(cx, call, own, other)?;

    settle(cx, market, trade, amount)
}

fn settle(cx: &mut Cx<'_>, market: Market, trade: &Trade, amount: Money) -> Result<(), Code> {
    let &Trade {
        seller,
        buyer,
        instrument,
        quantity,
        price,
    } = trade;
    let mut settlement = Settlement::new(market);
    settlement.swap((seller, 0), (buyer, 0), quantity, amount);
    settlement.apply(cx)?;
    cx.emit::<Exchange>(&Event::BlockTraded {
        instrument,
        seller,
        buyer,
        quantity,
        price,
        amount,
    })
}

/// An account and where it stands.
type Party = (AccountId, Slot);

/// The sender's side and the other one. Whoever represents both acts for the seller.
fn sides(cx: &Cx<'_>, seller: AccountId, buyer: AccountId) -> Result<(Party, Party), Code> {
    let identity = cx.read::<Identity>();
    let giver = (seller, identity.find(seller)?);
    let taker = (buyer, identity.find(buyer)?);
    let own = |(id, slot)| account::is_own(cx, id, slot);
    let sides = if own(giver) {
        (giver, taker)
    } else if own(taker) {
        (taker, giver)
    } else {
        return Err(Code::NOT_REPRESENTATIVE);
    };
    let of = |(_, slot): Party| identity.at(slot);
    if of(giver).status != AccountStatus::Open || of(taker).status != AccountStatus::Open {
        return Err(Code::ACCOUNT_NOT_OPEN);
    }
    if of(giver).holder == of(taker).holder {
        return Err(Code::SAME_HOLDER);
    }
    Ok(sides)
}

/// Refused in this order: no block trades in this market; halted; a quantity of zero, off the lot or below the least; a price
/// that is none of the market, or outside the band.
fn check_terms(cx: &Cx<'_>, trade: &Trade) -> Result<(), Code> {
    let tables = cx.read::<Exchange>();
    let rule = tables.block_rules.get(&trade.instrument);
    let rule = rule.ok_or(Code::BLOCK_NOT_ALLOWED)?;
    let book = tables.books.get(trade.instrument)?;
    if book.phase() == Phase::Halted {
        return Err(Code::MARKET_HALTED);
    }
    let rules = book.rules();
    if trade.quantity == Quantity::ZERO {
        return Err(Code::QUANTITY_ZERO);
    }
    if !trade.quantity.0.is_multiple_of(rules.terms.lot) {
        return Err(Code::QUANTITY_NOT_LOT);
    }
    if trade.quantity < rule.quantity_min {
        return Err(Code::BLOCK_TOO_SMALL);
    }
    if !rules.is_price(trade.price) {
        return Err(Code::PRICE_INVALID);
    }
    let band = rule.band.or(book.band());
    if band.is_some_and(|band| !band.has(trade.price)) {
        return Err(Code::OUTSIDE_PRICE_BAND);
    }
    Ok(())
}

/// Uses up the endorsements that the trade takes: of the sender's side one more where it takes two; of the other side a
/// trader's, and one more where it takes two. The sender does not count for the other side.
fn endorsed(cx: &mut Cx<'_>, call: &Call<'_>, own: Party, other: Party) -> Result<(), Code> {
    let digest = endorse::digest::<Exchange>(call);
    let of =
        |(id, slot): Party| move |cx: &Cx<'_>, member| account::represents(cx, member, id, slot);
    if account::at(cx, own.1).threshold > 1 {
        // Whoever could count for either side is left for the other one, as long as there is somebody else.
        let alone = |cx: &Cx<'_>, member| of(own)(cx, member) && !of(other)(cx, member);
        match endorse::second(cx, digest, alone) {
            Err(Code::NOT_ENDORSED) => endorse::second(cx, digest, of(own))?,
            found => found?,
        };
    }
    let trader = |cx: &Cx<'_>, member| of(other)(cx, member) && is_trader(cx, member);
    endorse::second(cx, digest, trader)?;
    if account::at(cx, other.1).threshold > 1 {
        endorse::second(cx, digest, of(other))?;
    }
    Ok(())
}

fn is_trader(cx: &Cx<'_>, member: MemberId) -> bool {
    let member = cx.member_of(member);
    member.is_some_and(|member| member.roles.any(TRADING))
}
