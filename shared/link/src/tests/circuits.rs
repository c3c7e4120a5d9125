//! Circuits: octets, ends, back-pressure and many at once.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

use crate::circuit::Circuit;
use crate::error::LinkError;
use crate::link::Link;
use crate::message::FromInner;
use crate::testing::Halves;

/// Polls a future once.
macro_rules! poll {
    ($future:expr) => {
        std::future::poll_fn(|cx| std::task::Poll::Ready($future.as_mut().poll(cx))).await
    };
}
/// Both ends of one circuit.
async fn circuit(inner: &Link, dmz: &Link) -> (Circuit, Circuit) {
    let (opened, accepted) =
        tokio::join!(inner.open(&FromInner::Probe(1)), dmz.accept::<FromInner>());
    (opened.unwrap(), accepted.unwrap().1)
}

/// Octets that differ from place to place and from seed to seed.
fn octets(seed: usize, length: usize) -> Vec<u8> {
    (0..length)
        .map(|place| ((place * 31 + seed * 17) % 251).to_le_bytes()[0])
        .collect()
}

#[tokio::test]
async fn a_finished_writer_is_a_clean_end() {
    let (dmz, inner) = Halves::new().link().await;
    let (here, there) = circuit(&inner, &dmz).await;
    let (mut writer, _) = here.into_halves();
    let (_, mut reader) = there.into_halves();
    writer
        .write_bytes(Bytes::from_static(b"all"))
        .await
        .unwrap();
    writer.finish().await.unwrap();
    drop(writer);
    let mut buffer = [0; 10];
    assert_eq!(reader.read_into(&mut buffer).await, Ok(3));
    assert_eq!(reader.read_into(&mut buffer).await, Ok(0));
    assert_eq!(reader.read_chunk(10).await, Ok(None));
}

#[tokio::test]
async fn a_writer_dropped_unfinished_is_never_a_clean_end() {
    let (dmz, inner) = Halves::new().link().await;
    let (here, there) = circuit(&inner, &dmz).await;
    let (mut writer, _) = here.into_halves();
    let (_, mut reader) = there.into_halves();
    writer
        .write_bytes(Bytes::from_static(b"part"))
        .await
        .unwrap();
    drop(writer);
    let mut buffer = [0; 10];
    let end = loop {
        match reader.read_into(&mut buffer).await {
            Ok(read) => assert_ne!(read, 0, "a clean end"),
            Err(error) => break error,
        }
    };
    assert_eq!(end, LinkError::Reset { code: 1 });
}

