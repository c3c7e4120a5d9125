//! One session of a scripted partner: follows RFC 5024 as speaker and as listener, both as the
//! side that called and as the side that was called.

use oftp::{
    Command, Eerp, Efid, Efpa, EndReason, Esid, FileId, FileReason, Level, Mode, Nerp, OdetteId,
    Password, Sfid, Sfna, Sfpa, Ssid, Ssrm, Unpacker, UserField, pack_unstructured,
};

use crate::files::{Incoming, Offer};
use crate::wire::{Ended, Step, Wire};

/// A session, from the partner's side.
#[derive(Debug)]
pub struct Conversation {
    /// The frames beneath.
    pub wire: Wire,
    code: OdetteId,
    password: Password,
    expected: Password,
    buffer: u32,
    credit: u16,
    compression: bool,
    turn: Turn,
    /// Refuse the next offers for these reasons.
    pub refuse: Vec<FileReason>,
    /// Whether the partner asks for the turn when it confirms a file.
    pub wants_turn: bool,
    /// The files it got, in order.
    pub received: Vec<Incoming>,
    /// The positive receipts it got.
    pub receipts: Vec<Eerp>,
    /// The negative receipts it got.
    pub refusals: Vec<Nerp>,
}

/// Whose turn it is to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Theirs,
    Ours,
    /// It has just come with CD: the partner may end the session, but not hand the turn back.
    OursByCd,
}

/// The answer to a file that was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Stored. Whether the other side asked for the turn.
    Stored {
        /// It wants to speak; the partner has given it the turn.
        turn_given: bool,
    },
    /// Refused at its start (SFNA).
    NotStarted {
        /// Why.
        reason: FileReason,
        /// Whether it may be offered again.
        retry: bool,
        /// The text that came along.
        text: String,
    },
    /// Refused at its end (EFNA).
    NotStored {
        /// Why.
        reason: FileReason,
        /// The text that came along.
        text: String,
    },
}

/// What a whole session came to.
#[derive(Debug)]
pub struct Exchange {
    /// The answers to our offers, in order.
    pub answers: Vec<Answer>,
    /// The files that came.
    pub received: Vec<Incoming>,
    /// The positive receipts that came.
    pub receipts: Vec<Eerp>,
}

