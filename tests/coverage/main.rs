//! Checks `docs/oftp2-coverage.md`: every requirement of the protocol and every decision about its
//! ambiguities has a row, a place in the code that is there, and a proof or a reason.
//!
//! ```text
//!  *.rs: tests that cite R-nnn or A-nn ──┐
//!  engine/tests/tables/*.txt: cells ─────┼──▶ proof column, compared or rewritten
//!  docs/oftp2-coverage.md: rows ─────────┘
//! ```
//!
//! A test proves a requirement by citing it: `/// R-019, R-020.` above the function, or in a comment
//! within it; `R-046 to R-048` is all three. The proof column is kept from these citations:
//! `UPDATE_COVERAGE=1 cargo test -p tests --test coverage` rewrites it. All other columns, and the
//! reasons in the proof column that begin with `no test:` or `not built yet:`, are written by hand. So is
//! `see` before a test that proves a row and does not say so itself; once it does, it is listed like all.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a check of the project's own files: a failure is the check's, and the tally is for its reader"
)]

mod citations;
mod document;
mod tables;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use citations::{Number, Sources};
use document::{Document, Row};
use tables::Tables;

/// How many requirements and how many decisions there are.
const COUNTS: [(char, u16); 2] = [('R', 301), ('A', 60)];

const REFRESH: &str = "run `UPDATE_COVERAGE=1 cargo test -p tests --test coverage` and commit \
                       docs/oftp2-coverage.md";

