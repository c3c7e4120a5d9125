//! The keys of the process: read at start from files, or held by the keyring and renewed while it runs.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use ::keyring::Role;
use ::link::{ClientCertificate, LinkIdentity};
use envelope::OwnKey;
use jiff::Timestamp;
use rustls::sign::CertifiedKey;
use store::Store;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::AppError;
use crate::admin;
use crate::config::{Config, TlsSource};
use crate::handshake::TlsKey;
use crate::keyring::{Keyring, Secrets};
use crate::keys::{self, KeyError, TlsIdentity};
use crate::link::{LinkHandle, TlsListener};
use crate::schedule::ClientIdentity;
use crate::session::{Shutdown, Stage};

/// The keys that are in files.
pub(super) struct Keys {
    pub(super) link: Option<LinkIdentity>,
    pub(super) listeners: Vec<ListenerKey>,
    pub(super) outbound: Option<Shown>,
    pub(super) authentication: Option<OwnKey>,
}

/// What one listener presents.
pub(super) struct ListenerKey {
    name: String,
    client_certificate: ClientCertificate,
    shown: Shown,
}

/// Chain and key for handshakes, or whose they are.
#[derive(Clone)]
pub(super) enum Shown {
    Given(Arc<CertifiedKey>),
    Station(String),
}

impl Keys {
    /// Reads what lies in files, before anything else is begun.
    pub(super) fn load(config: &Config) -> Result<Keys, KeyError> {
        let link = match &config.link {
            Some(link) => Some(keys::load_identity(&link.identity)?),
            None => None,
        };
        let mut listeners = Vec::with_capacity(config.listeners.len());
        for listener in &config.listeners {
            listeners.push(ListenerKey {
                name: listener.name.clone(),
                client_certificate: listener.client_certificate,
                shown: Shown::load(&listener.tls)?,
            });
        }
        let outbound = config.outbound.tls.as_ref().map(Shown::load).transpose()?;
        let authentication = match &config.authentication {
            Some(files) => Some(keys::load_authentication(&files.certificate, &files.key)?),
            None => None,
        };
        Ok(Keys {
            link,
            listeners,
            outbound,
            authentication,
        })
    }
}

impl Shown {
    fn load(source: &TlsSource) -> Result<Shown, KeyError> {
        Ok(match source {
            TlsSource::Files(files) => {
                let TlsIdentity { chain, key } = keys::load(&files.certificate, &files.key)?;
                Shown::Given(Arc::new(CertifiedKey::new(chain, key)))
            }
            TlsSource::Station(station) => Shown::Station(station.clone()),
        })
    }

    /// What is to be shown at `now`, in a role; why there is nothing, else.
    fn at(
        &self,
        keyring: &Keyring,
        role: Role,
        now: Timestamp,
    ) -> Result<Arc<CertifiedKey>, String> {
        match self {
            Shown::Given(given) => Ok(Arc::clone(given)),
            Shown::Station(station) => keyring
                .tls(station, role, now)
                .map_err(|error| error.to_string()),
        }
    }
}

/// Opens the keyring of the store with the secrets the configuration names; asks for them where it
/// says so.
pub(super) fn open_keyring(config: &Config, store: &Store) -> Result<Arc<Keyring>, AppError> {
    let first = store.keyring_check()?.is_none();
    let mut ask = |question: &str| -> io::Result<_> { admin::ask_hidden(question) };
    let secrets = Secrets::gather(
        config.keyring.master.as_ref(),
        config.keyring.token_pin.as_ref(),
        first,
        &mut ask,
    )?;
    let keyring = Keyring::open(store.clone(), secrets)?;
    tracing::info!(keys = keyring.count(), "The keyring is open.");
    Ok(keyring)
}

/// What calls show to partners that ask for a certificate, looked up for each call.
pub(super) fn client_identity(
    shown: Option<Shown>,
    keyring: &Arc<Keyring>,
) -> Option<ClientIdentity> {
    let shown = shown?;
    let keyring = Arc::clone(keyring);
    Some(Arc::new(move || {
        match shown.at(&keyring, Role::TlsClient, Timestamp::now()) {
            Ok(certified) => Some(certified),
            Err(why) => {
                tracing::error!(why, "A call is made without a client certificate.");
                None
            }
        }
    }))
}

/// The listeners with what they present, kept up to date with the keyring.
pub(super) struct Presenter {
    listeners: Vec<ListenerKey>,
    keyring: Arc<Keyring>,
    changed: watch::Receiver<u64>,
    /// Number of the next new key.
    number: u32,
    /// The listeners that are shut, and what was said of it.
    told: HashMap<String, String>,
}

/// How often the clock is looked at: a certificate that has ended gives way to the next one.
const LOOK: Duration = Duration::from_secs(60);

impl Presenter {
    pub(super) fn new(listeners: Vec<ListenerKey>, keyring: &Arc<Keyring>) -> Presenter {
        Presenter {
            listeners,
            changed: keyring.changed(),
            keyring: Arc::clone(keyring),
            number: 0,
            told: HashMap::new(),
        }
    }

