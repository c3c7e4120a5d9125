//! One session of a scripted partner: follows RFC 5024 as speaker and as listener, both as the
//! side that called and as the side that was called.

use std::sync::Arc;

use oftp::{
    Command, Eerp, EndReason, Esid, FileId, FileReason, Level, Mode, Nerp, OdetteId, Password,
    Ssid, Ssrm, UserField,
};

use crate::files::{Incoming, Offer};
use crate::wire::{Ended, Step, Wire};

mod authentication;
mod receiving;
mod sending;

pub use authentication::Authentication;

/// What a partner brings into a session.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Its Odette ID.
    pub code: OdetteId,
    /// The password it sends.
    pub password: Password,
    /// The password it expects from us.
    pub expected: Password,
    /// The highest protocol level it speaks.
    pub level: Level,
    /// The exchange buffer it offers.
    pub buffer: u32,
    /// The credit it offers.
    pub credit: u16,
    /// Whether it sends files, takes files, or both.
    pub mode: Mode,
    /// Whether it compresses, and takes compressed subrecords.
    pub compression: bool,
    /// Whether it resumes files in the middle.
    pub restart: bool,
    /// Its keys for secure authentication; with them it demands it.
    pub authentication: Option<Arc<Authentication>>,
}

/// A session, from the partner's side.
#[derive(Debug)]
pub struct Conversation {
    /// The frames beneath.
    pub wire: Wire,
    /// What it offers; what was agreed once the other side is known.
    terms: Terms,
    turn: Turn,
    /// The position at which the last file of ours was taken up (SFPAACNT).
    pub resumed_at: u64,
    /// Refuse the next offers for these reasons.
    pub refuse: Vec<FileReason>,
    /// Whether the partner asks for the turn when it confirms a file.
    pub wants_turn: bool,
    /// The files it got, in order.
    pub received: Vec<Incoming>,
    /// Files that it got in part, in this session or an earlier one; offered again, they go on
    /// from there where restart is agreed.
    pub partial: Vec<Incoming>,
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
    pub fn new(wire: Wire, terms: Terms) -> Conversation {
        Conversation {
            wire,
            terms,
            turn: Turn::Theirs,
            resumed_at: 0,
            refuse: Vec::new(),
            wants_turn: true,
            received: Vec::new(),
            partial: Vec::new(),
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
        if let Some(keys) = self.terms.authentication.clone() {
            self.authenticate_as_caller(&keys)?;
        }
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
        if let Some(keys) = self.terms.authentication.clone() {
            self.authenticate_as_called(&keys)?;
        }
        self.turn = Turn::Theirs;
        Ok(theirs)
    }

    /// The SSID the partner sends: what it offers, or what was agreed once the other's is known.
    pub fn our_ssid(&self) -> Ssid {
        let terms = self.terms.clone();
        Ssid {
            level: terms.level,
            code: terms.code,
            password: terms.password,
            buffer: terms.buffer,
            mode: terms.mode,
            compression: terms.compression,
            restart: terms.restart,
            special_logic: false,
            credit: terms.credit,
            authentication: terms.authentication.is_some(),
            user: UserField::default(),
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
        self.send_eerp(Eerp::unsigned(file))
    }

    /// The same with a receipt that is made already.
    ///
    /// # Errors
    /// How the session ended instead.
    pub fn send_eerp(&mut self, eerp: Eerp) -> Result<(), Ended> {
        self.turn = Turn::Ours;
        self.wire.say(Step::Eerp, &Command::Eerp(eerp))?;
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

    fn hear_rtr(&mut self) -> Result<(), Ended> {
        let answer = self.wire.hear()?;
        match answer.command()? {
            Command::Rtr => Ok(()),
            _ => surprise("RTR", &answer),
        }
    }

    fn agree(&mut self, theirs: &Ssid) -> Result<(), Ended> {
        let terms = &mut self.terms;
        if !terms.expected.matches(&theirs.password) {
            return Err(Ended::Surprise("not the password we expect".into()));
        }
        terms.level = terms.level.min(theirs.level);
        terms.buffer = terms.buffer.min(theirs.buffer);
        terms.credit = terms.credit.min(theirs.credit);
        terms.compression = terms.compression && theirs.compression;
        terms.restart = terms.restart && theirs.restart;
        self.wire.level = terms.level;
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
