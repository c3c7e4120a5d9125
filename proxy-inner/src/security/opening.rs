//! Opening one received file: decrypt, expand, verify, as its SFID says; or only hash it, where its
//! receipt is to be signed.
//!
//! What is wrong with the file is its sender's to know; what is wrong with us holds the file. Which of
//! both a failed decryption is, is asked of the keyring: a key in an unplugged token is no reason to
//! tell a partner that its file cannot be read.
//!
//! What is wrong with the records inside is told last, and of an encrypted file only if its signature
//! proved who made it: whoever sends altered copies of another's file could learn from it what is inside.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ::keyring::{Role, Slot};
use envelope::{DecryptionError, Limits, OpenError, Opened, OwnKey, Suite};
use jiff::Timestamp;
use oftp::Security as Sfidsec;
use store::{Evidence, EvidenceKind, OpeningClaim, Partner, StoreError, TargetFile, Transfer};

use super::certificates::Signers;
use super::live::Kind;
use super::meter::Meter;
use super::reasons::{Failure, What};
use super::{Security, policy};
use crate::session::Shutdown;

/// What came of a received file.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It can be delivered.
    Opened {
        hash: Vec<u8>,
        evidence: Vec<Evidence>,
        /// Octets of the clear file.
        octets: u64,
    },
    /// It cannot be opened, and its sender is to be told.
    Failed { failure: Failure, hash: Vec<u8> },
    /// It cannot be opened now, for a reason of ours.
    Held(String),
    /// The process stops; it is opened after the next start.
    Stopped,
}

impl Security {
    /// Opens a file, as far as the claim's own target. Blocks, for as long as it takes.
    pub(super) fn open(&self, claim: &mut OpeningClaim, shutdown: &Shutdown) -> Outcome {
        let transfer = claim.transfer().clone();
        // Partners choose what is read here: one file must not stop all others.
        let opened = catch_unwind(AssertUnwindSafe(|| {
            self.open_or(claim, &transfer, shutdown)
        }));
        match opened {
            Ok(Ok(outcome) | Err(outcome)) => outcome,
            Err(_) => Outcome::Held(BROKE_OFF.to_owned()),
        }
    }

    fn open_or(
        &self,
        claim: &mut OpeningClaim,
        transfer: &Transfer,
        shutdown: &Shutdown,
    ) -> Result<Outcome, Outcome> {
        let partner = self.partner_of(transfer).map_err(Outcome::Held)?;
        let hash = policy::receipt_suite(transfer.cipher, &partner).hash;
        let work = self
            .live
            .enter(transfer, Kind::Opening, transfer.octets, Timestamp::now());
        if !policy::has_services(transfer.security, transfer.compression) {
            let source = claim.virtual_file().map_err(|error| ours(&error))?;
            let source = Meter::new(source, hash, work.count(), shutdown);
            return hashed(source, transfer.octets);
        }
        let keys = self.decryption_keys(transfer).map_err(Outcome::Held)?;
        let signers = signers(&partner, transfer).map_err(Outcome::Held)?;
        let own: Vec<OwnKey> = keys.iter().map(|(_, key)| key.clone()).collect();
        let opening = envelope::Opening {
            expect: policy::layers(transfer.security, transfer.compression),
            suite: Suite::of(transfer.cipher),
            keys: &own,
            signers: signers.certificates(),
            limits: Limits {
                clear_octets: u64::MAX,
                expansion: partner.expansion,
            },
        };
        let source = claim.secured().map_err(|error| ours(&error))?;
        let mut source = Meter::new(source, hash, work.count(), shutdown);
        let opened = {
            let target = claim.target().map_err(|error| ours(&error))?;
            envelope::open(&opening, &mut source, &mut Whole { target, claim })
        };
        if source.is_stopped() {
            return Ok(Outcome::Stopped);
        }
        let judged = match opened {
            Ok(opened) => evidence(&opened, &keys, &signers, transfer)
                .map(|evidence| (opened.clear_octets, evidence)),
            Err(error) => Err(self.fault(&error, transfer, claim.problem())?),
        };
        let Ok(hash) = source.finish() else {
            return Ok(Outcome::Stopped);
        };
        Ok(match judged {
            Ok((octets, evidence)) => Outcome::Opened {
                hash,
                evidence,
                octets,
            },
            Err(failure) => Outcome::Failed { failure, hash },
        })
    }

