//! Secured files that are cut, that are none, or that are not what they say.

use ::keyring::{Role, Slot};
use envelope::receipt;
use envelope::{Certificate, DecryptionError, Form, OpenError, OwnKey, Plan, Suite};
use oftp::{Command, Efid, FileReason, Format, ReceiptReason, Security, Sfid};
use store::{CheckTiming, ReceiptState, State};

use super::formats::Sample;
use super::played::{Script, decoded, play, sfid};
use super::restart::meet_and_cut;
use super::secured::{equipped, everything, queue, send, services};
use super::world::{OURS, Side, THEIRS, content, meet_well};
use crate::security::tests::keys::{Away, equip, equip_with, know_by, ours, theirs};

/// what is sent after a cut are the very octets of before, from where the receiver's disk
/// has them; for every format alike, since a secured file travels as one stream.
#[tokio::test]
async fn a_secured_file_that_is_cut_goes_on_with_the_same_octets() {
    for (format, record_length) in [(Format::Unstructured, 0), (Format::Fixed, 100)] {
        let (us, them) = equipped();
        // The octets on the line must say how far it came.
        us.change_partner(|partner| partner.compression = false);
        let whole = content(600_000);
        let sample = Sample {
            name: "long",
            format,
            record_length,
            content: whole.clone(),
        };
        let sent = queue(&us, &sample, everything());
        us.work_off();
        let hash = us.transfer(sent).hash;
        let mut carried = 0;
        for _ in 0..3 {
            meet_and_cut(&us, &them, 120_000).await;
            let held = them.received().pop().unwrap();
            assert_eq!(held.state, State::Interrupted);
            assert!(held.restart.octets > carried, "{:?}", held.restart);
            carried = held.restart.octets;
            us.store().retry_now(THEIRS).unwrap();
            us.work_off();
        }
        let (report, _) = meet_well(&us, &them).await;
        let left = us.transfer(sent).octets - carried;
        assert!(
            report.octets_out < left + left / 10 + 1_000,
            "{} octets for the last {left}",
            report.octets_out
        );
        them.work_off();
        meet_well(&us, &them).await;
        assert_eq!(us.transfer(sent).state, State::Acknowledged);
        assert_eq!(us.transfer(sent).hash, hash);
        assert!(them.inbox() == [whole]);
    }
}

/// The partner sends one file that fits one buffer; whether the turn was asked for.
async fn take(us: &Side, offer: &Sfid, file: &[u8]) -> bool {
    let answer = answer_to(us, offer, file).await;
    let Command::Efpa(efpa) = decoded(&answer) else {
        panic!("EFPA expected, {answer:?} came");
    };
    efpa.change_direction
}

/// The partner sends one file that fits one buffer; what it hears at its end.
async fn answer_to(us: &Side, offer: &Sfid, file: &[u8]) -> Vec<u8> {
    let mut heard = Vec::new();
    play(us, async |partner: &mut Script| {
        partner.open().await;
        let answer = partner.offer(offer).await;
        assert!(matches!(decoded(&answer), Command::Sfpa(_)), "{answer:?}");
        partner.data(file).await;
        let octets = file.len() as u64;
        partner
            .say(Command::Efid(Efid { records: 0, octets }))
            .await;
        heard = partner.hear().await;
    })
    .await;
    heard
}

/// The receipt we send once the partner gives us the turn, as its exchange buffer.
async fn receipt_of(us: &Side) -> Vec<u8> {
    let mut heard = Vec::new();
    play(us, async |partner: &mut Script| {
        partner.open().await;
        partner.say(Command::Cd).await;
        heard = partner.hear().await;
        partner.say(Command::Rtr).await;
        partner.hear().await;
    })
    .await;
    heard
}

fn equipped_side() -> Side {
    let mut us = Side::new(OURS, THEIRS);
    equip_with(&mut us, &ours().own);
    us.change_partner(|partner| know_by(partner, &theirs().certificate));
    us
}

/// a CMS file without services is delivered as it is, and receipted at once.
#[tokio::test]
async fn an_envelope_without_services_is_delivered_as_it_is() {
    let us = equipped_side();
    let offer = Sfid {
        envelope: true,
        ..sfid()
    };
    assert!(take(&us, &offer, b"a bundle of certificates").await);
    assert_eq!(us.inbox(), [b"a bundle of certificates".to_vec()]);
    assert_eq!(us.context.counters.files_opened.count(), 0);
}

