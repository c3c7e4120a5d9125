//! The engine's state tables, which its test `state_tables` executes cell by cell.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::citations::{Number, numbers};

/// What is known of one transition.
#[derive(Debug, Default)]
struct Transition {
    cells: usize,
    /// Ways in which the test takes it.
    ways: usize,
    /// Left out, with a reason of its own.
    out_of_scope: bool,
}

/// All tables.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    /// By name: `S1-A` and so on.
    transitions: BTreeMap<String, Transition>,
    /// Numbers that the tables' own comments cite, with the file.
    cited: BTreeSet<(Number, String)>,
}

const FOLDER: &str = "proxy-inner/engine/tests/tables";

impl Tables {
    pub(crate) fn read(root: &Path) -> Self {
        let mut tables = Self::default();
        for name in ["s1", "s2", "s3", "s4", "s5", "completions"] {
            let file = format!("{FOLDER}/{name}.txt");
            let text = fs::read_to_string(root.join(&file)).unwrap();
            let comments = text.lines().filter(|line| line.starts_with('#'));
            let cited = comments.flat_map(numbers);
            tables
                .cited
                .extend(cited.map(|number| (number, file.clone())));
            if let Some(table) = name.strip_prefix('s') {
                tables.table(table, &text);
            }
        }
        tables
    }

    /// The tables whose comments cite a number.
    pub(crate) fn citing(&self, number: Number) -> Vec<String> {
        let cited = self.cited.iter().filter(|(cited, _)| *cited == number);
        cited.map(|(_, file)| format!("`{file}`")).collect()
    }

    fn table(&mut self, table: &str, text: &str) {
        let mut part = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(name) = line.strip_prefix('@') {
                part = name;
                continue;
            }
            match part {
                // The first line of a matrix names states, and none of them is a letter.
                "matrix" => {
                    for cell in line.split('|').skip(1).map(str::trim) {
                        self.at(table, cell).cells += 1;
                    }
                }
                "transitions" => {
                    if let Some(letter) = line.split(' ').next() {
                        self.at(table, letter).ways += 1;
                    }
                }
                "scope" => {
                    if let Some((letter, _)) = line.split_once(':') {
                        self.at(table, letter.trim()).out_of_scope = true;
                    }
                }
                _ => {}
            }
        }
    }

    fn at(&mut self, table: &str, letter: &str) -> &mut Transition {
        let name = format!("S{table}-{letter}");
        self.transitions.entry(name).or_default()
    }

    /// The proof of a transition, if its table has it and it is executed.
    pub(crate) fn proof(&self, name: &str) -> Option<String> {
        let transition = self.transitions.get(name).filter(|it| it.cells > 0)?;
        if transition.out_of_scope {
            return None;
        }
        let table = name.split('-').next()?.to_lowercase();
        // Cells of a letter without ways (U, W, X) react as completions.txt says.
        let local: BTreeSet<&str> = ["U", "W", "X"].into();
        let letter = name.split('-').nth(1)?;
        let cells = match transition.cells {
            1 => "1 cell".to_owned(),
            many => format!("{many} cells"),
        };
        match transition.ways {
            0 if local.contains(letter) => Some(format!(
                "`{FOLDER}/{table}.txt` {letter}: {cells}, by the completions"
            )),
            0 => None,
            1 => Some(format!("`{FOLDER}/{table}.txt` {letter}: {cells}")),
            ways => Some(format!(
                "`{FOLDER}/{table}.txt` {letter}: {cells}, {ways} ways"
            )),
        }
    }
}

#[test]
fn a_transition_is_proven_by_its_cells_unless_it_is_out_of_scope() {
    let mut tables = Tables::default();
    let text = "# page\n@matrix\nEvent | IDLE | OPO\nSFPA | A | B\nCD | A | X\n@transitions\nA plain : SSID => OPO\n\
                A late : UE\nB plain : - => OPO\n@scope\nB : later\n";
    tables.table("1", text);
    assert_eq!(
        tables.proof("S1-A").unwrap(),
        "`proxy-inner/engine/tests/tables/s1.txt` A: 2 cells, 2 ways"
    );
    assert!(tables.proof("S1-X").unwrap().contains("completions"));
    assert!(tables.proof("S1-B").is_none() && tables.proof("S1-C").is_none());
}
