//! Sales by sealed bids at one price, by the rules of the EU's allowance auctions: opened by the authority, cleared and settled
//! when their time is over.
//!
//! The units on sale are set aside when it opens, the money of a bid when it comes in (`bid.rs`), so settling cannot fail for
//! want of either. In the first block at or after the closing time the sale takes no more bids. In the block after
//! that one it is cleared: all of it is sold at one price, or it is cancelled and nothing moves. What is left over of a cancelled
//! sale stays with the seller; to offer it again is the authority's business. What a sale came to stays for [`RESULT_LIFE`]; the
//! older history is in the receipts.
//!
//! Equal prices are drawn by the digest of the block before the one that clears. That block is the closing one, or a later one:
//! nobody knows its digest while a bid can still be changed. Its primary can choose among digests, as any primary can; it
//! can no longer choose its bid.
//!
//! # What is sealed, and from whom
//!
//! No event tells the price or quantity of a bid before the sale is over, and none tells the reserve price at all. They stand in
//! the open in the transactions of the chain and in the state, though: whoever runs a node can read them. Nor does a query or a
//! proof give them out (`CLOSED`), but the money that an account has set aside in all is told as ever, and it rises with its bids.
//! Bids that are sealed from validators too would have to be encrypted, which these are not.
//!
//! Source: Commission Regulation (EU) No 1031/2010, Article 7.

use borsh::{BorshDeserialize, BorshSerialize};

use super::super::auction::Offer;
use super::Exchange;
use super::event::Event;
use super::sale_end::Due;
use super::settle::Market;
use crate::amount::{Money, Price, Quantity};
use crate::carbon::InstrumentId;
use crate::identity::Identity;
use crate::identity::account::{AccountKind, AccountStatus};
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::money::units::{Units, holding};
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Most sales at a time: all of them may be over in one block.
pub const SALES_MAX: usize = 64;
/// Longest time from the opening call to the close, in milliseconds: 400 days.
pub const LIFE_MAX: u64 = 400 * 24 * 3_600 * 1_000;
/// Most bids of a sale: all of them are settled in one transaction of 200,000 units.
///
/// A bid costs at most 98 units there: 2 to be walked, 40 to be drawn, 4 to be taken out, 4 for its event, and if its account has
/// no other bid, 32 for a look at 16 representatives, 8 for money beside the account's record that comes to nothing, and 8 for
/// units of which it had none. 1,024 of them cost 100,352.
pub const BIDS_MAX: u32 = 1_024;
/// Most bids of one account in a sale: each of its calls walks all of them.
pub const ACCOUNT_BIDS_MAX: u32 = 64;
/// How long it is told what a sale came to, in milliseconds: 400 days.
pub const RESULT_LIFE: u64 = 400 * 24 * 3_600 * 1_000;

crate::choices! {
    /// Why a sale came to nothing.
    pub enum NotSold {
        /// All bids together are below the volume.
        TooLittleDemand "too-little-demand",
        /// It would have cleared below the reserve price.
        BelowReserve "below-reserve",
        /// Nothing may go out of the seller's account now.
        SellerShut "seller-shut",
    }
}

/// A sale that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Sale {
    /// Whose units.
    pub seller: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// What is on sale and how; its auction is the sale's number.
    pub offer: Offer,
    /// Most bids of one account.
    pub account_bids_max: u32,
    /// How many bids there are.
    pub bids: u32,
}

/// A sale that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EndedSale {
    /// Whose units.
    pub seller: AccountId,
    /// Of what.
    pub instrument: InstrumentId,
    /// How many were on sale.
    pub volume: Quantity,
    /// Time of the block that cleared it.
    pub time: Millis,
    /// How many bids there were.
    pub bids: u32,
    /// How many of them won.
    pub winners: u32,
    /// What it came to.
    pub result: SaleResult,
}

/// What a sale came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum SaleResult {
    /// All was sold.
    Sold {
        /// At this price.
        price: Price,
        /// Money paid by all winners.
        amount: Money,
    },
    /// Nothing moved.
    Cancelled(NotSold),
}

/// What the authority says of a new sale.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) volume: Quantity,
    pub(super) lot: Quantity,
    pub(super) reserve: Price,
    pub(super) opens: Millis,
    pub(super) closes: Millis,
    pub(super) bids_max: u32,
    pub(super) account_bids_max: u32,
    pub(super) account_max: Quantity,
}

/// Refused in this order: account unknown, of another kind, not open; instrument unknown, or with numbered units; a term out of
/// range; too many sales; too few units free.
pub(super) fn open(
    cx: &mut Cx<'_>,
    seller: AccountId,
    instrument: InstrumentId,
    terms: &Terms,
) -> Result<(), Code> {
    let identity = cx.read::<Identity>();
    let slot = identity.find(seller)?;
    let account = identity.at(slot);
    if !matches!(
        account.kind,
        AccountKind::AuctionDelivery | AccountKind::Government
    ) {
        return Err(Code::ACCOUNT_KIND);
    }
    if account.status != AccountStatus::Open {
        return Err(Code::ACCOUNT_NOT_OPEN);
    }
    let market = Market::of_instrument(cx, instrument)?;
    let offer = offer(cx, &market, terms)?;
    if cx.read::<Exchange>().sales.len() >= SALES_MAX {
        return Err(Code::TOO_MANY);
    }
    cx.read::<Units>()
        .check_free(seller, instrument, offer.volume)?;

    // The number of its trigger is its own.
    let number = cx.schedule_work::<Exchange>(When::Time(offer.closes), &Due::Close)?;
    let mut held = cx.read::<Units>().holding(seller, instrument);
    held.reserved.0 += offer.volume.0;
    holding::set(cx, (seller, slot), instrument, held)?;
    let sale = Sale {
        seller,
        instrument,
        offer: Offer {
            auction: number,
            ..offer
        },
        account_bids_max: terms.account_bids_max,
        bids: 0,
    };
    let (tables, journal) = cx.tables::<Exchange>();
    tables.sales.set(journal, number, sale)?;
    cx.emit::<Exchange>(&Event::SaleOpened {
        sale: number,
        seller,
        instrument,
        volume: offer.volume,
        lot: offer.lot,
        opens: offer.opens,
        closes: offer.closes,
    })
}

/// The offer by these terms, once it can be held, ends in time and within a transaction, and nothing can change hands for
/// nothing.
fn offer(cx: &Cx<'_>, market: &Market, terms: &Terms) -> Result<Offer, Code> {
    let instrument = cx.read::<Units>().instruments.get(&market.id);
    let instrument = instrument.ok_or(Code::UNKNOWN_INSTRUMENT)?;
    let tick = i64::from(instrument.tick);
    let offer = Offer {
        auction: 0,
        volume: terms.volume,
        lot: terms.lot,
        tick,
        reserve: terms.reserve,
        opens: terms.opens,
        closes: terms.closes,
        bids_max: terms.bids_max,
        account_max: terms.account_max,
    };
    offer.check()?;
    let now = cx.block().time;
    let least = market.terms.amount(offer.lot, Price(tick));
    let sound = offer.lot.0.is_multiple_of(instrument.lot.0)
        && least.is_some_and(|money| money > Money::ZERO)
        && offer.closes > now
        && offer.closes.0 - now.0 <= LIFE_MAX
        && offer.bids_max <= BIDS_MAX
        && (1..=ACCOUNT_BIDS_MAX).contains(&terms.account_bids_max);
    if sound {
        Ok(offer)
    } else {
        Err(Code::RULE_INVALID)
    }
}
