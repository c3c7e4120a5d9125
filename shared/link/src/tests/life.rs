//! How links end: closed, lost in silence, forgotten by a half that was started anew.

use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::accept::Acceptor;
use crate::error::LinkError;
use crate::link::Link;
use crate::message::FromInner;
use crate::testing::Halves;

/// A runtime of its own, which can be dropped as a process is killed: without a word.
fn process() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_close_is_told_to_the_other_end_with_its_reason() {
    let (dmz, inner) = Halves::new().link().await;
    inner.close("the inner half stops");
    assert_eq!(inner.closed().await, LinkError::Closed);
    inner.drained().await;
    let told = dmz.closed().await;
    assert_eq!(
        told,
        LinkError::ClosedByPeer {
            reason: "the inner half stops".into()
        }
    );
    assert!(dmz.is_closed() && inner.is_closed());
    let told = dmz.accept::<FromInner>().await.map(|_| ()).unwrap_err();
    assert_eq!(
        told,
        LinkError::ClosedByPeer {
            reason: "the inner half stops".into()
        }
    );
    assert!(inner.open(&FromInner::Probe(1)).await.is_err());
}

#[tokio::test]
async fn an_acceptor_that_closes_ends_its_links() {
    let halves = Halves::new();
    let acceptor = halves.acceptor();
    let dialer = halves.dialer(&acceptor);
    let (dmz, inner) = tokio::join!(acceptor.accept(), dialer.connect());
    let (_dmz, inner) = (dmz.unwrap(), inner.unwrap());
    acceptor.close("the DMZ half stops");
    acceptor.drained().await;
    let told = inner.closed().await;
    assert_eq!(
        told,
        LinkError::ClosedByPeer {
            reason: "the DMZ half stops".into()
        }
    );
    assert_eq!(acceptor.accept().await.map(|_| ()), Err(LinkError::Closed));
}

#[tokio::test]
async fn a_dropped_acceptor_leaves_its_links_alone() {
    let halves = Halves::new();
    let acceptor = halves.acceptor();
    let dialer = halves.dialer(&acceptor);
    let (dmz, inner) = tokio::join!(acceptor.accept(), dialer.connect());
    let (dmz, inner) = (dmz.unwrap(), inner.unwrap());
    drop(acceptor);
    let (opened, accepted) =
        tokio::join!(inner.open(&FromInner::Probe(1)), dmz.accept::<FromInner>());
    assert!(
        opened.is_ok() && accepted.is_ok(),
        "{opened:?} {accepted:?}"
    );
}

#[test]
fn a_killed_inner_half_is_noticed_by_its_silence() {
    let mut halves = Halves::new();
    for tuning in [&mut halves.dmz_tuning, &mut halves.inner_tuning] {
        tuning.keep_alive = Duration::from_millis(250);
        tuning.max_idle = Duration::from_secs(1);
    }
    let (here, there) = (process(), process());
    let (acceptor, dmz, inner) = meet(&halves, &here, &there);
    there.shutdown_background();
    drop(inner);
    let end = here.block_on(dmz.closed());
    assert!(
        matches!(&end, LinkError::Lost { reason } if reason.contains("too long")),
        "{end}"
    );
    drop(acceptor);
}

#[test]
fn a_restarted_dmz_half_is_noticed_at_once_by_its_reset() {
    // Idle times as they are in service: only the reset can end this before they do.
    let halves = Halves::new();
    let (first, there) = (process(), process());
    let (acceptor, dmz, inner) = meet(&halves, &first, &there);
    let address = acceptor.local_addr().unwrap();
    first.shutdown_timeout(Duration::from_secs(10));
    drop((acceptor, dmz));
    let second = process();
    let _again = second.block_on(async { halves.acceptor_on(address) });
    let end = there.block_on(async {
        // Anything sent will do; the answer to it is the reset.
        drop(inner.open(&FromInner::Probe(1)).await);
        inner.closed().await
    });
    assert!(
        matches!(&end, LinkError::Lost { reason } if reason.contains("started anew")),
        "{end}"
    );
}

/// A link between two runtimes: the acceptor and its end, the dialer's end.
fn meet(halves: &Halves, dmz: &Runtime, inner: &Runtime) -> (Acceptor, Link, Link) {
    let acceptor = dmz.block_on(async { halves.acceptor() });
    let dialer = halves.dialer(&acceptor);
    let dialling = inner.spawn(async move { dialer.connect().await.unwrap() });
    let dmz_link = dmz.block_on(acceptor.accept()).unwrap();
    let inner_link = inner.block_on(dialling).unwrap();
    (acceptor, dmz_link, inner_link)
}
