//! May this offered file in, and whom is it for?
//!
//! ```text
//!  SFID ─▶ origin: the partner, or who it speaks for ─▶ destination: a station of ours │ (gateway) another partner
//!       ─▶ file services: as agreed for us, untouched for others ─▶ journal: new, resumed, or refused
//! ```
//!
//! A file for a third party is taken as it is, secured or not: it is not ours to open.

use engine::{Agreement, FileRefusal};
use jiff::Timestamp;
use oftp::{FileReason, Sfid};
use store::{Bound, CheckTiming, Inbound, InboundRefusal, Offer, Served, Store, StoreError};

use crate::security::policy;
use crate::session::answers::Party;

/// An offered file that was taken up.
pub(crate) struct Taken {
    /// The file, to be received.
    pub(crate) inbound: Inbound,
    /// The name of the partner it is forwarded to; none when it is for us.
    pub(crate) to: Option<String>,
    /// What has to be done with it before it is in the inbox.
    pub(crate) care: Care,
}

/// What has to be done with a received file before it can be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// Nothing.
    None,
    /// It is opened, or hashed for its signed receipt, once it is acknowledged.
    After,
    /// It is opened before it is acknowledged.
    Before,
}

/// Takes up an offered file, or says what the partner is told instead. Blocks.
///
/// # Errors
/// What goes out as SFNA.
pub(crate) fn take(
    store: &Store,
    party: &Party,
    agreement: Agreement,
    sfid: Sfid,
    circuit: String,
) -> Result<Taken, FileRefusal> {
    let speaks = store.speaks_for(&party.partner.name, &sfid.origin);
    if !speaks.map_err(|error| failed(&error))? {
        let text = format!("origin {} may not send here", sfid.origin);
        return Err(refusal(FileReason::INVALID_ORIGIN, false, text));
    }
    let bound = bound(store, party, &sfid)?;
    let (to, care) = match &bound {
        Bound::Station(_) => {
            policy::judge(&party.partner, &sfid)?;
            (None, care(party, &sfid))
        }
        Bound::Forward(partner) => (Some(partner.clone()), Care::None),
    };
    let offer = Offer {
        partner: party.partner.name.clone(),
        bound,
        sfid,
        level: agreement.level,
        restart: agreement.restart,
        circuit,
    };
    store
        .begin_inbound(offer, Timestamp::now())
        .map(|inbound| Taken { inbound, to, care })
        .map_err(|problem| match problem {
            InboundRefusal::Duplicate { .. } => {
                refusal(FileReason::DUPLICATE, false, "the file was received before")
            }
            InboundRefusal::Busy { .. } => {
                let text = "the file is being received in another session";
                refusal(FileReason::UNSPECIFIED, true, text)
            }
            InboundRefusal::NoSpace { .. } => refusal(
                FileReason::TOO_BIG,
                true,
                "no space at present; offer it later",
            ),
            InboundRefusal::Loop { why } => refusal(FileReason::INVALID_DESTINATION, false, why),
            InboundRefusal::Store(error) => failed(&error),
        })
}

/// Whom the file is for: a station of ours, or a partner it is forwarded to.
fn bound(store: &Store, party: &Party, sfid: &Sfid) -> Result<Bound, FileRefusal> {
    let served = store
        .serving(&sfid.destination)
        .map_err(|error| failed(&error))?;
    let why = match served {
        Some(Served::Station(station)) => return Ok(Bound::Station(station.name)),
        Some(Served::Partner(next)) if next.name == party.partner.name => {
            // It would come straight back.
            "is served by the partner that offers it"
        }
        Some(Served::Partner(next)) if party.partner.gateway && next.enabled => {
            return Ok(Bound::Forward(next.name));
        }
        // Whether it is known here is nobody's business who may not reach it.
        Some(Served::Partner(_)) | None => "is not here",
    };
    let text = format!("destination {} {why}", sfid.destination);
    Err(refusal(FileReason::INVALID_DESTINATION, false, text))
}

fn care(party: &Party, sfid: &Sfid) -> Care {
    let services = policy::has_services(sfid.security, sfid.compression);
    match (services, party.partner.check) {
        (true, CheckTiming::BeforeAcknowledgement) => Care::Before,
        (true, CheckTiming::Delivered) => Care::After,
        (false, _) if sfid.signed_receipt => Care::After,
        (false, _) => Care::None,
    }
}

fn refusal(reason: FileReason, retry: bool, text: impl Into<String>) -> FileRefusal {
    FileRefusal {
        reason,
        retry,
        text: text.into(),
    }
}

/// The store failed: ours to repair, the partner may try again.
fn failed(error: &StoreError) -> FileRefusal {
    tracing::error!(why = %error, "An offered file could not be taken into the store.");
    refusal(
        FileReason::UNSPECIFIED,
        true,
        "not possible at present; offer it later",
    )
}
