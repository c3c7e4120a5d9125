//! Nothing lost, nothing twice, on the ways that interrupted files, files with records, and files for
//! other partners take, and their receipts: a child process is killed at every place on these ways.
//!
//! ACME sends files for OTHER and is cut off once in each; OTHER gets them, refuses one, and answers the
//! rest with signed receipts, which go back to ACME. OTHER's own files have lines, and its receipts wait
//! for a confirmation. The two of them, and the business system, live in files beside the store.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use oftp::Level::L5;
use oftp::{FileReason, Format};

use super::{
    ACME, CIRCUIT, OTHER, again, arrived, child, contents, eerp, furnished, names, offer, open,
    partner,
};
use crate::crash::KILL_AT;
use crate::{
    AlreadyThere, Bound, Delivered, Direction, Filter, InboundRefusal, Offer, Partner, Position,
    ReceiptContent, ReceiptState, ReceiptTiming, RecordForm, State, Store, Transfer,
};

const SITE: &str = "STORE_TEST_SITE";
/// Files ACME sends for OTHER; that of number [`REFUSED`] OTHER does not take.
const FORWARDED: u16 = 3;
const REFUSED: u16 = 1;
/// Files each way with OTHER that have lines.
const LINES: u16 = 2;
/// Where ACME is cut off.
const CUT: u64 = 3 * 1024;

struct Site(PathBuf);

impl Site {
    fn new(root: &Path) -> Site {
        let site = Site(root.to_owned());
        for who in ["acked", "held", "consumed", "got", "answered", "receipts"] {
            fs::create_dir(root.join(who)).unwrap();
        }
        let store = furnished(&site.store());
        let other = Partner {
            format: Format::Variable,
            record_length: 80,
            records: RecordForm::Lines,
            receipts: ReceiptTiming::Confirmed,
            ..partner(OTHER)
        };
        store.put_partner(other).unwrap();
        for n in 0..LINES {
            let path = site.store().join("outbox/OTHER").join(format!("lines-{n}"));
            fs::write(path, lines(n)).unwrap();
        }
        site
    }

    fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    fn note(&self, who: &str, fact: &str) -> bool {
        fs::File::create_new(self.0.join(who).join(fact)).is_ok()
    }

