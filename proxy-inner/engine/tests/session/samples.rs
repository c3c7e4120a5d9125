//! Files of every format for the tests, made from a seed.

use oftp::{Format, Level, Security, Sfid};

use rig::pair::{Dice, Monitor};
use rig::script::{sfid, sfid_of};

/// Every way a file can travel.
pub(crate) const KINDS: [Kind; 5] = [
    Kind::Plain(Format::Unstructured),
    Kind::Plain(Format::Text),
    Kind::Plain(Format::Fixed),
    Kind::Plain(Format::Variable),
    Kind::Enveloped,
];

pub(crate) const LEVELS: [Level; 4] = [Level::L1, Level::L2, Level::L4, Level::L5];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain(Format),
    /// Format V inside a CMS envelope: travels as one stream, at level 5 only.
    Enveloped,
}

impl Kind {
    pub(crate) fn exists_at(self, level: Level) -> bool {
        self != Self::Enveloped || level.has_file_services()
    }

    fn is_stream(self) -> bool {
        !matches!(self, Self::Plain(Format::Fixed | Format::Variable))
    }
}

/// A file and its announcement.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) sfid: Sfid,
    pub(crate) octets: Vec<u8>,
    pub(crate) ends: Vec<usize>,
}

impl Sample {
    /// A file of about so many octets: of runs and of noise, records of every kind of length.
    pub(crate) fn new(kind: Kind, name: &str, octets: usize, dice: &mut Dice) -> Self {
        let mut file = content(octets, dice);
        let length = 1 + dice.roll(if octets > 2_000 { 700 } else { 90 });
        let mut ends = Vec::new();
        match kind {
            Kind::Plain(Format::Fixed) => {
                file.truncate(octets / length * length);
                ends = (1..=file.len() / length).map(|n| n * length).collect();
            }
            Kind::Plain(Format::Variable) => {
                let mut end = 0;
                while end < file.len() {
                    end = file.len().min(end + dice.roll(length + 1));
                    ends.push(end);
                    // Empty records, also in a row and at the end.
                    while dice.roll(6) == 0 {
                        ends.push(end);
                    }
                }
            }
            _ => {}
        }
        let length = u32::try_from(length).unwrap();
        let sfid = match kind {
            Kind::Plain(format) if kind.is_stream() => Sfid {
                format,
                ..sfid(name, file.len() as u64)
            },
            Kind::Plain(format) => sfid_of(format, name, length),
            Kind::Enveloped => Sfid {
                envelope: true,
                security: Security::Signed,
                cipher: 2,
                ..sfid_of(Format::Variable, name, length)
            },
        };
        Self {
            sfid,
            octets: file,
            ends,
        }
    }

    pub(crate) fn offer(&self, monitor: &mut Monitor) {
        let (sfid, octets) = (self.sfid.clone(), self.octets.clone());
        monitor.offer_records(sfid, octets, self.ends.clone());
    }

    /// The monitor holds this file at this place, with the right content, records and counts.
    pub(crate) fn assert_at(&self, monitor: &Monitor, place: usize) {
        let (sfid, octets) = &monitor.inbox[place];
        assert_eq!(sfid.dataset, self.sfid.dataset);
        assert!(*octets == self.octets, "the content differs");
        assert_eq!(monitor.inbox_ends[place], self.ends, "the records differ");
        let counts = (self.ends.len() as u64, self.octets.len() as u64);
        assert_eq!(monitor.inbox_counts[place], counts);
    }
}

fn content(octets: usize, dice: &mut Dice) -> Vec<u8> {
    let mut file = Vec::with_capacity(octets);
    while file.len() < octets {
        let left = octets - file.len();
        if dice.roll(2) == 0 {
            let run = left.min(1 + dice.roll(200));
            file.resize(file.len() + run, u8::try_from(dice.roll(4)).unwrap());
        } else {
            let noise = left.min(1 + dice.roll(100));
            file.extend(dice.octets(noise));
        }
    }
    file
}