/// a signed receipt for a file without a suite is signed with the one that was
/// agreed for it; it is not ready before the file is hashed.
#[tokio::test]
async fn a_plain_file_without_a_suite_gets_the_signed_receipt_that_was_agreed() {
    let us = equipped_side();
    us.change_partner(|partner| partner.receipt_suite = 6);
    let offer = Sfid {
        signed_receipt: true,
        ..sfid()
    };
    assert!(!take(&us, &offer, b"the file").await);
    us.work_off();
    assert_eq!(us.inbox(), [b"the file".to_vec()]);
    let heard = receipt_of(&us).await;
    let Command::Eerp(eerp) = decoded(&heard) else {
        panic!("EERP expected, {heard:?} came");
    };
    assert_eq!(eerp.hash, crypto::Hash::Sha512.of(b"the file"));
    let signer = Certificate::from_der(&ours().certificate).unwrap();
    let content = eerp.signed_content();
    let verified = receipt::verify(&eerp.signature, &[&content], &[signer]).unwrap();
    assert!(!verified.detached);
    assert_eq!(us.received()[0].receipt, Some(ReceiptState::Sent));
    assert_eq!(us.context.counters.receipts_signed.count(), 1);
}

/// nobody signs a receipt that nobody wanted signed.
#[tokio::test]
async fn a_receipt_is_not_signed_unasked() {
    let us = equipped_side();
    assert!(take(&us, &sfid(), b"the file").await);
    let heard = receipt_of(&us).await;
    let Command::Eerp(eerp) = decoded(&heard) else {
        panic!("EERP expected, {heard:?} came");
    };
    assert!(eerp.hash.is_empty() && eerp.signature.is_empty());
}

/// the records inside are looked at like any other: one that is longer than was said is told by a
/// NERP, whose signature has its creator and the hash of the file as it came.
#[tokio::test]
async fn records_that_are_not_what_was_said_are_answered_with_a_signed_negative_receipt() {
    let us = equipped_side();
    let mut clear = vec![0, 100];
    clear.extend(content(100));
    let plan = Plan {
        suite: Suite::DEFAULT,
        sign: vec![theirs().own.clone()],
        compress: None,
        encrypt: Vec::new(),
        form: Form::Indefinite,
        include_certificate: false,
        signing_time: None,
    };
    let mut file = Vec::new();
    envelope::secure(&plan, &mut clear.as_slice(), &mut file).unwrap();
    let offer = Sfid {
        format: Format::Variable,
        record_length: 10,
        envelope: true,
        signed_receipt: true,
        cipher: 4,
        security: Security::Signed,
        ..sfid()
    };
    take(&us, &offer, &file).await;
    us.work_off();
    assert!(us.inbox().is_empty());
    let heard = receipt_of(&us).await;
    let Command::Nerp(nerp) = decoded(&heard) else {
        panic!("NERP expected, {heard:?} came");
    };
    assert_eq!(nerp.reason, ReceiptReason::PROCESSING_FAILED);
    assert!(nerp.text.contains("record"), "{}", nerp.text);
    assert_eq!(nerp.hash, crypto::Hash::Sha256.of(&file));
    let signer = Certificate::from_der(&ours().certificate).unwrap();
    let content = nerp.signed_content();
    receipt::verify(&nerp.signature, &[&content], &[signer]).unwrap();
    assert_eq!(us.received()[0].state, State::Failed);
}