impl Conversation {
    /// A session over a connection, not opened yet.
    pub fn new(
        wire: Wire,
        code: OdetteId,
        password: Password,
        expected: Password,
        buffer: u32,
        credit: u16,
    ) -> Conversation {
        Conversation {
            wire,
            code,
            password,
            expected,
            buffer,
            credit,
            compression: false,
            turn: Turn::Theirs,
            refuse: Vec::new(),
            wants_turn: true,
            received: Vec::new(),
            receipts: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Opens the session as the side that called: the partner is the speaker afterwards.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn open(&mut self) -> Result<Ssid, Ended> {
        let ready = self.wire.hear()?;
        let Command::Ssrm(_) = ready.command()? else {
            return surprise("SSRM", &ready);
        };
        self.wire.say(Step::Ssid, &Command::Ssid(self.our_ssid()))?;
        let answer = self.wire.hear()?;
        let Command::Ssid(theirs) = answer.command()? else {
            return surprise("SSID", &answer);
        };
        self.agree(&theirs)?;
        self.turn = Turn::Ours;
        Ok(theirs)
    }

    /// Opens the session as the side that was called: the partner is the listener afterwards.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn open_as_called(&mut self) -> Result<Ssid, Ended> {
        self.wire.say(Step::Ssrm, &Command::Ssrm(Ssrm))?;
        let first = self.wire.hear()?;
        let Command::Ssid(theirs) = first.command()? else {
            return surprise("SSID", &first);
        };
        self.agree(&theirs)?;
        self.wire.say(Step::Ssid, &Command::Ssid(self.our_ssid()))?;
        self.turn = Turn::Theirs;
        Ok(theirs)
    }

    /// The SSID the partner sends: what it offers, or what was agreed once the other's is known.
    pub fn our_ssid(&self) -> Ssid {
        Ssid {
            level: Level::L5,
            code: self.code.clone(),
            password: self.password.clone(),
            buffer: self.buffer,
            mode: Mode::Both,
            compression: self.compression,
            restart: false,
            special_logic: false,
            credit: self.credit,
            authentication: false,
            user: UserField::default(),
        }
    }

    /// Offers a file and sends it, if it is wanted. When the other side asks for the turn at the
    /// end, it gets it (as the rules demand).
    ///
    /// # Errors
    /// How the session ended instead.
    pub fn send(&mut self, mut offer: Offer) -> Result<Answer, Ended> {
        self.turn = Turn::Ours;
        self.wire
            .say(Step::Sfid, &Command::Sfid(offer.sfid.clone()))?;
        let answer = self.wire.hear()?;
        match answer.command()? {
            Command::Sfpa(sfpa) if sfpa.answer == 0 => {}
            Command::Sfna(Sfna {
                reason,
                retry,
                text,
            }) => {
                return Ok(Answer::NotStarted {
                    reason,
                    retry,
                    text,
                });
            }
            _ => return surprise("SFPA from the beginning, or SFNA", &answer),
        }
        let octets = self.send_content(&mut offer)?;
        self.wire
            .say(Step::Efid, &Command::Efid(Efid { records: 0, octets }))?;
        let answer = self.wire.hear()?;
        match answer.command()? {
            Command::Efpa(Efpa { change_direction }) => {
                if change_direction {
                    self.give_turn()?;
                }
                Ok(Answer::Stored {
                    turn_given: change_direction,
                })
            }
            Command::Efna(efna) => Ok(Answer::NotStored {
                reason: efna.reason,
                text: efna.text,
            }),
            _ => surprise("EFPA or EFNA", &answer),
        }
    }

    /// Gives the turn to the other side.
    ///
    /// # Errors
    /// How the session ended instead.
    pub fn give_turn(&mut self) -> Result<(), Ended> {
        self.turn = Turn::Theirs;
        self.wire.say(Step::Cd, &Command::Cd)
    }

    /// Confirms a file that came in an earlier moment with a receipt, and waits for its RTR.
    ///
    /// # Errors
    /// How the session ended instead.
    pub fn send_receipt(&mut self, file: &FileId) -> Result<(), Ended> {
        self.turn = Turn::Ours;
        self.wire
            .say(Step::Eerp, &Command::Eerp(Eerp::unsigned(file)))?;
        self.hear_rtr()
    }

    /// Sends a negative receipt, and waits for its RTR.
    ///
    /// # Errors
    /// How the session ended instead.
    pub fn send_refusal(&mut self, refusal: Nerp) -> Result<(), Ended> {
        self.turn = Turn::Ours;
        self.wire.say(Step::Nerp, &Command::Nerp(refusal))?;
        self.hear_rtr()
    }

    /// Listens until the other side gives the turn back.
    ///
    /// # Errors
    /// How the session ended instead; a normal end is one of the ways.
    pub fn listen(&mut self) -> Result<(), Ended> {
        loop {
            let next = self.wire.hear()?;
            match next.command()? {
                Command::Sfid(sfid) => self.take_file(sfid)?,
                Command::Eerp(eerp) => {
                    self.receipts.push(eerp);
                    self.wire.say(Step::Rtr, &Command::Rtr)?;
                }
                Command::Nerp(nerp) => {
                    self.refusals.push(nerp);
                    self.wire.say(Step::Rtr, &Command::Rtr)?;
                }
                Command::Cd => {
                    self.turn = Turn::OursByCd;
                    return Ok(());
                }
                _ => return surprise("SFID, EERP, NERP, CD or ESID", &next),
            }
        }
    }

    /// Brings the session to its normal end from wherever it stands: takes what the other side has
    /// for us, confirms the files that came, and ends it or lets the other side end it.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn finish(&mut self) -> Result<(), Ended> {
        loop {
            match self.turn {
                Turn::Ours => self.give_turn()?,
                Turn::OursByCd => {
                    if self.confirm_received()? == 0 {
                        return self.release();
                    }
                }
                Turn::Theirs => match self.listen() {
                    Err(Ended::Esid { reason, .. }) if reason == EndReason::NORMAL => {
                        return Ok(());
                    }
                    other => other?,
                },
            }
        }
    }

    /// Ends the session (ESID 00). The rules allow it right after the turn has come with CD.
    ///
    /// # Errors
    /// How it ended instead.
    pub fn release(&mut self) -> Result<(), Ended> {
        let normal = Esid {
            reason: EndReason::NORMAL,
            text: String::new(),
        };
        self.wire.say(Step::Esid, &Command::Esid(normal))
    }

    /// Sends a receipt for every file that came and has none yet; returns how many.
    ///
    /// # Errors
    /// How the session ended instead.
    pub fn confirm_received(&mut self) -> Result<usize, Ended> {
        let files: Vec<FileId> = self
            .received
            .iter()
            .filter(|file| !file.confirmed)
            .map(|file| file.id())
            .collect();
        for file in &files {
            self.send_receipt(file)?;
        }
        for file in &mut self.received {
            file.confirmed = true;
        }
        Ok(files.len())
    }

