//! `HostPort`: a host by name or IP address, with a port; nothing is resolved here.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A host and a TCP or UDP port, as operators write them: `dmz.example:16619`, `10.0.1.5:16619`,
/// `[2001:db8::1]:16619`. Prints the same way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// Host name, or IP address without brackets.
    pub host: String,
    /// Port, 1 to 65535.
    pub port: u16,
}

impl HostPort {
    /// The IP address, when the host is written as one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Why a text is no host with port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostPortError {
    /// There is no `:` before a port.
    #[error("the port is missing")]
    NoPort,
    /// The port is no number from 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// The host is empty, too long, or has characters that no host name has.
    #[error("the host must be a name of letters, digits, dots and hyphens, or an IP address")]
    Host,
    /// An IPv6 address without brackets around it.
    #[error("an IPv6 address needs brackets, as [2001:db8::1]:16619")]
    Brackets,
}

impl FromStr for HostPort {
    type Err = HostPortError;

    fn from_str(text: &str) -> Result<Self, HostPortError> {
        let (host, port) = text.rsplit_once(':').ok_or(HostPortError::NoPort)?;
        let host = match host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            Some(inner) => {
                inner.parse::<Ipv6Addr>().map_err(|_| HostPortError::Host)?;
                inner
            }
            None if host.contains(':') => return Err(HostPortError::Brackets),
            None if is_name(host) => host,
            None => return Err(HostPortError::Host),
        };
        if port.is_empty() || !port.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(HostPortError::Port);
        }
        match port.parse() {
            Ok(port) if port > 0 => Ok(HostPort {
                host: host.to_owned(),
                port,
            }),
            _ => Err(HostPortError::Port),
        }
    }
}

/// A host name as DNS and resolvers take it (underscores are met in private zones).
fn is_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    host.len() <= 253 && host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_addresses_and_prints_them_back() {
        for text in [
            "dmz.example:16619",
            "10.0.1.5:1",
            "[2001:db8::1]:65535",
            "localhost:6619",
        ] {
            assert_eq!(
                text.parse::<HostPort>().map(|parsed| parsed.to_string()),
                Ok(text.to_owned())
            );
        }
        assert_eq!(
            "[::1]:5"
                .parse::<HostPort>()
                .ok()
                .and_then(|parsed| parsed.ip()),
            "::1".parse().ok()
        );
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, wanted) in [
            ("dmz.example", HostPortError::NoPort),
            ("dmz.example:", HostPortError::Port),
            ("dmz.example:+5", HostPortError::Port),
            ("dmz.example:0", HostPortError::Port),
            ("dmz.example:65536", HostPortError::Port),
            (":16619", HostPortError::Host),
            ("dmz example:16619", HostPortError::Host),
            ("2001:db8::1:16619", HostPortError::Brackets),
            ("[dmz]:16619", HostPortError::Host),
        ] {
            assert_eq!(text.parse::<HostPort>(), Err(wanted), "{text}");
        }
    }
}
