//! The desk's part in opening the session: who we are to the partner, whether it is who it should be,
//! and secure authentication.

use std::sync::Arc;
use std::time::Duration;

use engine::{Agreement, Identity, Refusal, Request, Session};
use oftp::{EndReason, Ssid, UserField};

use super::{Desk, Done};
use crate::session::answers::{self, Verdict};
use crate::session::report::Ending;

impl Desk {
    pub(super) fn answer_caller(&mut self, session: &mut Session, now: Duration) {
        let answer = match self.verdict.take() {
            Some(Verdict::Welcome(party)) => Ok(Identity {
                code: party.station.code.clone(),
                password: party.partner.password_sent.clone(),
                user: UserField::default(),
            }),
            Some(Verdict::Refuse(reason)) => {
                let why = format!("the caller was turned away: {}", reason.text());
                self.ending.get_or_insert(Ending::Aborted {
                    reason: Some(reason),
                    why,
                });
                Err(Refusal {
                    reason,
                    text: String::new(),
                })
            }
            // Only a called session has this event, and it has it once.
            None => Err(Refusal {
                reason: EndReason::UNSPECIFIED,
                text: String::new(),
            }),
        };
        self.request(session, Request::ConnectResponse(answer), now);
    }

    pub(super) fn connected(
        &mut self,
        agreement: Agreement,
        answer: &Ssid,
        session: &mut Session,
        now: Duration,
    ) {
        let Some(party) = &self.party else {
            return;
        };
        tracing::info!(
            circuit = %self.circuit,
            partner = party.partner.name,
            station = party.station.name,
            level = %agreement.level,
            buffer = agreement.buffer,
            credit = agreement.credit,
            restart = agreement.restart,
            compression = agreement.compression,
            authenticated = agreement.authentication,
            "A session is open.",
        );
        self.live.set_partner(&party.partner.name);
        self.agreement = Some(agreement);
        self.judge_answer(answer, session, now);
    }

    /// The caller was judged before; whom we called is judged by its SSID, once it has come.
    pub(super) fn judge_answer(&mut self, answer: &Ssid, session: &mut Session, now: Duration) {
        let Some(party) = &self.party else {
            return;
        };
        if let Some((reason, why)) = answers::wrong_answer(&party.partner, answer) {
            tracing::error!(
                circuit = %self.circuit,
                partner = self.partner(),
                why,
                "The partner we called is not who it should be.",
            );
            self.context.counters.partners_refused.one();
            self.end(session, now, reason, why);
        }
    }

    /// The partner is to prove that it holds the key to one of its certificates.
    pub(super) fn challenge(&mut self) {
        let Some(party) = self.party.clone() else {
            return;
        };
        let authenticator = Arc::clone(&self.context.authenticator);
        self.work.start(move || {
            let challenge = authenticator.challenge(&party.partner, &party.station.name);
            Done::Challenge(challenge)
        });
    }

    /// The partner wants to know the same of us.
    pub(super) fn challenged(&mut self, sealed: Vec<u8>) {
        let Some(party) = self.party.clone() else {
            return;
        };
        let authenticator = Arc::clone(&self.context.authenticator);
        self.work.start(move || {
            let response = authenticator.respond(&sealed, &party.station.name);
            Done::Response(response)
        });
    }

    /// Why secure authentication failed on our side, if it did; the log has the rest.
    pub(super) fn authentication_failed(&mut self, refusal: Option<&Refusal>) {
        if let Some(Refusal { reason, text }) = refusal {
            self.ending.get_or_insert(Ending::Aborted {
                reason: Some(*reason),
                why: format!("secure authentication failed: {text}"),
            });
        }
    }
}
