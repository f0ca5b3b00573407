//! By which rule the periods of a zone are traded, and how many of its books are open.

use borsh::{BorshDeserialize, BorshSerialize};

use super::super::ZoneId;
use super::super::event::Event;
use super::super::module::Power;
use super::super::rules::{ENERGY_MAX, PRICE_MAX};
use super::super::session::Terms;
use crate::amount::{self, Price, Quantity, WattHours};
use crate::exchange::rules::Rules;
use crate::kernel::context::Cx;
use crate::receipt::Code;
use crate::tx::Millis;

/// Longest time between a gate and delivery, in milliseconds: a day.
pub const LEAD_MAX: u64 = 24 * 3_600 * 1_000;
/// Most orders that one order meets: each is settled, about sixty units, in a transaction of 200,000.
pub const MAKERS_MAX: u32 = 1_024;
/// Most orders in a book: each piece of closing it looks at all accounts that have some.
pub const ORDERS_MAX: u32 = 16_384;
/// Most open orders of an account in a session: all of them can be cancelled in one transaction.
pub const ACCOUNT_ORDERS_MAX: u32 = 256;
/// Most open books of a zone: a quarter of those of all.
pub const BOOKS_MAX: u32 = 1_024;
/// Most open books of all zones together: what a book keeps for prices near the best takes 64 kB, so all of them a quarter of a gigabyte.
pub const ALL_BOOKS_MAX: u32 = 4_096;

/// Watt hours of a megawatt hour, for which prices are.
const WATT_HOURS: u64 = 1_000_000;
/// Money that one step of a price is worth for a megawatt hour: `10^-4` of the currency in `10^-6`.
const STEP_VALUE: u32 = 100;

/// The rule of a zone. What it says holds for books that are opened from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rule {
    /// How long before delivery begins the gate of a period closes.
    pub lead: Millis,
    /// Lowest price of an order.
    pub price_min: Price,
    /// Highest price of an order.
    pub price_max: Price,
    /// Most energy of an order, what was traded of it included.
    pub energy_max: WattHours,
    /// Most resting orders that one order meets.
    pub makers_max: u32,
    /// Most orders in a book.
    pub orders_max: u32,
    /// Most open orders of an account in a session.
    pub account_orders_max: u32,
    /// Most open books of the zone; at 0 no more are opened.
    pub books_max: u32,
}

/// A zone whose periods are traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Zone {
    /// By which rule.
    pub rule: Rule,
    /// How many of its books are open.
    pub books: u32,
}

impl Zone {
    /// Most of its books that can be open at a time: under a rule before there may have been more.
    fn books_most(&self) -> u32 {
        self.books.max(self.rule.books_max)
    }
}

impl Rule {
    fn is_sound(&self) -> bool {
        let prices = -PRICE_MAX..=PRICE_MAX;
        self.lead.0 <= LEAD_MAX
            && prices.contains(&self.price_min.0)
            && prices.contains(&self.price_max.0)
            && self.price_min < self.price_max
            && (1..=ENERGY_MAX).contains(&self.energy_max.0)
            && (1..=MAKERS_MAX).contains(&self.makers_max)
            && (1..=ORDERS_MAX).contains(&self.orders_max)
            && (1..=ACCOUNT_ORDERS_MAX).contains(&self.account_orders_max)
            && self.books_max <= BOOKS_MAX
    }

    /// Rules of a book of a session with these terms.
    pub(super) fn of_book(&self, terms: &Terms) -> Rules {
        Rules {
            terms: amount::Terms {
                units_per_contract: WATT_HOURS,
                step_value: STEP_VALUE,
                lot: terms.lot.0.unsigned_abs(),
            },
            tick: terms.tick.into(),
            price_min: self.price_min,
            price_max: self.price_max,
            quantity_max: Quantity(self.energy_max.0.unsigned_abs()),
            makers_max: self.makers_max,
            orders_max: self.orders_max,
            account_orders_max: self.account_orders_max,
            stops_max: 0,
            wakes_max: 1,
            long_max: None,
            short_max: None,
            messages_max: None,
            window: 1,
        }
    }
}

/// Refused in this order: lead, prices, energy or bounds out of range; more books than all zones together may have. So no order is
/// refused for what other zones have, and a rule of fewer books is never.
pub(in super::super) fn set(cx: &mut Cx<'_>, zone: ZoneId, rule: Rule) -> Result<(), Code> {
    if !rule.is_sound() {
        return Err(Code::INTRADAY_RULE_INVALID);
    }
    let zones = &cx.read::<Power>().zones;
    let books = zones.get(&zone).map_or(0, |old| old.books);
    let (count, new) = (zones.len(), Zone { rule, books });
    let others = zones.range(..).filter(|(id, _)| **id != zone);
    // Correctness: no rule before made it more than `ALL_BOOKS_MAX`.
    let others: u32 = others.map(|(_, one)| one.books_most()).sum();
    if others + new.books_most() > ALL_BOOKS_MAX {
        return Err(Code::INTRADAY_BOOKS_FULL);
    }
    cx.charge_items(count)?;

    let (tables, journal) = cx.tables::<Power>();
    tables.zones.set(journal, zone, new)?;
    cx.emit::<Power>(&Event::IntradaySet {
        zone,
        lead: rule.lead,
        price_min: rule.price_min,
        price_max: rule.price_max,
        energy_max: rule.energy_max,
        makers_max: rule.makers_max,
        orders_max: rule.orders_max,
        account_orders_max: rule.account_orders_max,
        books_max: rule.books_max,
    })
}