/// What is inside an encrypted file is nobody's to learn from our answers, the lengths of its records
/// least of all: whoever sends altered copies of another's file hears one thing, whatever came out.
#[tokio::test]
async fn records_inside_an_encrypted_file_tell_its_sender_nothing() {
    let plan = Plan {
        suite: Suite::DEFAULT,
        sign: Vec::new(),
        compress: None,
        encrypt: vec![Certificate::from_der(&ours().certificate).unwrap()],
        form: Form::Indefinite,
        include_certificate: false,
        signing_time: None,
    };
    let secured = |clear: &[u8]| {
        let mut file = Vec::new();
        envelope::secure(&plan, &mut &*clear, &mut file).unwrap();
        file
    };
    let long = [&[0, 100][..], &content(100)].concat();
    let cases = [
        (Format::Variable, secured(&long), "record 1 has 100 octets"),
        (Format::Variable, secured(&[0, 9, 1]), "within record 1"),
        (Format::Fixed, secured(&[7; 11]), "11 octets"),
    ];
    let mut heard = Vec::new();
    for (number, (format, file, detail)) in cases.into_iter().enumerate() {
        for check in [CheckTiming::Delivered, CheckTiming::BeforeAcknowledgement] {
            let us = equipped_side();
            us.change_partner(|partner| partner.check = check);
            let offer = Sfid {
                format,
                record_length: 10,
                envelope: true,
                cipher: 4,
                security: Security::Encrypted,
                ..sfid()
            };
            let answer = answer_to(&us, &offer, &file).await;
            us.work_off();
            assert!(us.inbox().is_empty());
            let failed = &us.received()[0];
            assert_eq!(failed.state, State::Failed);
            let why = failed.reason.clone().unwrap();
            assert!(why.contains(detail), "case {number}: {why}");
            match (check, decoded(&answer)) {
                (CheckTiming::BeforeAcknowledgement, Command::Efna(efna)) => {
                    assert_eq!(efna.reason, FileReason::DECRYPTION_FAILURE);
                    heard.push(efna.text);
                }
                (CheckTiming::Delivered, Command::Efpa(_)) => {
                    let receipt = receipt_of(&us).await;
                    let Command::Nerp(nerp) = decoded(&receipt) else {
                        panic!("NERP expected, {receipt:?} came");
                    };
                    assert_eq!(nerp.reason, ReceiptReason::DECRYPTION_FAILURE);
                    heard.push(nerp.text);
                }
                (_, other) => panic!("{other:?}"),
            }
        }
    }
    // What it would hear had its padding been wrong.
    let padding = OpenError::Decryption(DecryptionError::Padding).public_text();
    assert_eq!(heard, vec![padding; 6]);
}

/// A signed receipt has its place at level 5 only: it waits for that, rather than go out without.
#[tokio::test]
async fn a_signed_receipt_waits_for_a_session_that_can_carry_it() {
    let (us, them) = equipped();
    let sent = send(&us, "orders", everything());
    us.work_off();
    meet_well(&us, &them).await;
    them.work_off();
    let at_level = |level| {
        for side in [&us, &them] {
            side.change_partner(|partner| {
                partner.level = level;
                partner.lowest_level = level;
            });
        }
    };
    at_level(oftp::Level::L4);
    meet_well(&them, &us).await;
    assert_eq!(us.transfer(sent).state, State::Sent);
    assert_eq!(them.received()[0].receipt, Some(ReceiptState::Owed));
    at_level(oftp::Level::L5);
    meet_well(&them, &us).await;
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
}

/// A key that is away comes back: a receipt waits for it, as a file does.
#[tokio::test]
async fn a_receipt_waits_for_a_key_that_is_away() {
    let (us, mut them) = equipped();
    let away = OwnKey::new(
        Away::of(theirs()),
        &[Certificate::from_der(&theirs().certificate).unwrap()],
    )
    .unwrap();
    equip(
        &mut them,
        &[
            (Role::Encryption, Slot::Current, &theirs().own),
            (Role::ReceiptSigning, Slot::Current, &away),
        ],
    );
    let sent = send(&us, "orders", everything());
    us.work_off();
    meet_well(&us, &them).await;
    them.work_off();
    meet_well(&them, &us).await;
    assert_eq!(us.transfer(sent).state, State::Sent);
    assert_eq!(them.received()[0].receipt, Some(ReceiptState::Owed));
    equip_with(&mut them, &theirs().own);
    them.store().release_held().unwrap();
    meet_well(&them, &us).await;
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
}

/// A level without file services carries none: the file waits, it is never sent in clear.
#[tokio::test]
async fn nothing_secured_goes_out_below_level_5() {
    let (us, them) = equipped();
    for side in [&us, &them] {
        side.change_partner(|partner| {
            partner.level = oftp::Level::L4;
            partner.lowest_level = oftp::Level::L4;
        });
    }
    let whole = content(1_000);
    let sent = us.queue_as("orders", &whole, |new| {
        new.services = Some(services(Security::Encrypted, false, false));
    });
    us.work_off();
    meet_well(&us, &them).await;
    assert_eq!(us.transfer(sent).state, State::Failed);
    assert!(them.received().is_empty());
}
