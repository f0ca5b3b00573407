//! A second order book: one list of orders, searched from end to end for everything. Slow, and easy to believe.
//!
//! It shares with the first one what is said (requests, events, refusals) and nothing of how it is done.

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::account::HolderId;
use bds_contracts::amount::{Money, Price, Quantity};
use bds_contracts::exchange::event::{Event, Phase, Reason, Reduced, Trade};
use bds_contracts::exchange::limits::Band;
use bds_contracts::exchange::reject::Reject;
use bds_contracts::exchange::request::{Amend, Prevention, Quote, Request, Resize, Validity};
use bds_contracts::exchange::rules::Rules;
use bds_contracts::exchange::slab::{Place, Resting};
use bds_contracts::exchange::{OrderId, Side};
use bds_contracts::tx::AccountId;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) resting: Resting,
    budget: Option<i64>,
    /// Session of a day order.
    session: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) rules: Rules,
    pub(crate) self_trades: bool,
    pub(crate) orders: Vec<Order>,
    pub(crate) call: bool,
    pub(crate) halted: bool,
    pub(crate) last: Option<i64>,
    pub(crate) band: Option<Band>,
    pub(crate) now: u64,
    pub(crate) session: u64,
    pub(crate) killed: BTreeSet<AccountId>,
    pub(crate) messages: BTreeMap<AccountId, u32>,
    pub(crate) next_priority: u64,
    pub(crate) events: Vec<Event>,
}

type Done<T> = Result<T, Reject>;

impl Model {
    pub(crate) fn new(rules: Rules, self_trades: bool) -> Self {
        Model {
            rules,
            self_trades,
            orders: Vec::new(),
            call: false,
            halted: false,
            last: None,
            band: None,
            now: 0,
            session: 0,
            killed: BTreeSet::new(),
            messages: BTreeMap::new(),
            next_priority: 0,
            events: Vec::new(),
        }
    }

    // Looking.

    pub(crate) fn find(&self, id: OrderId) -> Option<usize> {
        self.orders.iter().position(|order| order.resting.id == id)
    }

    /// Orders at a place and side as they come to their turn.
    pub(crate) fn in_turn(&self, place: Place, side: Side) -> Vec<Resting> {
        let mut found: Vec<Resting> = Vec::new();
        for order in &self.orders {
            let right_side = place == Place::Awake || order.resting.side == side;
            if order.resting.place == place && right_side {
                found.push(order.resting);
            }
        }
        found.sort_by(|a, b| {
            let price = |order: &Resting| match place {
                Place::Awake => None,
                Place::Stop => order.trigger,
                Place::Ladder | Place::Auction => order.price,
            };
            let up = price(a).cmp(&price(b));
            // None is lowest, and a market order goes first on both sides.
            let by_price = match (place, side) {
                (Place::Stop, Side::Buy) => up,
                (Place::Stop, Side::Sell) => up.reverse(),
                (_, Side::Buy) if a.price.is_some() && b.price.is_some() => up.reverse(),
                _ => up,
            };
            by_price.then(a.priority.cmp(&b.priority))
        });
        if place == Place::Awake {
            found.sort_by_key(|order| order.priority);
        }
        found
    }

    fn of(&self, account: AccountId) -> Vec<&Order> {
        self.orders
            .iter()
            .filter(|order| order.resting.id.account == account)
            .collect()
    }

    pub(crate) fn shown(&self, side: Side) -> BTreeMap<Price, u128> {
        let mut shown = BTreeMap::new();
        for order in self.in_turn(Place::Ladder, side) {
            *shown.entry(order.price.unwrap()).or_default() += u128::from(order.visible.0);
        }
        shown
    }

    // Saying.

    fn tell(&mut self, event: Event) {
        self.events.push(event);
    }

    fn show(&mut self, order: &Resting, change: i128) {
        if change != 0 && order.place == Place::Ladder {
            self.tell(Event::Shown {
                side: order.side,
                price: order.price.unwrap(),
                quantity: change,
            });
        }
    }

    fn lost(&mut self, order: &Resting, quantity: u64, left: u64, reason: Reason) {
        self.tell(Event::Reduced(Reduced {
            id: order.id,
            side: order.side,
            quantity: Quantity(quantity),
            open: Quantity(left),
            reserve: order.reserve,
            reason,
        }));
    }

