//! A scripted partner: feeds commands to one session and writes down what it says and reports.

use core::time::Duration;

use engine::{Challenge, Durable, Event, Identity, Position, Received, Request, Session, Settings};
use oftp::{
    Auch, Aurp, Command, DatasetName, Eerp, Efid, EndReason, Esid, Format, Level, Mode, Nerp,
    OdetteId, Password, ReceiptReason, Security, Sfid, Sfpa, Ssid, Ssrm, Stamp, UserField,
};

pub const NOW: Duration = Duration::from_secs(1_000);
pub const OURS: &str = "O0013000001US";
pub const THEIRS: &str = "O0013000002THEM";

pub fn code(text: &str) -> OdetteId {
    text.parse().unwrap()
}

pub fn identity(text: &str) -> Identity {
    Identity {
        code: code(text),
        password: password("SECRET"),
        user: UserField::default(),
    }
}

pub fn password(text: &str) -> Password {
    text.parse().unwrap()
}

pub fn dataset(text: &str) -> DatasetName {
    text.parse().unwrap()
}

pub fn stamp() -> Stamp {
    "202411210102030001".parse().unwrap()
}

/// Settings with which both sides agree on everything but restart.
pub fn settings() -> Settings {
    Settings {
        buffer: 4096,
        credit: 8,
        restart: false,
        ..Settings::default()
    }
}

/// The SSID of a partner that offers exactly these settings.
pub fn ssid(settings: &Settings) -> Ssid {
    Ssid {
        level: settings.level,
        code: code(THEIRS),
        password: password("THEIRS"),
        buffer: settings.buffer,
        mode: settings.mode,
        compression: settings.compression,
        restart: settings.restart,
        special_logic: false,
        credit: settings.credit,
        authentication: settings.authentication,
        user: UserField::default(),
    }
}

pub fn sfid(name: &str, octets: u64) -> Sfid {
    let blocks = octets.div_ceil(1024);
    Sfid {
        dataset: dataset(name),
        stamp: stamp(),
        user: UserField::default(),
        destination: code(THEIRS),
        origin: code(OURS),
        format: Format::Unstructured,
        record_length: 0,
        size_blocks: blocks,
        original_blocks: blocks,
        restart: 0,
        security: Security::None,
        cipher: 0,
        compression: false,
        envelope: false,
        signed_receipt: false,
        description: String::new(),
    }
}

/// The offer of a file with records of up to, or in format F exactly, so many octets.
pub fn sfid_of(format: Format, name: &str, record_length: u32) -> Sfid {
    Sfid {
        format,
        record_length,
        ..sfid(name, 0)
    }
}

pub fn eerp() -> Eerp {
    eerp_for(&sfid("FILE", 0))
}

pub fn eerp_for(file: &Sfid) -> Eerp {
    Eerp {
        dataset: file.dataset.clone(),
        stamp: file.stamp,
        user: UserField::default(),
        destination: file.origin.clone(),
        origin: file.destination.clone(),
        hash: Vec::new(),
        signature: Vec::new(),
    }
}

pub fn nerp() -> Nerp {
    let eerp = eerp();
    Nerp {
        dataset: eerp.dataset,
        stamp: eerp.stamp,
        destination: eerp.destination,
        origin: eerp.origin.clone(),
        creator: eerp.origin,
        reason: ReceiptReason::UNSPECIFIED,
        text: String::new(),
        hash: Vec::new(),
        signature: Vec::new(),
    }
}

pub fn esid(reason: EndReason) -> Command<'static> {
    Command::Esid(Esid {
        reason,
        text: "partner's words".into(),
    })
}

/// A DATA command's content: literal subrecords, the last one with the end flag if asked for.
pub fn databuf(octets: &[u8], end: bool) -> Vec<u8> {
    let mut buffer = Vec::new();
    let mut rest = octets;
    loop {
        let (now, later) = rest.split_at(rest.len().min(63));
        let last = end && later.is_empty();
        buffer.push(u8::try_from(now.len()).unwrap() | if last { 0x80 } else { 0 });
        buffer.extend_from_slice(now);
        rest = later;
        if rest.is_empty() {
            return buffer;
        }
    }
}

