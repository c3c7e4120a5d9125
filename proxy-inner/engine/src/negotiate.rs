//! Two SSIDs in, one [`Agreement`] out (RFC 5024 sections 3.2.1 and 5.3.2).
//!
//! The initiator's SSID states what it can do; the responder's SSID is the answer. Both functions
//! here are pure, so that the whole negotiation can be tested as a table.

use oftp::{Deviation, Deviations, EndReason, Level, Mode, Ssid};

use crate::settings::{LEAST_BUFFER, MOST_BUFFER, MOST_CREDIT};
use crate::{Identity, Settings};

/// What both sides agreed: the session variables of RFC 5024 section 9.6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// The lower of both levels.
    pub level: Level,
    /// The smaller of both DATA buffer sizes, in octets with the command octet.
    pub buffer: u32,
    /// The window: DATA buffers between two credits, as the responder answered.
    pub credit: u16,
    /// What *this* side may do with files.
    pub mode: Mode,
    /// Compressed subrecords may come.
    pub compression: bool,
    /// Transfers may resume in the middle.
    pub restart: bool,
    /// Both sides asked for secure authentication.
    pub authentication: bool,
}

impl Agreement {
    /// What holds before anything was agreed: our own settings.
    pub(crate) fn of_settings(settings: &Settings) -> Self {
        Self {
            level: settings.level,
            buffer: settings.buffer,
            credit: settings.credit,
            mode: settings.mode,
            compression: settings.compression,
            restart: settings.restart,
            authentication: settings.authentication,
        }
    }
}

/// Why two sides cannot work together; goes out as ESID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) reason: EndReason,
    pub(crate) text: String,
}

impl Mismatch {
    fn new(reason: EndReason, text: impl Into<String>) -> Self {
        Self {
            reason,
            text: text.into(),
        }
    }

    fn capabilities(text: impl Into<String>) -> Self {
        Self::new(EndReason::INCOMPATIBLE, text)
    }
}

/// The SSID with which the initiator opens: its settings as they are. Special logic is for X.25
/// only: N.
pub(crate) fn opening(settings: &Settings, us: Identity) -> Ssid {
    ssid(&Agreement::of_settings(settings), us)
}

/// The SSID in which the responder states what was agreed (A-02, A-03: answer the minimum; A-47:
/// special logic N).
pub(crate) fn answer(agreed: &Agreement, us: Identity) -> Ssid {
    ssid(agreed, us)
}

/// The responder's first look at a caller's SSID (S1-E, predicate P4): can the modes work together
/// at all?
///
/// The table disconnects without a word; RFC 5024 has ESID 10 for exactly this, so it is sent
///
pub(crate) fn mode_possible(ours: &Settings, theirs: &Ssid) -> Result<Mode, Mismatch> {
    join_modes(ours.mode, theirs.mode)
}

/// The responder's negotiation (S1-G): authentication first (!P10 is 12), then all else (P2 fails
/// is 10).
pub(crate) fn as_responder(
    ours: &Settings,
    theirs: &Ssid,
) -> Result<(Agreement, Deviations), Mismatch> {
    same_authentication(ours, theirs)?;
    let mode = mode_possible(ours, theirs)?;
    let (level, buffer, credit) = common_sizes(ours, theirs)?;
    let met = tolerable(
        ours,
        [(Deviation::SpecialLogicOffered, theirs.special_logic)],
    )?;
    let agreement = Agreement {
        level,
        buffer,
        credit: credit.min(ours.credit),
        mode,
        compression: ours.compression && theirs.compression,
        restart: ours.restart && theirs.restart,
        authentication: ours.authentication,
    };
    Ok((agreement, met))
}

/// The initiator's check of the answer (S1-D): capabilities first (else is 10), then authentication
/// (!P8 is 12).
///
/// A credit above the one offered is a protocol error by RFC 5024 section 5.3.2, hence ESID 02
/// . An answer `B` to `S` or `R` is taken as the narrower mode, a larger buffer as the
/// smaller one.
pub(crate) fn as_initiator(
    ours: &Settings,
    theirs: &Ssid,
) -> Result<(Agreement, Deviations), Mismatch> {
    let mode = join_modes(ours.mode, theirs.mode)?;
    let (level, buffer, credit) = common_sizes(ours, theirs)?;
    if credit > ours.credit {
        let text = format!(
            "SSIDCRED answered {credit} to {}; answer at most that",
            ours.credit
        );
        return Err(Mismatch::new(EndReason::PROTOCOL_VIOLATION, text));
    }
    if theirs.restart && !ours.restart {
        return Err(Mismatch::capabilities("SSIDREST answered Y to N; answer N"));
    }
    if theirs.special_logic {
        return Err(Mismatch::capabilities(
            "SSIDSPEC answered Y to N; special logic is for X.25 only",
        ));
    }
    let wider = ours.mode != Mode::Both && theirs.mode == Mode::Both;
    let met = tolerable(
        ours,
        [
            (Deviation::HigherLevelAnswered, theirs.level > ours.level),
            (Deviation::LargerBufferAnswered, theirs.buffer > ours.buffer),
            (Deviation::WiderModeAnswered, wider),
        ],
    )?;
    same_authentication(ours, theirs)?;
    let agreement = Agreement {
        level,
        buffer,
        credit,
        mode,
        compression: ours.compression && theirs.compression,
        restart: theirs.restart,
        authentication: ours.authentication,
    };
    Ok((agreement, met))
}