    // Checking.

    fn quantity_ok(&self, quantity: Quantity) -> Done<()> {
        if quantity.0 == 0 {
            return Err(Reject::QuantityZero);
        }
        if !quantity.0.is_multiple_of(self.rules.terms.lot) {
            return Err(Reject::QuantityNotLot);
        }
        if quantity > self.rules.quantity_max {
            return Err(Reject::QuantityTooLarge);
        }
        Ok(())
    }

    fn price_ok(&self, price: Price) -> bool {
        price >= self.rules.price_min
            && price <= self.rules.price_max
            && price.0 % self.rules.tick == 0
    }

    fn account_ok(
        &self,
        account: AccountId,
        side: Side,
        position: i64,
        more: u64,
        new: bool,
    ) -> Done<()> {
        if self.killed.contains(&account) {
            return Err(Reject::AccountKilled);
        }
        let messages = self.messages.get(&account).copied().unwrap_or(0);
        if self.rules.messages_max.is_some_and(|most| messages >= most) {
            return Err(Reject::MessageLimit);
        }
        if new && self.of(account).len() >= self.rules.account_orders_max as usize {
            return Err(Reject::OrderLimit);
        }
        let mut after = i128::from(more);
        for order in self.of(account) {
            if order.resting.side == side {
                after += i128::from(order.resting.open().0);
            }
        }
        let (limit, position) = match side {
            Side::Buy => (self.rules.long_max, i128::from(position)),
            Side::Sell => (self.rules.short_max, -i128::from(position)),
        };
        match limit {
            Some(limit) if position + after > i128::from(limit.0) => Err(Reject::PositionLimit),
            _ => Ok(()),
        }
    }

    pub(crate) fn check(&self, r: &Request) -> Done<()> {
        let ioc = r.validity == Validity::ImmediateOrCancel;
        let fok = r.validity == Validity::FillOrKill;
        let gaa = r.validity == Validity::GoodAtAuction;
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        if self.call && (ioc || fok) {
            return Err(Reject::WrongPhase);
        }
        self.quantity_ok(r.quantity)?;
        if let Some(price) = r.price
            && !self.price_ok(price)
        {
            return Err(Reject::PriceInvalid);
        }
        if let Some(trigger) = r.trigger
            && !self.price_ok(trigger)
        {
            return Err(Reject::TriggerInvalid);
        }
        // What goes together: market with ioc, fok, gaa; limit with all; stops with gtc, gtd, day.
        let good = match (r.price.is_some(), r.trigger.is_some()) {
            (false, false) => ioc || fok || gaa,
            (true, false) => true,
            (_, true) => !ioc && !fok && !gaa,
        };
        if !good {
            return Err(Reject::OrderInvalid);
        }
        if let Some(display) = r.display {
            let rests = r.price.is_some() && r.trigger.is_none() && !ioc && !fok && !gaa;
            if !rests || display > r.quantity || self.quantity_ok(display).is_err() {
                return Err(Reject::DisplayInvalid);
            }
        }
        if let Some(budget) = r.budget {
            let allowed = r.side == Side::Buy && r.price.is_none() && !gaa;
            if !allowed || budget.0 <= 0 {
                return Err(Reject::MaxCashInvalid);
            }
        }
        if let Validity::GoodTillDate(until) = r.validity
            && until.0 <= self.now
        {
            return Err(Reject::ExpiryInvalid);
        }
        if let (Some(band), Some(price)) = (self.band, r.price)
            && (price < band.low || price > band.high)
        {
            return Err(Reject::OutsidePriceBand);
        }
        self.account_ok(
            r.id.account,
            r.side,
            r.position,
            r.quantity.0,
            !(ioc || fok),
        )?;
        if self.find(r.id).is_some() {
            return Err(Reject::OrderNumberUsed);
        }
        if !(ioc || fok) && self.orders.len() >= self.rules.orders_max as usize {
            return Err(Reject::BookFull);
        }
        if r.trigger.is_some() && self.sleepers() >= self.rules.stops_max as usize {
            return Err(Reject::BookFull);
        }
        Ok(())
    }

    fn sleepers(&self) -> usize {
        let is_stop = |order: &&Order| matches!(order.resting.place, Place::Stop | Place::Awake);
        self.orders.iter().filter(is_stop).count()
    }

