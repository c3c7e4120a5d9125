//! Files go back and forth between this crate, openssl and Java's keytool.
//!
//! A test whose tool is not installed says so and passes.

mod imports;
mod java;
mod makes;
mod tools;
