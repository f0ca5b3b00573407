//! Intraday: the delivery periods of a zone are traded on, one by one, after the auction of their day and until a gate of their own.
//!
//! A period is an interval of a session of the day-ahead market. It has a book of its own, on the matching engine of the
//! [exchange](crate::exchange::book), that is opened by the first order and closed by a trigger at its gate: so long before delivery
//! begins as the zone's [rule] says. What still rests then is cancelled.
//!
//! What an order may come to cost at the worst price it takes is set aside when it enters, and every trade is paid at once out of it.
//! To buy costs at a price above zero and to sell at one below, so an order sets money aside on one side of zero alone. A trade cannot
//! fail for want of money, and truncation never makes a whole cheaper than its parts, so what is set aside covers what is still to be
//! paid.
//!
//! A trade moves the same position as the auction: what an account delivers in a period is what it sold in both less what it bought
//! in both. This module keeps its part of it ([`Position`](settle::Position)), the auction its own.
//!
//! Not here: orders without a price, stops, and orders that end before the gate.

pub mod desk;
pub mod order;
pub mod period;
pub mod rule;
pub mod settle;

crate::choices! {
    /// How long an intraday order stands.
    pub enum Standing {
        /// Until the gate of its period closes.
        UntilGate "until-gate",
        /// It trades what it can at once, the rest is cancelled.
        ImmediateOrCancel "immediate-or-cancel",
        /// It trades in full at once or not at all.
        FillOrKill "fill-or-kill",
    }
}

/// A delivery period: session and interval.
pub type PeriodId = (u64, u8);
