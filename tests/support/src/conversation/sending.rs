//! The partner as speaker: offers a file, sends it from the position that was answered, ends it.

use oftp::{Command, Efid, Efpa, Sfna, pack_compressed, pack_records, pack_unstructured};

use super::{Answer, Conversation, Turn, surprise};
use crate::files::{Offer, Records};
use crate::wire::{Ended, Step};

impl Conversation {
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
            Command::Sfpa(sfpa) if sfpa.answer <= offer.sfid.restart => {
                self.resumed_at = sfpa.answer;
            }
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
            _ => return surprise("SFPA with at most the position offered, or SFNA", &answer),
        }
        let efid = match offer.records.take() {
            Some(records) => self.send_records(&records)?,
            None => self.send_content(&mut offer)?,
        };
        self.wire.say(Step::Efid, &Command::Efid(efid))?;
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

    fn send_content(&mut self, offer: &mut Offer) -> Result<Efid, Ended> {
        let room = self.room();
        let mut total = offer.skip(self.resumed_at * 1024);
        let mut window = self.terms.credit;
        let mut index = 0;
        loop {
            let (piece, last) = offer.peek(room);
            let mut frame = Vec::new();
            let taken = if self.terms.compression {
                pack_compressed(piece, room, last, &mut frame)
            } else {
                pack_unstructured(piece, room, last, &mut frame)
            };
            let done = last && taken == piece.len();
            offer.advance(taken);
            total += taken as u64;
            self.say_data(index, frame, &mut window)?;
            index += 1;
            if done {
                return Ok(Efid {
                    records: 0,
                    octets: total,
                });
            }
        }
    }

    fn send_records(&mut self, records: &Records) -> Result<Efid, Ended> {
        let room = self.room();
        let done = usize::try_from(self.resumed_at).expect("records of a test");
        let mut octet = records.start_of(done);
        let mut record = done;
        let mut window = self.terms.credit;
        let mut index = 0;
        while record < records.ends.len() {
            let ends: Vec<usize> = records.ends[record..]
                .iter()
                .map(|end| end - octet)
                .collect();
            let mut frame = Vec::new();
            let packed = pack_records(
                &records.octets[octet..],
                &ends,
                room,
                self.terms.compression,
                &mut frame,
            );
            octet += packed.octets;
            record += packed.records;
            self.say_data(index, frame, &mut window)?;
            index += 1;
        }
        Ok(Efid {
            records: records.ends.len() as u64,
            octets: records.octets.len() as u64,
        })
    }

    /// One DATA buffer; waits for credit when it was the last that may go out.
    fn say_data(&mut self, index: u64, frame: Vec<u8>, window: &mut u16) -> Result<(), Ended> {
        self.wire.say_frame(Step::Data(index), frame)?;
        *window -= 1;
        if *window > 0 {
            return Ok(());
        }
        *window = self.terms.credit;
        let credit = self.wire.hear()?;
        match credit.command()? {
            Command::Cdt => Ok(()),
            _ => surprise("CDT", &credit),
        }
    }

    fn room(&self) -> usize {
        usize::try_from(self.terms.buffer).expect("at most five digits")
    }
}
