//! Secured files made by hand, octet by octet: what no tool makes, and what a hostile partner may.

mod bombs;
mod forms;
mod made;
mod random;
mod reshape;
mod signed;
mod told;

use super::*;
use crate::{Expect, Limits, OpenError, Opened, Opening, open};

/// Layers by their letters, from the outside: e(ncrypted), c(ompressed), s(igned).
fn expect(layers: &str) -> Expect {
    Expect {
        encrypted: layers.contains('e'),
        compressed: layers.contains('c'),
        signed: layers.contains('s'),
    }
}

/// Opens octets with our key, as signed by ourselves.
fn open_octets(layers: &str, octets: &[u8]) -> Result<(Opened, Vec<u8>), OpenError> {
    open_within(layers, Limits::default(), octets)
}

fn open_within(
    layers: &str,
    limits: Limits,
    octets: &[u8],
) -> Result<(Opened, Vec<u8>), OpenError> {
    let keys = [key()];
    let signers = [other(), recipient()];
    let opening = Opening {
        expect: expect(layers),
        suite: None,
        keys: &keys,
        signers: &signers,
        limits,
    };
    let mut clear = Vec::new();
    let mut source = octets;
    let opened = open(&opening, &mut source, &mut clear)?;
    assert_eq!(opened.clear_octets, clear.len() as u64);
    Ok((opened, clear))
}
