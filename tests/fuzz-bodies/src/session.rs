//! The session engine under any sequence of octets, requests and time.

use std::time::Duration;

use engine::{
    Challenge, Durable, EndFileRefusal, Event, FileRefusal, Identity, Position, RECEIVE_CEILING,
    Received, Refusal, Request, Session, Settings, TRANSMIT_CEILING,
};
use oftp::{
    Auch, Aurp, Command, Deviations, Eerp, Efid, Efna, Efpa, EndReason, Esid, FileReason, Format,
    Level, Mode, Nerp, ReceiptReason, Security, Sfid, Sfna, Sfpa, Ssid, Ssrm, UserField,
};

use crate::Choices;

/// The engine: no sequence of the partner's octets, the driver's requests, time-outs and
/// disconnects makes it panic, say something that is no command, pass its ceilings, or end twice.
pub fn session_ops(octets: &[u8]) {
    let mut choices = Choices(octets);
    let mut run = Run::new(&mut choices);
    while !choices.is_over() {
        run.one(&mut choices);
    }
    run.end();
}

const LEVELS: [Level; 4] = [Level::L5, Level::L1, Level::L2, Level::L4];

struct Run {
    session: Session,
    now: Duration,
    spoken: Vec<u8>,
    /// Our own level, which holds until one is agreed.
    highest: Level,
    aborted: u32,
    released: u32,
    /// The connection is gone, and what was not written with it.
    cut: bool,
}

impl Run {
    fn new(choices: &mut Choices<'_>) -> Run {
        let settings = Settings {
            buffer: 128 + u32::from(choices.octet()) * 100,
            credit: u16::from(choices.octet()) % 999 + 1,
            compression: choices.octet() & 1 == 1,
            restart: choices.octet() & 1 == 1,
            level: LEVELS[choices.below(LEVELS.len())],
            lowest_level: Level::L1,
            refused: if choices.octet() > 200 {
                Deviations::all()
            } else {
                Deviations::refused_by_default()
            },
            ..Settings::default()
        };
        let settings = Settings {
            authentication: settings.level == Level::L5 && choices.octet() > 128,
            ..settings
        };
        let now = Duration::ZERO;
        let highest = settings.level;
        let session = match choices.below(3) {
            0 => Session::initiator(settings, identity(), now),
            1 => Session::responder(settings, now),
            _ => Session::responder_after_ssrm(settings, now),
        };
        Run {
            session,
            now,
            spoken: Vec::new(),
            highest,
            aborted: 0,
            released: 0,
            cut: false,
        }
    }

    /// One operation, and what must hold after each.
    fn one(&mut self, choices: &mut Choices<'_>) {
        match choices.below(13) {
            0 => {
                let octets = choices.octets(200);
                self.hear(octets);
            }
            1..=4 => {
                let mut frame = Vec::new();
                // A command that cannot be encoded is one the partner cannot say either.
                let level = self.level();
                if their_command(choices).encode(level, &mut frame).is_ok() {
                    self.hear(&frame);
                }
            }
            5 | 6 => {
                let request = our_request(choices);
                let before = self.session.state_name();
                self.cut |= request == Request::Abort;
                if self.session.request(request, self.now).is_err() {
                    assert_eq!(
                        self.session.state_name(),
                        before,
                        "a user error changes nothing"
                    );
                }
            }
            7 => {
                let octets = choices.octets(255);
                let length = octets.len();
                let end = choices.octet() & 1 == 1;
                let can = self.session.can_send_data();
                if let Ok(taken) = self.session.send_data(octets, end, self.now) {
                    assert!(taken <= length && (can || taken == 0));
                }
            }
            8 => {
                let octets = choices.octets(255);
                let mut ends = choices.octets(8).iter().map(|at| usize::from(*at));
                let ends: Vec<usize> = if choices.octet() > 240 {
                    ends.collect()
                } else {
                    let mut last = 0;
                    let ascending = |step: usize| {
                        last = (last + step % 40).min(octets.len());
                        last
                    };
                    ends.by_ref().map(ascending).collect()
                };
                let can = self.session.can_send_data();
                if let Ok(taken) = self.session.send_records(octets, &ends, self.now) {
                    assert!(taken.octets <= octets.len() && taken.records <= ends.len());
                    assert!(can || (taken.octets, taken.records) == (0, 0));
                }
            }
            9 => {
                let mut into = Received::default();
                let waiting = self.session.received_len();
                self.session.take_received(&mut into, self.now);
                assert_eq!(into.octets.len(), waiting);
                assert!(into.record_ends.is_sorted());
                assert!(into.record_ends.iter().all(|end| *end <= waiting));
                assert_eq!(self.session.received_len(), 0);
            }
            10 => {
                self.now += Duration::from_secs(u64::from(choices.octet()));
                self.session.handle_timeout(self.now);
                // A partner that is silent after ESID too is cut off.
                self.cut |= self.session.must_disconnect();
            }
            11 => self.write(choices.below(256)),
            _ => {
                if choices.octet() > 250 {
                    self.session.disconnected(self.now);
                    self.cut = true;
                }
            }
        }
        self.listen();
    }

