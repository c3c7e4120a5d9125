//! What the command line and the running process say to each other: one JSON object a line.
//!
//! ```text
//!  → {"version":1,"command":"transfer_show","body":{"id":"00f3…"}}
//!  ← {"version":1,"answer":"transfer","body":{…}}          or  {"version":1,"answer":"refused","body":{…}}
//!
//!  send:  → request   ← proceed   → chunks, an empty one last   ← queued
//!  wait:  → request   ← watched (each time something changed), the last with "finished": true
//! ```
//!
//! A connection carries any number of requests, one after the other; a further request ends a wait.
//! A chunk is its length as four octets, most significant first, and so many octets of the file.
//!
//! A request with a higher version, an unknown command or an unknown key is refused with a sentence,
//! never guessed at: a newer command line may mean something this process does not do.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use super::hidden::Hidden;
use super::view::{
    AppliedView, CertificateView, EvidenceCertificateView, EvidenceView, KeyUseView, KeyView,
    PartnerView, ReceiptView, StationView, StatusView, StepView, TransferView, WatchView,
};

/// The version both sides speak; a request names it, and a higher one is refused.
pub const VERSION: u16 = 1;

/// Longest request line, octets. An apply file of thousands of partners fits.
pub const MOST_REQUEST: usize = 4 * 1024 * 1024;

/// Longest answer line the command line takes, octets.
pub const MOST_ANSWER: usize = 64 * 1024 * 1024;

/// Longest chunk of a file, octets.
pub const MOST_CHUNK: usize = 256 * 1024;

/// What an operator asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", content = "body", rename_all = "snake_case")]
pub enum Command {
    /// Add or change a station.
    StationPut(StationView),
    /// Show one station.
    StationShow(Named),
    /// List all stations.
    StationList,
    /// Remove a station.
    StationRemove(Named),
    /// Add or change a partner.
    PartnerPut(Box<PartnerEntry>),
    /// Show one partner.
    PartnerShow(Named),
    /// List all partners.
    PartnerList,
    /// Remove a partner.
    PartnerRemove(Named),
    /// Add or change everything an apply file says.
    Apply(ApplyBody),
    /// Write all stations and partners as an apply file.
    Export(ExportBody),
    /// Queue a file; its octets follow in chunks once the answer is `proceed`.
    Send(SendBody),
    /// Call a partner now, even with nothing to send.
    Call(CallBody),
    /// List transfers.
    TransferList(ListBody),
    /// Show one transfer with its steps.
    TransferShow(TransferBody),
    /// Follow one transfer until it ends.
    TransferWait(TransferBody),
    /// Queue a transfer again that had failed or was rejected.
    TransferRetry(TransferBody),
    /// Remove the spool file of a transfer that failed or was rejected.
    TransferDiscard(TransferBody),
    /// List receipts that are owed or awaited.
    ReceiptList(ReceiptListBody),
    /// Say that a received file is good.
    ReceiptConfirm(TransferBody),
    /// Say that a received file cannot be used.
    ReceiptReject(RejectBody),
    /// Everything at a glance.
    Status,
    /// Make a key.
    KeyCreate(Box<KeyCreateBody>),
    /// Take a key in.
    KeyImport(KeyImportBody),
    /// List our keys.
    KeyList,
    /// Explain a key.
    KeyShow(Named),
    /// Give out a certificate request.
    KeyRequest(Box<KeyRequestBody>),
    /// Take in the CA's answer.
    KeyInstall(KeyInstallBody),
    /// Put a key to use.
    KeyUse(KeyUseBody),
    /// Take keys out of use.
    KeyUnuse(KeyUnuseBody),
    /// Make next keys current.
    KeyPromote(KeyPromoteBody),
    /// Remove a key.
    KeyRemove(Named),
    /// Give out a key encrypted, or its certificates.
    KeyExport(KeyExportBody),
    /// Everything that proves a transfer.
    Evidence(TransferBody),
    /// Take a receipt after all that was not to be believed.
    ReceiptAccept(TransferBody),
    /// Give a partner a certificate.
    CertAdd(CertAddBody),
    /// List certificates of partners.
    CertList(CertListBody),
    /// Explain certificates of a partner.
    CertShow(CertWhichBody),
    /// Make a partner's next certificates current.
    CertPromote(CertWhichBody),
    /// Take certificates from a partner.
    CertRemove(CertWhichBody),
}

