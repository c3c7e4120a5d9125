//! `evidence`: a folder with everything that proves a transfer.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::args::EvidenceArgs;
use super::super::client::CtlError;
use super::super::octets::reveal;
use super::super::protocol::{Answer, Command, Hidden, TransferBody};
use super::super::render::{self, Piece};
use super::Ctl;
use super::keys::write_new;

impl Ctl<'_> {
    pub(super) fn evidence(&mut self, args: &EvidenceArgs) -> Result<(), CtlError> {
        let body = TransferBody {
            id: args.id.clone(),
        };
        let evidence = match self.client.ask(&Command::Evidence(body))? {
            Answer::Evidence(evidence) => evidence,
            other => return Err(self.client.unexpected(&other)),
        };
        let to = &args.to;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(to)
            .map_err(|error| told(to, "made", &error))?;
        let mut pieces = Vec::new();
        for (name, source) in [("secured", &evidence.secured), ("clear", &evidence.clear)] {
            if let Some(source) = source {
                let piece = copy(Path::new(source), &to.join(name), name)?;
                pieces.push(piece);
            }
        }
        let signature = evidence.receipt.as_ref();
        let signature = signature.map(|receipt| Hidden::new(receipt.signature.clone()));
        if let Some(signature) = signature.as_ref().and_then(reveal)
            && !signature.is_empty()
        {
            pieces.push(put(to, "receipt.p7s".to_owned(), &signature)?);
        }
        for (number, one) in (1..).zip(&evidence.certificates) {
            let name = format!("certificate-{number}-{}.pem", one.what);
            pieces.push(put(to, name, one.pem.as_bytes())?);
        }
        let report = render::report(&evidence, &pieces, Timestamp::now());
        write_new(&to.join("report.txt"), report.as_bytes(), 0o600)?;
        let names: Vec<_> = pieces.iter().map(|piece| piece.name.as_str()).collect();
        self.print(&format!(
            "{}: report.txt{}{}\n",
            to.display(),
            if names.is_empty() { "" } else { ", " },
            names.join(", ")
        ))
    }
}

fn put(folder: &Path, name: String, octets: &[u8]) -> Result<Piece, CtlError> {
    write_new(&folder.join(&name), octets, 0o600)?;
    Ok(Piece {
        name,
        octets: octets.len() as u64,
        sha256: hexadecimal(&Sha256::digest(octets)),
    })
}

/// Copies a file of the store, which is on this host and of this account.
fn copy(source: &Path, target: &Path, name: &str) -> Result<Piece, CtlError> {
    let mut from = File::open(source).map_err(|error| told(source, "read", &error))?;
    let mut to = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(target)
        .map_err(|error| told(target, "written", &error))?;
    let mut hash = Sha256::new();
    let mut octets = 0;
    let mut room = vec![0; 256 * 1024];
    let copied = loop {
        match from.read(&mut room) {
            Ok(0) => break to.sync_all(),
            Ok(count) => {
                let part = room.get(..count).unwrap_or_default();
                hash.update(part);
                octets += part.len() as u64;
                if let Err(error) = to.write_all(part) {
                    break Err(error);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error),
        }
    };
    copied.map_err(|error| {
        // Half a file proves nothing.
        let _ = fs::remove_file(target);
        told(target, "written", &error)
    })?;
    Ok(Piece {
        name: name.to_owned(),
        octets,
        sha256: hexadecimal(&hash.finalize()),
    })
}

fn told(path: &Path, what: &str, error: &io::Error) -> CtlError {
    let hint = match error.kind() {
        io::ErrorKind::AlreadyExists => "; name a folder that is empty, or a new one",
        io::ErrorKind::PermissionDenied => "; run the command as the account proxy-inner runs as",
        _ => "",
    };
    CtlError::Here(format!(
        "{}: cannot be {what}: {error}{hint}",
        path.display()
    ))
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}
