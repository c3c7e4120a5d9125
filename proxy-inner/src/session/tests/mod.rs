//! Sessions between two real stores, and between one and a partner that follows a script.

mod authentication;
mod formats;
mod gateway;
mod levels;
mod pair;
pub(crate) mod played;
mod receipts;
mod refusals;
mod restart;
mod script;
mod secured;
mod secured_edges;
mod strict;
pub(crate) mod world;
