//! One line on the terminal that shows how far something has come.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::render::octets;

/// How often the line is drawn anew.
const PACE: Duration = Duration::from_millis(200);

/// The progress line of one piece of work; draws nothing where there is no terminal.
pub(super) struct Progress<'a> {
    out: Option<&'a mut dyn Write>,
    drawn: Option<Instant>,
    begun: Instant,
    width: usize,
}

impl<'a> Progress<'a> {
    /// Draws on `out`, or nowhere.
    pub(super) fn new(out: Option<&'a mut dyn Write>) -> Self {
        Progress {
            out,
            drawn: None,
            begun: Instant::now(),
            width: 0,
        }
    }

    /// Draws `done` of `total` octets, not more often than a person can read.
    pub(super) fn octets(&mut self, what: &str, done: u64, total: Option<u64>) {
        let now = Instant::now();
        if self.drawn.is_some_and(|drawn| now - drawn < PACE) {
            return;
        }
        let line = line(what, done, total, now - self.begun);
        self.draw(&line, now);
    }

    /// Draws a text at once.
    pub(super) fn text(&mut self, text: &str) {
        self.draw(text, Instant::now());
    }

    /// Takes the line away.
    pub(super) fn clear(&mut self) {
        if self.drawn.is_some() {
            self.draw("", Instant::now());
            if let Some(out) = &mut self.out {
                let _ = write!(out, "\r");
            }
        }
    }

    fn draw(&mut self, text: &str, now: Instant) {
        let Some(out) = &mut self.out else { return };
        // A terminal that fails to draw must not fail the work.
        let _ = write!(out, "\r{text:<width$}", width = self.width);
        let _ = out.flush();
        self.width = text.chars().count();
        self.drawn = Some(now);
    }
}

/// Whether standard error is a terminal, where progress is drawn.
pub(super) fn is_wanted() -> bool {
    std::io::stderr().is_terminal()
}

fn line(what: &str, done: u64, total: Option<u64>, elapsed: Duration) -> String {
    let mut line = match total {
        Some(total) if total > 0 => {
            format!("{what} {:>3} % of {}", percent(done, total), octets(total))
        }
        _ => format!("{what} {}", octets(done)),
    };
    let milliseconds = elapsed.as_millis();
    if milliseconds >= 500 {
        let rate = u128::from(done) * 1000 / milliseconds;
        line.push_str(&format!(
            ", {}/s",
            octets(u64::try_from(rate).unwrap_or(u64::MAX))
        ));
    }
    line
}

/// Whole per cent, 100 only when all is done.
pub(super) fn percent(done: u64, total: u64) -> u64 {
    if done >= total {
        return 100;
    }
    u64::try_from(u128::from(done) * 100 / u128::from(total)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_per_cent_and_rate() {
        let text = line("uploading", 5 << 20, Some(10 << 20), Duration::from_secs(1));
        assert_eq!(text, "uploading  50 % of 10.0 MiB, 5.0 MiB/s");
        assert_eq!(
            line("uploading", 10, None, Duration::ZERO),
            "uploading 10 octets"
        );
        assert_eq!(
            line("uploading", 0, Some(0), Duration::ZERO),
            "uploading 0 octets"
        );
    }

    #[test]
    fn is_full_only_at_the_end() {
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
        assert_eq!(percent(7, 7), 100);
        assert_eq!(percent(9, 7), 100);
    }

    #[test]
    fn wipes_the_longer_line_before() {
        let mut out = Vec::new();
        let mut progress = Progress::new(Some(&mut out));
        progress.text("a long line");
        progress.text("short");
        progress.clear();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\ra long line\rshort      \r     \r"
        );
    }
}