pub fn frame(command: &Command<'_>) -> Vec<u8> {
    frame_at(Level::L5, command)
}

pub fn frame_at(level: Level, command: &Command<'_>) -> Vec<u8> {
    let mut octets = Vec::new();
    command.encode(level, &mut octets).unwrap();
    octets
}

/// The level that both sides agreed on; 5 before.
pub fn level_of(session: &Session) -> Level {
    session.agreement().map_or(Level::L5, |agreed| agreed.level)
}

/// Gives one command to the session, which must take all of it.
pub fn feed(session: &mut Session, command: &Command<'_>) {
    let octets = frame_at(level_of(session), command);
    assert_eq!(
        session.receive(&octets, NOW),
        octets.len(),
        "{command:?} was not consumed"
    );
}

/// Takes what the session has to say, one word a command: `ESID(02)`, `EFPA(Y)`, `SFPA`, …
pub fn said(session: &mut Session) -> Vec<String> {
    said_at(session, NOW)
}

/// The same at another time than the script's usual one.
pub fn said_at(session: &mut Session, now: Duration) -> Vec<String> {
    let mut words = Vec::new();
    let level = level_of(session);
    let octets = session.transmit().to_vec();
    let mut rest = octets.as_slice();
    while let Some((oeb, used)) = oftp::split(rest).unwrap() {
        words.push(word(&Command::decode(oeb, level).unwrap()));
        rest = &rest[used..];
    }
    assert!(rest.is_empty(), "half an exchange buffer in transmit");
    session.transmitted(octets.len(), now);
    words
}

fn word(command: &Command<'_>) -> String {
    match command {
        Command::Esid(esid) => format!("ESID({:02})", esid.reason.0),
        Command::Efpa(efpa) => format!("EFPA({})", if efpa.change_direction { 'Y' } else { 'N' }),
        other => other.code().name().to_owned(),
    }
}

/// Takes the session's news.
pub fn news(session: &mut Session) -> Vec<Event> {
    std::iter::from_fn(|| session.poll_event()).collect()
}

/// Forgets what was said and reported so far.
pub fn quiet(session: &mut Session) {
    let _ = said(session);
    let _ = news(session);
}

pub fn ask(session: &mut Session, request: Request) {
    let name = request.name();
    session
        .request(request, NOW)
        .unwrap_or_else(|error| panic!("{name}: {error}"));
}

/// The reason and origin of the one abort among the news.
pub fn abort_of(news: &[Event]) -> (Option<EndReason>, engine::Origin) {
    let mut aborts = news.iter().filter_map(|event| match event {
        Event::Aborted {
            reason,
            origin,
            detail,
            ..
        } => {
            assert!(
                !detail.is_empty(),
                "an abort without words for the operator"
            );
            Some((*reason, *origin))
        }
        _ => None,
    });
    let abort = aborts
        .next()
        .unwrap_or_else(|| panic!("no abort among {news:?}"));
    assert!(
        aborts.next().is_none(),
        "more than one abort among {news:?}"
    );
    abort
}

/// What a driver would seal for the partner.
pub fn challenge() -> Challenge {
    Challenge {
        sealed: vec![0xE5; 300],
        secret: [7; 20],
    }
}

