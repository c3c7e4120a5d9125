//! See `fuzz_bodies::ssid`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::ssid(octets));
