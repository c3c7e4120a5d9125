//! A file on its way from the command line into the store, chunk by chunk.

use std::io;

use jiff::Timestamp;
use store::{Intake, StoreError};

use super::protocol::{Answer, MOST_CHUNK, Refusal, RefusalKind, TransferBody};
use super::routes::refused;
use super::server::Connection;

/// A file the store is ready to take.
pub(super) struct Upload {
    /// Where its octets go.
    pub(super) intake: Intake,
    /// The partner's name, for the log.
    pub(super) partner: String,
}

/// Takes the file's chunks up to the end mark and queues it. A caller who goes before the end mark
/// has sent nothing.
pub(super) fn take(connection: &mut Connection, upload: Upload) -> io::Result<()> {
    connection.answer(&Answer::Proceed)?;
    let Upload {
        mut intake,
        partner,
    } = upload;
    let mut buffer = vec![0; MOST_CHUNK];
    loop {
        let mut length = [0; 4];
        connection.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length == 0 {
            break;
        }
        let Some(chunk) = buffer.get_mut(..length) else {
            let message = format!("a chunk has at most {MOST_CHUNK} octets, this one has {length}");
            let refusal = Refusal::new(RefusalKind::Malformed, message);
            connection.answer(&Answer::Refused(refusal))?;
            return Err(io::Error::other("a chunk over the ceiling"));
        };
        connection.read_exact(chunk)?;
        if let Err(error) = intake.write(chunk) {
            return give_up(connection, &partner, &error);
        }
    }
    let octets = intake.octets();
    match intake.finish(Timestamp::now()) {
        Ok(id) => {
            tracing::info!(transfer = %id, partner, octets, "A file was queued by command.");
            connection.answer(&Answer::Queued(TransferBody { id: id.to_string() }))
        }
        Err(error) => give_up(connection, &partner, &error),
    }
}

/// Says why, and ends the connection: what else is on its way is the rest of the file.
fn give_up(connection: &mut Connection, partner: &str, error: &StoreError) -> io::Result<()> {
    tracing::warn!(partner, %error, "A file could not be queued by command.");
    connection.answer(&Answer::Refused(refused(error)))?;
    Err(io::Error::other("the store refused the file"))
}
