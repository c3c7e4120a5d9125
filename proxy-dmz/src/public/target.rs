//! Where the inner half may have us dial: pure rules over an address.
//!
//! An order to dial comes from inside, yet the name it carries was resolved out here, by a resolver
//! others may poison. So what is not a public unicast address is refused unless the operator of this
//! host allowed private targets; what can never be a partner is refused always.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why an address is not dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {kind}{}", if kind.allowable() { "; set dial.allow_private in the DMZ half's configuration to dial it" } else { ", which is never dialled" })]
pub struct NotAllowed {
    /// The address.
    pub address: IpAddr,
    /// What it is.
    pub kind: Kind,
}

/// What keeps an address from being dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Kind {
    /// The host itself.
    #[error("a loopback address")]
    Loopback,
    /// A private network (RFC 1918, RFC 4193, shared space of RFC 6598, and kin).
    #[error("a private address")]
    Private,
    /// Valid on one wire only (RFC 3927, RFC 4291).
    #[error("a link-local address")]
    LinkLocal,
    /// No address, or one of no host.
    #[error("no address of a host")]
    Unspecified,
    /// A group, not a host; or broadcast.
    #[error("a multicast or broadcast address")]
    Multicast,
    /// A cloud provider's metadata service, which hands out credentials.
    #[error("a metadata service")]
    Metadata,
}

impl Kind {
    /// Whether `dial.allow_private` lets it pass.
    #[must_use]
    pub fn allowable(self) -> bool {
        matches!(self, Kind::Loopback | Kind::Private | Kind::LinkLocal)
    }
}

/// Checks one resolved address.
///
/// # Errors
/// What the address is, when it must not be dialled.
pub fn check(address: IpAddr, allow_private: bool) -> Result<(), NotAllowed> {
    match kind(address) {
        Some(kind) if !(allow_private && kind.allowable()) => Err(NotAllowed { address, kind }),
        _ => Ok(()),
    }
}

fn kind(address: IpAddr) -> Option<Kind> {
    match address.to_canonical() {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

fn kind_v4(address: Ipv4Addr) -> Option<Kind> {
    if METADATA_V4.contains(&address) {
        return Some(Kind::Metadata);
    }
    match address.octets() {
        [0, ..] => Some(Kind::Unspecified),
        [127, ..] => Some(Kind::Loopback),
        [169, 254, ..] => Some(Kind::LinkLocal),
        [10, ..]
        | [172, 16..=31, ..]
        | [192, 168, ..]
        | [100, 64..=127, ..]
        | [192, 0, 0, _]
        | [198, 18..=19, ..] => Some(Kind::Private),
        [224..=239, ..] | [255, 255, 255, 255] => Some(Kind::Multicast),
        [240..=255, ..] => Some(Kind::Unspecified),
        _ => None,
    }
}

fn kind_v6(address: Ipv6Addr) -> Option<Kind> {
    if address == METADATA_V6 {
        return Some(Kind::Metadata);
    }
    if address.is_loopback() {
        return Some(Kind::Loopback);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Kind::Unspecified),
        [0xff00..=0xffff, ..] => Some(Kind::Multicast),
        [0xfe80..=0xfebf, ..] => Some(Kind::LinkLocal),
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Some(Kind::Private),
        // Wrappings of an IPv4 address: compatible (RFC 4291), translated (RFC 6052), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            kind_v4(embedded(high, low))
        }
        [0x2002, high, low, ..] => kind_v4(embedded(high, low)),
        // Locally chosen translation prefix (RFC 8215): leads to a network nobody here knows.
        [0x64, 0xff9b, 1, ..] => Some(Kind::Private),
        _ => None,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let [a, b] = high.to_be_bytes();
    let [c, d] = low.to_be_bytes();
    Ipv4Addr::new(a, b, c, d)
}

/// The common one, and those of Alibaba Cloud and Azure.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// Amazon's.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, allow_private: bool) -> Option<Kind> {
        check(text.parse().expect("an address"), allow_private)
            .err()
            .map(|refused| refused.kind)
    }

    const REFUSED: [(&str, Kind); 33] = [
        ("127.0.0.1", Kind::Loopback),
        ("127.255.255.255", Kind::Loopback),
        ("::1", Kind::Loopback),
        ("::ffff:127.0.0.1", Kind::Loopback),
        ("::127.0.0.1", Kind::Loopback),
        ("64:ff9b::7f00:1", Kind::Loopback),
        ("2002:7f00:1::", Kind::Loopback),
        ("10.0.0.1", Kind::Private),
        ("172.16.0.1", Kind::Private),
        ("172.31.255.255", Kind::Private),
        ("192.168.1.1", Kind::Private),
        ("100.64.0.1", Kind::Private),
        ("192.0.0.8", Kind::Private),
        ("198.19.0.1", Kind::Private),
        ("::ffff:10.0.0.1", Kind::Private),
        ("fc00::1", Kind::Private),
        ("fd12:3456::1", Kind::Private),
        ("fec0::1", Kind::Private),
        ("64:ff9b:1::1", Kind::Private),
        ("169.254.1.1", Kind::LinkLocal),
        ("fe80::1", Kind::LinkLocal),
        ("::ffff:169.254.1.1", Kind::LinkLocal),
        ("0.0.0.0", Kind::Unspecified),
        ("0.1.2.3", Kind::Unspecified),
        ("240.0.0.1", Kind::Unspecified),
        ("::", Kind::Unspecified),
        ("224.0.0.1", Kind::Multicast),
        ("255.255.255.255", Kind::Multicast),
        ("ff02::1", Kind::Multicast),
        ("169.254.169.254", Kind::Metadata),
        ("::ffff:169.254.169.254", Kind::Metadata),
        ("168.63.129.16", Kind::Metadata),
        ("fd00:ec2::254", Kind::Metadata),
    ];

    #[test]
    fn refuses_what_is_no_public_host() {
        for (address, kind) in REFUSED {
            assert_eq!(found(address, false), Some(kind), "{address}");
        }
    }

    #[test]
    fn allows_private_targets_when_told_but_never_groups_or_metadata() {
        for (address, kind) in REFUSED {
            let wanted = (!kind.allowable()).then_some(kind);
            assert_eq!(found(address, true), wanted, "{address}");
        }
    }

    #[test]
    fn allows_public_hosts() {
        for address in [
            "9.9.9.9",
            "172.15.0.1",
            "172.32.0.1",
            "100.128.0.1",
            "2620:fe::fe",
            "::ffff:9.9.9.9",
        ] {
            assert_eq!(found(address, false), None, "{address}");
        }
    }

    #[test]
    fn tells_the_operator_which_key_would_allow_it() {
        let refused = check("10.0.0.1".parse().expect("an address"), false).expect_err("private");
        assert!(
            refused.to_string().contains("dial.allow_private"),
            "{refused}"
        );
        let refused = check("224.0.0.1".parse().expect("an address"), true).expect_err("a group");
        assert!(
            !refused.to_string().contains("dial.allow_private"),
            "{refused}"
        );
    }
}
