//! `send`: a file's octets on their way to the running process.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::super::args::SendArgs;
use super::super::client::{Client, CtlError};
use super::super::progress::Progress;
use super::super::protocol::{Answer, Command, MOST_CHUNK, SendBody, TransferBody};
use super::{Ctl, as_writer};

impl Ctl<'_> {
    /// Hands the file over, and follows it when asked to.
    pub(super) fn send(&mut self, args: SendArgs) -> Result<(), CtlError> {
        let piped = args.file == Path::new("-");
        let (mut source, original_name, octets): (Box<dyn Read + '_>, String, Option<u64>) =
            if piped {
                (Box::new(&mut *self.console.stdin), "stdin".to_owned(), None)
            } else {
                let (file, octets) = open(&args.file)?;
                let name = args.file.file_name().unwrap_or_default().to_string_lossy();
                (Box::new(file), name.into_owned(), Some(octets))
            };
        let request = Command::Send(SendBody {
            partner: args.partner,
            original_name,
            dataset: args.dsn,
            description: args.description,
            octets,
            user: args.user,
            format: args.format,
            record_length: args.record_length,
            records: args.records,
            destination: args.destination,
            station: args.station,
            security: args.security,
            cipher_suite: args.cipher_suite,
            compress: either(args.compress, args.no_compress),
            signed_receipt: either(args.signed_receipt, args.no_signed_receipt),
        });
        match self.client.ask(&request)? {
            Answer::Proceed => {}
            other => return Err(self.client.unexpected(&other)),
        }
        let mut progress = Progress::new(self.console.progress.as_deref_mut().map(as_writer));
        let uploaded = upload(&mut self.client, &mut *source, octets, &mut progress);
        progress.clear();
        drop(source);
        uploaded.map_err(|error| match error {
            CtlError::Here(why) => CtlError::Here(format!("{}: {why}", args.file.display())),
            other => other,
        })?;
        let id = match self.client.answer()? {
            Answer::Queued(body) => body.id,
            other => return Err(self.client.unexpected(&other)),
        };
        if !args.wait {
            let queued = TransferBody { id };
            return self.show(&args.output, &queued, |queued| format!("{}\n", queued.id));
        }
        if !args.output.json {
            self.print(&format!("{id}\n"))?;
        }
        self.wait(id, &args.patience, &args.output)
    }
}

/// What was said, if anything was.
fn either(yes: bool, no: bool) -> Option<bool> {
    match (yes, no) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        (false, false) => None,
    }
}

/// Sends a file's octets in chunks and the end mark.
fn upload(
    client: &mut Client,
    source: &mut dyn Read,
    total: Option<u64>,
    progress: &mut Progress<'_>,
) -> Result<(), CtlError> {
    let mut buffer = vec![0; MOST_CHUNK];
    let mut done = 0;
    loop {
        let read = match source.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            // Without the end mark the running process forgets what it has so far.
            Err(error) => {
                return Err(CtlError::Here(format!(
                    "cannot be read: {error}; nothing was queued"
                )));
            }
        };
        if let Err(error) = client.chunk(buffer.get(..read).unwrap_or_default()) {
            // It stopped listening because it has said why: that answer is the better error.
            return Err(match client.answer() {
                Err(refused @ CtlError::Refused(_)) => refused,
                _ => client.failed(&error),
            });
        }
        if read == 0 {
            return Ok(());
        }
        done += read as u64;
        progress.octets("uploading", done, total);
    }
}

fn open(path: &Path) -> Result<(File, u64), CtlError> {
    let told = |why: String| CtlError::Here(format!("{}: {why}", path.display()));
    let file = File::open(path).map_err(|error| told(format!("cannot be opened: {error}")))?;
    let facts = file
        .metadata()
        .map_err(|error| told(format!("cannot be read: {error}")))?;
    if !facts.is_file() {
        return Err(told(
            "is no regular file; to send what a program writes, pipe it into \
                         `proxy-inner send -`"
                .to_owned(),
        ));
    }
    Ok((file, facts.len()))
}