    fn noted(&self, who: &str, fact: &str) -> bool {
        self.0.join(who).join(fact).exists()
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn content(n: u16) -> Vec<u8> {
    format!("FORWARDED-{n}").as_bytes().repeat(700)
}

fn lines(n: u16) -> Vec<u8> {
    format!("line {n}\n\nanother\n").into_bytes()
}

fn bound_for_other(n: u16) -> Offer {
    let mut offer = offer(n + 1);
    offer.bound = Bound::Forward(OTHER.to_owned());
    offer.sfid.destination = "O0013OTHER".parse().unwrap();
    offer
}

/// The child's part: everything that is still to be done, to its end.
#[test]
fn work() {
    let Ok(site) = std::env::var(SITE) else {
        return;
    };
    let site = Site(PathBuf::from(site));
    let store = open(&site.store());
    for n in 0..FORWARDED {
        send_for_other(&store, &site, n);
    }
    for n in 0..LINES {
        send_lines(&store, &site, n);
        consume(&store, &site);
    }
    let report = store.scan_outbox(now()).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    take_as_other(&store, &site);
    answer_as_other(&store, &site);
    consume(&store, &site);
    for name in [ACME, OTHER] {
        take_receipts(&store, &site, name);
    }
}

/// ACME offers until it is acknowledged; the last of its files it offers from an earlier place.
fn send_for_other(store: &Store, site: &Site, n: u16) {
    let fact = n.to_string();
    while !site.noted("acked", &fact) {
        let from = if n + 1 == FORWARDED { 1 } else { 99 };
        let mut inbound = match store.begin_inbound(again(bound_for_other(n), from), now()) {
            Ok(inbound) => inbound,
            Err(InboundRefusal::Duplicate { .. }) => {
                site.note("acked", &fact);
                break;
            }
            Err(refusal) => panic!("{n}: {refusal}"),
        };
        let position = inbound.position();
        let whole = content(n);
        if !site.noted("held", &fact) {
            let start = usize::try_from(position.octets).unwrap();
            let cut = usize::try_from(CUT).unwrap();
            inbound
                .write(&whole[start.min(cut)..cut + 100], &[])
                .unwrap();
            inbound.interrupted("the circuit was cut", now()).unwrap();
            site.note("held", &fact);
            continue;
        }
        let wanted = (CUT / 1024).min(from);
        assert_eq!(position.answer, wanted, "{n}: what was held is held");
        let start = usize::try_from(position.octets).unwrap();
        inbound.write(&whole[start..], &[]).unwrap();
        let synced = inbound.finish(now()).unwrap();
        site.note("acked", &fact);
        let delivered = store.deliver(synced.id(), now()).unwrap();
        assert!(matches!(delivered, Delivered::Forwarded(_)));
    }
}

/// OTHER sends records until they are acknowledged.
fn send_lines(store: &Store, site: &Site, n: u16) {
    let fact = format!("lines-{n}");
    if site.noted("acked", &fact) {
        return;
    }
    let mut offer = offer(100 + n);
    offer.partner = OTHER.to_owned();
    offer.sfid.origin = "O0013OTHER".parse().unwrap();
    offer.sfid.format = Format::Variable;
    offer.sfid.record_length = 80;
    let mut inbound = match store.begin_inbound(offer, now()) {
        Ok(inbound) => inbound,
        Err(InboundRefusal::Duplicate { .. }) => {
            site.note("acked", &fact);
            return;
        }
        Err(refusal) => panic!("{n}: {refusal}"),
    };
    let first = format!("line {n}");
    inbound.write(first.as_bytes(), &[6, 6]).unwrap();
    inbound.write(b"another", &[7]).unwrap();
    let synced = inbound.finish(now()).unwrap();
    site.note("acked", &fact);
    store.deliver(synced.id(), now()).unwrap();
}

/// The business system takes each file away the moment it sees it, and confirms it.
fn consume(store: &Store, site: &Site) {
    let inbox = site.store().join("inbox/OTHER");
    for name in names(&inbox) {
        if name.starts_with('.') || name.ends_with(".meta.json") {
            continue;
        }
        let meta = inbox.join(format!("{name}.meta.json"));
        let text = fs::read(&meta).expect("metadata are there first");
        let metadata: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(metadata["record_form"], "lines");
        let n: u16 = name["ORDERS.EDI.20261121100000".len()..][..4]
            .parse()
            .unwrap();
        let taken = site.0.join("consumed").join(&name);
        assert!(!taken.exists(), "{name} came twice");
        fs::rename(inbox.join(&name), &taken).unwrap();
        assert_eq!(fs::read(&taken).unwrap(), lines(n - 100));
        fs::remove_file(meta).unwrap();
    }
    for transfer in all(store, Direction::In) {
        if transfer.receipt == Some(ReceiptState::Unconfirmed) {
            store.confirm(transfer.id, now()).unwrap();
        }
    }
}

fn all(store: &Store, direction: Direction) -> Vec<Transfer> {
    let filter = Filter {
        direction: Some(direction),
        ..Filter::default()
    };
    store.transfers(filter).unwrap()
}

fn fact_of(file: &oftp::FileId) -> String {
    format!("{} {}", file.dataset, file.stamp)
}

fn is_refused(file: &oftp::FileId) -> bool {
    *file == bound_for_other(REFUSED).sfid.file_id()
}

/// OTHER takes what comes, once each, and refuses what it has or will not have.
fn take_as_other(store: &Store, site: &Site) {
    while let Some(mut claim) = store.claim_file(OTHER, CIRCUIT, L5, true, now()).unwrap() {
        let file = claim.file().clone();
        if is_refused(&file) {
            let reason = FileReason::INVALID_DESTINATION;
            claim.refused(reason, "", None, now()).unwrap();
            continue;
        }
        if site.noted("got", &fact_of(&file)) {
            assert_eq!(claim.already_there(now()).unwrap(), AlreadyThere::Sent);
            continue;
        }
        let (octets, ends) = contents(&claim, 0);
        if claim.has_records() {
            let name = file.dataset.as_str();
            let n: u16 = name[name.len() - 1..].parse().unwrap();
            assert_eq!(octets, format!("line {n}another").into_bytes());
            assert_eq!(ends, [6, 6, 13]);
        } else {
            let n: u16 = file.stamp.to_string()[14..].parse().unwrap();
            assert!(octets == content(n - 1), "{file} is not what was sent");
        }
        claim.fully_offered(now()).unwrap();
        assert!(site.note("got", &fact_of(&file)), "{file} came twice");
        claim.sent(now()).unwrap();
    }
}

fn signed() -> ReceiptContent {
    ReceiptContent {
        hash: vec![1; 20],
        signature: vec![9; 8],
        ..eerp()
    }
}

/// OTHER's receipts for what it has.
fn answer_as_other(store: &Store, site: &Site) {
    for transfer in all(store, Direction::Out) {
        let fact = fact_of(&transfer.file);
        if site.noted("got", &fact) && !site.noted("answered", &fact) {
            let receipt = arrived(transfer.file, signed());
            store
                .receipt_arrived(OTHER, receipt, CIRCUIT, now())
                .unwrap();
            site.note("answered", &fact);
        }
    }
}

/// A partner bears a receipt twice, but not one that differs from the first.
fn take_receipts(store: &Store, site: &Site, name: &str) {
    while let Some(claim) = store.claim_receipt(name, CIRCUIT, L5, now()).unwrap() {
        let said = format!("{:?}", claim.content());
        let path = site
            .0
            .join("receipts")
            .join(format!("{name} {}", fact_of(claim.file())));
        match fs::read_to_string(&path) {
            Ok(before) => assert_eq!(said, before),
            Err(_) => fs::write(&path, said).unwrap(),
        }
        claim.sent(now()).unwrap();
    }
}

/// What must be true at the end.
fn judge(site: &Site) {
    let store = open(&site.store());
    assert_eq!(names(&site.0.join("consumed")).len(), usize::from(LINES));
    assert_eq!(
        names(&site.0.join("got")).len(),
        usize::from(FORWARDED - 1 + LINES)
    );
    assert!(names(&site.store().join("inbox/OTHER")).is_empty());
    assert!(names(&site.store().join("outbox/OTHER")).is_empty());

    let receipts = site.0.join("receipts");
    let told = names(&receipts);
    assert_eq!(told.len(), usize::from(FORWARDED + LINES), "{told:?}");
    for n in 0..FORWARDED {
        let file = bound_for_other(n).sfid.file_id();
        let said = fs::read_to_string(receipts.join(format!("{ACME} {}", fact_of(&file)))).unwrap();
        if n == REFUSED {
            assert!(
                said.contains("ReceiptReason(12)") && said.contains("O0013HEAD"),
                "{said}"
            );
        } else {
            assert_eq!(said, format!("{:?}", signed()));
        }
    }
    for transfer in all(&store, Direction::In) {
        assert_eq!(transfer.receipt, Some(ReceiptState::Sent), "{transfer:?}");
    }
    let mut failed = Vec::new();
    for transfer in all(&store, Direction::Out) {
        if is_refused(&transfer.file) {
            assert_eq!(transfer.state, State::Failed);
            failed.push(format!("out-{}", transfer.id));
        } else {
            assert_eq!(transfer.state, State::Acknowledged, "{transfer:?}");
        }
    }
    assert_eq!(names(&site.store().join("spool")), failed);
    assert_eq!(failed.len(), 1);
    let later = now() + SignedDuration::from_hours(1);
    let every = u64::from(2 * FORWARDED + 2 * LINES);
    assert_eq!(store.prune(later, later).unwrap(), every);
    assert!(names(&site.store().join("spool")).is_empty());
}

/// Runs the child; tells whether it was killed.
fn run(site: &Site, kill_at: Option<&str>) -> bool {
    let path = site.0.display().to_string();
    let mut command = child("tests::crash_relay::work", &[(SITE, path.as_str())]);
    if let Some(kill_at) = kill_at {
        command.env(KILL_AT, kill_at);
    }
    let output = command.output().unwrap();
    let killed = output.status.signal() == Some(9);
    assert!(
        output.status.success() || (killed && kill_at.is_some()),
        "{kill_at:?}: {}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    killed
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn kill_once(place: &str, times: u32) -> bool {
    let dir = folder();
    let site = Site::new(dir.path());
    let killed = run(&site, Some(&format!("{place}:{times}")));
    run(&site, None);
    judge(&site);
    killed
}

#[test]
fn survives_a_kill_at_every_place_of_restart_records_and_forwarding() {
    for place in [
        "inbound.journaled",
        "inbound.resumed",
        "inbound.lowered",
        "inbound.interrupted-synced",
        "inbound.interrupted",
        "inbound.synced",
        "inbound.received",
        "forward.linked",
        "forward.queued",
        "inbox.lines",
        "inbox.lines-only",
        "inbox.metadata",
        "inbox.renamed",
        "inbox.handed-over",
        "inbox.delivered",
        "outbox.taking",
        "outbox.renamed",
        "outbox.converted",
        "outbox.moved",
        "outbox.synced",
        "outbox.queued",
        "claim.claimed",
        "claim.offered",
        "claim.ended",
        "receipt.settled",
        "receipt.confirmed",
        "receipt.sent",
    ] {
        assert!(kill_once(place, 1), "{place} was never passed");
        kill_once(place, 2);
    }
}

#[test]
fn survives_a_kill_before_and_after_every_commit_of_forwarding() {
    for place in ["journal.before-commit", "journal.after-commit"] {
        let mut times = 1;
        while kill_once(place, times) {
            times += 1;
        }
        assert!(times > 40, "{place}: only {times} commits");
    }
}

#[test]
fn survives_a_kill_while_it_recovers_from_another_on_these_ways() {
    let first = [
        "forward.linked",
        "forward.queued",
        "inbox.lines",
        "inbox.lines-only",
        "outbox.renamed",
    ];
    let second = [
        "recover.attempts",
        "outbox.converted",
        "outbox.synced",
        "recover.taking",
        "forward.linked",
        "forward.queued",
        "inbox.lines",
        "inbox.lines-only",
        "inbox.renamed",
        "recover.delivered",
    ];
    for first in first {
        for second in second {
            let dir = folder();
            let site = Site::new(dir.path());
            assert!(run(&site, Some(&format!("{first}:1"))), "{first}");
            run(&site, Some(&format!("{second}:1")));
            run(&site, None);
            judge(&site);
        }
    }
}

/// The child's part: a long file that does not come to its end.
#[test]
fn long() {
    let Ok(root) = std::env::var("STORE_TEST_LONG") else {
        return;
    };
    let store = open(Path::new(&root));
    let mut inbound = store.begin_inbound(offer(1), now()).unwrap();
    for n in 0..34 {
        inbound.write(&vec![n; 1024 * 1024], &[]).unwrap();
    }
}

#[test]
fn a_kill_keeps_what_the_last_checkpoint_had() {
    let held = Position {
        answer: 32 * 1024,
        octets: 32 * 1024 * 1024,
    };
    for (place, wanted) in [
        ("inbound.checkpoint-synced", Position::START),
        ("inbound.checkpointed", held),
    ] {
        let dir = folder();
        drop(furnished(dir.path()));
        let root = dir.path().display().to_string();
        let mut command = child("tests::crash_relay::long", &[("STORE_TEST_LONG", &root)]);
        let output = command.env(KILL_AT, format!("{place}:1")).output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{place}");
        let store = open(dir.path());
        let begun = store.begin_inbound(again(offer(1), u64::MAX), now());
        let mut inbound = begun.unwrap();
        assert_eq!(inbound.position(), wanted, "{place}");
        inbound.write(b"and the end", &[]).unwrap();
        let synced = inbound.finish(now()).unwrap();
        assert_eq!(synced.octets(), wanted.octets + 11);
        let Delivered::Inbox(path) = store.deliver(synced.id(), now()).unwrap() else {
            panic!("it is for us");
        };
        let octets = fs::read(path).unwrap();
        let pieces = octets[..octets.len() - 11].chunks(1024 * 1024);
        for (n, piece) in pieces.enumerate() {
            assert!(piece.iter().all(|octet| usize::from(*octet) == n));
        }
    }
}
