//! Sessions between two real stores, and between one and a partner that follows a script.

mod pair;
mod script;
pub(crate) mod world;
