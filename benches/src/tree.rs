//! An order book over ordered maps: the baseline that the ledger's own book is measured against.
//!
//! It was the ledger's first book and decides as that one does: who trades with whom, at which price, in which order.
//! Best price first, and among equal prices the oldest first; every trade is at the resting order's price. After
//! each call the book is not crossed: the best bid is below the best ask.

use std::collections::BTreeMap;

use bds_contracts::amount::{Money, Price, Quantity, Terms};
use bds_contracts::exchange::{OrderId, Side};

pub use order::{Order, Resting, SelfTrade, TimeInForce};

mod order;

/// Something that happened in the book, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The incoming order traded with a resting one.
    Trade {
        /// The resting order, as it stands after the trade; `open` may be zero, and then it has left the book.
        maker: Resting,
        /// At the resting order's price.
        price: Price,
        /// How much.
        quantity: Quantity,
    },
    /// A resting order lost quantity to self-trade prevention; with `open` zero it has left the book.
    MakerReduced {
        /// As it stands afterwards.
        maker: Resting,
        /// How much it lost.
        quantity: Quantity,
    },
    /// The incoming order lost quantity that neither traded nor rests.
    TakerReduced {
        /// How much.
        quantity: Quantity,
        /// Through self-trade prevention; else because nothing was left to trade with.
        self_trade: bool,
    },
    /// The rest of the incoming order is in the book now.
    Rests(Resting),
}

/// Place in one side of the book, best first: how far the price is from the best possible, then age.
type Place = (i64, u64);

/// The resting orders of one instrument.
#[derive(Debug, Clone, Default)]
pub struct Book {
    orders: BTreeMap<OrderId, Resting>,
    bids: BTreeMap<Place, OrderId>,
    asks: BTreeMap<Place, OrderId>,
    next_priority: u64,
}

/// For asks the price, for bids its bitwise complement: that turns the order round and cannot overflow.
fn rank(side: Side, price: Price) -> i64 {
    match side {
        Side::Buy => !price.0,
        Side::Sell => price.0,
    }
}

impl Book {
    /// Lets an order trade, and rest if it may. Every change is appended to `steps`.
    ///
    /// Returns false for a fill-or-kill order that cannot trade in full: then nothing has changed. Such an order is not
    /// filled either when it would meet its own holder, unless that only cancels the resting order.
    ///
    /// Cost: `O(log n)` per step.
    ///
    /// # Panics
    /// When the id is in the book already or the quantity is zero: the caller checks both.
    pub fn place(&mut self, order: &Order, terms: &Terms, steps: &mut Vec<Step>) -> bool {
        assert!(order.quantity > Quantity::ZERO && !self.orders.contains_key(&order.id));
        if order.time_in_force == TimeInForce::FillOrKill && !self.is_fillable(order, terms) {
            return false;
        }
        let left = self.trade(order, terms, steps);
        if left == Quantity::ZERO {
            return true;
        }
        match (order.time_in_force, order.limit) {
            (TimeInForce::GoodTillCancelled, Some(price)) => {
                let resting = Resting {
                    id: order.id,
                    holder: order.holder,
                    side: order.side,
                    price,
                    open: left,
                    filled: Quantity::ZERO,
                    self_trade: order.self_trade,
                    reserve: order.reserve,
                    priority: self.next_priority,
                };
                self.rest(resting, traded(steps), steps);
            }
            _ => steps.push(Step::TakerReduced {
                quantity: left,
                self_trade: false,
            }),
        }
        true
    }

    fn rest(&mut self, mut resting: Resting, filled: Quantity, steps: &mut Vec<Step>) {
        resting.filled = Quantity(resting.filled.0 + filled.0);
        resting.priority = self.next_priority;
        // Correctness: at most one a call, so 2^64 is out of reach.
        self.next_priority += 1;
        self.side_mut(resting.side).insert(
            (rank(resting.side, resting.price), resting.priority),
            resting.id,
        );
        self.orders.insert(resting.id, resting);
        steps.push(Step::Rests(resting));
    }

    /// Trades as far as price, quantity and budget go; returns what is left of the order and may still rest.
    fn trade(&mut self, order: &Order, terms: &Terms, steps: &mut Vec<Step>) -> Quantity {
        let mut left = order.quantity;
        let mut budget = order.budget;
        while left > Quantity::ZERO {
            let Some(maker) = self.best_against(order) else {
                break;
            };
            if maker.holder == order.holder && order.self_trade != SelfTrade::Off {
                left = self.meet_self(order, left, maker, steps);
                continue;
            }
            let mut quantity = left.min(maker.open);
            if let Some(money) = budget {
                quantity = quantity.min(terms.affordable(money, maker.price));
                if quantity == Quantity::ZERO {
                    break;
                }
                let spent = terms.amount(quantity, maker.price).unwrap_or(money);
                budget = Some(Money(money.0 - spent.0));
            }
            left.0 -= quantity.0;
            let maker = self.reduce(maker, quantity, quantity);
            steps.push(Step::Trade {
                maker,
                price: maker.price,
                quantity,
            });
        }
        left
    }