/// Every command by its name on the line.
pub(super) const COMMANDS: &[&str] = &[
    "station_put",
    "station_show",
    "station_list",
    "station_remove",
    "partner_put",
    "partner_show",
    "partner_list",
    "partner_remove",
    "apply",
    "export",
    "send",
    "call",
    "transfer_list",
    "transfer_show",
    "transfer_wait",
    "transfer_retry",
    "transfer_discard",
    "receipt_list",
    "receipt_confirm",
    "receipt_reject",
    "status",
    "key_create",
    "key_import",
    "key_list",
    "key_show",
    "key_request",
    "key_install",
    "key_use",
    "key_unuse",
    "key_promote",
    "key_remove",
    "key_export",
    "evidence",
    "receipt_accept",
    "cert_add",
    "cert_list",
    "cert_show",
    "cert_promote",
    "cert_remove",
];

/// Something by its name.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The name.
    pub name: String,
}

/// A partner as an operator enters it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartnerEntry {
    /// All that may be seen.
    pub partner: PartnerView,
    /// The password we send.
    pub password_sent: Hidden,
    /// The password we expect.
    pub password_expected: Hidden,
    /// Whether its certificates by role stay as they are, instead of those in `partner`.
    #[serde(default)]
    pub keep_certificates: bool,
}

/// An apply file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyBody {
    /// The name of the file, for faults.
    pub file: String,
    /// Its text, which may hold passwords.
    pub text: Hidden,
}

/// How to export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportBody {
    /// Whether passwords are written out.
    pub with_passwords: bool,
}

/// A file to queue.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SendBody {
    /// The partner's name.
    pub partner: String,
    /// The file's name with us, without folders.
    pub original_name: String,
    /// The dataset name on the wire; made from the file's name when absent.
    pub dataset: Option<String>,
    /// Description (SFIDDESC), may be empty.
    pub description: String,
    /// Its size in octets as far as known, so that a full disk is told before the upload.
    pub octets: Option<u64>,
    /// User data (SFIDUSER), may be empty.
    #[serde(default)]
    pub user: String,
    /// `U`, `T`, `F` or `V`; the partner's when absent.
    #[serde(default)]
    pub format: Option<String>,
    /// Record length, octets; the partner's for its own format, else 0, when absent.
    #[serde(default)]
    pub record_length: Option<u32>,
    /// `prefixed` or `lines`; the partner's when absent.
    #[serde(default)]
    pub records: Option<String>,
    /// Identification code it is for; the partner's own when absent.
    #[serde(default)]
    pub destination: Option<String>,
    /// The name of our station that sends it; the one the partner deals with when absent.
    #[serde(default)]
    pub station: Option<String>,
    /// `none`, `encrypted`, `signed` or `encrypted-and-signed`; the partner's when absent.
    #[serde(default)]
    pub security: Option<String>,
    /// Cipher suite, 1 to 10; the partner's when absent.
    #[serde(default)]
    pub cipher_suite: Option<u8>,
    /// Whether it is compressed in CMS; as agreed with the partner when absent.
    #[serde(default)]
    pub compress: Option<bool>,
    /// Whether a signed receipt is asked for; as agreed with the partner when absent.
    #[serde(default)]
    pub signed_receipt: Option<bool>,
}

/// A partner to call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallBody {
    /// The partner's name.
    pub partner: String,
}

/// Which transfers to list; what is absent does not narrow.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListBody {
    /// `in` or `out`.
    pub direction: Option<String>,
    /// The partner's name.
    pub partner: Option<String>,
    /// A state's word.
    pub state: Option<String>,
    /// At most so many, newest first.
    pub limit: Option<u32>,
    /// Only those that are held: they cannot be secured or opened for now.
    #[serde(default)]
    pub held: bool,
}

/// One transfer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferBody {
    /// Its identifier, 16 hexadecimal digits.
    pub id: String,
}

/// Which receipts to list; what is absent does not narrow.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReceiptListBody {
    /// `owed` (unconfirmed ones too), `unconfirmed` or `awaited`.
    pub side: Option<String>,
    /// The partner's name.
    pub partner: Option<String>,
    /// Only those past their deadline.
    pub overdue: bool,
    /// Only those where one came that is not to be believed.
    pub invalid: bool,
}

