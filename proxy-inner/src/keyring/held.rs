//! The keys as they are held: unsealed once, found by station, role and slot.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::keyring::{Facts, Role, Slot};
use crypto::{PrivateKey, PublicKey, SoftwareKey};
use envelope::OwnKey;
use jiff::Timestamp;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use store::{KeyHome, KeyRecord, KeyUse};
use token::{Token, TokenUri};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::tls::RsaSigningKey;
use super::{NoKey, Secrets};

/// Every key that a station uses, and the uses.
#[derive(Default)]
pub(super) struct Held {
    keys: BTreeMap<String, HeldKey>,
    uses: Vec<KeyUse>,
}

/// One key, or why it cannot be used.
struct HeldKey {
    /// Where it is: one that has not moved is not unsealed again.
    home: Option<KeyHome>,
    private: Result<Private, String>,
    chain: Vec<Vec<u8>>,
    /// With its certificates, for CMS.
    own: Result<OwnKey, String>,
    /// What its certificate says.
    valid: Option<(Timestamp, Timestamp)>,
}

#[derive(Clone)]
pub(super) enum Private {
    Rsa(Arc<dyn PrivateKey>),
    /// For TLS only.
    Elliptic(Arc<dyn SigningKey>),
}

impl Held {
    /// Unseals what is used; what `before` has unsealed already is taken from there.
    pub(super) fn load(
        records: Vec<KeyRecord>,
        uses: Vec<KeyUse>,
        secrets: &Secrets,
        before: &Held,
    ) -> Held {
        let used = |record: &KeyRecord| uses.iter().any(|one| one.key == record.name);
        let keys = records
            .into_iter()
            .filter(used)
            .map(|record| {
                let known = before.keys.get(&record.name).filter(|known| {
                    known.private.is_ok() && known.home.as_ref() == Some(&record.private)
                });
                let private = match known {
                    Some(known) => known.private.clone(),
                    None => open(&record.private, secrets),
                };
                (record.name.clone(), HeldKey::new(record, private))
            })
            .collect();
        Held { keys, uses }
    }

    pub(super) fn count(&self) -> usize {
        self.keys.len()
    }

    /// The keys in use or about to be, each with the end of its certificate. One that is merely a
    /// previous one may end.
    pub(super) fn ends(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        let matters = |name: &str| {
            let mut uses = self.uses.iter();
            uses.any(|one| one.key == name && one.slot != Slot::Previous)
        };
        let keys = self.keys.iter();
        keys.filter(move |(name, _)| matters(name))
            .filter_map(|(name, key)| Some((name.as_str(), key.valid?.1)))
    }

    /// Whether a key that could be there at another time is not: one in a token.
    pub(super) fn misses_token(&self) -> bool {
        self.keys
            .values()
            .any(|key| key.private.is_err() && matches!(key.home, Some(KeyHome::Token(_))))
    }

    pub(super) fn uses(&self) -> impl Iterator<Item = &KeyUse> {
        self.uses.iter()
    }

    /// The keys that cannot be used for what they are put to, with the reason.
    pub(super) fn faults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.keys.iter().filter_map(|(name, key)| {
            let why = match &key.private {
                Err(why) => why,
                Ok(Private::Elliptic(_)) => return None,
                Ok(Private::Rsa(_)) => key.own.as_ref().err()?,
            };
            Some((name.as_str(), why.as_str()))
        })
    }

    /// The key in that place for CMS; `None` when the place is empty.
    pub(super) fn own(
        &self,
        station: &str,
        role: Role,
        slot: Slot,
    ) -> Option<Result<OwnKey, NoKey>> {
        let (name, key) = self.find(station, role, slot)?;
        Some(match &key.own {
            Ok(own) => Ok(own.clone()),
            Err(why) => Err(unusable(station, role, name, why)),
        })
    }

    /// The key in that place for TLS.
    pub(super) fn tls(
        &self,
        station: &str,
        role: Role,
        slot: Slot,
    ) -> Result<Arc<CertifiedKey>, NoKey> {
        let Some((name, key)) = self.find(station, role, slot) else {
            return Err(NoKey::Unset {
                station: station.to_owned(),
                role,
            });
        };
        let private = match &key.private {
            Ok(private) => private.clone(),
            Err(why) => return Err(unusable(station, role, name, why)),
        };
        if key.chain.is_empty() {
            return Err(unusable(station, role, name, NO_CERTIFICATE));
        }
        let signing: Arc<dyn SigningKey> = match private {
            Private::Elliptic(key) => key,
            Private::Rsa(key) => Arc::new(RsaSigningKey::new(key)),
        };
        Ok(Arc::new(CertifiedKey::new(key.shown(), signing)))
    }

    /// The place whose key is to be used at `now`: current; next once that one's certificate has
    /// ended and the next one is valid.
    pub(super) fn slot_at(&self, station: &str, role: Role, now: Timestamp) -> Result<Slot, NoKey> {
        let current = self.find(station, role, Slot::Current);
        let next = self.find(station, role, Slot::Next);
        let next_is_good = next.is_some_and(|(_, key)| key.is_valid(now));
        match current {
            Some((_, key)) if !key.has_ended(now) => Ok(Slot::Current),
            _ if next_is_good => Ok(Slot::Next),
            Some((name, key)) => Err(NoKey::Ended {
                station: station.to_owned(),
                role,
                key: name.to_owned(),
                ended: key.valid.map_or(now, |(_, end)| end),
            }),
            None => Err(NoKey::Unset {
                station: station.to_owned(),
                role,
            }),
        }
    }

    fn find(&self, station: &str, role: Role, slot: Slot) -> Option<(&str, &HeldKey)> {
        let found = self
            .uses
            .iter()
            .find(|one| one.station == station && one.role == role && one.slot == slot)?;
        let key = self.keys.get(&found.key)?;
        Some((found.key.as_str(), key))
    }

    #[cfg(test)]
    pub(super) fn with(keys: Vec<(&str, Role, Slot, OwnKey)>) -> Held {
        let mut held = Held::default();
        for (station, role, slot, own) in keys {
            let name = format!("K{}", held.uses.len());
            let chain = vec![own.certificate().der().to_vec()];
            let key = HeldKey {
                home: None,
                private: Ok(Private::Rsa(Arc::clone(own.key()))),
                valid: validity(&chain),
                chain,
                own: Ok(own),
            };
            held.keys.insert(name.clone(), key);
            held.uses.push(KeyUse {
                station: station.to_owned(),
                role,
                slot,
                key: name,
            });
        }
        held
    }
}