    fn meet_self(
        &mut self,
        order: &Order,
        left: Quantity,
        maker: Resting,
        steps: &mut Vec<Step>,
    ) -> Quantity {
        let (maker_loses, taker_loses) = match order.self_trade {
            SelfTrade::DecrementAndCancel => (left.min(maker.open), left.min(maker.open)),
            SelfTrade::CancelOldest => (maker.open, Quantity::ZERO),
            SelfTrade::CancelNewest => (Quantity::ZERO, left),
            SelfTrade::CancelBoth => (maker.open, left),
            SelfTrade::Off => unreachable!("the caller trades then"),
        };
        if maker_loses > Quantity::ZERO {
            let maker = self.reduce(maker, maker_loses, Quantity::ZERO);
            steps.push(Step::MakerReduced {
                maker,
                quantity: maker_loses,
            });
        }
        if taker_loses > Quantity::ZERO {
            steps.push(Step::TakerReduced {
                quantity: taker_loses,
                self_trade: true,
            });
        }
        Quantity(left.0 - taker_loses.0)
    }

    /// Takes quantity from a resting order, and the order from the book when none is left.
    fn reduce(&mut self, mut order: Resting, by: Quantity, filled: Quantity) -> Resting {
        order.open.0 -= by.0;
        order.filled.0 += filled.0;
        if order.open == Quantity::ZERO {
            self.remove(&order);
        } else {
            self.orders.insert(order.id, order);
        }
        order
    }

    fn remove(&mut self, order: &Resting) {
        self.orders.remove(&order.id);
        self.side_mut(order.side)
            .remove(&(rank(order.side, order.price), order.priority));
    }

    /// Whether a fill-or-kill order would trade in full; walks the book without changing it.
    fn is_fillable(&self, order: &Order, terms: &Terms) -> bool {
        let mut left = order.quantity;
        let mut budget = order.budget;
        for id in self.side(order.side.opposite()).values() {
            let maker = &self.orders[id];
            if left == Quantity::ZERO || !crosses(order, maker) {
                break;
            }
            if maker.holder == order.holder {
                match order.self_trade {
                    SelfTrade::Off => {}
                    SelfTrade::CancelOldest => continue,
                    _ => return false,
                }
            }
            let mut quantity = left.min(maker.open);
            if let Some(money) = budget {
                quantity = quantity.min(terms.affordable(money, maker.price));
                let spent = terms.amount(quantity, maker.price).unwrap_or(money);
                budget = Some(Money(money.0 - spent.0));
                if quantity < left.min(maker.open) {
                    return false;
                }
            }
            left.0 -= quantity.0;
        }
        left == Quantity::ZERO
    }

    /// Cancels what is open of an order.
    pub fn cancel(&mut self, id: OrderId) -> Option<Resting> {
        let order = self.orders.get(&id).copied()?;
        self.remove(&order);
        Some(order)
    }

    /// Changes a resting order's price, open quantity and reserve price.
    ///
    /// With the same price and no more quantity it keeps its place in time. Else it leaves the book and enters again: it
    /// may trade, and what is left goes behind the others at its price.
    ///
    /// Returns none when there is no such order, and the order as it was before otherwise.
    ///
    /// # Panics
    /// When the quantity is zero: the caller cancels instead.
    pub fn amend(
        &mut self,
        id: OrderId,
        price: Price,
        open: Quantity,
        reserve: Price,
        terms: &Terms,
        steps: &mut Vec<Step>,
    ) -> Option<Resting> {
        assert!(open > Quantity::ZERO);
        let before = self.orders.get(&id).copied()?;
        if price == before.price && open <= before.open {
            self.orders.insert(
                id,
                Resting {
                    open,
                    reserve,
                    ..before
                },
            );
            return Some(before);
        }
        self.remove(&before);
        let order = Order {
            id,
            holder: before.holder,
            side: before.side,
            limit: Some(price),
            quantity: open,
            time_in_force: TimeInForce::GoodTillCancelled,
            self_trade: before.self_trade,
            reserve,
            budget: None,
        };
        let left = self.trade(&order, terms, steps);
        if left > Quantity::ZERO {
            let filled = traded(steps);
            self.rest(
                Resting {
                    price,
                    open: left,
                    reserve,
                    ..before
                },
                filled,
                steps,
            );
        }
        Some(before)
    }

    /// All resting orders by id.
    pub fn orders(&self) -> impl Iterator<Item = &Resting> + '_ {
        self.orders.values()
    }

    fn best_against(&self, order: &Order) -> Option<Resting> {
        let (_, id) = self.side(order.side.opposite()).first_key_value()?;
        let maker = self.orders[id];
        crosses(order, &maker).then_some(maker)
    }

    fn side(&self, side: Side) -> &BTreeMap<Place, OrderId> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut BTreeMap<Place, OrderId> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

fn crosses(order: &Order, maker: &Resting) -> bool {
    match (order.side, order.limit) {
        (_, None) => true,
        (Side::Buy, Some(limit)) => maker.price <= limit,
        (Side::Sell, Some(limit)) => maker.price >= limit,
    }
}

/// What an incoming order has traded. Correctness: at most its own quantity.
fn traded(steps: &[Step]) -> Quantity {
    let quantities = steps.iter().map(|step| match step {
        Step::Trade { quantity, .. } => quantity.0,
        _ => 0,
    });
    Quantity(quantities.sum())
}
