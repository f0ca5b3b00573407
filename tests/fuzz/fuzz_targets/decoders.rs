//! Bytes of others are refused or have one encoding; nothing panics.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bds_fuzz::decoders::run(input));
