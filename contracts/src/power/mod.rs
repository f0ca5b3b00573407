//! Power: the day-ahead auction of a zone's delivery day in quarter hours, then [`intraday`] books for each of them; and [`Power`], the
//! scenario on the kernel.
//!
//! A market operator opens a session for a day; until its gate closes, members hand in sealed step curves for intervals and blocks
//! over several of them, and what these may come to cost is set aside. Then the session is cleared by itself, over as many blocks of
//! the ledger as it takes: one price an interval, curves by their crossing ([`crossing`]), blocks by a published search ([`select`]),
//! what is at the price in proportion ([`share`]). Everything is paid at once in the end, from what was set aside.
//!
//! Prices are `10^-4` of the currency for a megawatt hour and may be negative; energy is in watt hours of one interval; money is
//! `10^-6` of the currency. Times are UTC: a day has 92, 96 or 100 intervals, as the zone's clocks are set.
//!
//! # What is sealed, and from whom
//!
//! Until its gate closes, no event, query or proof of an entry tells the prices or energies of an order, or what is set aside for it.
//! They tell that an account has handed one in: on which side and for which intervals a curve, under which number a block. How many steps
//! and blocks a session has is told as well. The money that an account has set aside in all is told as ever to whoever may ask for its
//! cash, and it rises with its orders: on a private ledger to its managers and those who act for the account, on a consortium's to
//! all members. Afterwards prices are told, and what each order got; blocks that were rejected paradoxically are listed without
//! whose they are.
//!
//! From who runs a validator nothing is sealed: an order is a transaction in the open, and validators execute it. Orders that are sealed
//! from them too would have to be encrypted, which these are not.
//!
//! Not here: several zones coupled by a grid, and orders between two points of a curve.

pub mod block;
pub mod call;
pub mod clearing;
pub mod crossing;
pub mod curve;
pub mod event;
mod expire;
pub mod intraday;
pub mod module;
pub mod participant;
pub mod rules;
pub mod select;
pub mod session;
pub mod settlement;
pub mod share;

pub use call::Call;
pub use event::Event;
pub use module::Power;

crate::number! {
    /// Number of a bidding zone inside one ledger.
    pub struct ZoneId(u32);
}
