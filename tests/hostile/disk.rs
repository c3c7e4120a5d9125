//! A full disk: the partner is asked to come again, nothing is lost, and the operator reads it.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use support::compare::{assert_same_octets, content};
use support::{Answer, Ended, Offer, Partner, World, directory};

/// A small file system for a store; gone on drop.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounted on `folder`, or `None` where that is not allowed.
    fn on(folder: &Path, size: &str) -> Option<SmallDisk> {
        std::fs::create_dir_all(folder).expect("the folder is ours");
        let options = format!("size={size}");
        let kind = Some("tmpfs");
        mount(kind, folder, kind, MsFlags::empty(), Some(options.as_str()))
            .ok()
            .map(|()| SmallDisk(folder.to_path_buf()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Nobody is left to tell; a folder that stays mounted goes with the machine.
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

/// The operator's side: a warning or an error about room.
fn wait_for_warning(world: &World, mark: usize) {
    world
        .inner
        .half
        .logs
        .wait_from(mark, "a warning about the disk", |line| {
            let text = line.raw.to_lowercase();
            matches!(line.level(), "WARN" | "ERROR")
                && ["space", "disk", "reserve"]
                    .iter()
                    .any(|word| text.contains(word))
        });
}

#[test]
fn a_file_that_would_eat_the_reserve_is_refused_for_now_and_taken_later() {
    let mut world = World::with(|setup| {
        setup.inner.text("spool.reserve", "8TiB");
    });
    let mark = world.inner.half.logs.mark();
    let file = content(1, 100_000);
    let offer = Offer::new("NO.ROOM", file.clone());
    let stamp = offer.sfid.stamp;

    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let refused = partner.exchange(vec![offer]).expect("a whole session");
    match &refused.answers[..] {
        [Answer::NotStarted { retry, .. }] => assert!(retry, "the partner may come again"),
        other => panic!("SFNA with retry was due, but: {other:?}"),
    }
    wait_for_warning(&world, mark);

    world.inner.half.terminate();
    world.inner.configure(|knobs| {
        knobs.text("spool.reserve", "1MiB");
    });
    world.start_inner();
    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let again = Offer::new("NO.ROOM", file.clone()).stamped(stamp);
    let taken = partner.exchange(vec![again]).expect("a whole session");
    assert_eq!(taken.receipts.len(), 1);
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_same_octets("once there is room", &file, &delivered[0].content());
}

#[test]
fn a_disk_that_fills_up_in_mid_file_loses_nothing_that_was_confirmed() {
    let mut disk = None;
    let world = World::with(|setup| {
        disk = SmallDisk::on(&setup.folder.join("inner/store"), "24m");
    });
    if disk.is_none() {
        support::say("SKIPPED: mounting a small file system needs root");
        return;
    }
    let session = |offer| {
        let partner = Partner::of(&world).connect(world.public()).expect("TLS");
        partner.exchange(vec![offer])
    };
    let first = content(1, 2_000_000);
    let exchange = session(Offer::new("FIRST", first.clone())).expect("there is room");
    assert_eq!(exchange.receipts.len(), 1);

    // It says one block and is far larger than the disk.
    let mark = world.inner.half.logs.mark();
    let mut liar = Offer::new("TOO.MUCH", content(2, 40_000_000));
    liar.sfid.size_blocks = 1;
    liar.sfid.original_blocks = 1;
    match session(liar) {
        Ok(exchange) => assert!(
            matches!(
                exchange.answers[..],
                [Answer::NotStored { .. } | Answer::NotStarted { .. }]
            ),
            "not confirmed: {exchange:?}"
        ),
        Err(Ended::Esid { .. } | Ended::HungUp) => {}
        Err(other) => panic!("the other side should end it, but: {other:?}"),
    }
    wait_for_warning(&world, mark);

    // Told to come again, the partner does, until the room of the half file is free.
    let next = content(3, 2_000_000);
    let stamp = Offer::new("NEXT", Vec::new()).sfid.stamp;
    let logs = &world.inner.half.logs;
    let exchange = logs.until("half a file takes no room any more", || {
        let exchange = session(Offer::new("NEXT", next.clone()).stamped(stamp)).expect("ends");
        match exchange.answers[..] {
            [Answer::NotStarted { retry: true, .. }] => None,
            _ => Some(exchange),
        }
    });
    assert_eq!(exchange.receipts.len(), 1, "taken: {:?}", exchange.answers);
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 2);
    assert_same_octets("the first", &first, &delivered[0].content());
    assert_same_octets("the next", &next, &delivered[1].content());
    drop(world);
    drop(disk);
}
