//! See `fuzz_bodies::secured_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::secured_file(octets));
