//! A partner that follows a script and may break any rule.

use std::fs;
use std::time::Duration;

use oftp::{Command, Eerp, Efid, EndReason, Esid, FileReason, Format, Level, Security, Sfid};
use store::{Acceptance, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::played::{Script, decoded, play, refused, sfid};
use super::world::{OURS, Side, THEIRS, code, content};

/// what we do not take is refused for itself, a cipher suite that nobody knows or
/// that was not agreed included.
#[tokio::test]
async fn offers_are_refused_for_their_reason() {
    let us = Side::new(OURS, THEIRS);
    us.change_partner(|partner| {
        partner.accept_encrypted = Acceptance::Refused;
        partner.accept_signed = Acceptance::Refused;
        partner.accept_compressed = Acceptance::Refused;
    });
    let secured = |security| Sfid {
        security,
        cipher: 4,
        envelope: true,
        ..sfid()
    };
    let cases = [
        (
            Sfid {
                destination: code("NOBODY"),
                ..sfid()
            },
            FileReason::INVALID_DESTINATION,
        ),
        (
            Sfid {
                origin: code("NOBODY"),
                ..sfid()
            },
            FileReason::INVALID_ORIGIN,
        ),
        (
            Sfid {
                cipher: 1,
                signed_receipt: true,
                ..sfid()
            },
            FileReason::CIPHER_NOT_SUPPORTED,
        ),
        (
            Sfid {
                cipher: 77,
                ..sfid()
            },
            FileReason::CIPHER_NOT_SUPPORTED,
        ),
        (secured(Security::Signed), FileReason::SIGNED_NOT_ALLOWED),
        (
            secured(Security::Encrypted),
            FileReason::ENCRYPTED_NOT_ALLOWED,
        ),
        (
            Sfid {
                compression: true,
                envelope: true,
                ..sfid()
            },
            FileReason::COMPRESSION_NOT_ALLOWED,
        ),
        (
            Sfid {
                envelope: false,
                ..secured(Security::Signed)
            },
            FileReason::UNSPECIFIED,
        ),
    ];
    play(&us, async |partner| {
        partner.open().await;
        for (offer, reason) in cases {
            let answer = partner.offer(&offer).await;
            assert_eq!(refused(&answer), (reason, false), "{offer:?}");
        }
        let answer = partner
            .offer(&Sfid {
                size_blocks: 9_999_999_999_999,
                ..sfid()
            })
            .await;
        assert_eq!(refused(&answer), (FileReason::TOO_BIG, true));
    })
    .await;
    assert!(us.received().is_empty());
}

#[tokio::test]
async fn the_same_file_again_is_a_duplicate() {
    let us = Side::new(OURS, THEIRS);
    for round in 0..2 {
        play(&us, async |partner| {
            partner.open().await;
            let answer = partner.offer(&sfid()).await;
            if round == 1 {
                assert_eq!(refused(&answer), (FileReason::DUPLICATE, false));
                return;
            }
            assert!(matches!(decoded(&answer), Command::Sfpa(_)));
            partner.data(b"the file").await;
            partner
                .say(Command::Efid(Efid {
                    records: 0,
                    octets: 8,
                }))
                .await;
            let answer = partner.hear().await;
            assert!(matches!(decoded(&answer), Command::Efpa(efpa) if efpa.change_direction));
        })
        .await;
    }
    assert_eq!(us.inbox(), [b"the file".to_vec()]);
}

#[tokio::test]
async fn a_file_offered_in_two_sessions_at_once_is_busy_in_the_second() {
    let us = Side::new(OURS, THEIRS);
    play(&us, async |first| {
        first.open().await;
        assert!(matches!(
            decoded(&first.offer(&sfid()).await),
            Command::Sfpa(_)
        ));
        play(&us, async |second| {
            second.open().await;
            let answer = second.offer(&sfid()).await;
            assert_eq!(refused(&answer), (FileReason::UNSPECIFIED, true));
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_file_that_cannot_be_made_durable_is_esid_08_and_nothing_is_acknowledged() {
    let us = Side::new(OURS, THEIRS);
    let report = play(&us, async |partner| {
        partner.open().await;
        partner.offer(&sfid()).await;
        // The folder is gone when the file is to be synced.
        fs::rename(us.folder.path().join("spool"), us.folder.path().join("gone")).unwrap();
        partner.data(b"the file").await;
        partner.say(Command::Efid(Efid { records: 0, octets: 8 })).await;
        let answer = partner.hear().await;
        assert!(matches!(decoded(&answer), Command::Esid(esid) if esid.reason == EndReason::NO_RESOURCES));
    })
    .await;
    assert!(!report.ending.is_released());
    assert_eq!(us.received()[0].state, State::Failed);
}

#[tokio::test]
async fn a_wrong_count_is_refused_and_the_file_may_come_again() {
    let us = Side::new(OURS, THEIRS);
    play(&us, async |partner| {
        partner.open().await;
        partner.offer(&sfid()).await;
        partner.data(b"the file").await;
        partner.say(Command::Efid(Efid { records: 0, octets: 9 })).await;
        let answer = partner.hear().await;
        assert!(matches!(decoded(&answer), Command::Efna(efna) if efna.reason == FileReason::INVALID_BYTE_COUNT));
    })
    .await;
    play(&us, async |partner| {
        partner.open().await;
        assert!(matches!(
            decoded(&partner.offer(&sfid()).await),
            Command::Sfpa(_)
        ));
    })
    .await;
}

#[tokio::test]
async fn a_receipt_for_nothing_is_answered_all_the_same() {
    let us = Side::new(OURS, THEIRS);
    let eerp = Eerp {
        dataset: "NEVER.SENT".parse().unwrap(),
        stamp: "202611210800000001".parse().unwrap(),
        user: oftp::UserField::default(),
        destination: code(OURS),
        origin: code(THEIRS),
        hash: Vec::new(),
        signature: Vec::new(),
    };
    play(&us, async |partner| {
        partner.open().await;
        partner.say(Command::Eerp(eerp)).await;
        assert!(matches!(decoded(&partner.hear().await), Command::Rtr));
    })
    .await;
    assert_eq!(us.context.counters.receipts_unknown.count(), 1);
}

#[tokio::test]
async fn a_partner_that_ends_right_after_the_file_gets_its_receipt_later() {
    let us = Side::new(OURS, THEIRS);
    play(&us, async |partner| {
        partner.open().await;
        partner.offer(&sfid()).await;
        partner.data(b"the file").await;
        partner
            .say(Command::Efid(Efid {
                records: 0,
                octets: 8,
            }))
            .await;
        partner
            .say(Command::Esid(Esid {
                reason: EndReason::NORMAL,
                text: String::new(),
            }))
            .await;
        // Closing at once would be read as a lost connection; the partner waits for ours.
        let mut rest = Vec::new();
        partner.0.read_to_end(&mut rest).await.unwrap();
    })
    .await;
    assert_eq!(us.inbox(), [b"the file".to_vec()]);
    play(&us, async |partner| {
        partner.open().await;
        partner.say(Command::Cd).await;
        let receipt = partner.hear().await;
        assert!(
            matches!(decoded(&receipt), Command::Eerp(eerp) if eerp.file_id() == sfid().file_id())
        );
        partner.say(Command::Rtr).await;
        assert!(matches!(decoded(&partner.hear().await), Command::Cd));
        partner
            .say(Command::Esid(Esid {
                reason: EndReason::NORMAL,
                text: String::new(),
            }))
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_partner_is_left_after_the_inactivity_time() {
    let us = Side::new(OURS, THEIRS);
    let started = tokio::time::Instant::now();
    let (ours, theirs) = duplex(64 * 1024);
    let mut partner = Script::new(theirs);
    let opened = async {
        partner.open().await;
        partner
    };
    let (report, partner) = tokio::join!(us.answer(ours), opened);
    let waited = started.elapsed();
    drop(partner);
    assert!(!report.unwrap().ending.is_released());
    let inactivity = us.context.settings.inactivity;
    assert!(waited >= inactivity, "{waited:?}");
    // Our own answer counts as movement, which is worth one more round.
    assert!(
        waited <= 2 * inactivity + Duration::from_secs(1),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_partner_that_does_not_leave_after_our_esid_is_left() {
    let us = Side::new(OURS, THEIRS);
    let (ours, theirs) = duplex(64 * 1024);
    let mut partner = Script::new(theirs);
    let misbehaved = async {
        partner.open().await;
        partner.say(Command::Rtr).await;
        let esid = partner.hear().await;
        assert!(
            matches!(decoded(&esid), Command::Esid(esid) if esid.reason == EndReason::PROTOCOL_VIOLATION)
        );
        (partner, tokio::time::Instant::now())
    };
    let (report, (partner, told)) = tokio::join!(us.answer(ours), misbehaved);
    drop(partner);
    assert!(!report.unwrap().ending.is_released());
    assert!(
        told.elapsed() < Duration::from_secs(30),
        "{:?}",
        told.elapsed()
    );
}

#[tokio::test]
async fn stopping_tells_the_partner_esid_05() {
    let us = Side::new(OURS, THEIRS);
    play(&us, async |partner| {
        partner.open().await;
        partner.offer(&sfid()).await;
        us.context.shutdown.stop();
        let answer = partner.hear().await;
        assert!(matches!(decoded(&answer), Command::Esid(esid) if esid.reason == EndReason::EMERGENCY_CLOSE));
    })
    .await;
}

#[tokio::test]
async fn an_esid_is_heard_in_the_middle_of_a_file_we_send() {
    let us = Side::new(OURS, THEIRS);
    let sent = us.queue("long.bin", &content(2_000_000));
    let report = play(&us, async |partner| {
        partner.open().await;
        partner.say(Command::Cd).await;
        assert!(matches!(decoded(&partner.hear().await), Command::Sfid(_)));
        partner.say(Command::Sfpa(oftp::Sfpa { answer: 0 })).await;
        assert!(matches!(decoded(&partner.hear().await), Command::Data(_)));
        let esid = Esid {
            reason: EndReason::NO_RESOURCES,
            text: "disk".into(),
        };
        partner.say(Command::Esid(esid)).await;
        let mut rest = Vec::new();
        partner.0.read_to_end(&mut rest).await.unwrap();
    })
    .await;
    assert!(
        report.ending.why().contains("disk"),
        "{}",
        report.ending.why()
    );
    assert_eq!(us.transfer(sent).state, State::Queued);
}

/// What is still to be read counts before the end of the connection, also where the engine waits for
/// the disk to take the ends of records that have no octets.
#[tokio::test]
async fn a_file_of_empty_records_is_kept_from_a_partner_that_does_not_wait() {
    let us = Side::new(OURS, THEIRS);
    let offer = Sfid {
        format: Format::Variable,
        record_length: 80,
        ..sfid()
    };
    play(&us, async |partner| {
        partner.open().await;
        let answer = partner.offer(&offer).await;
        assert!(matches!(decoded(&answer), Command::Sfpa(_)));
        let mut frame = Vec::new();
        let data = Command::Data(&[0x80; 4_000]);
        data.encode(Level::L5, &mut frame).unwrap();
        partner.raw(&frame.repeat(100)).await;
        let (records, octets) = (400_000, 0);
        partner.say(Command::Efid(Efid { records, octets })).await;
        let (reason, text) = (EndReason::NORMAL, String::new());
        partner.say(Command::Esid(Esid { reason, text })).await;
        partner.0.shutdown().await.unwrap();
        let mut rest = Vec::new();
        partner.0.read_to_end(&mut rest).await.unwrap();
    })
    .await;
    assert_eq!(us.inbox().len(), 1);
}
