//! One validator hears a liar and nobody else: it does not end.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bds_fuzz::core::hear_alone(input));
