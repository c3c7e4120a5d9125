//! See `fuzz_bodies::challenge`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::challenge(octets));
