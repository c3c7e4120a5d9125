//! Changing our keys: made, imported, given certificates, taken away. Every change is in the
//! store before the keys are taken up anew.
//!
//! All of it may block: on the disk, on a key being made, on the token.

use std::sync::Arc;

use ::keyring::{
    ImportError, KeyKind, MOST_DAYS, MakeError, MasterSecret, Role, SealError, Signer, Subject,
    facts,
};
use jiff::Timestamp;
use store::{KeyHome, KeyRecord, Store, StoreError};
use token::{Token, TokenUri};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::held::{self, Private};
use super::{Keyring, KeyringError};

/// Why a change was not made; a sentence with what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// There is no such key.
    #[error("there is no key named {0:?}; `key list` shows those there are")]
    NoKey(String),
    /// A rule forbids it.
    #[error("{0}")]
    Refused(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
    /// What was given cannot be read.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// What was asked for cannot be made.
    #[error(transparent)]
    Make(#[from] MakeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A key to make.
#[derive(Debug)]
pub struct NewKey {
    /// How we call it.
    pub name: String,
    /// Whom its certificate is to name.
    pub subject: Subject,
    /// What it is to be good for.
    pub roles: Vec<Role>,
    /// Its kind.
    pub kind: KeyKind,
    /// The token it is made in, instead of the store.
    pub token: Option<String>,
    /// For how many days it certifies itself; without, a request is made.
    pub self_signed: Option<u32>,
}

/// What a change came to.
#[derive(Debug)]
pub struct Changed {
    /// The key as it is now.
    pub key: KeyRecord,
    /// What an operator should know of it: sentences.
    pub notes: Vec<String>,
}

impl Keyring {
    /// Makes a key, with a certificate request or a certificate of its own.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn create(&self, new: NewKey, now: Timestamp) -> Result<Changed, ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        // All before the key is made: one in a token would stay there for nothing.
        is_new(store, &new.name)?;
        new.check()?;
        let (private, signer) = match &new.token {
            Some(uri) => self.make_in_token(uri, new.kind)?,
            None => {
                let pkcs8 = ::keyring::generate(new.kind)?;
                let sealed = seal(&pkcs8, self.master(store)?)?;
                (KeyHome::Sealed(sealed), Signer::software(&pkcs8)?)
            }
        };
        let (certificates, request) = match new.self_signed {
            Some(days) => {
                let der = ::keyring::self_signed(&signer, &new.subject, &new.roles, days, now)?;
                (vec![der], None)
            }
            None => {
                let der = ::keyring::request(&signer, &new.subject, &new.roles)?;
                (Vec::new(), Some(der))
            }
        };
        let key = KeyRecord {
            name: new.name,
            private,
            certificates,
            request,
            created: now,
        };
        store.put_key(key.clone())?;
        let notes = match new.self_signed {
            Some(_) => vec![put_to_use(&key.name)],
            None => Vec::new(),
        };
        Ok(Changed { key, notes })
    }

    /// Takes in a private key with its certificates from a file.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn import(
        &self,
        name: &str,
        octets: &[u8],
        passphrase: Option<&str>,
        now: Timestamp,
    ) -> Result<Changed, ChangeError> {
        let imported = ::keyring::import(octets, passphrase)?;
        let Some(pkcs8) = &imported.private else {
            return Err(ChangeError::Refused(format!(
                "there is no private key in the file, only {}; a certificate for a key that is \
                 here is taken in with `key install {name} FILE`, that of a partner with `cert add`",
                count(imported.certificates.len(), "certificate")
            )));
        };
        let private = held::private(pkcs8).map_err(ChangeError::Refused)?;
        let certificates = ordered(&private, imported.certificates.clone(), now)
            .unwrap_or_else(|| imported.certificates.clone());
        let _changing = self.changing();
        let store = self.store()?;
        is_new(store, name)?;
        let key = KeyRecord {
            name: name.to_owned(),
            private: KeyHome::Sealed(seal(pkcs8, self.master(store)?)?),
            certificates,
            request: None,
            created: now,
        };
        store.put_key(key.clone())?;
        let mut notes = imported.notes.clone();
        notes.extend(remarks(&key, &private, now));
        Ok(Changed { key, notes })
    }

    /// Registers a key that is in the token; its certificates come from the token, or from a file.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn register(
        &self,
        name: &str,
        uri: &str,
        file: Option<&[u8]>,
        now: Timestamp,
    ) -> Result<Changed, ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        is_new(store, name)?;
        let token = self.token(uri)?;
        let mut found = match file {
            Some(octets) => ::keyring::certificates(octets)?,
            None => Vec::new(),
        };
        found.extend(token.certificates().iter().cloned());
        let private = Private::Rsa(Arc::new(token));
        let certificates = ordered(&private, found, now).unwrap_or_default();
        let key = KeyRecord {
            name: name.to_owned(),
            private: KeyHome::Token(uri.to_owned()),
            certificates,
            request: None,
            created: now,
        };
        store.put_key(key.clone())?;
        let notes = remarks(&key, &private, now);
        Ok(Changed { key, notes })
    }

    /// The certificate request of a key: the one that waits, unless `subject` asks for another. That
    /// one then waits instead. Without roles it is for all a key of its kind is usually for.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn request(
        &self,
        name: &str,
        subject: Option<(Subject, Vec<Role>)>,
    ) -> Result<Vec<u8>, ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        let mut key = known(store, name)?;
        let Some((subject, roles)) = subject else {
            return key.request.ok_or_else(|| {
                ChangeError::Refused(format!(
                    "no request of key {name} waits for its answer; say what a new one is for, as \
                     `key request {name} --station US`, with what `key request --help` tells besides"
                ))
            });
        };
        let signer = self.signer(&key.private)?;
        let roles = match roles.is_empty() {
            true => usual_roles(signer.is_rsa()),
            false => roles,
        };
        let request = ::keyring::request(&signer, &subject, &roles)?;
        key.request = Some(request.clone());
        store.put_key(key)?;
        Ok(request)
    }

    /// Takes in the CA's answer for a key: certificates, of which one must be for this very key.
    /// Earlier certificates of the key stay behind the new one, because partners may go on using them
    /// for a while.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn install(
        &self,
        name: &str,
        octets: &[u8],
        now: Timestamp,
    ) -> Result<Changed, ChangeError> {
        let found = ::keyring::certificates(octets).map_err(|error| match error {
            ImportError::PrivateKeyInside => ChangeError::Refused(format!(
                "the file holds a private key, and a CA's answer comes without one; if that is the \
                 key you want to use, take it in with its certificate: `key import NAME FILE`. Key \
                 {name} stays as it was"
            )),
            other => other.into(),
        })?;
        let _changing = self.changing();
        let store = self.store()?;
        let mut key = known(store, name)?;
        let private = held::open(&key.private, &self.secrets).map_err(ChangeError::Failed)?;
        let names: Vec<_> = found
            .iter()
            .filter_map(|der| facts(der).ok())
            .map(|facts| facts.subject)
            .collect();
        let Some(mut chain) = ordered(&private, found, now) else {
            return Err(ChangeError::Refused(format!(
                "no certificate in the file is for key {name}; it has those of: {}. Ask the CA which \
                 request it answered, or name the key that asked",
                names.join("; ")
            )));
        };
        let leaf = chain.first().cloned().unwrap_or_default();
        let facts = facts(&leaf).map_err(|error| ChangeError::Refused(error.to_string()))?;
        if facts.not_after < now {
            return Err(ChangeError::Refused(format!(
                "the certificate for key {name} in the file ended on {}; ask the CA for a new one. \
                 Nothing was changed",
                facts.not_after
            )));
        }
        let mut notes = facts.warnings();
        if let Some(problem) = facts.problem_at(now) {
            notes.push(format!("The certificate cannot be used now: {problem}."));
        }
        let same = key.certificates.first() == Some(&leaf);
        if same {
            notes.push("The certificate was there before.".to_owned());
        }
        let uses = store.key_uses()?;
        let uses: Vec<_> = uses.iter().filter(|one| one.key == name).collect();
        for one in &uses {
            let problems = facts.fits(one.role).into_iter();
            notes.extend(
                problems.map(|problem| {
                    format!("For {} of station {}: {problem}", one.role, one.station)
                }),
            );
        }
        match uses.is_empty() {
            true => notes.push(put_to_use(name)),
            false if same => {}
            false => notes.push(
                "The key is in use, and with its new certificate from now on: give that to partners \
                 (`key export --certificate`)."
                    .to_owned(),
            ),
        }
        let earlier: Vec<_> = key
            .certificates
            .iter()
            .filter(|der| private.is_for(der) && !chain.contains(der))
            .take(EARLIER)
            .cloned()
            .collect();
        if chain.len() == 1 && !facts.self_signed {
            // The CA sent the leaf alone: the issuers of the one before may be its own.
            let issuers = key.certificates.iter().filter(|der| !private.is_for(der));
            chain.extend(issuers.cloned());
        }
        chain.extend(earlier);
        key.certificates = chain;
        key.request = None;
        store.put_key(key.clone())?;
        self.take_up().map_err(taken_up)?;
        Ok(Changed { key, notes })
    }

    /// Removes a key that no station uses. In a token it stays.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn remove(&self, name: &str) -> Result<(), ChangeError> {
        let _changing = self.changing();
        let store = self.store()?;
        known(store, name)?;
        Ok(store.remove_key(name)?)
    }

    /// The private key (PKCS#8) with its certificates, to be given away encrypted.
    ///
    /// # Errors
    /// See [`ChangeError`]; a key in a token never leaves it.
    pub fn export(
        &self,
        name: &str,
        passphrase: &str,
        form: ExportForm,
    ) -> Result<Zeroizing<Vec<u8>>, ChangeError> {
        if passphrase.chars().count() < LEAST_PASSPHRASE {
            return Err(ChangeError::Refused(format!(
                "the passphrase is too short to protect a private key; take at least \
                 {LEAST_PASSPHRASE} characters"
            )));
        }
        let store = self.store()?;
        let key = known(store, name)?;
        let KeyHome::Sealed(sealed) = &key.private else {
            return Err(ChangeError::Refused(format!(
                "key {name} is in a token and never leaves it; its certificate can be written with \
                 --certificate"
            )));
        };
        let pkcs8 = ::keyring::unseal(sealed, self.master(store)?).map_err(sealing)?;
        match form {
            ExportForm::Pkcs8 => ::keyring::export_pkcs8(&pkcs8, passphrase).map(Zeroizing::new),
            ExportForm::Pkcs12 => {
                ::keyring::export_pkcs12(&pkcs8, &key.certificates, name, passphrase)
            }
        }
        .map_err(sealing)
    }

    /// The certificate of a key with its issuers, to be given away: without those the key had before.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn chain(&self, name: &str) -> Result<Vec<Vec<u8>>, ChangeError> {
        let key = known(self.store()?, name)?;
        let Some(leaf) = key.certificates.first() else {
            return Err(no_certificate(name));
        };
        let own = spki(leaf);
        let certificates = key.certificates.iter().enumerate();
        Ok(certificates
            .filter(|(place, der)| *place == 0 || spki(der) != own)
            .map(|(_, der)| der.clone())
            .collect())
    }

    /// The store, where there is one to change.
    pub(super) fn store(&self) -> Result<&Store, ChangeError> {
        self.store
            .as_ref()
            .ok_or_else(|| ChangeError::Failed("this process keeps no keys".to_owned()))
    }

    /// The master secret; from its first use on the store tells it from others.
    fn master(&self, store: &Store) -> Result<&MasterSecret, ChangeError> {
        let Some(master) = &self.secrets.master else {
            return Err(ChangeError::Refused(NO_MASTER.to_owned()));
        };
        if store.keyring_check()?.is_none() {
            store.put_keyring_check(master.check_value().map_err(sealing)?)?;
        }
        Ok(master)
    }

    fn signer(&self, home: &KeyHome) -> Result<Signer, ChangeError> {
        match home {
            KeyHome::Sealed(sealed) => {
                let master = self.master(self.store()?)?;
                let pkcs8 = ::keyring::unseal(sealed, master).map_err(sealing)?;
                Ok(Signer::software(&pkcs8)?)
            }
            KeyHome::Token(uri) => Ok(Signer::remote(Arc::new(self.token(uri)?))),
        }
    }

    fn token(&self, uri: &str) -> Result<token::TokenKey, ChangeError> {
        Token::open(&read_uri(uri)?, self.secrets.token_pin.clone())
            .map_err(|error| ChangeError::Failed(error.to_string()))
    }

    fn make_in_token(&self, uri: &str, kind: KeyKind) -> Result<(KeyHome, Signer), ChangeError> {
        let bits = match kind {
            KeyKind::Rsa2048 => 2048,
            KeyKind::Rsa3072 => 3072,
            KeyKind::Rsa4096 => 4096,
            KeyKind::EcP256 => {
                return Err(ChangeError::Refused(
                    "a key made in a token is RSA; give --kind rsa-2048, rsa-3072 or rsa-4096"
                        .to_owned(),
                ));
            }
        };
        let key = Token::generate(&read_uri(uri)?, self.secrets.token_pin.clone(), bits)
            .map_err(|error| ChangeError::Failed(error.to_string()))?;
        Ok((
            KeyHome::Token(uri.to_owned()),
            Signer::remote(Arc::new(key)),
        ))
    }
}

