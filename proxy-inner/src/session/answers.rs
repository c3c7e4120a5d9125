//! Who is calling, and may they in? The answer to a caller's SSID.
//!
//! A stranger learns nothing but the RFC's reason code; a wrong password and an unknown code take the
//! same look-ups and the same comparison. The operator's log says what nearly matched.

use std::net::SocketAddr;

use ::link::CircuitId;
use oftp::{Command, EndReason, Level, Mode, OdetteId, Password, Ssid};
use store::{Fingerprint, Partner, Station, Store, StoreError, Transport};
use tokio::task::spawn_blocking;

use super::{SessionContext, SessionSettings, Strangers};

/// Where a call comes from and what its TLS handshake proved.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The circuit.
    pub circuit: CircuitId,
    /// The caller's address, as the DMZ half reports it.
    pub peer: SocketAddr,
    /// The listener it came to.
    pub listener: String,
    /// What lies between the caller and us.
    pub transport: Transport,
    /// Whether that listener asks for certificates.
    pub asked_for_certificate: bool,
    /// The certificate whose key the caller proved to have.
    pub certificate: Option<Fingerprint>,
}

/// The two sides of a session once they are known.
#[derive(Clone, Debug)]
pub struct Party {
    /// The partner.
    pub partner: Partner,
    /// Which of our stations it deals with.
    pub station: Station,
}

/// What a caller is told.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The caller is this partner.
    Welcome(Box<Party>),
    /// The caller is turned away with ESID and this reason, without text.
    Refuse(EndReason),
}

/// Judges a caller by its SSID (61 octets). `None` means that it is told nothing at all.
pub async fn judge(context: &SessionContext, caller: &Caller, ssid: &[u8]) -> Option<Verdict> {
    let store = context.store.clone();
    let (asked, facts) = (ssid.to_vec(), caller.clone());
    let judged = spawn_blocking(move || decide(&store, &facts, &asked)).await;
    let turned = match judged {
        Ok(Ok(party)) => return Some(Verdict::Welcome(party)),
        Ok(Err(turned)) => turned,
        Err(error) => Turned::Failed(error.to_string()),
    };
    let reason = turned.reason();
    let silent = turned.is_stranger() && context.settings.strangers == Strangers::Silent;
    context.counters.partners_refused.one();
    // Looking for what nearly matched takes time that the answer must not show.
    let store = context.store.clone();
    let caller = caller.clone();
    drop(spawn_blocking(move || report(&store, &caller, &turned)));
    (!silent).then_some(Verdict::Refuse(reason))
}

/// What the engine offers to a partner and takes from it: what was agreed with the partner, and of
/// buffer and credit the lower of its and our ceilings.
pub fn settings(session: &SessionSettings, partner: Option<&Partner>) -> engine::Settings {
    let timers = engine::Timers {
        opening: session.opening,
        inactivity: session.inactivity,
        end_of_file: session.end_of_file,
        leave: session.leave,
        answer: session.answer,
    };
    match partner {
        Some(partner) => engine::Settings {
            level: partner.level,
            lowest_level: partner.lowest_level,
            buffer: partner.buffer.min(session.buffer),
            credit: partner.credit.min(session.credit),
            mode: Mode::Both,
            compression: partner.compression,
            restart: partner.restart,
            authentication: partner.authentication,
            refused: partner.refuse,
            timers,
        },
        // A stranger is told that it is one, at whatever level it speaks.
        None => engine::Settings {
            lowest_level: Level::L1,
            buffer: session.buffer,
            credit: session.credit,
            timers,
            ..engine::Settings::default()
        },
    }
}

/// What is wrong with the SSID with which a partner answered our call, if anything.
pub(crate) fn wrong_answer(partner: &Partner, answer: &Ssid) -> Option<(EndReason, String)> {
    if answer.code != partner.code {
        let why = format!(
            "it answered with the identification code \"{}\" instead of \"{}\"",
            answer.code, partner.code
        );
        Some((EndReason::USER_CODE_NOT_KNOWN, why))
    } else if !partner.password_expected.matches(&answer.password) {
        let why = "it answered with a wrong password; compare password_expected with what the partner sends";
        Some((EndReason::INVALID_PASSWORD, why.to_owned()))
    } else {
        None
    }
}

/// Why a caller is turned away.
#[derive(Debug)]
enum Turned {
    Malformed(String),
    Unknown(OdetteId),
    Disabled(Box<Partner>),
    /// It came over TLS and is agreed on plain TCP, or the other way.
    Transport(Box<Partner>),
    Password(Box<Partner>),
    Certificate {
        partner: Box<Partner>,
        shown: Option<Fingerprint>,
    },
    Failed(String),
}

impl Turned {
    fn reason(&self) -> EndReason {
        match self {
            // To the outside a partner that may not come, or not this way, is one we do not know.
            Turned::Malformed(_)
            | Turned::Unknown(_)
            | Turned::Disabled(_)
            | Turned::Transport(_) => EndReason::USER_CODE_NOT_KNOWN,
            Turned::Password(_) | Turned::Certificate { .. } => EndReason::INVALID_PASSWORD,
            Turned::Failed(_) => EndReason::NO_RESOURCES,
        }
    }

    fn is_stranger(&self) -> bool {
        matches!(
            self,
            Turned::Malformed(_) | Turned::Unknown(_) | Turned::Disabled(_) | Turned::Transport(_)
        )
    }
}

impl From<StoreError> for Turned {
    fn from(error: StoreError) -> Self {
        Turned::Failed(error.to_string())
    }
}

