//! See `fuzz_bodies::frame`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::frame(octets));
