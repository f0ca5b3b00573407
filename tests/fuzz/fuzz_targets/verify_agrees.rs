//! Every backend gives each signature the verdict of the written rule.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| bds_fuzz::verify::run(input));
