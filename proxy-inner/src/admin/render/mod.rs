//! Answers as people read them. Programs use `--json`.

mod certificates;
mod directory;
mod evidence;
mod keys;
mod receipts;
mod status;
mod transfers;

use std::fmt::Write as _;

use jiff::Timestamp;

pub(super) use certificates::{
    added as certificate_added, certificates, changed as certificate_changed, explained,
};
pub(super) use directory::{applied, partner, partners, station, stations};
pub(super) use evidence::{Piece, report};
pub(super) use keys::{changed as key_changed, key, keys, uses as key_uses};
pub(super) use receipts::receipts;
pub(super) use status::status;
pub(super) use transfers::{state, transfer, transfers};

/// A number of octets as people read it.
pub(super) fn octets(octets: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if octets < 1024 {
        return format!("{octets} octets");
    }
    let mut tenths = u128::from(octets) * 10 / 1024;
    let mut unit = 0;
    while tenths >= 10 * 1024 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!(
        "{}.{} {}",
        tenths / 10,
        tenths % 10,
        UNITS.get(unit).unwrap_or(&"PiB")
    )
}

/// A moment of the journal, to the second.
fn time(text: &str) -> String {
    match text.parse::<Timestamp>() {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// When something is due: a moment to come, or now.
fn due(text: &str) -> String {
    let past = text
        .parse::<Timestamp>()
        .is_ok_and(|moment| moment <= Timestamp::now());
    if past { "now".to_owned() } else { time(text) }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// Text that a partner may have written, with all that is no letter, sign or blank spelled out: it must
/// not move the cursor, begin a line, or hide what stands beside it.
pub(super) fn spelled(text: &str) -> String {
    text.chars().fold(String::new(), |mut spelled, letter| {
        match letter {
            '\'' | '"' | '\\' => spelled.push(letter),
            _ => spelled.extend(letter.escape_debug()),
        }
        spelled
    })
}

/// Names and values, a line each.
fn facts(rows: &[(&str, String)]) -> String {
    rows.iter().fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:<15} {value}");
        text
    })
}

/// Columns as wide as their widest value; the last one as long as it is.
fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|cell| (*cell).to_owned()).collect()];
    lines.extend(rows.map(|row| row.iter().map(|cell| spelled(cell)).collect()));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    lines.iter().fold(String::new(), |mut text, line| {
        let padded: Vec<String> = line
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
        text
    })
}

/// A span as people read it, in its two largest units.
fn span(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut parts = Vec::new();
    let mut left = seconds;
    for (length, unit) in units {
        let number = left / length;
        left %= length;
        if number > 0 {
            parts.push(format!("{number}{unit}"));
        }
        if parts.len() == 2 || (!parts.is_empty() && number == 0) {
            break;
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

fn yes(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_have_one_decimal_and_never_round_up() {
        for (number, text) in [
            (0, "0 octets"),
            (1023, "1023 octets"),
            (1024, "1.0 KiB"),
            (1024 * 1024 - 1, "1023.9 KiB"),
            (10 << 20, "10.0 MiB"),
            (3 << 29, "1.5 GiB"),
            (u64::MAX, "16383.9 PiB"),
        ] {
            assert_eq!(octets(number), text);
        }
    }

    #[test]
    fn spans_have_two_units_at_most() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_661, "1h 1m"),
            (86_400, "1d"),
            (86_400 + 59, "1d"),
            (3 * 86_400 + 7_200, "3d 2h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }

    #[test]
    fn tables_align_and_have_no_trailing_blanks() {
        let rows = vec![
            vec!["A".to_owned(), "1".to_owned()],
            vec!["LONG".to_owned(), "22".to_owned()],
        ];
        assert_eq!(
            table(&["N", "C"], rows.into_iter()),
            "N     C\nA     1\nLONG  22\n"
        );
    }
}
