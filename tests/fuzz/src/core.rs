//! The network of cores in one thread that the core's own tests use.

#[path = "../../../node/core/tests/common/mod.rs"]
#[allow(dead_code, reason = "a target needs the liar, not every helper of a test")]
mod common;

/// One validator of four says what the input tells it to.
///
/// # Panics
/// When another ended, two disagree, or they order nothing any more.
pub fn hear(program: &[u8]) {
    common::liar::play(program);
}

/// One validator hears what the input spells, and nothing else.
///
/// # Panics
/// When it ended.
pub fn hear_alone(program: &[u8]) {
    common::liar::play_alone(program);
}
