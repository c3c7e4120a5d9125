//! The table of what was tried, and what came of it: a line for each partner, direction, nesting and
//! form, a column for each suite.

use core::fmt::{self, Write as _};
use std::collections::BTreeMap;
use std::io::Write as _;

use envelope::Suite;

use super::world::{Layers, Shape};

/// Who wrote and who read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    /// We wrote.
    FromUs,
    /// We read.
    ToUs,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All sizes are right.
    Good,
    /// All are right but what the partner's tool cannot do: which, and why.
    GoodBut(String),
    Skipped(String),
    Failed(String),
}

impl Outcome {
    /// This one and that of the next size together.
    pub(crate) fn and(self, next: Outcome) -> Outcome {
        match (self, next) {
            (failed @ Outcome::Failed(_), _) | (_, failed @ Outcome::Failed(_)) => failed,
            (Outcome::Good, Outcome::Good) => Outcome::Good,
            (skipped @ Outcome::Skipped(_), Outcome::Skipped(_)) => skipped,
            (Outcome::Good, Outcome::GoodBut(why) | Outcome::Skipped(why))
            | (Outcome::GoodBut(why) | Outcome::Skipped(why), Outcome::Good) => {
                Outcome::GoodBut(why)
            }
            (
                Outcome::GoodBut(before) | Outcome::Skipped(before),
                Outcome::GoodBut(why) | Outcome::Skipped(why),
            ) => {
                let is_new = !before.contains(&why);
                Outcome::GoodBut(if is_new {
                    format!("{before}; {why}")
                } else {
                    before
                })
            }
        }
    }
}

/// Who exchanged what, in which form.
pub(crate) type Row = (&'static str, Direction, Layers, Shape);

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: BTreeMap<Row, BTreeMap<u8, Outcome>>,
    missing: Vec<String>,
}

impl Table {
    pub(crate) fn add(&mut self, row: Row, suite: Suite, outcome: Outcome) {
        self.rows
            .entry(row)
            .or_default()
            .insert(suite.number, outcome);
    }

    /// Nothing of a partner could be tried.
    pub(crate) fn missing(&mut self, partner: &str, why: &str) {
        self.missing.push(format!("SKIPPED: {partner}: {why}"));
    }

    /// Writes it to standard error itself, so that it is seen although the test passes.
    pub(crate) fn print(&self) {
        let text = self.text().expect("a string takes all");
        let mut standard_error = std::io::stderr().lock();
        // Without anybody to read it the verdict still counts.
        let _ = standard_error.write_all(text.as_bytes());
    }

    fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        let mut notes = Notes::default();
        write!(text, "\n{:<47}", "")?;
        for suite in Suite::ALL {
            write!(text, " {:<7}", format!("{:02}", suite.number))?;
        }
        writeln!(text)?;
        for ((partner, direction, layers, shape), cells) in &self.rows {
            let who = match direction {
                Direction::FromUs => format!("we → {partner}"),
                Direction::ToUs => format!("{partner} → we"),
            };
            write!(
                text,
                "{who:<18}{:<22} {:<5} ",
                layers.to_string(),
                shape.short()
            )?;
            for suite in Suite::ALL {
                let cell = match cells.get(&suite.number) {
                    None => String::new(),
                    Some(Outcome::Good) => "ok".to_owned(),
                    Some(Outcome::GoodBut(why)) => format!("ok   {}", notes.mark(why)),
                    Some(Outcome::Skipped(why)) => format!("SKIP {}", notes.mark(why)),
                    Some(Outcome::Failed(why)) => format!("FAIL {}", notes.mark(why)),
                };
                write!(text, " {cell:<7}")?;
            }
            writeln!(text)?;
        }
        for (mark, why) in notes.0.iter().enumerate() {
            writeln!(text, "({}) {why}", mark + 1)?;
        }
        for line in &self.missing {
            writeln!(text, "{line}")?;
        }
        let count = |fits: fn(&Outcome) -> bool| {
            let cells = self.rows.values().flat_map(BTreeMap::values);
            cells.filter(|outcome| fits(outcome)).count()
        };
        writeln!(
            text,
            "{} cells: {} ok, {} ok with a note, {} SKIPPED, {} failed",
            count(|_| true),
            count(|outcome| matches!(outcome, Outcome::Good)),
            count(|outcome| matches!(outcome, Outcome::GoodBut(_))),
            count(|outcome| matches!(outcome, Outcome::Skipped(_))),
            count(|outcome| matches!(outcome, Outcome::Failed(_))),
        )?;
        Ok(text)
    }

    /// Fails where a cell did.
    pub(crate) fn verdict(&self) {
        let mut failed = Vec::new();
        for (row, cells) in &self.rows {
            for (suite, outcome) in cells {
                if let Outcome::Failed(why) = outcome {
                    failed.push(format!("suite {suite:02} of {row:?}: {why}"));
                }
            }
        }
        assert!(failed.is_empty(), "failed:\n{}", failed.join("\n"));
    }
}

/// Reasons, each once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn mark(&mut self, why: &str) -> String {
        let known = self.0.iter().position(|note| note == why);
        let place = known.unwrap_or_else(|| {
            self.0.push(why.to_owned());
            self.0.len() - 1
        });
        format!("{}", place + 1)
    }
}
