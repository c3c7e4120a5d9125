//! `[plain]`: where partners may come without TLS, on the inside only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ops::Section;

use super::file::{MOMENT, minutes, seconds};

/// `[plain]`: listeners without TLS (RFC 5024 section 2.4, port 3305), for partners inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    /// Where to listen; nowhere by default.
    pub listen: Vec<SocketAddr>,
    /// Connections at a time from one address.
    pub sessions_per_address: u32,
    /// Time a caller has for its SSID.
    pub ssid_timeout: Duration,
}

impl Default for Plain {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            sessions_per_address: 50,
            ssid_timeout: seconds(10),
        }
    }
}

impl Plain {
    pub(super) fn read(root: &mut Section<'_>) -> Plain {
        let mut plain = Plain::default();
        let Some(mut section) = root.section("plain") else {
            return plain;
        };
        let any = section.boolean("any_address", false);
        plain.listen = section.parsed_strings("listen", LISTEN);
        if plain.listen.len() > MOST_LISTENERS {
            let found = format!("{} addresses", plain.listen.len());
            section.fault("listen", found, format!("at most {MOST_LISTENERS}"));
        }
        for (index, address) in plain.listen.iter().enumerate() {
            let key = format!("listen[{index}]");
            let twice = plain
                .listen
                .iter()
                .take(index)
                .any(|other| other == address);
            if twice && address.port() != 0 {
                section.fault(&key, format!("{address} twice"), "each address once");
            } else if !any && !is_inside(address.ip()) {
                section.fault(&key, address.to_string(), INSIDE);
            }
        }
        plain.sessions_per_address = section.integer(
            "sessions_per_address",
            1..=100_000,
            plain.sessions_per_address,
        );
        plain.ssid_timeout =
            section.duration("ssid_timeout", MOMENT..=minutes(5), plain.ssid_timeout);
        section.finish();
        plain
    }
}

const MOST_LISTENERS: usize = 16;
const LISTEN: &str =
    "an IP address and port of this host, as \"10.1.1.1:3305\" or \"[fd00::1]:3305\"";
const INSIDE: &str = "an address of this host on an inside network (10/8, 172.16/12, 192.168/16, \
     100.64/10, 127/8, 169.254/16, ::1, fc00::/7, fe80::/10): nothing protects these sessions, and a \
     wildcard would open them on every network this host is on or comes to be on; \
     plain.any_address = true allows it all the same";

/// Whether an address is one that is only reached from networks of our own.
fn is_inside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || is_shared(address)
        }
        IpAddr::V6(address) => {
            address == Ipv6Addr::LOCALHOST
                || address.is_unique_local()
                || address.is_unicast_link_local()
        }
    }
}

/// The space providers share among their customers (RFC 6598), met between company networks too.
fn is_shared(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    first == 100 && second & 0xc0 == 64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_inside_addresses_from_all_others() {
        for inside in [
            "10.1.1.1",
            "172.31.0.1",
            "192.168.7.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(is_inside(inside.parse().unwrap()), "{inside}");
        }
        for outside in [
            "0.0.0.0",
            "::",
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2001:db8::1",
            "::ffff:8.8.8.8",
            "::ffff:0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
        ] {
            assert!(!is_inside(outside.parse().unwrap()), "{outside}");
        }
    }
}
