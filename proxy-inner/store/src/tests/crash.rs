//! Nothing lost, nothing twice, whenever the process is killed.
//!
//! A child process runs one plan of work on a store and is killed: at every named place in turn, at
//! every commit in turn, and at random. The partner and the business system live in files beside the
//! store, as durable as it is, and are strict: they fail the child when anything comes twice or wrong.
//! A last child runs the plan to its end, and this process looks at what there is.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use jiff::Timestamp;
use oftp::Level::L5;

use super::{ACME, CIRCUIT, arrived, child, contents, eerp, furnished, names, offer, open};
use crate::crash::KILL_AT;
use crate::{
    AlreadyThere, Direction, Filter, InboundRefusal, NewOutbound, ReceiptState, Settled, State,
    Store,
};

const PLAN: &str = "STORE_TEST_PLAN";
const SEED: &str = "STORE_TEST_SEED";

/// How much is to be done: so many files each way.
#[derive(Clone, Copy)]
struct Plan {
    inbound: u16,
    outbox: u16,
    intakes: u16,
    /// Whether the parts run beside each other.
    at_once: bool,
}

/// The store and everyone who deals with it, in one folder.
struct Site(PathBuf);

impl Site {
    fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// A fact that someone other than the store remembers; `false` when it was one already.
    fn note(&self, who: &str, fact: &str) -> bool {
        fs::File::create_new(self.0.join(who).join(fact)).is_ok()
    }

    fn noted(&self, who: &str, fact: &str) -> bool {
        self.0.join(who).join(fact).exists()
    }

    fn new(root: &Path, plan: Plan) -> Site {
        let site = Site(root.to_owned());
        for who in [
            "acked",
            "consumed",
            "got",
            "eerp",
            "receipts",
            "handed-over",
        ] {
            fs::create_dir(root.join(who)).unwrap();
        }
        drop(furnished(&site.store()));
        for n in 0..plan.outbox {
            let path = site.store().join("outbox/ACME").join(format!("outbox-{n}"));
            fs::write(path, content(&format!("OUTBOX-{n}"))).unwrap();
        }
        site
    }
}

/// A folder for one site. A kill loses nothing that was written, synced or not, so memory serves as
/// well as a disk, and faster.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

fn content(of: &str) -> Vec<u8> {
    of.as_bytes().repeat(3_000)
}

/// The child's part: everything the plan still lacks, to its end.
#[test]
fn work() {
    let Ok(text) = std::env::var(PLAN) else {
        return;
    };
    let mut words = text.splitn(5, ' ');
    let mut number = || words.next().unwrap().parse::<u16>().unwrap();
    let (inbound, outbox, intakes, at_once) = (number(), number(), number(), number() == 1);
    let plan = Plan {
        inbound,
        outbox,
        intakes,
        at_once,
    };
    let site = Site(PathBuf::from(words.next().unwrap()));
    let store = open(&site.store());
    say("open");
    if at_once {
        std::thread::scope(|scope| {
            for part in [0, 1] {
                let (store, site) = (&store, &site);
                scope.spawn(move || receive(store, site, (part..plan.inbound).step_by(2)));
                scope.spawn(move || hand_over(store, site, (part..plan.intakes).step_by(2)));
                scope.spawn(move || send(store, site));
            }
            scope.spawn(|| consume(&site));
        });
    }
    // What one part left for another, and the whole of it when they do not run at once.
    receive(&store, &site, 0..plan.inbound);
    hand_over(&store, &site, 0..plan.intakes);
    send(&store, &site);
    consume(&site);
    answer(&store, &site);
    say("done");
}

/// Progress, one line each, by which the killer chooses its moment.
fn say(word: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "\n:{word}").unwrap();
    out.flush().unwrap();
}

fn now() -> Timestamp {
    Timestamp::now()
}

/// A partner who sends files until each is acknowledged.
fn receive(store: &Store, site: &Site, numbers: impl Iterator<Item = u16>) {
    for n in numbers {
        let fact = n.to_string();
        if site.noted("acked", &fact) {
            continue;
        }
        match store.begin_inbound(offer(n + 1), now()) {
            Err(InboundRefusal::Duplicate { .. }) => {
                site.note("acked", &fact);
            }
            Err(refusal) => panic!("inbound {n}: {refusal}"),
            Ok(mut inbound) => {
                for piece in content(&format!("INBOUND-{n}")).chunks(7_000) {
                    inbound.write(piece, &[]).unwrap();
                }
                let synced = inbound.finish(now()).unwrap();
                site.note("acked", &fact);
                store.deliver(synced.id(), now()).unwrap();
            }
        }
        say("received");
        consume(site);
    }
}