    // Commands.

    pub(crate) fn place(&mut self, r: &Request) -> Done<u64> {
        self.check(r)?;
        let place = match (r.trigger, r.validity) {
            (Some(_), _) => Place::Stop,
            (None, Validity::GoodAtAuction) => Place::Auction,
            _ => Place::Ladder,
        };
        let order = Order {
            resting: Resting {
                id: r.id,
                holder: r.holder,
                side: r.side,
                price: r.price,
                trigger: r.trigger,
                visible: r.quantity,
                hidden: Quantity(0),
                filled: Quantity(0),
                display: r.display,
                reserve: r.reserve,
                place,
                priority: 0,
                prevention: r.prevention,
                validity: r.validity,
            },
            budget: r.budget.map(|money| money.0),
            session: self.session,
        };
        let before = self.clone();
        let mut traded = 0;
        if place == Place::Ladder {
            traded = self.enter(order);
            if r.validity == Validity::FillOrKill && traded < r.quantity.0 {
                *self = before;
                return Err(Reject::NotFillable);
            }
        } else {
            self.wait(order);
        }
        self.count(r.id.account);
        self.wake();
        Ok(traded)
    }

    fn count(&mut self, account: AccountId) {
        if self.rules.messages_max.is_some() {
            *self.messages.entry(account).or_default() += 1;
        }
    }

    fn priority(&mut self) -> u64 {
        self.next_priority += 1;
        self.next_priority - 1
    }

    fn wait(&mut self, mut order: Order) {
        order.resting.priority = self.priority();
        self.tell(Event::Waits {
            id: order.resting.id,
            open: order.resting.open(),
            reserve: order.resting.reserve,
        });
        self.orders.push(order);
    }

    /// Why an order no longer counts.
    fn over(&self, order: &Order) -> Option<Reason> {
        let expired = match order.resting.validity {
            Validity::GoodTillDate(until) => until.0 <= self.now,
            Validity::Day => order.session < self.session,
            _ => false,
        };
        if expired {
            return Some(Reason::Expired);
        }
        if self.killed.contains(&order.resting.id.account) {
            return Some(Reason::Killed);
        }
        if let (Some(band), Some(price)) = (self.band, order.resting.price)
            && (price < band.low || price > band.high)
        {
            return Some(Reason::OutsidePriceBand);
        }
        None
    }

    fn drop_order(&mut self, at: usize, reason: Reason) -> u64 {
        let order = self.orders.remove(at).resting;
        self.lost(&order, order.open().0, 0, reason);
        self.show(&order, -i128::from(order.visible.0));
        order.open().0
    }

    fn would_trade(&self, taker: &Resting, price: i64) -> bool {
        let worst = match (taker.price, self.band, taker.side) {
            (Some(limit), _, _) => limit.0,
            (None, None, _) => return true,
            (None, Some(band), Side::Buy) => band.high.0,
            (None, Some(band), Side::Sell) => band.low.0,
        };
        match taker.side {
            Side::Buy => price <= worst,
            Side::Sell => price >= worst,
        }
    }

