//! The protocol guard: only sane OFTP2 frames, in a plausible order, may cross a circuit.
//!
//! ```text
//!  partner ──octets──▶ Gate (from the partner) ──▶ inner half
//!                            │  Terms: buffer size and level, known once both SSIDs crossed
//!  partner ◀─────────── Gate (from the inner half) ◀──octets── inner half
//! ```
//!
//! Pure: no I/O, no clock, no allocation in proportion to what is read. It assumes that the caller
//! hands it one direction's octets in order, and holds back what was not yet passed. It promises
//! that every octet it passed belongs to a frame whose header, command and length were sane; that
//! a command other than DATA passes only whole and decoded; that DATA passes at once, piece by
//! piece, its subrecords walked on the way; and that nothing passes after an ESID.

mod refusal;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};

use oftp::{Code, Command, Level, Ssid, Walker, frame};

pub use self::refusal::{Refusal, What};

/// Guards one direction of one circuit.
#[derive(Debug)]
pub struct Gate {
    direction: Direction,
    partner: Terms,
    terms: Arc<OnceLock<Terms>>,
    /// Octets of this direction that have passed, greeting included.
    position: u64,
    state: State,
    /// What was found behind octets that still had to pass first.
    refused: Option<Refusal>,
}

/// Where the octets come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Sent by the partner, on their way inside.
    FromPartner,
    /// Sent by the inner half, on their way to the partner.
    FromInner,
}

/// Makes the two guards of a circuit from the partner's SSID, which has passed already.
#[must_use]
pub fn pair(partner: &Ssid) -> (Gate, Gate) {
    let offered = Terms::of(partner);
    let terms = Arc::new(OnceLock::new());
    let gate = |direction, position| Gate {
        direction,
        partner: offered,
        terms: Arc::clone(&terms),
        position,
        state: State::Frame,
        refused: None,
    };
    (
        gate(Direction::FromPartner, SSID_FRAME as u64),
        gate(Direction::FromInner, SSRM_FRAME as u64),
    )
}

impl Gate {
    /// Says how many octets from the front of `octets` may be forwarded now.
    ///
    /// `octets` starts at the first octet that was not passed before. What is not passed is to be
    /// kept and handed in again, in front of what follows; at most one frame
    /// ([`oftp::frame::MAX_FRAME_LEN`]) is ever held back.
    ///
    /// # Errors
    /// The first thing that must not cross. Sane frames in front of it have been passed by an
    /// earlier call. The direction is closed from then on: every later call repeats the refusal.
    pub fn check(&mut self, octets: &[u8]) -> Result<usize, Refusal> {
        if let Some(refused) = &self.refused {
            return Err(refused.clone());
        }
        let mut passed = 0;
        while let Some(rest) = octets.get(passed..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Ok(0) => break,
                Ok(step) => {
                    passed += step;
                    self.position += step as u64;
                }
                Err(refusal) => {
                    self.refused = Some(refusal.clone());
                    if passed == 0 {
                        return Err(refusal);
                    }
                    break;
                }
            }
        }
        Ok(passed)
    }

    fn step(&mut self, rest: &[u8]) -> Result<usize, Refusal> {
        match &mut self.state {
            State::Frame => self.open_frame(rest),
            State::Data {
                left,
                walker,
                start,
            } => {
                let piece = rest.get(..*left).unwrap_or(rest);
                let whole = *left == piece.len();
                let subrecord = walker.walk(piece).and_then(|()| match whole {
                    true => walker.end(),
                    false => Ok(()),
                });
                if let Err(error) = subrecord {
                    let what = What::Subrecord(error);
                    return Err(Refusal {
                        direction: self.direction,
                        position: *start,
                        what,
                    });
                }
                *left -= piece.len();
                if whole {
                    self.state = State::Frame;
                }
                Ok(piece.len())
            }
            State::Closed => Err(self.refuse(What::AfterEnd)),
        }
    }

    /// Judges a frame from its first octet on. Zero: more octets are needed to say.
    fn open_frame(&mut self, rest: &[u8]) -> Result<usize, Refusal> {
        let Some((header, oeb)) = rest.split_first_chunk::<{ frame::HEADER_LEN }>() else {
            return Ok(0);
        };
        let length =
            frame::decode_header(*header).map_err(|error| self.refuse(What::Header(error)))?;
        let Some(&octet) = oeb.first() else {
            return Ok(0);
        };
        let code =
            Code::from_octet(octet).ok_or_else(|| self.refuse(What::UnknownCommand { octet }))?;
        let terms = self.admit(code)?;
        let most = longest(code, terms.buffer);
        if length > most {
            return Err(self.refuse(What::TooLong {
                command: code,
                found: length,
                most,
            }));
        }
        if code == Code::Data {
            if length > 1 {
                self.state = State::Data {
                    left: length - 1,
                    walker: Walker::new(terms.compression),
                    start: self.position,
                };
            }
            return Ok(frame::HEADER_LEN + 1);
        }
        let Some(oeb) = oeb.get(..length) else {
            return Ok(0);
        };
        let command =
            Command::decode(oeb, terms.level).map_err(|error| self.refuse(What::Syntax(error)))?;
        match command {
            Command::Ssid(ours) => {
                let agreed = self.partner.least(Terms::of(&ours));
                // Set once: a second SSID was refused by `admit`.
                let _ = self.terms.set(agreed);
            }
            Command::Esid(_) => self.state = State::Closed,
            _ => {}
        }
        Ok(frame::HEADER_LEN + length)
    }

    /// Whether this command may come now, and under which terms it is read.
    fn admit(&self, code: Code) -> Result<Terms, Refusal> {
        match (self.terms.get(), self.direction, code) {
            (Some(_), _, Code::Ssrm | Code::Ssid) => {
                Err(self.refuse(What::SecondGreeting { command: code }))
            }
            (Some(terms), _, _) => Ok(*terms),
            (None, _, Code::Esid) | (None, Direction::FromInner, Code::Ssid) => Ok(self.partner),
            (None, _, _) => Err(self.refuse(What::TooEarly { command: code })),
        }
    }

    fn refuse(&self, what: What) -> Refusal {
        Refusal {
            direction: self.direction,
            position: self.position,
            what,
        }
    }
}

