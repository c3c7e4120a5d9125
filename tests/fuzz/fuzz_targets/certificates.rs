//! See `fuzz_bodies::certificates`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::certificates(octets));
