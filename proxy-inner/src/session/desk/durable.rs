//! A file that came whole: made durable, checked first where that was agreed, and what the turn would
//! be wanted for after it.
//!
//! ```text
//!  plain            durable ─────────────────▶ EFPA ─▶ delivered, its receipt is owed
//!  to be opened     durable ─────────────────▶ EFPA ─▶ opened by the worker ─▶ delivered, its receipt is owed
//!  checked before   durable ─▶ opened ──┬────▶ EFPA ─▶ delivered, its receipt is owed
//!                                       └────▶ EFNA 21 to 23
//! ```

use std::sync::{Arc, Mutex};

use engine::EndFileRefusal;
use jiff::Timestamp;
use store::{Inbound, Store, StoreError, Synced};
use tokio::task::spawn_blocking;

use super::locked;
use crate::security::{Checked, Expected, Security};
use crate::session::Shutdown;
use crate::transfer::next::{self, Next, Refusals, Wanted};

/// What became of a file that came whole.
pub(super) enum Ended {
    /// It is ours.
    Kept {
        synced: Synced,
        /// It can be delivered; else the worker does, once it is opened.
        deliver: bool,
        ready: Ready,
    },
    /// It did not pass its check, and is forgotten.
    Refused(EndFileRefusal),
}

/// What the turn is wanted for once a file has come in.
pub(super) enum Ready {
    /// The receipt for this very file.
    OwnReceipt,
    /// Something that waited.
    Claimed(Next),
    /// Nothing: the partner may keep the turn.
    Nothing,
}

/// What it takes to end a file.
pub(super) struct Ending {
    pub(super) store: Store,
    pub(super) security: Arc<Security>,
    pub(super) refusals: Arc<Mutex<Refusals>>,
    pub(super) wanted: Wanted,
    /// The receipt is owed as soon as the file is delivered.
    pub(super) receipt: bool,
    /// The file is opened once it is acknowledged.
    pub(super) later: bool,
}

impl Ending {
    /// Ends a file that is not checked first. Blocks.
    pub(super) fn keep(self, inbound: Inbound) -> Result<Ended, StoreError> {
        let synced = self.make_durable(inbound)?;
        Ok(Ended::Kept {
            synced,
            deliver: !self.later,
            ready: self.ready(self.receipt && !self.later),
        })
    }

    /// Ends a file that is opened before it is acknowledged.
    pub(super) async fn check(
        self,
        inbound: Inbound,
        expected: Expected,
        shutdown: Shutdown,
    ) -> Result<Ended, StoreError> {
        let ending = Arc::new(self);
        let first = Arc::clone(&ending);
        let synced = spawn_blocking(move || first.make_durable(inbound)).await;
        let synced = synced.map_err(|_| StoreError::Stopped)??;
        let deliver = match expected.check(shutdown).await {
            Checked::Refused(refusal) => return Ok(Ended::Refused(refusal)),
            Checked::Opened => true,
            Checked::Later => false,
        };
        let ready = spawn_blocking(move || ending.ready(ending.receipt && deliver)).await;
        Ok(Ended::Kept {
            synced,
            deliver,
            // The file is ours whatever else failed.
            ready: ready.unwrap_or(Ready::Nothing),
        })
    }

    fn make_durable(&self, inbound: Inbound) -> Result<Synced, StoreError> {
        let Wanted {
            circuit, partner, ..
        } = &self.wanted;
        let transfer = inbound.id();
        let synced = inbound.finish(Timestamp::now())?;
        tracing::info!(circuit, partner, %transfer, octets = synced.octets(), "A file was received.");
        Ok(synced)
    }

    fn ready(&self, own_receipt: bool) -> Ready {
        if own_receipt {
            return Ready::OwnReceipt;
        }
        let mut refusals = locked(&self.refusals);
        match next::next(&self.store, &self.security, &self.wanted, &mut refusals) {
            Ok(Next::Nothing) => Ready::Nothing,
            Ok(next) => Ready::Claimed(next),
            Err(error) => {
                let Wanted {
                    circuit, partner, ..
                } = &self.wanted;
                // The file is safe, and that is what the partner waits to hear.
                tracing::error!(circuit, partner, why = %error, "The journal cannot tell what is next.");
                Ready::Nothing
            }
        }
    }
}
