//! Plain counters since start, for the status report.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// One counter that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds one.
    pub fn one(&self) {
        self.add(1);
    }

    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The count now.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Everything that is counted since start.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($(#[doc = $doc])+ pub $name: Counter,)+
        }

        /// The counters at one moment.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct CountersNow {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Counters {
            /// The counters at this moment.
            pub fn now(&self) -> CountersNow {
                CountersNow { $($name: self.$name.count(),)+ }
            }
        }
    };
}

counters! {
    /// Times the link came up.
    link_connections,
    /// Times the link went down after it had been up.
    link_losses,
    /// Handshake signatures made for the DMZ half.
    signatures,
    /// Handshake signatures refused.
    signatures_refused,
    /// Client certificate proofs accepted.
    proofs,
    /// Client certificate proofs refused.
    proofs_refused,
    /// Requests of the DMZ half refused because too many were under way.
    over_ceiling,
    /// Partner connections that arrived and were answered.
    sessions_in,
    /// Sessions we began.
    sessions_out,
    /// Sessions that ended by a normal release.
    sessions_released,
    /// Sessions that ended in any other way.
    sessions_failed,
    /// Partners turned away: unknown code, wrong password, wrong certificate.
    partners_refused,
    /// Files received and synced.
    files_in,
    /// Files sent and accepted.
    files_out,
    /// Octets of files received.
    octets_in,
    /// Octets of files sent.
    octets_out,
    /// Receipts sent.
    receipts_out,
    /// Receipts received that belong to a file we sent.
    receipts_in,
    /// Receipts received that belong to no file of ours.
    receipts_unknown,
    /// Named leniencies that partners needed.
    deviations,
    /// Files signed, compressed, encrypted, or hashed for a signed receipt.
    files_secured,
    /// Files decrypted, expanded, verified, or hashed for a signed receipt.
    files_opened,
    /// Received files that could not be opened, as their senders were told.
    files_unopened,
    /// Times a file was held because it could not be secured or opened at that moment.
    files_held,
    /// Receipts of ours that were signed.
    receipts_signed,
    /// Receipts of ours that should have been signed and could not be.
    receipts_unsigned,
    /// Receipts of partners that were not believed.
    receipts_invalid,
}
