//! A validator that lies, for tests against real processes.
//!
//! It has a home, keys, the real network and the real core of its own: what an honest validator would do, it does, and a
//! [`behaviour::Behaviour`] changes what leaves, to whom it likes. Beside it: the frames no honest validator sends, each
//! with a name ([`frames`]), and links that delay ([`link`]). A crate of its own, so that the simulator needs no node.

pub mod behaviour;
mod craft;
pub mod floods;
pub mod frames;
pub mod home;
pub mod link;
pub mod shell;
