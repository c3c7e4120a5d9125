//! Two sides with stores of their own, and the DMZ half's part played over an in-memory stream.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use oftp::{Command, HEADER_LEN, Level, Ssrm};
use store::{
    Direction, Filter, NewOutbound, Partner, Station, StoreOptions, Transfer, TransferId, Transport,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::super::answers::{self, Caller, Party};
use super::super::*;

/// One side: a station, one partner, a store in a folder of its own.
pub(crate) struct Side {
    pub(crate) context: SessionContext,
    pub(crate) folder: TempDir,
    name: &'static str,
    other: &'static str,
}

pub(crate) const OURS: &str = "US";
pub(crate) const THEIRS: &str = "THEM";

impl Side {
    pub(crate) fn new(name: &'static str, other: &'static str) -> Self {
        Self::opened(name, other, tempfile::tempdir().unwrap(), 0)
    }

    pub(crate) fn opened(
        name: &'static str,
        other: &'static str,
        folder: TempDir,
        reserve: u64,
    ) -> Self {
        let options = StoreOptions {
            reserve,
            ..StoreOptions::default()
        };
        let store = Store::open(folder.path(), options).unwrap();
        let station = Station {
            name: name.into(),
            code: code(name),
        };
        store.put_station(station).unwrap();
        store.put_partner(partner(name, other)).unwrap();
        let settings = SessionSettings::default();
        let context = SessionContext::new(store, settings, Shutdown::new());
        Self {
            context,
            folder,
            name,
            other,
        }
    }

    /// Closes the store and opens it again.
    pub(crate) fn reopen(self, reserve: u64) -> Self {
        let Self {
            context,
            folder,
            name,
            other,
        } = self;
        drop(context);
        Self::opened(name, other, folder, reserve)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.context.store
    }

    /// The name of its station.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Secures and opens everything that waits for it.
    pub(crate) fn work_off(&self) {
        let security = &self.context.security;
        security.work_off(&self.context.shutdown).unwrap();
    }

    /// One more partner; [`Side::other`] stays the one that is meant where none is named.
    pub(crate) fn add_partner(&self, other: &str) {
        self.store().put_partner(partner(self.name, other)).unwrap();
    }

    pub(crate) fn change_partner(&self, change: impl FnOnce(&mut Partner)) {
        self.change(self.other, change);
    }

    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Partner)) {
        let mut partner = self.store().partner(name).unwrap().unwrap();
        change(&mut partner);
        self.store().put_partner(partner).unwrap();
    }

    pub(crate) fn party(&self) -> Party {
        self.party_with(self.other)
    }

    pub(crate) fn party_with(&self, other: &str) -> Party {
        Party {
            partner: self.store().partner(other).unwrap().unwrap(),
            station: self.store().station(self.name).unwrap().unwrap(),
        }
    }

    pub(crate) fn queue(&self, name: &str, content: &[u8]) -> TransferId {
        self.queue_as(name, content, |_| {})
    }

    /// Queues a file that differs from a plain one of format U.
    pub(crate) fn queue_as(
        &self,
        name: &str,
        content: &[u8],
        change: impl FnOnce(&mut NewOutbound),
    ) -> TransferId {
        let mut new = NewOutbound::new(self.other, name);
        change(&mut new);
        let mut intake = self.store().begin_outbound(new, Timestamp::now()).unwrap();
        intake.write(content).unwrap();
        intake.finish(Timestamp::now()).unwrap()
    }

    pub(crate) fn transfer(&self, id: TransferId) -> Transfer {
        self.store().transfer(id).unwrap().unwrap().0
    }

    pub(crate) fn received(&self) -> Vec<Transfer> {
        let direction = Some(Direction::In);
        self.store()
            .transfers(Filter {
                direction,
                ..Filter::default()
            })
            .unwrap()
    }

    pub(crate) fn sent(&self) -> Vec<Transfer> {
        let direction = Some(Direction::Out);
        self.store()
            .transfers(Filter {
                direction,
                ..Filter::default()
            })
            .unwrap()
    }

    /// The contents of the files in the inbox, by name; metadata files are left out.
    pub(crate) fn inbox(&self) -> Vec<Vec<u8>> {
        let folder = self.folder.path().join("inbox").join(self.other);
        if !folder.exists() {
            return Vec::new();
        }
        let mut paths = files(&folder);
        paths.retain(|path| !path.to_string_lossy().ends_with(".meta.json"));
        paths.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// The session of an arrived partner, with the DMZ half's part: SSRM, and the first SSID.
    pub(crate) async fn answer(&self, mut stream: DuplexStream) -> Option<Report> {
        let mut ssrm = Vec::new();
        Command::Ssrm(Ssrm).encode(Level::L5, &mut ssrm).unwrap();
        stream.write_all(&ssrm).await.unwrap();
        let mut first = [0; HEADER_LEN + 61];
        stream.read_exact(&mut first).await.unwrap();
        let ssid = first[HEADER_LEN..].to_vec();
        let caller = caller();
        let verdict = answers::judge(&self.context, &caller, &ssid).await?;
        Some(
            serve(
                &self.context,
                Arrival {
                    caller,
                    ssid,
                    verdict,
                },
                stream,
            )
            .await,
        )
    }

    /// The session with a partner that we called.
    pub(crate) async fn call(&self, stream: DuplexStream) -> Report {
        self.call_partner(self.other, stream).await
    }

    pub(crate) async fn call_partner(&self, other: &str, stream: DuplexStream) -> Report {
        let departure = Departure {
            circuit: CircuitId(1),
            peer: None,
            party: self.party_with(other),
        };
        call(&self.context, departure, stream).await
    }
}

