//! One file on its way, in or out, and the receipts that close it: the steps between the session and
//! the store.

pub mod inbound;
pub mod outbound;
pub mod receipts;
