//! See `fuzz_bodies::gate`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::gate(octets));
