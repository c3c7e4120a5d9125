//! What a running half has logged so far, and waiting for what it will log.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a wait may take before the test fails. Generous: it bounds a hang, it measures nothing.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// One line of a JSON log.
#[derive(Debug, Clone)]
pub struct Line {
    /// The line as it was written.
    pub raw: String,
    /// Its content, `Null` if it was not JSON (a panic message, say).
    pub json: Value,
}

impl Line {
    /// The sentence.
    pub fn message(&self) -> &str {
        self.field("message")
            .and_then(Value::as_str)
            .unwrap_or(&self.raw)
    }

    /// `ERROR`, `WARN`, `INFO`, `DEBUG` or empty.
    pub fn level(&self) -> &str {
        self.json["level"].as_str().unwrap_or_default()
    }

    /// A field of the event, or of a span around it.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let spans = self.json["spans"].as_array();
        self.json["fields"]
            .get(name)
            .or_else(|| self.json.get(name))
            .or_else(|| self.json["span"].get(name))
            .or_else(|| spans.and_then(|spans| spans.iter().rev().find_map(|span| span.get(name))))
    }

    /// A field as text, whatever its JSON type; empty when it is missing.
    pub fn text(&self, name: &str) -> String {
        match self.field(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        }
    }

    /// Whether the sentence contains the given words.
    pub fn says(&self, words: &str) -> bool {
        self.message().contains(words)
    }
}

/// The growing log of one half, across its restarts.
#[derive(Debug, Default)]
pub struct Logs {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    ended: usize,
}

impl Logs {
    /// How many lines there are: a place from which to wait for what comes later.
    pub fn mark(&self) -> usize {
        self.state().lines.len()
    }

    /// Every line so far.
    pub fn lines(&self) -> Vec<Line> {
        self.state().lines.clone()
    }

    /// Every line so far as one text.
    pub fn text(&self) -> String {
        self.state()
            .lines
            .iter()
            .map(|line| line.raw.as_str())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// How many lines so far say these words.
    pub fn count(&self, words: &str) -> usize {
        self.state()
            .lines
            .iter()
            .filter(|line| line.says(words))
            .count()
    }

    /// The first line that fits, from the beginning on.
    ///
    /// # Panics
    /// When none comes before [`DEADLINE`]; the message has the end of the log.
    #[track_caller]
    pub fn wait_for(&self, what: &str, fits: impl Fn(&Line) -> bool) -> Line {
        self.wait_from(0, what, fits)
    }

    /// The first line saying these words, from `mark` on.
    ///
    /// # Panics
    /// As [`Logs::wait_for`].
    #[track_caller]
    pub fn wait_to_hear(&self, mark: usize, words: &str) -> Line {
        self.wait_from(mark, words, |line| line.says(words))
    }

    /// The first line that fits, from `mark` on.
    ///
    /// # Panics
    /// As [`Logs::wait_for`].
    #[track_caller]
    pub fn wait_from(&self, mark: usize, what: &str, fits: impl Fn(&Line) -> bool) -> Line {
        let until = Instant::now() + DEADLINE;
        let mut state = self.state();
        let mut seen = mark;
        loop {
            if let Some(line) = state.lines.iter().skip(seen).find(|line| fits(line)) {
                return line.clone();
            }
            seen = seen.max(state.lines.len());
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let tail = tail(&state.lines);
                drop(state);
                panic!("waited {DEADLINE:?} for a log line: {what}\nthe log ends with:\n{tail}");
            }
            state = self
                .news
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Asks `look` again after every log line (and now and then without one) until it finds what
    /// it looks for: for facts that show on disk or in an answer rather than in the log.
    ///
    /// # Panics
    /// When it finds nothing before [`DEADLINE`].
    #[track_caller]
    pub fn until<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        let until = Instant::now() + DEADLINE;
        loop {
            let mark = self.mark();
            if let Some(found) = look() {
                return found;
            }
            let state = self.state();
            assert!(
                Instant::now() < until,
                "waited {DEADLINE:?} until: {what}\nthe log ends with:\n{}",
                tail(&state.lines)
            );
            let pause = Duration::from_millis(100);
            let quiet = |state: &mut State| state.lines.len() == mark;
            drop(self.news.wait_timeout_while(state, pause, quiet));
        }
    }

    /// Waits until `runs` processes have closed this log.
    ///
    /// # Panics
    /// When that does not happen before [`DEADLINE`].
    #[track_caller]
    pub fn wait_for_end(&self, runs: usize) {
        let state = self.state();
        let going = |state: &mut State| state.ended < runs;
        let (state, outcome) = self
            .news
            .wait_timeout_while(state, DEADLINE, going)
            .unwrap_or_else(PoisonError::into_inner);
        let tail = tail(&state.lines);
        drop(state);
        assert!(
            !outcome.timed_out(),
            "the process did not end\nthe log ends with:\n{tail}"
        );
    }

    /// The last lines, for a failure message.
    pub fn tail(&self) -> String {
        tail(&self.state().lines)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a log from a process until the process is gone.
pub fn capture(logs: &Arc<Logs>, source: impl Read + Send + 'static) {
    let logs = Arc::clone(logs);
    std::thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n') {
            let Ok(line) = line else { break };
            let raw = String::from_utf8_lossy(&line).into_owned();
            let json = serde_json::from_str(&raw).unwrap_or(Value::Null);
            logs.state().lines.push(Line { raw, json });
            logs.news.notify_all();
        }
        logs.state().ended += 1;
        logs.news.notify_all();
    });
}

fn tail(lines: &[Line]) -> String {
    let start = lines.len().saturating_sub(40);
    lines[start..]
        .iter()
        .map(|line| line.raw.as_str())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_of_the_event_and_of_spans() {
        let logs = Arc::new(Logs::default());
        let text = concat!(
            r#"{"level":"INFO","fields":{"message":"A circuit opened.","circuit":"00ff"},"span":{"session":7}}"#,
            "\nnot json\n"
        );
        capture(&logs, text.as_bytes());
        logs.wait_for_end(1);
        let line = logs.wait_to_hear(0, "A circuit opened.");
        assert_eq!(line.text("circuit"), "00ff");
        assert_eq!(line.text("session"), "7");
        assert_eq!(line.text("absent"), "");
        assert_eq!(line.level(), "INFO");
        assert_eq!(logs.count("not json"), 1);
    }
}
