//! Trees and proofs are those of RFC 9162 on every backend, and changed proofs are refused.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bds_fuzz::merkle::run(input));
