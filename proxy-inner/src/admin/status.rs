//! The status report: everything an operator wants to see first, gathered at one moment.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use nix::sys::statvfs::statvfs;
use serde::Serialize;
use store::{Direction, Filter, ReceiptEntry, ReceiptFilter, ReceiptSide, State, StoreError};

use super::routes::Services;
use super::view::{
    CountView, KeysView, LinkView, ListenerView, MovingView, OutboxFaultView, PlainView, QueueView,
    SessionView, StatusView, StoreView, ToleratedView, WorkView,
};
use crate::link::{LinkHandle, LinkState};
use crate::plain::PlainHandle;
use crate::security::{Kind, WorkNow};
use crate::session::Stage;
use crate::session::deviations::ToleratedNow;
use crate::session::live::SessionNow;

/// Gathers the report.
pub(super) fn gather(services: &Services) -> Result<StatusView, StoreError> {
    let counts = services.store.counts()?;
    let receipts = services
        .store
        .receipts(ReceiptFilter::default(), Timestamp::now())?;
    let on = |side| receipts.iter().filter(|entry| entry.side == side).count() as u64;
    let context = &services.context;
    Ok(StatusView {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        started: services.started.to_string(),
        stage: match context.shutdown.stage() {
            Stage::Running => "running",
            Stage::Draining => "draining",
            Stage::Stopping => "stopping",
        }
        .to_owned(),
        link: services
            .link
            .as_ref()
            .map(|(handle, address)| link(handle, address)),
        plain: services.plain.as_ref().map(plain),
        sessions: context.live.list().into_iter().map(session).collect(),
        queue: queue(services, &receipts)?,
        outbox_faults: outbox_faults(services),
        store: store(services),
        transfers: counts.transfers.iter().map(CountView::from).collect(),
        receipts_owed: counts.receipts_owed,
        receipts_unconfirmed: on(ReceiptSide::Unconfirmed),
        receipts_awaited: on(ReceiptSide::Awaited),
        receipts_overdue: receipts.iter().filter(|entry| entry.overdue).count() as u64,
        interrupted: counts.of(Direction::In, State::Interrupted),
        keys: keys(services),
        work: context.security.now().into_iter().map(work).collect(),
        tolerated: context.tolerated.now().into_iter().map(tolerated).collect(),
        counters: numbers(&context.counters.now()),
    })
}

/// Octets free for this account on the file system of `folder`.
///
/// # Errors
/// What the system said.
pub(crate) fn free_octets(folder: &Path) -> io::Result<u64> {
    let facts = statvfs(folder)?;
    Ok(facts
        .blocks_available()
        .saturating_mul(facts.fragment_size()))
}

fn keys(services: &Services) -> KeysView {
    let faults = services.keyring.faults().into_iter();
    let mut problems: Vec<_> = faults
        .map(|(key, why)| format!("key {key} cannot be used: {why}"))
        .collect();
    let ends = services.keyring.ends_soon(Timestamp::now()).into_iter();
    problems.extend(ends.map(|(key, end, days)| match days {
        ..=-1 => format!("the certificate of key {key} ended on {end}"),
        days => format!("the certificate of key {key} ends in {days} days, on {end}"),
    }));
    KeysView {
        in_use: services.keyring.count() as u64,
        problems,
    }
}

fn work(entry: WorkNow) -> WorkView {
    WorkView {
        transfer: entry.transfer,
        partner: entry.partner,
        kind: match entry.kind {
            Kind::Securing => "securing",
            Kind::Opening => "opening",
        }
        .to_owned(),
        since: entry.since,
        octets: entry.octets,
        of: entry.of,
    }
}

fn tolerated(entry: ToleratedNow) -> ToleratedView {
    ToleratedView {
        partner: entry.partner,
        deviation: entry.deviation.name().to_owned(),
        what: entry.deviation.sentence().to_owned(),
        count: entry.count,
    }
}

fn plain(handle: &PlainHandle) -> PlainView {
    PlainView {
        addresses: handle.addresses().iter().map(ToString::to_string).collect(),
        connections: handle.connections(),
    }
}

