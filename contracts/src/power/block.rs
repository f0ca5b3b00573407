//! Blocks: the same energy in each of some intervals, accepted together or not at all; sealed until the gate closes.
//!
//! A block may say which part of it must be accepted at least, name a parent among the account's own blocks of lower numbers, and
//! belong to an exclusive group of the account. Which blocks are accepted is found by [`select`](super::select).

use borsh::{BorshDeserialize, BorshSerialize};

use super::call::Call;
use super::event::Event;
use super::module::{Power, Tables};
use super::participant::{self, Change};
use super::rules::{PARTICIPANTS_MAX, cost};
use super::select::{Place, Standing};
use super::session::{Session, open_session};
use crate::amount::{Money, PPM, Price, WattHours};
use crate::exchange::Side;
use crate::identity::{Identity, account, endorse};
use crate::kernel::context::Cx;
use crate::money::aside::At;
use crate::receipt::Code;
use crate::tx::AccountId;

crate::choices! {
    /// How a block was decided.
    pub enum Outcome {
        /// It is accepted in full.
        Accepted "accepted",
        /// It is accepted at its least, as more would make a block lose or an interval leave its balance.
        Cut "cut",
        /// It is rejected, and would lose or gain nothing at the final prices.
        Rejected "rejected",
        /// It is rejected although it would gain at the final prices: with it they would be others, its parent is rejected, or
        /// another one of its group is accepted.
        Paradoxical "paradoxical",
    }
}

/// What a block asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// Which way it trades.
    pub side: Side,
    /// The first interval.
    pub first: u8,
    /// How many intervals.
    pub count: u8,
    /// Energy in each.
    pub energy: WattHours,
    /// The average price it takes.
    pub price: Price,
    /// Which part of it must be accepted at least, in millionths.
    pub least_ppm: u32,
    /// Without which it is not accepted.
    pub parent: Option<u32>,
    /// Its exclusive group.
    pub group: Option<u32>,
}

/// A block that waits or is being cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Waiting {
    /// What it asks for.
    pub block: Block,
    /// What is set aside for it.
    pub aside: Money,
    /// How far it is accepted so far.
    pub place: Place,
    /// What its account gets so far; below zero what it pays.
    pub amount: Money,
}

/// What a block came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Decided {
    /// What it asked for.
    pub block: Block,
    /// How it was decided.
    pub outcome: Outcome,
    /// Accepted in each of its intervals.
    pub energy: WattHours,
    /// What its account got; below zero what it paid.
    pub amount: Money,
}

/// Session, account, number.
pub type BlockKey = (u64, AccountId, u32);

impl Block {
    /// Its least acceptance in each interval: rounded up to the lot.
    #[must_use]
    pub fn least(&self, lot: WattHours) -> WattHours {
        // Correctness: below 2^37 times 2^20, and no more than the energy, which is a multiple of the lot.
        let whole = i128::from(self.energy.0) * i128::from(self.least_ppm);
        let lots = (whole as u128).div_ceil(u128::from(PPM) * u128::from(lot.0.unsigned_abs()));
        WattHours(lots as i64 * lot.0)
    }

    /// Its energy in each interval as it stands.
    #[must_use]
    pub fn energy_at(&self, standing: Standing, lot: WattHours) -> WattHours {
        standing.energy(self.energy, self.least(lot))
    }

    /// What it may come to cost: at its own price, and one more for each interval, since a part of a sum may be rounded up. To buy
    /// costs at a price above zero, to sell at one below; a block does not lose, so it is never more.
    #[must_use]
    pub fn worst_cost(&self) -> Money {
        let pays = match self.side {
            Side::Buy => self.price.0,
            Side::Sell => -self.price.0,
        };
        let energy = i128::from(self.energy.0) * i128::from(self.count);
        // Correctness: at most 10^18 and 100.
        let worst = cost(energy, Price(pays.max(0))) + i128::from(self.count);
        Money(worst as i64)
    }

    /// Whether an interval is one of its own.
    #[must_use]
    pub fn covers(&self, interval: u8) -> bool {
        (self.first..self.first + self.count).contains(&interval)
    }
}

impl Tables {
    /// Blocks of a session by account and number.
    pub(super) fn blocks_of(
        &self,
        session: u64,
    ) -> impl Iterator<Item = (&BlockKey, &Waiting)> + use<'_> {
        let first = (session, AccountId(0), 0);
        let last = (session, AccountId(u64::MAX), u32::MAX);
        self.blocks.range(first..=last)
    }

    fn own_blocks(
        &self,
        session: u64,
        account: AccountId,
    ) -> impl Iterator<Item = (&BlockKey, &Waiting)> + use<'_> {
        self.blocks
            .range((session, account, 0)..=(session, account, u32::MAX))
    }
}

