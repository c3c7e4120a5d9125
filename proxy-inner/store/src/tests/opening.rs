//! Opening a store: the lock, the folders, the version, and what a kill left behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oftp::Level::L5;

use super::{ACME, World, at, child, furnished, names, offer, open};
use crate::{State, Store, StoreError, StoreOptions};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn opened(root: &Path) -> Result<Store, StoreError> {
    Store::open(root, StoreOptions::default())
}

#[test]
fn refuses_a_second_opening_in_the_same_process() {
    let world = World::new();
    match opened(world.dir.path()) {
        Err(StoreError::Locked { path, pid }) => {
            assert_eq!(path, world.dir.path());
            assert_eq!(pid, Some(std::process::id()));
        }
        other => panic!("{other:?}"),
    }
    let World { dir, store } = world.reopened();
    let clone = store.clone();
    drop(store);
    assert!(
        matches!(opened(dir.path()), Err(StoreError::Locked { .. })),
        "a clone has it"
    );
    drop(clone);
    opened(dir.path()).unwrap();
}

/// The second process of `refuses_a_second_process_and_names_the_first`.
#[test]
fn second_process() {
    let Some(root) = std::env::var_os("STORE_TEST_SECOND") else {
        return;
    };
    let error = opened(root.as_ref()).unwrap_err();
    let pid = std::env::var("STORE_TEST_FIRST_PID").unwrap();
    let text = error.to_string();
    assert!(
        text.contains(&format!("in use by process {pid};")),
        "{text}"
    );
    assert!(text.contains(root.to_str().unwrap()), "{text}");
}

#[test]
fn refuses_a_second_process_and_names_the_first() {
    let world = World::new();
    let variables = [
        ("STORE_TEST_SECOND", world.dir.path().to_str().unwrap()),
        ("STORE_TEST_FIRST_PID", &std::process::id().to_string()),
    ];
    let output = child("tests::opening::second_process", &variables)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("1 passed"),
        "it ran"
    );
}

#[test]
fn keeps_its_folders_and_files_from_others() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("deep/store");
    let store = furnished(&root);
    assert_eq!(mode(&root), 0o700);
    for (name, wanted) in [
        ("lock", 0o600),
        ("journal.sqlite", 0o600),
        ("journal.sqlite-wal", 0o600),
        ("journal.sqlite-shm", 0o600),
        ("spool", 0o700),
        ("inbox", 0o750),
        ("inbox/ACME", 0o750),
        ("outbox", 0o770),
        ("outbox/ACME", 0o770),
    ] {
        assert_eq!(mode(&root.join(name)), wanted, "{name}");
    }
    let mut inbound = store.begin_inbound(offer(1), at(0)).unwrap();
    inbound.write(b"x", &[]).unwrap();
    let spool = root.join("spool");
    assert_eq!(mode(&spool.join(&names(&spool)[0])), 0o600);
    drop((inbound, store));

    fs::set_permissions(&root, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(
        root.join("journal.sqlite"),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let _store = open(&root);
    assert_eq!(mode(&root), 0o750, "the group stays, others go");
    assert_eq!(mode(&root.join("journal.sqlite")), 0o600);
}

#[test]
fn refuses_a_journal_of_a_newer_version() {
    let World { dir, store } = World::new();
    drop(store);
    let journal = rusqlite::Connection::open(dir.path().join("journal.sqlite")).unwrap();
    journal.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(journal);
    match opened(dir.path()) {
        Err(StoreError::Newer {
            found: 99, known, ..
        }) => assert!(known < 99),
        other => panic!("{other:?}"),
    }
}

#[test]
fn tells_a_journal_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("journal.sqlite"), vec![b'x'; 8192]).unwrap();
    let error = opened(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Journal { .. }), "{error}");
}

#[test]
fn tells_an_entry_it_cannot_read() {
    let world = World::new();
    let id = world.send(ACME, "f", b"x");
    world
        .store
        .run(|journal| crate::row::change(journal, "UPDATE transfer SET stamp = 'noon'", []))
        .unwrap();
    let error = world.store.transfer(id).unwrap_err();
    assert!(matches!(&error, StoreError::Damaged { field: "stamp", found, .. } if found == "noon"));
    assert!(error.to_string().contains(&id.to_string()), "{error}");
}

