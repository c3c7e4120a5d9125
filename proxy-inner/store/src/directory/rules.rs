//! The rules stations and partners keep: each by itself, and beside all others.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use keyring::Role;
use oftp::{Format, Level, OdetteId};
use ops::HostPort;

use super::{Partner, Station};

/// One rule that a term of a partner breaks, told by the apply file's key.
pub(super) struct Breach {
    /// The key.
    pub(super) key: &'static str,
    /// The keys the rule is about.
    pub(super) keys: &'static [&'static str],
    /// What is there, in words that can follow "found".
    pub(super) found: String,
    /// What would be right, in words that can follow "wanted".
    pub(super) wanted: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Breach {
            key, found, wanted, ..
        } = self;
        write!(f, "{key}: found {found}, wanted {wanted}")
    }
}

impl Station {
    /// The rule it breaks, as a sentence.
    pub(super) fn problem(&self) -> Option<String> {
        (!is_name(&self.name)).then(|| format!("station {:?}: the name must be {NAME}", self.name))
    }
}

impl Partner {
    /// Every rule it breaks by itself, a sentence each.
    pub(super) fn problems(&self) -> Vec<String> {
        let name = &self.name;
        if !is_name(name) {
            return vec![format!("partner {name:?}: the name must be {NAME}")];
        }
        let breaches = self.values_out_of_range();
        breaches
            .into_iter()
            .chain(self.protection_out_of_range())
            .chain(self.terms_that_clash())
            .map(|breach| format!("partner {name}: {breach}"))
            .collect()
    }

    /// Values that are wrong whatever the others are.
    fn values_out_of_range(&self) -> Vec<Breach> {
        let mut found = Vec::new();
        let mut breach = |key, value: String, wanted: String| {
            found.push(Breach {
                key,
                keys: &[],
                found: value,
                wanted,
            });
        };
        if let Some(address) = &self.address
            && let Err(problem) = address.parse::<HostPort>()
        {
            breach(
                "address",
                format!("{address:?} ({problem})"),
                "a host with port, as \"oftp.example:6619\"".to_owned(),
            );
        }
        if let Some(server) = self.server_name.as_deref()
            && !is_server_name(server)
        {
            breach("server_name", format!("{server:?}"), SERVER_NAME.to_owned());
        }
        if !BUFFER.contains(&self.buffer) {
            breach("buffer", self.buffer.to_string(), range(&BUFFER, "octets"));
        }
        if !CREDIT.contains(&self.credit) {
            breach("credit", self.credit.to_string(), range(&CREDIT, "buffers"));
        }
        if !RECEIPT_WITHIN.contains(&self.receipt_within) {
            let (least, most) = (RECEIPT_WITHIN.start(), RECEIPT_WITHIN.end());
            breach(
                "receipt_within",
                ops::duration::display(self.receipt_within).to_string(),
                format!(
                    "from {} to {}",
                    ops::duration::display(*least),
                    ops::duration::display(*most)
                ),
            );
        }
        found
    }

    /// Terms that are right alone and not together.
    pub(super) fn terms_that_clash(&self) -> Vec<Breach> {
        let mut clashes = Vec::new();
        let mut clash = |keys: &'static [&'static str], found: String, wanted: &str| {
            clashes.push(Breach {
                key: keys.first().copied().unwrap_or_default(),
                keys,
                found,
                wanted: wanted.to_owned(),
            });
        };
        if self.lowest_level > self.level {
            clash(
                &["lowest_level", "level"],
                self.lowest_level.to_string(),
                &format!("at most the level, {}", self.level),
            );
        }
        if self.authentication {
            let lowest = self.lowest_level.min(self.level);
            if lowest < Level::L5 {
                clash(
                    &["authentication", "level", "lowest_level"],
                    format!("true where sessions of level {lowest} are allowed"),
                    "level and lowest_level 5 with it: lower levels have no secure authentication",
                );
            }
            if self.certificates_for(Role::Authentication).is_empty() {
                clash(
                    &["authentication", "certificate"],
                    "true without a certificate".to_owned(),
                    "a certificate of the role \"authentication\" with it",
                );
            }
        }
        match (self.format, self.record_length) {
            (Format::Fixed, 1..=MOST_RECORD_LENGTH) | (Format::Variable, ..=MOST_RECORD_LENGTH) => {
            }
            (Format::Unstructured | Format::Text, 0) => {}
            (Format::Fixed, length) => clash(
                &["record_length", "format"],
                length.to_string(),
                "the length of every record, 1 to 99999 octets, for format F",
            ),
            (Format::Variable, length) => clash(
                &["record_length", "format"],
                length.to_string(),
                "the length of the longest record, at most 99999 octets, or 0, for format V",
            ),
            (Format::Unstructured | Format::Text, length) => clash(
                &["record_length", "format"],
                length.to_string(),
                "0: files of format U and T have no records",
            ),
        }
        clashes.extend(self.protection_that_clashes());
        clashes
    }
}

