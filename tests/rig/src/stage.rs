//! Sessions of ours brought to the point where a rule can be broken, by octets alone.

use engine::{Challenge, Durable, Position, Request, Settings};
use oftp::{EndReason, Level, Mode};

use crate::script::{OURS, eerp_for, identity, sfid};
use crate::wire::{Offer, SSRM, Terms, Wire, data, efid, octets, sfpa};

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// I_WF_RM: we called and wait for SSRM.
    Greeting,
    /// I_WF_SSID: our SSID went out.
    Answer,
    /// A_NC_ONLY: we were called, SSRM went out.
    Opening,
    /// WF_SECD: we were called and both want authentication.
    Securing,
    /// WF_AUCH: we called and sent SECD.
    Challenging,
    /// WF_AURP: we were called and sent our challenge.
    Responding,
    /// IDLESP after our call.
    Speaker,
    /// OPOP: SFID went out, at position 0.
    Offered,
    /// OPO with credit left.
    Sending,
    /// CLOP: EFID went out.
    Closing,
    /// WF_RTR: EERP went out.
    ReceiptSent,
    /// IDLELI after we were called.
    Listener,
    /// IDLELICD: we called and gave the turn away.
    Given,
    /// OPI: a file of this format is open, at position 0.
    Receiving(char),
    /// WF_CD: EFPA(Y) went out.
    TurnAwaited,
}

/// The octets inside every challenge of the stages.
pub const SECRET: [u8; 20] = *b"twenty secret octets";

/// A challenge of ours; what it is sealed with is nobody's business here.
pub fn challenge() -> Challenge {
    Challenge {
        sealed: b"sealed".to_vec(),
        secret: SECRET,
    }
}

/// The level of a digit.
pub fn level(digit: u8) -> Level {
    match digit {
        1 => Level::L1,
        2 => Level::L2,
        4 => Level::L4,
        _ => Level::L5,
    }
}

/// What both sides agree to: everything, at this level.
pub fn terms(digit: u8) -> Settings {
    Settings {
        level: level(digit),
        lowest_level: Level::L1,
        buffer: 4096,
        credit: 8,
        ..Settings::default()
    }
}

/// What a partner says that has the same settings, seen from its side.
pub fn agreeing(settings: &Settings, digit: u8) -> Terms {
    let flag = |set: bool| if set { 'Y' } else { 'N' };
    let mut terms = Terms::at(digit);
    terms.mode = match settings.mode {
        Mode::Send => 'R',
        Mode::Receive => 'S',
        Mode::Both => 'B',
    };
    terms.compression = flag(settings.compression);
    terms.restart = flag(settings.restart);
    if digit == 5 {
        terms.authentication = flag(settings.authentication);
    }
    terms
}

impl Stage {
    /// A session at this stage, with nothing said or reported that was not taken.
    pub fn wire(self, settings: &Settings, digit: u8) -> Wire {
        let mut wire = self.line(settings, digit);
        wire.quiet();
        wire
    }

    fn line(self, settings: &Settings, digit: u8) -> Wire {
        let us = || Request::ConnectResponse(Ok(identity(OURS)));
        let partner = agreeing(settings, digit).ssid();
        match self {
            Self::Greeting => Wire::calling(settings),
            Self::Answer => {
                let mut wire = Wire::calling(settings);
                wire.hears(&octets(SSRM));
                wire
            }
            Self::Speaker | Self::Challenging => {
                let mut wire = Self::Answer.wire(settings, digit);
                wire.hears(&partner);
                wire
            }
            Self::Opening => Wire::called(settings),
            Self::Listener | Self::Securing => {
                let mut wire = Self::Opening.wire(settings, digit);
                wire.hears(&partner);
                wire.ask(us());
                wire
            }
            Self::Responding => {
                let mut wire = Self::Securing.wire(settings, digit);
                wire.hears(b"J");
                wire.ask(Request::Challenge(Ok(challenge())));
                wire
            }
            Self::Offered => {
                let mut wire = Self::Speaker.wire(settings, digit);
                wire.ask(Request::StartFile(sfid("FILE", 3)));
                wire
            }
            Self::Sending => {
                let mut wire = Self::Offered.wire(settings, digit);
                wire.hears(&sfpa(digit, 0));
                wire
            }
            Self::Closing => {
                let mut wire = Self::Sending.wire(settings, digit);
                let now = wire.now;
                assert_eq!(wire.session.send_data(b"abc", true, now), Ok(3));
                wire.ask(Request::CloseFile {
                    records: 0,
                    octets: 3,
                });
                wire
            }
            Self::ReceiptSent => {
                let mut wire = Self::Speaker.wire(settings, digit);
                wire.ask(Request::Eerp(eerp_for(&sfid("FILE", 3))));
                wire
            }
            Self::Given => {
                let mut wire = Self::Speaker.wire(settings, digit);
                wire.ask(Request::ChangeDirection);
                wire
            }
            Self::Receiving(format) => {
                let mut wire = Self::Listener.wire(settings, digit);
                let mut offer = Offer::at(digit);
                offer.format = format;
                if matches!(format, 'F' | 'V') {
                    offer.record_length = "00003";
                }
                wire.hears(&offer.sfid());
                wire.ask(Request::StartFileResponse(Ok(Position::START)));
                wire
            }
            Self::TurnAwaited => {
                let mut wire = Self::Receiving('U').wire(settings, digit);
                wire.hears(&data(b"abc", true));
                assert_eq!(wire.received().octets, b"abc");
                wire.hears(&efid(digit, 0, 3));
                wire.ask(Request::CloseFileResponse(Ok((Durable::synced(3), true))));
                wire
            }
        }
    }

    /// The RFC's name of the state.
    pub fn state(self) -> &'static str {
        match self {
            Self::Greeting => "I_WF_RM",
            Self::Answer => "I_WF_SSID",
            Self::Opening => "A_NC_ONLY",
            Self::Securing => "WF_SECD",
            Self::Challenging => "WF_AUCH",
            Self::Responding => "WF_AURP",
            Self::Speaker => "IDLESP",
            Self::Offered => "OPOP",
            Self::Sending => "OPO",
            Self::Closing => "CLOP",
            Self::ReceiptSent => "WF_RTR",
            Self::Listener => "IDLELI",
            Self::Given => "IDLELICD",
            Self::Receiving(_) => "OPI",
            Self::TurnAwaited => "WF_CD",
        }
    }
}

/// The end that our side chooses.
pub fn release(reason: u8) -> Request {
    Request::Release(EndReason(reason), String::new())
}
