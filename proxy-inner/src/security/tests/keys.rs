//! RSA keys with certificates, each made once for all tests.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::keyring::{Role, Slot};
use crypto::{KeyUseError, Oaep, PrivateKey, PublicKey, Signing, SoftwareKey};
use envelope::{Certificate, OwnKey};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use store::{Partner, RoleCertificate};
use zeroize::Zeroizing;

use crate::keyring::Keyring;
use crate::security::{Security, SecuritySettings};
use crate::session::tests::world::Side;

/// The roles keys have inside OFTP2.
pub(crate) const ROLES: [Role; 4] = [
    Role::Encryption,
    Role::FileSigning,
    Role::ReceiptSigning,
    Role::Authentication,
];

/// A key and its certificate.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) own: OwnKey,
    pub(crate) certificate: Vec<u8>,
    /// A certificate for the same key that ended long ago.
    pub(crate) expired: Vec<u8>,
}

impl Pair {
    fn new() -> Pair {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let parameters = CertificateParams::new(vec!["a.partner".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&pair).unwrap().der().to_vec();
        let mut ended = parameters;
        ended.not_before = date_time_ymd(2001, 1, 1);
        ended.not_after = date_time_ymd(2002, 1, 1);
        let expired = ended.self_signed(&pair).unwrap().der().to_vec();
        let key = SoftwareKey::from_pkcs8(&pair.serialize_der()).unwrap();
        let chain = [Certificate::from_der(&certificate).unwrap()];
        Pair {
            own: OwnKey::new(Arc::new(key), &chain).unwrap(),
            certificate,
            expired,
        }
    }

    /// The same key, known by its certificate that has ended.
    pub(crate) fn ended(&self) -> OwnKey {
        let chain = [Certificate::from_der(&self.expired).unwrap()];
        OwnKey::new(Arc::clone(self.own.key()), &chain).unwrap()
    }
}

/// A key in a token that is not plugged in; or one whose use breaks off within the program.
#[derive(Debug)]
pub(crate) struct Away {
    public: PublicKey,
    panics: bool,
}

impl Away {
    pub(crate) fn of(pair: &Pair) -> Arc<Away> {
        Arc::new(Away {
            public: pair.own.key().public().clone(),
            panics: false,
        })
    }

    pub(crate) fn panicking(pair: &Pair) -> Arc<Away> {
        Arc::new(Away {
            public: pair.own.key().public().clone(),
            panics: true,
        })
    }

    fn fail<T>(&self) -> Result<T, KeyUseError> {
        assert!(!self.panics, "this key breaks off");
        Err(KeyUseError::Unreachable(
            "the token is not plugged in".into(),
        ))
    }
}

impl PrivateKey for Away {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, _: Signing, _: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        self.fail()
    }

    fn unwrap_pkcs1(&self, _: &[u8], _: usize) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
        self.fail()
    }

    fn unwrap_oaep(&self, _: Oaep, _: &[u8], _: usize) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
        self.fail()
    }
}

/// One of a few keys, by its number.
pub(crate) fn pair(number: usize) -> &'static Pair {
    static PAIRS: [OnceLock<Pair>; 4] = [const { OnceLock::new() }; 4];
    PAIRS[number].get_or_init(Pair::new)
}

/// The key of our side in most tests.
pub(crate) fn ours() -> &'static Pair {
    pair(0)
}

/// The key of their side in most tests.
pub(crate) fn theirs() -> &'static Pair {
    pair(1)
}

/// A key nobody should know.
pub(crate) fn strange() -> &'static Pair {
    pair(2)
}

/// Their key after the present one.
pub(crate) fn coming() -> &'static Pair {
    pair(3)
}

/// Gives a side its keys: its name, and each key with role and slot.
pub(crate) fn equip(side: &mut Side, keys: &[(Role, Slot, &OwnKey)]) {
    let station = side.name();
    let keys = keys
        .iter()
        .map(|(role, slot, key)| (station, *role, *slot, OwnKey::clone(key)));
    let keyring = Keyring::with(keys.collect());
    let settings = SecuritySettings {
        // However busy the machine is.
        patience: Duration::from_secs(120),
        ..SecuritySettings::default()
    };
    let security = Security::new(side.store().clone(), keyring, settings);
    side.context = side.context.clone().with_security(security);
}

/// Gives a side the one key for every role.
pub(crate) fn equip_with(side: &mut Side, key: &OwnKey) {
    equip(side, &ROLES.map(|role| (role, Slot::Current, key)));
}

/// What a partner shows of itself, in place of what was there for that role and slot.
pub(crate) fn know(partner: &mut Partner, role: Role, slot: Slot, certificate: &[u8]) {
    let held = &mut partner.role_certificates;
    held.retain(|held| (held.role, held.slot) != (role, slot));
    held.push(RoleCertificate {
        role,
        slot,
        certificate: certificate.to_vec(),
    });
}

/// The same certificate for every role.
pub(crate) fn know_by(partner: &mut Partner, certificate: &[u8]) {
    for role in ROLES {
        know(partner, role, Slot::Current, certificate);
    }
}