    /// The level at which commands are laid out now.
    fn level(&self) -> Level {
        self.session
            .agreement()
            .map_or(self.highest, |agreed| agreed.level)
    }

    fn hear(&mut self, octets: &[u8]) {
        let used = self.session.receive(octets, self.now);
        assert!(used <= octets.len());
        let most = RECEIVE_CEILING + 32 * oftp::MAX_OEB_LEN;
        assert!(self.session.received_len() <= most, "what waits is bounded");
    }

    fn write(&mut self, most: usize) {
        let pending = self.session.transmit();
        let count = pending.len().min(most);
        self.spoken.extend_from_slice(&pending[..count]);
        self.session.transmitted(count, self.now);
    }

    fn listen(&mut self) {
        let most = TRANSMIT_CEILING + 2 * oftp::MAX_FRAME_LEN;
        assert!(
            self.session.transmit().len() <= most,
            "what waits to go out is bounded"
        );
        for _ in 0..100_000 {
            match self.session.poll_event() {
                None => return,
                Some(Event::Aborted { detail, .. }) => {
                    assert!(!detail.is_empty(), "the operator reads why");
                    self.aborted += 1;
                }
                Some(Event::Released) => self.released += 1,
                Some(_) => {}
            }
            assert!(self.aborted + self.released <= 1, "a session ends once");
        }
        panic!("news without end");
    }

    /// Everything that was said is a sequence of whole, sound commands.
    fn end(&mut self) {
        self.write(usize::MAX);
        let mut rest = &self.spoken[..];
        let level = self.level();
        while let Some((oeb, consumed)) = oftp::split(rest).expect("our frames are sound") {
            match Command::decode_noting(oeb, level) {
                Ok((command, deviations)) => assert!(
                    deviations.is_empty(),
                    "we broke a rule ({deviations:?}): {command:?}"
                ),
                Err(error) => panic!("we said what is no command ({error}): {oeb:02x?}"),
            }
            rest = &rest[consumed..];
        }
        assert!(rest.is_empty() || self.cut, "and whole: {rest:02x?}");
    }
}

fn identity() -> Identity {
    Identity {
        code: "O0013US".parse().expect("a code"),
        password: "SECRET".parse().expect("a password"),
        user: UserField::default(),
    }
}

