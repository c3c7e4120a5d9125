//! The state tables of RFC 5024 section 9, executed cell by cell.
//!
//! `tests/tables/s1.txt` to `s5.txt` hold the matrices as printed and the transitions, `completions.txt` the local decisions
//! for cells the RFC leaves open. Every event is applied to every state: an explicit cell wins wherever it stands, then the
//! "Other" column of the event's own table, then the completions.

use std::collections::{BTreeMap, BTreeSet};

use engine::{
    Durable, EndFileRefusal, Event, FileRefusal, Origin, Refusal, Request, Session, Settings,
};
use oftp::{
    Auch, Aurp, Command, Efid, Efna, Efpa, EndReason, FileReason, Format, Level, Mode, Sfna, Sfpa,
    Ssid, Ssrm,
};

use crate::script::{
    NOW, OURS, ask, awaiting_turn, closing, databuf, eerp, esid, feed, identity, listener, nerp,
    news, quiet, receiving, said, sending, settings, sfid, speaker, ssid,
};

///
#[test]
fn every_cell_in_scope_reacts_as_the_tables_say() {
    let tables: Vec<Table> = [
        ("S1", include_str!("../tables/s1.txt")),
        ("S2", include_str!("../tables/s2.txt")),
        ("S3", include_str!("../tables/s3.txt")),
        ("S4", include_str!("../tables/s4.txt")),
        ("S5", include_str!("../tables/s5.txt")),
    ]
    .map(|(name, text)| Table::parse(name, text))
    .into();
    let completions = Completions::parse(include_str!("../tables/completions.txt"));
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
    // The printed figures must not shrink unnoticed: 24 states and 36 events, less what is out of scope.
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

/// What a test of one cell expects.
#[derive(Debug, Clone)]
struct Expectation {
    outputs: Vec<String>,
    next: Option<String>,
}

impl Expectation {
    /// `outputs => next`, or `UE` for a user error.
    fn parse(text: &str) -> Self {
        let (outputs, next) = match text.split_once("=>") {
            Some((outputs, next)) => (outputs, Some(next.trim().to_owned())),
            None => (text, None),
        };
        let mut outputs: Vec<String> = split_outputs(outputs);
        outputs.retain(|output| output != "-");
        outputs.sort();
        Self {
            outputs,
            next: next.filter(|next| next != "same"),
        }
    }
}

/// Splits at commas outside parentheses.
fn split_outputs(text: &str) -> Vec<String> {
    let mut outputs = vec![String::new()];
    let mut depth = 0;
    for letter in text.trim().chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == ',' && depth == 0 {
            outputs.push(String::new());
        } else if let Some(last) = outputs.last_mut() {
            last.push(letter);
        }
    }
    outputs
        .into_iter()
        .map(|output| output.trim().to_owned())
        .collect()
}

/// One of S1 to S5.
struct Table {
    name: &'static str,
    states: Vec<String>,
    rows: BTreeMap<String, Vec<String>>,
    /// Letter, event if it matters, variant.
    transitions: BTreeMap<(String, Option<String>, String), Expectation>,
    scope: BTreeMap<String, String>,
    local: BTreeMap<(String, String), (String, Expectation)>,
}

impl Table {
    fn parse(name: &'static str, text: &str) -> Self {
        let mut table = Self {
            name,
            states: Vec::new(),
            rows: BTreeMap::new(),
            transitions: BTreeMap::new(),
            scope: BTreeMap::new(),
            local: BTreeMap::new(),
        };
        let mut section = "";
        for line in text.lines().map(str::trim) {
            match line {
                "" => {}
                _ if line.starts_with('#') => {}
                "@matrix" | "@transitions" | "@scope" | "@local" => section = line,
                _ => table.line(section, line),
            }
        }
        table
    }