/// Secure authentication on its way, in WF_AUCH, WF_SECD or WF_AURP, for either role.
pub fn authenticating(state: &str, caller: bool) -> Session {
    let settings = Settings {
        authentication: true,
        ..settings()
    };
    let mut session = if caller {
        let mut session = Session::initiator(settings.clone(), identity(OURS), NOW);
        feed(&mut session, &Command::Ssrm(Ssrm));
        feed(&mut session, &Command::Ssid(ssid(&settings)));
        session
    } else {
        let mut session = Session::responder_after_ssrm(settings.clone(), NOW);
        feed(&mut session, &Command::Ssid(ssid(&settings)));
        ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
        session
    };
    // Each side goes through all three states, the caller from WF_AUCH on.
    for _ in 0..3 {
        if session.state_name() == state {
            break;
        }
        match session.state_name() {
            "WF_AUCH" => {
                let challenge = challenge().sealed;
                feed(&mut session, &Command::Auch(Auch { challenge }));
                let response = Request::ChallengeResponse(Ok([9; 20]));
                ask(&mut session, response);
            }
            "WF_SECD" => {
                feed(&mut session, &Command::Secd);
                ask(&mut session, Request::Challenge(Ok(challenge())));
            }
            _ => {
                let response = challenge().secret;
                feed(&mut session, &Command::Aurp(Aurp { response }));
            }
        }
    }
    assert_eq!(session.state_name(), state);
    quiet(&mut session);
    session
}

/// An initiator in IDLESP.
pub fn speaker(settings: &Settings) -> Session {
    let mut session = Session::initiator(settings.clone(), identity(OURS), NOW);
    feed(&mut session, &Command::Ssrm(Ssrm));
    let mode = match settings.mode {
        Mode::Send => Mode::Receive,
        Mode::Receive => Mode::Send,
        Mode::Both => Mode::Both,
    };
    feed(
        &mut session,
        &Command::Ssid(Ssid {
            mode,
            ..ssid(settings)
        }),
    );
    assert_eq!(session.state_name(), "IDLESP");
    quiet(&mut session);
    session
}

/// A responder in IDLELI.
pub fn listener(settings: &Settings) -> Session {
    let mut session = Session::responder_after_ssrm(settings.clone(), NOW);
    let mode = match settings.mode {
        Mode::Send => Mode::Receive,
        Mode::Receive => Mode::Send,
        Mode::Both => Mode::Both,
    };
    feed(
        &mut session,
        &Command::Ssid(Ssid {
            mode,
            ..ssid(settings)
        }),
    );
    ask(&mut session, Request::ConnectResponse(Ok(identity(OURS))));
    assert_eq!(session.state_name(), "IDLELI");
    quiet(&mut session);
    session
}

/// A speaker whose offer was accepted at 0: OPO.
pub fn sending(settings: &Settings) -> Session {
    sending_of(settings, sfid("FILE", 0), 0)
}

/// A speaker whose offer of this file was accepted at this position: OPO.
pub fn sending_of(settings: &Settings, file: Sfid, answer: u64) -> Session {
    let mut session = speaker(settings);
    ask(&mut session, Request::StartFile(file));
    feed(&mut session, &Command::Sfpa(Sfpa { answer }));
    assert_eq!(session.state_name(), "OPO");
    quiet(&mut session);
    session
}

/// A listener that accepted an offer at 0: OPI.
pub fn receiving(settings: &Settings) -> Session {
    receiving_of(settings, sfid("FILE", 0), Position::START)
}

/// A listener that accepted an offer of this file at this position: OPI.
pub fn receiving_of(settings: &Settings, file: Sfid, position: Position) -> Session {
    let mut session = listener(settings);
    feed(&mut session, &Command::Sfid(file));
    ask(&mut session, Request::StartFileResponse(Ok(position)));
    assert_eq!(session.state_name(), "OPI");
    quiet(&mut session);
    session
}

/// A listener that took a file of three octets and has to answer: CLIP.
pub fn closing(settings: &Settings) -> Session {
    let mut session = receiving(settings);
    feed(&mut session, &Command::Data(&databuf(b"abc", true)));
    session.take_received(&mut Received::default(), NOW);
    feed(
        &mut session,
        &Command::Efid(Efid {
            records: 0,
            octets: 3,
        }),
    );
    assert_eq!(session.state_name(), "CLIP");
    quiet(&mut session);
    session
}

/// A listener that asked for the turn: WF_CD.
pub fn awaiting_turn(settings: &Settings) -> Session {
    let mut session = closing(settings);
    ask(
        &mut session,
        Request::CloseFileResponse(Ok((Durable::synced(3), true))),
    );
    assert_eq!(session.state_name(), "WF_CD");
    quiet(&mut session);
    session
}