#[test]
fn every_requirement_and_decision_has_a_row_with_a_proof_or_a_reason() {
    let root = root();
    let page = root.join("docs/oftp2-coverage.md");
    let sources = Sources::read(&root);
    let tables = Tables::read(&root);
    let mut document = Document::parse(&fs::read_to_string(&page).unwrap());

    if std::env::var_os("UPDATE_COVERAGE").is_some() {
        for row in &mut document.rows {
            row.proof = proof_of(row, &sources, &tables);
        }
        document.tally = tally(&document);
        fs::write(&page, document.to_string()).unwrap();
    }
    println!("{}", tally(&document));

    let complaints = complaints(&document, &sources, &tables, &root);
    assert!(
        complaints.is_empty(),
        "docs/oftp2-coverage.md is not true ({} points):\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn every_cited_number_is_in_the_list() {
    let sources = Sources::read(&root());
    let unknown: Vec<String> = sources
        .cited
        .iter()
        .filter(|(number, _)| !number.exists())
        .map(|(number, place)| {
            format!("{place} cites {number}, which is not in the list: correct the number")
        })
        .collect();
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    assert!(
        sources.tests.len() > 500,
        "the tests of the project are found, but only {}",
        sources.tests.len()
    );
}

/// What a page with each kind of fault is told: the check itself can fail.
#[test]
fn each_fault_of_a_page_is_told_with_what_to_do() {
    let row = |number: u16, files: &str, proof: &str| {
        format!("| R-{number:03} | words | 8.1 | {files} | {proof} |\n")
    };
    let file = "`tests/coverage/main.rs`";
    let page = [
        row(1, file, "no test: a reason of more than a word"),
        row(2, file, "no test: a reason of more than a word"),
        row(2, file, "no test: a reason of more than a word"),
        row(4, file, ""),
        row(
            5,
            "`tests/nowhere.rs`",
            "no test: a reason of more than a word",
        ),
        row(6, file, "`tests/coverage/main.rs::no_such_test`"),
        row(7, file, "soon"),
        row(8, "", "`tests/coverage/main.rs::no_such_test`"),
        row(9, file, "no test: -"),
        row(10, file, "see `tests/coverage/main.rs::no_such_test`"),
    ]
    .concat();
    let document = Document::parse(&page);
    let told = complaints(&document, &Sources::default(), &Tables::default(), &root()).join("\n");
    for expected in [
        "R-002 has 2 rows",
        "R-003 has no row",
        "R-004 have neither a proof nor a reason",
        "R-005 names the file tests/nowhere.rs",
        "R-006 lists other proofs than the sources have",
        "R-007: \"soon\" is neither a test",
        "R-008 names no file",
        "R-009 gives no real reason",
        "R-010 sees the test `tests/coverage/main.rs::no_such_test`, which is not there",
    ] {
        assert!(
            told.contains(expected),
            "{expected:?} is missing in:\n{told}"
        );
    }
    assert!(
        !told.contains("R-001"),
        "a good row is left in peace:\n{told}"
    );
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// The proof cell as it should be: tests that cite the row, the cells of a state table that cites
/// it, and what is written by hand if there is nothing else (or if it says what is not built yet).
fn proof_of(row: &Row, sources: &Sources, tables: &Tables) -> Vec<String> {
    let mut proof = sources.proving(row.number);
    let tables_that_cite = tables.citing(row.number);
    if let Some(name) = row.transition() {
        // The tables know better than the test that runs them which cells it takes.
        proof.retain(|entry| !entry.contains("/state_tables/"));
        let cells = tables.proof(&name);
        proof.extend(cells.filter(|_| !tables_that_cite.is_empty()));
    } else {
        proof.extend(tables_that_cite);
    }
    let by_hand = row.proof.iter().filter(|entry| !entry.starts_with('`'));
    let by_hand: Vec<&String> = by_hand
        .filter(|entry| !seen(entry).is_some_and(|name| proof.iter().any(|it| it == name)))
        .collect();
    let proven = !proof.is_empty() || by_hand.iter().any(|entry| seen(entry).is_some());
    proof.extend(
        by_hand
            .into_iter()
            .filter(|entry| !proven || !entry.starts_with("no test:"))
            .cloned(),
    );
    proof
}

/// The test, between its backticks, that a hand named with `see`.
fn seen(entry: &str) -> Option<&str> {
    entry.strip_prefix("see ").map(str::trim)
}

fn complaints(document: &Document, sources: &Sources, tables: &Tables, root: &Path) -> Vec<String> {
    let mut complaints = Vec::new();
    let bare = document.rows.iter().filter(|row| row.proof.is_empty());
    let bare: Vec<String> = bare.map(|row| row.number.to_string()).collect();
    if !bare.is_empty() {
        complaints.push(format!(
            "{} have neither a proof nor a reason: cite each in the test that proves it and {REFRESH}, or write \
             `no test: why` in its row",
            bare.join(", ")
        ));
    }
    let mut rows: BTreeMap<Number, usize> = BTreeMap::new();
    for row in &document.rows {
        *rows.entry(row.number).or_default() += 1;
        check_row(row, sources, tables, root, &mut complaints);
    }
    for (kind, count) in COUNTS {
        for value in 1..=count {
            let number = Number { kind, value };
            match rows.remove(&number).unwrap_or(0) {
                1 => {}
                0 => complaints.push(format!("{number} has no row: write one")),
                more => complaints.push(format!("{number} has {more} rows: keep one")),
            }
        }
    }
    complaints.extend(
        rows.keys()
            .map(|number| format!("{number} is not in the list: remove its row")),
    );
    complaints
}

fn check_row(
    row: &Row,
    sources: &Sources,
    tables: &Tables,
    root: &Path,
    complaints: &mut Vec<String>,
) {
    let number = row.number;
    let (named, reasons): (Vec<&String>, Vec<&String>) = row
        .proof
        .iter()
        .filter(|entry| !entry.starts_with('`'))
        .partition(|entry| seen(entry).is_some());
    for name in named.into_iter().filter_map(|entry| seen(entry)) {
        if !sources.has(name.trim_matches('`')) {
            complaints.push(format!(
                "{number} sees the test {name}, which is not there: name the one that proves it now"
            ));
        }
    }
    if row.words.is_empty() || row.section.is_empty() {
        complaints.push(format!("{number} has an empty column: say what it is"));
    }
    for reason in &reasons {
        let words = ["no test:", "not built yet:"]
            .iter()
            .find_map(|opening| reason.strip_prefix(opening));
        match words {
            None => complaints.push(format!(
                "{number}: {reason:?} is neither a test, nor `see` and a test, nor `no test: why` nor `not built yet: why`"
            )),
            Some(words) if words.trim().len() < 10 => complaints.push(format!(
                "{number} gives no real reason ({reason:?}): say why there is no test"
            )),
            Some(_) => {}
        }
    }
    let expected = proof_of(row, sources, tables);
    if row.proof != expected {
        complaints.push(format!(
            "{number} lists other proofs than the sources have: {REFRESH}\n    listed: {}\n    found:  {}",
            row.proof.join(", "),
            expected.join(", ")
        ));
    }
    if row.files.is_empty() && reasons.is_empty() {
        complaints.push(format!("{number} names no file: say where it is done"));
    }
    for file in &row.files {
        if !root.join(file).exists() {
            complaints.push(format!(
                "{number} names the file {file}, which is not there: name where it is done now"
            ));
        }
    }
}

/// How many rows rest on tests, on the state tables alone, on a reason.
fn tally(document: &Document) -> String {
    let count = |kind: char, test: &dyn Fn(&Row) -> bool| {
        document
            .rows
            .iter()
            .filter(|row| row.number.kind == kind && test(row))
            .count()
    };
    let tests = |row: &Row| row.proof.iter().any(|entry| entry.contains(".rs::"));
    let table = |row: &Row| !tests(row) && row.proof.iter().any(|entry| entry.starts_with('`'));
    let later = |row: &Row| {
        row.proof.iter().any(|it| it.starts_with("not built yet:")) && !tests(row) && !table(row)
    };
    let reason = |row: &Row| !tests(row) && !table(row) && !later(row) && !row.proof.is_empty();
    let part = |kind| {
        format!(
            "{} proven by tests, {} by the state tables alone, {} with a reason instead of a test, {} not built yet, {} without either",
            count(kind, &tests),
            count(kind, &table),
            count(kind, &reason),
            count(kind, &later),
            count(kind, &|row| row.proof.is_empty()),
        )
    };
    format!("Requirements: {}. Decisions: {}.", part('R'), part('A'))
}
