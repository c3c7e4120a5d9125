//! Any half may be killed while files are secured, are under way or are opened: after a restart all of
//! them end, each exactly once, with a receipt that is valid, and nothing is left behind.

use std::collections::HashSet;
use std::path::PathBuf;

use support::cms::Services;
use support::compare::{Random, assert_same_file, sha256_hex, sha256_of_file, write_content};
use support::logs::Line;

use super::houses::{House, Houses, proven};
use crate::kill::spin_until;

const TERMS: [(&str, &str); 5] = [
    ("security", "\"encrypted-and-signed\""),
    ("file_compression", "true"),
    ("signed_receipts", "true"),
    ("restart", "true"),
    ("archive", "\"files\""),
];

/// Files that each sends to the other in a round, all at once.
const FILES: usize = 3;

/// What a file goes through when the axe falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum During {
    Securing,
    Transmission,
    Opening,
}

impl During {
    /// What is logged when it is over.
    fn end(self) -> &'static str {
        match self {
            During::Securing => "A file was secured.",
            During::Transmission => "A file was received.",
            During::Opening => "A file was opened.",
        }
    }
}

/// Which half it hits, of the house that sends the file or of the one that gets it.
#[derive(Debug, Clone, Copy)]
enum Victim {
    SendersInner,
    SendersDmz,
    ReceiversInner,
    ReceiversDmz,
}

const CASES: [(During, Victim); 6] = [
    (During::Securing, Victim::SendersInner),
    (During::Transmission, Victim::SendersInner),
    (During::Transmission, Victim::ReceiversInner),
    (During::Transmission, Victim::SendersDmz),
    (During::Transmission, Victim::ReceiversDmz),
    (During::Opening, Victim::ReceiversInner),
];

/// On a busy machine the axe may fall too late; so often it is raised again.
const SPARE: usize = 5;

