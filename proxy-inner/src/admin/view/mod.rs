//! What operators see of stations, partners, transfers and the process: plain data with JSON keys
//! that stay as they are, so that programs can rely on `--json`.

mod certificate;
mod evidence;
mod key;
mod receipt;
mod status;
mod transfer;

use serde::{Deserialize, Serialize};
use store::{Applied, Station};

pub use certificate::CertificateView;
pub use evidence::{EvidenceCertificateView, EvidenceReceiptView, EvidenceView};
pub(in crate::admin) use key::kind_of;
pub use key::{KeyCertificateView, KeyUseView, KeyView};
pub use receipt::ReceiptView;
pub use status::{
    CountView, KeysView, LinkView, ListenerView, MovingView, OutboxFaultView, PlainView, QueueView,
    SessionView, StatusView, StoreView, ToleratedView, WorkView,
};
pub use store::{PartnerView, RoleCertificateView};
pub use transfer::{ServicesView, StepView, TransferView, WatchView};

/// One of our stations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StationView {
    /// Our name for it.
    pub name: String,
    /// Its identification code.
    pub code: String,
}

/// What became of one station or partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedView {
    /// `station` or `partner`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// `added`, `changed`, `unchanged` or `removed`.
    pub change: String,
}

impl From<&Station> for StationView {
    fn from(station: &Station) -> Self {
        StationView {
            name: station.name.clone(),
            code: station.code.to_string(),
        }
    }
}

impl From<&Applied> for AppliedView {
    fn from(applied: &Applied) -> Self {
        AppliedView {
            kind: applied.kind.to_owned(),
            name: applied.name.clone(),
            change: change_word(applied.change).to_owned(),
        }
    }
}

/// Octets in hexadecimal.
pub(super) fn hexadecimal(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    octets.iter().fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

pub(super) fn change_word(change: store::Change) -> &'static str {
    match change {
        store::Change::Added => "added",
        store::Change::Changed => "changed",
        store::Change::Unchanged => "unchanged",
    }
}
