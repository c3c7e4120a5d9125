//! Fixed-width writing with the RFC's padding (RFC 5024 §5.3).

use crate::command::Code;
use crate::error::EncodeError;
use crate::frame;
use crate::level::Level;
use crate::virtual_file::Stamp;

/// Appends one frame to a buffer: header first, filled in at the end.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(command: Code, out: &'a mut Vec<u8>) -> Writer<'a> {
        let start = out.len();
        out.extend_from_slice(&[0; frame::HEADER_LEN]);
        out.push(command.octet());
        Writer { out, start }
    }

    /// Fills in the stream header; takes back everything if the frame is too long.
    pub(crate) fn finish(self) -> Result<(), EncodeError> {
        let frame = self.out.len().saturating_sub(self.start);
        let oeb = frame.saturating_sub(frame::HEADER_LEN);
        if oeb > frame::MAX_OEB_LEN {
            self.out.truncate(self.start);
            let most = frame::MAX_OEB_LEN;
            return Err(EncodeError::TooLong {
                field: "exchange buffer",
                found: oeb,
                most,
            });
        }
        let end = self.start.saturating_add(frame::HEADER_LEN);
        if let Some(header) = self.out.get_mut(self.start..end) {
            header.copy_from_slice(&frame::header(oeb));
        }
        Ok(())
    }

    /// Takes back what was written and passes the error on.
    pub(crate) fn fail(self, error: EncodeError) -> EncodeError {
        self.out.truncate(self.start);
        error
    }

    pub(crate) fn octet(&mut self, octet: u8) -> &mut Self {
        self.out.push(octet);
        self
    }

    pub(crate) fn octets(&mut self, octets: &[u8]) -> &mut Self {
        self.out.extend_from_slice(octets);
        self
    }

    /// X(n): left justified, spaces on the right. The field types are never longer than `n`.
    pub(crate) fn text(&mut self, text: &str, n: usize) -> &mut Self {
        let text = text.as_bytes();
        let text = text.get(..n).unwrap_or(text);
        self.out.extend_from_slice(text);
        self.reserved(n.saturating_sub(text.len()))
    }

    pub(crate) fn reserved(&mut self, n: usize) -> &mut Self {
        self.out.extend(core::iter::repeat_n(b' ', n));
        self
    }

    /// 9(n): right justified, zeros on the left.
    pub(crate) fn number(
        &mut self,
        field: &'static str,
        value: u64,
        digits: usize,
    ) -> Result<&mut Self, EncodeError> {
        let text = format!("{value:0digits$}");
        if text.len() > digits {
            return Err(EncodeError::NumberTooLarge {
                field,
                value,
                digits,
            });
        }
        self.out.extend_from_slice(text.as_bytes());
        Ok(self)
    }

    pub(crate) fn yes_no(&mut self, yes: bool) -> &mut Self {
        self.octet(if yes { b'Y' } else { b'N' })
    }

    pub(crate) fn carriage_return(&mut self) -> &mut Self {
        self.octet(0x0D)
    }

    /// Date and time as the level lays them out; six more reserved octets below level 4.
    pub(crate) fn stamp(&mut self, stamp: &Stamp, level: Level) -> &mut Self {
        if level.has_short_stamp() {
            let [_, _, y1, y2, m1, m2, d1, d2] = stamp.date;
            let [h1, h2, i1, i2, s1, s2, ..] = stamp.time;
            return self
                .reserved(6)
                .octets(&[y1, y2, m1, m2, d1, d2])
                .octets(&[h1, h2, i1, i2, s1, s2]);
        }
        self.octets(&stamp.date).octets(&stamp.time)
    }

    /// A T(n) field behind its 9(3) length; text is cut at a character boundary to 999 octets.
    pub(crate) fn utf8(&mut self, text: &str) -> &mut Self {
        let mut end = text.len().min(MAX_TEXT);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let text = text.get(..end).unwrap_or_default();
        self.out
            .extend_from_slice(format!("{:03}", text.len()).as_bytes());
        self.octets(text.as_bytes())
    }

    /// A U(n) field behind its U(2) length.
    pub(crate) fn binary(
        &mut self,
        field: &'static str,
        octets: &[u8],
    ) -> Result<&mut Self, EncodeError> {
        let most = usize::from(u16::MAX);
        let length = u16::try_from(octets.len()).map_err(|_| EncodeError::TooLong {
            field,
            found: octets.len(),
            most,
        })?;
        Ok(self.octets(&length.to_be_bytes()).octets(octets))
    }
}

/// The longest reason or description text, in octets (RFC 5024 §5.3.3 and others).
const MAX_TEXT: usize = 999;