    fn line(&mut self, section: &str, line: &str) {
        if section == "@matrix" {
            let mut cells = line.split('|').map(|cell| cell.trim().to_owned());
            let event = cells.next().unwrap();
            if event == "Event" {
                self.states = cells.collect();
                return;
            }
            let cells: Vec<String> = cells.collect();
            assert_eq!(cells.len(), self.states.len(), "{}: {line}", self.name);
            // S1 does not tell normal ends from others.
            if event == "ESID" {
                self.rows.insert("ESID R=Normal".into(), cells.clone());
                self.rows.insert("ESID R=Error".into(), cells);
            } else {
                self.rows.insert(event, cells);
            }
            return;
        }
        let (key, expectation) = line.split_once(" :").unwrap_or_else(|| panic!("{line}"));
        let key = key.trim();
        match section {
            "@transitions" => {
                let (letter, rest) = key.split_once(' ').unwrap();
                let rest = rest.trim();
                let (event, variant) = match rest.strip_prefix('(') {
                    Some(rest) => {
                        let (event, variant) = rest.split_once(')').unwrap();
                        (Some(event.to_owned()), variant.trim())
                    }
                    None => (None, rest),
                };
                let key = (letter.to_owned(), event, variant.to_owned());
                self.transitions
                    .insert(key, Expectation::parse(expectation));
            }
            "@scope" => {
                self.scope
                    .insert(key.to_owned(), expectation.trim().to_owned());
            }
            "@local" => {
                let (event, rest) = key.split_once(" @ ").unwrap();
                let (state, variant) = rest.split_once(' ').unwrap();
                let value = (variant.trim().to_owned(), Expectation::parse(expectation));
                self.local
                    .insert((event.to_owned(), state.to_owned()), value);
            }
            other => panic!("no section {other}"),
        }
    }

    fn events(&self) -> impl Iterator<Item = &str> {
        let in_scope = |event: &&str| !OUT_OF_SCOPE_EVENTS.contains(event);
        self.rows.keys().map(String::as_str).filter(in_scope)
    }

    fn explicit(&self, event: &str, state: &str) -> Option<&str> {
        let column = self.states.iter().position(|name| name == state)?;
        Some(&self.rows.get(event)?[column])
    }

    fn other(&self, event: &str) -> Option<&str> {
        self.explicit(event, "Other")
    }

    /// The ways to run a transition for this event; a line that names the event wins over one that names none.
    fn of_letter(&self, letter: &str, event: &str) -> Vec<(String, String, Expectation)> {
        let named = |name: &Option<String>| name.as_deref() == Some(event);
        let any_named = self
            .transitions
            .keys()
            .any(|(of, name, _)| of == letter && named(name));
        let fits = |(of, name, _): &&(String, Option<String>, String)| {
            of == letter
                && if any_named {
                    named(name)
                } else {
                    name.is_none()
                }
        };
        let keys = self.transitions.keys().filter(fits);
        keys.map(|key| (self.key(key), key.2.clone(), self.transitions[key].clone()))
            .collect()
    }

    fn key(&self, (letter, event, variant): &(String, Option<String>, String)) -> String {
        format!(
            "{}-{letter} {} {variant}",
            self.name,
            event.as_deref().unwrap_or_default()
        )
    }

    fn variants(&self) -> impl Iterator<Item = String> {
        self.transitions.keys().map(|key| self.key(key))
    }
}

/// What stands where the tables say nothing.
struct Completions(BTreeMap<(String, String), Expectation>);

impl Completions {
    fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entry = |line: &str| {
            let (key, expectation) = line.split_once(" :").unwrap();
            let (kind, states) = key.trim().split_once(" @ ").unwrap();
            (
                (kind.to_owned(), states.trim().to_owned()),
                Expectation::parse(expectation),
            )
        };
        Self(lines.map(entry).collect())
    }

    fn find(&self, event: &str, state: &str) -> Expectation {
        let kind = kind(event);
        let states = match state {
            "IDLE" | "WF_NDISC" => state,
            _ => "connected",
        };
        let get = |states: &str| self.0.get(&(kind.to_owned(), states.to_owned()));
        let found = get(states).or_else(|| get("any"));
        found
            .cloned()
            .unwrap_or_else(|| panic!("no completion for {event} in {state}"))
    }
}

