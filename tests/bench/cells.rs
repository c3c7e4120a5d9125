//! One measurement: a path set up, a file sent over it, what each process used.

use std::path::PathBuf;
use std::time::Duration;

use support::binaries::Binaries;
use support::pki::Certificate;
use support::{World, directory};

use crate::role::Box;
use crate::sink::FORGET;
use crate::{Process, Sample};

/// A path that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cell {
    Product,
    Quinn,
    TlsDisk,
    Tls,
}

impl Cell {
    pub(crate) const ALL: [Cell; 4] = [Cell::Product, Cell::Quinn, Cell::TlsDisk, Cell::Tls];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Cell::Product => "product",
            Cell::Quinn => "quinn",
            Cell::TlsDisk => "tls-disk",
            Cell::Tls => "tls",
        }
    }
}

/// Both halves running, and what the other paths need.
pub(crate) struct Stage {
    world: World,
    certificate: PathBuf,
    key: PathBuf,
    file: PathBuf,
    mib: u64,
}

impl Stage {
    pub(crate) fn new(mib: u64) -> Stage {
        let world = World::with(|setup| setup.binaries = Binaries::release().clone());
        let (certificate, key) = Certificate::new("bench").write(world.folder(), "bench");
        let file = world.folder().join("bench.out");
        Stage {
            world,
            certificate,
            key,
            file,
            mib,
        }
    }

    /// Sends the file once over this path.
    pub(crate) fn run(&self, cell: Cell) -> Sample {
        let sample = match cell {
            Cell::Product => self.product(),
            Cell::Quinn => self.quinn(),
            Cell::TlsDisk => self.tls(&self.file.to_string_lossy()),
            Cell::Tls => self.tls(FORGET),
        };
        drop(std::fs::remove_file(&self.file));
        sample
    }

    fn product(&self) -> Sample {
        let (dmz, inner) = (&self.world.dmz, &self.world.inner.half);
        dmz.forget_peak();
        inner.forget_peak();
        let before = (dmz.usage(), inner.usage());
        let certificate = self.world.folder().join("inner/tls.pem");
        let address = self.world.public().to_string();
        let (elapsed, client) = self.send("oftp-client", &address, &certificate.to_string_lossy());
        let after = (dmz.usage(), inner.usage());
        for file in self.world.inner.delivered(directory::PARTNER) {
            drop(std::fs::remove_file(file.path));
        }
        let process = |name, before: support::process::Usage, after: support::process::Usage| {
            let processor = after.processor.saturating_sub(before.processor);
            Process {
                name,
                processor,
                peak_kib: after.peak_kib,
            }
        };
        let halves = vec![
            client,
            process("dmz", before.0, after.0),
            process("inner", before.1, after.1),
        ];
        Sample {
            elapsed,
            processes: halves,
        }
    }

    fn quinn(&self) -> Sample {
        let (certificate, key) = (
            self.certificate.to_string_lossy(),
            self.key.to_string_lossy(),
        );
        let mut relay = Box::start("relay", &["quic-relay", &certificate, &key]);
        let link = relay.address().to_string();
        let file = self.file.to_string_lossy();
        let mut sink = Box::start("sink", &["quic-sink", &link, &certificate, &file]);
        sink.line();
        let address = relay.address().to_string();
        let (elapsed, client) = self.send("tls-client", &address, &certificate);
        Sample {
            elapsed,
            processes: vec![client, relay.usage(), sink.usage()],
        }
    }

    fn tls(&self, file: &str) -> Sample {
        let (certificate, key) = (
            self.certificate.to_string_lossy(),
            self.key.to_string_lossy(),
        );
        let mut sink = Box::start("sink", &["tls-sink", &certificate, &key, file]);
        let address = sink.address().to_string();
        let (elapsed, client) = self.send("tls-client", &address, &certificate);
        Sample {
            elapsed,
            processes: vec![client, sink.usage()],
        }
    }

    /// A client that sends the file; how long it took and what the client used.
    fn send(&self, role: &str, address: &str, certificate: &str) -> (Duration, Process) {
        let mib = self.mib.to_string();
        let mut client = Box::start("client", &[role, address, certificate, &mib]);
        let micros: u64 = client.line().parse().expect("a number of microseconds");
        (Duration::from_micros(micros), client.usage())
    }
}