/// A received file that cannot be used.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectBody {
    /// Its identifier, 16 hexadecimal digits.
    pub id: String,
    /// Number or name of the reason.
    pub reason: String,
    /// More about it for the partner, may be empty.
    pub text: String,
}

/// What the running process answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", content = "body", rename_all = "snake_case")]
pub enum Answer {
    /// What was put or removed.
    Applied(Vec<AppliedView>),
    /// Stations.
    Stations(Vec<StationView>),
    /// Partners.
    Partners(Vec<PartnerView>),
    /// An apply file.
    Directory(DirectoryBody),
    /// The file may be sent.
    Proceed,
    /// The file is queued under this identifier.
    Queued(TransferBody),
    /// The call is under way or ended, in a sentence.
    Called(CalledBody),
    /// Transfers, newest first.
    Transfers(Vec<TransferView>),
    /// One transfer and its steps, oldest first.
    Transfer(Box<TransferDetail>),
    /// Receipts, the oldest first.
    Receipts(Vec<ReceiptView>),
    /// How far a followed transfer has come.
    Watched(Box<WatchView>),
    /// Everything at a glance.
    Status(Box<StatusView>),
    /// The request was refused.
    Refused(Refusal),
    /// Our keys.
    Keys(Vec<KeyView>),
    /// One key, explained.
    Key(Box<KeyDetail>),
    /// Uses of keys that changed.
    KeyUses(KeyUsesBody),
    /// A file with a key, a request or certificates.
    KeyFile(KeyFileBody),
    /// Everything that proves a transfer.
    Evidence(Box<EvidenceView>),
    /// Certificates of partners.
    Certificates(CertificatesBody),
}

/// A certificate for a partner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertAddBody {
    /// The partner's name.
    pub partner: String,
    /// What it is used for; everything it is good for when empty.
    pub roles: Vec<String>,
    /// `current`, `next` or `previous`.
    pub slot: String,
    /// The file it is in, hexadecimal.
    pub octets: Hidden,
    /// Whether another one that has the place is dropped.
    pub replace: bool,
    /// Whether it is taken although it says it is for something else.
    pub force: bool,
}

/// Whose certificates.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertListBody {
    /// The partner's name; all partners when absent.
    pub partner: Option<String>,
}

/// Which certificates of a partner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertWhichBody {
    /// The partner's name.
    pub partner: String,
    /// For what; for everything when empty.
    pub roles: Vec<String>,
    /// `current`, `next` or `previous`; all of them when absent.
    pub slot: Option<String>,
}

/// Certificates of partners.
#[derive(Debug, Serialize, Deserialize)]
pub struct CertificatesBody {
    /// The certificates.
    pub certificates: Vec<CertificateView>,
    /// What the operator should know, a sentence each.
    pub notes: Vec<String>,
}

/// An apply file as text.
#[derive(Debug, Serialize, Deserialize)]
pub struct DirectoryBody {
    /// The text, with passwords when they were asked for.
    pub text: Hidden,
}

/// What came of a call.
#[derive(Debug, Serialize, Deserialize)]
pub struct CalledBody {
    /// The partner's name.
    pub partner: String,
}

/// One transfer in full.
#[derive(Debug, Serialize, Deserialize)]
pub struct TransferDetail {
    /// The transfer.
    pub transfer: TransferView,
    /// Its steps, oldest first.
    pub steps: Vec<StepView>,
    /// Why the receipt that came settled nothing.
    #[serde(default)]
    pub receipt_problem: Option<String>,
    /// The certificates that had to do with it, in the order they were used.
    #[serde(default)]
    pub certificates: Vec<EvidenceCertificateView>,
}

/// Whom a certificate is to name, besides the station's code.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubjectBody {
    /// Common name; the first host, else the station's code when absent.
    pub common_name: Option<String>,
    /// Organisation.
    pub organization: Option<String>,
    /// Country, two letters.
    pub country: Option<String>,
    /// Host names and IP addresses.
    pub hosts: Vec<String>,
    /// Mail addresses.
    pub emails: Vec<String>,
}

