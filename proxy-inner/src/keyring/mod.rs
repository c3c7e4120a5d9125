//! Our keys while the process runs: unsealed, known by station and role, renewed without a restart.
//!
//! ```text
//!  master secret, PIN (secret.rs) ─┐
//!  store: keys and their uses ─────┴▶ Held (held.rs) ─┬─ own_keys, signing_key ─▶ files, receipts, authentication
//!  token ─────────────────────────────────┘           └─ tls ─▶ listeners, calls     (tls.rs: rustls SigningKey)
//!                                     ▲
//!  admin commands ─▶ change.rs ───────┘ writes to the store, then the keys are taken up anew
//! ```
//!
//! Only keys that a station uses are unsealed; what is unsealed is wiped when it is replaced and
//! nobody works with it any more. Promises that no key material is in any log line, error or `Debug`.

mod attend;
mod change;
mod error;
mod held;
mod secret;
mod tls;
mod uses;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use ::keyring::{MasterSecret, Role, Slot};
use envelope::OwnKey;
use jiff::Timestamp;
use rustls::sign::CertifiedKey;
use store::{KeyHome, KeyRecord, Store};
use tokio::sync::watch;
use zeroize::Zeroizing;

use held::Held;

pub(crate) use change::usual_roles;
pub use change::{ChangeError, Changed, ExportForm, NewKey};
pub use error::{KeyringError, NoKey};
pub use secret::{Ask, SecretSource};
pub use uses::{NewUse, Uses};

/// What unlocks keys: neither is kept in the store.
#[derive(Default)]
pub struct Secrets {
    /// Unseals the keys in the store.
    pub master: Option<MasterSecret>,
    /// The PIN of the PKCS#11 token.
    pub token_pin: Option<Zeroizing<String>>,
    /// Where the master secret is from, for people: ` (/etc/secret)`; empty when there is nothing to say.
    pub origin: String,
}

/// Our keys, by station and role. Shared by all that sign and decrypt; cheap to ask, from any thread.
pub struct Keyring {
    /// Absent where there are no keys at all.
    store: Option<Store>,
    secrets: Secrets,
    held: RwLock<Arc<Held>>,
    /// Counts the times the keys were taken up.
    changed: watch::Sender<u64>,
    /// Held by whoever changes keys, from looking to taking up.
    changing: Mutex<()>,
}

impl Keyring {
    /// Without any key.
    pub fn none() -> Arc<Keyring> {
        Arc::new(Keyring::holding(None, Secrets::default(), Held::default()))
    }

