//! Trading: order books and auctions that know no account and no money, and the orders that accounts place.

pub mod amend;
pub mod auction;
pub mod book;
pub mod call;
mod checks;
pub mod encode;
mod entry;
pub mod event;
pub mod index;
pub mod ladder;
pub mod limits;
pub mod market_data;
pub mod matching;
pub mod order;
pub mod orders;
pub mod reject;
pub mod request;
pub mod rules;
pub mod session;
pub mod slab;
pub mod store;
pub mod uncross;
mod undo;
mod withdraw;

pub use order::{OrderId, Side};
