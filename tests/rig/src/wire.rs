//! A partner that speaks octets: what it says is written out by hand, what it hears is read back as
//! text, and the codec has no part in either.
//!
//! In texts `·` is a space and `<0D>` an octet in hex, as in the codec's vectors. Every builder lays
//! out one command at one protocol level by the tables of RFC 5024 section 5.3 and RFC 2204.

use core::time::Duration;

use engine::{Event, Received, Request, Session, Settings};

use crate::script::{NOW, OURS, THEIRS, identity};

/// The octets of a text in this notation.
pub fn octets(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        match next {
            '·' => octets.push(b' '),
            '<' => {
                let (hex, after) = rest.split_once('>').unwrap();
                octets.push(u8::from_str_radix(hex, 16).unwrap());
                rest = after;
            }
            other => octets.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    octets
}

/// Octets as a text in this notation.
pub fn text(octets: &[u8]) -> String {
    let mut text = String::new();
    for octet in octets {
        match octet {
            b' ' => text.push('·'),
            b'<' => text.push_str("<3C>"),
            0x21..=0x7E => text.push(char::from(*octet)),
            other => text.push_str(&format!("<{other:02X}>")),
        }
    }
    text
}

/// One exchange buffer behind its stream header: `0x10` and the length of both in 24 bits.
pub fn framed(oeb: &[u8]) -> Vec<u8> {
    let length = u32::try_from(oeb.len() + 4).unwrap();
    let mut frame = length.to_be_bytes().to_vec();
    frame[0] = 0x10;
    frame.extend_from_slice(oeb);
    frame
}

/// An X field: left justified, blanks to the right.
fn x(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

/// A 9 field: right justified, zeros to the left.
fn nine(value: u64, width: usize) -> String {
    format!("{value:0width$}")
}

pub const SSRM: &str = "IODETTE·FTP·READY·<0D>";

/// What a partner says of itself in SSID.
#[derive(Debug, Clone)]
pub struct Terms {
    pub level: char,
    pub code: &'static str,
    pub password: &'static str,
    pub buffer: &'static str,
    pub mode: char,
    pub compression: char,
    pub restart: char,
    pub special_logic: char,
    pub credit: &'static str,
    pub authentication: char,
    /// Four octets of SSIDRSV1.
    pub reserved: &'static str,
    pub user: &'static str,
    pub end: u8,
}

impl Terms {
    pub fn at(level: u8) -> Self {
        Self {
            level: char::from(b'0' + level),
            code: THEIRS,
            password: "THEIRS",
            buffer: "04096",
            mode: 'B',
            compression: 'Y',
            restart: 'Y',
            special_logic: 'N',
            credit: "008",
            authentication: if level == 5 { 'N' } else { ' ' },
            reserved: "    ",
            user: "",
            end: 0x0D,
        }
    }

    /// 61 octets at every level.
    pub fn ssid(&self) -> Vec<u8> {
        let mut octets = format!(
            "X{}{}{}{}{}{}{}{}{}{}{}{}",
            self.level,
            x(self.code, 25),
            x(self.password, 8),
            self.buffer,
            self.mode,
            self.compression,
            self.restart,
            self.special_logic,
            self.credit,
            self.authentication,
            self.reserved,
            x(self.user, 8),
        )
        .into_bytes();
        octets.push(self.end);
        octets
    }
}

/// What a partner says of a file in SFID, and which receipts name it.
#[derive(Debug, Clone)]
pub struct Offer {
    pub level: u8,
    pub dataset: &'static str,
    /// `CCYYMMDD`; the century is left out below level 4.
    pub date: &'static str,
    /// `HHMMSScccc`; the counter is left out below level 4.
    pub time: &'static str,
    pub user: &'static str,
    pub destination: &'static str,
    pub origin: &'static str,
    pub format: char,
    pub record_length: &'static str,
    pub blocks: u64,
    pub restart: u64,
    /// SFIDSEC, SFIDCIPH, SFIDCOMP, SFIDENV, SFIDSIGN in their octets; only level 5 has them.
    pub services: &'static str,
    pub description: &'static str,
}

impl Offer {
    /// A file from the partner to us.
    pub fn at(level: u8) -> Self {
        Self {
            level,
            dataset: "FILE",
            date: "20241121",
            time: "0102030001",
            user: "",
            destination: OURS,
            origin: THEIRS,
            format: 'U',
            record_length: "00000",
            blocks: 1,
            restart: 0,
            services: "000000N",
            description: "",
        }
    }

    /// Dataset name, reserved octets, date and time, in 47 octets at every level.
    fn name(&self) -> String {
        let (reserved, date, time) = if self.level < 4 {
            (9, &self.date[2..], &self.time[..6])
        } else {
            (3, self.date, self.time)
        };
        format!("{}{}{date}{time}", x(self.dataset, 26), x("", reserved))
    }

    /// 128 octets below level 5, there 165 and the description.
    pub fn sfid(&self) -> Vec<u8> {
        let (blocks, positions) = if self.level < 5 { (7, 9) } else { (13, 17) };
        let mut text = format!(
            "H{}{}{}{}{}{}{}",
            self.name(),
            x(self.user, 8),
            x(self.destination, 25),
            x(self.origin, 25),
            self.format,
            self.record_length,
            nine(self.blocks, blocks),
        );
        if self.level == 5 {
            text += &nine(self.blocks, blocks);
        }
        text += &nine(self.restart, positions);
        if self.level == 5 {
            let length = u64::try_from(self.description.len()).unwrap();
            text += &format!("{}{}{}", self.services, nine(length, 3), self.description);
        }
        text.into_bytes()
    }

    /// 106 octets below level 5, there 110 without hash and signature.
    pub fn eerp(&self) -> Vec<u8> {
        let mut octets = format!(
            "E{}{}{}{}",
            self.name(),
            x("", 8),
            x(self.origin, 25),
            x(self.destination, 25)
        )
        .into_bytes();
        if self.level == 5 {
            octets.extend_from_slice(&[0; 4]);
        }
        octets
    }

    /// 128 octets at level 4, at level 5 135 without text, hash and signature.
    pub fn nerp(&self, creator: &str, reason: u64) -> Vec<u8> {
        assert!(self.level >= 4, "there is no NERP below level 4");
        let mut octets = format!(
            "N{}{}{}{}{}{}{}{}",
            x(self.dataset, 26),
            x("", 6),
            self.date,
            self.time,
            x(self.origin, 25),
            x(self.destination, 25),
            x(creator, 25),
            nine(reason, 2),
        )
        .into_bytes();
        if self.level == 5 {
            octets.extend_from_slice(b"000");
            octets.extend_from_slice(&[0; 4]);
        }
        octets
    }
}

pub fn sfpa(level: u8, answer: u64) -> Vec<u8> {
    format!("2{}", nine(answer, if level < 5 { 9 } else { 17 })).into_bytes()
}

/// Without words at every level.
pub fn sfna(level: u8, reason: &str, retry: char) -> Vec<u8> {
    let words = if level < 5 { "" } else { "000" };
    format!("3{reason}{retry}{words}").into_bytes()
}

pub fn efid(level: u8, records: u64, octets: u64) -> Vec<u8> {
    let (first, second) = if level < 5 { (9, 12) } else { (17, 17) };
    format!("T{}{}", nine(records, first), nine(octets, second)).into_bytes()
}

/// Without words at every level.
pub fn efna(level: u8, reason: &str) -> Vec<u8> {
    let words = if level < 5 { "" } else { "000" };
    format!("5{reason}{words}").into_bytes()
}

/// Without words at every level.
pub fn esid(level: u8, reason: &str) -> Vec<u8> {
    let words = if level < 5 { "" } else { "000" };
    format!("F{reason}{words}\r").into_bytes()
}

/// DATA with one literal subrecord of at most 63 octets, the end flag set or not.
pub fn data(octets: &[u8], end: bool) -> Vec<u8> {
    let header = u8::try_from(octets.len()).unwrap() | if end { 0x80 } else { 0 };
    let mut oeb = vec![b'D', header];
    oeb.extend_from_slice(octets);
    oeb
}

/// One session of ours on this partner's line.
#[derive(Debug)]
pub struct Wire {
    pub session: Session,
    pub now: Duration,
}

impl Wire {
    /// We called; nothing was said yet.
    pub fn calling(settings: &Settings) -> Self {
        Self {
            session: Session::initiator(settings.clone(), identity(OURS), NOW),
            now: NOW,
        }
    }

    /// We were called; our SSRM waits to be read.
    pub fn called(settings: &Settings) -> Self {
        Self {
            session: Session::responder(settings.clone(), NOW),
            now: NOW,
        }
    }

    /// The partner says one exchange buffer, given in octets. What is not read (after an end) is
    /// lost, as on a line that is closed.
    pub fn hears(&mut self, oeb: &[u8]) {
        self.session.receive(&framed(oeb), self.now);
    }

    /// The partner says one exchange buffer, given as text.
    pub fn hears_text(&mut self, oeb: &str) {
        self.hears(&octets(oeb));
    }

    /// Everything we said since, octets as they are on the line.
    pub fn line(&mut self) -> Vec<u8> {
        let said = self.session.transmit().to_vec();
        self.session.transmitted(said.len(), self.now);
        said
    }

    /// Everything we said since, as texts of exchange buffers; the stream headers are checked here
    /// by hand.
    pub fn says(&mut self) -> Vec<String> {
        self.oebs().iter().map(|oeb| text(oeb)).collect()
    }

    /// The same as octets.
    pub fn oebs(&mut self) -> Vec<Vec<u8>> {
        let line = self.line();
        let mut rest = line.as_slice();
        let mut oebs = Vec::new();
        while !rest.is_empty() {
            assert_eq!(rest[0], 0x10, "version 1, no flags: {}", text(rest));
            let length =
                usize::from(rest[1]) << 16 | usize::from(rest[2]) << 8 | usize::from(rest[3]);
            assert!((5..=100_003).contains(&length), "{}", text(rest));
            oebs.push(rest[4..length].to_vec());
            rest = &rest[length..];
        }
        oebs
    }

    /// News since, deviations among them.
    pub fn news(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    pub fn ask(&mut self, request: Request) {
        let name = request.name();
        if let Err(error) = self.session.request(request, self.now) {
            panic!("{name}: {error}");
        }
    }

    /// File octets that arrived.
    pub fn received(&mut self) -> Received {
        let mut received = Received::default();
        self.session.take_received(&mut received, self.now);
        received
    }

    pub fn state(&self) -> &'static str {
        self.session.state_name()
    }

    /// Forgets what was said and reported so far.
    pub fn quiet(&mut self) {
        let _ = self.line();
        let _ = self.news();
    }
}
