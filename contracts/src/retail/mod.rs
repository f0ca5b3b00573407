//! E-retail: goods from the tag at the start of production to the consumer and back, so that anyone can tell what is genuine.
//!
//! Companies are accounts; whoever represents one acts for it, its reading devices among them. The regulator authorises manufacturers
//! and certifiers certify product codes; Algorithm 1 registers what a tag names ([`register`]), Algorithm 2 moves it from hand to hand
//! ([`handover`], and [`sale`] with a consumer). Beside them goods are packed into logistic units ([`mod@unit`]), made into others
//! ([`source`]), seen ([`epcis`], [`sensor`], [`verify`]), recalled ([`recall`]) and argued about ([`dispute`]).
//!
//! Offered on public and consortium ledgers. Goods are not counted as entries of an account: they are somewhere, whatever becomes of
//! the account, and a closed one hands nothing on.
//!
//! # Who sees what (R75)
//!
//! Everything here is for everybody, as a public ledger is; so nothing is here that not everybody may see: papers, readings and
//! evidence are hashes, consumers are pseudonyms. A consumer asks [`verify`](crate::query) of a tag, partners ask for the trace,
//! regulators for disputes and what was refused.

pub mod call;
pub mod dispute;
pub mod epcis;
pub mod event;
pub mod goods;
pub mod gs1;
pub mod handover;
pub mod module;
pub mod name;
pub mod place;
pub mod product;
pub mod recall;
pub mod register;
pub mod sale;
pub mod sensor;
pub mod source;
pub mod unit;
pub mod verify;

pub use call::Call;
pub use event::Event;
pub use module::Retail;