/// Refused in this order: account unknown, not represented, not open; no such session; gate closed; intervals not there; energy or
/// least acceptance out of range; price out of range; parent not there or of no lower number; one account or block too many for
/// the session; one block too many for the account; too little money free; not endorsed.
pub(super) fn submit(
    cx: &mut Cx<'_>,
    call: &Call<'_>,
    key: BlockKey,
    block: Block,
) -> Result<(), Code> {
    let (number, account, own) = key;
    let slot = cx.read::<Identity>().to_move(cx.member(), account)?;
    let mut session = open_session(cx, number)?;
    session.check_intervals(block.first, block.count)?;
    let terms = session.terms;
    if !terms.takes(block.energy) || !(1..=PPM).contains(&block.least_ppm) {
        return Err(Code::BLOCK_ORDER_INVALID);
    }
    terms.check_price(block.price)?;
    let tables = cx.read::<Power>();
    let linked = |parent: u32| parent < own && tables.blocks.contains(&(number, account, parent));
    if block.parent.is_some_and(|parent| !linked(parent)) {
        return Err(Code::LINK_INVALID);
    }
    let old = tables.blocks.get(&key).copied();
    let part = participant::of(cx, number, account);
    let is_new = part.curves == 0 && part.blocks == 0;
    let full = (is_new && session.participants >= PARTICIPANTS_MAX)
        || (old.is_none() && session.blocks >= terms.blocks_max);
    if full {
        return Err(Code::POWER_SESSION_FULL);
    }
    if old.is_none() && part.blocks >= terms.account_blocks_max {
        return Err(Code::POWER_ACCOUNT_FULL);
    }
    let aside = block.worst_cost();
    let change = Change {
        curves: 0,
        steps: 0,
        blocks: i64::from(old.is_none()),
        aside: i128::from(aside.0) - old.map_or(0, |old| i128::from(old.aside.0)),
    };
    let at = (account, slot);
    participant::check(cx, number, &session, at, &change)?;
    account::second(cx, account, slot, || endorse::digest::<Power>(call))?;

    participant::change(cx, number, &mut session, at, &change)?;
    let waiting = Waiting {
        block,
        aside,
        place: Place {
            standing: Standing::Out,
            tried: false,
        },
        amount: Money::ZERO,
    };
    let (tables, journal) = cx.tables::<Power>();
    tables.sessions.set(journal, number, session)?;
    tables.blocks.set(journal, key, waiting)?;
    cx.emit::<Power>(&Event::BlockSubmitted {
        session: number,
        account,
        number: own,
    })
}

/// A shut account may still take its block back: nothing goes out by that.
///
/// Refused in this order: account unknown, not represented; no such session; gate closed; no such block; another one is linked to it.
pub(super) fn withdraw(cx: &mut Cx<'_>, key: BlockKey) -> Result<(), Code> {
    let (number, account, own) = key;
    let slot = cx.read::<Identity>().represented(cx.member(), account)?;
    let mut session = open_session(cx, number)?;
    let tables = cx.read::<Power>();
    let old = *tables.blocks.get(&key).ok_or(Code::UNKNOWN_BLOCK_ORDER)?;
    let linked = tables
        .own_blocks(number, account)
        .any(|(_, other)| other.block.parent == Some(own));
    cx.charge_items(session.terms.account_blocks_max as usize)?;
    if linked {
        return Err(Code::BLOCK_ORDER_LINKED);
    }

    take_out(cx, &mut session, (account, slot), &[(key, old)])?;
    let (tables, journal) = cx.tables::<Power>();
    tables.sessions.set(journal, number, session)?;
    cx.emit::<Power>(&Event::BlockWithdrawn {
        session: number,
        account,
        number: own,
    })
}

/// Takes all blocks of an account out; the session is written by the caller.
pub(super) fn shut(
    cx: &mut Cx<'_>,
    number: u64,
    session: &mut Session,
    at: At,
) -> Result<(), Code> {
    let own = cx.read::<Power>().own_blocks(number, at.0);
    let own: Vec<_> = own.map(|(key, waiting)| (*key, *waiting)).collect();
    take_out(cx, session, at, &own)
}

/// Takes blocks of one account out.
fn take_out(
    cx: &mut Cx<'_>,
    session: &mut Session,
    at: At,
    blocks: &[(BlockKey, Waiting)],
) -> Result<(), Code> {
    let Some(((number, _, _), _)) = blocks.first() else {
        return Ok(());
    };
    let aside = blocks.iter().map(|(_, old)| i128::from(old.aside.0));
    // Correctness: no more than `ACCOUNT_BLOCKS_MAX`.
    let change = Change {
        curves: 0,
        steps: 0,
        blocks: -(blocks.len() as i64),
        aside: -aside.sum::<i128>(),
    };
    participant::change(cx, *number, session, at, &change)?;
    let (tables, journal) = cx.tables::<Power>();
    for (key, _) in blocks {
        tables.blocks.remove(journal, key)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(side: Side, count: u8, energy: i64, price: i64, least_ppm: u32) -> Block {
        Block {
            side,
            first: 0,
            count,
            energy: WattHours(energy),
            price: Price(price),
            least_ppm,
            parent: None,
            group: None,
        }
    }

    #[test]
    fn the_least_is_rounded_up_to_the_lot() {
        let least = |energy, ppm, lot| block(Side::Buy, 1, energy, 0, ppm).least(WattHours(lot)).0;
        assert_eq!(least(1_000, 333_333, 100), 400);
        assert_eq!(least(1_000, 300_000, 100), 300);
        assert_eq!(least(1_000, 1, 100), 100);
        assert_eq!(least(1_000, PPM, 100), 1_000);
        assert_eq!(least(100_000_000_000, 999_999, 1), 99_999_900_000);
    }

    #[test]
    fn a_block_costs_its_own_price_and_a_unit_an_interval_at_most() {
        // 1 MWh in each of 4 intervals at 50: 200 of the currency.
        let cost = |side, price| block(side, 4, 1_000_000, price, PPM).worst_cost().0;
        assert_eq!(cost(Side::Buy, 500_000), 200_000_004);
        assert_eq!(cost(Side::Buy, -500_000), 4);
        assert_eq!(cost(Side::Sell, 500_000), 4);
        assert_eq!(cost(Side::Sell, -500_000), 200_000_004);
    }
}