    /// The listeners as they are to be at `now`. What is presented already is left as it is; one that
    /// has nothing to present is left out, and so stays shut.
    pub(super) fn listeners(&mut self, before: &[TlsListener], now: Timestamp) -> Vec<TlsListener> {
        let mut wanted = Vec::with_capacity(self.listeners.len());
        for listener in &self.listeners {
            let known = before.iter().find(|one| one.key.listener == listener.name);
            let certified = match listener.shown.at(&self.keyring, Role::TlsServer, now) {
                Ok(certified) => certified,
                Err(why) => {
                    if self.told.insert(listener.name.clone(), why.clone()) != Some(why.clone()) {
                        tracing::error!(
                            listener = listener.name,
                            why,
                            "A public listener stays shut: there is no certificate for it."
                        );
                    }
                    continue;
                }
            };
            self.told.remove(&listener.name);
            if let Some(known) = known.filter(|known| known.key.chain == certified.cert) {
                wanted.push(known.clone());
                continue;
            }
            if let Some(leaf) = certified.cert.first() {
                tracing::info!(
                    listener = listener.name,
                    certificate = ::keyring::facts(leaf)
                        .map(|facts| facts.fingerprint_text())
                        .unwrap_or_default(),
                    "A public listener has a certificate to present."
                );
            }
            wanted.push(TlsListener {
                key: TlsKey {
                    id: self.number,
                    listener: listener.name.clone(),
                    chain: certified.cert.clone(),
                    key: Arc::clone(&certified.key),
                },
                client_certificate: listener.client_certificate,
            });
            self.number += 1;
        }
        wanted
    }

    /// Whether anything it presents can change.
    fn follows_keyring(&self) -> bool {
        let station = |one: &ListenerKey| matches!(one.shown, Shown::Station(_));
        self.listeners.iter().any(station)
    }

    /// Keeps the link's listeners up to date until the process stops.
    pub(super) async fn keep(mut self, link: LinkHandle, shutdown: Shutdown) {
        if !self.follows_keyring() {
            return;
        }
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Ok(()) = self.changed.changed() => {}
                _ = looks.tick() => {}
                () = shutdown.reached(Stage::Draining) => return,
            }
            let before = link.presented();
            let wanted = self.listeners(&before, Timestamp::now());
            let same = before.len() == wanted.len()
                && before
                    .iter()
                    .zip(&wanted)
                    .all(|(one, other)| one.key.id == other.key.id);
            if !same {
                link.present(wanted);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ::keyring::{KeyKind, MasterSecret, Subject};
    use store::{Station, StoreOptions};
    use zeroize::Zeroizing;

    use super::*;
    use crate::keyring::{NewKey, NewUse};

    fn put(keyring: &Keyring, name: &str, kind: KeyKind, slot: ::keyring::Slot) {
        let new = NewKey {
            name: name.to_owned(),
            subject: Subject {
                common_name: "oftp.example".to_owned(),
                odette_id: "O0013US".to_owned(),
                dns_names: vec!["oftp.example".to_owned()],
                ..Subject::default()
            },
            roles: vec![Role::TlsServer, Role::TlsClient],
            kind,
            token: None,
            self_signed: Some(30),
        };
        keyring.create(new, Timestamp::now()).unwrap();
        let new = NewUse {
            name: name.to_owned(),
            station: "US".to_owned(),
            roles: Vec::new(),
            slot,
            replace: false,
            force: false,
        };
        keyring.put_to_use(&new, Timestamp::now()).unwrap();
    }

    #[test]
    fn a_listener_presents_what_its_station_has_and_changes_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), StoreOptions::default()).unwrap();
        let station = Station {
            name: "US".to_owned(),
            code: "O0013US".parse().unwrap(),
        };
        store.put_station(station).unwrap();
        let master = MasterSecret::new(Zeroizing::new(b"a master secret of tests".to_vec()));
        let keyring = Keyring::from(store, master.unwrap()).unwrap();
        let listener = ListenerKey {
            name: "oftps".to_owned(),
            client_certificate: ClientCertificate::Off,
            shown: Shown::Station("US".to_owned()),
        };
        let client = client_identity(Some(listener.shown.clone()), &keyring).unwrap();
        let mut presenter = Presenter::new(vec![listener], &keyring);
        let now = Timestamp::now();
        assert!(
            presenter.listeners(&[], now).is_empty(),
            "it stays shut without a key"
        );
        assert!(client().is_none());

        put(&keyring, "EC", KeyKind::EcP256, ::keyring::Slot::Current);
        let first = presenter.listeners(&[], now);
        assert_eq!((first.len(), first[0].key.id), (1, 0));
        assert!(client().is_some());
        let same = presenter.listeners(&first, now);
        assert_eq!(same[0].key.id, 0, "what has not changed keeps its number");

        put(&keyring, "RSA", KeyKind::Rsa2048, ::keyring::Slot::Next);
        assert_eq!(presenter.listeners(&first, now)[0].key.id, 0);
        keyring.promote("US", &[]).unwrap();
        let second = presenter.listeners(&first, now);
        assert_eq!(second[0].key.id, 1);
        assert_ne!(second[0].key.chain, first[0].key.chain);
    }
}
