//! Greeting and welcome: the first message each way, where versions meet.

use quinn::{RecvStream, SendStream};

use crate::codec::{self, FrameReader};
use crate::error::LinkError;
use crate::message::{Greeting, LinkRefusal, Message, Welcome};

/// What this software calls itself to the other end.
pub(crate) const SOFTWARE: &str = concat!("oftp-proxy/", env!("CARGO_PKG_VERSION"));

/// The inner half's part: says the greeting, hears the welcome, gives back the other end's software.
pub(crate) async fn greet(
    (send, receive): &mut (SendStream, RecvStream),
    greeting: &Greeting,
) -> Result<String, LinkError> {
    send.write_chunk(codec::encode(greeting)?).await?;
    let welcome = FrameReader::default().read::<Welcome>(receive).await?;
    match welcome.ok_or(LinkError::Ended {
        what: Welcome::NAME,
    })? {
        Welcome::Accept { version, software } if version == greeting.version => Ok(tidy(&software)),
        Welcome::Accept { version, .. } => Err(LinkError::Version {
            ours: greeting.version,
            theirs: version,
        }),
        Welcome::Refuse(LinkRefusal::Version { ours, yours }) => Err(LinkError::Version {
            ours: yours,
            theirs: ours,
        }),
        Welcome::Refuse(LinkRefusal::Busy) => Err(LinkError::Busy),
    }
}

/// The DMZ half's first part: hears the greeting. A version that is not `ours` is an error naming
/// both, whatever else the greeting holds.
pub(crate) async fn hear(receive: &mut RecvStream, ours: u16) -> Result<Greeting, LinkError> {
    let octets = FrameReader::default()
        .read_octets(receive, Greeting::NAME, Greeting::ceiling)
        .await?;
    decode(
        &octets.ok_or(LinkError::Ended {
            what: Greeting::NAME,
        })?,
        ours,
    )
}

/// The DMZ half's second part: says what became of the greeting.
pub(crate) async fn answer(send: &mut SendStream, welcome: &Welcome) -> Result<(), LinkError> {
    send.write_chunk(codec::encode(welcome)?)
        .await
        .map_err(LinkError::from)
}

/// The version alone comes first and decides whether the rest is looked at.
fn decode(octets: &[u8], ours: u16) -> Result<Greeting, LinkError> {
    let (theirs, _) =
        postcard::take_from_bytes::<u16>(octets).map_err(|error| LinkError::Malformed {
            what: Greeting::NAME,
            problem: error.to_string(),
        })?;
    if theirs != ours {
        return Err(LinkError::Version { ours, theirs });
    }
    let mut greeting: Greeting = codec::decode(octets)?;
    greeting.software = tidy(&greeting.software);
    Ok(greeting)
}

/// The other end's words, cut and cleaned: they go to our log.
fn tidy(software: &str) -> String {
    software
        .chars()
        .filter(|letter| !letter.is_control())
        .take(100)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::VERSION;

    #[test]
    fn another_version_is_told_whatever_follows_it() {
        let unknown = Err(LinkError::Version {
            ours: VERSION,
            theirs: 300,
        });
        // 300 as a varint, alone and before fields that this version does not know.
        assert_eq!(decode(&[0xac, 0x02], VERSION), unknown);
        assert_eq!(
            decode(
                &[0xac, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 9, 9, 9],
                VERSION
            ),
            unknown
        );
    }

    #[test]
    fn our_version_must_be_whole_and_nothing_but_it() {
        let greeting = Greeting {
            version: VERSION,
            software: "x/1".into(),
            epoch: 7,
        };
        let octets = postcard::to_allocvec(&greeting).unwrap();
        assert_eq!(decode(&octets, VERSION), Ok(greeting));
        let longer = [octets.as_slice(), &[0]].concat();
        assert!(matches!(
            decode(&longer, VERSION),
            Err(LinkError::Malformed { .. })
        ));
        let shorter = octets.split_last().unwrap().1;
        assert!(matches!(
            decode(shorter, VERSION),
            Err(LinkError::Malformed { .. })
        ));
        assert!(matches!(
            decode(&[], VERSION),
            Err(LinkError::Malformed { .. })
        ));
    }

    #[test]
    fn foreign_words_are_cut_and_cleaned() {
        assert_eq!(tidy("a\nb\u{1b}[0m"), "ab[0m");
        assert_eq!(tidy(&"x".repeat(500)).len(), 100);
    }
}
