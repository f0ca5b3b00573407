//! What a cleared interval gives to each order, and how everything is paid in the end.
//!
//! In an interval, all that is sold is bought, at one price. The turnover is energy times price, truncated toward zero once; the
//! buyers pay it together and the sellers get it together, each its part of a running sum ([`Split`]): in the order of accounts,
//! curves before blocks. So nothing is left over, whatever the rounding.

use borsh::{BorshDeserialize, BorshSerialize};

use super::block::{BlockKey, Decided, Outcome, Waiting};
use super::clearing::{self, Due, UNITS_STEP, Work};
use super::event::Event;
use super::module::Power;
use super::participant::Participant;
use super::rules::RESULT_LIFE;
use super::select::{self, Standing};
use super::session::{Session, SessionPhase};
use super::share::{self, Split};
use crate::amount::{Money, Price, WattHours};
use crate::draw::UNITS_DRAW;
use crate::exchange::Side;
use crate::identity::Identity;
use crate::identity::account;
use crate::kernel::context::Cx;
use crate::kernel::meter::UNITS_ITEM;
use crate::kernel::trigger::When;
use crate::money::{aside, cash};
use crate::receipt::Code;
use crate::tx::{AccountId, Millis};

/// Units of what is written and told of a curve or a block in an interval.
const UNITS_ORDER: u64 = 40;
/// Units of paying an account, and of deciding a block.
const UNITS_PAY: u64 = 70;

/// What an interval came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Cleared {
    /// The price of all that is traded in it.
    pub price: Price,
    /// What is sold, which is what is bought.
    pub energy: WattHours,
}

/// What a curve got in an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Award {
    /// How much of it is accepted; above zero.
    pub energy: WattHours,
    /// What its account gets; below zero what it pays.
    pub amount: Money,
}

/// Session, account, interval, side.
pub type AwardKey = (u64, AccountId, u8, Side);

/// A curve as an interval's price sees it.
struct Bid {
    account: AccountId,
    side: Side,
    better: i64,
    at_price: i64,
}

