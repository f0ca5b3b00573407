//! How a sale ends: it takes no more bids, is cleared and settled, and is forgotten in the end, each by a trigger.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};

use super::super::auction::{Auction, Award, Bid, Cancelled, Outcome};
use super::super::order::{OrderId, Side};
use super::Exchange;
use super::event::Event;
use super::run::Follows as _;
use super::sale::{EndedSale, NotSold, RESULT_LIFE, Sale, SaleResult};
use super::settle::{Market, Settlement, is_shut};
use crate::amount::{Money, Price, Quantity};
use crate::draw::UNITS_DRAW;
use crate::identity::Identity;
use crate::identity::account::{self, AccountStatus};
use crate::kernel::context::Cx;
use crate::kernel::trigger::When;
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// What the exchange leaves for later.
#[derive(Debug, Clone, Copy, BorshSerialize, BorshDeserialize)]
pub(super) enum Due {
    /// The sale of the trigger's own number takes no more bids.
    Close,
    /// This sale is cleared.
    Clear(u64),
    /// It is no longer told what this sale came to.
    Forget(u64),
}

impl Due {
    pub(super) fn run(cx: &mut Cx<'_>, trigger: u64, data: &[u8]) -> Result<(), Code> {
        match borsh::from_slice(data).map_err(|_| Code::MALFORMED)? {
            Self::Close => close(cx, trigger),
            Self::Clear(number) => clear(cx, number),
            Self::Forget(number) => {
                let (tables, journal) = cx.tables::<Exchange>();
                tables.ended.remove(journal, &number).map(|_| ())
            }
        }
    }
}

fn close(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let next = cx.block().height.saturating_add(1);
    cx.schedule_work::<Exchange>(When::Height(next), &Due::Clear(number))?;
    cx.emit::<Exchange>(&Event::SaleClosed { sale: number })
}

/// Ends a sale. Correctness: whatever is paid or handed over was set aside, and the sale's bounds keep it within the meter.
fn clear(cx: &mut Cx<'_>, number: u64) -> Result<(), Code> {
    let sale = cx.read::<Exchange>().sales.get(&number).copied();
    let sale = sale.ok_or(Code::UNKNOWN_SALE)?;
    let mut settlement = Settlement::new(Market::of_instrument(cx, sale.instrument)?);
    let bids = take_bids(cx, number, &mut settlement)?;
    settlement.reserve(sale.seller, Side::Sell, -i128::from(sale.offer.volume.0));
    let (tables, journal) = cx.tables::<Exchange>();
    tables.sales.remove(journal, &number)?;

    cx.charge((bids.len() as u64).saturating_mul(UNITS_DRAW))?;
    let (beacon, now) = (cx.block().beacon.0, cx.block().time);
    let outcome = Auction::with_bids(sale.offer, bids).close(&beacon, now)?;
    let slot = cx.read::<Identity>().find(sale.seller)?;
    let price = if account::at(cx, slot).status == AccountStatus::Open {
        outcome.price.map_err(NotSold::from)
    } else {
        Err(NotSold::SellerShut)
    };
    let result = match price {
        Ok(price) => sell(cx, &sale, price, &outcome, &mut settlement)?,
        Err(reason) => cancel(cx, &sale, reason, &outcome)?,
    };
    settlement.apply(cx)?;
    keep(cx, number, &sale, &outcome, result)
}

/// Writes down what it came to, for as long as that is told.
fn keep(
    cx: &mut Cx<'_>,
    number: u64,
    sale: &Sale,
    outcome: &Outcome,
    result: SaleResult,
) -> Result<(), Code> {
    let time = cx.block().time;
    let until = Millis(time.0.saturating_add(RESULT_LIFE));
    cx.schedule_work::<Exchange>(When::Time(until), &Due::Forget(number))?;
    let won = |award: &&Award| award.quantity > Quantity::ZERO;
    let winners = match result {
        SaleResult::Sold { .. } => outcome.awards.iter().filter(won).count(),
        SaleResult::Cancelled(_) => 0,
    };
    let ended = EndedSale {
        seller: sale.seller,
        instrument: sale.instrument,
        volume: sale.offer.volume,
        time,
        bids: sale.bids,
        // Correctness: no more than `BIDS_MAX`.
        winners: u32::try_from(winners).unwrap_or(u32::MAX),
        result,
    };
    let (tables, journal) = cx.tables::<Exchange>();
    tables.ended.set(journal, number, ended)
}

