//! Files that are cut and go on.

use oftp::Format;
use store::State;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::world::{Side, THEIRS, content, meet, meet_well, records, two};

/// Our side calls theirs; after `octets` of ours, the ones of the SSID included, both streams break.
pub(super) async fn meet_and_cut(us: &Side, them: &Side, octets: usize) {
    let (ours, mut from_us) = duplex(8 * 1024);
    let (mut to_them, theirs) = duplex(8 * 1024);
    let relay = async move {
        relay_up_to(&mut from_us, &mut to_them, octets).await;
    };
    let answered = async {
        // Cut before its SSID, the partner never arrives.
        if octets >= 80 {
            them.answer(theirs).await;
        } else {
            let mut stream = theirs;
            let mut ssrm = Vec::new();
            oftp::Command::Ssrm(oftp::Ssrm)
                .encode(oftp::Level::L5, &mut ssrm)
                .unwrap();
            stream.write_all(&ssrm).await.unwrap();
            let mut rest = Vec::new();
            stream.read_to_end(&mut rest).await.unwrap();
        }
    };
    tokio::join!(us.call(ours), answered, relay);
}

async fn relay_up_to(from: &mut DuplexStream, to: &mut DuplexStream, octets: usize) {
    let (mut up, mut down) = ([0; 4096], [0; 4096]);
    let mut left = octets;
    while left > 0 {
        let most = left.min(up.len());
        tokio::select! {
            read = from.read(&mut up[..most]) => match read {
                Ok(n) if n > 0 && to.write_all(&up[..n]).await.is_ok() => left -= n,
                _ => return,
            },
            read = to.read(&mut down) => match read {
                Ok(n) if n > 0 && from.write_all(&down[..n]).await.is_ok() => {}
                _ => return,
            },
        }
    }
}

#[tokio::test]
async fn a_file_cut_anywhere_is_delivered_once() {
    let (us, them) = two();
    let whole = content(1_000_000);
    let sent = us.queue("orders.edi", &whole);
    let mut rounds = 0;
    // Everywhere from the first command to the last receipt.
    for cut in [
        10, 80, 400, 2_000, 50_000, 300_000, 999_000, 16_000, 700, 350,
    ] {
        if us.transfer(sent).state == State::Acknowledged {
            break;
        }
        rounds += 1;
        meet_and_cut(&us, &them, cut).await;
        assert!(matches!(
            us.transfer(sent).state,
            State::Queued | State::Sent | State::Acknowledged
        ));
        us.store().retry_now(THEIRS).unwrap();
    }
    assert!(rounds >= 6, "only {rounds} rounds were cut");
    for _ in 0..2 {
        meet(&us, &them).await;
    }
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
    assert!(them.inbox() == [whole]);
}

/// each format goes on where the receiver's disk has it, and the file is the
/// same as if it had never been cut.
#[tokio::test]
async fn a_cut_file_of_each_format_goes_on_from_where_it_was() {
    let files = [
        (Format::Unstructured, 0, content(600_000)),
        (Format::Text, 0, vec![b'x'; 600_000]),
        (Format::Fixed, 100, content(600_000)),
        (
            Format::Variable,
            1_000,
            records((0..1_200).map(|n| n * 31 % 1_001)),
        ),
    ];
    for (format, record_length, whole) in files {
        let (us, them) = two();
        // The octets on the line must say how far it came.
        us.change_partner(|partner| partner.compression = false);
        let sent = us.queue_as("long", &whole, |new| {
            new.format = format;
            new.record_length = record_length;
        });
        let mut carried = 0;
        for cut in [120_000, 120_000, 120_000] {
            meet_and_cut(&us, &them, cut).await;
            let held = them.received().pop().unwrap();
            assert_eq!(held.state, State::Interrupted, "{format}");
            assert!(
                held.restart.octets > carried,
                "{format}: {:?}",
                held.restart
            );
            carried = held.restart.octets;
            us.store().retry_now(THEIRS).unwrap();
        }
        assert!(carried > 250_000, "{format}: {carried}");
        let (report, _) = meet_well(&us, &them).await;
        let left = us.transfer(sent).octets - carried;
        assert!(
            report.octets_out < left + left / 10 + 1_000,
            "{format}: {} octets for the last {left}",
            report.octets_out
        );
        assert_eq!(us.transfer(sent).state, State::Acknowledged, "{format}");
        assert_eq!(them.received().len(), 1, "{format}");
        assert!(them.inbox() == [whole], "{format}");
    }
}

/// where one side does not want restart, a cut file begins anew.
#[tokio::test]
async fn without_an_agreed_restart_a_cut_file_begins_anew() {
    let (us, them) = two();
    let whole = content(300_000);
    us.change_partner(|partner| {
        partner.restart = false;
        partner.compression = false;
    });
    let sent = us.queue("long", &whole);
    meet_and_cut(&us, &them, 200_000).await;
    us.store().retry_now(THEIRS).unwrap();
    let (report, _) = meet_well(&us, &them).await;
    assert!(report.octets_out > 300_000, "{}", report.octets_out);
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
    assert!(them.inbox() == [whole]);
}

#[tokio::test]
async fn a_file_goes_on_after_both_halves_were_started_anew() {
    let (us, them) = two();
    us.change_partner(|partner| partner.compression = false);
    let whole = content(500_000);
    let sent = us.queue("long", &whole);
    meet_and_cut(&us, &them, 300_000).await;
    let (us, them) = (us.reopen(0), them.reopen(0));
    us.change_partner(|partner| partner.compression = false);
    us.store().retry_now(THEIRS).unwrap();
    let (report, _) = meet_well(&us, &them).await;
    assert!(report.octets_out < 300_000, "{}", report.octets_out);
    assert_eq!(us.transfer(sent).state, State::Acknowledged);
    assert!(them.inbox() == [whole]);
}
