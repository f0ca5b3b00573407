//! The rules of one market: what a price and a quantity may be, and the bounds on every loop of the book.

use borsh::{BorshDeserialize, BorshSerialize};

use super::order::Side;
use super::reject::Reject;
use crate::amount::{Price, Quantity, Terms};

/// Rules of one market. They do not change while the book is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rules {
    /// Lot, and what a quantity costs; the latter is asked for market bids with a bound on money alone.
    pub terms: Terms,
    /// Prices are multiples of this; above zero.
    pub tick: i64,
    /// Lowest price; above `i64::MIN`. Above zero unless the market knows negative prices.
    pub price_min: Price,
    /// Highest price.
    pub price_max: Price,
    /// Largest order, what was filled of it included.
    pub quantity_max: Quantity,
    /// Most resting orders that one incoming order meets; what is left of it then is cancelled.
    pub makers_max: u32,
    /// Most orders in the book.
    pub orders_max: u32,
    /// Most orders of one account.
    pub account_orders_max: u32,
    /// Most stops, asleep and awake.
    pub stops_max: u32,
    /// Most stops that enter the book in one command; the others enter in the next ones.
    pub wakes_max: u32,
    /// Longest position that an account may come to if all its bids traded.
    pub long_max: Option<Quantity>,
    /// Shortest position, as a positive number, if all its asks traded.
    pub short_max: Option<Quantity>,
    /// Most new orders, amendments and quotes of an account in one window.
    pub messages_max: Option<u32>,
    /// Length of a window in milliseconds of block time; above zero.
    pub window: u64,
}

impl Rules {
    /// A market with one-unit lots and ticks, positive prices, and wide bounds.
    pub const PLAIN: Self = Self {
        terms: Terms::PLAIN,
        tick: 1,
        price_min: Price(1),
        price_max: Price(i64::MAX),
        quantity_max: Quantity(u64::MAX),
        makers_max: 1_000,
        orders_max: 1 << 24,
        account_orders_max: 1 << 16,
        stops_max: 4_096,
        wakes_max: 64,
        long_max: None,
        short_max: None,
        messages_max: None,
        window: 1_000,
    };

    /// Whether a book can work with them.
    ///
    /// # Errors
    /// [`Reject::RuleInvalid`] when a bound is zero, the price range is empty, or slots would not fit in 32 bits.
    pub fn check(&self) -> Result<(), Reject> {
        let sound = self.tick > 0
            && self.terms.lot > 0
            && self.terms.units_per_contract > 0
            && self.terms.step_value > 0
            && self.price_min.0 > i64::MIN
            && self.price_min <= self.price_max
            && self.quantity_max.0 >= self.terms.lot
            && self.makers_max > 0
            && (1..=1 << 30).contains(&self.orders_max)
            && self.account_orders_max > 0
            && self.wakes_max > 0
            && self.window > 0;
        if sound {
            Ok(())
        } else {
            Err(Reject::RuleInvalid)
        }
    }

    /// Whether it is in range and on the tick.
    #[must_use]
    #[inline]
    pub fn is_price(&self, price: Price) -> bool {
        self.price_min <= price
            && price <= self.price_max
            && (self.tick == 1 || price.0 % self.tick == 0)
    }

    /// Whether an order may have this size.
    #[inline]
    pub(super) fn check_quantity(&self, quantity: Quantity) -> Result<(), Reject> {
        if quantity == Quantity::ZERO {
            return Err(Reject::QuantityZero);
        }
        if self.terms.lot != 1 && !quantity.0.is_multiple_of(self.terms.lot) {
            return Err(Reject::QuantityNotLot);
        }
        if quantity > self.quantity_max {
            return Err(Reject::QuantityTooLarge);
        }
        Ok(())
    }

    /// Place of a price on a side's ladder: whole ticks, the best price lowest.
    ///
    /// For bids the bitwise complement: that turns the order round and cannot overflow.
    #[inline]
    pub(super) fn key(&self, side: Side, price: i64) -> i64 {
        let ticks = if self.tick == 1 {
            price
        } else {
            price.div_euclid(self.tick)
        };
        // No branch: which side comes next is what a processor guesses worst.
        ticks ^ -i64::from(side == Side::Buy)
    }

    /// The price at a key.
    #[inline]
    pub(super) fn price(&self, side: Side, key: i64) -> i64 {
        let ticks = match side {
            Side::Buy => !key,
            Side::Sell => key,
        };
        // Correctness: a key comes from a price by division, so the product is no larger than that price.
        ticks.saturating_mul(self.tick)
    }
}
