//! Taking files from the outbox folders.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;

use oftp::Level::{L2, L5};

use super::{ACME, CIRCUIT, World, at, child, contents, names, open, partner, skip};
use crate::{Direction, OutboxReport, Partner, State};

fn problem_of<'a>(report: &'a OutboxReport, name: &str) -> &'a str {
    let fault = report
        .faults
        .iter()
        .find(|fault| fault.path.ends_with(name));
    &fault
        .unwrap_or_else(|| panic!("no fault of {name}: {report:?}"))
        .problem
}

#[test]
fn takes_what_is_ready_once_and_leaves_what_is_not() {
    let world = World::new();
    for (name, content) in [("b.edi", "bb"), ("a.edi", "a"), ("empty", "")] {
        fs::write(world.path("outbox/ACME").join(name), content).unwrap();
    }
    let unfinished = [".hidden", "x.part", "y.tmp"];
    for name in unfinished {
        fs::write(world.path("outbox/ACME").join(name), "not yet").unwrap();
    }
    let report = world.store.scan_outbox(at(1)).unwrap();
    assert!(report.faults.is_empty(), "{report:?}");
    let taken: Vec<_> = report.queued.iter().map(|id| world.transfer(*id)).collect();
    let facts: Vec<_> = taken
        .iter()
        .map(|transfer| (transfer.original_name.as_deref().unwrap(), transfer.octets))
        .collect();
    assert_eq!(facts, [("a.edi", 1), ("b.edi", 2), ("empty", 0)]);
    assert!(taken.iter().all(|transfer| transfer.state == State::Queued));
    assert_eq!(world.steps(taken[0].id), ["taking", "queued"]);
    assert_eq!(names(&world.path("outbox/ACME")), unfinished);
    assert!(world.store.scan_outbox(at(2)).unwrap().queued.is_empty());

    let claim = world
        .store
        .claim_file(ACME, CIRCUIT, L5, true, at(3))
        .unwrap()
        .unwrap();
    assert_eq!(contents(&claim, 0).0, b"a");
}

