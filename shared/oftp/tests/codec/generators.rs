//! Commands of every kind and level for the property tests.

use oftp::{
    Auch, Aurp, Command, DatasetName, Eerp, Efid, Efna, Efpa, EncodeError, EndReason, Esid,
    FileReason, Format, Level, Mode, Nerp, OdetteId, ReceiptReason, Security, Sfid, Sfna, Sfpa,
    Ssid, Ssrm, Stamp, UserField,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::FileFailurePersistence;

/// The level a command is made for, and what its fields may hold.
pub(crate) type Form = (Level, Content);

pub(crate) fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    }
}

/// What the fields hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Only what RFC 5024 has.
    Standard,
    /// Whatever the types can hold.
    Any,
}

fn code(content: Content) -> impl Strategy<Value = OdetteId> {
    let shape = match content {
        Content::Standard => "[0-9A-Z/.&() -]{0,24}[0-9A-Z/.&()-]",
        Content::Any => "[ -~]{0,24}[!-~]",
    };
    shape.prop_filter_map("no code", |text| text.parse().ok())
}

fn dataset(content: Content) -> impl Strategy<Value = DatasetName> {
    let shape = match content {
        Content::Standard => "[0-9A-Z/.&()-]{1,26}",
        Content::Any => "[ -~]{0,25}[!-~]",
    };
    shape.prop_filter_map("no name", |text| text.parse().ok())
}

fn user(content: Content) -> impl Strategy<Value = UserField> {
    let shape = match content {
        Content::Standard => "[0-9A-Z/.&()-]{0,8}",
        Content::Any => "([ -~]{0,7}[!-~])?",
    };
    shape.prop_filter_map("no user data", |text| text.parse().ok())
}

/// Stamps that the level can bring: levels 1 and 2 have neither century nor counter.
fn stamp((level, content): Form) -> BoxedStrategy<Stamp> {
    let short = level < Level::L4;
    if content == Content::Any {
        let digits = if short {
            "(19[7-9][0-9]|20[0-6][0-9])[0-9]{10}0000"
        } else {
            "[0-9]{18}"
        };
        return digits
            .prop_filter_map("no stamp", |text: String| text.parse().ok())
            .boxed();
    }
    let years = if short { 1970..=2069_u16 } else { 0..=9999 };
    let day = (years, 1..=12_u8, 1..=28_u8);
    let time = (0..=23_u8, 0..=59_u8, 0..=60_u8);
    (day, time, 1..=9999_u16)
        .prop_filter_map("no stamp", move |(day, time, counter)| {
            let mut stamp = Stamp::new(day, time, counter).ok()?;
            if short {
                let [whole @ .., _, _, _, _] = stamp.time;
                stamp.time = format!("{}0000", String::from_utf8_lossy(&whole))
                    .as_bytes()
                    .try_into()
                    .ok()?;
            }
            Some(stamp)
        })
        .boxed()
}

/// Texts of up to 999 octets, which only level 5 has.
fn text(level: Level) -> BoxedStrategy<String> {
    if level < Level::L5 {
        return Just(String::new()).boxed();
    }
    let any_text = vec(any::<char>(), 0..=249).prop_map(String::from_iter);
    prop_oneof![any_text, "[a-z]{0,12}", "[a-z]{999}"].boxed()
}

/// Hash, signature or challenge, which only level 5 has.
fn binary(level: Level) -> BoxedStrategy<Vec<u8>> {
    if level < Level::L5 {
        return Just(Vec::new()).boxed();
    }
    vec(any::<u8>(), 0..=300).boxed()
}

/// Hash and signature; standard receipts have both or none.
fn proof((level, content): Form) -> BoxedStrategy<(Vec<u8>, Vec<u8>)> {
    (binary(level), binary(level))
        .prop_map(move |(hash, signature)| {
            if content == Content::Standard && signature.is_empty() {
                (Vec::new(), signature)
            } else {
                (hash, signature)
            }
        })
        .boxed()
}

fn number(digits: u32) -> impl Strategy<Value = u64> {
    let most = 10_u64.pow(digits) - 1;
    prop_oneof![Just(0), Just(most), 0..=most]
}

fn ssid(content: Content) -> impl Strategy<Value = Command<'static>> {
    let names = (
        select(Level::ALL.to_vec()),
        code(content),
        "([ -~]{0,7}[!-~])?",
        user(content),
    );
    let modes = select(vec![Mode::Send, Mode::Receive, Mode::Both]);
    let numbers = (128..=99_999_u32, 1..=999_u16);
    let flags = any::<[bool; 4]>();
    (names, modes, numbers, flags).prop_filter_map(
        "no password",
        |(names, mode, numbers, flags)| {
            let (level, code, password, user) = names;
            let [compression, restart, special_logic, authentication] = flags;
            Some(Command::Ssid(Ssid {
                level,
                code,
                password: password.parse().ok()?,
                buffer: numbers.0,
                mode,
                compression,
                restart,
                special_logic,
                credit: numbers.1,
                authentication: authentication && level == Level::L5,
                user,
            }))
        },
    )
}

