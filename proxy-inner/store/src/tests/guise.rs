//! A stand-in for cryptography: what it makes can be made back, and looks different each time.

use std::io::{Read, Write};

use jiff::Timestamp;
use oftp::{ReceiptReason, Security};

use super::{World, at, offer};
use crate::{
    Evidence, EvidenceKind, NewOutbound, Offer, OpeningClaim, OutboundClaim, SecuringClaim,
    Services, State, Store, StoreError, TransferId,
};

/// Encrypted and signed, with a signed receipt.
pub(super) const SECURED: Services = Services {
    security: Security::EncryptedAndSigned,
    suite: 4,
    compression: false,
    signed_receipt: true,
};

/// As it is, with a signed receipt.
pub(super) const HASHED: Services = Services {
    security: Security::None,
    suite: 4,
    compression: false,
    signed_receipt: true,
};

/// Disguises octets: a number that differs each time, then the octets changed by it, then `!`.
pub(super) fn disguised(octets: &[u8]) -> Vec<u8> {
    let number = getrandom::u64().unwrap().to_be_bytes();
    let mut out = number.to_vec();
    out.extend(octets.iter().map(|octet| octet.wrapping_add(number[0])));
    out.push(b'!');
    out
}

/// What was disguised; `None` for what never was.
pub(super) fn undisguised(octets: &[u8]) -> Option<Vec<u8>> {
    let (number, octets) = octets.split_first_chunk::<8>()?;
    let octets = octets.strip_suffix(b"!")?;
    let plain = octets.iter().map(|octet| octet.wrapping_sub(number[0]));
    Some(plain.collect())
}

/// A hash, of sorts.
pub(super) fn hash(octets: &[u8]) -> Vec<u8> {
    let sum = octets.iter().fold(7_u64, |sum, octet| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*octet))
    });
    sum.to_be_bytes().to_vec()
}

pub(super) fn all_of(mut from: impl Read) -> Vec<u8> {
    let mut octets = Vec::new();
    from.read_to_end(&mut octets).unwrap();
    octets
}

pub(super) fn evidence(what: EvidenceKind, octet: u8) -> Evidence {
    Evidence {
        what,
        certificate: vec![octet; 5],
    }
}

/// A worker's part: secures or hashes one file.
pub(super) fn secure(mut claim: SecuringClaim, now: Timestamp) -> Result<(), StoreError> {
    if !claim.is_secured() {
        let hash = hash(&all_of(claim.virtual_file()?));
        return claim.finish(hash, Vec::new(), now);
    }
    let clear = all_of(claim.clear()?);
    assert_eq!(clear.len() as u64, claim.clear_octets());
    let secured = disguised(&clear);
    let mut target = claim.target()?;
    target.write_all(&secured).unwrap();
    let used = vec![
        evidence(EvidenceKind::SignedWith, 1),
        evidence(EvidenceKind::EncryptedFor, 2),
    ];
    claim.finish(hash(&secured), used, now)
}

/// A worker's part: opens or hashes one file, or finds that it cannot be opened.
pub(super) fn open(mut claim: OpeningClaim, now: Timestamp) -> Result<(), StoreError> {
    let hash = hash(&all_of(claim.virtual_file()?));
    if !claim.is_secured() {
        return claim.finish(hash, Vec::new(), now);
    }
    let secured = all_of(claim.secured()?);
    let Some(clear) = undisguised(&secured) else {
        let reason = ReceiptReason::DECRYPTION_FAILURE;
        let (text, why) = ("it cannot be decrypted", "its padding is wrong");
        return claim.failed(reason, text, why, hash, now);
    };
    let mut target = claim.target()?;
    target.write_all(&clear).unwrap();
    let used = vec![
        evidence(EvidenceKind::DecryptedWith, 3),
        evidence(EvidenceKind::SignedBy, 4),
    ];
    claim.finish(hash, used, now)
}

/// Everything that is due, as a worker does it.
pub(super) fn work(store: &Store, now: Timestamp) {
    while let Some(claim) = store.claim_securing(now).unwrap() {
        secure(claim, now).unwrap();
    }
    while let Some(claim) = store.claim_opening(None, now).unwrap() {
        let id = claim.transfer().id;
        open(claim, now).unwrap();
        if store.transfer(id).unwrap().unwrap().0.state == State::Received {
            store.deliver(id, now).unwrap();
        }
    }
}

impl World {
    /// Hands over a file with services.
    pub(super) fn hand_over_with(
        &self,
        services: Services,
        new: NewOutbound,
        content: &[u8],
    ) -> TransferId {
        let services = Some(services);
        self.hand_over(NewOutbound { services, ..new }, content)
    }

    pub(super) fn securing(&self) -> SecuringClaim {
        self.store.claim_securing(at(1)).unwrap().unwrap()
    }

    pub(super) fn opening(&self) -> OpeningClaim {
        self.store.claim_opening(None, at(2)).unwrap().unwrap()
    }

    pub(super) fn claim(&self) -> OutboundClaim {
        let claimed =
            self.store
                .claim_file(super::ACME, super::CIRCUIT, oftp::Level::L5, true, at(3));
        claimed.unwrap().unwrap()
    }
}

/// The offer number `n` of a file with services.
pub(super) fn offered_with(services: Services, n: u16) -> Offer {
    let mut offer = offer(n);
    offer.sfid.security = services.security;
    offer.sfid.cipher = services.suite;
    offer.sfid.compression = services.compression;
    offer.sfid.envelope = services.secures();
    offer.sfid.signed_receipt = services.signed_receipt;
    offer
}