#[test]
fn reports_what_cannot_be_sent_and_still_takes_the_rest() {
    let world = World::new();
    let outbox = world.path("outbox/ACME");
    fs::create_dir(outbox.join("folder")).unwrap();
    symlink("/etc/hostname", outbox.join("link")).unwrap();
    nix::unistd::mkfifo(&outbox.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(outbox.join(OsStr::from_bytes(b"na\xffme")), "x").unwrap();
    fs::write(outbox.join("zz-good"), "x").unwrap();
    fs::create_dir(world.path("outbox/STRANGER")).unwrap();
    fs::write(world.path("outbox/STRANGER/file"), "x").unwrap();
    let report = world.store.scan_outbox(at(1)).unwrap();
    assert_eq!(report.queued.len(), 1);
    assert_eq!(report.faults.len(), 5, "{report:?}");
    assert!(problem_of(&report, "folder").starts_with("it is a folder; only plain files"));
    assert!(problem_of(&report, "link").starts_with("it is a symbolic link"));
    assert!(problem_of(&report, "pipe").starts_with("it is a named pipe"));
    assert!(problem_of(&report, "STRANGER").starts_with("no partner is named"));
    assert!(
        report
            .faults
            .iter()
            .any(|fault| fault.problem.starts_with("its name is no UTF-8"))
    );
    assert_eq!(names(&outbox).len(), 4, "they stay");
    assert_eq!(names(&world.path("outbox/STRANGER")), ["file"]);
    assert_eq!(world.all(Direction::Out).len(), 1, "and leave no entry");
}

#[test]
fn takes_more_files_than_one_commit_holds() {
    let world = World::new();
    for n in 0..300 {
        fs::write(world.path("outbox/ACME").join(format!("{n:03}")), "x").unwrap();
    }
    assert_eq!(world.store.scan_outbox(at(1)).unwrap().queued.len(), 300);
    assert!(names(&world.path("outbox/ACME")).is_empty());
}

#[test]
fn gives_each_file_to_one_of_two_scans_at_a_time() {
    let world = World::new();
    for n in 0..100 {
        fs::write(world.path("outbox/ACME").join(format!("{n:03}")), "x").unwrap();
    }
    let scan = || world.store.scan_outbox(at(1)).unwrap();
    let reports = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(scan)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(
        reports
            .iter()
            .map(|report| report.queued.len())
            .sum::<usize>(),
        100
    );
    assert!(
        reports.iter().all(|report| report.faults.is_empty()),
        "{reports:?}"
    );
    assert_eq!(world.all(Direction::Out).len(), 100);
}

#[test]
fn settles_what_an_earlier_scan_left_half_taken() {
    let world = World::new();
    for name in ["moved", "not-moved"] {
        fs::write(world.path("outbox/ACME").join(name), name).unwrap();
    }
    let ids = world.store.scan_outbox(at(1)).unwrap().queued;
    world
        .store
        .run(|journal| crate::row::change(journal, "UPDATE transfer SET state = 'taking'", []))
        .unwrap();
    let spool = world.path("spool");
    fs::rename(
        spool.join(format!("out-{}", ids[1])),
        world.path("outbox/ACME/not-moved"),
    )
    .unwrap();

    let report = world.store.scan_outbox(at(2)).unwrap();
    assert_eq!(report.queued.len(), 2);
    assert_eq!(world.state(ids[0]), State::Queued);
    assert!(
        world.store.transfer(ids[1]).unwrap().is_none(),
        "taken anew"
    );
    assert_eq!(world.all(Direction::Out).len(), 2);
}

/// What `reports_a_file_it_may_not_read` lets another account do, where this account may read all.
#[test]
fn account_that_may_not_read_everything() {
    let Some(root) = std::env::var_os("STORE_TEST_UNREADABLE") else {
        return;
    };
    let store = open(root.as_ref());
    let report = store.scan_outbox(at(1)).unwrap();
    assert_eq!(report.queued.len(), 1);
    assert!(problem_of(&report, "secret").starts_with("the file cannot be read"));
    assert!(problem_of(&report, "secret").contains("let the account of this process read it"));
}

#[test]
fn reports_a_file_it_may_not_read() {
    const NOBODY: u32 = 65_534;
    let world = World::new();
    let World { dir, store } = world;
    drop(store);
    let outbox = dir.path().join("outbox/ACME");
    for name in ["good", "secret"] {
        fs::write(outbox.join(name), "x").unwrap();
    }
    let root = dir.path().to_str().unwrap();
    let test = "tests::outbox::account_that_may_not_read_everything";
    let mut child = child(test, &[("STORE_TEST_UNREADABLE", root)]);
    if nix::unistd::Uid::effective().is_root() {
        let chown = |path: &std::path::Path| {
            std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
        };
        let mut folders = vec![dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            chown(&folder);
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    chown(&path)
                }
            }
        }
        std::os::unix::fs::chown(outbox.join("secret"), Some(0), Some(0)).unwrap();
        child.uid(NOBODY).gid(NOBODY);
    }
    fs::set_permissions(outbox.join("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    match child.output() {
        Ok(output) => assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        ),
        Err(error) => return skip(&format!("no other account may run this binary ({error})")),
    }
    assert_eq!(names(&outbox), ["secret"], "it stays");
}

#[test]
fn a_file_that_gets_no_stamp_keeps_nobody_elses_from_being_taken() {
    let world = World::new();
    // At level 2 a second has one file of a name, and no stamp is an hour ahead: all of them are used up.
    world
        .store
        .put_partner(Partner {
            level: L2,
            lowest_level: L2,
            ..partner(ACME)
        })
        .unwrap();
    world.send(ACME, "orders", b"x");
    world
        .store
        .run(|journal| {
            crate::row::change(
                journal,
                "WITH RECURSIVE used (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM used WHERE n < 3600) \
                 INSERT INTO transfer (id, direction, partner, station, dataset, stamp, origin, destination, \
                 format, state, octets, description, user, created, changed) \
                 SELECT printf('%016x', n), direction, partner, station, dataset, \
                 strftime('%Y%m%d%H%M%S', ?1 + n, 'unixepoch') || '0001', origin, destination, format, \
                 'acknowledged', octets, description, user, created, changed FROM transfer, used",
                [at(0).as_second()],
            )
        })
        .unwrap();
    let outbox = world.path("outbox");
    for name in ["ACME/free", "ACME/orders", "OTHER/orders"] {
        fs::write(outbox.join(name), b"x").unwrap();
    }
    let report = world.store.scan_outbox(at(0)).unwrap();
    assert_eq!(report.queued.len(), 2);
    let [fault] = &report.faults[..] else {
        panic!("{:?}", report.faults);
    };
    assert_eq!(fault.path, outbox.join("ACME/orders"));
    assert!(fault.problem.contains("another name"), "{}", fault.problem);
    assert!(names(&outbox.join("OTHER")).is_empty());
    assert_eq!(names(&outbox.join("ACME")), ["orders"]);
}
