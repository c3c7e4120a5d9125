//! What the engine tells the driver: the F_xxx_IND and F_xxx_CF primitives of RFC 5024 section 3.

use oftp::{Deviation, Eerp, EndReason, FileReason, Nerp, Sfid, Ssid};

use crate::Agreement;

/// News for the driver, in the order in which they came about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// F_CONNECT_IND: a partner introduced itself. Check who it is, then answer with
    /// [`Request::ConnectResponse`](crate::Request::ConnectResponse).
    Connect(Ssid),
    /// Initiator only, and only where secure authentication was agreed: the responder's SSID. Check
    /// code and password in it before opening its challenge; release the session with ESID 03 or
    /// 04 if they are wrong.
    Introduced(Ssid),
    /// Secure authentication: make a fresh challenge for the partner and answer with
    /// [`Request::Challenge`](crate::Request::Challenge).
    ChallengeWanted,
    /// Secure authentication: the partner's challenge (AUCHCHAL). Open it with our private key and
    /// answer with [`Request::ChallengeResponse`](crate::Request::ChallengeResponse).
    Challenged(Vec<u8>),
    /// F_CONNECT_CF: the session is open, secure authentication included where it was agreed.
    /// Carries what was agreed and the partner's SSID; an initiator that was not
    /// [`Introduced`](Event::Introduced) checks code and password in it now and releases the
    /// session with ESID 03 or 04 if they are wrong. The responder gets the event too, once its
    /// last word is on its way.
    Connected(Agreement, Ssid),
    /// F_START_FILE_IND: a file is offered; answer with
    /// [`Request::StartFileResponse`](crate::Request::StartFileResponse).
    StartFile(Sfid),
    /// F_START_FILE_CF(+): our offer is accepted; send from this position, at most the one offered,
    /// same unit.
    StartFileAccepted {
        /// SFPAACNT.
        answer: u64,
    },
    /// F_START_FILE_CF(-): our offer is refused; the turn is still ours.
    StartFileRefused {
        /// SFNAREAS.
        reason: FileReason,
        /// SFNARRTR: may the file be offered again in a later session?
        retry: bool,
        /// SFNAREAST.
        text: String,
    },
    /// F_DATA_IND: octets wait in [`Session::take_received`](crate::Session::take_received). One
    /// event stands for all octets that come until they are taken.
    DataReceived,
    /// F_DATA_CF: sending may go on after it had to wait for credit or for the transmit buffer to
    /// drain. Ask [`can_send_data`](crate::Session::can_send_data) and
    /// [`can_close_file`](crate::Session::can_close_file).
    DataConfirm,
    /// F_CLOSE_FILE_IND: the file has arrived whole, its octet count is right. Take all received
    /// octets, make them durable, then answer with
    /// [`Request::CloseFileResponse`](crate::Request::CloseFileResponse).
    CloseFile {
        /// EFIDRCNT.
        records: u64,
        /// EFIDUCNT.
        octets: u64,
    },
    /// F_CLOSE_FILE_CF(+): the partner has our file. `speaker` tells whether the turn is still
    /// ours; if not, the engine has already sent CD and we listen.
    CloseFileAccepted {
        /// F_CLOSE_FILE_CF(+).Speaker.
        speaker: bool,
    },
    /// F_CLOSE_FILE_CF(-): the partner refused our file at its end; the turn is still ours.
    CloseFileRefused {
        /// EFNAREAS.
        reason: FileReason,
        /// EFNAREAST.
        text: String,
    },
    /// The engine refused the partner's file by itself: at the offer (SFNA, no [`Event::StartFile`]
    /// came before) or at its end (EFNA; forget what was received of it).
    FileDropped {
        /// SFNAREAS or EFNAREAS.
        reason: FileReason,
        /// What was wrong, as the partner was told.
        text: String,
    },
    /// F_EERP_IND: a positive receipt; answer with
    /// [`Request::RtrResponse`](crate::Request::RtrResponse).
    Eerp(Eerp),
    /// F_NERP_IND: a negative receipt; answer with
    /// [`Request::RtrResponse`](crate::Request::RtrResponse).
    Nerp(Nerp),
    /// F_RTR_CF: the partner took our receipt and is ready for the next command.
    RtrConfirm,
    /// F_CD_IND: the partner gave us the turn unasked. We may send, or release the session with
    /// reason normal; we may not hand the turn straight back.
    ChangeDirection,
    /// The turn we asked for with EFPA (CD = Y) has arrived; we are speaker. Not given when a
    /// request stored in the meantime was executed instead.
    TurnTaken,
    /// F_RELEASE_IND: the partner ended the session in good order.
    Released,
    /// F_ABORT_IND: the session ended out of order. Given once; only deviations may follow it.
    Aborted {
        /// ESIDREAS sent or received; `None` where no ESID was exchanged.
        reason: Option<EndReason>,
        /// ESIDREAST sent or received.
        text: String,
        /// Who ended it.
        origin: Origin,
        /// What happened, in a sentence for our operator; never shown to the partner.
        detail: String,
    },
    /// The partner broke a rule in a way that is known and tolerated. Each kind is reported once a
    /// session, kinds that belong to a file once a file; [`Stats`](crate::Stats) counts them all.
    Deviation(Deviation),
}

/// Who ended a session: the AO parameter of F_ABORT_IND.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This engine (AO = L).
    Local,
    /// The partner or the network (AO = D).
    Distant,
}
