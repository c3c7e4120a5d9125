//! One file on its way, in or out, and the receipts that close it: the steps between the session and
//! the store.
//!
//! ```text
//!  SFID ─▶ offer (who may send what to whom) ─▶ inbound (octets to the spool) ─▶ ours, or forwarded
//!  next (receipts, then files) ─▶ outbound (octets from the spool) ─▶ sent, or refused
//!  receipts: owed ones as EERP or NERP, those that arrive to the transfer they close
//! ```

pub mod inbound;
pub mod next;
pub mod offer;
pub mod outbound;
pub mod receipts;
