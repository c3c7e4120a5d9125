//! The command line's side of every admin command: ask, show, and say how it ended.

mod certs;
mod evidence;
mod keys;
mod partner;
mod send;

use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::args::{
    ApplyArgs, CallArgs, CertCommand, EvidenceArgs, ExportArgs, KeyCommand, ListArgs, Output,
    PartnerCommand, Patience, ReceiptListArgs, ReceiptsArgs, ReceiptsCommand, RejectArgs, SendArgs,
    StationCommand, TransfersArgs, TransfersCommand,
};
use super::client::{Client, CtlError};
use super::progress::{self, Progress, percent};
use super::protocol::{
    Answer, ApplyBody, CallBody, Command, ExportBody, Hidden, ListBody, MOST_REQUEST, Named,
    ReceiptListBody, RejectBody, TransferBody,
};
use super::render;
use super::view::{PartnerView, StationView, WatchView};

/// Where the command line reads and writes.
pub struct Console<'a> {
    /// For results.
    pub out: &'a mut dyn Write,
    /// For progress, when a person watches.
    pub progress: Option<&'a mut dyn Write>,
    /// For passwords and piped files.
    pub stdin: &'a mut dyn BufRead,
    /// Whether a person can be asked for a password.
    pub terminal: bool,
}

/// A command for the running process.
#[derive(Debug)]
pub enum Order {
    /// `station …`
    Station(StationCommand),
    /// `partner …`
    Partner(PartnerCommand),
    /// `send …`
    Send(SendArgs),
    /// `call …`
    Call(CallArgs),
    /// `transfers …`
    Transfers(TransfersArgs),
    /// `receipts …`
    Receipts(ReceiptsArgs),
    /// `status`
    Status(Output),
    /// `key …`
    Key(KeyCommand),
    /// `evidence …`
    Evidence(EvidenceArgs),
    /// `cert …`
    Cert(CertCommand),
}

/// Carries out an order with the process behind `socket`, on standard input, output and error.
///
/// # Errors
/// A sentence for the operator; see [`CtlError`].
pub fn run(socket: &Path, order: Order) -> Result<(), CtlError> {
    let mut out = io::stdout().lock();
    let mut errors = io::stderr();
    let terminal = File::open("/dev/tty").is_ok();
    let console = Console {
        out: &mut out,
        progress: progress::is_wanted().then_some(&mut errors),
        stdin: &mut io::stdin().lock(),
        terminal,
    };
    run_on(socket, order, console)
}

/// [`run`] on a console of the caller's.
///
/// # Errors
/// As [`run`].
pub fn run_on(socket: &Path, order: Order, console: Console<'_>) -> Result<(), CtlError> {
    let mut ctl = Ctl {
        client: Client::connect(socket)?,
        console,
    };
    match order {
        Order::Station(command) => ctl.station(command),
        Order::Partner(command) => ctl.partner(command),
        Order::Send(args) => ctl.send(args),
        Order::Call(args) => ctl.call(args),
        Order::Transfers(args) => ctl.transfers(args),
        Order::Receipts(args) => ctl.receipts(args),
        Order::Status(output) => ctl.status(&output),
        Order::Key(command) => ctl.key(command),
        Order::Evidence(args) => ctl.evidence(&args),
        Order::Cert(command) => ctl.cert(command),
    }
}

struct Ctl<'a> {
    client: Client,
    console: Console<'a>,
}

