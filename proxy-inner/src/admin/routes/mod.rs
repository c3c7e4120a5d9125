//! Each command and what the parts of this process make of it. Everything here may block.

mod certificates;
mod directory;
mod keys;
mod receipts;
mod transfers;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use store::{OutboxFault, Store, StoreError, TransferId};
use tokio::sync::watch;

use super::intake::Upload;
use super::protocol::{
    Answer, CallBody, CalledBody, Command, Named, Refusal, RefusalKind, TransferDetail,
};
use super::status;
use super::view::{AppliedView, EvidenceView, PartnerView, StationView};
use crate::keyring::Keyring;
use crate::link::LinkHandle;
use crate::plain::PlainHandle;
use crate::session::SessionContext;

/// Calls a partner now, whatever its queue says; refuses with a sentence. May block on the journal.
pub type Call = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The parts of the process that operators ask about.
pub struct Services {
    /// Journal, partners, stations, files.
    pub store: Store,
    /// Sessions alive, counters, and how far the process has come in stopping.
    pub context: SessionContext,
    /// Our keys.
    pub keyring: Arc<Keyring>,
    /// The link and its configured address.
    pub link: Option<(LinkHandle, String)>,
    /// The listeners without TLS, where there are any.
    pub plain: Option<PlainHandle>,
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
    Upload(Box<Upload>),
    /// A transfer to be followed.
    Follow(TransferId),
}

/// Carries a command out, as far as it needs no more of the connection.
pub(super) fn route(services: &Services, command: Command) -> Routed {
    let routed = match command {
        Command::Send(body) => {
            transfers::send(services, body).map(|upload| Routed::Upload(Box::new(upload)))
        }
        Command::TransferWait(body) => transfers::follow(services, &body).map(Routed::Follow),
        command => answer(services, command).map(Routed::Answer),
    };
    routed.unwrap_or_else(|refusal| Routed::Answer(Answer::Refused(refusal)))
}

fn answer(services: &Services, command: Command) -> Result<Answer, Refusal> {
    let store = &services.store;
    match command {
        Command::StationPut(view) => directory::put_station(store, view),
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
        Command::PartnerPut(entry) => directory::put_partner(store, *entry),
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
        Command::Apply(body) => directory::apply(store, &body),
        Command::Export(body) => directory::export(store, &body),
        Command::Call(body) => call(services, body),
        Command::TransferList(body) => transfers::list(store, body),
        Command::TransferShow(body) => {
            let id: TransferId = parsed("transfer", &body.id)?;
            let evidence = store.evidence(id).map_err(refused_by)?;
            Ok(Answer::Transfer(Box::new(TransferDetail::from(&evidence))))
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
        Command::ReceiptList(body) => receipts::list(store, body),
        Command::ReceiptConfirm(body) => receipts::confirm(store, &body),
        Command::ReceiptReject(body) => receipts::reject(store, &body),
        Command::KeyCreate(body) => keys::create(services, *body),
        Command::KeyImport(body) => keys::import(services, body),
        Command::KeyList => keys::list(services),
        Command::KeyShow(named) => keys::show(services, &named.name),
        Command::KeyRequest(body) => keys::request(services, *body),
        Command::KeyInstall(body) => keys::install(services, &body),
        Command::KeyUse(body) => keys::put_to_use(services, body),
        Command::KeyUnuse(body) => keys::take_out_of_use(services, body),
        Command::KeyPromote(body) => keys::promote(services, &body),
        Command::KeyRemove(named) => keys::remove(services, named.name),
        Command::KeyExport(body) => keys::export(services, &body),
        Command::Evidence(body) => {
            let id: TransferId = parsed("transfer", &body.id)?;
            let evidence = store.evidence(id).map_err(refused_by)?;
            Ok(Answer::Evidence(Box::new(EvidenceView::from(&evidence))))
        }
        Command::ReceiptAccept(body) => receipts::accept(store, &body),
        Command::CertAdd(body) => certificates::add(store, &body),
        Command::CertList(body) => certificates::list(store, &body),
        Command::CertShow(body) => certificates::show(store, &body),
        Command::CertPromote(body) => certificates::promote(store, &body),
        Command::CertRemove(body) => certificates::remove(store, &body),
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
