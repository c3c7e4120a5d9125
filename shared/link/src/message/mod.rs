//! Every message that may cross the link, and how large each may be.
//!
//! ```text
//!  control stream    inner ── Greeting ──▶ DMZ      DMZ ── Welcome ──▶ inner
//!                    inner ── ToDmz* ────▶ DMZ      DMZ ── ToInner* ─▶ inner
//!  stream by DMZ     DMZ ── FromDmz ─────▶ inner    inner ── SignAnswer | ClientVerdict | ArrivedAnswer
//!  stream by inner   inner ── FromInner ─▶ DMZ      DMZ ── DialAnswer | ProbeAnswer
//! ```
//!
//! Encoding is postcard. Enums grow at their end only; structs do not change within a version.

mod control;
mod opening;
mod request;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use control::{
    ClientCertificate, Counters, Greeting, LinkRefusal, ListenerPolicy, ListenerState, Policy,
    PublicLimits, ToDmz, ToInner, Welcome,
};
pub use opening::{
    Arrived, ArrivedAnswer, CircuitId, Dial, DialAnswer, DialFailure, ProbeAnswer, Purpose,
    TlsFacts,
};
pub use request::{ClientVerdict, FromDmz, FromInner, Sign, SignAnswer, VerifyClient};

use crate::limits::{MAX_ANSWER, MAX_CONTROL, MAX_GREETING, MAX_OPENING, MAX_REQUEST};

/// Version of the messages, as the greeting carries it. A half speaks exactly one.
pub const VERSION: u16 = 1;

/// A message of the link: its name for operators and its ceiling. The set is closed.
pub trait Message: Serialize + DeserializeOwned + Send + sealed::Sealed {
    /// What to call it in an error.
    const NAME: &'static str;

    /// Most octets the encoded message may have, given its first octet (of an enum: the variant).
    /// Checked on the sender's side before writing, on the receiver's before allocating.
    fn ceiling(first: u8) -> usize;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! messages {
    ($($message:ty, $name:literal, $ceiling:expr;)*) => {$(
        impl sealed::Sealed for $message {}
        impl Message for $message {
            const NAME: &'static str = $name;
            fn ceiling(first: u8) -> usize {
                let ceiling: fn(u8) -> usize = $ceiling;
                ceiling(first)
            }
        }
    )*};
}

messages! {
    Greeting, "the greeting", |_| MAX_GREETING;
    Welcome, "the welcome", |_| MAX_GREETING;
    ToDmz, "a control message to the DMZ half", |_| MAX_CONTROL;
    ToInner, "a control message to the inner half", |_| MAX_CONTROL;
    FromDmz, "the first message of a stream opened by the DMZ half", |variant| match variant {
        FROM_DMZ_ARRIVED => MAX_OPENING,
        _ => MAX_REQUEST,
    };
    FromInner, "the first message of a stream opened by the inner half", |_| MAX_OPENING;
    SignAnswer, "the answer to a signature request", |_| MAX_ANSWER;
    ClientVerdict, "the verdict on a client certificate", |_| MAX_ANSWER;
    ArrivedAnswer, "the answer to an arrived partner", |_| MAX_ANSWER;
    DialAnswer, "the answer to a dial order", |_| MAX_ANSWER;
    ProbeAnswer, "the answer to a probe", |_| MAX_ANSWER;
}

/// Postcard's number of [`FromDmz::Arrived`]: enums are numbered in the order of declaration.
const FROM_DMZ_ARRIVED: u8 = 2;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn address() -> SocketAddr {
        "[2001:db8::1]:6619".parse().unwrap()
    }

    #[test]
    fn openings_have_the_small_ceiling_and_requests_the_large_one() {
        let arrived = FromDmz::Arrived(Arrived {
            circuit: CircuitId(1),
            listener: "oftps".into(),
            peer: address(),
            local: address(),
            tls: TlsFacts {
                version: 0x0304,
                suite: 0x1301,
                server_name: None,
                client: None,
            },
            ssid: vec![b'X'; 61],
        });
        let octets = postcard::to_allocvec(&arrived).unwrap();
        assert_eq!(FromDmz::ceiling(octets[0]), MAX_OPENING);
        let sign = FromDmz::Sign(Sign {
            circuit: CircuitId(1),
            listener: "oftps".into(),
            key: 0,
            peer: address(),
            scheme: 0x0403,
            message: Vec::new(),
        });
        let octets = postcard::to_allocvec(&sign).unwrap();
        assert_eq!(FromDmz::ceiling(octets[0]), MAX_REQUEST);
    }

    /// These octets are on the wire of version 1 for ever; a change here needs a new version.
    #[test]
    fn greeting_and_refusal_keep_their_octets() {
        let greeting = Greeting {
            version: 1,
            software: "x/1".into(),
            epoch: 300,
        };
        assert_eq!(
            postcard::to_allocvec(&greeting).unwrap(),
            b"\x01\x03x/1\xac\x02"
        );
        let refusal = Welcome::Refuse(LinkRefusal::Version { ours: 2, yours: 1 });
        assert_eq!(postcard::to_allocvec(&refusal).unwrap(), [1, 0, 2, 1]);
        let busy = Welcome::Refuse(LinkRefusal::Busy);
        assert_eq!(postcard::to_allocvec(&busy).unwrap(), [1, 1]);
    }

    #[test]
    fn circuit_ids_print_as_sixteen_hex_digits_and_read_back() {
        let circuit = CircuitId(0x00f3_0000_0000_abcd);
        assert_eq!(circuit.to_string(), "00f300000000abcd");
        assert_eq!("00f300000000abcd".parse(), Ok(circuit));
        assert!("f300000000abcd".parse::<CircuitId>().is_err());
        assert!("+0f300000000abcd".parse::<CircuitId>().is_err());
    }

    #[test]
    fn an_arrival_never_prints_its_ssid() {
        let arrived = Arrived {
            circuit: CircuitId(1),
            listener: "oftps".into(),
            peer: address(),
            local: address(),
            tls: TlsFacts {
                version: 0x0304,
                suite: 0x1301,
                server_name: None,
                client: None,
            },
            ssid: vec![201; 61],
        };
        let text = format!("{arrived:?}");
        assert!(
            text.contains("61 octets") && !text.contains("201"),
            "{text}"
        );
    }
}
