//! Granular certificates: one for each watt hour that a device produced in an interval of a quarter of an hour or an hour, in UTC; and
//! [`Granular`], the scenario on the kernel.
//!
//! # One register per device and interval
//! A certificate is a number of `(interval, device)`. Numbers are given out one after the other against an accepted reading of the
//! device's own meter, and never twice. The [`Register`] of the interval counts everything that the metered energy backs: what is
//! held and used, what paid a debt, and what was withheld for another attribute (a subsidy, a certificate of another registry, a
//! carbon credit). Their sum is never above what the meter says, except by the debt that a correction opened. So no watt hour
//! backs two things: whatever is to be backed by it must be entered here first.
//!
//! # What becomes of them
//! Numbers are held as [bundles](bundle), ranges with one owner, which are cut and joined as they move. They are
//! [claimed](claim) once, for a meter and an interval that overlaps theirs, up to what was consumed; or go into a
//! storage, which gives new numbers for what comes out, less its losses. A meter corrected downward takes
//! the newest numbers back that nobody used. What is not used expires [`LIFE`] after the start of its interval.
//!
//! How much carbon a consumption stands for is worked out of claims and the residual mix: see [`emission`].

pub mod bundle;
pub mod call;
pub mod claim;
pub mod correction;
pub mod device;
pub mod emission;
pub mod event;
mod expire;
pub mod module;
pub mod register;
mod storage;
mod transfer;

pub use call::Call;
pub use event::Event;
pub use expire::LIFE;
pub use module::Granular;
pub use register::Register;