/// The business system: takes each file away the moment it sees it, and has its metadata by then.
fn consume(site: &Site) {
    let inbox = site.store().join("inbox/ACME");
    for name in names(&inbox) {
        if let Some(file) = name.strip_suffix(".meta.json") {
            // It was killed itself after it took the file and before it took this.
            if site.0.join("consumed").join(file).exists() {
                let _ = fs::remove_file(inbox.join(&name));
            }
            continue;
        }
        if name.starts_with('.') {
            continue;
        }
        let metadata = format!("{name}.meta.json");
        let taken = site.0.join("consumed").join(&name);
        // Two threads of this process may both have seen it.
        let Ok(text) = fs::read(inbox.join(&metadata)) else {
            assert!(!inbox.join(&name).exists(), "{name} came without metadata");
            continue;
        };
        assert!(
            serde_json::from_slice::<serde_json::Value>(&text).is_ok(),
            "half of {metadata}"
        );
        if fs::rename(inbox.join(&name), &taken).is_ok() {
            let n: u16 = name["ORDERS.EDI.20261121100000".len()..][..4]
                .parse()
                .unwrap();
            let whole = content(&format!("INBOUND-{}", n - 1));
            assert!(
                fs::read(&taken).unwrap() == whole,
                "{name} is not what was sent"
            );
            let _ = fs::remove_file(inbox.join(&metadata));
        }
    }
}

/// Callers who hand over files; one who was not answered hands over again.
fn hand_over(store: &Store, site: &Site, numbers: impl Iterator<Item = u16>) {
    for n in numbers {
        let fact = n.to_string();
        if site.noted("handed-over", &fact) {
            continue;
        }
        let new = NewOutbound::new(ACME, format!("intake-{n}"));
        let mut intake = store.begin_outbound(new, now()).unwrap();
        intake.write(&content(&format!("INTAKE-{n}"))).unwrap();
        intake.finish(now()).unwrap();
        site.note("handed-over", &fact);
        say("handed over");
    }
}

/// Sessions in which files go out to a partner who refuses what it has.
fn send(store: &Store, site: &Site) {
    let report = store.scan_outbox(now()).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    while let Some(mut claim) = store.claim_file(ACME, CIRCUIT, L5, true, now()).unwrap() {
        let name = claim.file().dataset.to_string();
        let fact = format!("{name} {}", claim.file().stamp);
        if site.noted("got", &fact) {
            let meant = claim.already_there(now()).unwrap();
            assert_eq!(
                meant,
                AlreadyThere::Sent,
                "{fact} was sent and the store does not know"
            );
        } else {
            let (octets, _) = contents(&claim, 0);
            assert!(
                octets == content(&name),
                "{fact} is not what was handed over"
            );
            claim.fully_offered(now()).unwrap();
            assert!(site.note("got", &fact), "{fact} came twice");
            claim.sent(now()).unwrap();
        }
        say("sent");
    }
    // Receipts we owe: the partner bears one twice.
    while let Some(claim) = store.claim_receipt(ACME, CIRCUIT, L5, now()).unwrap() {
        site.note("receipts", &claim.file().stamp.to_string());
        claim.sent(now()).unwrap();
        say("receipt");
    }
}

/// The partner's receipts for what it has.
fn answer(store: &Store, site: &Site) {
    for transfer in store.transfers(out(None)).unwrap() {
        let fact = format!("{} {}", transfer.file.dataset, transfer.file.stamp);
        if site.noted("got", &fact) && !site.noted("eerp", &fact) {
            let settled =
                store.receipt_arrived(ACME, arrived(transfer.file, eerp()), CIRCUIT, now());
            assert_eq!(settled.unwrap().settled, Settled::Closed(transfer.id));
            site.note("eerp", &fact);
            say("answered");
        }
    }
}

fn out(state: Option<State>) -> Filter {
    Filter {
        direction: Some(Direction::Out),
        state,
        ..Filter::default()
    }
}

/// What must be true at the end, however often the child was killed: `kills` at most.
fn judge(site: &Site, plan: Plan, kills: usize) {
    let store = open(&site.store());
    assert_eq!(
        names(&site.0.join("consumed")).len(),
        usize::from(plan.inbound),
        "once each"
    );
    let again = names(&site.store().join("inbox/ACME"));
    assert!(again.is_empty(), "came again: {again:?}");
    assert!(names(&site.store().join("outbox/ACME")).is_empty());
    assert!(names(&site.store().join("spool")).is_empty());

    let filter = Filter {
        direction: Some(Direction::In),
        ..Filter::default()
    };
    for transfer in store.transfers(filter).unwrap() {
        match transfer.state {
            State::Delivered => assert_eq!(transfer.receipt, Some(ReceiptState::Sent)),
            state => assert_eq!(state, State::Failed),
        }
    }
    assert_eq!(
        names(&site.0.join("receipts")).len(),
        usize::from(plan.inbound)
    );

    let got = names(&site.0.join("got"));
    for n in 0..plan.outbox {
        let prefix = format!("OUTBOX-{n} ");
        let times = got.iter().filter(|fact| fact.starts_with(&prefix)).count();
        assert_eq!(times, 1, "{prefix}: {got:?}");
    }
    for n in 0..plan.intakes {
        let prefix = format!("INTAKE-{n} ");
        let times = got.iter().filter(|fact| fact.starts_with(&prefix)).count();
        // A caller who was killed before the answer came hands over once more.
        assert!((1..=1 + kills).contains(&times), "{prefix}: {got:?}");
    }
    let sent = store.transfers(out(None)).unwrap().len();
    assert_eq!(
        sent,
        store
            .transfers(out(Some(State::Acknowledged)))
            .unwrap()
            .len()
    );
    assert_eq!(sent, got.len());
}

