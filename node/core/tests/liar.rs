//! One validator says whatever random bytes tell it to: the other three neither end nor disagree nor stop.
//!
//! The same programs drive the fuzz targets `core_hears` and `core_alone_hears` (`tests/fuzz`).

#![allow(
    clippy::disallowed_methods,
    reason = "a test may ask how long it should run"
)]

mod common;

use common::liar::{play, play_alone};

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

/// Plays that many random programs, or more when asked to take long.
fn random_programs(few: u64, many: u64, play: fn(&[u8])) {
    let seeds = std::env::var("BDS_LONG").map_or(few, |_| many);
    for seed in 0..seeds {
        let len = 50 + usize::try_from(seed % 7).unwrap() * 100;
        let program = program(seed, len);
        let played = std::panic::catch_unwind(|| play(&program));
        assert!(played.is_ok(), "seed {seed}");
    }
}

#[test]
fn random_lies_stop_nobody() {
    random_programs(60, 20_000, play);
}

#[test]
fn random_lies_do_not_end_who_hears_nothing_else() {
    random_programs(500, 2_000_000, play_alone);
}