#[test]
fn removes_spool_files_that_nothing_needs_and_leaves_what_is_not_its_own() {
    let world = World::new();
    let queued = world.send(ACME, "f", b"x");
    for name in ["in-0000000000000001", "out-0000000000000002", "README"] {
        fs::write(world.path("spool").join(name), "x").unwrap();
    }
    let world = world.reopened();
    assert_eq!(
        names(&world.path("spool")),
        ["README".to_owned(), format!("out-{queued}")]
    );
    assert_eq!(world.state(queued), State::Queued);
}

#[test]
fn sets_right_what_was_under_way() {
    let world = World::new();
    let received = world.receive(offer(1), b"x").id();
    let (sending, moved, left) = (
        world.send(ACME, "a", b"x"),
        world.send(ACME, "b", b"xyz"),
        world.send(ACME, "c", b"x"),
    );
    let spool = world.path("spool");
    fs::remove_file(spool.join(format!("out-{left}"))).unwrap();
    let state = |id: crate::TransferId, state: &'static str| {
        let sql = "UPDATE transfer SET state = ?2, octets = 0, holder = 1 WHERE id = ?1";
        let change = move |journal: &_| crate::row::change(journal, sql, [&id.to_string(), state]);
        world.store.run(change).unwrap();
    };
    state(received, "receiving");
    state(sending, "sending");
    state(moved, "taking");
    state(left, "taking");

    let world = world.reopened();
    assert_eq!(world.state(received), State::Interrupted);
    assert!(
        world
            .transfer(received)
            .reason
            .unwrap()
            .contains("the process stopped")
    );
    assert_eq!(world.state(sending), State::Queued);
    assert_eq!(world.steps(sending), ["queued", "interrupted"]);
    assert_eq!(world.state(moved), State::Queued);
    assert_eq!(world.transfer(moved).octets, 3);
    assert!(
        world.store.transfer(left).unwrap().is_none(),
        "it is in the outbox still"
    );
    let mut wanted = [
        format!("in-{received}"),
        format!("out-{moved}"),
        format!("out-{sending}"),
    ];
    wanted.sort();
    assert_eq!(names(&spool), wanted);
    assert!(names(&world.path("inbox/ACME")).is_empty());
}

#[test]
fn keeps_the_spool_files_of_all_that_is_not_over() {
    let world = World::new();
    let received = world.receive(offer(1), b"x").id();
    let (sent, failed) = (world.send(ACME, "a", b"x"), world.send(ACME, "b", b"x"));
    world
        .store
        .claim_file(ACME, "c", L5, true, at(1))
        .unwrap()
        .unwrap()
        .sent(at(1))
        .unwrap();
    world.store.expire(at(9), at(9)).unwrap();
    assert_eq!(
        (world.state(sent), world.state(failed)),
        (State::Sent, State::Failed)
    );
    // Something that is in the way of the metadata keeps the file from being delivered.
    let inbox_name = world.transfer(received).inbox_name.unwrap();
    let obstacle = world
        .path("inbox/ACME")
        .join(format!("{inbox_name}.meta.json"));
    fs::create_dir(&obstacle).unwrap();

    let world = world.reopened();
    assert_eq!(
        world.state(received),
        State::Received,
        "it opens nevertheless"
    );
    let mut wanted = [
        format!("in-{received}"),
        format!("out-{sent}"),
        format!("out-{failed}"),
    ];
    wanted.sort();
    assert_eq!(names(&world.path("spool")), wanted);
    fs::remove_dir(obstacle).unwrap();
    let world = world.reopened();
    assert_eq!(world.state(received), State::Delivered);
}

#[test]
fn makes_partner_folders_that_are_missing() {
    let world = World::new();
    fs::remove_dir(world.path("inbox/ACME")).unwrap();
    fs::remove_dir(world.path("outbox/ACME")).unwrap();
    let world = world.reopened();
    assert!(world.path("inbox/ACME").is_dir() && world.path("outbox/ACME").is_dir());
}

#[test]
fn opening_again_changes_nothing() {
    let world = World::new();
    let received = world.receive(offer(1), b"x");
    world.send(ACME, "f", b"x");
    let world = world.reopened();
    let seen = |world: &World| {
        let transfers = world.store.transfers(crate::Filter::default()).unwrap();
        (
            transfers,
            names(&world.path("spool")),
            names(&world.path("inbox/ACME")),
        )
    };
    let first = seen(&world);
    let world = world.reopened().reopened();
    assert_eq!(seen(&world), first);
    assert_eq!(world.steps(received.id()).len(), 3);
}
