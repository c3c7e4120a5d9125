//! The codec against the field tables of RFC 5024, its examples, and any octets.

mod generators;
mod round_trip;
mod vectors;
