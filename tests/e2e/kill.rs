//! Any half may be killed at any moment: after a restart and the queue's retries the file is
//! delivered exactly once, whole, and its receipt has arrived.

use std::path::Path;

use support::compare::{Random, assert_same_file, write_content};
use support::inside::state_of;
use support::{Alone, World, directory};

use crate::send::mirrored;

/// Where in the life of a transfer the axe falls.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// As soon as the file is queued.
    Queued,
    /// When the circuit has opened.
    CircuitOpen,
    /// When the spool of the receiving half has so many octets more than before.
    Spooled(u64),
    /// When the file lies in the inbox (its receipt is on its way or not).
    Delivered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Dmz,
    Inner,
    Sender,
}

fn rounds() -> u64 {
    std::env::var("KILL_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(20)
}

#[test]
fn a_kill_at_a_random_moment_loses_nothing_and_doubles_nothing() {
    let mut random = Random::printed("kill");
    let mut world = World::new();
    let address = Some((world.public(), world.certificate.fingerprint()));
    let mut sender = Alone::new(&mirrored(address));

    for round in 0..rounds() {
        let size = 1_000_000 + random.below(15_000_000);
        let moment = match random.below(8) {
            0 => Moment::Queued,
            1 => Moment::CircuitOpen,
            2 => Moment::Delivered,
            _ => Moment::Spooled(random.below(size)),
        };
        let victim = match random.below(5) {
            0 | 1 => Victim::Dmz,
            2 | 3 => Victim::Inner,
            _ => Victim::Sender,
        };
        support::say(&format!(
            "round {round}: {size} octets, {victim:?} dies at {moment:?}"
        ));
        one_round(&mut world, &mut sender, round, size, moment, victim);
    }

    let delivered = world.inner.delivered(directory::PARTNER);
    assert_eq!(
        delivered.len() as u64,
        rounds(),
        "every file once, none twice"
    );
    let open = sender
        .inner
        .transfers(&[])
        .into_iter()
        .filter(|transfer| state_of(transfer) != "acknowledged")
        .count();
    assert_eq!(open, 0, "no transfer is left over");
}

fn one_round(
    world: &mut World,
    sender: &mut Alone,
    round: u64,
    size: u64,
    moment: Moment,
    victim: Victim,
) {
    let file = sender.folder().join(format!("file.{round}"));
    write_content(&file, round, size);
    let dataset = format!("ROUND.{round:03}");
    let spooled_before = octets_below(&world.inner.store().join("spool"));
    let opened_before = world.dmz.logs.mark();

    let id = sender.inner.send("US", &file, Some(&dataset));
    await_moment(world, moment, &dataset, opened_before, spooled_before);
    match victim {
        Victim::Dmz => {
            world.kill_dmz();
            world.start_dmz();
        }
        Victim::Inner => {
            world.inner.half.kill();
            world.start_inner();
        }
        Victim::Sender => {
            sender.inner.half.kill();
            sender.inner.start();
        }
    }

    wait_for_receipt(sender, &id);
    let files: Vec<_> = world
        .inner
        .delivered(directory::PARTNER)
        .into_iter()
        .filter(|file| file_name(&file.path).starts_with(&dataset))
        .collect();
    assert_eq!(files.len(), 1, "{dataset} is delivered once");
    assert_same_file(&file, &files[0].path);
}

/// Waits for the receipt. When it missed its session, the partner calls again to fetch it: we have
/// no address to call the partner at.
fn wait_for_receipt(sender: &Alone, id: &str) {
    loop {
        let logs = &sender.inner.half.logs;
        let mark = logs.mark();
        let what = "the file is sent, or its receipt has come";
        let state = logs.until(what, || {
            let transfer = sender.inner.transfer(id);
            let state = state_of(&transfer).to_owned();
            ["sent", "acknowledged"]
                .contains(&state.as_str())
                .then_some(state)
        });
        if state == "acknowledged" {
            return;
        }
        // The session that sent the file may still be alive; if not, another one is asked for.
        let alive = sender.inner.cli().json(&["status"])["sessions"]
            .as_array()
            .is_some_and(|sessions| !sessions.is_empty());
        if !alive {
            sender.inner.cli().ok(&["call", "--partner", "US"]);
        }
        logs.wait_from(mark, "a session ends or a call fails", |line| {
            line.says("A circuit ended.") || line.says("A call to a partner failed.")
        });
    }
}

fn await_moment(world: &World, moment: Moment, dataset: &str, opened: usize, spooled: u64) {
    let logs = &world.inner.half.logs;
    let arrived = || {
        let files = support::inside::visible_files(&world.inner.inbox(directory::PARTNER));
        files
            .iter()
            .any(|path| file_name(path).starts_with(dataset))
    };
    match moment {
        Moment::Queued => {}
        Moment::CircuitOpen => {
            world.dmz.logs.wait_to_hear(opened, "A circuit opened.");
        }
        Moment::Delivered => logs.until("the file is delivered", || arrived().then_some(())),
        Moment::Spooled(octets) => spin_until("octets in the spool", || {
            arrived() || octets_below(&world.inner.store().join("spool")) >= spooled + octets
        }),
    }
}

/// Looks without a pause, so that the axe falls within the transfer and not after it.
pub(crate) fn spin_until(what: &str, mut reached: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + support::logs::DEADLINE;
    while !reached() {
        assert!(
            std::time::Instant::now() < until,
            "waited too long for {what}"
        );
        std::thread::yield_now();
    }
}

/// The octets of all files below a folder; files that vanish meanwhile count as nothing.
fn octets_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => octets_below(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}
