//! Bounds-checked reading of one command's fields from its exchange buffer.

use crate::command::Code;
use crate::deviation::{Deviation, Deviations};
use crate::error::{DecodeError, ErrorKind};
use crate::field::is_standard;
use crate::level::Level;
use crate::virtual_file::Stamp;

/// Reads fields from the front; knows command and position for its errors.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    command: Code,
    whole: &'a [u8],
    rest: &'a [u8],
    /// Leniencies needed so far.
    pub(crate) deviations: Deviations,
    /// Leniencies that are errors here.
    refused: Deviations,
}

impl<'a> Reader<'a> {
    /// Starts behind the command identifier.
    pub(crate) fn new(command: Code, oeb: &'a [u8], refused: Deviations) -> Reader<'a> {
        Reader {
            command,
            whole: oeb,
            rest: oeb.get(1..).unwrap_or_default(),
            deviations: Deviations::none(),
            refused,
        }
    }

    /// The exchange buffer has `wanted` octets, and nothing behind them that would not be ignored.
    pub(crate) fn exactly(&mut self, wanted: usize) -> Result<(), DecodeError> {
        if self.whole.len() < wanted {
            return Err(self.length(wanted));
        }
        self.cut(wanted)
    }

    /// As [`Reader::exactly`], for a command that ends in CR: that alone may be missing.
    pub(crate) fn exactly_with_cr(&mut self, wanted: usize) -> Result<(), DecodeError> {
        if self.whole.len() == wanted.saturating_sub(1) {
            return self.tolerate(Deviation::CarriageReturnMissing, |reader| {
                reader.length(wanted)
            });
        }
        self.exactly(wanted)
    }

    /// Takes note of a leniency, or makes an error of it where it is refused.
    pub(crate) fn tolerate(
        &mut self,
        deviation: Deviation,
        error: impl FnOnce(&Reader<'a>) -> DecodeError,
    ) -> Result<(), DecodeError> {
        if self.refused.contains(deviation) {
            return Err(error(self));
        }
        self.deviations.note(deviation);
        Ok(())
    }

    /// Ends the command after `wanted` octets: others behind them do not belong to it.
    fn cut(&mut self, wanted: usize) -> Result<(), DecodeError> {
        if self.whole.len() > wanted {
            self.tolerate(Deviation::TrailingOctets, |reader| reader.length(wanted))?;
            let left = wanted.saturating_sub(self.offset());
            self.whole = self.whole.get(..wanted).unwrap_or(self.whole);
            self.rest = self.rest.get(..left).unwrap_or_default();
        }
        Ok(())
    }

    /// The next octet, not taken.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Nothing is left over that would not be ignored.
    pub(crate) fn end(&mut self) -> Result<(), DecodeError> {
        self.cut(self.offset())
    }

    /// `n` raw octets.
    pub(crate) fn octets(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(n) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.length(self.offset().saturating_add(n))),
        }
    }

