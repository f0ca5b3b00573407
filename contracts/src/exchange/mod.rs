//! Trading: a pure order book, and the orders that accounts place in it.

pub mod book;
pub mod order;

pub use book::Book;
pub use order::{Order, OrderId, SelfTrade, Side, TimeInForce};
