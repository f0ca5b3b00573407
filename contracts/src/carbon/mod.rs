//! Carbon units: what they are, which serial numbers exist, and what became of each; and [`Carbon`], the scenario on the kernel.
//!
//! The scenario holds trading contracts with the log of what is uploaded under them (Algorithms 5 and 6), what installations
//! emit and give back, and credits of projects from their issue to their retirement. Units themselves are held and moved by
//! [`Units`](crate::money::units::Units), so they are counted in one place.

pub mod banking;
pub mod call;
pub mod compliance;
pub mod contract;
pub mod conversion;
pub mod credit;
mod emissions;
pub mod event;
pub mod installation;
pub mod lifecycle;
pub mod module;
pub mod production;
pub mod project;
pub mod query_log;
pub mod retirement;
mod second;
pub mod serial;
pub mod trading;
pub mod upload;

pub use call::Call;
pub use event::Event;
pub use module::Carbon;
pub use serial::{Blocks, SerialRange};

crate::number! {
    /// Number of an instrument inside one ledger.
    pub struct InstrumentId(u32);
}