fn kind(event: &str) -> &'static str {
    match event {
        "ESID R=Normal" | "ESID R=Error" => "esid",
        "TIME-OUT" | "N_RST_IND" | "N_DISC_IND" => "network",
        _ if event.starts_with("F_") => "request",
        _ => "command",
    }
}

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
            "{} cells run in {} ways: {} from the tables, {} local decisions in them, {} completed by C1 to C8",
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
            "not reachable: S5-I predicate P6 (credit exceeded), since CDT is sent at once; see credit.rs"
        );
    }
}

/// A session in this state, prepared so that the variant's predicate comes true.
fn session_in(event: &str, state: &str, variant: &str) -> Session {
    let mut ours = settings();
    match variant {
        "receive-only" => ours.mode = Mode::Receive,
        "send-only" => ours.mode = Mode::Send,
        "last-credit" => ours.credit = 1,
        // Modes that cannot work together: see `apply`.
        "mode" => ours.mode = Mode::Send,
        _ => {}
    }
    let mut session = enter(state, variant, &ours);
    match (event, state) {
        ("F_CLOSE_FILE_RQ", "OPO") if variant != "not-ended" => {
            session.send_data(b"abc", true, NOW).unwrap();
        }
        ("EFID", "OPI") => feed(&mut session, &Command::Data(&databuf(b"", true))),
        _ => {}
    }
    quiet(&mut session);
    session
}

fn enter(state: &str, variant: &str, ours: &Settings) -> Session {
    match state {
        "IDLE" => {
            let mut session = speaker(ours);
            session.disconnected(NOW);
            session
        }
        "I_WF_RM" => Session::initiator(ours.clone(), identity(OURS), NOW),
        "I_WF_SSID" => after(enter("I_WF_RM", variant, ours), &Command::Ssrm(Ssrm)),
        "A_NC_ONLY" => Session::responder_after_ssrm(ours.clone(), NOW),
        "A_WF_CONRS" => {
            let mut theirs = ssid(ours);
            match variant {
                "authentication" => theirs.authentication = true,
                "level" => theirs.level = Level::L4,
                _ => {}
            }
            after(enter("A_NC_ONLY", variant, ours), &Command::Ssid(theirs))
        }
        "IDLESP" => speaker(ours),
        "IDLESPCD" => after(listener(ours), &Command::Cd),
        "OPOP" => asked(speaker(ours), Request::StartFile(sfid("FILE", 0))),
        "OPO" => sending(ours),
        "OPOWFC" => {
            let mut session = sending(&Settings {
                credit: 1,
                ..ours.clone()
            });
            session.send_data(b"abc", true, NOW).unwrap();
            session
        }
        "CLOP" => {
            let mut session = sending(ours);
            session.send_data(b"abc", true, NOW).unwrap();
            asked(
                session,
                Request::CloseFile {
                    records: 0,
                    octets: 3,
                },
            )
        }
        "WF_RTR" => asked(speaker(ours), Request::Eerp(eerp())),
        "IDLELI" => listener(ours),
        "IDLELICD" => asked(speaker(ours), Request::ChangeDirection),
        "OPIP" => after(listener(ours), &Command::Sfid(sfid("FILE", 0))),
        "OPI" => receiving(ours),
        "CLIP" => closing(ours),
        "RTRP" => after(listener(ours), &Command::Eerp(eerp())),
        "WF_CD" => awaiting_turn(ours),
        "ERSTWFCD" => asked(awaiting_turn(ours), Request::Eerp(eerp())),
        "NRSTWFCD" => asked(awaiting_turn(ours), Request::Nerp(nerp())),
        "SFSTWFCD" => asked(awaiting_turn(ours), Request::StartFile(sfid("FILE", 0))),
        "CDSTWFCD" => asked(awaiting_turn(ours), Request::ChangeDirection),
        "WF_NDISC" => {
            let release = Request::Release(EndReason::UNSPECIFIED, String::new());
            asked(speaker(ours), release)
        }
        other => panic!("no way into {other}"),
    }
}

fn after(mut session: Session, command: &Command<'_>) -> Session {
    feed(&mut session, command);
    session
}

fn asked(mut session: Session, request: Request) -> Session {
    ask(&mut session, request);
    session
}

