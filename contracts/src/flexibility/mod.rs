//! Flexibility: what a grid operator buys of an aggregator to keep a congestion point within its limits; and [`Flexibility`], the
//! scenario on the kernel.
//!
//! An aggregator says which metered connections at a congestion point are in its portfolio, and for each day what they will do
//! without flexibility, its prognosis. The grid operator asks for flexibility, the aggregator offers it in options with a price each,
//! and the operator orders one of them, in whole or in part. The price is set aside with the order, once: no interval is ordered of an
//! aggregator twice. Meters of [`energy`](crate::energy) say what was delivered: what they read less the prognosis the order names. The
//! price is paid by that share, less a published penalty for what is missing. The receipt of a call is the answer that it is accepted, or
//! rejected and why; what the other side makes of a request or an offer it answers by a call of its own.
//!
//! Power counts as everywhere here: what goes into the grid is above zero. Days begin at midnight of the point's time zone and have 23,
//! 24 or 25 hours; they are given in UTC, and the zone only by its name, so that both sides mean the same.
//!
//! Not here: a second settlement when a reading is corrected after the first, and several buyers of one aggregator's flexibility.
//!
//! Source: the UFTP messages of the Universal Smart Energy Framework.

pub mod call;
pub mod event;
mod expire;
pub mod module;
pub mod offer;
pub mod order;
pub mod point;
pub mod portfolio;
pub mod prognosis;
pub mod request;
pub mod rules;
pub mod settlement;

pub use call::Call;
pub use event::Event;
pub use module::Flexibility;

crate::number! {
    /// Number of a congestion point inside one ledger.
    pub struct PointId(u32);
}
