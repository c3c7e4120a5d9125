//! Sets up the log: lines to standard error, as text for people or as JSON for machines.
//!
//! JSON is one object a line:
//! `{"timestamp":"2026-01-31T12:00:00.000000Z","level":"INFO","fields":{"message":"A circuit opened.","circuit":"00f3…"},"target":"proxy_dmz::relay"}`,
//! where `fields` holds the message and every value of the event. An event inside spans also has
//! `span` (the innermost) and `spans` (all, outermost first), each an object of the span's `name`
//! and values. Names everybody uses for values: `circuit`, `session`, `partner`, `transfer`, `peer`.
//!
//! Levels: error, an operator must act; warn, we recovered or someone misbehaved; info, the life of
//! process, link, session and transfer; debug, each connection.

use std::io::{self, IsTerminal, Write};

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::section::Section;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people: one line, colours on a terminal.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// The `[log]` section of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// How log lines look (`format`).
    pub format: Format,
    /// What is logged (`filter`): a level, or directives as `info,link=debug`.
    pub filter: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            format: Format::Text,
            filter: "info".to_owned(),
        }
    }
}

impl Settings {
    /// Reads `[log]` below `root`; what is absent takes its default.
    pub fn read(root: &mut Section<'_>) -> Settings {
        let mut settings = Settings::default();
        let Some(mut log) = root.section("log") else {
            return settings;
        };
        let formats = [("text", Format::Text), ("json", Format::Json)];
        settings.format = log.one_of("format", &formats, settings.format);
        if let Some(filter) = log.string("filter") {
            match parse_filter(&filter) {
                Ok(_) => settings.filter = filter,
                Err(error) => {
                    log.fault("filter", format!("{filter:?} ({})", error.problem), FILTER)
                }
            }
        }
        log.finish();
        settings
    }
}

/// Why the log could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be understood.
    #[error(transparent)]
    Filter(FilterError),
    /// A log was set up before in this process.
    #[error("the log is already set up in this process")]
    AlreadySet,
}

/// A log filter that cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("log filter {filter:?}: {problem}; write {FILTER}")]
pub struct FilterError {
    /// The filter as given.
    pub filter: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Starts logging to standard error; once a process, before anything is logged.
///
/// # Errors
/// When the filter cannot be understood, or logging has been started before.
pub fn init(format: Format, filter: &str) -> Result<(), LogError> {
    let filter = parse_filter(filter).map_err(LogError::Filter)?;
    let colours = io::stderr().is_terminal();
    subscriber(format, filter, colours, io::stderr)
        .try_init()
        .map_err(|_| LogError::AlreadySet)
}

fn subscriber<W>(
    format: Format,
    filter: EnvFilter,
    colours: bool,
    writer: W,
) -> Box<dyn Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w, Writer: Write> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer);
    match format {
        Format::Text => Box::new(builder.with_ansi(colours).finish()),
        Format::Json => Box::new(builder.json().finish()),
    }
}

fn parse_filter(filter: &str) -> Result<EnvFilter, FilterError> {
    EnvFilter::builder()
        .parse(filter)
        .map_err(|error| FilterError {
            filter: filter.to_owned(),
            problem: error.to_string(),
        })
}

const FILTER: &str =
    "a level (error, warn, info, debug, trace) or directives as \"info,link=debug\"";

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;
    use crate::fault::Faults;
    use crate::load::read_text;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Lines {
        fn text(&self) -> String {
            let octets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            String::from_utf8_lossy(&octets).into_owned()
        }
    }

    impl Write for Lines {
        fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend_from_slice(octets);
            Ok(octets.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: Format, filter: &str) -> String {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(format, parse_filter(filter).unwrap(), false, move || {
            writer.clone()
        });
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("session", session = 7);
            let _inside = span.enter();
            tracing::info!(circuit = "00f3", "A circuit opened.");
            tracing::debug!("A detail.");
        });
        lines.text()
    }

    #[test]
    fn json_has_message_and_values_under_fields() {
        let text = logged(Format::Json, "info");
        assert!(
            text.contains(
                r#""level":"INFO","fields":{"message":"A circuit opened.","circuit":"00f3"}"#
            ),
            "{text}"
        );
        assert!(
            text.contains(r#""span":{"session":7,"name":"session"}"#),
            "{text}"
        );
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn text_has_message_and_values_on_one_line() {
        let text = logged(Format::Text, "debug");
        assert!(
            text.contains("A circuit opened. circuit=\"00f3\""),
            "{text}"
        );
        assert!(text.contains("A detail."), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
    }

    #[test]
    fn refuses_a_filter_it_cannot_understand() {
        let error = parse_filter("info,link=louder").unwrap_err();
        assert!(error.to_string().contains("info,link=debug"), "{error}");
    }

    #[test]
    fn reads_its_section_and_keeps_defaults_for_what_is_wrong() {
        let table =
            read_text("x", "[log]\nformat = \"xml\"\nfilter = \"a=b=c\"\nfile = 1").unwrap();
        let mut faults = Faults::new("x");
        let mut root = Section::root(&table, &mut faults);
        assert_eq!(Settings::read(&mut root), Settings::default());
        root.finish();
        let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
        assert_eq!(keys, ["log.format", "log.filter", "log.file"]);
    }
}