impl HeldKey {
    fn new(record: KeyRecord, private: Result<Private, String>) -> HeldKey {
        let own = match &private {
            Ok(Private::Rsa(key)) => own(key, &record.certificates),
            Ok(Private::Elliptic(_)) => Err(ELLIPTIC.to_owned()),
            Err(why) => Err(why.clone()),
        };
        HeldKey {
            valid: validity(&record.certificates),
            home: Some(record.private),
            private,
            chain: record.certificates,
            own,
        }
    }

    /// The chain for TLS: certificates of the same key that came before are not part of it.
    fn shown(&self) -> Vec<CertificateDer<'static>> {
        let earlier = |der: &[u8]| matches!(&self.private, Ok(private) if private.is_for(der));
        let certificates = self.chain.iter().enumerate();
        certificates
            .filter(|(place, der)| *place == 0 || !earlier(der))
            .map(|(_, der)| CertificateDer::from(der.clone()))
            .collect()
    }

    fn is_valid(&self, now: Timestamp) -> bool {
        self.valid
            .is_some_and(|(begin, end)| (begin..=end).contains(&now))
    }

    fn has_ended(&self, now: Timestamp) -> bool {
        self.valid.is_some_and(|(_, end)| end < now)
    }
}

impl Private {
    /// Its public half, SubjectPublicKeyInfo in DER.
    pub(super) fn public(&self) -> Option<Vec<u8>> {
        match self {
            Private::Rsa(key) => Some(key.public().spki().to_vec()),
            Private::Elliptic(key) => Some(key.public_key()?.as_ref().to_vec()),
        }
    }

    /// Whether a certificate was made for this key.
    pub(super) fn is_for(&self, certificate: &[u8]) -> bool {
        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
            return false;
        };
        let found = certificate.public_key().raw;
        match self {
            // Read first: the parameters of an RSA key may be written in two ways.
            Private::Rsa(key) => {
                PublicKey::from_spki(found).is_ok_and(|found| found == *key.public())
            }
            Private::Elliptic(key) => key.public_key().is_some_and(|spki| spki.as_ref() == found),
        }
    }
}

/// Gets at a private key wherever it is.
pub(super) fn open(home: &KeyHome, secrets: &Secrets) -> Result<Private, String> {
    match home {
        KeyHome::Sealed(sealed) => {
            let master = secrets.master.as_ref().ok_or(NO_SECRET)?;
            let pkcs8 = ::keyring::unseal(sealed, master).map_err(|error| format!("it {error}"))?;
            private(&pkcs8)
        }
        KeyHome::Token(uri) => {
            let uri: TokenUri = uri
                .parse()
                .map_err(|error| format!("its token URI {uri}: {error}"))?;
            let key =
                Token::open(&uri, secrets.token_pin.clone()).map_err(|error| error.to_string())?;
            Ok(Private::Rsa(Arc::new(key)))
        }
    }
}

/// The key of a PKCS#8 structure, RSA or EC.
pub(super) fn private(pkcs8: &[u8]) -> Result<Private, String> {
    if let Ok(key) = SoftwareKey::from_pkcs8(pkcs8) {
        return Ok(Private::Rsa(Arc::new(key)));
    }
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8));
    any_supported_type(&der)
        .map(Private::Elliptic)
        .map_err(|_| "it is neither an RSA key nor an EC key on P-256 or P-384".to_owned())
}

fn own(key: &Arc<dyn PrivateKey>, certificates: &[Vec<u8>]) -> Result<OwnKey, String> {
    if certificates.is_empty() {
        return Err(NO_CERTIFICATE.to_owned());
    }
    OwnKey::from_chain(Arc::clone(key), certificates).map_err(|error| error.to_string())
}

fn validity(certificates: &[Vec<u8>]) -> Option<(Timestamp, Timestamp)> {
    let facts: Facts = ::keyring::facts(certificates.first()?).ok()?;
    Some((facts.not_before, facts.not_after))
}

fn unusable(station: &str, role: Role, key: &str, why: &str) -> NoKey {
    NoKey::Unusable {
        station: station.to_owned(),
        role,
        key: key.to_owned(),
        why: why.to_owned(),
    }
}

const NO_CERTIFICATE: &str =
    "it has no certificate yet; take the CA's answer in with `proxy-inner key install`";
const ELLIPTIC: &str = "it is an EC key, which is good for TLS only; files need an RSA key";
const NO_SECRET: &str = "no master secret is configured; set one in [keyring]";
