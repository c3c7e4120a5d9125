//! See `fuzz_bodies::link_message`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::link_message(octets));
