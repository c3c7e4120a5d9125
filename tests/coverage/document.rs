//! The page as rows that can be read, compared and written back.

use core::fmt;

use crate::citations::Number;

/// One row: `| R-019 | words | section | files | proof |`; for a decision the third column is the
/// choice.
#[derive(Debug)]
pub(crate) struct Row {
    /// The line it stands in, from 0.
    line: usize,
    pub(crate) number: Number,
    pub(crate) words: String,
    pub(crate) section: String,
    /// Paths between backticks, from the root of the project.
    pub(crate) files: Vec<String>,
    files_cell: String,
    /// Entries of the last column.
    pub(crate) proof: Vec<String>,
}

impl Row {
    /// `S1-A`, if the row is about a transition of a state table.
    pub(crate) fn transition(&self) -> Option<String> {
        let name = self.words.strip_prefix("Transition ")?;
        name.split([':', ' ']).next().map(str::to_owned)
    }
}

/// The page.
#[derive(Debug)]
pub(crate) struct Document {
    lines: Vec<String>,
    pub(crate) rows: Vec<Row>,
    /// The line of numbers at the top.
    pub(crate) tally: String,
}

const TALLY: &str = "Requirements: ";
const BREAK: &str = "<br>";

impl Document {
    pub(crate) fn parse(text: &str) -> Self {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let rows = lines.iter().enumerate();
        let rows = rows.filter_map(|(line, text)| row(line, text)).collect();
        let tally = lines.iter().find(|line| line.starts_with(TALLY));
        let tally = tally.cloned().unwrap_or_default();
        Self { lines, rows, tally }
    }
}

fn row(line: usize, text: &str) -> Option<Row> {
    let mut cells = text.strip_prefix("| ")?.split('|').map(str::trim);
    let number = Number::parse(cells.next()?)?;
    let mut cell = || cells.next().unwrap_or_default().to_owned();
    let (words, section, files_cell, proof) = (cell(), cell(), cell(), cell());
    let files = files_cell.split('`').skip(1).step_by(2);
    Some(Row {
        line,
        number,
        words,
        section,
        files: files.map(str::to_owned).collect(),
        proof: proof
            .split(BREAK)
            .map(|entry| entry.trim().to_owned())
            .filter(|entry| !entry.is_empty())
            .collect(),
        files_cell,
    })
}

impl fmt::Display for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rows = self.rows.iter().peekable();
        for (line, text) in self.lines.iter().enumerate() {
            if let Some(row) = rows.next_if(|row| row.line == line) {
                let (number, words, section) = (row.number, &row.words, &row.section);
                let (files, proof) = (&row.files_cell, row.proof.join(BREAK));
                writeln!(f, "| {number} | {words} | {section} | {files} | {proof} |")?;
            } else if text.starts_with(TALLY) {
                writeln!(f, "{}", self.tally)?;
            } else {
                writeln!(f, "{text}")?;
            }
        }
        Ok(())
    }
}

#[test]
fn a_page_is_written_back_as_it_was_read() {
    let page = "# Title\n\nRequirements: none.\n\n| No. | a |\n|---|---|\n\
                | R-001 | words | 8.1 | `a.rs`, `b.rs` | `c.rs::d`<br>no test: why |\nend\n";
    let document = Document::parse(page);
    assert_eq!(document.to_string(), page);
    assert_eq!(document.rows.len(), 1);
    assert_eq!(document.rows[0].files, ["a.rs", "b.rs"]);
    assert_eq!(document.rows[0].proof, ["`c.rs::d`", "no test: why"]);
}
