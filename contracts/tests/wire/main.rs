//! Pins what others rely on: the encoding of everything that is signed or hashed, and the numbers of calls, events and codes.
//!
//! A pin that changes is a new version of the format: old ledgers would no longer be read as they were written.

mod by_hand;
mod catalog;
mod hostile;
mod rules;
mod samples;
