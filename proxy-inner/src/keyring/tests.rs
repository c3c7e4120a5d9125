//! Which key is used when.

use ::keyring::{KeyKind, Signer, Subject};
use crypto::Verifying;
use jiff::SignedDuration;
use rustls::SignatureScheme;
use rustls::sign::SigningKey;
use store::{KeyRecord, Station, StoreOptions};

use super::tls::RsaSigningKey;
use super::*;

const STATION: &str = "US";

struct World {
    store: Store,
    keyring: Arc<Keyring>,
    _folder: tempfile::TempDir,
}

fn master() -> MasterSecret {
    MasterSecret::new(Zeroizing::new(b"a master secret for tests".to_vec())).unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn later(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
        let code = "O0013000001US".parse().unwrap();
        store
            .put_station(Station {
                name: STATION.to_owned(),
                code,
            })
            .unwrap();
        let keyring = Keyring::from(store.clone(), master()).unwrap();
        World {
            store,
            keyring,
            _folder: folder,
        }
    }

    /// Puts a key valid for so many days into a place.
    fn put(&self, name: &str, slot: Slot, days: u32) {
        self.keyring
            .create(
                NewKey {
                    name: name.to_owned(),
                    subject: Subject {
                        common_name: name.to_owned(),
                        odette_id: "O0013000001US".to_owned(),
                        dns_names: vec!["oftp.example".to_owned()],
                        ..Subject::default()
                    },
                    roles: Role::ALL.to_vec(),
                    kind: KeyKind::Rsa2048,
                    token: None,
                    self_signed: Some(days),
                },
                now(),
            )
            .unwrap();
        let new = NewUse {
            name: name.to_owned(),
            station: STATION.to_owned(),
            roles: vec![Role::FileSigning, Role::TlsServer],
            slot,
            replace: false,
            force: false,
        };
        self.keyring.put_to_use(&new, now()).unwrap();
    }

    fn signs_at(&self, at: Timestamp) -> Result<String, NoKey> {
        let own = self.keyring.signing_key(STATION, Role::FileSigning, at)?;
        let facts = ::keyring::facts(own.certificate().der()).unwrap();
        Ok(facts.common_name.unwrap())
    }
}

#[test]
fn the_current_key_signs_until_it_has_ended_then_the_next_one() {
    let world = World::new();
    assert!(matches!(world.signs_at(now()), Err(NoKey::Unset { .. })));
    world.put("FIRST", Slot::Current, 10);
    world.put("SECOND", Slot::Next, 100);
    assert_eq!(world.signs_at(now()).unwrap(), "FIRST");
    assert_eq!(world.signs_at(later(50)).unwrap(), "SECOND");
    let ended = world.signs_at(later(500)).unwrap_err();
    assert!(
        matches!(&ended, NoKey::Ended { key, .. } if key == "FIRST"),
        "{ended}"
    );
    let keys = world.keyring.own_keys(STATION, Role::FileSigning);
    let slots: Vec<_> = keys.iter().map(|(slot, _)| *slot).collect();
    assert_eq!(slots, [Slot::Current, Slot::Next]);
    assert!(world.keyring.own_keys(STATION, Role::Encryption).is_empty());
    assert!(
        world
            .keyring
            .own_keys("OTHER", Role::FileSigning)
            .is_empty()
    );
    assert_eq!(world.keyring.ends_soon(now()).len(), 1);
}

#[test]
fn a_change_is_told_and_holds_at_once() {
    let world = World::new();
    let mut changed = world.keyring.changed();
    changed.borrow_and_update();
    world.put("FIRST", Slot::Current, 10);
    assert!(changed.has_changed().unwrap());
    world.put("SECOND", Slot::Next, 100);
    world.keyring.promote(STATION, &[]).unwrap();
    assert_eq!(world.signs_at(now()).unwrap(), "SECOND");
    let again = Keyring::from(world.store.clone(), master()).unwrap();
    let own = again
        .signing_key(STATION, Role::FileSigning, now())
        .unwrap();
    let facts = ::keyring::facts(own.certificate().der()).unwrap();
    assert_eq!(facts.common_name.as_deref(), Some("SECOND"));
}

