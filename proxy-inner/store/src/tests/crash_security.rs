//! Nothing lost, nothing twice, nothing unopened on the ways that secured files and signed receipts take: a
//! child process is killed at every place on these ways.
//!
//! ACME sends files that are opened, one that cannot be, and one that is only hashed. What goes to it is
//! secured by its terms, or as its caller wants. It wants the very octets again it had half of, gives
//! receipts of which one is not to be believed, and an operator takes that; it has one file sent again. All
//! of it is archived. ACME, the operator and the business system live in files beside the store.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use oftp::Level::L5;
use oftp::Security;

use super::guise::{HASHED, SECURED, disguised, hash, offered_with, undisguised, work};
use super::{ACME, CIRCUIT, arrived, child, contents, eerp, furnished, names, nerp, open, partner};
use crate::crash::KILL_AT;
use crate::{
    AlreadyThere, Archive, ArrivedReceipt, Direction, Evidence, EvidenceKind, Filter,
    InboundRefusal, Judgement, NewOutbound, OutboundClaim, Partner, ReceiptContent, ReceiptState,
    Services, State, Store, Transfer,
};

const SITE: &str = "STORE_TEST_SITE";
/// Files from ACME: opened, not to be opened, only hashed.
const INBOUND: [Services; 3] = [SECURED, SECURED, HASHED];
const BROKEN: usize = 1;
/// Files to ACME: by its terms, then as callers want them.
const INTAKES: [Services; 2] = [SECURED, HASHED];
const SENT: usize = 1 + INTAKES.len();

struct Site(PathBuf);

