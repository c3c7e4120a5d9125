//! A full disk, room promised, and folders mounted apart.

use std::fs;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::{ACME, World, at, furnished, names, offer, skip};
use crate::{
    Delivered, Direction, InboundRefusal, NewOutbound, State, Store, StoreError, StoreOptions,
};

const MEBI: u64 = 1024 * 1024;

/// A small file system of its own; gone when dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(path: &Path, size: &str) -> Option<Mount> {
        let options = format!("size={size}");
        match mount(
            Some("tmpfs"),
            path,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(options.as_str()),
        ) {
            Ok(()) => Some(Mount(path.to_owned())),
            Err(errno) => {
                skip(&format!("no file system may be mounted here ({errno})"));
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

fn sized(n: u16, blocks: u64) -> crate::Offer {
    let mut offer = offer(n);
    offer.sfid.size_blocks = blocks;
    offer
}

#[test]
fn refuses_a_file_for_which_there_is_no_room() {
    let World { dir, store } = World::new();
    drop(store);
    let store = Store::open(
        dir.path(),
        StoreOptions {
            reserve: u64::MAX / 2,
            ..StoreOptions::default()
        },
    )
    .unwrap();
    match store.begin_inbound(sized(1, 1), at(0)) {
        Err(InboundRefusal::NoSpace { needed, free }) => {
            assert_eq!(needed, u64::MAX / 2 + 1024);
            assert!(free < needed && free > 0);
        }
        other => panic!("{other:?}"),
    }
    let huge = sized(2, u64::MAX);
    assert!(matches!(
        store.begin_inbound(huge, at(0)),
        Err(InboundRefusal::NoSpace { .. })
    ));
    assert!(names(&dir.path().join("spool")).is_empty());
    assert!(
        store
            .transfers(crate::Filter::default())
            .unwrap()
            .is_empty()
    );

    let mut intake = store
        .begin_outbound(NewOutbound::new(ACME, "f"), at(0))
        .unwrap();
    let error = intake.write(b"x").unwrap_err();
    assert!(matches!(error, StoreError::NoSpace { .. }) && error.is_no_space());
}

#[test]
fn keeps_the_room_it_promised_to_files_still_arriving() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(dir.path(), "64m") else {
        return;
    };
    let store = furnished(dir.path());
    let forty = 40 * 1024;
    let mut first = store.begin_inbound(sized(1, forty), at(0)).unwrap();
    match store.begin_inbound(sized(2, forty), at(0)) {
        Err(InboundRefusal::NoSpace { needed, .. }) => assert_eq!(needed, 80 * MEBI),
        other => panic!("{other:?}"),
    }
    // What is written is no longer promised, and no longer free.
    first.write(&vec![0; 8 * 1024 * 1024], &[]).unwrap();
    assert!(matches!(
        store.begin_inbound(sized(2, forty), at(0)),
        Err(InboundRefusal::NoSpace { needed, .. }) if needed == 72 * MEBI
    ));
    drop(first);
    // The end of the first is recorded before the second is looked at.
    store.counts().unwrap();
    store.begin_inbound(sized(2, forty), at(0)).unwrap();
}

#[test]
fn keeps_room_only_for_what_an_interrupted_file_still_lacks() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(dir.path(), "64m") else {
        return;
    };
    let store = furnished(dir.path());
    let forty = 40 * 1024;
    let mut first = store.begin_inbound(sized(1, forty), at(0)).unwrap();
    first.write(&vec![0; 8 * 1024 * 1024], &[]).unwrap();
    first.interrupted("cut", at(1)).unwrap();
    let again = super::again(sized(1, forty), forty);
    let resumed = store.begin_inbound(again, at(2)).unwrap();
    assert_eq!(resumed.octets(), 8 * MEBI);
    match store.begin_inbound(sized(2, forty), at(3)) {
        Err(InboundRefusal::NoSpace { needed, .. }) => assert_eq!(needed, 72 * MEBI),
        other => panic!("{other:?}"),
    }
    resumed.interrupted("cut", at(4)).unwrap();
    // Nobody is promised room for what is not arriving; what is held of it is not free.
    store.begin_inbound(sized(2, forty), at(5)).unwrap();
}