/// Settles an interval.
///
/// # Errors
/// The meter's. Correctness: blocks were selected so that every interval is in balance, and their bounds keep all amounts of an
/// order within 64 bits.
pub(super) fn settle(
    cx: &mut Cx<'_>,
    work: &mut Work,
    number: u64,
    session: &Session,
    beacon: &[u8; 32],
    interval: u8,
) -> Result<(), Code> {
    let covers = |waiting: &Waiting| {
        waiting.block.covers(interval) && waiting.place.standing != Standing::Out
    };
    let mut blocks = clearing::waiting(cx, number);
    blocks.retain(|(_, waiting)| covers(waiting));
    let lot = session.terms.lot;
    let energy_of = |waiting: &Waiting| waiting.block.energy_at(waiting.place.standing, lot).0;
    let mut brought = [0; 2];
    for (_, waiting) in &blocks {
        brought[waiting.block.side as usize] += energy_of(waiting);
    }
    let net = brought[Side::Sell as usize] - brought[Side::Buy as usize];
    let curves: Vec<_> = cx.read::<Power>().curves_in(number, interval).collect();
    let steps: usize = curves.iter().map(|(.., curve)| curve.steps.len()).sum();
    let added = clearing::add_up(session, curves.iter().copied());
    let crossing = added.cross(net).map_err(|_| Code::OVERFLOW)?;
    let price = crossing.price;
    let bids: Vec<Bid> = curves
        .into_iter()
        .map(|(account, side, curve)| {
            let (WattHours(better), WattHours(at_price)) = curve.at(side, price);
            Bid {
                account,
                side,
                better,
                at_price,
            }
        })
        .collect();
    let orders = bids.len() as u64 + u64::from(session.blocks);
    let units = steps as u64 * (UNITS_STEP + UNITS_ITEM) + orders * UNITS_ORDER;
    work.spend(cx, units)?;
    let mut accepted: Vec<i64> = bids.iter().map(|bid| bid.better).collect();
    for (side, (part, all)) in [
        (Side::Buy, crossing.bought_at_price),
        (Side::Sell, crossing.sold_at_price),
    ] {
        let places = bids.iter().enumerate();
        let places = places.filter(|(_, bid)| bid.side == side && bid.at_price > 0);
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        if part > WattHours::ZERO && part < all {
            work.spend(cx, places.len() as u64 * UNITS_DRAW)?;
        }
        // Correctness: all energies are multiples of the lot, and none is negative.
        let lots = |energy: i64| (energy / lot.0).unsigned_abs();
        let weights: Vec<u64> = places.iter().map(|at| lots(bids[*at].at_price)).collect();
        let draw = |place: usize| {
            let account = bids[places[place]].account;
            share::draw(number, beacon, Some(interval), account, side as u32)
        };
        let shares = share::share(lots(part.0), &weights, draw);
        for (place, share) in places.into_iter().zip(shares) {
            accepted[place] += share as i64 * lot.0;
        }
    }

    let mut splits = [Split::at(price); 2];
    for (bid, energy) in bids.iter().zip(accepted) {
        let part = splits[bid.side as usize].next(energy);
        let key = (number, interval, bid.account, bid.side);
        let (tables, journal) = cx.tables::<Power>();
        tables.curves.remove(journal, &key)?;
        if energy > 0 {
            let bid = (bid.account, bid.side, interval);
            award(cx, number, bid, WattHours(energy), part)?;
        }
    }
    for (key, waiting) in blocks {
        let energy = energy_of(&waiting);
        let side = waiting.block.side;
        let part = clearing::got(side, splits[side as usize].next(energy));
        let amount = i128::from(waiting.amount.0) + part;
        let amount = Money(i64::try_from(amount).map_err(|_| Code::OVERFLOW)?);
        let (tables, journal) = cx.tables::<Power>();
        tables
            .blocks
            .set(journal, key, Waiting { amount, ..waiting })?;
        add(cx, number, key.1, side, (WattHours(energy), part))?;
    }
    let energy = WattHours(crossing.sold.0 + brought[Side::Sell as usize]);
    let (tables, journal) = cx.tables::<Power>();
    let cleared = Cleared { price, energy };
    tables.prices.set(journal, (number, interval), cleared)?;
    cx.emit::<Power>(&Event::IntervalCleared {
        session: number,
        interval,
        price,
        energy,
    })
}

fn award(
    cx: &mut Cx<'_>,
    number: u64,
    (account, side, interval): (AccountId, Side, u8),
    energy: WattHours,
    part: i128,
) -> Result<(), Code> {
    let got = clearing::got(side, part);
    let amount = Money(i64::try_from(got).map_err(|_| Code::OVERFLOW)?);
    let (tables, journal) = cx.tables::<Power>();
    let key = (number, account, interval, side);
    tables.awards.set(journal, key, Award { energy, amount })?;
    add(cx, number, account, side, (energy, got))?;
    cx.emit::<Power>(&Event::CurveAccepted {
        session: number,
        account,
        side,
        interval,
        energy,
        amount,
    })
}

/// Adds to what an account traded.
fn add(
    cx: &mut Cx<'_>,
    number: u64,
    account: AccountId,
    side: Side,
    (energy, got): (WattHours, i128),
) -> Result<(), Code> {
    let (tables, journal) = cx.tables::<Power>();
    if let Some(part) = tables.participants.update(journal, &(number, account))? {
        // Correctness: two curves and 256 blocks of at most `ENERGY_MAX` in 100 intervals.
        match side {
            Side::Buy => part.bought.0 += energy.0,
            Side::Sell => part.sold.0 += energy.0,
        }
        part.amount += got;
    }
    Ok(())
}

