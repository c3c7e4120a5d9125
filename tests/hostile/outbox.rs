//! Files in the outbox that cannot be taken: the operator reads which and why; the rest goes out.

use std::os::unix::fs::PermissionsExt;

use support::compare::{assert_same_octets, content};
use support::{Partner, World, directory};

/// A session in which the partner takes what we have.
fn fetch(world: &World) -> Vec<support::Incoming> {
    let partner = Partner::of(world).connect(world.public()).expect("TLS");
    partner
        .exchange(Vec::new())
        .expect("a whole session")
        .received
}

/// Waits until the log warns about a path.
fn wait_for_warning(world: &World, name: &str) {
    let line = world
        .inner
        .half
        .logs
        .wait_for("a warning about the file", |line| {
            matches!(line.level(), "WARN" | "ERROR") && line.raw.contains(name)
        });
    assert!(!line.message().is_empty());
}

#[test]
fn entries_that_are_no_files_are_reported_and_the_others_are_sent() {
    let world = World::new();
    let outbox = world.inner.outbox(directory::PARTNER);
    std::os::unix::fs::symlink("/etc/hostname", outbox.join("LINK")).expect("made");
    std::fs::create_dir(outbox.join("FOLDER")).expect("made");
    std::fs::write(outbox.join("GOOD"), content(1, 2000)).expect("the outbox is there");

    wait_for_warning(&world, "LINK");
    world
        .inner
        .half
        .logs
        .wait_to_hear(0, "A file was taken from the outbox.");
    let received = fetch(&world);

    assert_eq!(received.len(), 1, "the link is not followed");
    assert_same_octets("the good file", &content(1, 2000), &received[0].content);
    assert!(
        outbox.join("LINK").symlink_metadata().is_ok(),
        "the entry stays for the operator"
    );
}

#[test]
fn an_unreadable_file_is_reported_and_taken_once_it_is_readable() {
    let mut world = World::new();
    if nix::unistd::Uid::effective().is_root() {
        // Root reads everything, so the half runs without that privilege.
        let without = "--bounding-set=-dac_override,-dac_read_search";
        world.inner.half.kill();
        world.inner.half.launch_through(&["setpriv", without]);
        world.start_inner();
    }
    let path = world.inner.outbox(directory::PARTNER).join("SEALED");
    // Sealed before it gets its name: the outbox may be looked through at any moment.
    let unnamed = path.with_extension("tmp");
    std::fs::write(&unnamed, content(1, 2000)).expect("the outbox is there");
    std::fs::set_permissions(&unnamed, std::fs::Permissions::from_mode(0o000)).expect("ours");
    std::fs::rename(&unnamed, &path).expect("ours");
    wait_for_warning(&world, "SEALED");
    assert!(fetch(&world).is_empty(), "it is not sent");
    assert!(path.exists(), "and stays where it is");

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("ours");
    world
        .inner
        .half
        .logs
        .wait_to_hear(0, "A file was taken from the outbox.");
    let received = fetch(&world);
    assert_eq!(received.len(), 1);
    assert_same_octets("what was sealed", &content(1, 2000), &received[0].content);
}