/// A key to make.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyCreateBody {
    /// Its name.
    pub name: String,
    /// The station it is for.
    pub station: String,
    /// Whom its certificate names.
    pub subject: SubjectBody,
    /// What it is to be good for: words of roles, or `all`.
    pub roles: Vec<String>,
    /// `rsa-2048`, `rsa-3072`, `rsa-4096` or `ec-p256`.
    pub kind: String,
    /// The URI of the token it is made in.
    pub token: Option<String>,
    /// Days it certifies itself for; without, a request is made.
    pub self_signed: Option<u32>,
}

/// A key to take in.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyImportBody {
    /// Its name.
    pub name: String,
    /// The file, hexadecimal.
    pub octets: Option<Hidden>,
    /// What it is encrypted under.
    pub passphrase: Option<Hidden>,
    /// The URI of the token it is in.
    pub token: Option<String>,
}

/// Which certificate request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequestBody {
    /// The key's name.
    pub name: String,
    /// A new one; the one that waits when absent.
    pub new: Option<NewRequestBody>,
}

/// A certificate request to make.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewRequestBody {
    /// The station it is for.
    pub station: String,
    /// Whom the certificate is to name.
    pub subject: SubjectBody,
    /// What it is to be good for: words of roles, or `all`.
    pub roles: Vec<String>,
}

/// The CA's answer for a key.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyInstallBody {
    /// The key's name.
    pub name: String,
    /// The file, hexadecimal.
    pub octets: Hidden,
}

/// A key to put to use.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyUseBody {
    /// The key's name.
    pub name: String,
    /// The station.
    pub station: String,
    /// Words of roles; all its certificate is good for when empty.
    pub roles: Vec<String>,
    /// `current`, `next` or `previous`.
    pub slot: String,
    /// Whether another key in that place gives way.
    pub replace: bool,
    /// Whether a certificate that says otherwise is no hindrance.
    pub force: bool,
}

/// Which uses end; what is absent does not narrow.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyUnuseBody {
    /// The key's name.
    pub name: Option<String>,
    /// The station.
    pub station: Option<String>,
    /// Words of roles; all when empty.
    pub roles: Vec<String>,
    /// The slot.
    pub slot: Option<String>,
}

/// Whose next keys become current.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPromoteBody {
    /// The station.
    pub station: String,
    /// Words of roles; all that have a next key when empty.
    pub roles: Vec<String>,
}

/// How a key is given out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyExportBody {
    /// The key's name.
    pub name: String,
    /// `pkcs8`, `pkcs12`, or `certificate` for its certificates alone.
    pub form: String,
    /// What it is encrypted under.
    pub passphrase: Option<Hidden>,
}

/// One key with what can be said about it.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyDetail {
    /// The key.
    pub key: KeyView,
    /// In words: whose, what for, until when, what breaks on that day.
    pub explanation: String,
    /// What an operator should know of what was just done.
    pub notes: Vec<String>,
}

/// Uses of keys.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyUsesBody {
    /// The uses.
    pub uses: Vec<KeyUseView>,
    /// What an operator should know of what was just done.
    pub notes: Vec<String>,
}

/// A file with a key, a request or certificates.
#[derive(Debug, Serialize, Deserialize)]
pub struct KeyFileBody {
    /// The file, hexadecimal.
    pub octets: Hidden,
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// For programs.
    pub kind: RefusalKind,
    /// For people: what, where, what to do. May have several lines.
    pub message: String,
}

impl Refusal {
    pub(super) fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Refusal {
            kind,
            message: message.into(),
        }
    }
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The line is no request, or too long.
    Malformed,
    /// The command line is newer than the running process.
    Newer,
    /// What was named is not there.
    NotFound,
    /// A rule forbids it.
    Refused,
    /// It was tried and failed.
    Failed,
    /// Too much is under way.
    Busy,
    /// A kind this command line does not know.
    #[serde(other)]
    Other,
}

/// Writes a request as its line, end of line included.
///
/// # Errors
/// Never for the requests there are; the serialiser's word otherwise.
pub fn request_line(command: &Command) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    line(command)
}

/// Writes an answer as its line, end of line included.
///
/// # Errors
/// Never for the answers there are; the serialiser's word otherwise.
pub fn answer_line(answer: &Answer) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    line(answer)
}

fn line<T: Serialize>(content: &T) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    #[derive(Serialize)]
    struct Line<'a, T> {
        version: u16,
        #[serde(flatten)]
        content: &'a T,
    }
    let mut line = Zeroizing::new(Vec::with_capacity(1024));
    serde_json::to_writer(
        &mut *line,
        &Line {
            version: VERSION,
            content,
        },
    )?;
    line.push(b'\n');
    Ok(line)
}

