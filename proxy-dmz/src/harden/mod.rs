//! What the process gives up before the first outside octet: room for core dumps.

pub mod limits;