    /// A whole session as the caller: open, send every file, take what the other side has for us
    /// (files and receipts), confirm the files that came, end.
    ///
    /// # Errors
    /// How the session ended instead.
    pub fn exchange(mut self, offers: Vec<Offer>) -> Result<Exchange, Ended> {
        self.open()?;
        let mut answers = Vec::new();
        for offer in offers {
            let answer = self.send(offer)?;
            let given = answer == Answer::Stored { turn_given: true };
            answers.push(answer);
            if given {
                self.listen()?;
                self.confirm_received()?;
            }
        }
        self.finish()?;
        Ok(Exchange {
            answers,
            received: self.received,
            receipts: self.receipts,
        })
    }

    /// A whole session as the side that was called: open, take files and receipts, confirm the
    /// files.
    ///
    /// # Errors
    /// How the session ended instead of normally.
    pub fn serve(mut self) -> Result<Exchange, Ended> {
        self.open_as_called()?;
        self.finish()?;
        Ok(Exchange {
            answers: Vec::new(),
            received: self.received,
            receipts: self.receipts,
        })
    }

    fn send_content(&mut self, offer: &mut Offer) -> Result<u64, Ended> {
        let room = usize::try_from(self.buffer).expect("at most five digits");
        let mut window = self.credit;
        let mut total: u64 = 0;
        let mut index: u64 = 0;
        let mut frame = Vec::new();
        loop {
            if window == 0 {
                let credit = self.wire.hear()?;
                let Command::Cdt = credit.command()? else {
                    return surprise("CDT", &credit);
                };
                window = self.credit;
            }
            let (piece, last) = offer.peek(room);
            frame.clear();
            let taken = pack_unstructured(piece, room, last, &mut frame);
            let done = last && taken == piece.len();
            offer.advance(taken);
            total += u64::try_from(taken).expect("a buffer's worth");
            self.wire
                .say_frame(Step::Data(index), std::mem::take(&mut frame))?;
            window -= 1;
            index += 1;
            if done {
                break;
            }
        }
        if window == 0 {
            let credit = self.wire.hear()?;
            let Command::Cdt = credit.command()? else {
                return surprise("CDT", &credit);
            };
        }
        Ok(total)
    }

    fn take_file(&mut self, sfid: Sfid) -> Result<(), Ended> {
        if !self.refuse.is_empty() {
            let reason = self.refuse.remove(0);
            let refusal = Sfna {
                reason,
                retry: false,
                text: String::new(),
            };
            return self.wire.say(Step::Sfna, &Command::Sfna(refusal));
        }
        self.wire
            .say(Step::Sfpa, &Command::Sfpa(Sfpa { answer: 0 }))?;
        let mut unpacker = Unpacker::unstructured(self.compression);
        let mut content = Vec::new();
        let mut window = self.credit;
        loop {
            let next = self.wire.hear()?;
            match next.command()? {
                Command::Data(octets) => {
                    if window == 0 {
                        return Err(Ended::Surprise("DATA beyond the credit".into()));
                    }
                    unpacker
                        .unpack(octets, &mut content)
                        .map_err(|error| Ended::Surprise(format!("bad subrecords: {error}")))?;
                    window -= 1;
                    if window == 0 {
                        self.wire.say(Step::Cdt, &Command::Cdt)?;
                        window = self.credit;
                    }
                }
                Command::Efid(efid) => {
                    let length = u64::try_from(content.len()).expect("fits");
                    if efid.octets != length {
                        let said = efid.octets;
                        let text = format!("EFID says {said} octets, {length} came");
                        return Err(Ended::Surprise(text));
                    }
                    self.received.push(Incoming {
                        sfid,
                        content,
                        confirmed: false,
                    });
                    let change_direction = self.wants_turn;
                    return self
                        .wire
                        .say(Step::Efpa, &Command::Efpa(Efpa { change_direction }));
                }
                _ => return surprise("DATA or EFID", &next),
            }
        }
    }

    fn hear_rtr(&mut self) -> Result<(), Ended> {
        let answer = self.wire.hear()?;
        match answer.command()? {
            Command::Rtr => Ok(()),
            _ => surprise("RTR", &answer),
        }
    }

    fn agree(&mut self, theirs: &Ssid) -> Result<(), Ended> {
        if !self.expected.matches(&theirs.password) {
            return Err(Ended::Surprise("not the password we expect".into()));
        }
        self.buffer = self.buffer.min(theirs.buffer);
        self.credit = self.credit.min(theirs.credit);
        self.compression = self.compression && theirs.compression;
        Ok(())
    }
}

fn surprise<T>(wanted: &str, found: &crate::wire::Buffer) -> Result<T, Ended> {
    let found = match found.command() {
        Ok(Command::Data(octets)) => format!("DATA of {} octets", octets.len()),
        Ok(command) => format!("{command:?}"),
        Err(ended) => format!("{ended:?}"),
    };
    Err(Ended::Surprise(format!("wanted {wanted}, got {found}")))
}
