//! Energy: prosumers, their metered resources, and virtual power plants formed of them; and [`Energy`], the scenario on the kernel.
//!
//! A prosumer that needs energy in a delivery period, or has some to give, opens a session (Algorithm 3); others offer theirs until
//! it closes; then the first offers that come to what is required become the plant (Algorithm 4). Meters say what was delivered, and
//! each allocation is paid by its reading. Offered where designated members take part, and where one enterprise runs a plant of its
//! own sites; not where anyone may: a resource is as good as the grid operator that admitted it.
//!
//! What rests on the readings kept here, as certificates of what was produced do, follows a correction in the transaction that makes
//! it: the list of modules says who does.
//!
//! Prices are `10^-4` of the currency for a megawatt hour, money is `10^-6` of it, and no price is negative here.

mod arrears;
pub mod balance;
pub mod call;
pub mod close;
pub mod event;
mod expire;
pub(crate) mod meter;
mod metering;
pub mod microgrid;
pub mod module;
pub mod offer;
pub mod position;
pub mod prosumer;
pub mod rank;
pub mod reading;
pub mod rules;
pub mod session;
mod settlement;

pub use call::Call;
pub use event::Event;
pub use module::Energy;

crate::number! {
    /// Number of a microgrid inside one ledger.
    pub struct MicrogridId(u32);
}

crate::number! {
    /// Number of a resource, which is that of its meter.
    pub struct ResourceId(u64);
}