    /// `N` raw octets.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.length(self.offset().saturating_add(N))),
        }
    }

    /// Reserved octets, whatever they hold.
    pub(crate) fn reserved(&mut self, n: usize) -> Result<(), DecodeError> {
        self.octets(n).map(|_| ())
    }

    /// X(n): printable ASCII, padding taken off, be it spaces or zero octets.
    pub(crate) fn text(&mut self, field: &'static str, n: usize) -> Result<&'a str, DecodeError> {
        self.text_in(field, n, Characters::OfTheRfc)
    }

    /// X(n) whose content both sides agreed on, so that nothing is to be said about its characters.
    pub(crate) fn agreed_text(
        &mut self,
        field: &'static str,
        n: usize,
    ) -> Result<&'a str, DecodeError> {
        self.text_in(field, n, Characters::Agreed)
    }

    fn text_in(
        &mut self,
        field: &'static str,
        n: usize,
        characters: Characters,
    ) -> Result<&'a str, DecodeError> {
        let offset = self.offset();
        let octets = self.octets(n)?;
        let padding = |octet: &u8| matches!(octet, 0 | b' ');
        let length = octets.iter().rposition(|octet| !padding(octet));
        let (name, padding) = octets.split_at(length.map_or(0, |last| last.saturating_add(1)));
        if padding.contains(&0) {
            self.tolerate(Deviation::ZeroPadding, |reader| {
                reader.content(field, offset, octets, "spaces behind the text")
            })?;
        }
        let printable = name.iter().all(|octet| matches!(octet, 0x20..=0x7E));
        let text = core::str::from_utf8(name).ok().filter(|_| printable);
        let Some(text) = text else {
            return Err(self.content(field, offset, octets, "printable ASCII"));
        };
        if matches!(characters, Characters::OfTheRfc) && !is_standard(text) {
            self.tolerate(Deviation::OutsideCharacterSet, |reader| {
                let wanted = "digits, upper-case letters, space and / - . & ( )";
                reader.content(field, offset, octets, wanted)
            })?;
        }
        Ok(text)
    }

    /// X(n) that has no space but its padding: dataset names and user data.
    pub(crate) fn word(&mut self, field: &'static str, n: usize) -> Result<&'a str, DecodeError> {
        let offset = self.offset();
        let text = self.text(field, n)?;
        if text.contains(' ') {
            self.tolerate(Deviation::EmbeddedSpace, |reader| {
                reader.content(field, offset, text.as_bytes(), "no space in the text")
            })?;
        }
        Ok(text)
    }

    /// 9(n): ASCII digits, n at most 19.
    pub(crate) fn number(&mut self, field: &'static str, n: usize) -> Result<u64, DecodeError> {
        let offset = self.offset();
        let octets = self.octets(n)?;
        let mut value = 0_u64;
        for octet in octets {
            let digit = octet.wrapping_sub(b'0');
            if digit > 9 {
                return Err(self.content(field, offset, octets, "digits"));
            }
            value = value.saturating_mul(10).saturating_add(u64::from(digit));
        }
        Ok(value)
    }

    /// A number that must lie in a range.
    pub(crate) fn number_in(
        &mut self,
        field: &'static str,
        n: usize,
        range: core::ops::RangeInclusive<u32>,
        wanted: &'static str,
    ) -> Result<u32, DecodeError> {
        let offset = self.offset();
        let value = self.number(field, n)?;
        match u32::try_from(value)
            .ok()
            .filter(|value| range.contains(value))
        {
            Some(value) => Ok(value),
            None => Err(self.content(field, offset, value.to_string().as_bytes(), wanted)),
        }
    }

    /// A Y/N field.
    pub(crate) fn yes_no(&mut self, field: &'static str) -> Result<bool, DecodeError> {
        self.choice(field, "Y or N", |octet| match octet {
            b'Y' => Some(true),
            b'N' => Some(false),
            _ => None,
        })
    }

    /// A one-octet field with enumerated values.
    pub(crate) fn choice<T>(
        &mut self,
        field: &'static str,
        wanted: &'static str,
        value: impl FnOnce(u8) -> Option<T>,
    ) -> Result<T, DecodeError> {
        let offset = self.offset();
        let [octet] = self.array()?;
        value(octet).ok_or_else(|| self.content(field, offset, &[octet], wanted))
    }

    /// CR: 0x0D or 0x8D; LF or nothing is accepted as a deviation.
    pub(crate) fn carriage_return(&mut self, field: &'static str) -> Result<(), DecodeError> {
        let offset = self.offset();
        if self.rest.is_empty() {
            return self.tolerate(Deviation::CarriageReturnMissing, |reader| {
                reader.length(offset.saturating_add(1))
            });
        }
        let wanted = "a carriage return (0x0D or 0x8D)";
        match self.array()? {
            [0x0D | 0x8D] => Ok(()),
            found @ [0x0A] => self.tolerate(Deviation::LineFeedForCarriageReturn, |reader| {
                reader.content(field, offset, &found, wanted)
            }),
            found => Err(self.content(field, offset, &found, wanted)),
        }
    }

    /// Date and time as the level lays them out; two-digit years below 70 are of this century.
    /// Levels 1 and 2 have nine reserved octets in front, of which the caller has read three; they
    /// give counter 0000.
    pub(crate) fn stamp(
        &mut self,
        level: Level,
        (date, time): (&'static str, &'static str),
    ) -> Result<Stamp, DecodeError> {
        if level.has_short_stamp() {
            self.reserved(6)?;
        }
        let offset = self.offset();
        let stamp = if level.has_short_stamp() {
            let [y1, y2, m1, m2, d1, d2] = self.digits::<6>(date)?;
            let [h1, h2, i1, i2, s1, s2] = self.digits::<6>(time)?;
            let [c1, c2] = if y1 < b'7' { *b"20" } else { *b"19" };
            Stamp {
                date: [c1, c2, y1, y2, m1, m2, d1, d2],
                time: [h1, h2, i1, i2, s1, s2, b'0', b'0', b'0', b'0'],
            }
        } else {
            let date = self.digits::<8>(date)?;
            let time = self.digits::<10>(time)?;
            Stamp { date, time }
        };
        let found = stamp.to_string();
        if !stamp.is_possible() {
            self.tolerate(Deviation::ImpossibleDate, |reader| {
                reader.content(date, offset, found.as_bytes(), "a date and time that exist")
            })?;
        }
        if !level.has_short_stamp() && stamp.counter() == 0 {
            self.tolerate(Deviation::CounterZero, |reader| {
                reader.content(time, offset, found.as_bytes(), "a counter from 0001")
            })?;
        }
        Ok(stamp)
    }

    /// A T(n) field behind its 9(3) length.
    pub(crate) fn utf8(&mut self, length: &'static str) -> Result<String, DecodeError> {
        let n = usize::try_from(self.number(length, 3)?).unwrap_or(usize::MAX);
        let offset = self.offset();
        let octets = self.octets(n)?;
        if let Ok(text) = core::str::from_utf8(octets) {
            return Ok(text.to_owned());
        }
        self.tolerate(Deviation::TextNotUtf8, |reader| {
            reader.content(length, offset, octets, "UTF-8")
        })?;
        Ok(String::from_utf8_lossy(octets).into_owned())
    }

    /// A U(n) field behind its U(2) length.
    pub(crate) fn binary(&mut self) -> Result<Vec<u8>, DecodeError> {
        let length = u16::from_be_bytes(self.array()?);
        self.octets(usize::from(length)).map(<[u8]>::to_vec)
    }

    pub(crate) fn offset(&self) -> usize {
        self.whole.len().saturating_sub(self.rest.len())
    }

    /// An error about a field's content; what was found is made printable.
    pub(crate) fn content(
        &self,
        field: &'static str,
        offset: usize,
        found: &[u8],
        wanted: &'static str,
    ) -> DecodeError {
        let found = if field == "SSIDPSWD" {
            "***".to_owned()
        } else {
            shown(found)
        };
        let kind = ErrorKind::Content { found, wanted };
        DecodeError {
            command: Some(self.command),
            field,
            offset,
            kind,
        }
    }

    fn digits<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let offset = self.offset();
        let octets = self.array::<N>()?;
        if octets.iter().all(u8::is_ascii_digit) {
            Ok(octets)
        } else {
            Err(self.content(field, offset, &octets, "digits"))
        }
    }

    fn length(&self, wanted: usize) -> DecodeError {
        DecodeError {
            command: Some(self.command),
            field: "length",
            offset: 0,
            kind: ErrorKind::Length {
                found: self.whole.len(),
                wanted,
            },
        }
    }
}

/// The front of a field in printable form.
fn shown(found: &[u8]) -> String {
    match found.get(..MOST_SHOWN) {
        Some(front) if found.len() > MOST_SHOWN => {
            format!(
                "\"{}\" and so on, {} octets",
                front.escape_ascii(),
                found.len()
            )
        }
        _ => format!("\"{}\"", found.escape_ascii()),
    }
}

/// Octets of a field that an error shows at most; the names of RFC 5024 are all shorter.
const MOST_SHOWN: usize = 40;

/// Which characters an X(n) field should have.
#[derive(Debug, Clone, Copy)]
enum Characters {
    /// RFC 5024 Appendix B.
    OfTheRfc,
    /// What both sides agreed on.
    Agreed,
}