/// Applies the event and writes down all that came of it, sorted.
fn observe(session: &mut Session, event: &str, state: &str, variant: &str) -> Vec<String> {
    let was_over = session.must_disconnect();
    let user_error = apply(session, event, state, variant);
    let mut outputs = said(session);
    for event in news(session) {
        outputs.push(output(&event, state));
    }
    if user_error {
        outputs.push("UE".into());
    }
    // A partner's disconnect is answered by ours without being asked for.
    if session.must_disconnect() && !was_over && event != "N_DISC_IND" {
        outputs.push("N_DISC_RQ".into());
    }
    // F_DATA_CF right after F_DATA_RQ is told by `can_send_data`.
    if event == "F_DATA_RQ" && state == "OPO" && session.can_send_data() {
        outputs.push("F_DATA_CF".into());
    }
    outputs.sort();
    outputs
}

/// True for a user error.
fn apply(session: &mut Session, event: &str, state: &str, variant: &str) -> bool {
    match event {
        "TIME-OUT" => {
            let deadline = session.next_timeout().unwrap_or(NOW * 1000);
            session.handle_timeout(deadline);
            // Octets written meanwhile buy one more round.
            let deadline = session.next_timeout().unwrap_or(NOW * 1000);
            session.handle_timeout(deadline);
            false
        }
        "N_DISC_IND" | "N_RST_IND" => {
            session.disconnected(NOW);
            false
        }
        "Invalid Buffer" => {
            let octets: &[u8] = match variant {
                "length" => &[0x10, 0, 0, 6, b'R', b'R'],
                "content" => &[0x10, 0, 0, 6, b'4', b'?'],
                _ => &[0x10, 0, 0, 5, b'?'],
            };
            assert_eq!(session.receive(octets, NOW), octets.len());
            false
        }
        "F_DATA_RQ" => {
            let outcome = session.send_data(b"abc", false, NOW);
            // In OPOWFC the user error is told as "nothing taken".
            outcome.is_err() || (state == "OPOWFC" && outcome == Ok(0))
        }
        _ => match request(event, variant) {
            Some(request) => session.request(request, NOW).is_err(),
            None => {
                with_command(event, variant, |command| feed(session, command));
                false
            }
        },
    }
}

fn request(event: &str, variant: &str) -> Option<Request> {
    let text = String::new();
    Some(match event {
        "F_CONNECT_RS" if variant == "minus" => {
            let reason = EndReason::UNSPECIFIED;
            Request::ConnectResponse(Err(Refusal { reason, text }))
        }
        "F_CONNECT_RS" => Request::ConnectResponse(Ok(identity(OURS))),
        "F_ABORT_RQ" => Request::Abort,
        "F_EERP_RQ" => Request::Eerp(eerp()),
        "F_NERP_RQ" => Request::Nerp(nerp()),
        "F_START_FILE_RQ" => {
            let mut offer = sfid("FILE", 0);
            offer.restart = u64::from(variant == "restart");
            Request::StartFile(offer)
        }
        "F_CD_RQ" => Request::ChangeDirection,
        "F_REL_RQ(Ok)" => Request::Release(EndReason::NORMAL, text),
        "F_REL_RQ(Err)" => Request::Release(EndReason::UNSPECIFIED, text),
        "F_CLOSE_FILE_RQ" => Request::CloseFile {
            records: 0,
            octets: if variant == "count" { 4 } else { 3 },
        },
        "F_START_FILE_RS" => Request::StartFileResponse(match variant {
            "minus" => {
                let reason = FileReason::UNSPECIFIED;
                Err(FileRefusal {
                    reason,
                    retry: false,
                    text,
                })
            }
            "beyond" => Ok(1),
            _ => Ok(0),
        }),
        "F_CLOSE_FILE_RS" => Request::CloseFileResponse(match variant {
            "minus" => Err(EndFileRefusal {
                reason: FileReason::UNSPECIFIED,
                text,
            }),
            "not-durable" => Ok((Durable::synced(2), false)),
            _ => Ok((Durable::synced(3), variant == "turn")),
        }),
        "F_RTR_RS" => Request::RtrResponse,
        _ => return None,
    })
}

