//! The codec against the field tables of RFC 5024, its examples, and any octets.

mod fields;
mod generators;
mod layout;
mod leniency;
mod packing;
mod receipts;
mod round_trip;
mod samples;
mod vectors;
