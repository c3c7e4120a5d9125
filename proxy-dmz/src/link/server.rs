//! Accepts inner halves, one at a time.
//!
//! A new link of the same inner half replaces the old one: the old one is most likely dead and does
//! not know it yet. Another inner half has to wait until the one in place is gone.

use ::link::{Acceptor, Link, Pin};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

/// The inner half in place, and the work done for it.
#[derive(Debug)]
struct InPlace {
    link: Link,
    work: JoinHandle<()>,
}

/// What becomes of a new link while another may be in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nobody is in place.
    Take,
    /// The same inner half again: it takes its own place.
    Replace,
    /// Another inner half is in place.
    Busy,
}

/// Decides about a new link; pure.
#[must_use]
pub fn decide(in_place: Option<Pin>, new: Pin) -> Verdict {
    match in_place {
        None => Verdict::Take,
        Some(pin) if pin == new => Verdict::Replace,
        Some(_) => Verdict::Busy,
    }
}

/// Accepts links until `stop` turns true, then waits for the work of the one in place.
///
/// `attend` does the work for one link and ends soon after that link is closed.
pub async fn serve(
    acceptor: &Acceptor,
    mut stop: watch::Receiver<bool>,
    attend: impl Fn(Link) -> JoinHandle<()>,
) {
    let mut in_place: Option<InPlace> = None;
    loop {
        let accepted = tokio::select! {
            accepted = acceptor.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let link = match accepted {
            Ok(link) => link,
            Err(error) => {
                warn!(%error, "A link was not taken.");
                continue;
            }
        };
        let held = in_place.take().filter(|held| !held.work.is_finished());
        match decide(
            held.as_ref().map(|held| held.link.peer_pin()),
            link.peer_pin(),
        ) {
            Verdict::Take => {}
            Verdict::Replace => {
                if let Some(held) = held {
                    info!(peer = %link.peer_address(), "The inner half connected anew; its old link is closed.");
                    held.link.close(SUPERSEDED);
                    // Its listeners must be shut before the new link may open them.
                    held.end().await;
                }
            }
            Verdict::Busy => {
                warn!(
                    peer = %link.peer_address(), pin = %link.peer_pin(),
                    "Another inner half is connected already; this one must wait until it is gone."
                );
                link.close(BUSY);
                in_place = held;
                continue;
            }
        }
        info!(peer = %link.peer_address(), pin = %link.peer_pin(), "The inner half is connected.");
        let work = attend(link.clone());
        in_place = Some(InPlace { link, work });
    }
    if let Some(held) = in_place {
        held.end().await;
    }
}

impl InPlace {
    async fn end(self) {
        if let Err(error) = self.work.await {
            error!(%error, "The work for an inner half broke off; this is a defect, please report it.");
        }
    }
}

/// Why the old link of an inner half is closed.
pub const SUPERSEDED: &str = "superseded by a new link of the same inner half";
/// Why the link of a second inner half is closed.
pub const BUSY: &str = "busy: another inner half is connected";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_the_place_to_the_first_and_back_to_its_holder_only() {
        let (one, other) = (Pin::of(b"one"), Pin::of(b"other"));
        assert_eq!(decide(None, one), Verdict::Take);
        assert_eq!(decide(Some(one), one), Verdict::Replace);
        assert_eq!(decide(Some(one), other), Verdict::Busy);
    }
}
