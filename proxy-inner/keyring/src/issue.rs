//! Requests and self-signed certificates after the Odette profile.

use jiff::Timestamp;

use crate::{MakeError, Role, Signer, Subject};

/// The longest validity given, in days.
pub const MOST_DAYS: u32 = 3660;

/// Makes a certificate signing request (PKCS#10 DER) for a certification authority.
///
/// # Errors
/// A subject that no certificate can carry, no role, a key that is unfit for a role.
pub fn request(signer: &Signer, subject: &Subject, roles: &[Role]) -> Result<Vec<u8>, MakeError> {
    let _ = (signer, subject, roles);
    Err(MakeError::NoRole)
}

/// Makes a self-signed certificate (DER), valid from the day before `now` (partners' clocks
/// differ) for `days` days.
///
/// # Errors
/// As [`request`], and [`MakeError::Days`].
pub fn self_signed(
    signer: &Signer,
    subject: &Subject,
    roles: &[Role],
    days: u32,
    now: Timestamp,
) -> Result<Vec<u8>, MakeError> {
    let _ = (signer, subject, roles, days, now);
    Err(MakeError::NoRole)
}
