//! The partner as listener: takes a file, from the position it holds where restart is agreed.

use oftp::{Command, Efid, Efpa, Security, Sfid, Sfna, Sfpa, Unpacker};

use super::{Conversation, surprise};
use crate::files::Incoming;
use crate::wire::{Ended, Step};

impl Conversation {
    pub(super) fn take_file(&mut self, sfid: Sfid) -> Result<(), Ended> {
        if !self.refuse.is_empty() {
            let reason = self.refuse.remove(0);
            let refusal = Sfna {
                reason,
                retry: false,
                text: String::new(),
            };
            return self.wire.say(Step::Sfna, &Command::Sfna(refusal));
        }
        let (mut file, answer) = self.resume(sfid);
        self.wire.say(Step::Sfpa, &Command::Sfpa(Sfpa { answer }))?;
        match self.take_content(&mut file) {
            Ok(()) => {
                self.received.push(file);
                let change_direction = self.wants_turn;
                self.wire
                    .say(Step::Efpa, &Command::Efpa(Efpa { change_direction }))
            }
            Err(ended) => {
                self.partial.push(file);
                Err(ended)
            }
        }
    }

    /// What is there of the file already, cut back to a position that both sides can name.
    fn resume(&mut self, sfid: Sfid) -> (Incoming, u64) {
        let held = self
            .partial
            .iter()
            .position(|file| file.id() == sfid.file_id())
            .map(|index| self.partial.remove(index));
        let fresh = Incoming {
            sfid: sfid.clone(),
            content: Vec::new(),
            record_ends: Vec::new(),
            resumed_at: 0,
            confirmed: false,
        };
        let Some(held) = held.filter(|_| self.terms.restart) else {
            return (fresh, 0);
        };
        let has = if has_records(&sfid) {
            held.record_ends.len()
        } else {
            held.content.len() / 1024
        };
        let answer = u64::try_from(has).expect("fits").min(sfid.restart);
        let units = usize::try_from(answer).expect("fits");
        let mut file = Incoming {
            resumed_at: answer,
            ..held
        };
        if has_records(&sfid) {
            file.record_ends.truncate(units);
            file.content
                .truncate(file.record_ends.last().copied().unwrap_or(0));
        } else {
            file.content.truncate(units * 1024);
        }
        file.sfid = sfid;
        (file, answer)
    }

    fn take_content(&mut self, file: &mut Incoming) -> Result<(), Ended> {
        let records = has_records(&file.sfid);
        let mut unpacker = if records {
            Unpacker::records(self.terms.compression)
        } else {
            Unpacker::unstructured(self.terms.compression)
        };
        let mut window = self.terms.credit;
        loop {
            let next = self.wire.hear()?;
            match next.command()? {
                Command::Data(octets) => {
                    if window == 0 {
                        return Err(Ended::Surprise("DATA beyond the credit".into()));
                    }
                    let unpacked = if records {
                        unpacker.unpack_records(octets, &mut file.content, &mut file.record_ends)
                    } else {
                        unpacker.unpack(octets, &mut file.content)
                    };
                    unpacked
                        .map_err(|error| Ended::Surprise(format!("bad subrecords: {error}")))?;
                    window -= 1;
                    if window == 0 {
                        self.wire.say(Step::Cdt, &Command::Cdt)?;
                        window = self.terms.credit;
                    }
                }
                Command::Efid(said) => {
                    let came = Efid {
                        records: file.record_ends.len() as u64,
                        octets: file.content.len() as u64,
                    };
                    if said == came {
                        return Ok(());
                    }
                    return Err(Ended::Surprise(format!("{said:?}, but {came:?} came")));
                }
                _ => return surprise("DATA or EFID", &next),
            }
        }
    }
}

/// Whether the file travels record by record: F and V outside a CMS envelope.
fn has_records(sfid: &Sfid) -> bool {
    let secured = sfid.envelope || sfid.compression || sfid.security != Security::None;
    sfid.format.has_records() && !secured
}
