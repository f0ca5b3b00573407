//! Markets and their orders: what rests in which order, and what each order sets aside. Beside them block trades and sales.

mod auction;
mod block_trade;
mod calls;
mod met;
mod run;
mod sale;
mod sale_end;
mod watch;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use sale::Sale;

use super::{Books, Finding, ensure};

/// An order: its account and number.
pub(super) type Id = (u64, u64);

/// How long an order stands, as calls name it.
const GOOD_TILL_DATE: u8 = 1;
const DAY: u8 = 2;
const IMMEDIATE: u8 = 3;
const FILL_OR_KILL: u8 = 4;
const AT_AUCTION: u8 = 5;

/// Why an order lost quantity, as events name it.
const CANCELLED: u8 = 0;
const SELF_TRADE: u8 = 1;
const NOTHING_TO_TRADE: u8 = 2;
const MAKERS_BOUND: u8 = 3;
const EXPIRED: u8 = 4;
const AUCTION_OVER: u8 = 5;
const KILLED: u8 = 6;
const OUTSIDE_BAND: u8 = 7;
const ACCOUNT_SHUT: u8 = 8;

/// What happens when an order meets its own holder: it goes itself, and the resting one stays.
const CANCEL_NEWEST: u8 = 1;

/// What a market allows, as it was listed.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) price_min: i64,
    pub(super) price_max: i64,
    pub(super) quantity_max: u64,
    pub(super) makers_max: u32,
    pub(super) wakes_max: u32,
    pub(super) orders_max: u32,
    pub(super) account_orders_max: u32,
    pub(super) stops_max: u32,
    pub(super) position_max: Option<u64>,
    pub(super) messages_max: Option<u32>,
    pub(super) window: u64,
}

/// Where an order stands. The numbers are those of the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Ladder = 0,
    Stop = 1,
    Awake = 2,
    Auction = 3,
    /// On its way through the other side.
    Entering = 4,
}

/// What a bid sets aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reserve {
    /// Its open quantity at this price.
    At(i64),
    /// A lump, less what it paid.
    Lump(i64),
}

