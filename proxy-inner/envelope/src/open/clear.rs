//! Where the clear octets go.

use std::io::{self, ErrorKind, Write};

use super::OpenError;

/// The target, which may refuse what it is given: then that is kept until it is known that nothing
/// else is wrong.
pub(crate) struct Clear<'a> {
    target: &'a mut dyn Write,
    refused: Option<io::Error>,
}

impl<'a> Clear<'a> {
    pub(super) fn new(target: &'a mut dyn Write) -> Self {
        Self {
            target,
            refused: None,
        }
    }

    /// Takes the next octets.
    pub(crate) fn put(&mut self, octets: &[u8]) -> Result<(), OpenError> {
        if self.refused.is_some() {
            return Ok(());
        }
        match self.target.write_all(octets) {
            Err(error) if error.kind() == ErrorKind::InvalidData => self.refused = Some(error),
            written => written.map_err(failed)?,
        }
        Ok(())
    }

    /// All else is right with the file.
    pub(super) fn end(self) -> Result<(), OpenError> {
        if let Some(error) = self.refused {
            return Err(OpenError::Content { error });
        }
        self.target.flush().map_err(|error| match error.kind() {
            ErrorKind::InvalidData => OpenError::Content { error },
            _ => failed(error),
        })
    }
}

fn failed(error: io::Error) -> OpenError {
    OpenError::Io {
        what: "writing the clear file",
        error,
    }
}