    fn enter(&mut self, mut order: Order) -> u64 {
        let mut traded = 0;
        let mut left = order.resting.open().0;
        let mut prices = Vec::new();
        let mut met = 0;
        while left > 0 && !self.call {
            let taker = order.resting;
            let queue = self.in_turn(Place::Ladder, taker.side.opposite());
            let Some(maker) = queue.first() else { break };
            let price = maker.price.unwrap().0;
            if !self.would_trade(&taker, price) {
                break;
            }
            if met == self.rules.makers_max {
                self.lost(&taker, left, 0, Reason::MakersBound);
                left = 0;
                break;
            }
            met += 1;
            let at = self.find(maker.id).unwrap();
            if let Some(reason) = self.over(&self.orders[at]) {
                self.drop_order(at, reason);
                continue;
            }
            if maker.holder == taker.holder && !self.self_trades {
                let both = left.min(maker.visible.0);
                match taker.prevention {
                    Prevention::DecrementAndCancel => {
                        self.lost(maker, both, maker.open().0 - both, Reason::SelfTrade);
                        self.show(maker, -i128::from(both));
                        self.take(at, both, false);
                        left -= both;
                        self.lost(&taker, both, left, Reason::SelfTrade);
                    }
                    Prevention::CancelNewest => {
                        self.lost(&taker, left, 0, Reason::SelfTrade);
                        left = 0;
                    }
                    Prevention::CancelOldest => {
                        self.drop_order(at, Reason::SelfTrade);
                    }
                    Prevention::CancelBoth => {
                        self.drop_order(at, Reason::SelfTrade);
                        self.lost(&taker, left, 0, Reason::SelfTrade);
                        left = 0;
                    }
                }
                continue;
            }
            let mut quantity = left.min(maker.visible.0);
            if let Some(budget) = order.budget {
                quantity = quantity.min(self.affordable(budget, price));
                if quantity == 0 {
                    break;
                }
                order.budget = Some(budget - self.cost(quantity, price));
            }
            left -= quantity;
            traded += quantity;
            self.tell(Event::Traded(Trade {
                maker: maker.id,
                taker: taker.id,
                taker_side: taker.side,
                price: Price(price),
                quantity: Quantity(quantity),
                maker_open: Quantity(maker.open().0 - quantity),
                taker_open: Quantity(left),
                maker_reserve: maker.reserve,
                taker_reserve: taker.reserve,
                auction: false,
            }));
            self.take(at, quantity, true);
            prices.push(price);
            self.last = Some(price);
        }
        for price in prices {
            self.rouse_at(price);
        }
        self.sort_awakened();
        if left == 0 {
            return traded;
        }
        let rests = match order.resting.validity {
            Validity::ImmediateOrCancel | Validity::FillOrKill => false,
            _ => order.resting.price.is_some(),
        };
        if !rests {
            self.lost(&order.resting, left, 0, Reason::NothingToTrade);
            return traded;
        }
        order.resting.priority = self.priority();
        order.resting.filled.0 += traded;
        order.resting.place = Place::Ladder;
        order.resting.trigger = None;
        spread(&mut order.resting, left);
        self.tell(Event::Rests {
            id: order.resting.id,
            side: order.resting.side,
            price: order.resting.price.unwrap(),
            open: Quantity(left),
            reserve: order.resting.reserve,
        });
        self.show(&order.resting, i128::from(order.resting.visible.0));
        self.orders.push(order);
        traded
    }

    /// By trial: the most lots whose cost the budget covers.
    fn affordable(&self, budget: i64, price: i64) -> u64 {
        let lot = self.rules.terms.lot;
        if price <= 0 || budget <= 0 {
            return 0;
        }
        let covered = |lots: u64| match lots.checked_mul(lot) {
            Some(quantity) => self.exact(quantity, price) <= i128::from(budget),
            None => false,
        };
        let (mut low, mut high) = (0u64, u64::MAX);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if covered(middle) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        low * lot
    }

    fn exact(&self, quantity: u64, price: i64) -> i128 {
        let terms = &self.rules.terms;
        i128::from(quantity)
            .saturating_mul(i128::from(price))
            .saturating_mul(i128::from(terms.step_value))
            / i128::from(terms.units_per_contract)
    }

    fn cost(&self, quantity: u64, price: i64) -> i64 {
        i64::try_from(self.exact(quantity, price)).unwrap()
    }

    fn take(&mut self, at: usize, quantity: u64, filled: bool) {
        let order = &mut self.orders[at].resting;
        order.visible.0 -= quantity;
        if filled {
            order.filled.0 += quantity;
        }
        if order.visible.0 > 0 {
            return;
        }
        if order.hidden.0 == 0 {
            self.orders.remove(at);
            return;
        }
        let priority = self.priority();
        let order = &mut self.orders[at].resting;
        let open = order.open().0;
        spread(order, open);
        order.priority = priority;
        let order = *order;
        self.show(&order, i128::from(order.visible.0));
    }

    /// Marks the stops that a trade at this price wakes; [`Model::sort_awakened`] finishes it.
    fn rouse_at(&mut self, price: i64) {
        for order in &mut self.orders {
            let order = &mut order.resting;
            if order.place == Place::Stop {
                let trigger = order.trigger.unwrap().0;
                let wakes = match order.side {
                    Side::Buy => price >= trigger,
                    Side::Sell => price <= trigger,
                };
                if wakes {
                    order.place = Place::Awake;
                    // Not yet numbered.
                    order.priority |= UNNUMBERED;
                }
            }
        }
    }

