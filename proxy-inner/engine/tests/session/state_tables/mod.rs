//! The state tables of RFC 5024 section 9, executed cell by cell.
//!
//! `tests/tables/s1.txt` to `s5.txt` hold the matrices as printed and the transitions,
//! `completions.txt` the local decisions for cells the RFC leaves open. Every event is applied to
//! every state: an explicit cell wins wherever it stands, then the "Other" column of the event's
//! own table, then the completions.

mod drive;
mod table;

use std::collections::BTreeSet;

use drive::{observe, session_in};
use table::{Completions, Expectation, Table, kind};

///
#[test]
fn every_cell_in_scope_reacts_as_the_tables_say() {
    let tables: Vec<Table> = [
        ("S1", include_str!("../../tables/s1.txt")),
        ("S2", include_str!("../../tables/s2.txt")),
        ("S3", include_str!("../../tables/s3.txt")),
        ("S4", include_str!("../../tables/s4.txt")),
        ("S5", include_str!("../../tables/s5.txt")),
    ]
    .map(|(name, text)| Table::parse(name, text))
    .into();
    let completions = Completions::parse(include_str!("../../tables/completions.txt"));
    let events: BTreeSet<&str> = tables.iter().flat_map(Table::events).collect();
    let mut tally = Tally::default();
    for event in events {
        for state in STATES {
            let cell = Cell::find(&tables, &completions, event, state);
            tally.run(&cell, event, state);
        }
    }
    tally.print(&tables);
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n"));
    // The printed figures must not shrink unnoticed: 24 states and 36 events, less what is out of
    // scope.
    assert!(
        tally.cells >= 24 * 33,
        "only {} cells were run",
        tally.cells
    );
    for table in &tables {
        let unused: Vec<_> = table
            .variants()
            .filter(|key| !tally.used.contains(key))
            .collect();
        assert!(
            unused.is_empty(),
            "{}: transitions never run: {unused:?}",
            table.name
        );
    }
}

/// All states of section 9.3 that this stage has; the rest is listed when the test runs.
const STATES: [&str; 24] = [
    "IDLE",
    "I_WF_RM",
    "I_WF_SSID",
    "A_NC_ONLY",
    "A_WF_CONRS",
    "IDLESP",
    "IDLESPCD",
    "OPOP",
    "OPO",
    "OPOWFC",
    "CLOP",
    "WF_RTR",
    "IDLELI",
    "IDLELICD",
    "OPIP",
    "OPI",
    "CLIP",
    "RTRP",
    "WF_CD",
    "ERSTWFCD",
    "NRSTWFCD",
    "SFSTWFCD",
    "CDSTWFCD",
    "WF_NDISC",
];

const OUT_OF_SCOPE_STATES: [&str; 4] = ["I_WF_NC", "WF_AUCH", "WF_AURP", "WF_SECD"];

/// Events that only open a connection, which exists before a session does.
const OUT_OF_SCOPE_EVENTS: [&str; 3] = ["F_CONNECT_RQ", "N_CON_CF", "N_CON_IND"];

/// One event in one state.
enum Cell {
    /// Where it stands in the tables, and all its variants.
    Table(Vec<(String, String, Expectation)>),
    Local(String, Expectation),
    Completion(Expectation),
    OutOfScope(String),
}

impl Cell {
    fn find(tables: &[Table], completions: &Completions, event: &str, state: &str) -> Self {
        let local = tables
            .iter()
            .find_map(|table| table.local.get(&(event.into(), state.into())));
        if let Some((variant, expectation)) = local {
            return Self::Local(variant.clone(), expectation.clone());
        }
        let ignored = state == "IDLE" || (state == "WF_NDISC" && kind(event) == "command");
        let explicit = tables
            .iter()
            .find_map(|table| Some((table, table.explicit(event, state)?)));
        // C3 and C7 stand above the "Other" columns, which do not think of these two states.
        let other = || {
            tables
                .iter()
                .find_map(|table| Some((table, table.other(event)?)))
        };
        let found = explicit.or_else(|| if ignored { None } else { other() });
        match found {
            None | Some((_, "X" | "U" | "W")) => Self::Completion(completions.find(event, state)),
            Some((table, letter)) => match table.scope.get(letter) {
                Some(why) => Self::OutOfScope(why.clone()),
                None => {
                    let variants = table.of_letter(letter, event);
                    assert!(
                        !variants.is_empty(),
                        "{} has no transition {letter}",
                        table.name
                    );
                    Self::Table(variants)
                }
            },
        }
    }
}

#[derive(Default)]
struct Tally {
    cells: usize,
    runs: usize,
    from_tables: usize,
    local: usize,
    completed: usize,
    out_of_scope: Vec<String>,
    used: BTreeSet<String>,
    failures: Vec<String>,
}

impl Tally {
    fn run(&mut self, cell: &Cell, event: &str, state: &str) {
        match cell {
            Cell::Table(variants) => {
                self.from_tables += 1;
                for (key, variant, expectation) in variants {
                    self.used.insert(key.clone());
                    self.check(event, state, variant, expectation);
                }
            }
            Cell::Local(variant, expectation) => {
                self.local += 1;
                self.check(event, state, variant, expectation);
            }
            Cell::Completion(expectation) => {
                self.completed += 1;
                self.check(event, state, "plain", expectation);
            }
            Cell::OutOfScope(why) => {
                self.out_of_scope.push(format!("{event} in {state}: {why}"));
                return;
            }
        }
        self.cells += 1;
    }

    fn check(&mut self, event: &str, state: &str, variant: &str, expected: &Expectation) {
        self.runs += 1;
        let mut session = session_in(event, state, variant);
        assert_eq!(
            session.state_name(),
            state,
            "the way into the state is wrong"
        );
        let observed = observe(&mut session, event, state, variant);
        let reason = if event.contains("Normal") { "00" } else { "99" };
        let outputs: Vec<String> = expected
            .outputs
            .iter()
            .map(|output| {
                output
                    .replace("(R)", &format!("({reason})"))
                    .replace("(R,", &format!("({reason},"))
            })
            .collect();
        let next = expected.next.as_deref().unwrap_or(state);
        if observed != outputs || session.state_name() != next {
            self.failures.push(format!(
                "{event} in {state} ({variant}): {observed:?} => {}, wanted {outputs:?} => {next}",
                session.state_name()
            ));
        }
    }

    fn print(&self, tables: &[Table]) {
        println!(
            "{} cells run in {} ways: {} from the tables, {} local, {} completed by C1 to C8",
            self.cells, self.runs, self.from_tables, self.local, self.completed
        );
        println!("out of scope, states: {}", OUT_OF_SCOPE_STATES.join(", "));
        println!("out of scope, events: {}", OUT_OF_SCOPE_EVENTS.join(", "));
        for table in tables {
            for (letter, why) in &table.scope {
                println!("out of scope, transition {}-{letter}: {why}", table.name);
            }
        }
        for cell in &self.out_of_scope {
            println!("out of scope, cell: {cell}");
        }
        println!(
            "not reachable: S5-I predicate P6 (credit exceeded): CDT goes out at once; see credit.rs"
        );
    }
}
