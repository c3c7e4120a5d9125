//! Receipts that come for what we sent.
//!
//! Some partners swap originator and destination in their receipts, and below level 4 a receipt's stamp
//! has neither century nor counter: a receipt is matched to the file it can only be for.

use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use oftp::FileId;
use rusqlite::Connection;

use super::accept::{keep_invalid, settle, state_by};
use super::{ArrivedReceipt, Judge, Judgement, Settled, Settlement, pass_back};
use crate::crash;
use crate::error::{ReceiptProblem, StoreError};
use crate::evidence;
use crate::layout;
use crate::outbound::was_offered;
use crate::row;
use crate::store::{Live, Store};
use crate::transfer::{Direction, State, Transfer, TransferId};

impl Store {
    /// Settles the transfer a partner's receipt is for, unless that is not to be believed. The receipt for a forwarded file becomes, in the
    /// same commit and unchanged, the one we owe the partner the file came from. The same receipt a
    /// second time changes nothing. The partner is answered (RTR) in any case.
    ///
    /// # Errors
    /// [`ReceiptProblem`]: for no file we sent to that partner, for one that it cannot have, against an
    /// earlier receipt, with its addresses swapped where that is refused, or a failure of the store.
    pub fn receipt_arrived(
        &self,
        partner: &str,
        receipt: ArrivedReceipt,
        circuit: &str,
        now: Timestamp,
    ) -> Result<Settlement, ReceiptProblem> {
        let arrival = Arrival {
            partner: partner.to_owned(),
            receipt,
            circuit: circuit.to_owned(),
            now,
        };
        let live = self.inner.live.clone();
        let (settlement, state) = self.run(move |journal| arrival.settle(journal, &live))?;
        crash::point("receipt.settled");
        if state == State::Acknowledged {
            self.remove_sent(settlement.settled.transfer())?;
        }
        if matches!(settlement.settled, Settled::Forwarded { .. }) {
            self.tell_of_work();
        }
        Ok(settlement)
    }

    /// Removes what the partner has for good. A kill before this leaves it to the next start.
    pub(super) fn remove_sent(&self, id: TransferId) -> Result<(), StoreError> {
        let spool = &self.inner.layout;
        layout::remove_file(&spool.spool_file(Direction::Out, id))?;
        layout::remove_file(&spool.clear_file(id))
    }
}

/// A receipt as it came.
struct Arrival {
    partner: String,
    receipt: ArrivedReceipt,
    circuit: String,
    now: Timestamp,
}

impl Arrival {
    fn settle(
        self,
        journal: &Connection,
        live: &Live,
    ) -> Result<(Settlement, State), ReceiptProblem> {
        let (transfer, swapped) = self.find(journal)?;
        let (id, state) = (transfer.id, transfer.state);
        let partner = self.partner.clone();
        if transfer.partner != partner {
            return Err(ReceiptProblem::NotOurs {
                partner,
                id,
                owner: transfer.partner,
            });
        }
        if swapped && self.receipt.refuse_swapped {
            return Err(ReceiptProblem::Swapped { partner, id });
        }
        let done = |settled, state| Ok((Settlement { settled, swapped }, state));
        let content = &self.receipt.content;
        let settled = state_by(content);
        match state {
            State::Acknowledged | State::Rejected if state == settled => {
                return done(origin(journal, &transfer)?, state);
            }
            State::Acknowledged | State::Rejected => {
                return Err(ReceiptProblem::Contradicts { partner, id, state });
            }
            State::Sent => {}
            // The EFPA was lost, or its record was: the receipt tells as much.
            _ if was_offered(journal, id)? => {}
            _ => return Err(ReceiptProblem::NotSent { partner, id, state }),
        }
        let circuit = self.circuit.as_str();
        if transfer.forwarded_from.is_none() {
            match judge(self.receipt.judge, &transfer) {
                Judgement::Accepted { evidence } => {
                    if let Some(evidence) = evidence {
                        evidence::note(journal, id, &evidence, self.now)?;
                    }
                }
                Judgement::Invalid { why } => {
                    keep_invalid(journal, id, content, &why, circuit, self.now)?;
                    return done(Settled::Invalid { id, why }, state);
                }
            }
        }
        settle(journal, id, content, Some(circuit), self.now)?;
        if let Some(inbound) = transfer.forwarded_from {
            let passed = pass_back(journal, live, inbound, content, self.now)?;
            if passed.is_none() {
                let why = "it was told otherwise before, or its entry is gone";
                row::step(journal, id, self.now, "receipt not passed on", why, None)?;
            }
        }
        done(origin(journal, &transfer)?, settled)
    }

