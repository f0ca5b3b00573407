//! What can be asked of an order book: a new order, an amendment, a mass quote.

use borsh::{BorshDeserialize, BorshSerialize};

use super::order::{OrderId, Side};
use crate::account::HolderId;
use crate::amount::{Money, Price, Quantity};
use crate::tx::Millis;

/// How long an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Validity {
    /// Until it is cancelled.
    GoodTillCancelled,
    /// Until this time; it no longer trades at it.
    GoodTillDate(Millis),
    /// Until the session ends.
    Day,
    /// It trades what it can at once, the rest is cancelled.
    ImmediateOrCancel,
    /// It trades in full at once or not at all.
    FillOrKill,
    /// It takes part in the next call auction alone, and what is left is cancelled then.
    GoodAtAuction,
}

impl Validity {
    /// Whether nothing of the order stays in the book.
    #[inline]
    pub(super) fn is_at_once(self) -> bool {
        matches!(self, Self::ImmediateOrCancel | Self::FillOrKill)
    }
}

crate::choices! {
    /// What happens when two orders of one holder meet; the incoming order's setting counts.
    #[derive(Default)]
    pub enum Prevention {
        /// Both lose the smaller quantity without a trade; the one at zero is gone.
        #[default]
        DecrementAndCancel "decrement-and-cancel",
        /// The rest of the incoming order is cancelled.
        CancelNewest "cancel-newest",
        /// The resting order is cancelled.
        CancelOldest "cancel-oldest",
        /// Both are cancelled.
        CancelBoth "cancel-both",
    }
}

/// A new order. Limit, market, stop, stop-limit and iceberg differ by what is given:
///
/// | | price | trigger | display |
/// |---|---|---|---|
/// | limit | yes | | |
/// | market | | | |
/// | stop | | yes | |
/// | stop-limit | yes | yes | |
/// | iceberg | yes | | yes |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its name; no open order has it.
    pub id: OrderId,
    /// Who stands behind it: orders of one holder never trade with each other.
    pub holder: HolderId,
    /// Which way it trades.
    pub side: Side,
    /// Worst price it takes; none for market orders and stops.
    pub price: Option<Price>,
    /// The order sleeps until a trade at this price or beyond: above for bids, below for asks.
    pub trigger: Option<Price>,
    /// How much in all.
    pub quantity: Quantity,
    /// Most that is shown of it at a time; what is hidden follows behind the others at its price.
    pub display: Option<Quantity>,
    /// How long it stands.
    pub validity: Validity,
    /// What happens when it meets its own holder.
    pub prevention: Prevention,
    /// What the caller set aside for it: kept and told again with every change, of no meaning to the book.
    pub reserve: i64,
    /// Most money a market bid may spend in all; none for no bound.
    pub budget: Option<Money>,
    /// What the account holds of the instrument, negative when it owes; read by the position limit alone.
    pub position: i64,
}

impl Request {
    /// A limit order good till cancelled, as most are; the rest is at its default.
    #[must_use]
    pub fn limit(
        id: OrderId,
        holder: HolderId,
        side: Side,
        price: Price,
        quantity: Quantity,
    ) -> Self {
        Self {
            id,
            holder,
            side,
            price: Some(price),
            trigger: None,
            quantity,
            display: None,
            validity: Validity::GoodTillCancelled,
            prevention: Prevention::DecrementAndCancel,
            reserve: 0,
            budget: None,
            position: 0,
        }
    }
}

/// A new size: said in one of two ways, so that a fill on the way to the book cannot be counted twice by mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Resize {
    /// The whole order, what was filled included.
    Total(Quantity),
    /// What is open of it.
    Open(Quantity),
}

/// A change of an open order; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amend {
    /// The order.
    pub id: OrderId,
    /// New limit; not for orders without one.
    pub price: Option<Price>,
    /// New size.
    pub size: Option<Resize>,
    /// New opaque number.
    pub reserve: Option<i64>,
    /// As in [`Request::position`].
    pub position: i64,
}

/// One side of one level of a mass quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Number within the quoting account. An open order of this number is amended, else one is placed.
    pub number: u64,
    /// Which way it trades; an open order of this number must trade the same way.
    pub side: Side,
    /// Limit.
    pub price: Price,
    /// What is to be open; zero cancels an open order.
    pub quantity: Quantity,
    /// As in [`Request::reserve`].
    pub reserve: i64,
}

/// Most entries of one mass quote.
pub const QUOTES_MAX: usize = 128;
