//! Reads the tables: matrices, transitions, local decisions, completions.

use std::collections::{BTreeMap, BTreeSet};

/// What a test of one cell expects.
#[derive(Debug, Clone)]
pub(super) struct Expectation {
    pub(super) outputs: Vec<String>,
    pub(super) next: Option<String>,
}

impl Expectation {
    /// `outputs => next`, or `UE` for a user error.
    fn parse(text: &str) -> Self {
        let (outputs, next) = match text.split_once("=>") {
            Some((outputs, next)) => (outputs, Some(next.trim().to_owned())),
            None => (text, None),
        };
        let mut outputs: Vec<String> = split_outputs(outputs);
        outputs.retain(|output| output != "-");
        outputs.sort();
        Self {
            outputs,
            next: next.filter(|next| next != "same"),
        }
    }
}

/// Splits at commas outside parentheses.
fn split_outputs(text: &str) -> Vec<String> {
    let mut outputs = vec![String::new()];
    let mut depth = 0;
    for letter in text.trim().chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == ',' && depth == 0 {
            outputs.push(String::new());
        } else if let Some(last) = outputs.last_mut() {
            last.push(letter);
        }
    }
    outputs
        .into_iter()
        .map(|output| output.trim().to_owned())
        .collect()
}

/// One of S1 to S5.
pub(super) struct Table {
    pub(super) name: &'static str,
    states: Vec<String>,
    rows: BTreeMap<String, Vec<String>>,
    /// Letter, event if it matters, variant.
    transitions: BTreeMap<(String, Option<String>, String), Expectation>,
    pub(super) scope: BTreeMap<String, String>,
    pub(super) local: BTreeMap<(String, String), (String, Expectation)>,
    /// Event and state, `*` for any, and why.
    pub(super) driver: Vec<(String, String, String)>,
}

impl Table {
    pub(super) fn parse(name: &'static str, text: &str) -> Self {
        let mut table = Self {
            name,
            states: Vec::new(),
            rows: BTreeMap::new(),
            transitions: BTreeMap::new(),
            scope: BTreeMap::new(),
            local: BTreeMap::new(),
            driver: Vec::new(),
        };
        let mut section = "";
        for line in text.lines().map(str::trim) {
            match line {
                "" => {}
                _ if line.starts_with('#') => {}
                "@matrix" | "@transitions" | "@scope" | "@driver" | "@local" => section = line,
                _ => table.line(section, line),
            }
        }
        table
    }