    /// The keys of `store`, sealed under `master`.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn from(store: Store, master: MasterSecret) -> Result<Arc<Keyring>, KeyringError> {
        let secrets = Secrets {
            master: Some(master),
            ..Secrets::default()
        };
        Keyring::open(store, secrets)
    }

    /// The keys of `store`. A single key that cannot be used is logged, and told to whoever wants it.
    ///
    /// # Errors
    /// [`KeyringError::WrongSecret`], [`KeyringError::NoSecret`], or what the store said.
    pub fn open(store: Store, secrets: Secrets) -> Result<Arc<Keyring>, KeyringError> {
        match (&secrets.master, store.keyring_check()?) {
            (Some(master), Some(check)) if !master.matches(&check) => {
                return Err(KeyringError::WrongSecret(secrets.origin.clone()));
            }
            (None, Some(_)) => {
                let sealed = |home: &KeyHome| matches!(home, KeyHome::Sealed(_));
                let keys = store.keys()?.into_iter();
                let names: Vec<_> = keys
                    .filter(|key| sealed(&key.private))
                    .map(|key| key.name)
                    .collect();
                if !names.is_empty() {
                    return Err(KeyringError::NoSecret(names.join(", ")));
                }
            }
            _ => {}
        }
        let keyring = Keyring::holding(Some(store), secrets, Held::default());
        keyring.take_up()?;
        Ok(Arc::new(keyring))
    }

    fn holding(store: Option<Store>, secrets: Secrets, held: Held) -> Keyring {
        Keyring {
            store,
            secrets,
            held: RwLock::new(Arc::new(held)),
            changed: watch::Sender::new(0),
            changing: Mutex::default(),
        }
    }

    /// The keys a station has for a role, in the order they are to be tried: current, next, previous.
    /// Those that cannot be used are left out.
    pub fn own_keys(&self, station: &str, role: Role) -> Vec<(Slot, OwnKey)> {
        let held = self.held();
        Slot::ALL
            .into_iter()
            .filter_map(|slot| Some((slot, held.own(station, role, slot)?.ok()?)))
            .collect()
    }

    /// The key a station signs with at `now`: the current one; once its certificate has ended, the
    /// next one if that is valid.
    ///
    /// # Errors
    /// See [`NoKey`].
    pub fn signing_key(&self, station: &str, role: Role, now: Timestamp) -> Result<OwnKey, NoKey> {
        let held = self.held();
        let slot = held.slot_at(station, role, now)?;
        match held.own(station, role, slot) {
            Some(own) => own,
            None => Err(NoKey::Unset {
                station: station.to_owned(),
                role,
            }),
        }
    }

    /// Chain and key a station shows in TLS handshakes at `now`, chosen as by
    /// [`Keyring::signing_key`]; RSA or EC.
    ///
    /// # Errors
    /// See [`NoKey`].
    pub fn tls(
        &self,
        station: &str,
        role: Role,
        now: Timestamp,
    ) -> Result<Arc<CertifiedKey>, NoKey> {
        let held = self.held();
        let slot = held.slot_at(station, role, now)?;
        held.tls(station, role, slot)
    }

    /// How many keys are in use.
    pub fn count(&self) -> usize {
        self.held().count()
    }

    /// Whether any station uses a key for this role.
    pub fn has_any(&self, role: Role) -> bool {
        self.held().uses().any(|one| one.role == role)
    }

    /// Changes whenever keys were taken up anew.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Takes up what the store has now. Takes processor time for each key that is new (it is unsealed),
    /// and waits for the token: on a thread that may block.
    ///
    /// # Errors
    /// What the store said; the keys stay as they were then.
    pub fn take_up(&self) -> Result<(), KeyringError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let (records, uses) = (store.keys()?, store.key_uses()?);
        let before = self.held();
        let held = Held::load(records, uses, &self.secrets, &before);
        for (key, why) in held.faults() {
            if !before.faults().any(|told| told == (key, why)) {
                tracing::error!(key, why, "A key in use cannot be used.");
            }
        }
        let mut place = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *place = Arc::new(held);
        drop(place);
        self.changed.send_modify(|count| *count += 1);
        Ok(())
    }

    /// The keys that are in use and cannot be used, each with the reason.
    pub fn faults(&self) -> Vec<(String, String)> {
        let held = self.held();
        held.faults()
            .map(|(key, why)| (key.to_owned(), why.to_owned()))
            .collect()
    }

    /// The public half (SubjectPublicKeyInfo, DER) of a key nothing else tells of; `None` when it cannot
    /// be got at. Unseals the key or asks the token: on a thread that may block.
    pub fn public(&self, key: &KeyRecord) -> Option<Vec<u8>> {
        held::open(&key.private, &self.secrets).ok()?.public()
    }

    fn held(&self) -> Arc<Held> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&held)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").finish_non_exhaustive()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("master", &self.master.is_some())
            .field("token_pin", &self.token_pin.is_some())
            .finish()
    }
}

#[cfg(test)]
impl Keyring {
    /// With just these keys, for tests of those who use them.
    pub(crate) fn with(keys: Vec<(&str, Role, Slot, OwnKey)>) -> Arc<Keyring> {
        Arc::new(Keyring::holding(None, Secrets::default(), Held::with(keys)))
    }
}

#[cfg(test)]
mod tests;
