//! No secret and no payload is ever logged, however much is logged.

use support::pki::Certificate;
use support::{Act, Directory, Entry, Listener, Offer, Partner, Step, World, directory};

/// In the content of a file: nothing of it may be in a log.
const PAYLOAD: &str = "CONFIDENTIAL-CONTENT-4711";

#[test]
fn no_password_key_or_content_is_in_any_log_even_at_the_finest_level() {
    let listener = Listener::new(true);
    let own = Certificate::new("our station calling");
    let world = World::with(|setup| {
        setup.dmz.text("log.filter", "trace");
        setup.inner.text("log.filter", "trace");
        let (certificate, key) = own.write(&setup.folder, "outbound");
        setup
            .inner
            .path("outbound.certificate", &certificate)
            .path("outbound.key", &key);
        let entry = Entry::usual().at(listener.address(), &listener.certificate.fingerprint());
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(entry);
    });
    let file = PAYLOAD.repeat(1000).into_bytes();

    // A whole session in, a refused one, a broken one, and a call out.
    let connect = |partner: Partner| partner.connect(world.public()).expect("TLS");
    let offers = vec![Offer::new("SECRET.IN", file.clone())];
    connect(Partner::of(&world))
        .exchange(offers)
        .expect("a whole session");
    drop(connect(Partner::of(&world).with_password("WR0NGPWD")).open());
    let breaks = |mut frame: Vec<u8>| {
        frame[44] = b'Q';
        Act::Send(frame)
    };
    drop(connect(Partner::of(&world).breaks_at(Step::Ssid, breaks)).open());
    let path = world.folder().join("file");
    std::fs::write(&path, &file).expect("the folder is ours");
    let id = world
        .inner
        .send(directory::PARTNER, &path, Some("SECRET.OUT"));
    listener
        .accept(Partner::usual())
        .serve()
        .expect("a whole session");
    world.inner.wait_for_state(&id, "acknowledged");

    let logs = world.all_logs();
    assert!(
        logs.contains("TRACE") || logs.contains("DEBUG"),
        "the fine levels are there"
    );
    let mut secrets = vec![
        directory::OUR_PASSWORD.to_owned(),
        directory::PARTNER_PASSWORD.to_owned(),
        "WR0NGPWD".to_owned(),
        PAYLOAD.to_owned(),
    ];
    for file in [
        "inner/tls.key",
        "inner/link.key",
        "dmz-link.key",
        "outbound.key",
    ] {
        let pem = std::fs::read_to_string(world.folder().join(file)).expect("the key is there");
        secrets.extend(
            pem.lines()
                .filter(|line| line.len() >= 24)
                .map(str::to_owned),
        );
    }
    for secret in secrets.iter().filter(|line| !line.starts_with("-----")) {
        let bytes = format!("{:?}", secret.as_bytes());
        let bytes = bytes.trim_matches(['[', ']']);
        let hex: String = secret.bytes().map(|octet| format!("{octet:02x}")).collect();
        for (form, found) in [
            ("as text", logs.contains(secret.as_str())),
            ("as numbers", logs.contains(bytes)),
            ("as hex", logs.to_lowercase().contains(&hex)),
        ] {
            assert!(
                !found,
                "a secret is in a log {form}: {}",
                excerpt(&logs, secret, bytes, &hex)
            );
        }
    }
}

#[test]
fn configuration_and_identity_files_with_loose_permissions_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let key = world.folder().join("dmz-link.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("ours");
    let answer = world.dmz_cli.refused(&["check"]).both();
    assert!(answer.contains("dmz-link.key"), "names the file: {answer}");
}

/// The line that has the secret, for the person who has to fix it.
fn excerpt<'a>(logs: &'a str, text: &str, bytes: &str, hex: &str) -> &'a str {
    logs.lines()
        .find(|line| {
            line.contains(text) || line.contains(bytes) || line.to_lowercase().contains(hex)
        })
        .unwrap_or_default()
}
