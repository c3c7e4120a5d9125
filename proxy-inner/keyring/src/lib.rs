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

mod error;
mod facts;
mod import;
mod issue;
mod role;
mod seal;
mod signer;
mod slot;
mod subject;

pub use error::{FactsError, ImportError, MakeError, SealError};
pub use facts::{Facts, KeyFacts, Usage, explain, facts, phone};
pub use import::{Imported, MOST_CERTIFICATES, MOST_OCTETS, certificates, import};
pub use issue::{MOST_DAYS, request, self_signed};
pub use role::Role;
pub use seal::{MasterSecret, export_pkcs8, export_pkcs12, seal, unseal};
pub use signer::{KeyKind, Signer, generate};
pub use slot::Slot;
pub use subject::Subject;
