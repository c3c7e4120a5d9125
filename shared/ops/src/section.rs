//! `Section`: typed reading of one table, which gathers all faults and at the end names unknown keys.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::{Table, Value};

use crate::fault::Faults;
use crate::host_port::HostPort;
use crate::secret::Secret;
use crate::{duration, similar, size};

/// One table of a configuration, read key by key.
///
/// A wrong value is noted as a fault and read as its default (or `None`), so that reading goes on
/// and the operator sees everything at once. Call [`Section::finish`] when every key was asked for:
/// what was never asked for is unknown and refused. After reading, only [`Faults::into_result`]
/// says whether the values may be used.
#[must_use = "call finish(), or unknown keys go unnoticed"]
pub struct Section<'a> {
    table: &'a Table,
    path: String,
    faults: &'a Cell<Faults>,
    asked: BTreeSet<String>,
}

impl<'a> Section<'a> {
    /// The outermost table of a file; faults of it and of all sections below go to `faults`.
    pub fn root(table: &'a Table, faults: &'a mut Faults) -> Section<'a> {
        Section {
            table,
            path: String::new(),
            faults: Cell::from_mut(faults),
            asked: BTreeSet::new(),
        }
    }

    /// Text, if the key is there.
    pub fn string(&mut self, key: &str) -> Option<String> {
        self.text(key, "text in quotes").map(str::to_owned)
    }

    /// Text that must be there and not be empty.
    pub fn required_string(&mut self, key: &str) -> Option<String> {
        let text = self.required(key, "text in quotes", Self::string)?;
        if text.is_empty() {
            self.fault(key, "empty text", "text that is not empty");
            return None;
        }
        Some(text)
    }

    /// A path of the file system, if the key is there. Relative paths are left as they are.
    pub fn path(&mut self, key: &str) -> Option<PathBuf> {
        let text = self.text(key, "a path in quotes")?;
        if text.is_empty() {
            self.fault(key, "empty text", "a path in quotes");
            return None;
        }
        Some(PathBuf::from(text))
    }

    /// A path of the file system that must be there.
    pub fn required_path(&mut self, key: &str) -> Option<PathBuf> {
        self.required(key, "a path in quotes", Self::path)
    }

    /// An IP address and port, if the key is there.
    pub fn address(&mut self, key: &str) -> Option<SocketAddr> {
        self.parsed(key, ADDRESS)
    }

    /// An IP address and port that must be there.
    pub fn required_address(&mut self, key: &str) -> Option<SocketAddr> {
        self.required(key, ADDRESS, Self::address)
    }

    /// A host name or IP address with port, if the key is there.
    pub fn host_port(&mut self, key: &str) -> Option<HostPort> {
        self.parsed(key, HOST_PORT)
    }

    /// A host name or IP address with port that must be there.
    pub fn required_host_port(&mut self, key: &str) -> Option<HostPort> {
        self.required(key, HOST_PORT, Self::host_port)
    }

    /// Text that `T` can be made of, if the key is there. `wanted` describes it to the operator.
    pub fn parsed<T>(&mut self, key: &str, wanted: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let text = self.text(key, wanted)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault(key, format!("{text:?} ({problem})"), wanted);
                None
            }
        }
    }

    /// Text that `T` can be made of and that must be there.
    pub fn required_parsed<T>(&mut self, key: &str, wanted: &str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        self.required(key, wanted, |section, key| section.parsed(key, wanted))
    }

    /// A list of texts that `T` can be made of; empty when the key is absent. Each wrong item is a
    /// fault of its own (`pins[1]`), the right ones are returned.
    pub fn parsed_strings<T>(&mut self, key: &str, wanted: &str) -> Vec<T>
    where
        T: FromStr<Err: Display>,
    {
        let mut values = Vec::new();
        for (index, text) in self.strings(key).into_iter().enumerate() {
            match text.parse() {
                Ok(value) => values.push(value),
                Err(problem) => {
                    let key = format!("{key}[{index}]");
                    self.fault(&key, format!("{text:?} ({problem})"), wanted);
                }
            }
        }
        values
    }

    /// A whole number within `range`, or `default` when the key is absent.
    pub fn integer<T>(&mut self, key: &str, range: RangeInclusive<T>, default: T) -> T
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let Some(value) = self.value(key) else {
            return default;
        };
        let within = value
            .as_integer()
            .and_then(|number| T::try_from(number).ok())
            .filter(|number| range.contains(number));
        within.unwrap_or_else(|| {
            let wanted = format!("a whole number from {} to {}", range.start(), range.end());
            self.fault(key, describe(value), wanted);
            default
        })
    }

    /// A list of whole numbers within `range`; `None` when the key is absent or the list has a fault.
    pub fn integers<T>(&mut self, key: &str, range: RangeInclusive<T>) -> Option<Vec<T>>
    where
        T: TryFrom<i64> + PartialOrd + Display,
    {
        let value = self.value(key)?;
        let wanted = format!("whole numbers from {} to {}", range.start(), range.end());
        let Some(items) = value.as_array() else {
            self.fault(key, describe(value), format!("a list of {wanted}"));
            return None;
        };
        let mut numbers = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let number = item
                .as_integer()
                .and_then(|number| T::try_from(number).ok());
            match number.filter(|number| range.contains(number)) {
                Some(number) => numbers.push(number),
                None => self.fault(&format!("{key}[{index}]"), describe(item), wanted.as_str()),
            }
        }
        (numbers.len() == items.len()).then_some(numbers)
    }

    /// `true` or `false`, or `default` when the key is absent.
    pub fn boolean(&mut self, key: &str, default: bool) -> bool {
        let Some(value) = self.value(key) else {
            return default;
        };
        value.as_bool().unwrap_or_else(|| {
            self.fault(key, describe(value), "true or false");
            default
        })
    }

    /// A time span such as `"30s"` within `range`, or `default` when the key is absent.
    pub fn duration(
        &mut self,
        key: &str,
        range: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        let Some(value) = self.value(key) else {
            return default;
        };
        let parsed = value.as_str().and_then(|text| duration::parse(text).ok());
        parsed.filter(|span| range.contains(span)).unwrap_or_else(|| {
            let (least, most) = (duration::display(*range.start()), duration::display(*range.end()));
            let wanted = format!(
                "a time span from \"{least}\" to \"{most}\", as \"500ms\", \"30s\", \"5m\", \"2h\" or \"3d\""
            );
            self.fault(key, describe(value), wanted);
            default
        })
    }

    /// A number of octets such as `"64KiB"` within `range`, or `default` when the key is absent.
    pub fn size(&mut self, key: &str, range: RangeInclusive<u64>, default: u64) -> u64 {
        let Some(value) = self.value(key) else {
            return default;
        };
        let parsed = value.as_str().and_then(|text| size::parse(text).ok());
        parsed.filter(|octets| range.contains(octets)).unwrap_or_else(|| {
            let (least, most) = (size::display(*range.start()), size::display(*range.end()));
            let wanted = format!(
                "a size from \"{least}\" to \"{most}\", as \"512B\", \"64KiB\", \"4MiB\" or \"1GiB\""
            );
            self.fault(key, describe(value), wanted);
            default
        })
    }

    /// A list of texts; empty when the key is absent. Items that are no text are faults.
    pub fn strings(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Some(items) = value.as_array() else {
            self.fault(key, describe(value), "a list of texts in quotes");
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.fault(&format!("{key}[{index}]"), describe(item), "text in quotes"),
            }
        }
        texts
    }

    /// One of a few words, each with what it means; `default` when the key is absent.
    pub fn one_of<T: Copy>(&mut self, key: &str, choices: &[(&str, T)], default: T) -> T {
        let Some(value) = self.value(key) else {
            return default;
        };
        let chosen = value
            .as_str()
            .and_then(|text| choices.iter().find(|(word, _)| *word == text))
            .map(|(_, meaning)| *meaning);
        chosen.unwrap_or_else(|| {
            let words: Vec<String> = choices
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            self.fault(key, describe(value), format!("one of {}", words.join(", ")));
            default
        })
    }

    /// A secret text, if the key is there. Its value never appears in a fault.
    pub fn secret(&mut self, key: &str) -> Option<Secret<String>> {
        match self.value(key)? {
            Value::String(text) => Some(Secret::new(text.clone())),
            other => {
                self.fault(
                    key,
                    format!("a value of type {}", other.type_str()),
                    "text in quotes",
                );
                None
            }
        }
    }

    /// The table `[key]`, if it is there.
    pub fn section(&mut self, key: &str) -> Option<Section<'a>> {
        let value = self.value(key)?;
        let Some(table) = value.as_table() else {
            self.fault(
                key,
                describe(value),
                format!("a section [{}]", self.key_path(key)),
            );
            return None;
        };
        Some(self.child(table, self.key_path(key)))
    }

    /// The tables `[[key]]`, in the order of the file; empty when there is none.
    pub fn sections(&mut self, key: &str) -> Vec<Section<'a>> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let wanted = format!("sections [[{}]]", self.key_path(key));
        let Some(items) = value.as_array() else {
            self.fault(key, describe(value), wanted);
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let key = format!("{key}[{index}]");
            match item.as_table() {
                Some(table) => sections.push(self.child(table, self.key_path(&key))),
                None => self.fault(&key, describe(item), wanted.clone()),
            }
        }
        sections
    }

    /// Whether the key is there, whatever its value; it then counts as known.
    pub fn contains(&mut self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Notes a fault of this section's `key`, for rules that the typed readers do not know.
    pub fn fault(&mut self, key: &str, found: impl Into<String>, wanted: impl Into<String>) {
        let key = self.key_path(key);
        let mut faults = self.faults.take();
        faults.add(key, found, wanted);
        self.faults.set(faults);
    }

    /// Refuses every key that was never asked for, with the known key it resembles.
    pub fn finish(mut self) {
        for key in self.table.keys() {
            if self.asked.contains(key) {
                continue;
            }
            let known = || self.asked.iter().map(String::as_str);
            let wanted = match similar::closest(key, known()) {
                Some(near) => format!("a known key; did you mean \"{near}\"?"),
                None if self.asked.is_empty() => "no key at all".to_owned(),
                None => format!("one of the keys {}", known().collect::<Vec<_>>().join(", ")),
            };
            self.fault(key, "a key that is not known", wanted);
        }
    }

    fn value(&mut self, key: &str) -> Option<&'a Value> {
        if !self.asked.contains(key) {
            self.asked.insert(key.to_owned());
        }
        self.table.get(key)
    }

    fn text(&mut self, key: &str, wanted: &str) -> Option<&'a str> {
        let value = self.value(key)?;
        let text = value.as_str();
        if text.is_none() {
            self.fault(key, describe(value), wanted);
        }
        text
    }

    fn required<T>(
        &mut self,
        key: &str,
        wanted: &str,
        read: impl FnOnce(&mut Self, &str) -> Option<T>,
    ) -> Option<T> {
        if self.value(key).is_none() {
            self.fault(key, "nothing", wanted);
            return None;
        }
        read(self, key)
    }

    fn child(&self, table: &'a Table, path: String) -> Section<'a> {
        Section {
            table,
            path,
            faults: self.faults,
            asked: BTreeSet::new(),
        }
    }

    fn key_path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

const ADDRESS: &str = "an IP address with port, as \"10.0.1.5:16619\" or \"[::1]:16619\"";
const HOST_PORT: &str = "a host name or IP address with port, as \"dmz.example:16619\"";

/// A value as it can follow "found", shortened: a fault is a line, not a file.
fn describe(value: &Value) -> String {
    match value {
        Value::Table(_) => "a section".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        other => {
            let text = other.to_string();
            if text.chars().count() <= MOST_SHOWN {
                return text;
            }
            let start: String = text.chars().take(MOST_SHOWN).collect();
            format!("{start}…")
        }
    }
}

const MOST_SHOWN: usize = 80;

#[cfg(test)]
#[path = "section_tests.rs"]
mod tests;
