//! The store as its callers see it, on a real disk.

mod ageing;
mod crash;
mod crash_relay;
mod crash_security;
mod directory;
mod forwarding;
mod guise;
mod inbound;
mod large;
mod migration;
mod opening;
mod outbound;
mod outbox;
mod proof;
mod queue;
mod receipts;
mod records;
mod restart;
mod securing;
mod space;
mod unlocking;

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use oftp::Level::L5;
use oftp::{FileId, Format, ReceiptReason, Security, Sfid, UserField};
use tempfile::TempDir;

use crate::{
    ArrivedReceipt, Bound, Delivered, Direction, Filter, Inbound, InboundRefusal, Judge, Judgement,
    NewOutbound, Offer, OutboundClaim, Partner, ReceiptContent, State, Station, Store,
    StoreOptions, Synced, Transfer, TransferId,
};

/// A store in a folder of its own, with one station and two partners.
pub(super) struct World {
    pub(super) dir: TempDir,
    pub(super) store: Store,
}

pub(super) const ACME: &str = "ACME";
pub(super) const OTHER: &str = "OTHER";
pub(super) const CIRCUIT: &str = "00000000000000c1";

impl World {
    pub(super) fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let store = furnished(dir.path());
        World { dir, store }
    }

    /// Closes the store and opens it again.
    pub(super) fn reopened(self) -> World {
        let World { dir, store } = self;
        drop(store);
        let store = open(dir.path());
        World { dir, store }
    }

    pub(super) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    pub(super) fn receive(&self, offer: Offer, content: &[u8]) -> Synced {
        let mut inbound = self.begin(offer).unwrap();
        inbound.write(content, &[]).unwrap();
        inbound.finish(at(1)).unwrap()
    }

    /// Puts what was received into the inbox, and tells where it is.
    pub(super) fn deliver(&self, id: TransferId, now: Timestamp) -> PathBuf {
        match self.store.deliver(id, now).unwrap() {
            Delivered::Inbox(path) => path,
            Delivered::Forwarded(outbound) => panic!("forwarded as {outbound}"),
        }
    }

    pub(super) fn begin(&self, offer: Offer) -> Result<Inbound, InboundRefusal> {
        self.store.begin_inbound(offer, at(0))
    }

    pub(super) fn send(&self, partner: &str, name: &str, content: &[u8]) -> TransferId {
        self.hand_over(NewOutbound::new(partner, name), content)
    }

    pub(super) fn hand_over(&self, new: NewOutbound, content: &[u8]) -> TransferId {
        let mut intake = self.store.begin_outbound(new, at(0)).unwrap();
        intake.write(content).unwrap();
        intake.finish(at(0)).unwrap()
    }

    pub(super) fn transfer(&self, id: TransferId) -> Transfer {
        self.store.transfer(id).unwrap().unwrap().0
    }

    pub(super) fn state(&self, id: TransferId) -> State {
        self.transfer(id).state
    }

    pub(super) fn steps(&self, id: TransferId) -> Vec<String> {
        let (_, steps) = self.store.transfer(id).unwrap().unwrap();
        steps.into_iter().map(|step| step.step).collect()
    }

    pub(super) fn all(&self, direction: Direction) -> Vec<Transfer> {
        let filter = Filter {
            direction: Some(direction),
            ..Filter::default()
        };
        self.store.transfers(filter).unwrap()
    }
}

pub(super) fn open(root: &Path) -> Store {
    Store::open(root, StoreOptions::default()).unwrap()
}

pub(super) fn furnished(root: &Path) -> Store {
    let store = open(root);
    store.put_station(station()).unwrap();
    store.put_partner(partner(ACME)).unwrap();
    store.put_partner(partner(OTHER)).unwrap();
    store
}

pub(super) fn station() -> Station {
    Station {
        name: "HEAD".to_owned(),
        code: "O0013HEAD".parse().unwrap(),
    }
}

pub(super) fn partner(name: &str) -> Partner {
    Partner {
        password_sent: "SENTWORD".parse().unwrap(),
        password_expected: "WAITWORD".parse().unwrap(),
        address: Some("oftp.example:6619".to_owned()),
        ..Partner::new(name, format!("O0013{name}").parse().unwrap(), "HEAD")
    }
}

/// What a partner offers as its file number `n`.
pub(super) fn offer(n: u16) -> Offer {
    Offer {
        partner: ACME.to_owned(),
        bound: Bound::Station("HEAD".to_owned()),
        sfid: Sfid {
            dataset: "ORDERS.EDI".parse().unwrap(),
            stamp: format!("20261121100000{n:04}").parse().unwrap(),
            user: UserField::default(),
            destination: "O0013HEAD".parse().unwrap(),
            origin: "O0013ACME".parse().unwrap(),
            format: Format::Unstructured,
            record_length: 0,
            size_blocks: 1,
            original_blocks: 1,
            restart: 0,
            security: Security::None,
            cipher: 0,
            compression: false,
            envelope: false,
            signed_receipt: false,
            description: "orders, week 47".to_owned(),
        },
        level: L5,
        restart: true,
        circuit: CIRCUIT.to_owned(),
    }
}

/// The same offer in a session that goes on from `restart`.
pub(super) fn again(mut offer: Offer, restart: u64) -> Offer {
    offer.sfid.restart = restart;
    offer
}

/// A receipt as it comes at level 5.
pub(super) fn arrived(file: FileId, content: ReceiptContent) -> ArrivedReceipt {
    ArrivedReceipt {
        file,
        content,
        level: L5,
        refuse_swapped: false,
        judge: believed(),
    }
}

/// Believes every receipt.
pub(super) fn believed() -> Judge {
    Box::new(|_| Judgement::Accepted { evidence: None })
}

pub(super) fn eerp() -> ReceiptContent {
    ReceiptContent::positive(UserField::default())
}

pub(super) fn nerp(reason: u8, text: &str) -> ReceiptContent {
    let creator = "O0013ACME".parse().unwrap();
    ReceiptContent::negative(ReceiptReason(reason), text, creator)
}

/// All of a claimed file from a place on, and the ends of its records.
pub(super) fn contents(claim: &OutboundClaim, answer: u64) -> (Vec<u8>, Vec<usize>) {
    let mut file = claim.open(answer).unwrap();
    let (mut octets, mut ends) = (Vec::new(), Vec::new());
    while !file.read(&mut octets, &mut ends, 7).unwrap() {}
    (octets, ends)
}

/// Records as they lie in the spool.
pub(super) fn prefixed(records: &[&[u8]]) -> Vec<u8> {
    let mut octets = Vec::new();
    for record in records {
        octets.extend_from_slice(&u32::try_from(record.len()).unwrap().to_be_bytes());
        octets.extend_from_slice(record);
    }
    octets
}

/// So many seconds after the hour at which the tests play.
pub(super) fn at(seconds: i64) -> Timestamp {
    let hour: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    hour + SignedDuration::from_secs(seconds)
}

/// The names in a folder, sorted.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Runs one test of this binary in a process of its own, which finds `variables` set.
pub(super) fn child(test: &str, variables: &[(&str, &str)]) -> std::process::Command {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.envs(variables.iter().copied());
    command
}

/// Says that a test could not be made here, where a person sees it.
pub(super) fn skip(why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
