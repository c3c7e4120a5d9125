//! What an operator does: stations, partners, transfers, status; secrets stay hidden.

use serde_json::Value;

use support::compare::content;
use support::inside::identifier;
use support::{Alone, Directory, Offer, Partner, World, directory};

/// A half that knows our station and the usual partner and calls nobody.
fn office() -> Alone {
    Alone::new(&Directory::usual())
}

fn mentions(value: &Value, text: &str) -> bool {
    value.to_string().contains(text)
}

#[test]
fn stations_and_partners_are_added_shown_listed_and_removed() {
    let office = office();
    let cli = office.inner.cli();
    let (sent, expected) = (
        office.folder().join("sent"),
        office.folder().join("expected"),
    );
    support::pki::write_private(&sent, b"0URS3CRT\n");
    support::pki::write_private(&expected, b"TH3IRPWD\n");

    cli.ok(&["station", "add", "PLANT2", "--code", "O0013PLANT2"]);
    assert!(cli.ok(&["station", "list"]).contains("O0013PLANT2"));
    let (sent, expected) = (sent.to_string_lossy(), expected.to_string_lossy());
    cli.ok(&[
        "partner",
        "add",
        "BETA",
        "--code",
        "O0013BETA",
        "--station",
        "PLANT2",
        "--password-sent-file",
        &sent,
        "--password-expected-file",
        &expected,
        "--address",
        "partner.example:6619",
    ]);
    let shown = cli.ok(&["partner", "show", "BETA"]);
    assert!(
        shown.contains("O0013BETA") && shown.contains("partner.example:6619"),
        "{shown}"
    );
    assert!(cli.ok(&["partner", "list"]).contains("BETA"));

    cli.ok(&["partner", "remove", "BETA"]);
    assert!(!cli.ok(&["partner", "list"]).contains("BETA"));
    cli.ok(&["station", "remove", "PLANT2"]);
    assert!(!cli.ok(&["station", "list"]).contains("PLANT2"));
}

#[test]
fn passwords_are_shown_only_when_asked_for() {
    let office = office();
    let cli = office.inner.cli();
    for quiet in [
        &["partner", "show", directory::PARTNER][..],
        &["partner", "list"],
        &["partner", "export"],
        &["station", "export"],
        &["status"],
    ] {
        let answer = cli.run(quiet);
        assert_eq!(answer.code, Some(0), "{quiet:?}: {}", answer.both());
        for password in [directory::OUR_PASSWORD, directory::PARTNER_PASSWORD] {
            assert!(
                !answer.both().contains(password),
                "{quiet:?} shows a password"
            );
        }
    }
    let whole = cli.ok(&["partner", "export", "--with-passwords"]);
    assert!(whole.contains(directory::OUR_PASSWORD) && whole.contains(directory::PARTNER_PASSWORD));
}

#[test]
fn what_was_exported_can_be_applied_elsewhere() {
    let office = office();
    let whole = office
        .inner
        .cli()
        .ok(&["partner", "export", "--with-passwords"]);
    let another = Alone::new(&Directory::default());
    let file = another.folder().join("exported.toml");
    support::pki::write_private(&file, whole.as_bytes());
    let file = file.to_string_lossy();

    another.inner.cli().ok(&["partner", "apply", "-f", &file]);

    assert_eq!(
        another
            .inner
            .cli()
            .ok(&["partner", "export", "--with-passwords"]),
        whole
    );
}

#[test]
fn a_faulty_directory_file_changes_nothing_and_every_fault_is_told() {
    let office = office();
    let before = office
        .inner
        .cli()
        .ok(&["partner", "export", "--with-passwords"]);
    let file = office.folder().join("faulty.toml");
    let text = "[[partner]]\nname = \"bad name\"\ncode = \"O0013X\"\nstation = \"NOWHERE\"\n\
                password_sent = \"MUCHTOOLONG\"\npassword_expected = \"OK\"\ncolour = \"red\"\n";
    std::fs::write(&file, text).expect("the folder is ours");
    let file = file.to_string_lossy();

    let answer = office
        .inner
        .cli()
        .refused(&["partner", "apply", "-f", &file])
        .both();

    for told in ["colour", "password_sent", "name"] {
        assert!(answer.contains(told), "tells of {told}: {answer}");
    }
    assert!(!answer.contains("MUCHTOOLONG"), "but no password: {answer}");
    assert_eq!(
        office
            .inner
            .cli()
            .ok(&["partner", "export", "--with-passwords"]),
        before
    );
}

