//! What can be wrong with our keys, and what to do about it.

use ::keyring::Role;
use jiff::Timestamp;
use store::StoreError;

/// Why there is no key for what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoKey {
    /// None is put to that use.
    #[error(
        "station {station} has no key for {role}; put one to use with `proxy-inner key use NAME --station {station} --role {role}`"
    )]
    Unset {
        /// The station.
        station: String,
        /// What for.
        role: Role,
    },
    /// The certificate of the one there is has ended, and no next one is valid.
    #[error(
        "the certificate of key {key}, which station {station} uses for {role}, ended on {ended}; put a new one in its place (`proxy-inner key request {key}`, then `key install`)"
    )]
    Ended {
        /// The station.
        station: String,
        /// What for.
        role: Role,
        /// The key.
        key: String,
        /// When.
        ended: Timestamp,
    },
    /// The one there is cannot be used.
    #[error("key {key}, which station {station} uses for {role}, cannot be used: {why}")]
    Unusable {
        /// The station.
        station: String,
        /// What for.
        role: Role,
        /// The key.
        key: String,
        /// Why not, and what to do.
        why: String,
    },
}

/// Why the keyring could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyringError {
    /// Another secret than the one the keys are sealed under.
    #[error(
        "the master secret of [keyring]{0} is not the one the keys in the store are sealed under; put back the one used before, from its backup. Nothing was changed: with that one everything is there again, and without it the private keys in the store cannot be opened by anybody"
    )]
    WrongSecret(String),
    /// Keys are sealed and nothing unseals them.
    #[error(
        "the store has sealed keys ({0}), but the configuration has no master secret; set [keyring] master_secret, master_credential or master_prompt to the one they were sealed under"
    )]
    NoSecret(String),
    /// The secret cannot be had.
    #[error("{0}")]
    Secret(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}