fn with_command(event: &str, variant: &str, give: impl FnOnce(&Command<'_>)) {
    let data = databuf(b"abc", true);
    let reason = FileReason::UNSPECIFIED;
    let text = String::new();
    let command = match event {
        "SSRM" => Command::Ssrm(Ssrm),
        "SSID" => Command::Ssid(partners_ssid(variant)),
        "SECD" => Command::Secd,
        "AUCH" => Command::Auch(Auch {
            challenge: vec![1; 30],
        }),
        "AURP" => Command::Aurp(Aurp { response: [2; 20] }),
        "SFID" => {
            let mut offer = sfid("FILE", 0);
            offer.restart = u64::from(variant == "restart");
            if variant == "format" {
                offer.format = Format::Variable;
            }
            Command::Sfid(offer)
        }
        "SFPA" => Command::Sfpa(Sfpa {
            answer: u64::from(variant == "beyond"),
        }),
        "SFNA" => Command::Sfna(Sfna {
            reason,
            retry: false,
            text,
        }),
        "DATA" => Command::Data(&data),
        "CDT" => Command::Cdt,
        "EFID" => Command::Efid(Efid {
            records: 0,
            octets: u64::from(variant == "count"),
        }),
        "EFPA" => Command::Efpa(Efpa {
            change_direction: variant == "turn",
        }),
        "EFNA" => Command::Efna(Efna { reason, text }),
        "CD" => Command::Cd,
        "EERP" => Command::Eerp(eerp()),
        "NERP" => Command::Nerp(nerp()),
        "RTR" => Command::Rtr,
        "ESID R=Normal" => esid(EndReason::NORMAL),
        "ESID R=Error" => esid(EndReason::UNSPECIFIED),
        other => panic!("no command for {other}"),
    };
    give(&command);
}

fn partners_ssid(variant: &str) -> Ssid {
    let ours = settings();
    let theirs = ssid(&ours);
    match variant {
        "mode" => Ssid {
            mode: Mode::Send,
            ..theirs
        },
        "level" => Ssid {
            level: Level::L2,
            ..theirs
        },
        "restart" => Ssid {
            restart: true,
            ..theirs
        },
        "authentication" => Ssid {
            authentication: true,
            ..theirs
        },
        "credit" => Ssid {
            credit: ours.credit + 1,
            ..theirs
        },
        _ => theirs,
    }
}

/// The event in the tables' words; small letters where RFC 5024 has none.
fn output(event: &Event, state: &str) -> String {
    let word = match event {
        Event::Connect(_) => "F_CONNECT_IND",
        Event::Connected(..) if state == "A_WF_CONRS" => "opened",
        Event::Connected(..) => "F_CONNECT_CF",
        Event::StartFile(_) => "F_START_FILE_IND",
        Event::StartFileAccepted { .. } => "F_START_FILE_CF(+)",
        Event::StartFileRefused { .. } => "F_START_FILE_CF(-)",
        Event::DataReceived => "F_DATA_IND",
        Event::DataConfirm => "F_DATA_CF",
        Event::CloseFile { .. } => "F_CLOSE_FILE_IND",
        Event::CloseFileAccepted { speaker: true } => "F_CLOSE_FILE_CF(+,Speaker=Yes)",
        Event::CloseFileAccepted { speaker: false } => "F_CLOSE_FILE_CF(+,Speaker=No)",
        Event::CloseFileRefused { .. } => "F_CLOSE_FILE_CF(-)",
        Event::FileDropped { .. } => "dropped",
        Event::Eerp(_) => "F_EERP_IND",
        Event::Nerp(_) => "F_NERP_IND",
        Event::RtrConfirm => "F_RTR_CF",
        Event::ChangeDirection => "F_CD_IND",
        Event::TurnTaken => "turn",
        Event::Released => "F_RELEASE_IND",
        Event::Deviation(_) => "deviation",
        Event::Aborted { reason, origin, .. } => {
            let reason =
                reason.map_or_else(|| "--".to_owned(), |reason| format!("{:02}", reason.0));
            let origin = if *origin == Origin::Local { 'L' } else { 'D' };
            return format!("F_ABORT_IND({reason},{origin})");
        }
    };
    word.to_owned()
}
