//! See `fuzz_bodies::session_ops`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::session_ops(octets));
