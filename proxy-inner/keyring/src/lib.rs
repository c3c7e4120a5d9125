//! Our keys and certificates: made, imported, sealed at rest, explained.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
#![cfg_attr(
    test,
    expect(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests may panic"
    )
)]

mod der;
mod error;
mod export;
mod facts;
mod import;
mod issue;
mod key;
mod oid;
mod role;
mod seal;
mod signer;
mod slot;
mod subject;

pub use error::{FactsError, ImportError, MakeError, SealError};
pub use export::{LEAST_PASSPHRASE, export_pkcs8, export_pkcs12, pem};
pub use facts::{Facts, KeyFacts, Usage, explain, facts, phone};
pub use import::{Imported, MOST_CERTIFICATES, MOST_OCTETS, certificates, chain_for, import};
pub use issue::{MOST_DAYS, request, self_signed};
pub use role::Role;
pub use seal::{MasterSecret, seal, unseal};
pub use signer::{KeyKind, Signer, generate, public_of};
pub use slot::Slot;
pub use subject::Subject;
