//! Each command and what the parts of this process make of it. Everything here may block.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use oftp::{OdetteId, Password};
use store::{
    Direction, Filter, Fingerprint, NewOutbound, OutboxFault, Partner, State, Station, Store,
    StoreError, TransferId, parse_directory,
};
use tokio::sync::watch;

use super::intake::Upload;
use super::protocol::{
    Answer, ApplyBody, CallBody, CalledBody, Command, DirectoryBody, ExportBody, Hidden, ListBody,
    Named, PartnerEntry, Refusal, RefusalKind, SendBody, TransferBody, TransferDetail,
};
use super::status;
use super::view::{AppliedView, PartnerView, StationView, StepView, TransferView, change_word};
use crate::link::LinkHandle;
use crate::session::SessionContext;

/// Calls a partner now, whatever its queue says; refuses with a sentence. May block on the journal.
pub type Call = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The parts of the process that operators ask about.
pub struct Services {
    /// Journal, partners, stations, files.
    pub store: Store,
    /// Sessions alive, counters, and how far the process has come in stopping.
    pub context: SessionContext,
    /// The link and its configured address.
    pub link: Option<(LinkHandle, String)>,
    /// Starts a call.
    pub call: Call,
    /// What the last scan of the outbox folders could not take.
    pub outbox: watch::Receiver<Vec<OutboxFault>>,
    /// Octets the spool keeps free.
    pub reserve: u64,
    /// When the process was started.
    pub started: Timestamp,
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

/// What a command leads to.
pub(super) enum Routed {
    /// One answer.
    Answer(Answer),
    /// A file that follows on the connection.
    Upload(Upload),
    /// A transfer to be followed.
    Follow(TransferId),
}

/// Carries a command out, as far as it needs no more of the connection.
pub(super) fn route(services: &Services, command: Command) -> Routed {
    let routed = match command {
        Command::Send(body) => send(services, body).map(Routed::Upload),
        Command::TransferWait(body) => follow(services, &body).map(Routed::Follow),
        command => answer(services, command).map(Routed::Answer),
    };
    routed.unwrap_or_else(|refusal| Routed::Answer(Answer::Refused(refusal)))
}

fn answer(services: &Services, command: Command) -> Result<Answer, Refusal> {
    let store = &services.store;
    match command {
        Command::StationPut(view) => put_station(store, view),
        Command::StationShow(named) => {
            let station = store.station(&named.name).map_err(refused_by)?;
            let station = station.ok_or_else(|| refused(&StoreError::NoStation(named.name)))?;
            Ok(Answer::Stations(vec![StationView::from(&station)]))
        }
        Command::StationList => {
            let stations = store.stations().map_err(refused_by)?;
            Ok(Answer::Stations(
                stations.iter().map(StationView::from).collect(),
            ))
        }
        Command::StationRemove(named) => {
            store.remove_station(&named.name).map_err(refused_by)?;
            Ok(removed("station", named))
        }
        Command::PartnerPut(entry) => put_partner(store, entry),
        Command::PartnerShow(named) => {
            let partner = store.partner(&named.name).map_err(refused_by)?;
            let partner = partner.ok_or_else(|| refused(&StoreError::NoPartner(named.name)))?;
            Ok(Answer::Partners(vec![PartnerView::from(&partner)]))
        }
        Command::PartnerList => {
            let partners = store.partners().map_err(refused_by)?;
            Ok(Answer::Partners(
                partners.iter().map(PartnerView::from).collect(),
            ))
        }
        Command::PartnerRemove(named) => {
            store.remove_partner(&named.name).map_err(refused_by)?;
            Ok(removed("partner", named))
        }
        Command::Apply(body) => apply(store, &body),
        Command::Export(body) => export(store, &body),
        Command::Call(body) => call(services, body),
        Command::TransferList(body) => list(store, body),
        Command::TransferShow(body) => {
            let (transfer, steps) = transfer(store, &body)?;
            let steps = steps.iter().map(StepView::from).collect();
            let detail = TransferDetail {
                transfer: TransferView::from(&transfer),
                steps,
            };
            Ok(Answer::Transfer(Box::new(detail)))
        }
        Command::TransferRetry(body) => {
            let id: TransferId = parsed("transfer", &body.id)?;
            store.retry(id, Timestamp::now()).map_err(refused_by)?;
            tracing::info!(transfer = %id, "A transfer was queued again by command.");
            Ok(applied("transfer", id.to_string(), "queued again"))
        }
        Command::TransferDiscard(body) => {
            let id: TransferId = parsed("transfer", &body.id)?;
            store.discard(id, Timestamp::now()).map_err(refused_by)?;
            tracing::info!(transfer = %id, "The file of a transfer was discarded by command.");
            Ok(applied("transfer", id.to_string(), "discarded"))
        }
        Command::Status => {
            let report = status::gather(services).map_err(refused_by)?;
            Ok(Answer::Status(Box::new(report)))
        }
        Command::Send(_) | Command::TransferWait(_) => Err(Refusal::new(
            RefusalKind::Failed,
            "this command needs the connection to itself; this is a fault of proxy-inner",
        )),
    }
}

fn put_station(store: &Store, view: StationView) -> Result<Answer, Refusal> {
    let code = parsed("code", &view.code)?;
    let name = view.name;
    let change = store
        .put_station(Station {
            name: name.clone(),
            code,
        })
        .map_err(refused_by)?;
    tracing::info!(
        station = name,
        change = change_word(change),
        "A station was put by command."
    );
    Ok(applied("station", name, change_word(change)))
}

fn put_partner(store: &Store, entry: PartnerEntry) -> Result<Answer, Refusal> {
    let PartnerEntry {
        partner: view,
        password_sent,
        password_expected,
    } = entry;
    let mut certificates = Vec::with_capacity(view.certificates.len());
    for fingerprint in &view.certificates {
        certificates.push(parsed::<Fingerprint>("certificate", fingerprint)?);
    }
    let partner = Partner {
        password_sent: password("sent", &password_sent)?,
        password_expected: password("expected", &password_expected)?,
        address: view.address,
        certificates,
        server_name: view.server_name,
        buffer: view.buffer,
        credit: view.credit,
        enabled: view.enabled,
        ..Partner::new(
            view.name.as_str(),
            parsed::<OdetteId>("code", &view.code)?,
            view.station,
        )
    };
    let change = store.put_partner(partner).map_err(refused_by)?;
    let name = view.name;
    tracing::info!(
        partner = name,
        change = change_word(change),
        "A partner was put by command."
    );
    Ok(applied("partner", name, change_word(change)))
}

/// A password as OFTP takes it. The refusal never holds the password.
fn password(which: &str, given: &Hidden) -> Result<Password, Refusal> {
    given.expose().parse::<Password>().map_err(|_| {
        Refusal::new(
            RefusalKind::Refused,
            format!(
                "the password {which} is not one OFTP can carry: at most 8 characters, printable \
                 ASCII only"
            ),
        )
    })
}

fn apply(store: &Store, body: &ApplyBody) -> Result<Answer, Refusal> {
    let directory = parse_directory(body.text.expose()).map_err(|faults| {
        let lines: Vec<_> = faults
            .iter()
            .map(|fault| format!("{}: {fault}", body.file))
            .collect();
        Refusal::new(RefusalKind::Refused, lines.join("\n"))
    })?;
    let applied = store.apply(directory).map_err(refused_by)?;
    let changes = applied
        .iter()
        .filter(|entry| entry.change != store::Change::Unchanged)
        .count();
    tracing::info!(
        file = body.file,
        changes,
        "An apply file was applied by command."
    );
    Ok(Answer::Applied(
        applied.iter().map(AppliedView::from).collect(),
    ))
}

fn export(store: &Store, body: &ExportBody) -> Result<Answer, Refusal> {
    let text = store.export(body.with_passwords).map_err(refused_by)?;
    if body.with_passwords {
        tracing::warn!("All partners were exported with their passwords by command.");
    }
    Ok(Answer::Directory(DirectoryBody {
        text: Hidden::new(text),
    }))
}

fn call(services: &Services, body: CallBody) -> Result<Answer, Refusal> {
    let partner = services.store.partner(&body.partner).map_err(refused_by)?;
    if partner.is_none() {
        return Err(refused(&StoreError::NoPartner(body.partner)));
    }
    (services.call)(&body.partner)
        .map_err(|message| Refusal::new(RefusalKind::Refused, message))?;
    tracing::info!(partner = body.partner, "A partner is called by command.");
    Ok(Answer::Called(CalledBody {
        partner: body.partner,
    }))
}

fn send(services: &Services, body: SendBody) -> Result<Upload, Refusal> {
    let dataset = body
        .dataset
        .as_deref()
        .map(|name| parsed("--dsn", name))
        .transpose()?;
    if let Some(octets) = body.octets {
        room(services, octets)?;
    }
    let new = NewOutbound {
        partner: body.partner.clone(),
        dataset,
        original_name: body.original_name,
        description: body.description,
    };
    let intake = services
        .store
        .begin_outbound(new, Timestamp::now())
        .map_err(refused_by)?;
    Ok(Upload {
        intake,
        partner: body.partner,
    })
}

/// Refuses a file that will not fit before it is uploaded.
fn room(services: &Services, octets: u64) -> Result<(), Refusal> {
    let root = services.store.root();
    let Ok(free) = status::free_octets(root) else {
        return Ok(());
    };
    let needed = octets.saturating_add(services.reserve);
    if needed <= free {
        return Ok(());
    }
    Err(refused(&StoreError::NoSpace {
        needed,
        free,
        path: root.to_owned(),
    }))
}

fn list(store: &Store, body: ListBody) -> Result<Answer, Refusal> {
    let filter = Filter {
        direction: body
            .direction
            .map(|word| parsed::<Direction>("direction", &word))
            .transpose()?,
        partner: body.partner,
        state: body
            .state
            .map(|word| parsed::<State>("state", &word))
            .transpose()?,
        limit: body.limit,
    };
    let transfers = store.transfers(filter).map_err(refused_by)?;
    Ok(Answer::Transfers(
        transfers.iter().map(TransferView::from).collect(),
    ))
}

fn follow(services: &Services, body: &TransferBody) -> Result<TransferId, Refusal> {
    transfer(&services.store, body).map(|(transfer, _)| transfer.id)
}

fn transfer(
    store: &Store,
    body: &TransferBody,
) -> Result<(store::Transfer, Vec<store::Step>), Refusal> {
    let id: TransferId = parsed("transfer", &body.id)?;
    let found = store.transfer(id).map_err(refused_by)?;
    found.ok_or_else(|| refused(&StoreError::NoTransfer(id)))
}

fn applied(kind: &str, name: String, change: &str) -> Answer {
    let (kind, change) = (kind.to_owned(), change.to_owned());
    Answer::Applied(vec![AppliedView { kind, name, change }])
}

fn removed(kind: &str, named: Named) -> Answer {
    tracing::info!(
        kind,
        name = named.name,
        "An entry of the directory was removed by command."
    );
    applied(kind, named.name, "removed")
}

fn parsed<T: FromStr<Err: fmt::Display>>(what: &str, text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error: T::Err| {
        Refusal::new(RefusalKind::Refused, format!("{what} {text:?}: {error}"))
    })
}

fn refused_by(error: StoreError) -> Refusal {
    refused(&error)
}

/// The refusal for what the store said.
pub(super) fn refused(error: &StoreError) -> Refusal {
    let kind = match error {
        StoreError::NoPartner(_) | StoreError::NoStation(_) | StoreError::NoTransfer(_) => {
            RefusalKind::NotFound
        }
        StoreError::Refused(_) | StoreError::WrongState { .. } => RefusalKind::Refused,
        _ => RefusalKind::Failed,
    };
    Refusal::new(kind, error.to_string())
}
