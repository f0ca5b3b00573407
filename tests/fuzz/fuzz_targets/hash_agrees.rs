//! Every backend hashes lists of messages as sha2 and blake3 do.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bds_fuzz::hash::run(input));
