//! One command of each kind with a different value in every field, to see where each goes.

use oftp::{
    Auch, Aurp, Code, Command, Eerp, Efid, Efna, Efpa, EndReason, Esid, FileReason, Format, Level,
    Mode, Nerp, ReceiptReason, Security, Sfid, Sfna, Sfpa, Ssid, Ssrm, Stamp,
};

/// The originator of the file.
pub(crate) const A: &str = "O0013TESTORGA      SUB1  ";
/// Its final recipient.
pub(crate) const B: &str = "O0013TESTORGB      SUB2  ";
/// A station between them.
pub(crate) const C: &str = "O0013TESTORGC      SUB3  ";

/// The exchange buffer of a command.
pub(crate) fn oeb(command: &Command<'_>, level: Level) -> Vec<u8> {
    let mut framed = Vec::new();
    command.encode(level, &mut framed).unwrap();
    framed.split_off(4)
}

/// The octets of a field, as text.
pub(crate) fn field(oeb: &[u8], offset: usize, width: usize) -> &str {
    std::str::from_utf8(&oeb[offset..offset + width]).unwrap()
}

pub(crate) fn stamp(level: Level) -> Stamp {
    let counter = if level.has_short_stamp() { 0 } else { 42 };
    format!("20240131235958{counter:04}").parse().unwrap()
}

pub(crate) fn ssid(level: Level) -> Ssid {
    Ssid {
        level,
        code: A.parse().unwrap(),
        password: "SECRET".parse().unwrap(),
        buffer: 4096,
        mode: Mode::Both,
        compression: true,
        restart: false,
        special_logic: false,
        credit: 7,
        authentication: level.has_authentication(),
        user: "USER".parse().unwrap(),
    }
}

pub(crate) fn sfid(level: Level) -> Sfid {
    let plain = Sfid {
        dataset: "TEST.FILE".parse().unwrap(),
        stamp: stamp(level),
        user: "USER".parse().unwrap(),
        destination: B.parse().unwrap(),
        origin: A.parse().unwrap(),
        format: Format::Variable,
        record_length: 80,
        size_blocks: 9,
        original_blocks: 9,
        restart: 4,
        security: Security::None,
        cipher: 0,
        compression: false,
        envelope: false,
        signed_receipt: false,
        description: String::new(),
    };
    if !level.has_file_services() {
        return plain;
    }
    Sfid {
        original_blocks: 11,
        security: Security::EncryptedAndSigned,
        cipher: 2,
        compression: true,
        envelope: true,
        signed_receipt: true,
        description: "Grüße".to_owned(),
        ..plain
    }
}

pub(crate) fn eerp(level: Level) -> Eerp {
    let proof = level.has_file_services();
    Eerp {
        dataset: "TEST.FILE".parse().unwrap(),
        stamp: stamp(level),
        user: "USER".parse().unwrap(),
        destination: A.parse().unwrap(),
        origin: B.parse().unwrap(),
        hash: if proof { vec![0xAA; 3] } else { Vec::new() },
        signature: if proof { vec![0xBB; 258] } else { Vec::new() },
    }
}

pub(crate) fn nerp(level: Level) -> Nerp {
    let proof = level.has_file_services();
    Nerp {
        dataset: "TEST.FILE".parse().unwrap(),
        stamp: stamp(level),
        destination: A.parse().unwrap(),
        origin: B.parse().unwrap(),
        creator: C.parse().unwrap(),
        reason: ReceiptReason::PROCESSING_FAILED,
        text: if proof {
            "späte".to_owned()
        } else {
            String::new()
        },
        hash: if proof { vec![0xAA; 3] } else { Vec::new() },
        signature: if proof { vec![0xBB; 258] } else { Vec::new() },
    }
}

/// A reason text of six octets and five characters, where the level has texts.
pub(crate) fn text(level: Level) -> String {
    if level.has_texts() { "späte" } else { "" }.to_owned()
}

/// One command of each kind that the level has.
pub(crate) fn all(level: Level) -> Vec<Command<'static>> {
    Code::ALL
        .into_iter()
        .filter(|code| code.exists_at(level))
        .map(|code| one(code, level))
        .collect()
}

pub(crate) fn one(code: Code, level: Level) -> Command<'static> {
    let text = text(level);
    match code {
        Code::Ssrm => Command::Ssrm(Ssrm),
        Code::Ssid => Command::Ssid(ssid(level)),
        Code::Secd => Command::Secd,
        Code::Auch => Command::Auch(Auch {
            challenge: vec![0xCC; 258],
        }),
        Code::Aurp => Command::Aurp(Aurp {
            response: [0xDD; 20],
        }),
        Code::Sfid => Command::Sfid(sfid(level)),
        Code::Sfpa => Command::Sfpa(Sfpa { answer: 3 }),
        Code::Sfna => Command::Sfna(Sfna {
            reason: FileReason::DUPLICATE,
            retry: false,
            text,
        }),
        Code::Data => Command::Data(b"\x83abc"),
        Code::Cdt => Command::Cdt,
        Code::Efid => Command::Efid(Efid {
            records: 5,
            octets: 8546,
        }),
        Code::Efpa => Command::Efpa(Efpa {
            change_direction: true,
        }),
        Code::Efna => Command::Efna(Efna {
            reason: FileReason::INVALID_BYTE_COUNT,
            text,
        }),
        Code::Esid => Command::Esid(Esid {
            reason: EndReason::PROTOCOL_VIOLATION,
            text,
        }),
        Code::Cd => Command::Cd,
        Code::Eerp => Command::Eerp(eerp(level)),
        Code::Nerp => Command::Nerp(nerp(level)),
        Code::Rtr => Command::Rtr,
    }
}
