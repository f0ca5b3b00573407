//! A second order book: one list of orders, searched from end to end for everything. Slow, and easy to believe.
//!
//! It shares with the first one what is said (requests, events, refusals) and nothing of how it is done.

mod call;
mod checks;
mod entry;
mod orders;
mod session;
mod stops;

use std::collections::{BTreeMap, BTreeSet};

use bds_contracts::amount::{Money, Price, Quantity};
use bds_contracts::exchange::event::{Event, Reason, Reduced};
use bds_contracts::exchange::limits::Band;
use bds_contracts::exchange::reject::Reject;
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