fn decide(store: &Store, caller: &Caller, ssid: &[u8]) -> Result<Box<Party>, Turned> {
    let ssid = match Command::decode(ssid, Level::L5) {
        Ok(Command::Ssid(ssid)) => ssid,
        Ok(_) => return Err(Turned::Malformed("the first command is no SSID".to_owned())),
        Err(error) => return Err(Turned::Malformed(error.to_string())),
    };
    let found = store.partner_by_code(&ssid.code)?;
    // The same look-ups and one comparison for everybody, known or not.
    let station = store.station(found.as_ref().map_or("", |partner| &partner.station))?;
    let nobody = Password::default();
    let expected = found
        .as_ref()
        .map_or(&nobody, |partner| &partner.password_expected);
    let password_right = expected.matches(&ssid.password);
    let Some(partner) = found else {
        return Err(Turned::Unknown(ssid.code));
    };
    let partner = Box::new(partner);
    if !partner.enabled {
        return Err(Turned::Disabled(partner));
    }
    // Nobody is talked out of TLS, and the password of a plain partner, which crosses the inside in
    // clear, opens nothing from outside.
    if partner.transport != caller.transport {
        return Err(Turned::Transport(partner));
    }
    if !password_right {
        return Err(Turned::Password(partner));
    }
    let pinned = !partner.certificates.is_empty();
    let proved = caller
        .certificate
        .is_some_and(|shown| partner.certificates.contains(&shown));
    if caller.asked_for_certificate && pinned && !proved {
        return Err(Turned::Certificate {
            partner,
            shown: caller.certificate,
        });
    }
    let Some(station) = station else {
        return Err(StoreError::NoStation(partner.station).into());
    };
    Ok(Box::new(Party {
        partner: *partner,
        station,
    }))
}

/// Tells the operator who was turned away and why.
fn report(store: &Store, caller: &Caller, turned: &Turned) {
    let (partner, why) = match turned {
        Turned::Malformed(problem) => (None, format!("its SSID is not well-formed: {problem}")),
        Turned::Unknown(code) => {
            let near = nearly(store, code).unwrap_or_default();
            (
                None,
                format!("no partner has the identification code \"{code}\"{near}"),
            )
        }
        Turned::Disabled(partner) => (
            Some(partner),
            "the partner is disabled; set enabled = true to let it in".to_owned(),
        ),
        Turned::Transport(partner) => (
            Some(partner),
            format!(
                "it came with transport {} and is agreed on {}; if that has changed, set its transport",
                caller.transport, partner.transport
            ),
        ),
        Turned::Password(partner) => (
            Some(partner),
            "the password is wrong; compare password_expected with what the partner sends"
                .to_owned(),
        ),
        Turned::Certificate {
            partner,
            shown: None,
        } => (
            Some(partner),
            "it showed no certificate although one is pinned for it".to_owned(),
        ),
        Turned::Certificate {
            partner,
            shown: Some(shown),
        } => (
            Some(partner),
            format!("it showed certificate {shown}, which is pinned for another partner"),
        ),
        Turned::Failed(problem) => {
            tracing::error!(
                circuit = %caller.circuit,
                peer = %caller.peer,
                why = problem,
                "A caller could not be judged and was sent away for now.",
            );
            return;
        }
    };
    tracing::warn!(
        circuit = %caller.circuit,
        peer = %caller.peer,
        listener = caller.listener,
        partner = partner.map(|partner| partner.name.as_str()),
        why,
        "A caller was turned away.",
    );
}

/// What a code nearly matches, as the rest of a sentence.
fn nearly(store: &Store, code: &OdetteId) -> Result<String, StoreError> {
    let wanted = code.to_string();
    for station in store.stations()? {
        if station.code == *code {
            return Ok(format!(
                "; it is the code of our own station {}",
                station.name
            ));
        }
    }
    for partner in store.partners()? {
        let known = partner.code.to_string();
        let name = &partner.name;
        if known.eq_ignore_ascii_case(&wanted) {
            return Ok(format!(
                "; partner {name} has it in other case, \"{known}\""
            ));
        }
        if plain(&known) == plain(&wanted) {
            return Ok(format!(
                "; partner {name} has it with other padding, \"{known}\""
            ));
        }
        if organisation(&known).is_some_and(|ours| Some(ours) == organisation(&wanted)) {
            return Ok(format!(
                "; partner {name} is another station of the same organisation, \"{known}\""
            ));
        }
    }
    Ok(String::new())
}

/// A code without blanks, leading zeros of its parts and case.
fn plain(code: &str) -> String {
    code.split_ascii_whitespace()
        .map(|part| part.trim_start_matches('0').to_ascii_uppercase())
        .collect()
}

/// The part of a code that names the organisation: all but the sub-address (RFC 5024 section 5.4).
fn organisation(code: &str) -> Option<&str> {
    const SUB_ADDRESS: usize = 19;
    let organisation = code.get(..SUB_ADDRESS).unwrap_or(code).trim_end();
    (organisation.len() > 5 && organisation.starts_with('O')).then_some(organisation)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_near_when_padding_case_or_sub_address_differ() {
        assert_eq!(plain("O0013 ACME  SUB1"), plain("o0013 acme SUB1"));
        assert_eq!(
            organisation("O0013TESTORGA      SUB1"),
            organisation("O0013TESTORGA      SUB2")
        );
        assert_ne!(
            organisation("O0013TESTORGA      SUB1"),
            organisation("O0013TESTORGB      SUB1")
        );
        assert_eq!(organisation("ACME"), None);
    }
}
