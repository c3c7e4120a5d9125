//! Stations and partners by command and by file.

use envelope::Certificate;
use oftp::Password;
use store::{Partner, RoleCertificate, Station, Store, parse_directory};

use super::super::protocol::{
    Answer, ApplyBody, DirectoryBody, ExportBody, Hidden, PartnerEntry, Refusal, RefusalKind,
};
use super::super::view::{AppliedView, StationView, change_word};
use super::{applied, parsed, refused_by};

pub(super) fn put_station(store: &Store, view: StationView) -> Result<Answer, Refusal> {
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

pub(super) fn put_partner(store: &Store, entry: PartnerEntry) -> Result<Answer, Refusal> {
    let PartnerEntry {
        partner: view,
        password_sent,
        password_expected,
        keep_certificates,
    } = entry;
    let name = view.name.clone();
    let mut problems = Vec::new();
    let mut noted = |password: Result<Password, String>| {
        password.map_err(|problem| problems.push(problem)).ok()
    };
    let sent = noted(password("sent", &password_sent));
    let expected = noted(password("expected", &password_expected));
    let partner = view.to_partner().map_err(|more| problems.extend(more)).ok();
    let (Some(sent), Some(expected), Some(partner)) = (sent, expected, partner) else {
        let lines = problems
            .iter()
            .map(|problem| format!("partner {name}: {problem}"));
        return Err(refusal(lines.collect()));
    };
    let mut partner = Partner {
        password_sent: sent,
        password_expected: expected,
        ..partner
    };
    if keep_certificates && let Some(old) = store.partner(&name).map_err(refused_by)? {
        partner.role_certificates = old.role_certificates;
    }
    let unusable = unusable_certificates(&partner);
    if !unusable.is_empty() {
        return Err(refusal(unusable));
    }
    let change = store.put_partner(partner).map_err(refused_by)?;
    tracing::info!(
        partner = name,
        change = change_word(change),
        "A partner was put by command."
    );
    Ok(applied("partner", name, change_word(change)))
}

/// A password as OFTP takes it. The refusal never holds the password.
fn password(which: &str, given: &Hidden) -> Result<Password, String> {
    given.expose().parse::<Password>().map_err(|_| {
        format!(
            "the password {which} is not one OFTP can carry: at most 8 characters, printable \
             ASCII only"
        )
    })
}

/// The certificates nothing can be encrypted for or checked with, a sentence each. The store takes any:
/// what is in a certificate is none of its business.
fn unusable_certificates(partner: &Partner) -> Vec<String> {
    let told = |held: &RoleCertificate| {
        let problem = Certificate::from_der(&held.certificate).err()?;
        Some(format!(
            "partner {}: certificate: the {} one for {} cannot be used: {problem}",
            partner.name, held.slot, held.role
        ))
    };
    partner.role_certificates.iter().filter_map(told).collect()
}

fn refusal(lines: Vec<String>) -> Refusal {
    Refusal::new(RefusalKind::Refused, lines.join("\n"))
}

pub(super) fn apply(store: &Store, body: &ApplyBody) -> Result<Answer, Refusal> {
    let directory = parse_directory(body.text.expose()).map_err(|faults| {
        let lines: Vec<_> = faults
            .iter()
            .map(|fault| format!("{}: {fault}", body.file))
            .collect();
        refusal(lines)
    })?;
    let unusable: Vec<_> = directory
        .partners
        .iter()
        .flat_map(|entry| unusable_certificates(&entry.partner))
        .map(|problem| format!("{}: {problem}", body.file))
        .collect();
    if !unusable.is_empty() {
        return Err(refusal(unusable));
    }
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

pub(super) fn export(store: &Store, body: &ExportBody) -> Result<Answer, Refusal> {
    let text = store.export(body.with_passwords).map_err(refused_by)?;
    if body.with_passwords {
        tracing::warn!("All partners were exported with their passwords by command.");
    }
    Ok(Answer::Directory(DirectoryBody {
        text: Hidden::new(text),
    }))
}