fn their_command(choices: &mut Choices<'_>) -> Command<'static> {
    match choices.below(20) {
        0 => Command::Ssrm(Ssrm),
        1 | 2 => Command::Ssid(ssid(choices)),
        3 => Command::Sfid(sfid(choices)),
        4 => Command::Sfpa(Sfpa {
            answer: u64::from(choices.octet()) / 64,
        }),
        5 => Command::Sfna(Sfna {
            reason: FileReason(choices.octet() % 100),
            retry: choices.octet() & 1 == 1,
            text: String::new(),
        }),
        6 => Command::Data(DATA[choices.below(DATA.len())]),
        7 => Command::Cdt,
        8 => Command::Efid(Efid {
            records: u64::from(choices.octet()) / 64,
            octets: u64::from(choices.octet()),
        }),
        9 => Command::Efpa(Efpa {
            change_direction: choices.octet() & 1 == 1,
        }),
        10 => Command::Efna(Efna {
            reason: FileReason(choices.octet() % 100),
            text: String::new(),
        }),
        11 => Command::Esid(Esid {
            reason: EndReason(choices.octet() % 13),
            text: "why".into(),
        }),
        12 => Command::Cd,
        13 => Command::Eerp(Eerp::unsigned(&sfid(choices).file_id())),
        14 => Command::Nerp(nerp(choices)),
        15 => Command::Rtr,
        16 => Command::Secd,
        17 => Command::Auch(Auch {
            challenge: choices.octets(40).to_vec(),
        }),
        18 => Command::Aurp(Aurp {
            response: [choices.octet() % 2; 20],
        }),
        _ => Command::Data(DATA[0]),
    }
}

/// Subrecords: plain, ending, empty, compressed, and broken ones.
const DATA: &[&[u8]] = &[
    b"\x03abc",
    b"\x83abc",
    b"\x80",
    b"",
    b"\x00",
    b"\x45x",
    b"\xc5x",
    b"\x3fab",
    b"\x7fx\x7fx",
];

fn our_request(choices: &mut Choices<'_>) -> Request {
    match choices.below(18) {
        0 | 1 => Request::ConnectResponse(Ok(identity())),
        2 => Request::ConnectResponse(Err(Refusal {
            reason: EndReason(choices.octet() % 13),
            text: "no".into(),
        })),
        3 => Request::StartFile(sfid(choices)),
        4 => Request::StartFileResponse(Ok(Position::blocks(u64::from(choices.octet()) / 64))),
        5 => Request::StartFileResponse(Err(FileRefusal {
            reason: FileReason(choices.octet() % 100),
            retry: choices.octet() & 1 == 1,
            text: "no".into(),
        })),
        6 => Request::CloseFile {
            records: u64::from(choices.octet()) / 64,
            octets: u64::from(choices.octet()),
        },
        7 => {
            let octets = u64::from(choices.octet());
            let proof = (Durable::synced(octets), choices.octet() & 1 == 1);
            Request::CloseFileResponse(Ok(proof))
        }
        8 => Request::CloseFileResponse(Err(EndFileRefusal {
            reason: FileReason(choices.octet() % 100),
            text: "no".into(),
        })),
        9 => Request::Eerp(Eerp::unsigned(&sfid(choices).file_id())),
        10 => Request::Nerp(nerp(choices)),
        11 => Request::RtrResponse,
        12 => Request::ChangeDirection,
        13 => Request::Challenge(Ok(Challenge {
            sealed: choices.octets(40).to_vec(),
            secret: [choices.octet() % 2; 20],
        })),
        14 => Request::Challenge(Err(Refusal::authentication("no"))),
        15 => Request::ChallengeResponse(Ok([choices.octet() % 2; 20])),
        16 => Request::ChallengeResponse(Err(Refusal::authentication("no"))),
        _ => match choices.octet() {
            250.. => Request::Abort,
            200.. => Request::Release(EndReason(choices.octet() % 13), "end".into()),
            _ => Request::Release(EndReason::NORMAL, String::new()),
        },
    }
}

fn ssid(choices: &mut Choices<'_>) -> Ssid {
    Ssid {
        level: if choices.octet() > 100 {
            Level::L5
        } else {
            LEVELS[choices.below(LEVELS.len())]
        },
        code: "O0013THEM".parse().expect("a code"),
        password: "PASSWORD".parse().expect("a password"),
        buffer: 128 + u32::from(choices.octet()) * 390,
        mode: [Mode::Both, Mode::Both, Mode::Send, Mode::Receive][choices.below(4)],
        compression: choices.octet() & 1 == 1,
        restart: choices.octet() & 1 == 1,
        special_logic: choices.octet() > 240,
        credit: u16::from(choices.octet()) % 999 + 1,
        authentication: choices.octet() > 128,
        user: UserField::default(),
    }
}

fn sfid(choices: &mut Choices<'_>) -> Sfid {
    let formats = [
        Format::Unstructured,
        Format::Text,
        Format::Fixed,
        Format::Variable,
    ];
    Sfid {
        dataset: "DATASET".parse().expect("a name"),
        stamp: "202601020304050001".parse().expect("a stamp"),
        user: UserField::default(),
        destination: "O0013US".parse().expect("a code"),
        origin: "O0013THEM".parse().expect("a code"),
        format: formats[choices.below(6).saturating_sub(2)],
        record_length: u32::from(choices.octet() % 8),
        size_blocks: u64::from(choices.octet()),
        original_blocks: 0,
        restart: u64::from(choices.octet()) / 64,
        security: Security::None,
        cipher: 0,
        compression: choices.octet() > 240,
        envelope: false,
        signed_receipt: false,
        description: String::new(),
    }
}

fn nerp(choices: &mut Choices<'_>) -> Nerp {
    let file = sfid(choices).file_id();
    Nerp {
        dataset: file.dataset,
        stamp: file.stamp,
        destination: file.origin,
        origin: file.destination.clone(),
        creator: file.destination,
        reason: ReceiptReason(choices.octet() % 100),
        text: "why".into(),
        hash: Vec::new(),
        signature: Vec::new(),
    }
}