/// How a private key is written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// EncryptedPrivateKeyInfo, without certificates.
    Pkcs8,
    /// With its certificates.
    Pkcs12,
}

/// Certificates of a key that were replaced and stay known.
const EARLIER: usize = 4;
const LEAST_PASSPHRASE: usize = 8;
const NO_MASTER: &str = "no master secret is configured, so no private key can be kept in the store; \
    make one (`openssl rand -base64 32`), name it in [keyring] (master_secret, master_credential or \
    master_prompt), keep a copy of it elsewhere, and start anew";

impl NewKey {
    fn check(&self) -> Result<(), ChangeError> {
        if !is_name(&self.name) {
            return Err(ChangeError::Refused(format!(
                "key {:?}: the name must be 1 to 32 of A-Z 0-9 _ -",
                self.name
            )));
        }
        self.subject.check()?;
        let elliptic = self.kind == KeyKind::EcP256;
        let mut roles = self.roles.iter();
        if let Some(role) = roles.find(|role| elliptic && !role.is_tls()) {
            return Err(MakeError::KeyUnfit { role: role.word() }.into());
        }
        match self.self_signed {
            Some(found) if !(1..=MOST_DAYS).contains(&found) => Err(MakeError::Days {
                found,
                most: MOST_DAYS,
            }
            .into()),
            _ => Ok(()),
        }
    }
}

