//! One validator says whatever random bytes tell it to: the other three neither end nor disagree nor stop.
//!
//! The same programs drive the fuzz target `core_hears` (`tests/fuzz`).

#![allow(
    clippy::disallowed_methods,
    reason = "a test may ask how long it should run"
)]

mod common;

use common::liar::play;

/// A row of bytes from a seed.
fn program(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()[7]
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn random_lies_stop_nobody() {
    let seeds = std::env::var("BDS_LONG").map_or(60, |_| 20_000);
    for seed in 0..seeds {
        let len = 50 + usize::try_from(seed % 7).unwrap() * 100;
        let program = program(seed, len);
        let played = std::panic::catch_unwind(|| play(&program));
        assert!(played.is_ok(), "seed {seed}");
    }
}