fn ssid(terms: &Agreement, us: Identity) -> Ssid {
    Ssid {
        level: terms.level,
        code: us.code,
        password: us.password,
        buffer: terms.buffer,
        mode: terms.mode,
        compression: terms.compression,
        restart: terms.restart,
        special_logic: false,
        credit: terms.credit,
        authentication: terms.authentication,
        user: us.user,
    }
}

/// The mode table of RFC 5024 section 3.2.1, seen from our side.
fn join_modes(ours: Mode, theirs: Mode) -> Result<Mode, Mismatch> {
    match (ours, theirs) {
        (Mode::Send, Mode::Send) => Err(Mismatch::capabilities(
            "both sides only send files (SSIDSR S and S)",
        )),
        (Mode::Receive, Mode::Receive) => Err(Mismatch::capabilities(
            "both sides only receive files (SSIDSR R and R)",
        )),
        (Mode::Send, _) | (Mode::Both, Mode::Receive) => Ok(Mode::Send),
        (Mode::Receive, _) | (Mode::Both, Mode::Send) => Ok(Mode::Receive),
        (Mode::Both, Mode::Both) => Ok(Mode::Both),
    }
}

/// Level, buffer and the partner's credit, each checked against its own range.
fn common_sizes(ours: &Settings, theirs: &Ssid) -> Result<(Level, u32, u16), Mismatch> {
    let level = ours.level.min(theirs.level);
    if level < ours.lowest_level {
        let text = format!(
            "protocol level {level} is not spoken here, {} is the lowest",
            ours.lowest_level
        );
        return Err(Mismatch::capabilities(text));
    }
    if !(LEAST_BUFFER..=MOST_BUFFER).contains(&theirs.buffer) {
        let text = format!("SSIDSDEB {} is outside 128 to 99999", theirs.buffer);
        return Err(Mismatch::new(EndReason::INVALID_DATA, text));
    }
    if !(1..=MOST_CREDIT).contains(&theirs.credit) {
        let text = format!("SSIDCRED {} is outside 1 to 999", theirs.credit);
        return Err(Mismatch::new(EndReason::INVALID_DATA, text));
    }
    Ok((level, ours.buffer.min(theirs.buffer), theirs.credit))
}

/// Those of the breaches that were met, unless one of them is refused.
fn tolerable<const N: usize>(
    ours: &Settings,
    breaches: [(Deviation, bool); N],
) -> Result<Deviations, Mismatch> {
    let met = breaches
        .into_iter()
        .filter_map(|(deviation, met)| met.then_some(deviation))
        .collect::<Deviations>();
    match met.intersection(ours.refused).iter().next() {
        None => Ok(met),
        Some(refused) => {
            let reason = refused.end_reason().unwrap_or(EndReason::INCOMPATIBLE);
            Err(Mismatch::new(reason, refused.sentence()))
        }
    }
}

/// SSIDAUTH means nothing below level 5: who requires authentication finds no match
/// there.
fn same_authentication(ours: &Settings, theirs: &Ssid) -> Result<(), Mismatch> {
    let possible = ours.level.min(theirs.level).is_oftp2();
    let asked = theirs.authentication && possible;
    if ours.authentication == asked {
        return Ok(());
    }
    if !possible {
        return Err(Mismatch::new(
            EndReason::AUTHENTICATION_INCOMPATIBLE,
            "secure authentication is required here and needs protocol level 5",
        ));
    }
    let (asked, had) = if asked { ("Y", "N") } else { ("N", "Y") };
    let text = format!("SSIDAUTH {asked} does not fit {had} here; both sides must say the same");
    Err(Mismatch::new(EndReason::AUTHENTICATION_INCOMPATIBLE, text))
}
