//! Two processes on one store: the second is told who is there, and changes nothing.

use support::compare::content;
use support::{Alone, Directory, Offer, Partner, World};

#[test]
fn a_second_process_on_the_same_store_is_refused_and_told_whose_it_is() {
    let world = World::new();
    let pid = world.inner.half.pid().to_string();
    let store = world.inner.store();

    // Another configuration, another socket, the same store.
    let folder = tempfile::tempdir().expect("/tmp is writable");
    let config = folder.path().join("second.toml");
    let text = format!(
        "store = {:?}\n[admin]\nsocket = {:?}\n",
        store.display().to_string(),
        folder.path().join("second.sock").display().to_string()
    );
    support::pki::write_private(&config, text.as_bytes());
    let second = support::cli::Cli::new(&support::binaries::Binaries::dev().inner, Some(&config));
    let answer = second.refused(&["run"]).both();

    assert!(answer.contains(&pid), "names the process {pid}: {answer}");
    assert!(
        answer.contains(&store.display().to_string()),
        "names the store: {answer}"
    );
    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner
        .exchange(vec![Offer::new("FIRST", content(1, 1000))])
        .expect("ends");
    assert_eq!(exchange.receipts.len(), 1, "the first goes on");
}

#[test]
fn a_store_whose_process_was_killed_is_free() {
    let mut office = Alone::new(&Directory::usual());
    office.inner.half.kill();
    office.inner.start();
    assert!(
        office.inner.cli().ok(&["partner", "list"]).contains("ACME"),
        "and keeps its content"
    );
}
