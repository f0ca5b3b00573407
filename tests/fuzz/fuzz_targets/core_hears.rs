//! One validator of four says what the input tells it to: the others neither end nor disagree nor stop.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bds_fuzz::core::hear(input));
