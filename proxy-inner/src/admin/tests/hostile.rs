//! What no honest command line of this version does, and a process that is not there.

use super::super::protocol::{MOST_CHUNK, MOST_REQUEST};
use super::*;

#[test]
fn says_how_to_start_when_nothing_answers() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("admin.sock");
    let (_, ended) = run(&socket, "status", b"");
    let error = ended.unwrap_err();
    assert!(matches!(error, CtlError::NotRunning { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(&socket.display().to_string()) && text.contains("proxy-inner run"));
}

#[test]
fn refuses_a_second_server_on_the_same_socket() {
    let world = World::new();
    let other = World::new();
    let _entered = other._runtime.enter();
    let context = SessionContext::new(
        other.store.clone(),
        SessionSettings::default(),
        Shutdown::new(),
    );
    let services = Services {
        store: other.store.clone(),
        context,
        keyring: Keyring::none(),
        link: None,
        plain: None,
        call: Arc::new(|_| Ok(())),
        outbox: other.outbox.subscribe(),
        reserve: 0,
        started: Timestamp::now(),
    };
    let refused = AdminServer::open(&world.socket, services)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("in use by a running process"), "{refused}");
    world.ok("status");
}

#[test]
fn answers_a_newer_command_line_with_a_sentence_and_goes_on() {
    let world = World::new();
    let mut raw = world.raw();
    raw.say(b"{\"version\":1,\"command\":\"partner_dance\",\"body\":{}}\n")
        .unwrap();
    let answer = raw.hear();
    assert_eq!(answer["answer"], "refused");
    assert_eq!(answer["body"]["kind"], "newer");
    raw.say(b"{\"version\":9,\"command\":\"status\"}\n")
        .unwrap();
    assert_eq!(raw.hear()["body"]["kind"], "newer");
    raw.say(b"not json at all\n").unwrap();
    assert_eq!(raw.hear()["body"]["kind"], "malformed");
    raw.say(b"{\"version\":1,\"command\":\"status\"}\n")
        .unwrap();
    let answer = raw.hear();
    assert_eq!(answer["answer"], "status");
    assert_eq!(answer["version"], 1);
}

#[test]
fn refuses_a_request_line_over_the_ceiling() {
    let world = World::new();
    let mut raw = world.raw();
    // It may stop listening before all of it is said.
    let _ = raw.say(&vec![b'x'; MOST_REQUEST + 1]);
    let answer = raw.hear();
    assert_eq!(answer["body"]["kind"], "malformed");
    assert!(raw.is_closed());
    world.ok("status");
}

#[test]
fn an_upload_without_its_end_leaves_nothing() {
    let world = World::with_partner();
    let mut raw = world.raw();
    let request = "{\"version\":1,\"command\":\"send\",\"body\":{\"partner\":\"ACME\",\
                   \"original_name\":\"a\",\"dataset\":null,\"description\":\"\",\"octets\":null}}\n";
    raw.say(request.as_bytes()).unwrap();
    assert_eq!(raw.hear()["answer"], "proceed");
    raw.say(&[0, 0, 0, 3, b'a', b'b', b'c', 0, 0]).unwrap();
    drop(raw);
    assert_eq!(world.ok("transfers"), "No transfers.\n");
}

#[test]
fn refuses_a_chunk_over_the_ceiling() {
    let world = World::with_partner();
    let mut raw = world.raw();
    let request = "{\"version\":1,\"command\":\"send\",\"body\":{\"partner\":\"ACME\",\
                   \"original_name\":\"a\",\"dataset\":null,\"description\":\"\",\"octets\":null}}\n";
    raw.say(request.as_bytes()).unwrap();
    assert_eq!(raw.hear()["answer"], "proceed");
    let length = u32::try_from(MOST_CHUNK + 1).unwrap();
    raw.say(&length.to_be_bytes()).unwrap();
    assert_eq!(raw.hear()["body"]["kind"], "malformed");
    assert!(raw.is_closed());
    assert_eq!(world.ok("transfers"), "No transfers.\n");
}

#[test]
fn the_socket_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&world.socket), 0o600);
    assert_eq!(mode(world.socket.parent().unwrap()), 0o700);
}
