//! See `fuzz_bodies::command`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::command(octets));
