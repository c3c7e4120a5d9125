//! Following one transfer: an answer each time something about it changed, until nothing more will.

use std::io;
use std::time::{Duration, Instant};

use store::{Direction, ReceiptState, State, Transfer, TransferId};

use super::protocol::{Answer, Refusal, RefusalKind};
use super::routes::{Services, refused};
use super::server::{Connection, Waited};
use super::view::{TransferView, WatchView};

/// How often the journal is looked at for a follower. The progress of a file changes with every
/// exchange buffer, so it is sampled rather than announced.
const PACE: Duration = Duration::from_millis(100);

/// An answer is repeated after so long, so that the follower knows that we live.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// Answers until the transfer has ended, or the follower asks for something else or has gone.
pub(super) fn follow(
    connection: &mut Connection,
    services: &Services,
    id: TransferId,
) -> io::Result<()> {
    let mut last: Option<(TransferView, Instant)> = None;
    loop {
        let transfer = match services.store.transfer(id) {
            Ok(Some((transfer, _))) => transfer,
            Ok(None) => {
                let message = format!("transfer {id} is no longer in the journal");
                let refusal = Refusal::new(RefusalKind::NotFound, message);
                return connection.answer(&Answer::Refused(refusal));
            }
            Err(error) => return connection.answer(&Answer::Refused(refused(&error))),
        };
        let (finished, succeeded) = end(&transfer);
        let view = TransferView::from(&transfer);
        let news = last
            .as_ref()
            .is_none_or(|(seen, at)| *seen != view || at.elapsed() >= SIGN_OF_LIFE);
        if news || finished {
            let watched = WatchView {
                transfer: view.clone(),
                finished,
                succeeded,
            };
            connection.answer(&Answer::Watched(Box::new(watched)))?;
            last = Some((view, Instant::now()));
        }
        if finished || connection.wait(PACE)? != Waited::Moment {
            return Ok(());
        }
    }
}

/// Whether nothing more will happen to a transfer, and whether it ended well: a file we sent with
/// the partner's receipt, a file we received with the partner's word that it has ours.
pub(super) fn end(transfer: &Transfer) -> (bool, bool) {
    match (transfer.direction, transfer.state) {
        (_, State::Failed) | (Direction::Out, State::Rejected) => (true, false),
        (Direction::Out, State::Acknowledged) => (true, true),
        (Direction::In, State::Delivered | State::Forwarded) => {
            let done = transfer.receipt == Some(ReceiptState::Sent);
            (done, done)
        }
        _ => (false, false),
    }
}
