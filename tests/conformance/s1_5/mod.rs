//! RFC 5024 sections 1.5 and 3.3: files and the names they keep.

use engine::{Event, Request};
use oftp::{FileId, Level, Stamp};
use rig::stage::{Stage, terms};
use rig::wire::Offer;

use crate::LEVELS;

/// a file is named by its dataset name, date and time to the last digit;
/// what comes in an offer is what its receipt says.
#[test]
fn a_receipt_names_the_file_as_the_offer_did() {
    for level in LEVELS {
        for (date, time) in [("20241121", "0102030001"), ("19991231", "2359599999")] {
            let mut offer = Offer::at(level);
            (offer.date, offer.time) = (date, time);
            let mut wire = Stage::Listener.wire(&terms(level), level);
            wire.hears(&offer.sfid());
            let news = wire.news();
            let [Event::StartFile(file)] = news.as_slice() else {
                panic!("{news:?}");
            };
            let mut sender = Stage::Speaker.wire(&terms(level), level);
            sender.ask(Request::Eerp(rig::script::eerp_for(file)));
            assert_eq!(
                sender.oebs(),
                [offer.eerp()],
                "{date} {time} at level {level}"
            );
        }
    }
}

/// stamps of 18 digits are read to the last one, counter 0000 and impossible days
/// among them; anything but digits is none.
#[test]
fn a_stamp_is_eighteen_digits() {
    for text in [
        "202411210102030001",
        "202411210102030000",
        "202402302561619999",
    ] {
        let stamp: Stamp = text.parse().unwrap();
        assert_eq!(stamp.to_string(), text);
    }
    for text in [
        "2024112101020300",
        "20241121010203000X",
        "2411210102030001  ",
    ] {
        assert!(text.parse::<Stamp>().is_err(), "{text}");
    }
}

/// Below level 4 a file is the same when date and time to the second are; above the counter counts.
#[test]
fn the_counter_tells_files_apart_where_the_level_has_one() {
    let id = |time: &str| {
        let file = rig::script::sfid("FILE", 1);
        FileId {
            dataset: file.dataset,
            stamp: time.parse().unwrap(),
            origin: file.origin,
            destination: file.destination,
        }
    };
    let (first, second) = (id("202411210102030001"), id("202411210102030002"));
    assert!(first.same_at(&second, Level::L1) && first.same_at(&second, Level::L2));
    assert!(!first.same_at(&second, Level::L4) && !first.same_at(&second, Level::L5));
}
