//! Messages as octets: a length of 4 octets (big-endian), then postcard; the only place where the
//! other end's length is believed.

use bytes::{BufMut, Bytes, BytesMut};
use quinn::RecvStream;

use crate::error::LinkError;
use crate::message::Message;

const LENGTH: usize = 4;
/// A message being read takes at most so much more room than has come of it.
const GROWTH: usize = 16 * 1024;

/// Encodes `message` with its length before it.
///
/// # Errors
/// [`LinkError::TooLarge`] when it is over its ceiling: the other end would refuse it.
pub(crate) fn encode<T: Message>(message: &T) -> Result<Bytes, LinkError> {
    let octets = postcard::to_allocvec(message).map_err(|error| malformed::<T>(&error))?;
    let length = check_ceiling::<T>(&octets)?;
    let mut framed = BytesMut::with_capacity(LENGTH + octets.len());
    framed.put_u32(length);
    framed.put_slice(&octets);
    Ok(framed.freeze())
}

/// Decodes a message that was framed as [`encode`] does; the length is gone already.
///
/// # Errors
/// [`LinkError::Malformed`] when it is no `T`, or when octets are left over.
pub(crate) fn decode<T: Message>(octets: &[u8]) -> Result<T, LinkError> {
    let (message, rest) =
        postcard::take_from_bytes::<T>(octets).map_err(|error| malformed::<T>(&error))?;
    if !rest.is_empty() {
        let problem = format!("{} octets are left over", rest.len());
        return Err(LinkError::Malformed {
            what: T::NAME,
            problem,
        });
    }
    Ok(message)
}

/// Reads messages off a stream, never an octet beyond. Reading may be given up at any await and
/// taken up again: what has come so far is kept here.
#[derive(Debug, Default)]
pub(crate) struct FrameReader {
    length: [u8; LENGTH],
    /// Octets of length and body that have come.
    come: usize,
    body: Vec<u8>,
}

impl FrameReader {
    /// The next message; `None` when the stream ended cleanly before its first octet.
    pub(crate) async fn read<T: Message>(
        &mut self,
        stream: &mut RecvStream,
    ) -> Result<Option<T>, LinkError> {
        match self.read_octets(stream, T::NAME, T::ceiling).await? {
            Some(octets) => decode(&octets).map(Some),
            None => Ok(None),
        }
    }

    /// The octets of the next message, of a kind that is known by its ceilings only.
    pub(crate) async fn read_octets(
        &mut self,
        stream: &mut RecvStream,
        what: &'static str,
        ceiling: fn(u8) -> usize,
    ) -> Result<Option<Vec<u8>>, LinkError> {
        loop {
            let room = match self.wanted(what, ceiling)? {
                Some(room) => room,
                None => {
                    self.come = 0;
                    return Ok(Some(std::mem::take(&mut self.body)));
                }
            };
            match stream.read(room).await? {
                Some(read) => self.come += read,
                None if self.come == 0 => return Ok(None),
                None => return Err(LinkError::Ended { what }),
            }
        }
    }

    /// Where the next octets go: first the length, then the first octet, which tells the ceiling,
    /// then the rest. `None` when the message is whole.
    fn wanted(
        &mut self,
        what: &'static str,
        ceiling: fn(u8) -> usize,
    ) -> Result<Option<&mut [u8]>, LinkError> {
        if self.come < LENGTH {
            return Ok(self.length.get_mut(self.come..));
        }
        let length = usize::try_from(u32::from_be_bytes(self.length)).unwrap_or(usize::MAX);
        let have = self.come - LENGTH;
        if have == 0 {
            if length == 0 {
                return Err(LinkError::Malformed {
                    what,
                    problem: "it is empty".into(),
                });
            }
            self.body.clear();
            self.body.resize(1, 0);
        } else if have == 1 {
            let ceiling = ceiling(self.body.first().copied().unwrap_or_default());
            if length > ceiling {
                return Err(LinkError::TooLarge {
                    what,
                    length,
                    ceiling,
                });
            }
        }
        if have > 0 && have == self.body.len() && have < length {
            self.body.resize(length.min(have + GROWTH), 0);
        }
        Ok(self.body.get_mut(have..).filter(|room| !room.is_empty()))
    }
}

