//! Files beyond 4 GiB, as holes on the disk: no count or place is cut to 32 bits.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;

use oftp::Level::L5;
use rusqlite::Connection;

use super::{ACME, CIRCUIT, World, again, at, contents, offer};
use crate::{Position, TransferId};

/// 5 GiB, in the blocks restart positions count.
const BLOCKS: u64 = 5 * 1024 * 1024;
const OCTETS: u64 = BLOCKS * 1024;

/// Makes the spool file of a transfer as long as if 5 GiB had gone before, and has the journal say
/// so. The store must be closed.
fn as_if_5_gib(world: World, id: TransferId, file: &str, change: &str) -> World {
    let World { dir, store } = world;
    drop(store);
    let path = dir.path().join("spool").join(format!("{file}-{id}"));
    let tail = fs::read(&path).unwrap();
    let mut spooled = OpenOptions::new().write(true).open(&path).unwrap();
    spooled.set_len(0).unwrap();
    spooled.set_len(OCTETS).unwrap();
    spooled.seek(SeekFrom::End(0)).unwrap();
    spooled.write_all(&tail).unwrap();
    let journal = Connection::open(dir.path().join("journal.sqlite")).unwrap();
    let sql = format!("UPDATE transfer SET {change} WHERE id = ?1");
    assert_eq!(journal.execute(&sql, [id.to_string()]).unwrap(), 1);
    drop(journal);
    let store = super::open(dir.path());
    World { dir, store }
}

///
#[test]
fn a_file_that_is_received_goes_on_beyond_4_gib() {
    let world = World::new();
    let mut inbound = world.begin(offer(1)).unwrap();
    inbound.write(&[7; 1024], &[]).unwrap();
    let id = inbound.id();
    inbound.interrupted("cut", at(1)).unwrap();
    let there = format!(
        "position = {0}, position_octets = {1}, stored = {1}",
        BLOCKS + 1,
        OCTETS + 1024
    );
    let world = as_if_5_gib(world, id, "in", &there);

    let mut inbound = world.begin(again(offer(1), BLOCKS + 9)).unwrap();
    let position = Position {
        answer: BLOCKS + 1,
        octets: OCTETS + 1024,
    };
    assert_eq!((inbound.id(), inbound.position()), (id, position));
    inbound.write(b"the end", &[]).unwrap();
    assert_eq!(inbound.finish(at(2)).unwrap().octets(), OCTETS + 1031);
    let mut delivered = File::open(world.deliver(id, at(3))).unwrap();
    let facts = delivered.metadata().unwrap();
    assert_eq!(facts.len(), OCTETS + 1031);
    assert!(facts.blocks() < 100_000, "it is made of a hole");
    delivered.seek(SeekFrom::Start(OCTETS + 1023)).unwrap();
    let mut tail = Vec::new();
    delivered.read_to_end(&mut tail).unwrap();
    assert_eq!(tail, b"\x07the end");
}

///
#[test]
fn a_file_that_is_sent_goes_on_beyond_4_gib() {
    let world = World::new();
    let id = world.send(ACME, "large", b"what comes after five gibibytes");
    let length = OCTETS + 31;
    let there = format!(
        "octets = {length}, stored = {length}, position = {BLOCKS}, position_octets = {OCTETS}"
    );
    let world = as_if_5_gib(world, id, "out", &there);

    let claim = world.store.claim_file(ACME, CIRCUIT, L5, true, at(1));
    let claim = claim.unwrap().unwrap();
    let sfid = claim.sfid();
    assert_eq!((sfid.size_blocks, sfid.restart), (BLOCKS + 1, BLOCKS));
    assert_eq!((claim.octets(), claim.restart()), (length, BLOCKS));
    let tail = contents(&claim, BLOCKS).0;
    assert_eq!(tail, b"what comes after five gibibytes");
}
