//! The names of what we send: a dataset name made of a file name, and a stamp nobody else has.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use oftp::{DatasetName, OdetteId, Stamp};
use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;
use crate::row;

/// The dataset name a file gets when none was given: its name in upper case, what RFC 5024
/// Appendix B does not allow replaced by `-`, cut at 26 characters.
pub fn dataset_from_name(name: &str) -> DatasetName {
    let text: String = name.chars().map(allowed).take(26).collect();
    text.parse().unwrap_or_else(|_| fallback())
}

/// A blank is in Appendix B only as padding at the end of a field (§5.3), so it is replaced too.
fn allowed(character: char) -> char {
    match character.to_ascii_uppercase() {
        upper @ ('A'..='Z' | '0'..='9' | '/' | '-' | '.' | '&' | '(' | ')') => upper,
        _ => '-',
    }
}

#[expect(
    clippy::expect_used,
    reason = "the literal is a dataset name; a test parses it"
)]
fn fallback() -> DatasetName {
    "FILE".parse().expect("a dataset name")
}

/// A stamp (SFIDDATE, SFIDTIME) for `dataset` that no file of `origin` ever had: `now` in UTC, with
/// the next free counter of that second. A second whose 9999 counters are used up passes on to the
/// next one; so does one that has a file already when `short`: levels 1 and 2 carry no counter.
pub(crate) fn unique_stamp(
    journal: &Connection,
    dataset: &DatasetName,
    origin: &OdetteId,
    short: bool,
    now: Timestamp,
) -> Result<Stamp, StoreError> {
    for seconds in 0..MOST_SECONDS {
        let at = now
            .saturating_add(jiff::SignedDuration::from_secs(seconds))
            .unwrap_or(now);
        let second = at
            .to_zoned(TimeZone::UTC)
            .strftime("%Y%m%d%H%M%S")
            .to_string();
        let latest: Option<String> = journal
            .prepare_cached(LATEST)
            .and_then(|mut statement| {
                statement
                    .query_row(
                        (
                            dataset.as_str(),
                            origin.as_str(),
                            format!("{second}0000"),
                            format!("{second}9999"),
                        ),
                        |row| row.get(0),
                    )
                    .optional()
            })
            .map_err(StoreError::journal("look for a free stamp"))?;
        if short && latest.is_some() {
            continue;
        }
        let used = latest
            .as_deref()
            .and_then(|stamp| stamp.get(14..))
            .map_or(Ok(0), str::parse::<u16>);
        let stamp = match used {
            Ok(used) if used < 9_999 => format!("{second}{:04}", used + 1),
            _ => continue,
        };
        return stamp.parse().map_err(|_| StoreError::Damaged {
            entry: "clock".to_owned(),
            field: "time",
            found: stamp,
        });
    }
    Err(StoreError::Refused(format!(
        "dataset {dataset}: too many files of this name at one time; send some under another name"
    )))
}

/// Whether files for that partner may go out in sessions of level 1 or 2, whose stamps have no counter.
pub(crate) fn has_short_stamps(journal: &Connection, partner: &str) -> Result<bool, StoreError> {
    let sql = "SELECT min(level, lowest_level) < 4 FROM partner WHERE name = ?1";
    Ok(row::value(journal, sql, [partner])?.unwrap_or(false))
}

/// How far ahead of the clock a stamp may be, seconds.
const MOST_SECONDS: i64 = 3_600;

const LATEST: &str = "SELECT stamp FROM transfer WHERE direction = 'out' AND dataset = ?1 AND origin = ?2 \
    AND stamp BETWEEN ?3 AND ?4 ORDER BY stamp DESC LIMIT 1";
