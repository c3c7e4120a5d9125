//! See `fuzz_bodies::subrecord`.
#![no_main]

libfuzzer_sys::fuzz_target!(|octets: &[u8]| fuzz_bodies::subrecord(octets));