impl Ctl<'_> {
    fn station(&mut self, command: StationCommand) -> Result<(), CtlError> {
        match command {
            StationCommand::Add { name, code } => {
                self.change(&Command::StationPut(StationView { name, code }))
            }
            StationCommand::Show { name, output } => {
                let mut stations = self.stations(&Command::StationShow(Named { name }))?;
                let Some(station) = stations.pop() else {
                    return Err(nothing());
                };
                self.show(&output, &station, render::station)
            }
            StationCommand::List { output } => {
                let stations = self.stations(&Command::StationList)?;
                self.show(&output, &stations, |stations| render::stations(stations))
            }
            StationCommand::Remove { name } => self.change(&Command::StationRemove(Named { name })),
            StationCommand::Apply(args) => self.apply(&args),
            StationCommand::Export(args) => self.export(&args),
        }
    }

    fn partner(&mut self, command: PartnerCommand) -> Result<(), CtlError> {
        match command {
            PartnerCommand::Add(args) => {
                let entry = self.entry(*args)?;
                self.change(&Command::PartnerPut(Box::new(entry)))
            }
            PartnerCommand::Show { name, output } => {
                let mut partners = self.partners(&Command::PartnerShow(Named { name }))?;
                let Some(partner) = partners.pop() else {
                    return Err(nothing());
                };
                self.show(&output, &partner, render::partner)
            }
            PartnerCommand::List { output } => {
                let partners = self.partners(&Command::PartnerList)?;
                self.show(&output, &partners, |partners| render::partners(partners))
            }
            PartnerCommand::Remove { name } => self.change(&Command::PartnerRemove(Named { name })),
            PartnerCommand::Apply(args) => self.apply(&args),
            PartnerCommand::Export(args) => self.export(&args),
        }
    }

    fn stations(&mut self, command: &Command) -> Result<Vec<StationView>, CtlError> {
        match self.client.ask(command)? {
            Answer::Stations(stations) => Ok(stations),
            other => Err(self.client.unexpected(&other)),
        }
    }

    fn partners(&mut self, command: &Command) -> Result<Vec<PartnerView>, CtlError> {
        match self.client.ask(command)? {
            Answer::Partners(partners) => Ok(partners),
            other => Err(self.client.unexpected(&other)),
        }
    }

    /// Asks for a change and tells what came of it.
    fn change(&mut self, command: &Command) -> Result<(), CtlError> {
        match self.client.ask(command)? {
            Answer::Applied(applied) => self.print(&render::applied(&applied)),
            other => Err(self.client.unexpected(&other)),
        }
    }

    fn apply(&mut self, args: &ApplyArgs) -> Result<(), CtlError> {
        let (name, text) = if args.file == Path::new("-") {
            (
                "standard input".to_owned(),
                read_text(&mut *self.console.stdin),
            )
        } else {
            let text = File::open(&args.file).and_then(|mut file| read_text(&mut file));
            (args.file.display().to_string(), text)
        };
        let text =
            text.map_err(|error| CtlError::Here(format!("{name}: cannot be read: {error}")))?;
        self.change(&Command::Apply(ApplyBody { file: name, text }))
    }

    fn export(&mut self, args: &ExportArgs) -> Result<(), CtlError> {
        let body = ExportBody {
            with_passwords: args.with_passwords,
        };
        match self.client.ask(&Command::Export(body))? {
            Answer::Directory(directory) => self.print(directory.text.expose()),
            other => Err(self.client.unexpected(&other)),
        }
    }

    fn call(&mut self, args: CallArgs) -> Result<(), CtlError> {
        match self.client.ask(&Command::Call(CallBody {
            partner: args.partner,
        }))? {
            Answer::Called(called) => self.print(&format!(
                "Partner {} is being called; `proxy-inner status` shows the session.\n",
                called.partner
            )),
            other => Err(self.client.unexpected(&other)),
        }
    }

    fn transfers(&mut self, args: TransfersArgs) -> Result<(), CtlError> {
        match args.command {
            None => self.list(args.list),
            Some(TransfersCommand::List(list)) => self.list(list),
            Some(TransfersCommand::Show { id, output }) => {
                match self
                    .client
                    .ask(&Command::TransferShow(TransferBody { id }))?
                {
                    Answer::Transfer(detail) => self.show(&output, &*detail, render::transfer),
                    other => Err(self.client.unexpected(&other)),
                }
            }
            Some(TransfersCommand::Retry { id }) => {
                self.change(&Command::TransferRetry(TransferBody { id }))
            }
            Some(TransfersCommand::Discard { id }) => {
                self.change(&Command::TransferDiscard(TransferBody { id }))
            }
            Some(TransfersCommand::Wait {
                id,
                patience,
                output,
            }) => self.wait(id, &patience, &output),
        }
    }

    fn list(&mut self, args: ListArgs) -> Result<(), CtlError> {
        let body = ListBody {
            direction: args.direction,
            partner: args.partner,
            state: args.state,
            limit: Some(args.limit),
            held: args.held,
        };
        match self.client.ask(&Command::TransferList(body))? {
            Answer::Transfers(transfers) => self.show(&args.output, &transfers, |transfers| {
                render::transfers(transfers)
            }),
            other => Err(self.client.unexpected(&other)),
        }
    }

    fn receipts(&mut self, args: ReceiptsArgs) -> Result<(), CtlError> {
        match args.command {
            None => self.receipt_list(args.list),
            Some(ReceiptsCommand::List(list)) => self.receipt_list(list),
            Some(ReceiptsCommand::Confirm { id }) => {
                self.change(&Command::ReceiptConfirm(TransferBody { id }))
            }
            Some(ReceiptsCommand::Accept { id }) => {
                self.change(&Command::ReceiptAccept(TransferBody { id }))
            }
            Some(ReceiptsCommand::Reject(RejectArgs { id, reason, text })) => {
                self.change(&Command::ReceiptReject(RejectBody { id, reason, text }))
            }
        }
    }

    fn receipt_list(&mut self, args: ReceiptListArgs) -> Result<(), CtlError> {
        let side = match &args {
            ReceiptListArgs { owed: true, .. } => Some("owed"),
            ReceiptListArgs {
                unconfirmed: true, ..
            } => Some("unconfirmed"),
            ReceiptListArgs { awaited: true, .. } => Some("awaited"),
            _ => None,
        };
        let body = ReceiptListBody {
            side: side.map(ToOwned::to_owned),
            partner: args.partner,
            overdue: args.overdue,
            invalid: args.invalid,
        };
        match self.client.ask(&Command::ReceiptList(body))? {
            Answer::Receipts(receipts) => self.show(&args.output, &receipts, |receipts| {
                render::receipts(receipts)
            }),
            other => Err(self.client.unexpected(&other)),
        }
    }

    /// Follows a transfer to its end.
    fn wait(&mut self, id: String, patience: &Patience, output: &Output) -> Result<(), CtlError> {
        let begun = Instant::now();
        let deadline = patience.timeout.map(|timeout| begun + timeout);
        self.client
            .request(&Command::TransferWait(TransferBody { id: id.clone() }))?;
        let mut progress = Progress::new(self.console.progress.as_deref_mut().map(as_writer));
        let watched = loop {
            let answer = match deadline {
                Some(_) => self.client.answer_before(deadline)?,
                None => Some(self.client.answer()?),
            };
            match answer {
                Some(Answer::Watched(watched)) if watched.finished => break watched,
                Some(Answer::Watched(watched)) => progress.text(&line(&watched)),
                Some(other) => return Err(self.client.unexpected(&other)),
                None => {
                    progress.clear();
                    let waited = patience.timeout.unwrap_or(Duration::ZERO);
                    let hint = format!("look again with `proxy-inner transfers show {id}`");
                    return Err(CtlError::TimedOut { waited, hint });
                }
            }
        };
        progress.clear();
        self.show(output, &watched.transfer, |transfer| {
            format!("transfer {}: {}\n", transfer.id, render::state(transfer))
        })?;
        if watched.succeeded {
            return Ok(());
        }
        let why = watched
            .transfer
            .reason
            .as_deref()
            .unwrap_or("no reason is known");
        let why = render::spelled(why);
        Err(CtlError::Unsuccessful(format!(
            "transfer {id} is {}: {why}",
            watched.transfer.state
        )))
    }

    fn status(&mut self, output: &Output) -> Result<(), CtlError> {
        match self.client.ask(&Command::Status)? {
            Answer::Status(status) => self.show(output, &*status, render::status),
            other => Err(self.client.unexpected(&other)),
        }
    }

    /// Prints for people or for programs.
    fn show<T: Serialize + ?Sized>(
        &mut self,
        output: &Output,
        value: &T,
        text: impl FnOnce(&T) -> String,
    ) -> Result<(), CtlError> {
        if !output.json {
            return self.print(&text(value));
        }
        let json = serde_json::to_string_pretty(value)
            .map_err(|error| CtlError::Here(format!("the answer cannot be printed: {error}")))?;
        self.print(&format!("{json}\n"))
    }

    fn print(&mut self, text: &str) -> Result<(), CtlError> {
        let printed = self
            .console
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.console.out.flush());
        printed.map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => CtlError::OutputClosed,
            _ => CtlError::Here(format!("the answer cannot be printed: {error}")),
        })
    }
}

