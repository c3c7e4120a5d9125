//! Many partners at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};

use support::compare::{assert_same_octets, content};
use support::{Directory, Entry, Offer, Partner, World, directory};

const PARTNERS: usize = 8;
const SESSIONS: usize = 200;
const SIZE: usize = 1024 * 1024;

fn code(number: usize) -> String {
    format!("O0013PARTNER{number}")
}

fn name(number: usize) -> String {
    format!("PARTNER{number}")
}

#[test]
fn two_hundred_sessions_at_once_lose_nothing_and_double_nothing() {
    let world = World::with(|setup| {
        let station = Directory::default().station("OURS", directory::OUR_CODE);
        setup.directory = (0..PARTNERS).fold(station, |directory, number| {
            directory.partner(Entry::named(&name(number), &code(number)))
        });
    });
    let address = world.public();
    let start = Arc::new(Barrier::new(SESSIONS));

    let sessions: Vec<_> = (0..SESSIONS)
        .map(|session| {
            let code = code(session % PARTNERS);
            let partner = Partner::of(&world).named(&code);
            let start = Arc::clone(&start);
            std::thread::spawn(move || {
                let seed = session.try_into().expect("small");
                let offer = Offer::new(&format!("S.{session:03}"), content(seed, SIZE)).from(&code);
                let id = offer.id();
                start.wait();
                let conversation = partner.connect(address).expect("TLS to the public address");
                let exchange = conversation.exchange(vec![offer]).expect("a whole session");
                assert_eq!(
                    exchange.receipts.len(),
                    1,
                    "session {session} got its receipt"
                );
                assert_eq!(
                    exchange.receipts[0].file_id(),
                    id,
                    "session {session} got its own"
                );
            })
        })
        .collect();
    for session in sessions {
        session.join().expect("every session completes");
    }

    let mut found: BTreeMap<usize, usize> = BTreeMap::new();
    for number in 0..PARTNERS {
        for file in world.inner.delivered(&name(number)) {
            let file_name = file
                .path
                .file_name()
                .expect("a file")
                .to_string_lossy()
                .into_owned();
            let session: usize = file_name[2..5]
                .parse()
                .expect("the number in the dataset name");
            let seed = session.try_into().expect("small");
            assert_same_octets(&file_name, &content(seed, SIZE), &file.content());
            assert_eq!(
                session % PARTNERS,
                number,
                "{file_name} lies with its own partner"
            );
            *found.entry(session).or_default() += 1;
        }
    }
    assert_eq!(found.len(), SESSIONS, "nothing is lost");
    assert!(
        found.values().all(|&count| count == 1),
        "nothing is there twice: {found:?}"
    );
    assert_eq!(
        world.dmz.logs.count("A circuit opened."),
        SESSIONS,
        "one circuit a session"
    );
}