fn link(handle: &LinkHandle, address: &str) -> LinkView {
    let state = handle.state().borrow().clone();
    let address = address.to_owned();
    let dmz = handle
        .dmz_counters()
        .map(|counters| numbers(&counters))
        .unwrap_or_default();
    match state {
        LinkState::Down {
            since,
            why,
            attempts,
        } => LinkView {
            state: "down".to_owned(),
            address,
            since: since.to_string(),
            why: Some(why),
            attempts: Some(attempts),
            peer: None,
            listeners: Vec::new(),
            dmz,
        },
        LinkState::Up {
            since,
            peer,
            listeners,
        } => LinkView {
            state: "up".to_owned(),
            address,
            since: since.to_string(),
            why: None,
            attempts: None,
            peer: Some(peer.to_string()),
            listeners: listeners
                .into_iter()
                .map(|listener| {
                    let (address, problem) = match listener.result {
                        Ok(address) => (Some(address.to_string()), None),
                        Err(problem) => (None, Some(problem)),
                    };
                    ListenerView {
                        name: listener.name,
                        address,
                        problem,
                    }
                })
                .collect(),
            dmz,
        },
    }
}

fn session(now: SessionNow) -> SessionView {
    SessionView {
        circuit: now.circuit,
        partner: now.partner,
        peer: now.peer.map(|peer| peer.to_string()),
        direction: now.direction.to_string(),
        since: now.since.to_string(),
        transfer: now.transfer.map(|transfer| MovingView {
            id: transfer.id,
            outbound: transfer.outbound,
            octets: transfer.octets,
        }),
        octets_in: now.octets_in,
        octets_out: now.octets_out,
    }
}

/// Every partner for whom something waits, or whom we could not reach lately, by name.
fn queue(services: &Services, receipts: &[ReceiptEntry]) -> Result<Vec<QueueView>, StoreError> {
    let mut queue: BTreeMap<String, QueueView> = BTreeMap::new();
    for due in services.store.due(Timestamp::now())? {
        let entry = entry(&mut queue, due.partner);
        entry.files = due.files;
        entry.receipts = due.receipts;
        entry.next_attempt = Some(due.next_attempt.to_string());
    }
    for partner in services.store.partners()? {
        let record = services.store.session_record(&partner.name)?;
        if record.failures > 0 {
            let entry = entry(&mut queue, partner.name);
            entry.failures = record.failures;
            entry.last_failure = record.why;
        }
    }
    waiting_for_their_call(services, receipts, &mut queue)?;
    Ok(queue.into_values().collect())
}

/// Adds what waits for partners whom we do not call: the newest files, and all receipts.
fn waiting_for_their_call(
    services: &Services,
    receipts: &[ReceiptEntry],
    queue: &mut BTreeMap<String, QueueView>,
) -> Result<(), StoreError> {
    let callable: Vec<String> = queue
        .values()
        .filter(|entry| entry.next_attempt.is_some())
        .map(|entry| entry.partner.clone())
        .collect();
    let queued = Filter {
        state: Some(State::Queued),
        ..Filter::default()
    };
    for transfer in services.store.transfers(queued)? {
        if !callable.contains(&transfer.partner) {
            entry(queue, transfer.partner).files += 1;
        }
    }
    for receipt in receipts {
        if receipt.side == ReceiptSide::Owed && !callable.contains(&receipt.partner) {
            entry(queue, receipt.partner.clone()).receipts += 1;
        }
    }
    Ok(())
}

fn entry(queue: &mut BTreeMap<String, QueueView>, partner: String) -> &mut QueueView {
    queue.entry(partner.clone()).or_insert(QueueView {
        partner,
        files: 0,
        receipts: 0,
        next_attempt: None,
        failures: 0,
        last_failure: None,
    })
}

fn outbox_faults(services: &Services) -> Vec<OutboxFaultView> {
    let faults = services.outbox.borrow();
    let seen = faults.iter().map(|fault| OutboxFaultView {
        path: fault.path.display().to_string(),
        problem: fault.problem.clone(),
    });
    seen.collect()
}

fn store(services: &Services) -> StoreView {
    let root = services.store.root();
    let free = free_octets(root).inspect_err(|error| {
        tracing::warn!(%error, store = %root.display(), "Free space could not be asked for.");
    });
    StoreView {
        path: root.display().to_string(),
        free: free.ok(),
        reserve: services.reserve,
    }
}

/// A struct of plain counters as a map from their names.
fn numbers<T: Serialize>(counters: &T) -> BTreeMap<String, u64> {
    let value = serde_json::to_value(counters).ok();
    let fields = value.as_ref().and_then(|value| value.as_object());
    let numbers = fields.into_iter().flatten();
    numbers
        .filter_map(|(name, value)| Some((name.clone(), value.as_u64()?)))
        .collect()
}