/// Which codes are whose. No code may be there twice: neither side could tell the holders apart.
#[derive(Default)]
pub(super) struct Codes<'a> {
    holders: BTreeMap<&'a OdetteId, Vec<Holder<'a>>>,
}

/// Who has a code.
struct Holder<'a> {
    kind: &'static str,
    name: &'a str,
    /// Whether the code is that of a further station behind a partner.
    further: bool,
    /// Whether the holder is put now, and may be told of it.
    put: bool,
}

impl<'a> Codes<'a> {
    pub(super) fn station(&mut self, station: &'a Station, put: bool) {
        self.hold(&station.code, ("station", &station.name), false, put);
    }

    pub(super) fn partner(&mut self, partner: &'a Partner, put: bool) {
        let holder = ("partner", partner.name.as_str());
        self.hold(&partner.code, holder, false, put);
        for code in &partner.stations {
            self.hold(code, holder, true, put);
        }
    }

    fn hold(
        &mut self,
        code: &'a OdetteId,
        (kind, name): (&'static str, &'a str),
        further: bool,
        put: bool,
    ) {
        self.holders.entry(code).or_default().push(Holder {
            kind,
            name,
            further,
            put,
        });
    }

    /// A sentence for each code that is there twice where one of its holders is put now.
    pub(super) fn problems(&self) -> Vec<String> {
        let told = |(code, holders): (&&OdetteId, &Vec<Holder<'_>>)| {
            let (place, put) = holders
                .iter()
                .enumerate()
                .rev()
                .find(|(_, holder)| holder.put)?;
            let (_, other) = holders.iter().enumerate().find(|(at, _)| *at != place)?;
            let of = if put.further {
                "the further station"
            } else {
                "the code"
            };
            let whose = if other.further {
                "a further station"
            } else {
                "that"
            };
            Some(format!(
                "{} {}: {of} {code} is {whose} of {} {}; each has its own",
                put.kind, put.name, other.kind, other.name
            ))
        };
        self.holders.iter().filter_map(told).collect()
    }
}

/// What a name of a station or partner must be, in words that can follow "wanted".
pub(super) const NAME: &str = "1 to 32 of the characters A-Z, 0-9, \"_\" and \"-\"";
/// What a server name must be, in words that can follow "wanted".
pub(super) const SERVER_NAME: &str = "a host name or an IP address, without port";
pub(super) const BUFFER: RangeInclusive<u32> = 128..=99_999;
pub(super) const CREDIT: RangeInclusive<u16> = 1..=999;
/// A receipt that must come sooner than within a minute would be overdue before any retry.
pub(super) const RECEIPT_WITHIN: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(3_650 * 24 * 60 * 60);
/// SFIDLRECL has five digits.
pub(super) const MOST_RECORD_LENGTH: u32 = 99_999;

pub(super) fn range<T: fmt::Display>(range: &RangeInclusive<T>, unit: &str) -> String {
    format!("from {} to {} {unit}", range.start(), range.end())
}

pub(super) fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name.bytes().all(|octet| {
            octet.is_ascii_uppercase() || octet.is_ascii_digit() || matches!(octet, b'_' | b'-')
        })
}

/// A host name or an IP address, judged as the host of a `host:port`.
pub(super) fn is_server_name(server: &str) -> bool {
    let host = if server.contains(':') {
        format!("[{server}]:1")
    } else {
        format!("{server}:1")
    };
    host.parse::<HostPort>().is_ok()
}