#[derive(Debug)]
enum State {
    /// The next octet opens a frame.
    Frame,
    /// Inside DATA: octets of the exchange buffer still to come, and where its frame started.
    Data {
        left: usize,
        walker: Walker,
        start: u64,
    },
    /// ESID has passed.
    Closed,
}

/// What frames are measured against: one SSID's offer, or the least of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Terms {
    buffer: usize,
    level: Level,
    compression: bool,
}

impl Terms {
    fn of(ssid: &Ssid) -> Terms {
        Terms {
            buffer: usize::try_from(ssid.buffer).unwrap_or(usize::MAX),
            level: ssid.level,
            compression: ssid.compression,
        }
    }

    /// RFC 5024 §5.3.2: the smaller buffer, the lower level, and what both can.
    fn least(self, other: Terms) -> Terms {
        Terms {
            buffer: self.buffer.min(other.buffer),
            level: self.level.min(other.level),
            compression: self.compression && other.compression,
        }
    }
}

/// The longest exchange buffer a command may fill, at any level, so that a false length is refused
/// before its octets are waited for. The exact length is the decoder's business.
fn longest(code: Code, buffer: usize) -> usize {
    match code {
        Code::Data => buffer.saturating_add(DATA_LENIENCY).min(frame::MAX_OEB_LEN),
        Code::Eerp | Code::Nerp => frame::MAX_OEB_LEN,
        Code::Auch => 3 + 65_535,
        Code::Sfid => 165 + TEXT,
        Code::Sfna | Code::Efna | Code::Esid => 7 + TEXT,
        Code::Ssrm
        | Code::Ssid
        | Code::Sfpa
        | Code::Cdt
        | Code::Efid
        | Code::Efpa
        | Code::Cd
        | Code::Rtr
        | Code::Secd
        | Code::Aurp => 61,
    }
}

/// An SSID as a frame: header and 61 octets.
pub const SSID_FRAME: usize = frame::HEADER_LEN + 61;
/// An SSRM as a frame: header and 19 octets.
const SSRM_FRAME: usize = frame::HEADER_LEN + 19;
/// The longest text field (§5.3.3, §5.3.5, §5.3.10, §5.3.11).
const TEXT: usize = 999;
/// Some partners pad DATA with empty subrecords a little beyond the agreed size.
const DATA_LENIENCY: usize = 8;