    /// Numbers what woke: bids by trigger upwards, asks downwards, equal ones by age.
    fn sort_awakened(&mut self) {
        let mut woke: Vec<Resting> = Vec::new();
        for order in &self.orders {
            if order.resting.place == Place::Awake && order.resting.priority & UNNUMBERED != 0 {
                woke.push(order.resting);
            }
        }
        woke.sort_by_key(|order| {
            let trigger = order.trigger.unwrap().0;
            match order.side {
                Side::Buy => (0, i128::from(trigger), order.priority),
                Side::Sell => (1, -i128::from(trigger), order.priority),
            }
        });
        for order in woke {
            let at = self.find(order.id).unwrap();
            self.orders[at].resting.priority = self.priority();
            self.tell(Event::Wakes { id: order.id });
        }
    }

    pub(crate) fn wake(&mut self) -> usize {
        if self.halted || self.call {
            return self.in_turn(Place::Awake, Side::Buy).len();
        }
        if let Some(last) = self.last {
            self.rouse_at(last);
            self.sort_awakened();
        }
        for _ in 0..self.rules.wakes_max {
            let awake = self.in_turn(Place::Awake, Side::Buy);
            let Some(first) = awake.first() else { break };
            let at = self.find(first.id).unwrap();
            if let Some(reason) = self.over(&self.orders[at]) {
                self.drop_order(at, reason);
                continue;
            }
            let order = self.orders.remove(at);
            self.enter(order);
        }
        self.in_turn(Place::Awake, Side::Buy).len()
    }

    pub(crate) fn cancel(&mut self, id: OrderId) -> Done<u64> {
        let at = self.find(id).ok_or(Reject::UnknownOrder)?;
        Ok(self.drop_order(at, Reason::Cancelled))
    }

    pub(crate) fn cancel_all(&mut self, account: AccountId, most: usize, reason: Reason) -> usize {
        let mut ids: Vec<OrderId> = self
            .of(account)
            .iter()
            .map(|order| order.resting.id)
            .collect();
        ids.sort();
        for id in ids.iter().take(most) {
            let at = self.find(*id).unwrap();
            self.drop_order(at, reason);
        }
        self.of(account).len()
    }

    pub(crate) fn kill(&mut self, account: AccountId, most: usize) -> usize {
        self.killed.insert(account);
        self.cancel_all(account, most, Reason::Killed)
    }

    pub(crate) fn revive(&mut self, account: AccountId, most: usize) -> usize {
        if !self.killed.contains(&account) {
            return 0;
        }
        let left = self.cancel_all(account, most, Reason::Killed);
        if left == 0 {
            self.killed.remove(&account);
        }
        left
    }

    pub(crate) fn amend(&mut self, amend: &Amend) -> Done<u64> {
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        let at = self.find(amend.id).ok_or(Reject::UnknownOrder)?;
        let before = self.orders[at].clone();
        if self.over(&before) == Some(Reason::Expired) {
            return Err(Reject::UnknownOrder);
        }
        let resting = before.resting;
        let (old_open, filled) = (resting.open().0, resting.filled.0);
        let open = match amend.size {
            None => old_open,
            Some(size) => {
                let open = match size {
                    Resize::Open(open) => open.0,
                    Resize::Total(Quantity(0)) => return Err(Reject::QuantityZero),
                    Resize::Total(total) if total.0 <= filled => return Err(Reject::AmendInvalid),
                    Resize::Total(total) => total.0 - filled,
                };
                self.quantity_ok(Quantity(open))?;
                if u128::from(open) + u128::from(filled) > u128::from(self.rules.quantity_max.0) {
                    return Err(Reject::QuantityTooLarge);
                }
                open
            }
        };
        let mut price = resting.price;
        if let Some(new) = amend.price {
            if price.is_none() || !self.price_ok(new) {
                return Err(Reject::PriceInvalid);
            }
            price = Some(new);
        }
        let keeps = price == resting.price && open <= old_open;
        if let (Some(band), Some(price)) = (self.band, price)
            && (amend.price.is_some() || !keeps)
            && (price < band.low || price > band.high)
        {
            return Err(Reject::OutsidePriceBand);
        }
        let more = open.saturating_sub(old_open);
        self.account_ok(amend.id.account, resting.side, amend.position, more, false)?;

        let reserve = amend.reserve.unwrap_or(resting.reserve);
        self.tell(Event::Amended {
            id: amend.id,
            price,
            open: Quantity(open),
            before: Quantity(old_open),
            reserve,
            reserve_before: resting.reserve,
            kept_place: keeps,
        });
        let mut traded = 0;
        if keeps {
            let order = &mut self.orders[at].resting;
            order.reserve = reserve;
            // The hidden part goes first.
            let less = old_open - open;
            let from_hidden = less.min(order.hidden.0);
            order.hidden.0 -= from_hidden;
            order.visible.0 -= less - from_hidden;
            let order = *order;
            self.show(&order, -i128::from(less - from_hidden));
        } else {
            let mut order = self.orders.remove(at);
            self.show(&resting, -i128::from(resting.visible.0));
            order.resting.price = price;
            order.resting.reserve = reserve;
            spread(&mut order.resting, open);
            if resting.place == Place::Ladder {
                traded = self.enter(order);
            } else {
                self.wait(order);
            }
        }
        self.count(amend.id.account);
        self.wake();
        Ok(traded)
    }

