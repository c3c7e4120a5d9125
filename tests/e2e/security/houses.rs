//! Two complete installations, each with keys of its own, that are partners of each other.
//!
//! ```text
//!   proxy-inner ─link─ proxy-dmz ══TLS══ proxy-dmz ─link─ proxy-inner
//!   └────── near, "OURS" ──────┘         └────── far, "HOME" ──────┘
//! ```

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::cms::{Cms, Services};
use support::compare::{assert_same_octets, sha256};
use support::inside::{identifier, state_of, visible_files};
use support::{Directory, Entry, World, directory};

use super::{ended, text_of};

/// What all files need, and the phase before them.
const ROLES: [&str; 4] = [
    "encryption",
    "file-signing",
    "receipt-signing",
    "authentication",
];

/// Both of them.
pub(super) struct Houses {
    pub(super) near: House,
    pub(super) far: House,
}

/// One of them: both halves, and its keys.
pub(super) struct House {
    pub(super) world: World,
    pub(super) keys: Cms,
    /// What it calls the other.
    pub(super) other: &'static str,
    station: (&'static str, &'static str),
}

/// What a transfer's evidence has, read back.
pub(super) struct Shown {
    pub(super) secured: Vec<u8>,
    pub(super) clear: Vec<u8>,
    pub(super) receipt: Vec<u8>,
    pub(super) report: String,
}

impl Houses {
    /// Both with these terms for each other, besides certificates; none where `openssl` is missing,
    /// which is said aloud.
    pub(super) fn new(test: &str, terms: &[(&str, &str)]) -> Option<Houses> {
        if !Cms::is_possible(test) {
            return None;
        }
        let near = House::new("OURS", directory::OUR_CODE, directory::PARTNER);
        let far = House::new("HOME", directory::PARTNER_CODE, "US");
        near.meet(&far, terms);
        far.meet(&near, terms);
        Some(Houses { near, far })
    }

    /// Each with the other: who sends, and who gets it.
    pub(super) fn both_ways(&self) -> [(&House, &House); 2] {
        [(&self.near, &self.far), (&self.far, &self.near)]
    }
}

impl House {
    fn new(name: &'static str, code: &'static str, other: &'static str) -> House {
        let world = World::with(|setup| {
            super::with_master_secret(setup);
            setup.directory = Directory::default().station(name, code);
        });
        let house = House {
            world,
            keys: Cms::new(name),
            other,
            station: (name, code),
        };
        super::take_up(&house.world, "KEY", &house.keys);
        super::use_key(&house.world, "KEY", name, &ROLES, "current");
        house
    }

    /// Makes the other its partner.
    fn meet(&self, other: &House, terms: &[(&str, &str)]) {
        // Who is near sends what who is far expects, and the other way round.
        let (sent, expected) = match self.station.1 {
            directory::OUR_CODE => (directory::OUR_PASSWORD, directory::PARTNER_PASSWORD),
            _ => (directory::PARTNER_PASSWORD, directory::OUR_PASSWORD),
        };
        let world = &other.world;
        let entry = Entry {
            name: self.other.into(),
            code: other.station.1.into(),
            station: self.station.0.into(),
            sent: sent.into(),
            expected: expected.into(),
            ..Entry::usual()
        };
        let entry = entry.at(world.public(), &world.certificate.fingerprint());
        let entry = terms
            .iter()
            .fold(entry, |entry, (key, value)| entry.with(key, value));
        let entry = entry.certified(&ROLES, &other.keys.pem());
        let (name, code) = self.station;
        let directory = Directory::default().station(name, code).partner(entry);
        self.world.inner.apply(&directory);
    }

    /// Queues a file for the other, and gives the transfer's identifier.
    #[track_caller]
    pub(super) fn send(&self, path: &Path, name: &str, how: &[&str]) -> String {
        let what = ["send", "--partner", self.other, "--dsn", name];
        let arguments = [&what[..], how, &[text_of(path)]].concat();
        identifier(&self.world.inner.cli().json(&arguments))
    }

    /// Waits until a file that the other sent is delivered; gives its transfer here and where it lies.
    #[track_caller]
    pub(super) fn delivered(&self, name: &str) -> (String, PathBuf) {
        let transfer = ended(&self.world, name, "delivered");
        let file = transfer["inbox_name"].as_str().expect("it has a name");
        let path = self.world.inner.inbox(self.other).join(file);
        (identifier(&transfer), path)
    }

    /// The names of the data files in the inbox of the other's files.
    pub(super) fn inbox(&self) -> Vec<String> {
        let files = self.world.inner.delivered(self.other);
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into());
        files.iter().filter_map(|file| name(&file.path)).collect()
    }

    /// Files in the spool, with what they have so far. One that vanishes meanwhile has nothing.
    pub(super) fn spool(&self) -> Vec<(String, u64)> {
        let files = visible_files(&self.world.inner.store().join("spool")).into_iter();
        files
            .filter_map(|path| {
                let name = path.file_name()?.to_str()?.to_owned();
                Some((name, path.metadata().map_or(0, |metadata| metadata.len())))
            })
            .collect()
    }

    /// Waits until nothing is left in the spool.
    #[track_caller]
    pub(super) fn wait_for_empty_spool(&self) {
        let what = format!("the spool of {} is empty", self.station.0);
        let logs = &self.world.inner.half.logs;
        logs.until(&what, || self.spool().is_empty().then_some(()));
    }

    /// The transfers that have not ended.
    pub(super) fn open_transfers(&self) -> Vec<Value> {
        let mut transfers = self.world.inner.transfers(&[]);
        transfers.retain(|transfer| !["acknowledged", "delivered"].contains(&state_of(transfer)));
        transfers
    }

    /// What the evidence of a transfer has.
    #[track_caller]
    pub(super) fn evidence(&self, id: &str) -> Shown {
        let folder = self.world.folder().join(format!("evidence-{id}"));
        let to = ["evidence", id, "--to", text_of(&folder)];
        self.world.inner.cli().ok(&to);
        let read = |name: &str| {
            std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
        };
        let shown = Shown {
            secured: read("secured"),
            clear: read("clear"),
            receipt: read("receipt.p7s"),
            report: String::from_utf8(read("report.txt")).expect("text"),
        };
        std::fs::remove_dir_all(&folder).expect("it is ours");
        shown
    }
}

/// What the evidence of both sides comes to.
pub(super) struct Proof {
    pub(super) sent: Shown,
    pub(super) got: Shown,
    /// What `openssl` found in the secured file.
    pub(super) inside: Vec<u8>,
}

/// `openssl` finds in what both sides show that `from` made the file for `to`, and that `to` got this
/// very file.
#[track_caller]
pub(super) fn proven(from: (&House, &str), to: (&House, &str), services: Services) -> Proof {
    let (sent, got) = (from.0.evidence(from.1), to.0.evidence(to.1));
    let (from, to) = (&from.0.keys, &to.0.keys);
    assert_same_octets("as transmitted", &sent.secured, &got.secured);
    assert_same_octets("the receipt", &sent.receipt, &got.receipt);
    let inside = to.open(&got.secured, services, &from.certificate());
    let confirmed = from.verify(&sent.receipt, &to.certificate());
    assert!(
        confirmed.ends_with(&sha256(&sent.secured)),
        "the receipt is for this file: {confirmed:02x?}"
    );
    Proof { sent, got, inside }
}