fn check_ceiling<T: Message>(octets: &[u8]) -> Result<u32, LinkError> {
    let ceiling = T::ceiling(octets.first().copied().unwrap_or_default());
    let length = octets.len();
    let too_large = LinkError::TooLarge {
        what: T::NAME,
        length,
        ceiling,
    };
    if length > ceiling {
        return Err(too_large);
    }
    u32::try_from(length).map_err(|_| too_large)
}

fn malformed<T: Message>(error: &postcard::Error) -> LinkError {
    LinkError::Malformed {
        what: T::NAME,
        problem: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{MAX_ANSWER, MAX_OPENING};
    use crate::message::{ProbeAnswer, SignAnswer};

    /// Feeds octets as a stream would, `step` at a time, and gives back the first whole message.
    fn feed(reader: &mut FrameReader, octets: &[u8], step: usize) -> Result<Vec<u8>, LinkError> {
        let mut octets = octets;
        loop {
            let Some(room) = reader.wanted("it", |_| MAX_OPENING)? else {
                reader.come = 0;
                return Ok(std::mem::take(&mut reader.body));
            };
            let take = step.min(room.len()).min(octets.len());
            assert!(take > 0, "the reader wants more than there is");
            let (now, later) = octets.split_at(take);
            room[..take].copy_from_slice(now);
            reader.come += take;
            octets = later;
        }
    }

    #[test]
    fn reads_whatever_the_cuts() {
        let answer = SignAnswer::Signature((0..72).collect());
        let framed = encode(&answer).unwrap();
        for step in [1, 2, 3, 5, 100] {
            let octets = feed(&mut FrameReader::default(), &framed, step).unwrap();
            assert_eq!(decode::<SignAnswer>(&octets), Ok(answer.clone()));
        }
        let one = encode(&ProbeAnswer(5)).unwrap();
        assert_eq!(feed(&mut FrameReader::default(), &one, 1), Ok(vec![5]));
    }

    #[test]
    fn refuses_a_length_over_the_ceiling_before_it_allocates() {
        let mut reader = FrameReader::default();
        let refused = feed(&mut reader, b"\xff\xff\xff\xff\x00", 1);
        let length = usize::try_from(u32::MAX).unwrap();
        assert_eq!(
            refused,
            Err(LinkError::TooLarge {
                what: "it",
                length,
                ceiling: MAX_OPENING
            })
        );
        assert!(reader.body.capacity() <= 64, "{}", reader.body.capacity());
    }

    #[test]
    fn refuses_an_empty_message() {
        let refused = feed(&mut FrameReader::default(), b"\0\0\0\0", 1);
        assert!(
            matches!(refused, Err(LinkError::Malformed { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn refuses_octets_left_over() {
        let octets = postcard::to_allocvec(&ProbeAnswer(5)).unwrap();
        assert_eq!(decode(&octets), Ok(ProbeAnswer(5)));
        let refused =
            decode::<ProbeAnswer>(&[octets, vec![0, 0]].concat()).map_err(|e| e.to_string());
        assert!(refused.is_err_and(|text| text.contains("2 octets are left over")));
    }

    #[test]
    fn does_not_write_what_the_other_end_would_refuse() {
        let answer = SignAnswer::Signature(vec![0; MAX_ANSWER]);
        let refused = encode(&answer).unwrap_err();
        let ceiling = MAX_ANSWER;
        assert!(matches!(refused, LinkError::TooLarge { ceiling: most, .. } if most == ceiling));
    }

    #[test]
    fn refuses_an_unknown_variant() {
        assert!(matches!(
            decode::<SignAnswer>(&[9]),
            Err(LinkError::Malformed { .. })
        ));
    }
}