    pub(crate) fn mass_quote(
        &mut self,
        account: AccountId,
        holder: HolderId,
        mut position: i64,
        quotes: &[Quote],
    ) -> Result<(), (usize, Reject)> {
        if quotes.is_empty() || quotes.len() > 128 {
            return Err((0, Reject::TooMany));
        }
        for (at, quote) in quotes.iter().enumerate() {
            if quotes[..at]
                .iter()
                .any(|other| other.number == quote.number)
            {
                return Err((at, Reject::TooMany));
            }
        }
        let before = self.clone();
        for (at, quote) in quotes.iter().enumerate() {
            let told = self.events.len();
            if let Err(reject) = self.quote(account, holder, position, quote) {
                *self = before;
                return Err((at, reject));
            }
            for event in &self.events[told..] {
                if let Event::Traded(trade) = event {
                    let bought = match trade.taker_side {
                        Side::Buy => (trade.taker.account, trade.maker.account),
                        Side::Sell => (trade.maker.account, trade.taker.account),
                    };
                    let quantity = trade.quantity.0;
                    if trade.taker.account == account && trade.maker.account == account {
                        // Only where self-trades are allowed: counted for the taker.
                        position = match trade.taker_side {
                            Side::Buy => position.saturating_add_unsigned(quantity),
                            Side::Sell => position.saturating_sub_unsigned(quantity),
                        };
                    } else if bought.0 == account {
                        position = position.saturating_add_unsigned(quantity);
                    } else if bought.1 == account {
                        position = position.saturating_sub_unsigned(quantity);
                    }
                }
            }
        }
        Ok(())
    }

    fn quote(
        &mut self,
        account: AccountId,
        holder: HolderId,
        position: i64,
        quote: &Quote,
    ) -> Done<()> {
        let id = OrderId {
            account,
            number: quote.number,
        };
        match self.find(id) {
            None => {
                let mut request =
                    Request::limit(id, holder, quote.side, quote.price, quote.quantity);
                request.reserve = quote.reserve;
                request.position = position;
                self.place(&request)?;
            }
            Some(at) if self.orders[at].resting.side != quote.side => {
                return Err(Reject::OrderNumberUsed);
            }
            Some(_) if quote.quantity.0 == 0 => {
                self.cancel(id)?;
            }
            Some(_) => {
                self.amend(&Amend {
                    id,
                    price: Some(quote.price),
                    size: Some(Resize::Open(quote.quantity)),
                    reserve: Some(quote.reserve),
                    position,
                })?;
            }
        }
        Ok(())
    }

    // The operator.

    pub(crate) fn halt(&mut self) -> Done<()> {
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        self.halted = true;
        self.tell(Event::Phase(Phase::Halted));
        Ok(())
    }

    pub(crate) fn resume(&mut self) -> Done<()> {
        if !self.halted {
            return Err(Reject::WrongPhase);
        }
        self.halted = false;
        let phase = if self.call { Phase::Call } else { Phase::Open };
        self.tell(Event::Phase(phase));
        self.wake();
        Ok(())
    }