    fn line(&mut self, section: &str, line: &str) {
        if section == "@matrix" {
            let mut cells = line.split('|').map(|cell| cell.trim().to_owned());
            let event = cells.next().unwrap();
            if event == "Event" {
                self.states = cells.collect();
                return;
            }
            let cells: Vec<String> = cells.collect();
            assert_eq!(cells.len(), self.states.len(), "{}: {line}", self.name);
            // S1 does not tell normal ends from others.
            if event == "ESID" {
                self.rows.insert("ESID R=Normal".into(), cells.clone());
                self.rows.insert("ESID R=Error".into(), cells);
            } else {
                self.rows.insert(event, cells);
            }
            return;
        }
        let (key, expectation) = line.split_once(" :").unwrap_or_else(|| panic!("{line}"));
        let key = key.trim();
        match section {
            "@transitions" => {
                let (letter, rest) = key.split_once(' ').unwrap();
                let rest = rest.trim();
                let (event, variant) = match rest.strip_prefix('(') {
                    Some(rest) => {
                        let (event, variant) = rest.split_once(')').unwrap();
                        (Some(event.to_owned()), variant.trim())
                    }
                    None => (None, rest),
                };
                let key = (letter.to_owned(), event, variant.to_owned());
                self.transitions
                    .insert(key, Expectation::parse(expectation));
            }
            "@scope" => {
                self.scope
                    .insert(key.to_owned(), expectation.trim().to_owned());
            }
            "@driver" => {
                let (event, state) = key.split_once(" @ ").unwrap();
                self.driver.push((
                    event.trim().to_owned(),
                    state.trim().to_owned(),
                    expectation.trim().to_owned(),
                ));
            }
            "@local" => {
                let (event, rest) = key.split_once(" @ ").unwrap();
                let (state, variant) = rest.split_once(' ').unwrap();
                let value = (variant.trim().to_owned(), Expectation::parse(expectation));
                self.local
                    .insert((event.to_owned(), state.to_owned()), value);
            }
            other => panic!("no section {other}"),
        }
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    /// Every printed cell, as event and state; S1 prints ESID once.
    pub(super) fn printed(&self) -> BTreeSet<(String, String)> {
        let row = |event: &String| {
            let event = self.printed_event(event).to_owned();
            let of_state = |state: &String| (event.clone(), state.clone());
            self.states.iter().map(of_state).collect::<Vec<_>>()
        };
        self.rows.keys().flat_map(row).collect()
    }

    pub(super) fn printed_event<'a>(&self, event: &'a str) -> &'a str {
        match event {
            "ESID R=Normal" | "ESID R=Error" if self.name == "S1" => "ESID",
            other => other,
        }
    }

    /// Why a cell is the driver's, if it is.
    pub(super) fn drivers(&self, event: &str, state: &str) -> Option<&str> {
        let fits = |pattern: &str, word: &str| pattern == "*" || pattern == word;
        self.driver
            .iter()
            .find(|(events, states, _)| fits(events, event) && fits(states, state))
            .map(|(_, _, why)| why.as_str())
    }

    pub(super) fn explicit(&self, event: &str, state: &str) -> Option<&str> {
        let column = self.states.iter().position(|name| name == state)?;
        Some(&self.rows.get(event)?[column])
    }

    pub(super) fn other(&self, event: &str) -> Option<&str> {
        self.explicit(event, "Other")
    }

    /// The ways to run a transition for this event; a line that names the event wins over one that
    /// names none.
    pub(super) fn of_letter(
        &self,
        letter: &str,
        event: &str,
    ) -> Vec<(String, String, Expectation)> {
        let named = |name: &Option<String>| name.as_deref() == Some(event);
        let any_named = self
            .transitions
            .keys()
            .any(|(of, name, _)| of == letter && named(name));
        let fits = |(of, name, _): &&(String, Option<String>, String)| {
            of == letter
                && if any_named {
                    named(name)
                } else {
                    name.is_none()
                }
        };
        let keys = self.transitions.keys().filter(fits);
        keys.map(|key| (self.key(key), key.2.clone(), self.transitions[key].clone()))
            .collect()
    }

    fn key(&self, (letter, event, variant): &(String, Option<String>, String)) -> String {
        format!(
            "{}-{letter} {} {variant}",
            self.name,
            event.as_deref().unwrap_or_default()
        )
    }

    pub(super) fn variants(&self) -> impl Iterator<Item = String> {
        self.transitions.keys().map(|key| self.key(key))
    }
}

/// What stands where the tables say nothing.
pub(super) struct Completions(BTreeMap<(String, String), Expectation>);

impl Completions {
    pub(super) fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entry = |line: &str| {
            let (key, expectation) = line.split_once(" :").unwrap();
            let (kind, states) = key.trim().split_once(" @ ").unwrap();
            (
                (kind.to_owned(), states.trim().to_owned()),
                Expectation::parse(expectation),
            )
        };
        Self(lines.map(entry).collect())
    }

    pub(super) fn find(&self, event: &str, state: &str) -> Expectation {
        let kind = kind(event);
        let states = match state {
            "IDLE" | "WF_NDISC" => state,
            _ => "connected",
        };
        let get = |states: &str| self.0.get(&(kind.to_owned(), states.to_owned()));
        let found = get(states).or_else(|| get("any"));
        found
            .cloned()
            .unwrap_or_else(|| panic!("no completion for {event} in {state}"))
    }
}

pub(super) fn kind(event: &str) -> &'static str {
    match event {
        "ESID R=Normal" | "ESID R=Error" => "esid",
        "TIME-OUT" | "N_RST_IND" | "N_DISC_IND" | "N_CON_IND" | "N_CON_CF" => "network",
        _ if event.starts_with("F_") => "request",
        _ => "command",
    }
}
