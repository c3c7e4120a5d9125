//! `Fault`: one thing wrong in a configuration, and `Faults`: all of them, as an operator is told.

use std::fmt;

/// One thing wrong in a configuration file: where, what was found, what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Key path, as `link.address` or `listener[0].name`; empty when the whole file is meant.
    pub key: String,
    /// What is there, in words that can follow "found".
    pub found: String,
    /// What would be accepted, in words that can follow "wanted".
    pub wanted: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "found {}, wanted {}", self.found, self.wanted)
    }
}

/// All faults of one file, gathered; prints one line each, every line with the file's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    file: String,
    faults: Vec<Fault>,
}

impl Faults {
    /// No faults yet, for the file (or other source) of that name.
    pub fn new(file: impl Into<String>) -> Self {
        Faults {
            file: file.into(),
            faults: Vec::new(),
        }
    }

    /// Notes one more fault.
    pub fn push(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// Notes one more fault, from its three parts.
    pub fn add(
        &mut self,
        key: impl Into<String>,
        found: impl Into<String>,
        wanted: impl Into<String>,
    ) {
        self.push(Fault {
            key: key.into(),
            found: found.into(),
            wanted: wanted.into(),
        });
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// How many things are wrong.
    pub fn len(&self) -> usize {
        self.faults.len()
    }

    /// The faults in the order they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.faults.iter()
    }

    /// The name of the file the faults are in.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// `Ok` when nothing is wrong, else all faults as the error.
    ///
    /// # Errors
    /// The faults themselves, when there is at least one.
    pub fn into_result(self) -> Result<(), Faults> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            if !self.file.is_empty() {
                write!(f, "{}: ", self.file)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl<'a> IntoIterator for &'a Faults {
    type Item = &'a Fault;
    type IntoIter = std::slice::Iter<'a, Fault>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_one_line_a_fault_each_with_the_file() {
        let mut faults = Faults::new("proxy-dmz.toml");
        faults.add(
            "link.listen",
            "\"here\"",
            "an address like \"10.0.1.5:16619\"",
        );
        faults.add("", "no such file", "a readable file");
        assert_eq!(
            faults.to_string(),
            "proxy-dmz.toml: link.listen: found \"here\", wanted an address like \"10.0.1.5:16619\"\n\
             proxy-dmz.toml: found no such file, wanted a readable file"
        );
    }

    #[test]
    fn is_an_error_only_when_there_is_a_fault() {
        assert_eq!(Faults::new("a").into_result(), Ok(()));
        let mut faults = Faults::new("a");
        faults.add("k", "x", "y");
        assert_eq!(faults.into_result().map_err(|faults| faults.len()), Err(1));
    }
}