    pub(crate) fn open_call(&mut self) -> Done<()> {
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        if self.call {
            return Err(Reject::WrongPhase);
        }
        self.call = true;
        self.tell(Event::Phase(Phase::Call));
        Ok(())
    }

    pub(crate) fn set_band(&mut self, band: Option<Band>) -> Done<()> {
        if let Some(band) = band
            && (band.low > band.high || !self.price_ok(band.low) || !self.price_ok(band.high))
        {
            return Err(Reject::RuleInvalid);
        }
        self.band = band;
        Ok(())
    }

    pub(crate) fn set_time(&mut self, now: u64) -> Done<()> {
        if now < self.now {
            return Err(Reject::TimeBack);
        }
        if now / self.rules.window != self.now / self.rules.window {
            self.messages.clear();
        }
        self.now = now;
        Ok(())
    }

    pub(crate) fn sweep(&mut self, most: usize) -> bool {
        let mut ended: Vec<(u8, u64, OrderId)> = Vec::new();
        for order in &self.orders {
            match order.resting.validity {
                Validity::GoodTillDate(until) if until.0 <= self.now => {
                    ended.push((0, until.0, order.resting.id));
                }
                Validity::Day if order.session < self.session => {
                    ended.push((1, order.session, order.resting.id));
                }
                _ => {}
            }
        }
        ended.sort();
        for (_, _, id) in ended.iter().take(most) {
            let at = self.find(*id).unwrap();
            self.drop_order(at, Reason::Expired);
        }
        ended.len() > most
    }

    // The call auction.

    /// Both sides in turn, orders for the auction alone among the others.
    fn participants(&self, side: Side) -> Vec<Resting> {
        let mut all = self.in_turn(Place::Ladder, side);
        all.extend(self.in_turn(Place::Auction, side));
        all.sort_by_key(|order| {
            let rank = match (order.price, side) {
                (None, _) => i128::MIN,
                (Some(price), Side::Buy) => -i128::from(price.0),
                (Some(price), Side::Sell) => i128::from(price.0),
            };
            (rank, order.priority)
        });
        all
    }

    /// Price, volume and surplus of bids, by trying every tick.
    pub(crate) fn clearing(&self, reference: Option<i64>) -> Option<(i64, u128, i128)> {
        let (low, high) = match self.band {
            Some(band) => (band.low.0, band.high.0),
            None => (self.rules.price_min.0, self.rules.price_max.0),
        };
        let willing = |side: Side, price: i64| -> u128 {
            let mut sum = 0;
            for order in self.participants(side) {
                let takes = match (order.price, side) {
                    (None, _) => true,
                    (Some(limit), Side::Buy) => limit.0 >= price,
                    (Some(limit), Side::Sell) => limit.0 <= price,
                };
                if takes {
                    sum += u128::from(order.open().0);
                }
            }
            sum
        };
        let mut tries = Vec::new();
        for price in low..=high {
            if price % self.rules.tick == 0 {
                let (bids, asks) = (willing(Side::Buy, price), willing(Side::Sell, price));
                tries.push((price, bids.min(asks), bids as i128 - asks as i128));
            }
        }
        let volume = tries.iter().map(|t| t.1).max()?;
        if volume == 0 {
            return None;
        }
        tries.retain(|t| t.1 == volume);
        let least = tries.iter().map(|t| t.2.abs()).min()?;
        tries.retain(|t| t.2.abs() == least);
        if tries.iter().all(|t| t.2 > 0) {
            return tries.last().copied();
        }
        if tries.iter().all(|t| t.2 < 0) {
            return tries.first().copied();
        }
        let reference = reference.or(self.last);
        let Some(reference) = reference else {
            return tries.first().copied();
        };
        let away = |t: &(i64, u128, i128)| (i128::from(t.0) - i128::from(reference)).abs();
        let nearest = tries.iter().map(away).min()?;
        tries.iter().find(|t| away(t) == nearest).copied()
    }