impl Site {
    fn new(root: &Path) -> Site {
        let site = Site(root.to_owned());
        for who in [
            "acked",
            "consumed",
            "handed-over",
            "half",
            "got",
            "receipts",
        ] {
            fs::create_dir(root.join(who)).unwrap();
        }
        let store = furnished(&site.store());
        let terms = Partner {
            file_compression: true,
            archive: Archive::Files,
            ..partner(ACME)
        };
        store.put_partner(terms).unwrap();
        fs::write(site.store().join("outbox/ACME/taken"), content("TAKEN")).unwrap();
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

    /// Remembers what somebody has, whole or not at all; what is remembered already stays.
    fn keep(&self, who: &str, fact: &str, octets: &[u8]) -> Vec<u8> {
        let path = self.0.join(who).join(fact);
        if !path.exists() {
            let hidden = self.0.join(format!("{who}-{fact}.tmp"));
            fs::write(&hidden, octets).unwrap();
            fs::rename(hidden, &path).unwrap();
        }
        fs::read(path).unwrap()
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn content(of: &str) -> Vec<u8> {
    of.as_bytes().repeat(500)
}

fn inbound_content(n: usize) -> Vec<u8> {
    content(&format!("INBOUND-{n}"))
}

/// The child's part: everything that is still to be done, to its end.
#[test]
fn play() {
    let Ok(site) = std::env::var(SITE) else {
        return;
    };
    let site = Site(PathBuf::from(site));
    let store = open(&site.store());
    for (n, services) in INBOUND.into_iter().enumerate() {
        receive(&store, &site, n, services);
    }
    for (n, services) in INTAKES.into_iter().enumerate() {
        hand_over(&store, &site, n, services);
    }
    let report = store.scan_outbox(now()).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    work(&store, now());
    consume(&site);
    // One file is sent again after it was rejected.
    for _ in 0..2 {
        send(&store, &site);
        settle(&store, &site);
        work(&store, now());
    }
    give_receipts(&store, &site);
}

/// ACME sends until it is acknowledged.
fn receive(store: &Store, site: &Site, n: usize, services: Services) {
    let fact = n.to_string();
    if site.noted("acked", &fact) {
        return;
    }
    let octets = match (n, services.secures()) {
        (BROKEN, _) => b"no CMS at all".to_vec(),
        (_, true) => disguised(&inbound_content(n)),
        (_, false) => inbound_content(n),
    };
    let number = u16::try_from(n).unwrap() + 1;
    match store.begin_inbound(offered_with(services, number), now()) {
        Err(InboundRefusal::Duplicate { .. }) => {}
        Err(refusal) => panic!("{n}: {refusal}"),
        Ok(mut inbound) => {
            inbound.write(&octets, &[]).unwrap();
            inbound.finish(now()).unwrap();
        }
    }
    site.note("acked", &fact);
}

/// A caller who is not answered hands over again.
fn hand_over(store: &Store, site: &Site, n: usize, services: Services) {
    let fact = n.to_string();
    if site.noted("handed-over", &fact) {
        return;
    }
    let new = NewOutbound {
        services: Some(services),
        ..NewOutbound::new(ACME, format!("intake-{n}"))
    };
    let mut intake = store.begin_outbound(new, now()).unwrap();
    intake.write(&content(&format!("INTAKE-{n}"))).unwrap();
    intake.finish(now()).unwrap();
    site.note("handed-over", &fact);
}

/// The business system takes each file away the moment it sees it.
fn consume(site: &Site) {
    let inbox = site.store().join("inbox/ACME");
    for name in names(&inbox) {
        let taken = site.0.join("consumed").join(&name);
        if name.starts_with('.') || name.ends_with(".meta.json") {
            continue;
        }
        let n: usize = name["ORDERS.EDI.20261121100000".len()..][..4]
            .parse()
            .unwrap();
        let octets = fs::read(inbox.join(&name)).unwrap();
        assert!(
            octets == inbound_content(n - 1),
            "{name} is not what was sent"
        );
        assert!(!taken.exists(), "{name} came twice");
        fs::rename(inbox.join(&name), taken).unwrap();
    }
    for name in names(&inbox) {
        fs::remove_file(inbox.join(name)).unwrap();
    }
}

fn fact_of(file: &oftp::FileId) -> String {
    format!("{} {}", file.dataset, file.stamp)
}

/// ACME takes each file once, after it had half of it and was cut off.
fn send(store: &Store, site: &Site) {
    while let Some(mut claim) = store.claim_file(ACME, CIRCUIT, L5, true, now()).unwrap() {
        let fact = fact_of(claim.file());
        if site.noted("got", &fact) {
            assert_eq!(claim.already_there(now()).unwrap(), AlreadyThere::Sent);
            continue;
        }
        let (octets, _) = contents(&claim, 0);
        let cut = !site.noted("half", &fact);
        let half = &octets[..2048];
        assert!(
            site.keep("half", &fact, half) == half,
            "{fact} is not the file it was"
        );
        if cut {
            claim.interrupted("the circuit was cut", 2, now()).unwrap();
            continue;
        }
        judge_sent(&claim, &octets);
        claim.fully_offered(now()).unwrap();
        site.keep("got", &fact, &octets);
        claim.sent(now()).unwrap();
    }
}

fn judge_sent(claim: &OutboundClaim, octets: &[u8]) {
    let sfid = claim.sfid();
    let secures = sfid.compression || sfid.security != Security::None;
    assert_eq!(sfid.envelope, secures);
    let clear = match secures {
        true => undisguised(octets).unwrap(),
        false => octets.to_vec(),
    };
    let name = sfid.dataset.as_str();
    assert!(clear == content(name), "{name} is not what was handed over");
    assert_eq!(claim.transfer().hash, hash(octets));
}

/// ACME's receipts: one not to be believed, which an operator takes; one that rejects its file, which is
/// sent again.
fn settle(store: &Store, site: &Site) {
    for transfer in all(store, Direction::Out) {
        let fact = fact_of(&transfer.file);
        if transfer.state != State::Sent {
            continue;
        }
        let octets = fs::read(site.0.join("got").join(&fact)).unwrap();
        let name = transfer.file.dataset.as_str();
        let (_, steps) = store.transfer(transfer.id).unwrap().unwrap();
        let has = |word: &str| steps.iter().any(|step| step.step == word);
        match name {
            "INTAKE-1" if !has("rejected") => {
                answer(store, &transfer, nerp(31, "no signature"), &octets);
            }
            "INTAKE-0" => {
                if !has("receipt invalid") {
                    answer(store, &transfer, eerp(), b"something else");
                }
                store.accept_receipt(transfer.id, now()).unwrap();
            }
            _ => answer(store, &transfer, eerp(), &octets),
        }
    }
    for transfer in all(store, Direction::Out) {
        if transfer.state == State::Rejected {
            store.retry(transfer.id, now()).unwrap();
        }
    }
}

fn answer(store: &Store, transfer: &Transfer, content: ReceiptContent, octets: &[u8]) {
    let told = hash(octets);
    let receipt = ArrivedReceipt {
        judge: Box::new(move |transfer| {
            if transfer.hash == told {
                let what = EvidenceKind::ReceiptSignedBy;
                let certificate = vec![8; 5];
                let evidence = Some(Evidence { what, certificate });
                Judgement::Accepted { evidence }
            } else {
                let why = "the hash differs".to_owned();
                Judgement::Invalid { why }
            }
        }),
        ..arrived(transfer.file.clone(), content)
    };
    store
        .receipt_arrived(ACME, receipt, CIRCUIT, now())
        .unwrap();
}

/// ACME bears a receipt twice, but not one that differs from the first.
fn give_receipts(store: &Store, site: &Site) {
    while let Some(mut claim) = store.claim_receipt(ACME, CIRCUIT, L5, now()).unwrap() {
        if claim.is_signature_wanted() {
            // A signature is another one each time.
            let signature = disguised(b"signature");
            let what = EvidenceKind::ReceiptSignedWith;
            let certificate = vec![9; 5];
            let evidence = Some(Evidence { what, certificate });
            let hash = claim.hash().to_vec();
            claim.sign(hash, signature, evidence, now()).unwrap();
        }
        let said = format!("{:?}", claim.content());
        let before = site.keep("receipts", &fact_of(claim.file()), said.as_bytes());
        assert_eq!(said.as_bytes(), before);
        claim.sent(now()).unwrap();
    }
}

fn all(store: &Store, direction: Direction) -> Vec<Transfer> {
    let filter = Filter {
        direction: Some(direction),
        ..Filter::default()
    };
    store.transfers(filter).unwrap()
}

/// What must be true at the end.
fn judge(site: &Site, kills: usize) {
    let store = open(&site.store());
    assert!(names(&site.store().join("spool")).is_empty());
    assert!(names(&site.store().join("outbox/ACME")).is_empty());
    assert!(names(&site.store().join("inbox/ACME")).is_empty());
    let consumed = names(&site.0.join("consumed"));
    assert_eq!(consumed.len(), INBOUND.len() - 1, "{consumed:?}");

    let mut archived = Vec::new();
    let mut expect = |transfer: &Transfer, secured: bool, clear: Option<&[u8]>| {
        let id = transfer.id;
        let proof = store.evidence(id).unwrap();
        if let Some(clear) = clear {
            archived.push(format!("{id}.clear"));
            assert!(fs::read(proof.clear.unwrap()).unwrap() == clear, "{id}");
        }
        if secured {
            archived.push(format!("{id}.secured"));
            let octets = fs::read(proof.secured.unwrap()).unwrap();
            assert_eq!(transfer.hash, hash(&octets), "{id}");
        }
        let mut kinds: Vec<_> = proof.certificates.iter().map(|used| used.what).collect();
        kinds.sort();
        kinds
    };
    let inbound = all(&store, Direction::In);
    assert_eq!(inbound.len(), INBOUND.len());
    for transfer in &inbound {
        let n: usize = transfer.file.stamp.to_string()[14..].parse().unwrap();
        let clear = inbound_content(n - 1);
        assert_eq!(transfer.receipt, Some(ReceiptState::Sent), "{transfer:?}");
        let services = INBOUND[n - 1];
        let broken = n - 1 == BROKEN;
        let clear = (!broken).then_some(clear.as_slice());
        let kinds = expect(transfer, services.secures(), clear);
        let wanted: &[EvidenceKind] = match (services.secures(), broken) {
            (true, false) => &[
                EvidenceKind::DecryptedWith,
                EvidenceKind::SignedBy,
                EvidenceKind::ReceiptSignedWith,
            ],
            _ => &[EvidenceKind::ReceiptSignedWith],
        };
        assert_eq!(kinds, wanted, "{transfer:?}");
        let state = if broken {
            State::Failed
        } else {
            State::Delivered
        };
        assert_eq!(transfer.state, state);
    }
    let outbound = all(&store, Direction::Out);
    assert!((SENT..=SENT + kills).contains(&outbound.len()));
    for transfer in &outbound {
        assert_eq!(transfer.state, State::Acknowledged, "{transfer:?}");
        let clear = content(transfer.file.dataset.as_str());
        let secures = transfer.services().secures();
        let kinds = expect(transfer, secures, Some(&clear));
        let wanted: &[EvidenceKind] = match secures {
            true => &[EvidenceKind::SignedWith, EvidenceKind::EncryptedFor],
            false => &[],
        };
        assert_eq!(kinds[..wanted.len()], *wanted, "{transfer:?}");
    }
    archived.sort();
    assert_eq!(names(&site.store().join("archive")), archived);
}

/// Runs the child; tells whether it was killed.
fn run(site: &Site, kill_at: Option<&str>) -> bool {
    let path = site.0.display().to_string();
    let mut command = child("tests::crash_security::play", &[(SITE, path.as_str())]);
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
    // What is sent again needs one turn more when its turn was cut short.
    run(&site, None);
    run(&site, None);
    judge(&site, 1);
    killed
}

#[test]
fn survives_a_kill_at_every_place_of_file_security() {
    for place in [
        "intake.queued",
        "outbox.renamed",
        "outbox.queued",
        "inbound.received",
        "securing.claimed",
        "securing.target",
        "securing.synced",
        "archive.copied",
        "archive.linked",
        "securing.archived",
        "securing.queued",
        "opening.claimed",
        "opening.target",
        "opening.synced",
        "opening.archived",
        "opening.opened",
        "opening.failed",
        "spool.data-synced",
        "inbox.metadata",
        "inbox.renamed",
        "inbox.handed-over",
        "inbox.delivered",
        "claim.claimed",
        "claim.offered",
        "claim.ended",
        "receipt.settled",
        "receipt.accepted",
        "receipt.signed",
        "receipt.sent",
    ] {
        assert!(kill_once(place, 1), "{place} was never passed");
        kill_once(place, 2);
        kill_once(place, 3);
    }
}

#[test]
fn survives_a_kill_before_and_after_every_commit_of_file_security() {
    for place in ["journal.before-commit", "journal.after-commit"] {
        let mut times = 1;
        while kill_once(place, times) {
            times += 1;
        }
        assert!(times > 60, "{place}: only {times} commits");
    }
}

#[test]
fn survives_a_kill_while_it_recovers_from_another_of_file_security() {
    let first = [
        "outbox.renamed",
        "securing.target",
        "securing.archived",
        "opening.target",
        "opening.archived",
        "opening.opened",
        "inbox.renamed",
    ];
    let second = [
        "recover.attempts",
        "outbox.queued",
        "recover.taking",
        "inbox.metadata",
        "inbox.renamed",
        "inbox.handed-over",
        "recover.delivered",
        "archive.linked",
        "securing.archived",
        "opening.archived",
        "opening.opened",
    ];
    for first in first {
        for second in second {
            let dir = folder();
            let site = Site::new(dir.path());
            assert!(run(&site, Some(&format!("{first}:1"))), "{first}");
            run(&site, Some(&format!("{second}:1")));
            run(&site, None);
            run(&site, None);
            judge(&site, 2);
        }
    }
}