/// How often each case is tried: once, or `SECURED_KILL_ROUNDS`.
fn rounds() -> usize {
    std::env::var("SECURED_KILL_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

#[test]
fn a_kill_while_files_are_secured_sent_or_opened_loses_and_doubles_nothing() {
    let Some(mut houses) = Houses::new("killed while securing and opening", &TERMS) else {
        return;
    };
    let mut random = Random::printed("killed");
    let mut cases = CASES.repeat(rounds());
    let most = cases.len() + SPARE;
    let mut hit = HashSet::new();
    let mut all = 0;
    while let Some(&(during, victim)) = cases.get(all) {
        if one_round(&mut houses, &mut random, all, during, victim) {
            hit.insert(during);
        }
        all += 1;
        if all == cases.len() && all < most {
            let missed = CASES.into_iter().find(|(during, _)| !hit.contains(during));
            cases.extend(missed);
        }
    }
    assert_eq!(hit.len(), 3, "the axe fell in time only during {hit:?}");
    for (house, _) in houses.both_ways() {
        assert_eq!(house.inbox().len(), FILES * all, "every file once");
        let open = house.open_transfers();
        assert!(open.is_empty(), "no transfer is left over: {open:?}");
        let logs = &house.world.inner.half.logs;
        assert_eq!(logs.count("is not believed"), 0, "every receipt is valid");
        assert_eq!(logs.count("cannot be opened"), 0, "every file is whole");
    }
}

/// A file on its way.
struct Sent {
    path: PathBuf,
    name: String,
    octets: u64,
    id: String,
}

/// Tells whether the axe fell in time.
fn one_round(
    houses: &mut Houses,
    random: &mut Random,
    round: usize,
    during: During,
    victim: Victim,
) -> bool {
    let (from, to) = match random.below(2) {
        0 => (&mut houses.near, &mut houses.far),
        _ => (&mut houses.far, &mut houses.near),
    };
    let back = queue(to, random, round, During::Transmission);
    let sent = queue(from, random, round, during);
    let watched = match during {
        // Those before may be done when the last one has been queued.
        During::Securing => &sent[FILES - 1..],
        During::Transmission | During::Opening => &sent[..],
    };
    // Early enough that what is watched has not ended when the axe falls.
    let least = watched.iter().map(|sent| sent.octets).min().unwrap_or(0);
    let octets = random.below(least / 2) + 1;
    support::say(&format!(
        "round {round}: {victim:?} dies during {during:?}, {octets} octets into a file of {}",
        to.other,
    ));
    let caught = await_moment(from, to, watched, during, octets);
    match victim {
        Victim::SendersInner => from.world.inner.half.kill(),
        Victim::SendersDmz => from.world.kill_dmz(),
        Victim::ReceiversInner => to.world.inner.half.kill(),
        Victim::ReceiversDmz => to.world.kill_dmz(),
    }
    let side = if during == During::Securing {
        &*from
    } else {
        &*to
    };
    let lines = side.world.inner.half.logs.lines();
    let is_end = |line: &Line| line.says(during.end()) && line.text("transfer") == caught;
    let in_time = !lines.iter().any(is_end);
    match victim {
        Victim::SendersInner => from.world.start_inner(),
        Victim::SendersDmz => from.world.start_dmz(),
        Victim::ReceiversInner => to.world.start_inner(),
        Victim::ReceiversDmz => to.world.start_dmz(),
    }

    for (from, to, files) in [(&*from, &*to, &sent), (&*to, &*from, &back)] {
        for file in files {
            ends_well(from, to, file);
        }
    }
    from.wait_for_empty_spool();
    to.wait_for_empty_spool();
    in_time
}

fn queue(from: &House, random: &mut Random, round: usize, during: During) -> Vec<Sent> {
    let more = match during {
        During::Securing => 20_000_000,
        During::Transmission | During::Opening => 0,
    };
    let one = |number| {
        let name = format!("ROUND{round:03}.{number}");
        let path = from.world.folder().join(&name);
        let last = if number == FILES - 1 { more } else { 0 };
        let octets = 4_000_000 + random.below(4_000_000) + last;
        write_content(&path, random.next(), octets);
        Sent {
            id: from.send(&path, &name, &[]),
            path,
            name,
            octets,
        }
    };
    (0..FILES).map(one).collect()
}

/// Returns in the very moment that so many octets of one of the files are through, with its transfer.
fn await_moment(from: &House, to: &House, sent: &[Sent], during: During, octets: u64) -> String {
    let mut caught = String::new();
    spin_until("so much of a file is through", || {
        let spool = match during {
            During::Securing => from.spool(),
            During::Transmission | During::Opening => to.spool(),
        };
        let is_there = |wanted: &str| spool.iter().any(|(name, _)| name == wanted);
        let through = spool.iter().find_map(|(name, length)| {
            let (kind, id) = name.split_once('-')?;
            let fits = match during {
                During::Securing => kind == "out" && sent.iter().any(|sent| sent.id == id),
                During::Transmission => kind == "in",
                During::Opening => kind == "clear" && is_there(&format!("in-{id}")),
            };
            (fits && *length >= octets).then(|| id.to_owned())
        });
        through.map(|id| caught = id).is_some()
    });
    caught
}

/// The file arrives once, as it was, and `openssl` believes the receipt for it.
fn ends_well(from: &House, to: &House, sent: &Sent) {
    let name = &sent.name;
    from.world.inner.wait_for_state(&sent.id, "acknowledged");
    let (there, path) = to.delivered(name);
    let prefix = format!("{name}.");
    let mut inbox = to.inbox();
    inbox.retain(|file| file.starts_with(&prefix));
    assert_eq!(inbox.len(), 1, "{name} is there once: {inbox:?}");
    assert_same_file(&sent.path, &path);
    let proof = proven((from, &sent.id), (to, &there), Services::ALL);
    assert_eq!(sha256_hex(&proof.inside), sha256_of_file(&sent.path));
}
