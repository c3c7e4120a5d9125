//! `Attempt`: what one handshake knows, to tell the operator of this end why it failed.

use std::net::SocketAddr;

use quinn::{ConnectionError, TransportErrorCode};
use rustls::AlertDescription;

use crate::error::LinkError;
use crate::pin::Pin;
use crate::tls::SeenPin;

/// What one handshake knows, from either end.
pub(crate) struct Attempt<'a> {
    pub(crate) peer: SocketAddr,
    pub(crate) ours: Pin,
    pub(crate) pins: &'a [Pin],
    pub(crate) seen: &'a SeenPin,
}

impl Attempt<'_> {
    pub(crate) fn explain(&self, error: ConnectionError) -> LinkError {
        let peer = self.peer;
        if let Some(seen) = self
            .seen
            .get()
            .copied()
            .filter(|seen| !seen.is_among(self.pins))
        {
            return LinkError::UnknownPin {
                peer,
                seen,
                pinned: self.pins.to_vec(),
            };
        }
        let denied = TransportErrorCode::crypto(u8::from(AlertDescription::AccessDenied));
        match error {
            ConnectionError::ConnectionClosed(close) if close.error_code == denied => {
                LinkError::NotAccepted {
                    peer,
                    ours: self.ours,
                }
            }
            ConnectionError::ConnectionClosed(close) => LinkError::Handshake {
                peer,
                problem: close.error_code.to_string(),
            },
            error @ (ConnectionError::TransportError(_) | ConnectionError::VersionMismatch) => {
                LinkError::Handshake {
                    peer,
                    problem: error.to_string(),
                }
            }
            other => other.into(),
        }
    }

    /// The pin of the key that the other end has proven, once the handshake is done.
    pub(crate) fn proven_pin(&self) -> Result<Pin, LinkError> {
        self.seen
            .get()
            .copied()
            .ok_or_else(|| LinkError::Handshake {
                peer: self.peer,
                problem: "the other end has shown no key".into(),
            })
    }
}
