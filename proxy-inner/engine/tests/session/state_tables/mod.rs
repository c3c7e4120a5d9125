//! The state tables of RFC 5024 section 9, executed cell by cell.
//!
//! `tests/tables/s1.txt` to `s5.txt` hold the matrices as printed and the transitions,
//! `completions.txt` the local decisions for cells the RFC leaves open. Every event is applied to
//! every state: an explicit cell wins wherever it stands, then the "Other" column of the event's
//! own table, then the completions.

mod drive;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use drive::{begun, observe, outcome, session_in};
use table::{Completions, Expectation, Table, kind};

/// every cell of the five matrices is run, or is the driver's and says why.
///
/// an explicit cell wins over "Other". R-227: the confirmed services are the pairs of request and confirmation among these cells.
#[test]
fn every_cell_reacts_as_the_tables_say() {
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
            let cell = Cell::find(&tables, &completions, event, state, &mut tally.printed);
            tally.run(&cell, event, state);
        }
    }
    tally.print(&tables);
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n"));
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
        let missed: Vec<_> = table
            .printed()
            .into_iter()
            .filter(|(event, state)| {
                let cell = (table.name, event.clone(), state.clone());
                !tally.printed.contains_key(&cell)
            })
            .collect();
        assert!(
            missed.is_empty(),
            "{}: cells passed by: {missed:?}",
            table.name
        );
    }
    // The figures must not shrink unnoticed.
    let drivers = tally.printed.values().filter(|run| !**run).count();
    assert_eq!((tally.printed.len(), drivers), (351, 39));
}

/// All states of section 9.3.
const STATES: [&str; 28] = [
    "IDLE",
    "I_WF_NC",
    "I_WF_RM",
    "I_WF_SSID",
    "A_NC_ONLY",
    "A_WF_CONRS",
    "WF_AUCH",
    "WF_AURP",
    "WF_SECD",
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

/// Printed cells by table, event and state: run, or the driver's.
type Printed = BTreeMap<(&'static str, String, String), bool>;

/// One event in one state.
enum Cell {
    /// Where it stands in the tables, and all its variants.
    Table(Vec<(String, String, Expectation)>),
    Local(String, Expectation),
    Completion(Expectation),
    /// Not the session's.
    Driver(String),
}

impl Cell {
    /// The cell that decides, which is noted as met.
    fn find(
        tables: &[Table],
        completions: &Completions,
        event: &str,
        state: &str,
        met: &mut Printed,
    ) -> Self {
        // A session begins where its connection does.
        let begins = matches!(
            (event, state),
            ("F_CONNECT_RQ" | "N_CON_IND", "IDLE") | ("N_CON_CF", "I_WF_NC")
        );
        let explicit = tables
            .iter()
            .find_map(|table| Some((table, state, table.explicit(event, state)?)));
        // C3 and C7 stand above the "Other" columns, which do not think of these two states.
        let ignored = state == "IDLE" || (state == "WF_NDISC" && kind(event) == "command");
        let other = || {
            tables
                .iter()
                .find_map(|table| Some((table, "Other", table.other(event)?)))
        };
        let found = explicit.or_else(|| if ignored { None } else { other() });
        let drivers = tables
            .iter()
            .find_map(|table| table.drivers(event, state))
            .filter(|_| !begins);
        if let Some((table, column, _)) = found {
            let event = table.printed_event(event).to_owned();
            // A column "Other" is run if any of its states is.
            *met.entry((table.name, event, column.to_owned()))
                .or_default() |= drivers.is_none();
        }
        if let Some(why) = drivers {
            return Self::Driver(why.to_owned());
        }
        let local = tables
            .iter()
            .find_map(|table| table.local.get(&(event.into(), state.into())));
        if let Some((variant, expectation)) = local {
            return Self::Local(variant.clone(), expectation.clone());
        }
        match found {
            None | Some((_, _, "X" | "U" | "W")) => {
                Self::Completion(completions.find(event, state))
            }
            Some((table, _, letter)) => {
                let variants = table.of_letter(letter, event);
                assert!(
                    !variants.is_empty(),
                    "{} has no transition {letter}",
                    table.name
                );
                Self::Table(variants)
            }
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
    printed: Printed,
    drivers: BTreeMap<String, usize>,
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
            Cell::Driver(why) => {
                *self.drivers.entry(why.clone()).or_default() += 1;
                return;
            }
        }
        self.cells += 1;
    }

    fn check(&mut self, event: &str, state: &str, variant: &str, expected: &Expectation) {
        self.runs += 1;
        let (observed, reached) = if let Some(mut session) = begun(event, variant) {
            (outcome(&mut session, state), session.state_name())
        } else {
            let mut session = session_in(event, state, variant);
            assert_eq!(
                session.state_name(),
                state,
                "the way into the state is wrong"
            );
            let observed = observe(&mut session, event, state, variant);
            (observed, session.state_name())
        };
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
        if observed != outputs || reached != next {
            self.failures.push(format!(
                "{event} in {state} ({variant}): {observed:?} => {reached}, wanted {outputs:?} => {next}",
            ));
        }
    }

    fn print(&self, tables: &[Table]) {
        for table in tables {
            let cells = self
                .printed
                .iter()
                .filter(|((of, ..), _)| *of == table.name);
            let (run, drivers): (Vec<_>, Vec<_>) = cells.partition(|(_, run)| **run);
            println!(
                "{}: {} cells printed, {} run, {} the driver's",
                table.name,
                table.printed().len(),
                run.len(),
                drivers.len()
            );
            for (letter, why) in &table.scope {
                println!(
                    "{}: no session takes transition {letter}: {why}",
                    table.name
                );
            }
        }
        let run = self.printed.values().filter(|run| **run).count();
        println!(
            "in all: {} cells printed, {run} run; {} pairs of event and state in {} ways: {} by the \
             tables, {} by local decisions, {} by the completions C1 to C8",
            self.printed.len(),
            self.cells,
            self.runs,
            self.from_tables,
            self.local,
            self.completed
        );
        for (why, pairs) in &self.drivers {
            println!("the driver's: {pairs} pairs of event and state: {why}");
        }
        println!(
            "not reachable: S5-I predicate P6 (credit exceeded): CDT goes out at once; see credit.rs"
        );
    }
}