/// Our side calls theirs; both reports.
pub(crate) async fn meet(us: &Side, them: &Side) -> (Report, Option<Report>) {
    // Small enough that both directions block now and then.
    let (ours, theirs) = duplex(8 * 1024);
    tokio::join!(us.call_partner(them.name, ours), them.answer(theirs))
}

/// The same, for a session that is to end in good order on both sides.
pub(crate) async fn meet_well(us: &Side, them: &Side) -> (Report, Report) {
    let (report, answer) = meet(us, them).await;
    let answer = answer.unwrap();
    assert_eq!(report.ending, Ending::Released, "{answer:?}");
    assert_eq!(answer.ending, Ending::Released, "{report:?}");
    (report, answer)
}

pub(crate) fn two() -> (Side, Side) {
    (Side::new(OURS, THEIRS), Side::new(THEIRS, OURS))
}

pub(crate) fn caller() -> Caller {
    Caller {
        circuit: CircuitId(2),
        peer: SocketAddr::from((Ipv4Addr::LOCALHOST, 40_000)),
        listener: "oftps".into(),
        transport: Transport::Tls,
        asked_for_certificate: false,
        certificate: None,
    }
}

pub(crate) fn code(name: &str) -> oftp::OdetteId {
    format!("O0013TEST{name}").parse().unwrap()
}

/// What `name` says to prove that it is `name`.
pub(crate) fn password(name: &str) -> oftp::Password {
    format!("PW{name}").parse().unwrap()
}

fn partner(name: &str, other: &str) -> Partner {
    Partner {
        password_sent: password(name),
        password_expected: password(other),
        // Small, so that credit and buffers run out in every file.
        buffer: 4_096,
        credit: 7,
        ..Partner::new(other, code(other), name)
    }
}

/// A file of format V as it lies in the spool: each record after its length.
pub(crate) fn records(lengths: impl IntoIterator<Item = usize>) -> Vec<u8> {
    let mut file = Vec::new();
    for length in lengths {
        file.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        file.extend_from_slice(&content(length));
    }
    file
}

/// Octets that are not the same twice in a row.
pub(crate) fn content(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}