/// What an SFID of any level holds.
fn plain_sfid(form: Form) -> impl Strategy<Value = Sfid> {
    let (level, content) = form;
    let names = (
        dataset(content),
        stamp(form),
        user(content),
        code(content),
        code(content),
    );
    let formats = select(vec![
        Format::Fixed,
        Format::Variable,
        Format::Unstructured,
        Format::Text,
    ]);
    let old = level < Level::L5;
    let numbers = (
        0..=99_999_u32,
        number(if old { 7 } else { 13 }),
        number(if old { 9 } else { 17 }),
    );
    (names, formats, numbers).prop_map(|(names, format, numbers)| {
        let (dataset, stamp, user, destination, origin) = names;
        let (record_length, size_blocks, restart) = numbers;
        Sfid {
            dataset,
            stamp,
            user,
            destination,
            origin,
            format,
            record_length: if format.has_records() {
                record_length
            } else {
                0
            },
            size_blocks,
            original_blocks: size_blocks,
            restart,
            security: Security::None,
            cipher: 0,
            compression: false,
            envelope: false,
            signed_receipt: false,
            description: String::new(),
        }
    })
}

fn sfid(form: Form) -> BoxedStrategy<Command<'static>> {
    let (level, _) = form;
    if level < Level::L5 {
        return plain_sfid(form).prop_map(Command::Sfid).boxed();
    }
    let security = select(vec![
        Security::None,
        Security::Encrypted,
        Security::Signed,
        Security::EncryptedAndSigned,
    ]);
    let services = (number(13), security, 0..=99_u8, any::<[bool; 3]>());
    (plain_sfid(form), services, text(level))
        .prop_map(|(plain, services, description)| {
            let (original_blocks, security, cipher, flags) = services;
            let [compression, envelope, signed_receipt] = flags;
            Command::Sfid(Sfid {
                original_blocks,
                security,
                cipher,
                compression,
                envelope,
                signed_receipt,
                description,
                ..plain
            })
        })
        .boxed()
}

fn eerp(form: Form) -> impl Strategy<Value = Command<'static>> {
    let (_, content) = form;
    let names = (
        dataset(content),
        stamp(form),
        user(content),
        code(content),
        code(content),
    );
    (names, proof(form)).prop_map(|(names, (hash, signature))| {
        let (dataset, stamp, user, destination, origin) = names;
        Command::Eerp(Eerp {
            dataset,
            stamp,
            user,
            destination,
            origin,
            hash,
            signature,
        })
    })
}

fn nerp(form: Form) -> impl Strategy<Value = Command<'static>> {
    let (level, content) = form;
    let names = (
        dataset(content),
        stamp(form),
        code(content),
        code(content),
        code(content),
    );
    let why = (0..=99_u8, text(level));
    (names, why, proof(form)).prop_map(|(names, why, (hash, signature))| {
        let (dataset, stamp, destination, origin, creator) = names;
        let (reason, text) = why;
        Command::Nerp(Nerp {
            dataset,
            stamp,
            destination,
            origin,
            creator,
            reason: ReceiptReason(reason),
            text,
            hash,
            signature,
        })
    })
}

fn answers(level: Level) -> BoxedStrategy<Command<'static>> {
    let (wide, octets) = if level < Level::L5 { (9, 12) } else { (17, 17) };
    let refusal = || (0..=99_u8, text(level));
    prop_oneof![
        number(wide).prop_map(|answer| Command::Sfpa(Sfpa { answer })),
        (refusal(), any::<bool>()).prop_map(|((reason, text), retry)| {
            let reason = FileReason(reason);
            Command::Sfna(Sfna {
                reason,
                retry,
                text,
            })
        }),
        (number(wide), number(octets))
            .prop_map(|(records, octets)| Command::Efid(Efid { records, octets })),
        any::<bool>().prop_map(|change_direction| Command::Efpa(Efpa { change_direction })),
        refusal().prop_map(|(reason, text)| {
            let reason = FileReason(reason);
            Command::Efna(Efna { reason, text })
        }),
        refusal().prop_map(|(reason, text)| {
            let reason = EndReason(reason);
            Command::Esid(Esid { reason, text })
        }),
    ]
    .boxed()
}

/// Every command that the level has, but DATA, which takes any octets.
pub(crate) fn command(form: Form) -> BoxedStrategy<Command<'static>> {
    let (level, content) = form;
    let bare = select(vec![
        Command::Ssrm(Ssrm),
        Command::Cdt,
        Command::Cd,
        Command::Rtr,
    ]);
    let everywhere = prop_oneof![
        2 => bare, 2 => ssid(content), 3 => sfid(form), 6 => answers(level), 2 => eerp(form)
    ];
    if level < Level::L4 {
        return everywhere.boxed();
    }
    if level < Level::L5 {
        return prop_oneof![15 => everywhere, 2 => nerp(form)].boxed();
    }
    let authentication = prop_oneof![
        Just(Command::Secd),
        binary(level).prop_map(|challenge| Command::Auch(Auch { challenge })),
        any::<[u8; 20]>().prop_map(|response| Command::Aurp(Aurp { response })),
    ];
    prop_oneof![15 => everywhere, 2 => nerp(form), 2 => authentication].boxed()
}

pub(crate) fn level_and_command(
    content: Content,
) -> impl Strategy<Value = (Level, Command<'static>)> {
    select(Level::ALL.to_vec()).prop_flat_map(move |level| (Just(level), command((level, content))))
}

/// The frame of a command.
pub(crate) fn encoded(command: &Command<'_>, level: Level) -> Result<Vec<u8>, EncodeError> {
    let mut framed = Vec::new();
    command.encode(level, &mut framed)?;
    Ok(framed)
}
