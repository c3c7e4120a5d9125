//! See `fuzz_bodies::receipt_signature`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::receipt_signature(octets));
