//! Callers who are not who they say: what they hear, and what the operator reads.

use oftp::EndReason;
use support::logs::Line;
use support::{Ended, Partner, World, directory};

/// The reason and text with which a session is refused.
fn refusal(partner: Partner, world: &World) -> (EndReason, String) {
    let mut conversation = partner.connect(world.public()).expect("TLS");
    match conversation.open() {
        Err(Ended::Esid { reason, text }) => (reason, text),
        other => panic!("ESID was due, but: {other:?}"),
    }
}

/// The warning about a refused caller in the inner half's log.
fn warning(world: &World, mark: usize, name: &str) -> Line {
    world
        .inner
        .half
        .logs
        .wait_from(mark, "the refusal", |line| {
            line.level() == "WARN" && line.raw.contains(name)
        })
}

#[test]
fn a_wrong_password_is_refused_with_esid_04() {
    let world = World::new();
    let mark = world.inner.half.logs.mark();
    let (reason, text) = refusal(Partner::of(&world).with_password("WR0NGPWD"), &world);

    assert_eq!(reason, EndReason::INVALID_PASSWORD);
    assert!(!text.contains(directory::PARTNER_PASSWORD));
    let line = warning(&world, mark, directory::PARTNER);
    assert!(
        line.raw.to_lowercase().contains("password"),
        "says what: {}",
        line.raw
    );
    for secret in [
        "WR0NGPWD",
        directory::PARTNER_PASSWORD,
        directory::OUR_PASSWORD,
    ] {
        assert!(!world.all_logs().contains(secret), "no password in any log");
    }
}

#[test]
fn an_unknown_code_is_refused_with_esid_03() {
    let world = World::new();
    let mark = world.inner.half.logs.mark();
    let (reason, text) = refusal(Partner::of(&world).named("O0013STRANGER"), &world);

    assert_eq!(reason, EndReason::USER_CODE_NOT_KNOWN);
    for told in [
        directory::PARTNER,
        directory::PARTNER_CODE,
        directory::OUR_CODE,
    ] {
        assert!(
            !text.contains(told),
            "the stranger learns nothing of {told}: {text}"
        );
    }
    warning(&world, mark, "O0013STRANGER");
}

#[test]
fn an_unknown_code_hears_nothing_where_the_operator_wants_silence() {
    let world = World::with(|setup| {
        setup.inner.text("session.strangers", "silent");
    });
    let mut stranger = Partner::of(&world)
        .named("O0013STRANGER")
        .connect(world.public())
        .expect("TLS");
    match stranger.open() {
        Err(Ended::HungUp) => {}
        other => panic!("silence was due, but: {other:?}"),
    }
}

#[test]
fn a_partner_that_is_switched_off_is_refused() {
    let world = World::new();
    let file = world.folder().join("off.toml");
    let mut text = world
        .inner
        .cli()
        .ok(&["partner", "export", "--with-passwords"]);
    text = text.replace("enabled = true", "enabled = false");
    assert!(
        text.contains("enabled = false"),
        "the export says whether it is enabled: {text}"
    );
    support::pki::write_private(&file, text.as_bytes());
    world
        .inner
        .cli()
        .ok(&["partner", "apply", "-f", &file.to_string_lossy()]);

    let mut partner = Partner::of(&world).connect(world.public()).expect("TLS");
    match partner.open() {
        Err(Ended::Esid { .. } | Ended::HungUp) => {}
        other => panic!("a refusal was due, but: {other:?}"),
    }
}

#[test]
fn a_partner_without_buffers_or_credit_is_refused_by_the_rules() {
    let world = World::new();
    for (buffer, credit) in [(127, 8), (4096, 0)] {
        let mut partner = Partner::of(&world)
            .breaks(move |step, mut frame| {
                if step == support::Step::Ssid {
                    frame[39..44].copy_from_slice(format!("{buffer:05}").as_bytes());
                    frame[48..51].copy_from_slice(format!("{credit:03}").as_bytes());
                }
                support::Act::Send(frame)
            })
            .connect(world.public())
            .expect("TLS");
        match partner.open() {
            Err(Ended::Esid { .. } | Ended::HungUp) => {}
            other => panic!("a refusal of {buffer}/{credit} was due, but: {other:?}"),
        }
    }
}
