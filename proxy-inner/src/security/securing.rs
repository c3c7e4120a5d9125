//! Securing one file to be sent: sign, compress, encrypt, as its services say; or only hash it, where
//! a signed receipt is asked for.
//!
//! Everything that keeps a file from being secured is ours: it is held, never sent in clear.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ::keyring::Role;
use envelope::{Form, Plan, SecureError, Suite};
use jiff::Timestamp;
use store::{Encoding, Evidence, EvidenceKind, Partner, SecuringClaim, StoreError, Transfer};

use super::certificates::for_encrypting;
use super::live::Kind;
use super::meter::{Hashing, Meter};
use super::opening::BROKE_OFF;
use super::{Security, policy};
use crate::session::Shutdown;

/// zlib's level for files: see docs/security-services.md for what it costs and gains.
const COMPRESSION: u32 = Plan::COMPRESSION;

/// What came of a file to be secured.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It can be sent.
    Secured {
        hash: Vec<u8>,
        evidence: Vec<Evidence>,
        /// Octets as it will travel.
        octets: u64,
    },
    /// It can never be sent as it is.
    Failed(String),
    /// It cannot be secured now.
    Held(String),
    /// The process stops; it is secured after the next start.
    Stopped,
}

impl Security {
    /// Secures a file, into the claim's own target. Blocks, for as long as it takes.
    pub(super) fn secure(&self, claim: &mut SecuringClaim, shutdown: &Shutdown) -> Outcome {
        let transfer = claim.transfer().clone();
        let secured = catch_unwind(AssertUnwindSafe(|| {
            self.secure_or(claim, &transfer, shutdown)
        }));
        match secured {
            Ok(Ok(outcome) | Err(outcome)) => outcome,
            Err(_) => Outcome::Held(BROKE_OFF.to_owned()),
        }
    }

    fn secure_or(
        &self,
        claim: &mut SecuringClaim,
        transfer: &Transfer,
        shutdown: &Shutdown,
    ) -> Result<Outcome, Outcome> {
        let partner = self.partner_of(transfer).map_err(Outcome::Held)?;
        let suite = policy::receipt_suite(transfer.cipher, &partner);
        let octets = claim.clear_octets();
        let work = self
            .live
            .enter(transfer, Kind::Securing, octets, Timestamp::now());
        if !policy::has_services(transfer.security, transfer.compression) {
            let source = claim.virtual_file().map_err(|error| problem(&error))?;
            let source = Meter::new(source, suite.hash, work.count(), shutdown);
            return hashed(source, transfer.octets);
        }
        let plan = self
            .plan(transfer, &partner, suite, octets)
            .map_err(Outcome::Held)?;
        let source = claim.clear().map_err(|error| problem(&error))?;
        let mut source = Meter::new(source, suite.hash, work.count(), shutdown);
        let target = claim.target().map_err(|error| problem(&error))?;
        let mut target = Hashing::new(target, suite.hash);
        let secured = envelope::secure(&plan, &mut source, &mut target);
        if source.is_stopped() {
            return Ok(Outcome::Stopped);
        }
        match secured {
            Ok(secured) => Ok(Outcome::Secured {
                hash: target.finish(),
                evidence: evidence(&plan),
                octets: secured.secured_octets,
            }),
            Err(error) => Err(blame(&error)),
        }
    }

    /// What is to be done with the file, with the keys and certificates that count now.
    fn plan(
        &self,
        transfer: &Transfer,
        partner: &Partner,
        suite: Suite,
        octets: u64,
    ) -> Result<Plan, String> {
        let now = Timestamp::now();
        let mut sign = Vec::new();
        if policy::is_signed(transfer.security) {
            let key = self
                .keyring
                .signing_key(&transfer.station, Role::FileSigning, now);
            sign.push(key.map_err(|error| error.to_string())?);
        }
        let mut encrypt = Vec::new();
        if policy::is_encrypted(transfer.security) {
            encrypt.push(for_encrypting(partner, now)?);
        }
        Ok(Plan {
            suite,
            sign,
            compress: transfer.compression.then_some(COMPRESSION),
            encrypt,
            form: match partner.encoding {
                Encoding::Indefinite => Form::Indefinite,
                Encoding::Definite => Form::Definite { octets },
            },
            include_certificate: partner.include_certificate,
            signing_time: None,
        })
    }
}

fn hashed<R: Read>(source: Meter<R>, octets: u64) -> Result<Outcome, Outcome> {
    match source.finish() {
        Ok(hash) => Ok(Outcome::Secured {
            hash,
            evidence: Vec::new(),
            octets,
        }),
        Err(_) => Err(Outcome::Stopped),
    }
}

/// The certificates of those who signed, and of those who can decrypt.
fn evidence(plan: &Plan) -> Vec<Evidence> {
    let signed = plan.sign.iter().map(|key| Evidence {
        what: EvidenceKind::SignedWith,
        certificate: key.certificate().der().to_vec(),
    });
    let encrypted = plan.encrypt.iter().map(|certificate| Evidence {
        what: EvidenceKind::EncryptedFor,
        certificate: certificate.der().to_vec(),
    });
    signed.chain(encrypted).collect()
}

/// Whether a file that could not be secured can be some day.
fn blame(error: &SecureError) -> Outcome {
    match error {
        SecureError::Read(read) => match read.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => problem(error),
            None => Outcome::Held(error.to_string()),
        },
        SecureError::Length { .. } => Outcome::Failed(error.to_string()),
        _ => Outcome::Held(error.to_string()),
    }
}

/// The store cannot give the file: for good, or at present.
fn problem(error: &StoreError) -> Outcome {
    match error {
        StoreError::Refused(_) | StoreError::Altered { .. } => Outcome::Failed(error.to_string()),
        _ => Outcome::Held(error.to_string()),
    }
}
