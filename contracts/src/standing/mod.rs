//! Standing instructions: calls that a member leaves to be made later, once or again and again; and [`Standing`], the scenario on
//! the kernel.
//!
//! An instruction is left for an account that its member represents, and waits for a [`Condition`]: a time, a height, the next of
//! many times, an event that names the account, or a state of it. When that comes, its calls are made in the next block, in the
//! name of the member and with the roles it has by then: all of them or none, under a receipt of their own, bounded as any
//! transaction is. A member that no longer represents the account leaves nothing behind: its instructions end when they come up.
//!
//! # What is bounded
//! A member has [`OWN_MAX`] instructions at a time, each of [`CALLS_MAX`] calls and [`BYTES_MAX`] bytes. One that waits for an event or a
//! state ends after [`LIFE_MAX`] at the latest; a height is at most [`AHEAD_MAX`] ahead; one that comes up again and again does so
//! [`TIMES_MAX`] times at most. A run spends [`RUN_UNITS`] at most. An instruction runs once in a block, however often what it waits for
//! happened, and hears nothing between coming up and running. Of the events of a block the first [`LOOKED_MAX`] are looked at, and of the
//! instructions that wait for them [`HEARD_MAX`]: accounts have their turn in the order in which something happened to them, [`OWN_MAX`]
//! instructions of an account in a turn; the others do not hear of them. Instructions that wait for a state are [`STATES_MAX`] on the whole
//! ledger and [`STATES_OWN_MAX`] of a member, since each is looked at in every block.

mod call;
mod condition;
mod event;
mod instruction;
mod module;
mod queue;
mod run;
mod wake;

pub use call::Call;
pub use condition::{Bound, Condition};
pub use event::{End, Event};
pub use instruction::{
    AHEAD_MAX, BYTES_MAX, CALLS_MAX, Instruction, LIFE_MAX, OWN_MAX, PERIOD_MIN, RUN_UNITS,
    STATES_MAX, STATES_OWN_MAX, TIMES_MAX,
};
pub use module::{Standing, Tables};
pub use wake::{HEARD_MAX, LOOKED_MAX};