    /// The file it is for, and whether it names that with its addresses swapped: of those it may mean, one of this partner before one of another, one it names
    /// exactly before one it names swapped or shortened (the same receipt a second time must not settle
    /// another file of that second), and one that waits for it before one that does not.
    fn find(&self, journal: &Connection) -> Result<(Transfer, bool), ReceiptProblem> {
        let file = &self.receipt.file;
        let stamp = file.stamp.to_string();
        let (from, to) = if self.receipt.level.has_short_stamp() {
            let second = stamp.get(..14).unwrap_or_default();
            (format!("{second}0000"), format!("{second}9999"))
        } else {
            (stamp.clone(), stamp)
        };
        let found = row::select(
            journal,
            "WHERE direction = 'out' AND dataset = ?1 AND stamp BETWEEN ?2 AND ?3 AND state <> 'taking' \
             ORDER BY seq",
            (file.dataset.as_str(), from, to),
        )?;
        let meant = found
            .into_iter()
            .filter_map(|transfer| Some((self.likeness(&transfer)?, transfer)))
            .min_by_key(|(likeness, _)| *likeness);
        meant
            .map(|((_, swapped, ..), transfer)| (transfer, swapped))
            .ok_or_else(|| ReceiptProblem::Unknown {
                partner: self.partner.clone(),
                file: file.to_string(),
            })
    }

    /// The smaller, the likelier it means that transfer; `None` when it cannot mean it.
    fn likeness(&self, transfer: &Transfer) -> Option<Likeness> {
        let (named, known, level) = (&self.receipt.file, &transfer.file, self.receipt.level);
        let swapped = FileId {
            origin: named.destination.clone(),
            destination: named.origin.clone(),
            ..named.clone()
        };
        let is = |named: &FileId| named.same_at(known, level);
        let turned = !is(named);
        if turned && !is(&swapped) {
            return None;
        }
        let elsewhere = transfer.partner != self.partner;
        let settled = matches!(transfer.state, State::Acknowledged | State::Rejected);
        let unsent = transfer.state != State::Sent;
        Some((
            elsewhere,
            turned,
            named.stamp != known.stamp,
            settled,
            unsent,
        ))
    }
}

/// The judge's word. One that panics must not take the journal's thread with it: partners choose what it
/// reads.
fn judge(judge: Judge, transfer: &Transfer) -> Judgement {
    catch_unwind(AssertUnwindSafe(|| judge(transfer))).unwrap_or_else(|_| Judgement::Invalid {
        why: "it could not be judged; the log says where that broke off".to_owned(),
    })
}

/// What tells against a transfer, the weightiest first: it went to another partner; it is named with its
/// addresses swapped; not with its own stamp; it is settled; it does not wait for a receipt.
type Likeness = (bool, bool, bool, bool, bool);

/// Where what was settled came from.
fn origin(journal: &Connection, transfer: &Transfer) -> Result<Settled, StoreError> {
    let outbound = transfer.id;
    let Some(inbound) = transfer.forwarded_from else {
        return Ok(Settled::Closed(outbound));
    };
    let sql = "SELECT partner FROM transfer WHERE id = ?1";
    let to: Option<String> = row::value(journal, sql, [inbound.to_string()])?;
    Ok(match to {
        Some(to) => Settled::Forwarded {
            outbound,
            inbound,
            to,
        },
        None => Settled::Closed(outbound),
    })
}
