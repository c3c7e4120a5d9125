//! Configuration files of the halves under test: sensible for a test, any key changeable.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// The keys of one configuration file, by dotted path, with their values as TOML text.
#[derive(Debug, Clone, Default)]
pub struct Knobs {
    values: BTreeMap<String, String>,
    listeners: Vec<BTreeMap<String, String>>,
}

impl Knobs {
    /// Sets a key to a text.
    pub fn text(&mut self, path: &str, value: impl AsRef<str>) -> &mut Knobs {
        self.raw(path, &quoted(value.as_ref()))
    }

    /// Sets a key to a path.
    pub fn path(&mut self, path: &str, value: &Path) -> &mut Knobs {
        self.text(path, value.display().to_string())
    }

    /// Sets a key to texts.
    pub fn texts<T: AsRef<str>>(&mut self, path: &str, values: &[T]) -> &mut Knobs {
        let values: Vec<String> = values.iter().map(|value| quoted(value.as_ref())).collect();
        self.raw(path, &format!("[{}]", values.join(", ")))
    }

    /// Sets a key to a value that is TOML already: `true`, `5`, `"5s"` with its quotes.
    pub fn raw(&mut self, path: &str, value: &str) -> &mut Knobs {
        self.values.insert(path.to_owned(), value.to_owned());
        self
    }

    /// Takes keys out: the one named, and all below it.
    pub fn without(&mut self, path: &str) -> &mut Knobs {
        let below = format!("{path}.");
        self.values
            .retain(|key, _| key != path && !key.starts_with(&below));
        self
    }

    /// Adds a `[[listener]]`; values are TOML.
    pub fn listener(&mut self, pairs: &[(&str, String)]) -> &mut Knobs {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        self.listeners.push(pairs.collect());
        self
    }

    /// Sets a key of the first listener; the value is TOML.
    ///
    /// # Panics
    /// When there is no listener.
    pub fn of_listener(&mut self, key: &str, value: &str) -> &mut Knobs {
        let first = self.listeners.first_mut().expect("there is a listener");
        first.insert(key.to_owned(), value.to_owned());
        self
    }

    /// The value of a key as it stands.
    pub fn value(&self, path: &str) -> Option<&str> {
        self.values.get(path).map(String::as_str)
    }

    /// The file.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut sections: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (path, value) in &self.values {
            match path.rsplit_once('.') {
                Some((section, key)) => sections.entry(section).or_default().push((key, value)),
                None => writeln!(text, "{path} = {value}").expect("a string takes all"),
            }
        }
        for (section, pairs) in sections {
            writeln!(text, "\n[{section}]").expect("a string takes all");
            for (key, value) in pairs {
                writeln!(text, "{key} = {value}").expect("a string takes all");
            }
        }
        for listener in &self.listeners {
            text.push_str("\n[[listener]]\n");
            for (key, value) in listener {
                writeln!(text, "{key} = {value}").expect("a string takes all");
            }
        }
        text
    }
}

/// A text as a TOML basic string.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_sections_after_plain_keys_and_listeners_last() {
        let mut knobs = Knobs::default();
        knobs
            .text("link.listen", "127.0.0.1:0")
            .text("store", "/a b")
            .raw("log.on", "true");
        knobs.listener(&[("name", quoted("oftps"))]);
        assert_eq!(
            knobs.to_toml(),
            "store = \"/a b\"\n\n[link]\nlisten = \"127.0.0.1:0\"\n\n[log]\non = true\n\
             \n[[listener]]\nname = \"oftps\"\n"
        );
        knobs.without("link");
        assert_eq!(knobs.value("link.listen"), None);
    }
}
