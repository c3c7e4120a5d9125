//! Secure authentication, from the partner's side (RFC 5024 section 4.2.4): first the side that
//! called proves itself, then the other.

use std::path::Path;
use std::sync::Arc;

use crypto::SoftwareKey;
use envelope::{Certificate, OwnKey, challenge};
use oftp::{Auch, Aurp, Command};
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256};

use super::{Conversation, surprise};
use crate::wire::{Ended, Step};

/// An RSA key with its certificate, and the certificate the other side must hold the key to.
#[derive(Debug)]
pub struct Authentication {
    certificate: Vec<u8>,
    certificate_pem: String,
    key_pem: String,
    key: OwnKey,
    theirs: Option<Vec<u8>>,
}

impl Authentication {
    /// A fresh RSA key with a self-signed certificate.
    ///
    /// # Panics
    /// When none can be made.
    pub fn new(common_name: &str) -> Authentication {
        let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("an RSA key can be made");
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        let certificate = params
            .self_signed(&key)
            .expect("a certificate signs itself");
        let der = certificate.der().to_vec();
        Authentication {
            key: own_key(&key, &der),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            certificate: der,
            theirs: None,
        }
    }

    /// Expects the other side to hold the key to this certificate.
    #[must_use]
    pub fn knowing(mut self, other: &Authentication) -> Authentication {
        self.theirs = Some(other.certificate.clone());
        self
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Writes certificate and key (the latter readable by its owner only) for a half to use.
    ///
    /// # Panics
    /// When the folder cannot be written.
    pub fn write(&self, certificate: &Path, key: &Path) {
        std::fs::write(certificate, &self.certificate_pem).expect("the folder is writable");
        crate::pki::write_private(key, self.key_pem.as_bytes());
    }
}

fn own_key(key: &KeyPair, certificate: &[u8]) -> OwnKey {
    let software = SoftwareKey::from_pkcs8(&key.serialize_der()).expect("an RSA key");
    let certificate = Certificate::from_der(certificate).expect("it was just made");
    OwnKey::new(Arc::new(software), &[certificate]).expect("the key fits its certificate")
}

impl Conversation {
    /// The side that called opens the phase and proves itself first.
    pub(super) fn authenticate_as_caller(&mut self, keys: &Authentication) -> Result<(), Ended> {
        self.wire.say(Step::Secd, &Command::Secd)?;
        self.respond(keys)?;
        self.hear_secd()?;
        self.challenge(keys)
    }

    /// The side that was called asks first.
    pub(super) fn authenticate_as_called(&mut self, keys: &Authentication) -> Result<(), Ended> {
        self.hear_secd()?;
        self.challenge(keys)?;
        self.wire.say(Step::Secd, &Command::Secd)?;
        self.respond(keys)
    }

    fn hear_secd(&mut self) -> Result<(), Ended> {
        let turn = self.wire.hear()?;
        match turn.command()? {
            Command::Secd => Ok(()),
            _ => surprise("SECD", &turn),
        }
    }

    /// Answers the other side's challenge.
    fn respond(&mut self, keys: &Authentication) -> Result<(), Ended> {
        let asked = self.wire.hear()?;
        let Command::Auch(Auch { challenge: sealed }) = asked.command()? else {
            return surprise("AUCH", &asked);
        };
        let response = challenge::open(&sealed, std::slice::from_ref(&keys.key))
            .map_err(|error| Ended::Surprise(format!("a challenge not for us: {error}")))?;
        let response = Aurp {
            response: *response,
        };
        self.wire.say(Step::Aurp, &Command::Aurp(response))
    }

    /// Challenges the other side; a wrong response is told with [`Ended::Surprise`].
    fn challenge(&mut self, keys: &Authentication) -> Result<(), Ended> {
        let theirs = keys.theirs.as_deref();
        let theirs = theirs.and_then(|der| Certificate::from_der(der).ok());
        let theirs = theirs.ok_or_else(|| Ended::Surprise("no certificate to ask with".into()))?;
        let made = challenge::seal(&[theirs])
            .map_err(|error| Ended::Surprise(format!("no challenge can be made: {error}")))?;
        let auch = Auch {
            challenge: made.sealed,
        };
        self.wire.say(Step::Auch, &Command::Auch(auch))?;
        let answer = self.wire.hear()?;
        match answer.command()? {
            Command::Aurp(aurp) if aurp.response == *made.secret => Ok(()),
            _ => surprise("AURP with what was asked", &answer),
        }
    }
}