#[test]
fn transfers_are_listed_filtered_and_shown_with_their_steps() {
    let world = World::new();
    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    partner
        .exchange(vec![Offer::new("CAME.IN", content(1, 5000))])
        .expect("a whole session");
    let path = world.folder().join("file");
    std::fs::write(&path, content(2, 5000)).expect("the folder is ours");
    let id = world
        .inner
        .send(directory::PARTNER, &path, Some("GOES.OUT"));

    let incoming = world.inner.transfers(&["--direction", "in"]);
    assert!(
        incoming.len() == 1 && mentions(&incoming[0], "CAME.IN"),
        "{incoming:?}"
    );
    let outgoing = world.inner.transfers(&["--direction", "out"]);
    assert!(
        outgoing.len() == 1 && identifier(&outgoing[0]) == id,
        "{outgoing:?}"
    );
    assert_eq!(world.inner.transfers(&["--state", "queued"]).len(), 1);
    assert_eq!(
        world
            .inner
            .transfers(&["--partner", directory::PARTNER])
            .len(),
        2
    );
    let text = world.inner.cli().ok(&["transfers", "show", &id]);
    assert!(
        text.contains("GOES.OUT") && text.to_lowercase().contains("queued"),
        "{text}"
    );
    let status = world.inner.cli().json(&["status"]);
    assert!(status.is_object(), "{status}");
}

#[test]
fn send_waits_for_the_receipt_when_asked_to() {
    let listener = support::Listener::new(false);
    let world = World::with(|setup| {
        let entry =
            support::Entry::usual().at(listener.address(), &listener.certificate.fingerprint());
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    });
    let path = world.folder().join("file");
    std::fs::write(&path, content(2, 5000)).expect("the folder is ours");
    let cli = world.inner.cli().clone();
    let waiting = std::thread::spawn(move || {
        let path = path.to_string_lossy().into_owned();
        cli.run(&["send", "--partner", directory::PARTNER, &path, "--wait"])
    });

    listener
        .accept(Partner::usual())
        .serve()
        .expect("a whole session");

    let answer = waiting.join().expect("the command ends");
    assert_eq!(answer.code, Some(0), "{}", answer.both());
}

#[test]
fn refusals_say_what_and_where() {
    let office = office();
    let cli = office.inner.cli();
    let missing = cli.refused(&["send", "--partner", directory::PARTNER, "/no/such/file"]);
    assert!(
        missing.both().contains("/no/such/file"),
        "{}",
        missing.both()
    );
    let unknown = cli.refused(&["send", "--partner", "NOBODY", "/etc/hostname"]);
    assert!(unknown.both().contains("NOBODY"), "{}", unknown.both());
    let code = cli.refused(&[
        "station",
        "add",
        "X",
        "--code",
        "THIS-CODE-IS-FAR-TOO-LONG-FOR-IT",
    ]);
    assert!(
        code.both().contains("25"),
        "names the limit: {}",
        code.both()
    );
    let usage = cli.refused(&["no-such-command"]);
    assert_eq!(usage.code, Some(2), "usage errors have their own exit code");
    let in_use = cli.refused(&["station", "remove", "OURS"]);
    assert!(
        in_use.both().contains(directory::PARTNER),
        "names who needs it: {}",
        in_use.both()
    );
}

#[test]
fn a_command_without_a_running_half_says_so() {
    let mut office = office();
    office.inner.half.terminate();
    let answer = office.inner.cli().refused(&["status"]).both();
    assert!(answer.contains("admin.sock"), "names the socket: {answer}");
    assert!(!answer.contains("panicked"), "{answer}");
}

#[test]
fn the_admin_socket_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let office = office();
    let socket = office.folder().join("admin.sock");
    let mode = std::fs::metadata(&socket)
        .expect("the socket")
        .permissions()
        .mode()
        & 0o777;
    assert_eq!(mode, 0o600, "the mode is {mode:o}");
}

#[test]
fn identity_makes_a_private_key_once_and_shows_the_same_pin_again() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("/tmp is writable");
    let binaries = support::binaries::Binaries::dev();
    for program in [&binaries.dmz, &binaries.inner] {
        let key = folder.path().join(program.file_name().expect("a name"));
        let pin = support::world::make_identity(program, &key);
        let mode = std::fs::metadata(&key)
            .expect("the key")
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(mode, 0o600, "the mode is {mode:o}");
        let cli = support::cli::Cli::new(program, None);
        let key = key.to_string_lossy();
        let shown = cli.run(&["identity", "--show", "--key", &key]);
        let shown = if shown.code == Some(0) {
            shown
        } else {
            cli.run(&["identity", "--key", &key])
        };
        assert!(shown.both().contains(&pin), "shows {pin}: {}", shown.both());
    }
}
