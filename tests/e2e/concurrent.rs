//! Many partners at once.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Barrier};

use oftp::FileId;
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
                (id, exchange.receipts)
            })
        })
        .collect();
    let mut sent = HashSet::new();
    let mut confirmed = Vec::new();
    for session in sessions {
        let (id, receipts) = session.join().expect("every session completes");
        sent.insert(id);
        confirmed.extend(receipts);
    }
    // A receipt goes out in any session of its partner; what is left waits for the next one.
    for number in 0..PARTNERS {
        let partner = Partner::of(&world)
            .named(&code(number))
            .connect(address)
            .expect("TLS");
        confirmed.extend(
            partner
                .exchange(Vec::new())
                .expect("a whole session")
                .receipts,
        );
    }
    let receipts: HashSet<FileId> = confirmed.iter().map(oftp::Eerp::file_id).collect();
    assert_eq!(
        confirmed.len(),
        SESSIONS,
        "no receipt is lost, none comes twice"
    );
    assert_eq!(receipts, sent, "each file has its own");

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
        SESSIONS + PARTNERS,
        "one circuit a session"
    );
}