impl From<Cancelled> for NotSold {
    fn from(cancelled: Cancelled) -> Self {
        match cancelled {
            Cancelled::TooLittleDemand => Self::TooLittleDemand,
            Cancelled::BelowReserve => Self::BelowReserve,
        }
    }
}

/// Takes all bids of a sale out, and frees their money; returns those whose accounts may trade now.
fn take_bids(
    cx: &mut Cx<'_>,
    number: u64,
    settlement: &mut Settlement,
) -> Result<BTreeMap<OrderId, Bid>, Code> {
    let of = |account, last| {
        let account = AccountId(account);
        (
            number,
            OrderId {
                account,
                number: last,
            },
        )
    };
    let range = of(0, 0)..=of(u64::MAX, u64::MAX);
    let all = cx.read::<Exchange>().bids.range(range);
    let bids: BTreeMap<OrderId, Bid> = all.map(|((_, id), bid)| (*id, *bid)).collect();
    cx.charge_items(bids.len())?;
    for (id, bid) in &bids {
        let (tables, journal) = cx.tables::<Exchange>();
        tables.bids.remove(journal, &(number, *id))?;
        settlement.reserve(id.account, Side::Buy, -i128::from(bid.reserve));
    }

    let mut accounts: Vec<AccountId> = bids.keys().map(|id| id.account).collect();
    accounts.dedup();
    let mut shut = BTreeSet::new();
    for account in accounts {
        let slot = cx.read::<Identity>().find(account)?;
        let representatives = account::at(cx, slot).representative_count;
        cx.charge_items(usize::from(representatives))?;
        if is_shut(cx, account) {
            shut.insert(account);
        }
    }
    let (out, bids): (BTreeMap<_, _>, _) = bids
        .into_iter()
        .partition(|(id, _)| shut.contains(&id.account));
    for id in out.keys() {
        cx.emit::<Exchange>(&Event::BidShut {
            sale: number,
            account: id.account,
            number: id.number,
        })?;
    }
    Ok(bids)
}

/// All that is on sale goes to the winners at one price.
fn sell(
    cx: &mut Cx<'_>,
    sale: &Sale,
    price: Price,
    outcome: &Outcome,
    settlement: &mut Settlement,
) -> Result<SaleResult, Code> {
    let market = settlement.market();
    let mut told = Vec::with_capacity(outcome.awards.len());
    let mut all = Money::ZERO;
    for award in &outcome.awards {
        let won = award.quantity;
        if won == Quantity::ZERO {
            told.push(lost(sale, award));
            continue;
        }
        let amount = market.amount(won, price)?;
        all = all.checked_add(amount).ok_or(Code::OVERFLOW)?;
        settlement.swap((sale.seller, 0), (award.id.account, 0), won, amount);
        told.push(Event::BidWon {
            sale: sale.offer.auction,
            instrument: sale.instrument,
            account: award.id.account,
            number: award.id.number,
            quantity: won,
            price,
            amount,
        });
    }
    cx.emit::<Exchange>(&Event::SaleCleared {
        sale: sale.offer.auction,
        seller: sale.seller,
        instrument: sale.instrument,
        volume: sale.offer.volume,
        price,
        amount: all,
    })?;
    told.iter()
        .try_for_each(|event| cx.emit::<Exchange>(event))?;
    Ok(SaleResult::Sold { price, amount: all })
}

/// Nothing moves, and every bid has lost.
fn cancel(
    cx: &mut Cx<'_>,
    sale: &Sale,
    reason: NotSold,
    outcome: &Outcome,
) -> Result<SaleResult, Code> {
    cx.emit::<Exchange>(&Event::SaleCancelled {
        sale: sale.offer.auction,
        seller: sale.seller,
        instrument: sale.instrument,
        reason,
    })?;
    let mut awards = outcome.awards.iter();
    awards.try_for_each(|award| cx.emit::<Exchange>(&lost(sale, award)))?;
    Ok(SaleResult::Cancelled(reason))
}

fn lost(sale: &Sale, award: &Award) -> Event {
    Event::BidLost {
        sale: sale.offer.auction,
        account: award.id.account,
        number: award.id.number,
    }
}