/// The rule of the store, known here because a key in a token is made before the store is asked.
fn is_name(name: &str) -> bool {
    let known = |octet: u8| matches!(octet, b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-');
    (1..=32).contains(&name.len()) && name.bytes().all(known)
}

/// What a key is for when nothing is said: an RSA key for everything but TLS, an elliptic curve for that.
pub(crate) fn usual_roles(rsa: bool) -> Vec<Role> {
    let roles = Role::ALL.into_iter();
    roles.filter(|role| role.is_tls() != rsa).collect()
}

/// What an operator should know of a key that was taken in.
fn remarks(key: &KeyRecord, private: &Private, now: Timestamp) -> Vec<String> {
    let name = &key.name;
    let Some(facts) = key.certificates.first().and_then(|der| facts(der).ok()) else {
        let mut notes = vec![format!(
            "There was no certificate beside the key; take it in with `key install {name} FILE`, or \
             ask for one with `key request {name} --station NAME`."
        )];
        if let Private::Rsa(key) = private
            && key.public().bits() < LEAST_BITS
        {
            notes.push(format!(
                "It is an RSA key of {} bits, which can be broken; {LEAST_BITS} is the least. Make a \
                 new one.",
                key.public().bits()
            ));
        }
        return notes;
    };
    let mut notes = facts.warnings();
    match facts.problem_at(now) {
        Some(problem) => notes.push(format!("The certificate cannot be used now: {problem}.")),
        None => notes.push(put_to_use(name)),
    }
    notes
}

/// What comes next.
fn put_to_use(name: &str) -> String {
    format!(
        "It is not in use yet: `key use {name} --station NAME`, or with --slot next while partners \
         still have the one before."
    )
}

/// Fewest bits of an RSA key that are safe today.
const LEAST_BITS: usize = 2048;

pub(super) fn no_certificate(name: &str) -> ChangeError {
    ChangeError::Refused(format!(
        "key {name} has no certificate yet; take the CA's answer in with `key install {name} FILE`"
    ))
}

/// The key a certificate is for; `None` when it does not parse.
fn spki(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    Some(certificate.public_key().raw.to_vec())
}

/// The certificates with the one for the key in front that is good the longest; `None` when none is
/// for it.
fn ordered(
    private: &Private,
    mut certificates: Vec<Vec<u8>>,
    now: Timestamp,
) -> Option<Vec<Vec<u8>>> {
    let worth = |der: &Vec<u8>| {
        let facts = facts(der).ok();
        facts.map(|facts| (facts.problem_at(now).is_none(), facts.not_after))
    };
    let own = certificates.iter().enumerate();
    let own = own.filter(|(_, der)| private.is_for(der));
    // The first of equal ones.
    let (place, _) = own.rev().max_by_key(|(_, der)| worth(der))?;
    let leaf = certificates.remove(place);
    certificates.insert(0, leaf);
    Some(certificates)
}

fn is_new(store: &Store, name: &str) -> Result<(), ChangeError> {
    match store.key(name)? {
        None => Ok(()),
        Some(_) => Err(ChangeError::Refused(format!(
            "there is a key named {name} already, and keys are not overwritten; choose another name, \
             as {name}-2"
        ))),
    }
}

pub(super) fn known(store: &Store, name: &str) -> Result<KeyRecord, ChangeError> {
    store
        .key(name)?
        .ok_or_else(|| ChangeError::NoKey(name.to_owned()))
}

fn read_uri(uri: &str) -> Result<TokenUri, ChangeError> {
    uri.parse()
        .map_err(|error: token::UriError| ChangeError::Refused(format!("--token: {error}")))
}

fn seal(pkcs8: &[u8], master: &MasterSecret) -> Result<Vec<u8>, ChangeError> {
    ::keyring::seal(pkcs8, master).map_err(sealing)
}

fn sealing(error: SealError) -> ChangeError {
    ChangeError::Failed(error.to_string())
}

pub(super) fn taken_up(error: KeyringError) -> ChangeError {
    ChangeError::Failed(format!(
        "the change is in the store, but the keys could not be taken up ({error}); start anew"
    ))
}

fn count(number: usize, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