    /// The partner's terms as they are now.
    pub(super) fn partner_of(&self, transfer: &Transfer) -> Result<Partner, String> {
        match self.store.partner(&transfer.partner) {
            Ok(Some(partner)) => Ok(partner),
            Ok(None) => Err(format!("partner {} is no longer there", transfer.partner)),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Our keys that the file may be encrypted for; none when it is not encrypted.
    fn decryption_keys(&self, transfer: &Transfer) -> Result<Vec<(Slot, OwnKey)>, String> {
        if !policy::is_encrypted(transfer.security) {
            return Ok(Vec::new());
        }
        let station = &transfer.station;
        let keys = self.keyring.own_keys(station, Role::Encryption);
        if !keys.is_empty() {
            return Ok(keys);
        }
        Err(self.faults(station, Role::Encryption).unwrap_or_else(|| {
            format!(
                "it is encrypted, and station {station} has no encryption key; put one to use (`key use NAME --station {station} --role encryption`)"
            )
        }))
    }

    /// What is wrong with the keys a station has for a role, if anything is.
    fn faults(&self, station: &str, role: Role) -> Option<String> {
        let uses = self.store.key_uses().ok()?;
        let faults = self.keyring.faults().into_iter().filter(|(key, _)| {
            uses.iter()
                .any(|one| one.key == *key && one.station == station && one.role == role)
        });
        let told: Vec<String> = faults
            .map(|(key, why)| format!("key {key} cannot be used: {why}"))
            .collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// Whose fault it is that a file could not be opened; `records` is what is wrong with its records, for
    /// our operator.
    fn fault(
        &self,
        error: &OpenError,
        transfer: &Transfer,
        records: Option<String>,
    ) -> Result<Failure, Outcome> {
        if let OpenError::Content { error } = error {
            let problem = records.unwrap_or_else(|| error.to_string());
            return Ok(bad_records(problem, transfer.security));
        }
        let Some(what) = What::of(error.kind()) else {
            return Err(Outcome::Held(error.to_string()));
        };
        if what == What::Decryption
            && let Some(why) = self.faults(&transfer.station, Role::Encryption)
        {
            return Err(Outcome::Held(format!(
                "it could not be decrypted with the keys that are there, and others are missing: {why}"
            )));
        }
        Ok(Failure {
            what,
            text: error.public_text(),
            why: match records {
                Some(records) => format!("{error}; and {records}"),
                None => error.to_string(),
            },
        })
    }
}

/// Why a file is held over which the program broke off.
pub(super) const BROKE_OFF: &str =
    "the program broke off over it, which is a fault of ours; the log says where";

/// Where the clear octets go. Its end is that of the whole file: whether its records are right is known
/// there, and heeded only when everything else was found right.
struct Whole<'a> {
    target: TargetFile,
    claim: &'a mut OpeningClaim,
}

impl Write for Whole<'_> {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.target.write(octets)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.claim.complete().map_err(|error| match error {
            StoreError::BadRecords(_) => io::Error::new(io::ErrorKind::InvalidData, error),
            _ => io::Error::other(error),
        })
    }
}

/// A file that is opened by being looked at.
fn hashed<R: Read>(source: Meter<R>, octets: u64) -> Result<Outcome, Outcome> {
    match source.finish() {
        Ok(hash) => Ok(Outcome::Opened {
            hash,
            evidence: Vec::new(),
            octets,
        }),
        Err(_) => Err(Outcome::Stopped),
    }
}

/// The certificates of the partner a signature is verified with; none when there is no signature.
fn signers(partner: &Partner, transfer: &Transfer) -> Result<Signers, String> {
    if !policy::is_signed(transfer.security) {
        return Ok(Signers::default());
    }
    let signers = Signers::of(partner, Role::FileSigning);
    match signers.none() {
        None => Ok(signers),
        Some(why) => Err(format!(
            "it is signed, and no certificate of partner {name} can verify that: {why}; add the one it signs files with (`cert add {name} --role file-signing FILE`)",
            name = partner.name
        )),
    }
}

/// The certificates that were used. A signer's certificate must have been valid when the file came.
fn evidence(
    opened: &Opened,
    keys: &[(Slot, OwnKey)],
    signers: &Signers,
    transfer: &Transfer,
) -> Result<Vec<Evidence>, Failure> {
    let mut evidence = Vec::new();
    if let Some((_, key)) = opened.key.and_then(|place| keys.get(place)) {
        evidence.push(Evidence {
            what: EvidenceKind::DecryptedWith,
            certificate: key.certificate().der().to_vec(),
        });
    }
    if policy::is_signed(transfer.security) {
        let came = transfer.receipt_since.unwrap_or(transfer.changed);
        let signer = signers
            .valid_at(&opened.signers, came)
            .map_err(|why| Failure {
                what: What::Signature,
                text: "the certificate of the signature was not valid when the file came"
                    .to_owned(),
                why,
            })?;
        evidence.push(Evidence {
            what: EvidenceKind::SignedBy,
            certificate: signer.der().to_vec(),
        });
    }
    Ok(evidence)
}

/// The records of the clear file are wrong, and all else is right.
fn bad_records(problem: String, security: Sfidsec) -> Failure {
    // Its signature is right, or everybody may read it.
    let may_be_told = policy::is_signed(security) || !policy::is_encrypted(security);
    if may_be_told {
        return Failure {
            what: What::Form,
            text: problem.clone(),
            why: problem,
        };
    }
    Failure {
        what: What::Decryption,
        text: OpenError::Decryption(DecryptionError::Padding).public_text(),
        why: format!("what was encrypted is not what it should be: {problem}"),
    }
}

/// Something of ours failed.
fn ours(error: &StoreError) -> Outcome {
    Outcome::Held(error.to_string())
}

/// The services in words, for logs.
pub(super) fn services(security: Sfidsec, compression: bool) -> &'static str {
    match (security, compression) {
        (Sfidsec::None, false) => "none",
        (Sfidsec::None, true) => "compressed",
        (Sfidsec::Encrypted, false) => "encrypted",
        (Sfidsec::Encrypted, true) => "compressed, encrypted",
        (Sfidsec::Signed, false) => "signed",
        (Sfidsec::Signed, true) => "signed, compressed",
        (Sfidsec::EncryptedAndSigned, false) => "signed, encrypted",
        (Sfidsec::EncryptedAndSigned, true) => "signed, compressed, encrypted",
    }
}