#[test]
fn a_sealed_key_that_is_damaged_is_told_and_the_others_go_on() {
    let world = World::new();
    world.put("FIRST", Slot::Current, 10);
    world.put("SECOND", Slot::Next, 100);
    let mut broken = world.store.key("FIRST").unwrap().unwrap();
    broken.private = KeyHome::Sealed(vec![0x30, 0]);
    world.store.put_key(broken).unwrap();
    world.keyring.take_up().unwrap();
    let why = world.signs_at(now()).unwrap_err();
    assert!(
        matches!(&why, NoKey::Unusable { key, .. } if key == "FIRST"),
        "{why}"
    );
    assert_eq!(world.keyring.faults().len(), 1);
    let keys = world.keyring.own_keys(STATION, Role::FileSigning);
    assert_eq!(keys.len(), 1, "the next one can still be used");
}

#[test]
fn handshakes_are_signed_with_every_scheme_of_rsa() {
    let world = World::new();
    world.put("FIRST", Slot::Current, 10);
    let certified = world.keyring.tls(STATION, Role::TlsServer, now()).unwrap();
    assert_eq!(certified.cert.len(), 1);
    let own = world
        .keyring
        .signing_key(STATION, Role::FileSigning, now())
        .unwrap();
    let key = RsaSigningKey::new(Arc::clone(own.key()));
    assert_eq!(
        key.public_key().unwrap().as_ref(),
        own.certificate().public_key().spki()
    );
    use crypto::Hash::{Sha256, Sha384, Sha512};
    let pss = |hash| Verifying::Pss {
        hash,
        mgf: hash,
        salt: Some(hash.octets()),
    };
    for (scheme, hash, verifying) in [
        (SignatureScheme::RSA_PSS_SHA256, Sha256, pss(Sha256)),
        (SignatureScheme::RSA_PSS_SHA384, Sha384, pss(Sha384)),
        (SignatureScheme::RSA_PSS_SHA512, Sha512, pss(Sha512)),
        (
            SignatureScheme::RSA_PKCS1_SHA256,
            Sha256,
            Verifying::Pkcs1(Sha256),
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA384,
            Sha384,
            Verifying::Pkcs1(Sha384),
        ),
        (
            SignatureScheme::RSA_PKCS1_SHA512,
            Sha512,
            Verifying::Pkcs1(Sha512),
        ),
    ] {
        let signer = key.choose_scheme(&[scheme]).unwrap();
        assert_eq!(signer.scheme(), scheme);
        let signature = signer.sign(b"a handshake").unwrap();
        let public = own.certificate().public_key();
        let digest = hash.of(b"a handshake");
        assert!(public.verify(verifying, &digest, &signature), "{scheme:?}");
    }
    assert!(key.choose_scheme(&[SignatureScheme::ED25519]).is_none());
}

#[test]
fn a_chain_in_a_handshake_has_no_earlier_certificates_of_the_key() {
    let world = World::new();
    world.put("FIRST", Slot::Current, 10);
    let record = world.store.key("FIRST").unwrap().unwrap();
    let KeyHome::Sealed(sealed) = &record.private else {
        panic!("it is in the store");
    };
    let pkcs8 = ::keyring::unseal(sealed, &master()).unwrap();
    let signer = Signer::software(&pkcs8).unwrap();
    let subject = Subject {
        common_name: "again".to_owned(),
        odette_id: "O0013000001US".to_owned(),
        ..Subject::default()
    };
    let renewed = ::keyring::self_signed(&signer, &subject, &Role::ALL, 20, now()).unwrap();
    world.keyring.install("FIRST", &renewed, now()).unwrap();
    let kept: KeyRecord = world.store.key("FIRST").unwrap().unwrap();
    assert_eq!(kept.certificates.len(), 2);
    let certified = world.keyring.tls(STATION, Role::TlsServer, now()).unwrap();
    assert_eq!(certified.cert.len(), 1);
    assert_eq!(certified.cert[0].as_ref(), renewed);
}

#[test]
fn nothing_secret_is_in_debug_output() {
    let world = World::new();
    world.put("FIRST", Slot::Current, 10);
    let record = world.store.key("FIRST").unwrap().unwrap();
    let secrets = Secrets {
        master: Some(master()),
        token_pin: Some(Zeroizing::new("1234".to_owned())),
        ..Secrets::default()
    };
    let told = format!("{:?} {record:?} {secrets:?}", world.keyring);
    assert!(
        !told.contains("1234") && !told.contains("master secret"),
        "{told}"
    );
    assert!(told.contains("Sealed(..)"), "{told}");
}
