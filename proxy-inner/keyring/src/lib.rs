//! Our keys and certificates: made, imported, sealed at rest, explained.
//!
//! ```text
//!  generate ──▶ PKCS#8 ──▶ Signer ──▶ request, self_signed ──▶ DER ──▶ facts ──▶ explain, fits
//!  import ──▶ Imported ──┘   │ (or a key in a token)             ▲
//!  certificates, chain_for ──┼───────────────────────────────────┘
//!                            └──▶ seal ⇄ unseal (MasterSecret), export_pkcs8, export_pkcs12
//! ```
//!
//! Pure: octets in, values out. It opens no file and reads no clock (the time is given); it draws
//! randomness for keys, salts and serial numbers. It assumes nothing about foreign octets: any
//! input ends in a value or an error, within a ceiling on size, depth and the work it may cost. It
//! promises that secrets are wiped where they are its own, that no `Debug` shows one, and that
//! every error says what to do.
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
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
