//! Leniencies that a partner does not get.

use oftp::{Command, Deviation, Deviations, Eerp, Efid, EndReason, FileReason, HEADER_LEN, Level};
use store::{ReceiptTiming, State};

use super::played::{Script, decoded, play, sfid, ssid};
use super::world::{OURS, Side, THEIRS, meet_well, two};

/// A file of 8 octets without the flag that marks its end; the answer to its EFID.
async fn unmarked(us: &Side) -> Vec<u8> {
    let mut answer = Vec::new();
    play(us, async |partner: &mut Script| {
        partner.open().await;
        partner.offer(&sfid()).await;
        partner.say(Command::Data(b"\x08the file")).await;
        partner
            .say(Command::Efid(Efid {
                records: 0,
                octets: 8,
            }))
            .await;
        answer = partner.hear().await;
    })
    .await;
    answer
}

/// tolerated and counted, or refused where the partner is set so; a refused file is forgotten.
#[tokio::test]
async fn a_missing_end_mark_is_tolerated_unless_it_is_refused() {
    let us = Side::new(OURS, THEIRS);
    assert!(matches!(decoded(&unmarked(&us).await), Command::Efpa(_)));
    assert_eq!(us.context.counters.deviations.count(), 1);
    let us = Side::new(OURS, THEIRS);
    us.change_partner(|partner| partner.refuse = Deviations::all());
    let answer = unmarked(&us).await;
    assert!(
        matches!(decoded(&answer), Command::Efna(efna) if efna.reason == FileReason::INVALID_RECORD_COUNT),
        "{answer:?}"
    );
    assert_eq!(us.received()[0].state, State::Failed);
    assert_eq!(us.received()[0].restart.octets, 0);
}

/// the refusal is over with the EFNA; the speaker may come with the same file at once.
#[tokio::test]
async fn a_file_refused_at_its_end_may_be_offered_again_in_the_same_session() {
    let us = Side::new(OURS, THEIRS);
    play(&us, async |partner: &mut Script| {
        partner.open().await;
        for (octets, wanted) in [(9, "EFNA"), (9, "EFNA"), (8, "EFPA")] {
            let answer = partner.offer(&sfid()).await;
            assert!(matches!(decoded(&answer), Command::Sfpa(_)), "{answer:?}");
            partner.say(Command::Data(b"\x88the file")).await;
            partner
                .say(Command::Efid(Efid { records: 0, octets }))
                .await;
            let answer = partner.hear().await;
            assert_eq!(decoded(&answer).code().name(), wanted);
        }
    })
    .await;
}

/// the same for SSID.
#[tokio::test]
async fn a_line_feed_for_a_carriage_return_is_tolerated_unless_it_is_refused() {
    for strict in [false, true] {
        let us = Side::new(OURS, THEIRS);
        if strict {
            us.change_partner(|partner| partner.refuse = Deviations::all());
        }
        play(&us, async |partner| {
            partner.hear().await;
            let mut frame = Vec::new();
            Command::Ssid(ssid(THEIRS))
                .encode(Level::L5, &mut frame)
                .unwrap();
            *frame.last_mut().unwrap() = b'\n';
            assert_eq!(frame.len(), HEADER_LEN + 61);
            partner.raw(&frame).await;
            let answer = partner.hear().await;
            match decoded(&answer) {
                Command::Ssid(_) => assert!(!strict),
                Command::Esid(esid) => {
                    assert!(strict);
                    assert_eq!(esid.reason, EndReason::INVALID_DATA);
                }
                other => panic!("{other:?}"),
            }
        })
        .await;
    }
}

/// a receipt with its addresses swapped settles its file and is counted, or settles nothing where
/// the partner is set so; it is answered in any case.
#[tokio::test]
async fn swapped_addresses_of_a_receipt_are_tolerated_unless_they_are_refused() {
    for strict in [false, true] {
        let (us, them) = two();
        them.change_partner(|partner| partner.receipts = ReceiptTiming::Confirmed);
        let sent = us.queue("orders", b"octets");
        meet_well(&us, &them).await;
        if strict {
            let swapped = [Deviation::ReceiptAddressesSwapped];
            us.change_partner(|partner| partner.refuse = swapped.into_iter().collect());
        }
        let file = us.transfer(sent).file;
        play(&us, async |partner| {
            partner.open().await;
            partner
                .say(Command::Eerp(Eerp {
                    dataset: file.dataset.clone(),
                    stamp: file.stamp,
                    user: oftp::UserField::default(),
                    destination: file.destination.clone(),
                    origin: file.origin.clone(),
                    hash: Vec::new(),
                    signature: Vec::new(),
                }))
                .await;
            assert!(matches!(decoded(&partner.hear().await), Command::Rtr));
        })
        .await;
        let (state, tolerated, unknown) = match strict {
            false => (State::Acknowledged, 1, 0),
            true => (State::Sent, 0, 1),
        };
        assert_eq!(us.transfer(sent).state, state);
        let counters = us.context.counters.now();
        assert_eq!(counters.deviations, tolerated);
        assert_eq!(counters.receipts_unknown, unknown);
        let kinds = us.context.tolerated.now();
        assert_eq!(kinds.len() as u64, tolerated);
        assert!(
            kinds
                .iter()
                .all(|kind| kind.deviation == Deviation::ReceiptAddressesSwapped)
        );
    }
}
