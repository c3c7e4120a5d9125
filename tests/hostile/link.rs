//! The link itself: a wrong pin on either side, unknown versions, messages over their ceiling.

use support::compare::content;
use support::logs::{Line, Logs};
use support::{Offer, Orphan, Partner, World};
use tokio::runtime::Runtime;

use crate::raw_link::{dial, framed, greet, hear, listen};

/// A pin that belongs to nobody.
fn wrong_pin() -> String {
    format!("sha256:{}", "5".repeat(64))
}

/// What the operator reads when the link fails.
fn trouble(logs: &Logs, mark: usize, words: &str) -> Line {
    logs.wait_from(mark, words, |line| {
        matches!(line.level(), "WARN" | "ERROR") && line.raw.to_lowercase().contains(words)
    })
}

/// A whole session still works.
fn still_serves(world: &World) {
    let partner = Partner::of(world).connect(world.public()).expect("TLS");
    let exchange = partner
        .exchange(vec![Offer::new("FINE", content(1, 1000))])
        .expect("ends");
    assert_eq!(exchange.receipts.len(), 1);
}

#[test]
fn an_inner_half_that_the_dmz_half_does_not_know_gets_no_link() {
    let world = World::unjoined(|setup| {
        setup.dmz.texts("link.pins", &[wrong_pin()]);
    });
    let outside = trouble(&world.dmz.logs, 0, "pin");
    assert!(
        outside.raw.contains(&world.inner_pin),
        "shows the pin it saw: {}",
        outside.raw
    );
    trouble(&world.inner.half.logs, 0, "link");
    assert_eq!(
        world.dmz.logs.count("A public listener is open."),
        0,
        "nothing is open"
    );
    assert_eq!(world.dmz.logs.count("The inner half is connected."), 0);
}

#[test]
fn a_dmz_half_that_the_inner_half_does_not_know_gets_no_link() {
    let world = World::unjoined(|setup| {
        setup.inner.texts("link.pins", &[wrong_pin()]);
    });
    let inside = trouble(&world.inner.half.logs, 0, "pin");
    assert!(
        inside.raw.contains(&world.dmz_pin),
        "shows the pin it saw: {}",
        inside.raw
    );
    assert_eq!(world.inner.half.logs.count("The link is up."), 0);
    assert_eq!(
        world.dmz.logs.count("A public listener is open."),
        0,
        "nothing is open"
    );
}

#[test]
fn the_dmz_half_refuses_an_unknown_version_and_both_versions_are_named() {
    let world = World::new();
    let key = world.inner.folder().join("link.key");
    let mark = world.dmz.logs.mark();
    let answer = Runtime::new().expect("a runtime").block_on(async {
        let connection = dial(world.link(), &key).await;
        greet(&connection, 99).await.2
    });
    // Welcome::Refuse(LinkRefusal::Version { ours: 1, yours: 99 })
    assert_eq!(answer.as_deref(), Some(&[1, 0, 1, 99][..]));
    let line = trouble(&world.dmz.logs, mark, "version");
    assert!(
        line.raw.contains("99"),
        "names the version it met: {}",
        line.raw
    );
    still_serves(&world);
}

#[test]
fn the_inner_half_tells_its_operator_when_the_dmz_half_speaks_another_version() {
    let mut victim = Orphan::new(|_| ());
    let runtime = Runtime::new().expect("a runtime");
    let endpoint = {
        let _entered = runtime.enter();
        listen(&victim.dmz_key)
    };
    let address = endpoint.local_addr().expect("bound");
    let refusing = runtime.spawn(async move {
        while let Some(incoming) = endpoint.accept().await {
            let Ok(connection) = incoming.await else {
                continue;
            };
            let Ok((mut send, mut receive)) = connection.accept_bi().await else {
                continue;
            };
            hear(&mut receive).await;
            // Welcome::Refuse(LinkRefusal::Version { ours: 77, yours: 1 })
            drop(send.write_all(&framed(&[1, 0, 77, 1])).await);
            drop(send.finish());
            connection.closed().await;
        }
    });
    victim.start(address);
    let line = trouble(&victim.inner.half.logs, 0, "version");
    assert!(
        line.raw.contains("77") && line.raw.contains('1'),
        "names both: {}",
        line.raw
    );
    refusing.abort();
}

#[test]
fn messages_over_their_ceiling_end_the_link_before_they_are_read() {
    let world = World::new();
    let key = world.inner.folder().join("link.key");
    let resident = world.dmz.usage().resident_kib;
    for greeted in [false, true] {
        let mark = world.dmz.logs.mark();
        let runtime = Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let connection = dial(world.link(), &key).await;
            // The receiving end is kept: the other side must not take us for gone.
            let (mut send, _receive) = if greeted {
                let (send, receive, _) = greet(&connection, 1).await;
                (send, receive)
            } else {
                connection.open_bi().await.expect("a stream")
            };
            // A length of 4 GiB, and as much of it as the other side lets in before it closes.
            drop(send.write_all(&[0xff, 0xff, 0xff, 0xff, 0x00]).await);
            while send.write_all(&[0; 65_536]).await.is_ok() {}
            connection.closed().await;
        });
        trouble(&world.dmz.logs, mark, "the most is");
    }
    let grown = world.dmz.usage().resident_kib.saturating_sub(resident);
    assert!(grown < 48 * 1024, "its memory is bounded: {grown} KiB more");
}

#[test]
fn a_stranger_at_the_link_learns_nothing_and_holds_nobody_up() {
    let world = World::new();
    let folder = tempfile::tempdir().expect("/tmp is writable");
    let stranger = folder.path().join("stranger.key");
    support::world::make_identity(&support::binaries::Binaries::dev().inner, &stranger);
    let mark = world.dmz.logs.mark();
    let heard = Runtime::new().expect("a runtime").block_on(async {
        let connection = dial(world.link(), &stranger).await;
        match connection.open_bi().await {
            Ok((mut send, mut receive)) => {
                drop(send.write_all(&crate::raw_link::greeting(1)).await);
                hear(&mut receive).await
            }
            Err(_) => None,
        }
    });
    assert_eq!(heard, None, "not a word after the handshake");
    trouble(&world.dmz.logs, mark, "pin");
    still_serves(&world);
}

#[test]
fn junk_at_the_link_port_is_ignored() {
    let world = World::new();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("loopback has a port");
    for seed in 0..200 {
        let length = usize::try_from(seed * 7 + 1).expect("small");
        drop(socket.send_to(&content(seed, length), world.link()));
    }
    still_serves(&world);
}
