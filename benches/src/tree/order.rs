//! Orders as the tree book takes and keeps them.

use bds_contracts::account::HolderId;
use bds_contracts::amount::{Money, Price, Quantity};
use bds_contracts::exchange::{OrderId, Side};

/// What becomes of the part that does not trade at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeInForce {
    /// It rests in the book until it is cancelled; not for market orders.
    GoodTillCancelled,
    /// It is cancelled.
    ImmediateOrCancel,
    /// There may be none: the order trades in full or not at all.
    FillOrKill,
}

/// What happens when two orders of one holder meet; the incoming order's setting counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SelfTrade {
    /// Both lose the smaller quantity without a trade; the one at zero is gone.
    #[default]
    DecrementAndCancel,
    /// The resting order is cancelled.
    CancelOldest,
    /// The rest of the incoming order is cancelled.
    CancelNewest,
    /// Both are cancelled.
    CancelBoth,
    /// They trade.
    Off,
}

/// An order as it enters the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// Its name; not in the book yet.
    pub id: OrderId,
    /// Who stands behind it.
    pub holder: HolderId,
    /// Which way it trades.
    pub side: Side,
    /// Worst price it takes; none for a market order.
    pub limit: Option<Price>,
    /// How much; above zero.
    pub quantity: Quantity,
    /// What becomes of the rest.
    pub time_in_force: TimeInForce,
    /// What happens when it meets its own holder.
    pub self_trade: SelfTrade,
    /// Price per unit that money was set aside at; carried along, of no meaning to the book.
    pub reserve: Price,
    /// Most money a bid may spend in all; none for no bound.
    pub budget: Option<Money>,
}

/// An order that rests in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resting {
    /// Its name.
    pub id: OrderId,
    /// Who stands behind it.
    pub holder: HolderId,
    /// Which way it trades.
    pub side: Side,
    /// Worst price it takes, and the price it trades at.
    pub price: Price,
    /// How much is open; above zero.
    pub open: Quantity,
    /// How much has traded since it was placed.
    pub filled: Quantity,
    /// What happens when an amendment makes it meet its own holder.
    pub self_trade: SelfTrade,
    /// Price per unit that money was set aside at.
    pub reserve: Price,
    /// Place in time: among equal prices the lowest trades first.
    pub priority: u64,
}