/// Reads an answer from its line.
///
/// # Errors
/// A sentence, when the running process says what this command line does not understand.
pub fn read_answer(line: &[u8]) -> Result<Answer, String> {
    serde_json::from_slice(line).map_err(|error| {
        format!(
            "the running process answered what this command line (version {}, protocol {VERSION}) \
             does not understand ({error}); use the command line of the same version",
            env!("CARGO_PKG_VERSION")
        )
    })
}

/// Reads a request from its line.
///
/// # Errors
/// The refusal to answer with.
pub fn read_request(line: &[u8]) -> Result<Command, Refusal> {
    #[derive(Deserialize)]
    struct Head {
        version: u16,
        command: String,
    }
    let head: Head = serde_json::from_slice(line).map_err(|error| {
        Refusal::new(
            RefusalKind::Malformed,
            format!("this is no request: {error}"),
        )
    })?;
    if head.version > VERSION || !COMMANDS.contains(&head.command.as_str()) {
        return Err(Refusal::new(
            RefusalKind::Newer,
            format!(
                "the running process (version {}, protocol {VERSION}) does not know the command \
                 \"{}\" of protocol {}: this command line is newer; restart the process after an \
                 upgrade, or use the command line it came with",
                env!("CARGO_PKG_VERSION"),
                head.command.escape_debug(),
                head.version,
            ),
        ));
    }
    serde_json::from_slice(line).map_err(|error| {
        Refusal::new(
            RefusalKind::Malformed,
            format!("the command \"{}\" cannot be read: {error}", head.command),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_what_it_writes() {
        for command in [
            Command::Status,
            Command::TransferList(ListBody {
                limit: Some(3),
                ..ListBody::default()
            }),
            Command::Export(ExportBody {
                with_passwords: true,
            }),
        ] {
            let line = request_line(&command).unwrap();
            assert_eq!(line.iter().filter(|octet| **octet == b'\n').count(), 1);
            let again = request_line(&read_request(&line).unwrap()).unwrap();
            assert_eq!(line, again);
        }
    }

    #[test]
    fn every_command_is_in_the_list_of_names() {
        // `unknown variant` is serde's word for a name the enum does not have.
        for name in COMMANDS {
            let line = format!("{{\"version\":1,\"command\":\"{name}\",\"body\":{{}}}}");
            if let Err(refusal) = read_request(line.as_bytes()) {
                assert!(!refusal.message.contains("unknown variant"), "{refusal:?}");
            }
        }
        let error = serde_json::from_str::<Command>("{\"command\":\"x\"}").unwrap_err();
        let listed = error.to_string();
        assert_eq!(
            listed.matches('`').count(),
            2 * (COMMANDS.len() + 1),
            "{listed}"
        );
    }

    #[test]
    fn refuses_what_a_newer_command_line_says() {
        for line in [
            "{\"version\":2,\"command\":\"status\"}",
            "{\"version\":1,\"command\":\"partner_dance\",\"body\":{\"steps\":3}}",
        ] {
            let refusal = read_request(line.as_bytes()).unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::Newer);
            assert!(refusal.message.contains("newer"), "{refusal:?}");
        }
        let line =
            "{\"version\":1,\"command\":\"call\",\"body\":{\"partner\":\"A\",\"loud\":true}}";
        let refusal = read_request(line.as_bytes()).unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::Malformed);
        assert!(refusal.message.contains("loud"), "{refusal:?}");
    }

    #[test]
    fn a_hidden_value_is_in_no_debug_output_and_no_error() {
        assert_eq!(format!("{:?}", Hidden::new("hunter2".to_owned())), "***");
        for value in [
            "424242",
            "-424242",
            "4242.42",
            "[\"hunter2\"]",
            "{\"hunter2\":1}",
        ] {
            let line = format!(
                "{{\"version\":1,\"command\":\"apply\",\"body\":{{\"file\":\"f\",\"text\":{value}}}}}"
            );
            let refusal = read_request(line.as_bytes()).unwrap_err();
            assert!(!refusal.message.contains("4242"), "{refusal:?}");
            assert!(!refusal.message.contains("hunter2"), "{refusal:?}");
        }
    }
}