/// Runs the child; with `kill_at`, until it kills itself there or is done.
fn run(site: &Site, plan: Plan, kill_at: Option<&str>) -> ExitStatus {
    let output = command(site, plan, kill_at).output().unwrap();
    let killed = output.status.signal() == Some(9);
    assert!(
        output.status.success() || (killed && kill_at.is_some()),
        "{kill_at:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.status
}

fn command(site: &Site, plan: Plan, kill_at: Option<&str>) -> std::process::Command {
    let Plan {
        inbound,
        outbox,
        intakes,
        at_once,
    } = plan;
    let at_once = u16::from(at_once);
    let text = format!(
        "{inbound} {outbox} {intakes} {at_once} {}",
        site.0.display()
    );
    let mut command = child("tests::crash::work", &[(PLAN, text.as_str())]);
    if let Some(kill_at) = kill_at {
        command.env(KILL_AT, kill_at);
    }
    command
}

const SMALL: Plan = Plan {
    inbound: 2,
    outbox: 2,
    intakes: 1,
    at_once: false,
};

/// Kills the child at the `times`-th passing of a place, then lets another finish; whether it was
/// passed so often.
fn kill_once(place: &str, times: u32) -> bool {
    let dir = folder();
    let site = Site::new(dir.path(), SMALL);
    let killed = !run(&site, SMALL, Some(&format!("{place}:{times}"))).success();
    run(&site, SMALL, None);
    judge(&site, SMALL, 1);
    killed
}

#[test]
fn survives_a_kill_at_every_named_place() {
    for place in [
        "inbound.journaled",
        "inbound.written",
        "spool.data-synced",
        "inbound.synced",
        "inbound.received",
        "inbox.metadata",
        "inbox.renamed",
        "inbox.handed-over",
        "inbox.delivered",
        "intake.written",
        "intake.synced",
        "intake.queued",
        "outbox.taking",
        "outbox.moved",
        "outbox.synced",
        "outbox.queued",
        "claim.claimed",
        "claim.offered",
        "claim.ended",
        "receipt.settled",
        "recover.attempts",
        "recover.taking",
        "recover.delivered",
    ] {
        assert!(kill_once(place, 1), "{place} was never passed");
        kill_once(place, 2);
    }
}

#[test]
fn survives_a_kill_before_and_after_every_commit() {
    for place in ["journal.before-commit", "journal.after-commit"] {
        let mut times = 1;
        while kill_once(place, times) {
            times += 1;
        }
        assert!(times > 30, "{place}: only {times} commits");
    }
}

#[test]
fn survives_a_kill_while_it_recovers_from_another() {
    let first = [
        "inbound.written",
        "inbound.received",
        "inbox.metadata",
        "inbox.renamed",
        "outbox.taking",
        "outbox.moved",
        "outbox.synced",
        "claim.claimed",
        "claim.offered",
        "receipt.settled",
    ];
    let second = [
        "recover.attempts",
        "outbox.synced",
        "outbox.queued",
        "recover.taking",
        "inbox.metadata",
        "inbox.renamed",
        "inbox.handed-over",
        "inbox.delivered",
        "recover.delivered",
    ];
    for first in first {
        for second in second {
            let dir = folder();
            let site = Site::new(dir.path(), SMALL);
            assert!(
                !run(&site, SMALL, Some(&format!("{first}:1"))).success(),
                "{first}"
            );
            run(&site, SMALL, Some(&format!("{second}:1")));
            run(&site, SMALL, None);
            judge(&site, SMALL, 2);
        }
    }
}

#[test]
fn survives_kills_at_random_moments_under_load() {
    let seed = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| getrandom::u64().unwrap());
    let mut random = seed;
    // A linear congruential generator is random enough to choose moments.
    let mut below = |limit: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % limit
    };
    let plan = Plan {
        inbound: 60,
        outbox: 60,
        intakes: 20,
        at_once: true,
    };
    let dir = tempfile::tempdir().unwrap();
    let site = Site::new(dir.path(), plan);
    let mut kills = 0;
    for _ in 0..25 {
        let mut child = command(&site, plan, None)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The pipe stays open until the child is dead.
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let news = lines
            .by_ref()
            .map_while(Result::ok)
            .filter(|line| line.starts_with(':'));
        // The kill falls somewhere after that line: the child goes on meanwhile.
        let _ = news.take(usize::try_from(below(14)).unwrap()).count();
        for _ in 0..below(2_000_000) {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        let failed = output.status.code().is_some_and(|code| code != 0);
        assert!(
            !failed,
            "seed {seed}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        kills += usize::from(output.status.signal().is_some());
    }
    assert!(kills > 5, "seed {seed}: only {kills} kills");
    run(&site, plan, None);
    let judged = std::panic::catch_unwind(|| judge(&site, plan, kills));
    assert!(judged.is_ok(), "seed {seed} (set {SEED} to repeat)");
}
