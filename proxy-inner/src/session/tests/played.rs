//! The partner's end of a stream, played step by step; it may break any rule.

use oftp::{
    Command, FileReason, Format, HEADER_LEN, Level, Mode, Security, Sfid, Ssid, decode_header,
    pack_unstructured,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::super::*;
use super::world::{OURS, Side, THEIRS, code, password};

/// The partner's end of a stream.
pub(super) struct Script(pub(super) DuplexStream, &'static str);

impl Script {
    /// The partner `THEM`.
    pub(super) fn new(stream: DuplexStream) -> Self {
        Self(stream, THEIRS)
    }
}

impl Script {
    pub(super) async fn say(&mut self, command: Command<'_>) {
        let mut frame = Vec::new();
        command.encode(Level::L5, &mut frame).unwrap();
        self.0.write_all(&frame).await.unwrap();
    }

    /// Octets as they are.
    pub(super) async fn raw(&mut self, octets: &[u8]) {
        self.0.write_all(octets).await.unwrap();
    }

    pub(super) async fn data(&mut self, file: &[u8]) {
        let mut frame = Vec::new();
        let taken = pack_unstructured(file, 4_096, true, &mut frame);
        assert_eq!(taken, file.len(), "the script's files fit one buffer");
        self.0.write_all(&frame).await.unwrap();
    }

    /// The next command, as its exchange buffer.
    pub(super) async fn hear(&mut self) -> Vec<u8> {
        let mut header = [0; HEADER_LEN];
        self.0.read_exact(&mut header).await.unwrap();
        let mut oeb = vec![0; decode_header(header).unwrap()];
        self.0.read_exact(&mut oeb).await.unwrap();
        oeb
    }

    /// SSRM, SSID there and back.
    pub(super) async fn open(&mut self) {
        self.open_as(ssid(self.1)).await;
    }

    /// The same, by a partner whose transfers may resume in the middle.
    pub(super) async fn open_with_restart(&mut self) {
        self.open_as(Ssid {
            restart: true,
            ..ssid(self.1)
        })
        .await;
    }

    pub(super) async fn open_as(&mut self, ssid: Ssid) {
        self.hear().await;
        self.say(Command::Ssid(ssid)).await;
        let answer = self.hear().await;
        assert!(matches!(decoded(&answer), Command::Ssid(_)), "{answer:?}");
    }

    pub(super) async fn offer(&mut self, sfid: &Sfid) -> Vec<u8> {
        self.say(Command::Sfid(sfid.clone())).await;
        self.hear().await
    }
}

pub(super) fn decoded(oeb: &[u8]) -> Command<'_> {
    Command::decode(oeb, Level::L5).unwrap()
}

pub(crate) fn ssid(name: &str) -> Ssid {
    Ssid {
        level: Level::L5,
        code: code(name),
        password: password(name),
        buffer: 4_096,
        mode: Mode::Both,
        compression: false,
        restart: false,
        special_logic: false,
        credit: 7,
        authentication: false,
        user: oftp::UserField::default(),
    }
}

pub(super) fn sfid() -> Sfid {
    Sfid {
        dataset: "ORDERS".parse().unwrap(),
        stamp: "202611210800000001".parse().unwrap(),
        user: oftp::UserField::default(),
        destination: code(OURS),
        origin: code(THEIRS),
        format: Format::Unstructured,
        record_length: 0,
        size_blocks: 1,
        original_blocks: 1,
        restart: 0,
        security: Security::None,
        cipher: 0,
        compression: false,
        envelope: false,
        signed_receipt: false,
        description: String::new(),
    }
}

/// Our side answers, the script runs; its report.
pub(super) async fn play(us: &Side, script: impl AsyncFnOnce(&mut Script)) -> Report {
    play_as(THEIRS, us, script).await
}

/// The same, with the script in another partner's part.
pub(super) async fn play_as(
    name: &'static str,
    us: &Side,
    script: impl AsyncFnOnce(&mut Script),
) -> Report {
    let (ours, theirs) = duplex(64 * 1024);
    let mut partner = Script(theirs, name);
    let played = async {
        script(&mut partner).await;
        drop(partner);
    };
    tokio::join!(us.answer(ours), played).0.unwrap()
}

pub(super) fn refused(oeb: &[u8]) -> (FileReason, bool) {
    match decoded(oeb) {
        Command::Sfna(sfna) => (sfna.reason, sfna.retry),
        other => panic!("SFNA expected, {other:?} came"),
    }
}