#[tokio::test]
async fn a_writer_dropped_with_its_task_is_never_a_clean_end() {
    let (dmz, inner) = Halves::new().link().await;
    let (here, mut there) = circuit(&inner, &dmz).await;
    let task = tokio::spawn(async move {
        let _held = here;
        std::future::pending::<()>().await;
    });
    task.abort();
    let mut all = Vec::new();
    let error = there.read_to_end(&mut all).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_abort_carries_its_code_each_way() {
    let (dmz, inner) = Halves::new().link().await;
    let (here, there) = circuit(&inner, &dmz).await;
    let (mut writer, mut reader) = here.into_halves();
    let (mut far_writer, mut far_reader) = there.into_halves();
    writer.abort(7);
    assert_eq!(
        far_reader.read_into(&mut [0; 1]).await,
        Err(LinkError::Reset { code: 7 })
    );
    reader.abort(9);
    let stopped = loop {
        if let Err(error) = far_writer.write_bytes(Bytes::from_static(b"x")).await {
            break error;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(stopped, LinkError::Stopped { code: 9 });
    assert_eq!(writer.finish().await, Err(LinkError::StreamEnded));
}

#[tokio::test]
async fn shutdown_of_the_async_writer_is_a_clean_end() {
    let (dmz, inner) = Halves::new().link().await;
    let (mut here, mut there) = circuit(&inner, &dmz).await;
    here.write_all(b"hello").await.unwrap();
    here.shutdown().await.unwrap();
    let mut all = Vec::new();
    there.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"hello");
    there.write_all(b"and back").await.unwrap();
    there.shutdown().await.unwrap();
    all.clear();
    here.read_to_end(&mut all).await.unwrap();
    assert_eq!(all, b"and back");
}

#[tokio::test]
async fn one_read_fills_the_buffer_over_many_chunks() {
    let (dmz, inner) = Halves::new().link().await;
    let (here, there) = circuit(&inner, &dmz).await;
    let (mut writer, _) = here.into_halves();
    let (_, mut reader) = there.into_halves();
    let sent = octets(1, 30_000);
    for piece in sent.chunks(1_000) {
        writer
            .write_bytes(Bytes::copy_from_slice(piece))
            .await
            .unwrap();
    }
    writer.finish().await.unwrap();
    writer.delivered().await.unwrap();
    let mut buffer = vec![0; 40_000];
    assert_eq!(reader.read_into(&mut buffer).await, Ok(30_000));
    assert_eq!(buffer[..30_000], sent);
}

#[tokio::test]
async fn an_unread_circuit_stalls_no_other() {
    let mut halves = Halves::new();
    halves.dmz_tuning.stream_window = 64 * 1024;
    let (dmz, inner) = halves.link().await;
    let (here, there) = circuit(&inner, &dmz).await;
    let (mut writer, _) = here.into_halves();
    let (_, mut reader) = there.into_halves();
    let stalled = octets(1, 1 << 20);
    let sent = stalled.clone();
    let unread = tokio::spawn(async move {
        writer.write_bytes(sent.into()).await.unwrap();
        writer.finish().await.unwrap();
        writer
    });
    let (mut here, mut there) = circuit(&inner, &dmz).await;
    let flowing = octets(2, 4 << 20);
    let (sent, received) = tokio::join!(
        async {
            here.write_all(&flowing).await.unwrap();
            here.shutdown().await
        },
        async {
            let mut all = Vec::new();
            there.read_to_end(&mut all).await.unwrap();
            all
        }
    );
    assert!(sent.is_ok());
    assert!(received == flowing, "the flowing circuit's octets differ");
    assert!(
        !unread.is_finished(),
        "the unread circuit took more than its window"
    );
    let mut all = Vec::new();
    reader.read_to_end(&mut all).await.unwrap();
    assert!(all == stalled, "the stalled circuit's octets differ");
    drop(unread.await.unwrap());
}

#[tokio::test]
async fn unread_circuits_that_hold_the_whole_window_do_not_starve_the_link() {
    const WINDOW: u32 = 64 * 1024;
    let mut halves = Halves::new();
    halves.dmz_tuning.stream_window = WINDOW;
    halves.dmz_tuning.receive_window = 2 * WINDOW;
    halves.dmz_tuning.window_tick = Duration::from_millis(10);
    let (dmz, inner) = halves.link().await;
    let mut unread = Vec::new();
    let mut stalled = JoinSet::new();
    for _ in 0..5 {
        let (here, there) = circuit(&inner, &dmz).await;
        let (mut writer, _) = here.into_halves();
        stalled.spawn(async move {
            writer.write_bytes(octets(1, 1 << 20).into()).await.unwrap();
            writer.finish().await.unwrap();
            writer
        });
        unread.push(there);
    }
    let (mut here, mut there) = circuit(&inner, &dmz).await;
    let flowing = octets(2, 1 << 20);
    let (sent, received) = tokio::join!(
        async {
            here.write_all(&flowing).await.unwrap();
            here.shutdown().await
        },
        async {
            let mut all = Vec::new();
            there.read_to_end(&mut all).await.unwrap();
            all
        }
    );
    assert!(sent.is_ok());
    assert!(received == flowing, "the flowing circuit's octets differ");
    assert!(
        stalled.try_join_next().is_none(),
        "an unread circuit took more than its window"
    );
}

#[tokio::test]
async fn a_message_goes_before_the_octets_of_busy_circuits() {
    let mut halves = Halves::new();
    halves.dmz_tuning.receive_window = 64 * 1024;
    halves.dmz_tuning.window_tick = Duration::from_secs(3600);
    let (dmz, inner) = halves.link().await;
    let (mut writers, mut readers) = (Vec::new(), Vec::new());
    for _ in 0..64 {
        let (here, there) = circuit(&inner, &dmz).await;
        writers.push(here.into_halves());
        readers.push(there.into_halves());
    }
    // Nobody reads yet: one circuit takes all room, then the message waits, then all others.
    let octets = Bytes::from(vec![7; 32 * 1024]);
    let mut full = Box::pin(writers[0].0.write_bytes(Bytes::from(vec![7; 128 * 1024])));
    assert!(poll!(full).is_pending());
    let probe = FromInner::Probe(2);
    let mut message = Box::pin(inner.open(&probe));
    assert!(poll!(message).is_pending());
    drop(full);
    let mut busy = JoinSet::new();
    for (mut writer, reader) in writers {
        let octets = octets.clone();
        busy.spawn(async move {
            let _held = reader;
            while writer.write_bytes(octets.clone()).await.is_ok() {}
        });
    }
    tokio::task::yield_now().await;
    for (writer, mut reader) in readers {
        busy.spawn(async move {
            let _held = writer;
            while let Ok(Some(_)) = reader.read_chunk(usize::MAX).await {}
        });
    }
    assert_eq!(message.await.map(|_| ()), Ok(()));
    inner.close("done");
    while let Some(done) = busy.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_circuits_at_once_each_get_their_own_octets() {
    const CIRCUITS: usize = 200;
    const LENGTH: usize = 64 * 1024;
    let (dmz, inner) = Halves::new().link().await;
    let echo = tokio::spawn(async move {
        let mut echoes = JoinSet::new();
        for _ in 0..CIRCUITS {
            let (_, circuit) = dmz.accept::<FromInner>().await.unwrap();
            echoes.spawn(async move {
                let (mut writer, mut reader) = circuit.into_halves();
                while let Some(chunk) = reader.read_chunk(usize::MAX).await.unwrap() {
                    writer.write_bytes(chunk).await.unwrap();
                }
                writer.finish().await.unwrap();
                writer.delivered().await.unwrap();
            });
        }
        while let Some(done) = echoes.join_next().await {
            done.unwrap();
        }
    });
    let mut callers = JoinSet::new();
    for number in 0..CIRCUITS {
        let inner = inner.clone();
        callers.spawn(async move {
            let probe = FromInner::Probe(u64::try_from(number).unwrap());
            let (mut writer, mut reader) = inner.open(&probe).await.unwrap().into_halves();
            let sent = octets(number, LENGTH);
            let writing = async {
                writer.write_bytes(Bytes::from(sent.clone())).await.unwrap();
                writer.finish().await.unwrap();
            };
            let reading = async {
                let mut all = Vec::new();
                reader.read_to_end(&mut all).await.unwrap();
                all
            };
            let ((), received) = tokio::join!(writing, reading);
            assert!(received == sent, "circuit {number} got other octets");
        });
    }
    let mut done = 0;
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
        done += 1;
    }
    assert_eq!(done, CIRCUITS);
    echo.await.unwrap();
}
