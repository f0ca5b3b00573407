//! Sealed documents from outside: what opens, what does not, and the bytes as they are documented.

mod bytes;
mod hostile;
mod readers;
mod stage;