#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) holder: u64,
    pub(super) is_bid: bool,
    pub(super) price: Option<i64>,
    pub(super) trigger: Option<i64>,
    pub(super) open: u64,
    pub(super) visible: u64,
    pub(super) filled: u64,
    pub(super) display: Option<u64>,
    pub(super) reserve: Reserve,
    pub(super) paid: i128,
    pub(super) validity: u8,
    /// The time, or the session, in which it ends.
    pub(super) until: u64,
    pub(super) prevention: u8,
    pub(super) place: Place,
    /// Its place in time: the lower trades first.
    pub(super) stamp: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Market {
    pub(super) limits: Limits,
    pub(super) currency: [u8; 3],
    pub(super) tick: i64,
    pub(super) lot: u64,
    pub(super) units_per_contract: u64,
    pub(super) step_value: u32,
    pub(super) orders: BTreeMap<Id, Order>,
    /// Stops that woke and wait to enter, the next one first.
    pub(super) awake: Vec<Id>,
    pub(super) in_call: bool,
    pub(super) halted: bool,
    pub(super) last: Option<i64>,
    pub(super) band: Option<(i64, i64)>,
    pub(super) session: u64,
    pub(super) killed: BTreeSet<u64>,
    pub(super) messages: BTreeMap<u64, u32>,
    /// The window in which the messages were counted.
    pub(super) window: u64,
    stamp: u64,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Exchange {
    pub(super) markets: BTreeMap<u32, Market>,
    /// Which block trades a market takes, if any.
    pub(super) block_rules: BTreeMap<u32, block_trade::BlockRule>,
    /// Sales that are not over, and what others came to.
    pub(super) sales: BTreeMap<u64, Sale>,
    pub(super) ended: BTreeMap<u64, sale_end::Ended>,
}

impl Exchange {
    /// A new window forgets the messages.
    pub(super) fn begin(&mut self, time: u64) {
        for market in self.markets.values_mut() {
            let window = time / market.limits.window;
            if window != market.window {
                market.window = window;
                market.messages.clear();
            }
        }
    }
}

impl Order {
    /// How the state writes down what it sets aside: a lump as a negative number.
    pub(super) fn carried(&self) -> i64 {
        match self.reserve {
            _ if !self.is_bid => 0,
            Reserve::At(price) => price,
            Reserve::Lump(money) => -money,
        }
    }

    /// What ends it, by the number of the state, and the time or session in which it does.
    pub(super) fn ends(&self) -> (u8, u64) {
        match self.validity {
            GOOD_TILL_DATE => (1, self.until),
            DAY => (2, self.until),
            AT_AUCTION => (3, 0),
            _ => (0, 0),
        }
    }

    /// The money that a bid without a price may spend; what rests has a price.
    pub(super) fn budget(&self) -> Option<i64> {
        match self.reserve {
            Reserve::Lump(money) if self.is_bid => Some(money),
            _ => None,
        }
    }

    fn show(&mut self) {
        self.visible = self.display.map_or(self.open, |most| most.min(self.open));
    }

    fn is_parked(&self) -> bool {
        matches!(self.place, Place::Stop | Place::Awake | Place::Auction)
    }
}

impl Market {
    pub(super) fn is_open(&self) -> bool {
        !self.in_call && !self.halted
    }

    fn next_stamp(&mut self) -> u64 {
        self.stamp += 1;
        self.stamp
    }

    /// Quantity times price, cut, by the definition of a price: money per whole contract unit.
    pub(super) fn worth(&self, quantity: u64, price: i64) -> i128 {
        let product = i128::from(quantity) * i128::from(price) * i128::from(self.step_value);
        product / i128::from(self.units_per_contract)
    }

    /// What an order sets aside for so much of it, in money or in units.
    fn needed(&self, order: &Order) -> i128 {
        match order.reserve {
            _ if !order.is_bid => i128::from(order.open),
            Reserve::At(price) => self.worth(order.open, price),
            Reserve::Lump(money) => i128::from(money) - order.paid,
        }
    }

    fn of_account(&self, account: u64) -> impl Iterator<Item = (&Id, &Order)> {
        self.orders.range((account, 0)..=(account, u64::MAX))
    }

    pub(super) fn reserved_money(&self, account: u64) -> i128 {
        let bids = self.of_account(account).filter(|(_, order)| order.is_bid);
        bids.map(|(_, order)| self.needed(order)).sum()
    }

    pub(super) fn reserved_units(&self, account: u64) -> u64 {
        let asks = self.of_account(account).filter(|(_, order)| !order.is_bid);
        asks.map(|(_, order)| order.open).sum()
    }

    fn order(&self, id: Id) -> Result<&Order, Finding> {
        let found = self.orders.get(&id);
        found.ok_or_else(|| format!("there is no order {id:?}"))
    }

    fn order_mut(&mut self, id: Id) -> Result<&mut Order, Finding> {
        let found = self.orders.get_mut(&id);
        found.ok_or_else(|| format!("there is no order {id:?}"))
    }

    fn remove(&mut self, id: Id) {
        self.orders.remove(&id);
        self.awake.retain(|other| *other != id);
    }

    /// The order lost so much of what is open; at zero it is gone.
    fn lose(&mut self, id: Id, quantity: u64) -> Result<u64, Finding> {
        let order = self.order_mut(id)?;
        let known = 0 < quantity && quantity <= order.open;
        ensure!(known, "order {id:?} loses {quantity} of {}", order.open);
        order.open -= quantity;
        let open = order.open;
        if open == 0 {
            self.remove(id);
        }
        Ok(open)
    }

    /// Whether its time or its session is over.
    pub(super) fn has_ended(&self, order: &Order, time: u64) -> bool {
        match order.validity {
            GOOD_TILL_DATE => order.until <= time,
            DAY => order.until < self.session,
            _ => false,
        }
    }

    /// Whether a resting order of the other side is within what an order takes.
    fn reaches(&self, taker: &Order, price: i64) -> bool {
        match (taker.is_bid, taker.price) {
            (true, Some(limit)) => price <= limit,
            (false, Some(limit)) => price >= limit,
            (true, None) => self.band.is_none_or(|(_, high)| price <= high),
            (false, None) => self.band.is_none_or(|(low, _)| price >= low),
        }
    }

    /// The next to trade on a side: the best price, then the oldest.
    fn best(&self, of_bids: bool) -> Option<(Id, &Order)> {
        let ladder = self
            .orders
            .iter()
            .filter(|(_, order)| order.place == Place::Ladder && order.is_bid == of_bids);
        let key = |order: &Order| {
            let price = order.price.expect("what rests has a price");
            (
                if of_bids {
                    -i128::from(price)
                } else {
                    price.into()
                },
                order.stamp,
            )
        };
        let best = ladder.min_by_key(|(_, order)| key(order));
        best.map(|(id, order)| (*id, order))
    }

    /// Whether an order would still trade with the best of the other side.
    fn crosses(&self, taker: &Order) -> bool {
        let best = self.best(!taker.is_bid);
        let price = best.and_then(|(_, maker)| maker.price);
        price.is_some_and(|price| self.reaches(taker, price))
    }

    fn is_price(&self, price: i64) -> bool {
        let range = self.limits.price_min..=self.limits.price_max;
        range.contains(&price) && price % self.tick == 0
    }

    /// While a market is open its book is not crossed, and no stop sleeps whose price is reached.
    fn at_rest(&self) -> Result<(), Finding> {
        let entering = self.orders.iter().find(|(_, o)| o.place == Place::Entering);
        ensure!(entering.is_none(), "{entering:?} neither rests nor is gone");
        if !self.is_open() {
            return Ok(());
        }
        if let (Some((bid, buys)), Some((ask, sells))) = (self.best(true), self.best(false)) {
            ensure!(
                buys.price < sells.price,
                "{bid:?} and {ask:?} cross and rest"
            );
        }
        let last = self.last;
        let reached = self.orders.iter().find(|(_, order)| {
            order.place == Place::Stop && last.is_some_and(|last| order.is_reached(last, last))
        });
        ensure!(reached.is_none(), "{reached:?} sleeps at {last:?}");
        Ok(())
    }

    /// What the market's rules bound.
    fn within_limits(&self) -> Result<(), Finding> {
        let limits = &self.limits;
        let orders = self.orders.len();
        ensure!(
            orders <= limits.orders_max as usize,
            "{orders} orders in a book"
        );
        let is_stop = |order: &&Order| matches!(order.place, Place::Stop | Place::Awake);
        let stops = self.orders.values().filter(is_stop).count();
        ensure!(
            stops <= limits.stops_max as usize,
            "{stops} stops in a book"
        );
        Ok(())
    }
}

impl Order {
    /// Whether trades between these prices wake it.
    fn is_reached(&self, low: i64, high: i64) -> bool {
        self.trigger.is_some_and(|trigger| match self.is_bid {
            true => trigger <= high,
            false => trigger >= low,
        })
    }
}

impl Books {
    pub(super) fn list(&mut self, id: u32, limits: Limits) -> Result<(), Finding> {
        let instrument = self.instrument(id)?;
        let counted = instrument.form != super::units::SERIALISED;
        ensure!(counted, "a market of units with numbers");
        let market = Market {
            currency: instrument.currency,
            tick: instrument.tick.into(),
            lot: instrument.lot,
            units_per_contract: 10_u64.pow(instrument.scale.into()),
            step_value: instrument.step_value,
            orders: BTreeMap::new(),
            awake: Vec::new(),
            in_call: false,
            halted: false,
            last: None,
            band: None,
            session: 0,
            killed: BTreeSet::new(),
            messages: BTreeMap::new(),
            window: self.time / limits.window.max(1),
            stamp: 0,
            limits,
        };
        let Limits {
            price_min,
            price_max,
            quantity_max,
            ..
        } = market.limits;
        let costs = market.worth(market.lot, price_min) > 0;
        let fits = i64::try_from(market.worth(quantity_max, price_max)).is_ok();
        ensure!(
            0 < price_min && price_min <= price_max && market.limits.window > 0 && costs && fits,
            "a market where something costs nothing, or more than there is"
        );
        let before = self.exchange.markets.insert(id, market);
        ensure!(before.is_none(), "market {id} is listed twice");
        Ok(())
    }

    fn market(&self, id: u32) -> Result<&Market, Finding> {
        let found = self.exchange.markets.get(&id);
        found.ok_or_else(|| format!("there is no market {id}"))
    }

    fn market_mut(&mut self, id: u32) -> Result<&mut Market, Finding> {
        let found = self.exchange.markets.get_mut(&id);
        found.ok_or_else(|| format!("there is no market {id}"))
    }

    fn market_rests(&self, id: u32) -> Result<(), Finding> {
        let market = self.market(id)?;
        market.at_rest()?;
        market.within_limits()
    }
}