    pub(crate) fn uncross(&mut self, reference: Option<i64>) -> Done<Option<(i64, u128, i128)>> {
        if self.halted {
            return Err(Reject::MarketHalted);
        }
        if !self.call {
            return Err(Reject::WrongPhase);
        }
        for side in [Side::Buy, Side::Sell] {
            for order in self.participants(side) {
                let at = self.find(order.id).unwrap();
                if let Some(reason) = self.over(&self.orders[at]) {
                    self.drop_order(at, reason);
                }
            }
        }
        if !self.self_trades {
            self.part_holders();
        }
        let found = self.clearing(reference);
        if let Some((price, ..)) = found {
            self.trade_at(price);
        }
        for side in [Side::Buy, Side::Sell] {
            for order in self.in_turn(Place::Auction, side) {
                let at = self.find(order.id).unwrap();
                self.drop_order(at, Reason::AuctionOver);
            }
        }
        self.call = false;
        self.tell(Event::Phase(Phase::Open));
        if let Some((price, ..)) = found {
            self.rouse_at(price);
            self.sort_awakened();
        }
        self.wake();
        Ok(found)
    }

    fn part_holders(&mut self) {
        let holders: BTreeSet<HolderId> = self.orders.iter().map(|o| o.resting.holder).collect();
        for holder in holders {
            loop {
                let best = |side| {
                    let mut all = self.participants(side);
                    all.retain(|order| order.holder == holder);
                    all.first().copied()
                };
                let (Some(bid), Some(ask)) = (best(Side::Buy), best(Side::Sell)) else {
                    break;
                };
                if let (Some(bid), Some(ask)) = (bid.price, ask.price)
                    && bid < ask
                {
                    break;
                }
                let (old, young) = if bid.priority < ask.priority {
                    (bid, ask)
                } else {
                    (ask, bid)
                };
                let both = old.open().0.min(young.open().0);
                let (from_old, from_young) = match young.prevention {
                    Prevention::DecrementAndCancel => (both, both),
                    Prevention::CancelNewest => (0, young.open().0),
                    Prevention::CancelOldest => (old.open().0, 0),
                    Prevention::CancelBoth => (old.open().0, young.open().0),
                };
                for (order, quantity) in [(old, from_old), (young, from_young)] {
                    if quantity > 0 {
                        self.lost(
                            &order,
                            quantity,
                            order.open().0 - quantity,
                            Reason::SelfTrade,
                        );
                        self.lessen(order, quantity, false);
                    }
                }
            }
        }
    }

    fn lessen(&mut self, order: Resting, quantity: u64, filled: bool) {
        let at = self.find(order.id).unwrap();
        let left = order.open().0 - quantity;
        let mut shown = 0;
        if left == 0 {
            self.orders.remove(at);
        } else {
            let now = &mut self.orders[at].resting;
            spread(now, left);
            if filled {
                now.filled.0 += quantity;
            }
            shown = now.visible.0;
        }
        self.show(&order, i128::from(shown) - i128::from(order.visible.0));
    }

    fn trade_at(&mut self, price: i64) {
        loop {
            let bid = self.participants(Side::Buy).first().copied();
            let ask = self.participants(Side::Sell).first().copied();
            let (Some(bid), Some(ask)) = (bid, ask) else {
                break;
            };
            if bid.price.is_some_and(|limit| limit.0 < price)
                || ask.price.is_some_and(|limit| limit.0 > price)
            {
                break;
            }
            let quantity = bid.open().0.min(ask.open().0);
            let (maker, taker) = if bid.priority < ask.priority {
                (bid, ask)
            } else {
                (ask, bid)
            };
            self.tell(Event::Traded(Trade {
                maker: maker.id,
                taker: taker.id,
                taker_side: taker.side,
                price: Price(price),
                quantity: Quantity(quantity),
                maker_open: Quantity(maker.open().0 - quantity),
                taker_open: Quantity(taker.open().0 - quantity),
                maker_reserve: maker.reserve,
                taker_reserve: taker.reserve,
                auction: true,
            }));
            self.lessen(bid, quantity, true);
            self.lessen(ask, quantity, true);
            self.last = Some(price);
        }
    }
}

const UNNUMBERED: u64 = 1 << 63;

/// Shows as much as is displayed at a time, hides the rest.
fn spread(order: &mut Resting, open: u64) {
    let most = order.display.unwrap_or(Quantity(u64::MAX));
    order.visible = Quantity(open.min(most.0));
    order.hidden = Quantity(open - order.visible.0);
}

/// Money is not needed by name elsewhere.
pub(crate) fn money(amount: i64) -> Money {
    Money(amount)
}
