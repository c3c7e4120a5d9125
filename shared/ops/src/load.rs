//! Reads a configuration file into a table; what is wrong with the file as a whole is told as a
//! fault with line and column.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::fault::Faults;

/// Largest configuration file that is read, octets: far above any honest one.
pub const MAX_FILE: u64 = 1024 * 1024;

/// Reads the TOML file at `path`.
///
/// # Errors
/// One fault when the file cannot be read, is over [`MAX_FILE`] octets, is no UTF-8, or is no TOML.
pub fn read_table(path: &Path) -> Result<toml::Table, Faults> {
    let name = path.display().to_string();
    let text = match read_limited(path) {
        Ok(text) => text,
        Err(problem) => {
            let mut faults = Faults::new(name);
            faults.add("", problem, "a TOML file this process may read");
            return Err(faults);
        }
    };
    read_text(&name, &text)
}

/// Reads TOML from `text`; `name` says in faults where the text came from.
///
/// # Errors
/// One fault, with line and column, when the text is no TOML.
pub fn read_text(name: &str, text: &str) -> Result<toml::Table, Faults> {
    text.parse::<toml::Table>().map_err(|error| {
        let place = error.span().map(|span| place(text, span.start));
        let mut faults = Faults::new(name);
        faults.add(place.unwrap_or_default(), error.message().trim(), "TOML");
        faults
    })
}

fn read_limited(path: &Path) -> Result<String, String> {
    let file =
        File::open(path).map_err(|error| format!("a file that cannot be opened ({error})"))?;
    let mut octets = Vec::new();
    let read = file
        .take(MAX_FILE + 1)
        .read_to_end(&mut octets)
        .map_err(|error| format!("a file that cannot be read ({error})"))?;
    if u64::try_from(read).is_ok_and(|read| read > MAX_FILE) {
        return Err(format!("more than {MAX_FILE} octets"));
    }
    String::from_utf8(octets)
        .map_err(|error| format!("no UTF-8 at octet {}", error.utf8_error().valid_up_to()))
}

fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .map_or(0, |last| last.chars().count())
        + 1;
    format!("line {line} column {column}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_line_and_column_of_a_syntax_error() {
        let faults = read_text("x.toml", "a = 1\nb = = 2\n")
            .map(|_| ())
            .unwrap_err();
        let text = faults.to_string();
        assert!(text.starts_with("x.toml: line 2 column 5: "), "{text}");
    }

    #[test]
    fn tells_a_missing_file_by_name() {
        let faults = read_table(Path::new("no/such/file.toml"))
            .map(|_| ())
            .unwrap_err();
        let text = faults.to_string();
        assert!(
            text.starts_with("no/such/file.toml: found a file that cannot be opened"),
            "{text}"
        );
    }

    #[test]
    fn refuses_a_file_over_the_ceiling() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_FILE + 1).unwrap();
        let faults = read_table(file.path()).map(|_| ()).unwrap_err();
        assert!(
            faults.to_string().contains("more than 1048576 octets"),
            "{faults}"
        );
    }

    #[test]
    fn refuses_octets_that_are_no_utf8() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"a = \"\xff\"").unwrap();
        let faults = read_table(file.path()).map(|_| ()).unwrap_err();
        assert!(
            faults.to_string().contains("no UTF-8 at octet 5"),
            "{faults}"
        );
    }
}