fn line(watched: &WatchView) -> String {
    let transfer = &watched.transfer;
    let mut line = format!("transfer {}: {}", transfer.id, render::state(transfer));
    if let (Some(done), true) = (transfer.progress, transfer.octets > 0) {
        let percent = percent(done, transfer.octets);
        tracing::trace!(percent, "A followed transfer moved.");
        line.push_str(&format!(
            " ({} of {})",
            render::octets(done),
            render::octets(transfer.octets)
        ));
    }
    line
}

fn read_text(source: &mut dyn Read) -> io::Result<Hidden> {
    // Quoting can double the length on the line.
    let most = (MOST_REQUEST / 2) as u64;
    let mut octets = zeroize::Zeroizing::new(Vec::with_capacity(64 * 1024));
    source.take(most + 1).read_to_end(&mut octets)?;
    if octets.len() as u64 > most {
        return Err(io::Error::other(format!(
            "it has more than {most} octets; split it"
        )));
    }
    let text = str::from_utf8(&octets).map_err(|_| io::Error::other("it is no text in UTF-8"))?;
    Ok(Hidden::new(text.to_owned()))
}

fn nothing() -> CtlError {
    CtlError::Here("the running process answered with nothing; look at its log".to_owned())
}

/// Shortens the borrow of the console's progress writer.
fn as_writer<'a>(writer: &'a mut (dyn Write + '_)) -> &'a mut dyn Write {
    writer
}