#[test]
fn a_full_disk_loses_nothing_and_is_told_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(dir.path(), "16m") else {
        return;
    };
    let store = furnished(dir.path());
    let mut kept = store.begin_inbound(offer(1), at(0)).unwrap();
    kept.write(b"acknowledged", &[]).unwrap();
    let kept = kept.finish(at(1)).unwrap();

    // A partner announces little and sends much.
    let mut inbound = store.begin_inbound(offer(2), at(2)).unwrap();
    let error = loop {
        if let Err(error) = inbound.write(&[7; 64 * 1024], &[]) {
            break error;
        }
    };
    assert!(matches!(error, StoreError::NoSpace { .. }), "{error}");
    let id = inbound.id();
    // Its room is given back at once, so that the journal can note the end.
    drop(inbound);
    store.counts().unwrap();
    assert_eq!(store.transfer(id).unwrap().unwrap().0.state, State::Failed);
    fill(&dir.path().join("ballast"));
    let refused = store.begin_inbound(offer(3), at(3));
    assert!(
        match &refused {
            Err(InboundRefusal::NoSpace { .. }) => true,
            Err(InboundRefusal::Store(error)) => error.is_no_space(),
            _ => false,
        },
        "{refused:?}"
    );
    // Delivery needs a few octets for the metadata; without them the file waits in the spool.
    let delivered = store.deliver(kept.id(), at(4));
    assert!(
        delivered.as_ref().is_err_and(StoreError::is_no_space),
        "{delivered:?}"
    );

    fs::remove_file(dir.path().join("ballast")).unwrap();
    let Delivered::Inbox(path) = store.deliver(kept.id(), at(5)).unwrap() else {
        panic!("it is for us");
    };
    assert_eq!(fs::read(path).unwrap(), b"acknowledged");
    let mut again = store.begin_inbound(offer(2), at(6)).unwrap();
    again.write(b"it fits now", &[]).unwrap();
    again.finish(at(7)).unwrap();
    let counts = store.counts().unwrap();
    assert_eq!(counts.of(Direction::In, State::Receiving), 0);
}

/// Writes zeros until nothing fits any more.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    for size in [64 * 1024, 4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk_fails_a_group_of_commits_as_a_whole() {
    let dir = tempfile::tempdir().unwrap();
    let Some(_mount) = Mount::new(dir.path(), "16m") else {
        return;
    };
    let store = furnished(dir.path());
    fill(&dir.path().join("ballast"));
    // More than the write-ahead log has room for already.
    let failed = (0..10_000).find_map(|n| {
        let failure =
            store.session_failed(ACME, &"x".repeat(4000), std::time::Duration::ZERO, at(n));
        failure.err().map(|error| (n, error))
    });
    let (told, error) = failed.expect("the disk is full");
    assert!(error.is_no_space(), "{error}");
    let failures = u32::try_from(told).unwrap();
    assert_eq!(
        store.session_record(ACME).unwrap().failures,
        failures,
        "what was told is there"
    );
    fs::remove_file(dir.path().join("ballast")).unwrap();
    store
        .session_failed(ACME, "y", std::time::Duration::ZERO, at(1))
        .unwrap();
    drop(store);
    let store = super::open(dir.path());
    assert_eq!(store.session_record(ACME).unwrap().failures, failures + 1);
}

#[test]
fn refuses_folders_that_are_mounted_apart() {
    let World { dir, store } = World::new();
    drop(store);
    for name in ["inbox", "outbox", "spool", "inbox/ACME", "outbox/ACME"] {
        let Some(mounted) = Mount::new(&dir.path().join(name), "1m") else {
            return;
        };
        let error = Store::open(dir.path(), StoreOptions::default()).unwrap_err();
        assert!(
            matches!(error, StoreError::TwoFileSystems { .. }),
            "{name}: {error}"
        );
        assert!(
            error
                .to_string()
                .contains("mount one under the whole store"),
            "{error}"
        );
        drop(mounted);
    }
    super::open(dir.path());
}

#[test]
fn delivers_nothing_by_halves_when_the_inbox_is_mounted_apart_later() {
    let world = World::new();
    let synced = world.receive(offer(1), b"x");
    {
        let Some(_mount) = Mount::new(&world.path("inbox/ACME"), "1m") else {
            return;
        };
        let error = world.store.deliver(synced.id(), at(2)).unwrap_err();
        assert!(
            matches!(error, StoreError::TwoFileSystems { .. }),
            "{error}"
        );
    }
    world.store.deliver(synced.id(), at(3)).unwrap();
}
