//! Finds the tests of the project and the numbers they cite.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A requirement (`R-019`) or a decision (`A-07`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number {
    pub(crate) kind: char,
    pub(crate) value: u16,
}

impl Number {
    pub(crate) fn exists(self) -> bool {
        crate::COUNTS
            .iter()
            .any(|(kind, count)| *kind == self.kind && (1..=*count).contains(&self.value))
    }

    /// The number at the start of `text`, which must end with it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (number, rest) = Self::take(text)?;
        rest.is_empty().then_some(number)
    }

    /// The number at the start of `text`, and what follows it.
    fn take(text: &str) -> Option<(Self, &str)> {
        let kind = text
            .chars()
            .next()
            .filter(|kind| matches!(kind, 'R' | 'A'))?;
        let rest = text.get(1..)?.strip_prefix('-')?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let wanted = if kind == 'R' { 3 } else { 2 };
        let value = rest
            .get(..digits)
            .filter(|_| digits == wanted)?
            .parse()
            .ok()?;
        let rest = rest.get(digits..)?;
        let goes_on = rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        (!goes_on).then_some((Self { kind, value }, rest))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            'R' => write!(f, "R-{:03}", self.value),
            kind => write!(f, "{kind}-{:02}", self.value),
        }
    }
}

/// All numbers in a text; `R-046 to R-048` and `R-046..R-048` are all three.
pub(crate) fn numbers(text: &str) -> BTreeSet<Number> {
    let mut found = BTreeSet::new();
    let mut before = None;
    let mut from: Option<Number> = None;
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let starts_word =
            !before.is_some_and(|it: char| it.is_alphanumeric() || it == '-' || it == '_');
        if starts_word && let Some((number, after)) = Number::take(rest) {
            if let Some(first) = from.take()
                && first.kind == number.kind
            {
                found.extend((first.value..number.value).map(|value| Number { value, ..number }));
            }
            found.insert(number);
            let joined = ["..=", "..", "–", " to ", " – "];
            let joint = joined.iter().find_map(|joint| after.strip_prefix(joint));
            from = joint.map(|_| number);
            before = joint.map(|_| ' ').or(Some('0'));
            rest = joint.unwrap_or(after);
            continue;
        }
        from = None;
        before = Some(next);
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
    }
    found
}

/// A function that `cargo test` runs.
#[derive(Debug)]
pub(crate) struct TestFn {
    /// `path/of/file.rs::name`
    pub(crate) name: String,
    pub(crate) cites: BTreeSet<Number>,
}

/// What the Rust files of the project have.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) tests: Vec<TestFn>,
    /// Every number cited anywhere, in tests or not, with one place.
    pub(crate) cited: BTreeMap<Number, String>,
}

impl Sources {
    pub(crate) fn read(root: &Path) -> Self {
        let mut sources = Self::default();
        sources.folder(root, root);
        sources.tests.sort_by(|a, b| a.name.cmp(&b.name));
        sources
    }

    /// The tests that cite a number, as the proof column has them.
    pub(crate) fn proving(&self, number: Number) -> Vec<String> {
        self.tests
            .iter()
            .filter(|test| test.cites.contains(&number))
            .map(|test| format!("`{}`", test.name))
            .collect()
    }

    /// Is there a test of this name?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tests.iter().any(|test| test.name == name)
    }

    fn folder(&mut self, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, name) = (entry.path(), entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                // The numbers in the checker's own tests are samples and prove nothing.
                let samples = path == root.join("tests/coverage");
                if name != "target" && name != ".git" && !samples {
                    self.folder(root, &path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let place = path.strip_prefix(root).unwrap().display().to_string();
                self.file(&place, &fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn file(&mut self, place: &str, text: &str) {
        for (line, words) in (1..).zip(text.lines()) {
            for number in numbers(words) {
                self.cited
                    .entry(number)
                    .or_insert_with(|| format!("{place}:{line}"));
            }
        }
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = function(line) else { continue };
            let head = lines[..at].iter().rev().take_while(opens_item);
            let head: Vec<&str> = head.copied().collect();
            if !head.iter().any(|line| is_test_attribute(line))
                || head.iter().any(|it| it.trim().starts_with("#[ignore"))
            {
                continue;
            }
            let mut cites: BTreeSet<Number> = head.iter().flat_map(|line| numbers(line)).collect();
            cites.extend(
                body(&lines[at..])
                    .filter_map(|line| line.split_once("//"))
                    .flat_map(|(_, comment)| numbers(comment)),
            );
            self.tests.push(TestFn {
                name: format!("{place}::{name}"),
                cites,
            });
        }
    }
}

/// The name, if a function begins in this line.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("pub ").unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    let rest = line.strip_prefix("fn ")?;
    rest.split(['(', '<']).next()
}

/// A line that belongs to the item below it: a comment, an attribute or a part of one.
fn opens_item(line: &&&str) -> bool {
    let line = line.trim();
    line.starts_with("//")
        || line.starts_with("#[")
        || line.ends_with(")]")
        || line.starts_with("reason = ")
        || line.starts_with("clippy::")
}

fn is_test_attribute(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("#[test]") || line.starts_with("#[tokio::test")
}

/// The lines of a function: to the closing brace that stands as far to the right as its beginning.
fn body<'a>(lines: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    let indent = lines
        .first()
        .map_or(0, |line| line.len() - line.trim_start().len());
    let end = format!("{}}}", " ".repeat(indent));
    lines.iter().copied().take_while(move |line| *line != end)
}

#[test]
fn numbers_are_found_alone_in_lists_and_in_ranges() {
    let found = |text: &str| {
        numbers(text)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found("/// R-019, R-021 (A-07)."),
        ["A-07", "R-019", "R-021"]
    );
    assert_eq!(found("R-046 to R-048: modes"), ["R-046", "R-047", "R-048"]);
    assert_eq!(found("R-001–R-003"), ["R-001", "R-002", "R-003"]);
    assert!(found("SHA-256, XR-012, R-12, R-0123, A-123").is_empty());
}

#[test]
fn a_test_cites_above_itself_and_within_its_body_only() {
    let mut sources = Sources::default();
    let text = "/// R-001.\n#[test]\nfn first() {\n    // R-002\n}\n\n/// R-003.\nfn helper() {}\n\n\
                #[tokio::test(flavor = \"x\")]\nasync fn second() {\n    let a = 1; // R-004\n}\n";
    sources.file("a.rs", text);
    let tests: Vec<(&str, String)> = sources
        .tests
        .iter()
        .map(|test| {
            let cites: Vec<String> = test.cites.iter().map(ToString::to_string).collect();
            (test.name.as_str(), cites.join(" "))
        })
        .collect();
    assert_eq!(
        tests,
        [
            ("a.rs::first", "R-001 R-002".to_owned()),
            ("a.rs::second", "R-004".to_owned())
        ]
    );
}