/// Decides every block, and pays every account, all at once.
///
/// # Errors
/// The meter's. Correctness: no account pays more than was set aside for its orders.
pub(super) fn pay(
    cx: &mut Cx<'_>,
    work: &mut Work,
    number: u64,
    session: &Session,
) -> Result<(), Code> {
    let all = u64::from(session.participants) + u64::from(session.blocks);
    work.spend(cx, all * UNITS_PAY)?;
    let paradoxical = decide(cx, number, session)?;
    let range = (number, AccountId(0))..=(number, AccountId(u64::MAX));
    let all = cx.read::<Power>().participants.range(range);
    let all: Vec<_> = all.map(|((_, id), part)| (*id, *part)).collect();
    for (account, part) in all {
        pay_one(cx, number, session, account, part)?;
    }
    // Not before its day is over: until then the day is not free for another session.
    let over = session.end().max(cx.block().time);
    let until = Millis(over.0.saturating_add(RESULT_LIFE));
    cx.schedule_work::<Power>(When::Time(until), &Due::Forget(number))?;
    let (tables, journal) = cx.tables::<Power>();
    tables.waiting.remove(journal, &number)?;
    let phase = SessionPhase::Cleared;
    tables
        .sessions
        .set(journal, number, Session { phase, ..*session })?;
    cx.emit::<Power>(&Event::SessionCleared {
        session: number,
        zone: session.zone,
        accounts: session.participants,
        paradoxical,
    })
}

fn pay_one(
    cx: &mut Cx<'_>,
    number: u64,
    session: &Session,
    account: AccountId,
    part: Participant,
) -> Result<(), Code> {
    let slot = cx.read::<Identity>().find(account)?;
    let at = (account, slot);
    let currency = session.terms.currency;
    if part.aside > Money::ZERO {
        aside::free(cx, at, currency, part.aside)?;
    }
    let amount = i64::try_from(part.amount).map_err(|_| Code::OVERFLOW)?;
    if amount != 0 {
        cash::change(cx, account, slot, currency, |cash| {
            cash.balance.0 += amount;
        })?;
    }
    account::count(cx, slot, false)?;
    let (tables, journal) = cx.tables::<Power>();
    let aside = Money::ZERO;
    let paid = Participant { aside, ..part };
    tables.participants.set(journal, (number, account), paid)?;
    cx.emit::<Power>(&Event::AccountSettled {
        session: number,
        account,
        bought: part.bought,
        sold: part.sold,
        amount: Money(amount),
    })
}

/// Writes down how each block was decided; how many are rejected paradoxically.
fn decide(cx: &mut Cx<'_>, number: u64, session: &Session) -> Result<u32, Code> {
    let prices = cx
        .read::<Power>()
        .prices
        .range((number, 0)..=(number, u8::MAX));
    let mut sums = vec![0];
    for (_, cleared) in prices {
        sums.push(sums[sums.len() - 1] + cleared.price.0);
    }
    let mut paradoxical = 0;
    for (key, waiting) in clearing::waiting(cx, number) {
        let block = waiting.block;
        let span = usize::from(block.first)..usize::from(block.first + block.count);
        let sum = sums[span.end] - sums[span.start];
        let full = select::gain(block.side, block.energy, block.count, block.price, sum);
        let outcome = match waiting.place.standing {
            Standing::Full => Outcome::Accepted,
            Standing::Least => Outcome::Cut,
            Standing::Out if full > 0 => Outcome::Paradoxical,
            Standing::Out => Outcome::Rejected,
        };
        paradoxical += u32::from(outcome == Outcome::Paradoxical);
        let energy = block.energy_at(waiting.place.standing, session.terms.lot);
        decided(cx, key, &waiting, outcome, energy)?;
    }
    Ok(paradoxical)
}

fn decided(
    cx: &mut Cx<'_>,
    key: BlockKey,
    waiting: &Waiting,
    outcome: Outcome,
    energy: WattHours,
) -> Result<(), Code> {
    let decided = Decided {
        block: waiting.block,
        outcome,
        energy,
        amount: waiting.amount,
    };
    let (tables, journal) = cx.tables::<Power>();
    tables.blocks.remove(journal, &key)?;
    tables.decided.set(journal, key, decided)?;
    let (session, account, number) = key;
    cx.emit::<Power>(&Event::BlockDecided {
        session,
        account,
        number,
        outcome,
        energy,
        amount: waiting.amount,
    })
}
