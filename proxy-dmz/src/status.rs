//! What the inside may know of this half: counts, present numbers, refusals by cause.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use ::link::message::Counters;

/// Counts what happens; one a process, shared by all its parts.
#[derive(Debug, Default)]
pub struct Status {
    accepted: AtomicU64,
    handshakes_now: AtomicU32,
    circuits: AtomicU64,
    dialled: AtomicU64,
    octets_in: AtomicU64,
    octets_out: AtomicU64,
    causes: [AtomicU64; Cause::ALL.len()],
}

/// Why a connection did not become a circuit, or a circuit did not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No place in total.
    Full,
    /// No place for this address.
    AddressFull,
    /// No TLS.
    Hello,
    /// TLS failed.
    Tls,
    /// The handshake took too long.
    HandshakeLate,
    /// No signature from inside.
    Signature,
    /// The inner half refused the partner's certificate.
    CertificateRefused,
    /// No verdict from inside on the partner's certificate.
    Verdict,
    /// No SSID in time.
    SsidLate,
    /// Something else than an SSID.
    SsidJunk,
    /// The inner half could not be reached for an opening.
    OpeningFailed,
    /// The inner half refused the opening.
    OpeningRefused,
    /// The gate ended the circuit.
    Violation,
    /// Nothing moved for too long.
    Idle,
    /// The partner's connection broke.
    PartnerLost,
    /// The inner half's end broke.
    InnerLost,
    /// This process, or the link, came to its end first.
    Stopped,
    /// A defect of ours.
    Internal,
}

impl Cause {
    /// All causes, in the order they are counted in.
    pub const ALL: [Cause; 18] = [
        Cause::Full,
        Cause::AddressFull,
        Cause::Hello,
        Cause::Tls,
        Cause::HandshakeLate,
        Cause::Signature,
        Cause::CertificateRefused,
        Cause::Verdict,
        Cause::SsidLate,
        Cause::SsidJunk,
        Cause::OpeningFailed,
        Cause::OpeningRefused,
        Cause::Violation,
        Cause::Idle,
        Cause::PartnerLost,
        Cause::InnerLost,
        Cause::Stopped,
        Cause::Internal,
    ];

    /// The cause as a label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Cause::Full => "full",
            Cause::AddressFull => "address_full",
            Cause::Hello => "no_tls",
            Cause::Tls => "tls_failed",
            Cause::HandshakeLate => "handshake_late",
            Cause::Signature => "no_signature",
            Cause::CertificateRefused => "certificate_refused",
            Cause::Verdict => "no_verdict",
            Cause::SsidLate => "ssid_late",
            Cause::SsidJunk => "no_ssid",
            Cause::OpeningFailed => "opening_failed",
            Cause::OpeningRefused => "opening_refused",
            Cause::Violation => "violation",
            Cause::Idle => "idle",
            Cause::PartnerLost => "partner_lost",
            Cause::InnerLost => "inner_lost",
            Cause::Stopped => "stopped",
            Cause::Internal => "internal",
        }
    }
}

impl Status {
    /// A TCP connection was accepted.
    pub fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// A handshake is under way until the value is dropped.
    #[must_use]
    pub fn handshake(&self) -> UnderWay<'_> {
        self.handshakes_now.fetch_add(1, Ordering::Relaxed);
        UnderWay {
            count: &self.handshakes_now,
        }
    }

    /// A circuit was opened to the inner half.
    pub fn circuit(&self) {
        self.circuits.fetch_add(1, Ordering::Relaxed);
    }

    /// A call out was made.
    pub fn dialled(&self) {
        self.dialled.fetch_add(1, Ordering::Relaxed);
    }

    /// A circuit has ended after carrying this many octets.
    pub fn carried(&self, octets_in: u64, octets_out: u64) {
        self.octets_in.fetch_add(octets_in, Ordering::Relaxed);
        self.octets_out.fetch_add(octets_out, Ordering::Relaxed);
    }

    /// Something ended for this cause.
    pub fn count(&self, cause: Cause) {
        if let Some(counter) = self.causes.get(cause as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often this cause ended something.
    #[must_use]
    pub fn counted(&self, cause: Cause) -> u64 {
        self.causes
            .get(cause as usize)
            .map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// All of it as the inner half is told; `sessions_now` is what admission counts.
    #[must_use]
    pub fn counters(&self, sessions_now: u32) -> Counters {
        let sum = |causes: &[Cause]| causes.iter().map(|cause| self.counted(*cause)).sum();
        Counters {
            sessions_now,
            handshakes_now: self.handshakes_now.load(Ordering::Relaxed),
            accepted: self.accepted.load(Ordering::Relaxed),
            refused: sum(&[Cause::Full, Cause::AddressFull]),
            handshakes_failed: sum(&[
                Cause::Hello,
                Cause::Tls,
                Cause::HandshakeLate,
                Cause::Signature,
                Cause::CertificateRefused,
                Cause::Verdict,
            ]),
            strangers: sum(&[Cause::SsidLate, Cause::SsidJunk]),
            circuits: self.circuits.load(Ordering::Relaxed),
            dialled: self.dialled.load(Ordering::Relaxed),
            violations: self.counted(Cause::Violation),
            octets_in: self.octets_in.load(Ordering::Relaxed),
            octets_out: self.octets_out.load(Ordering::Relaxed),
        }
    }

    /// The causes that occurred, as `label=count` words, for the log.
    #[must_use]
    pub fn by_cause(&self) -> String {
        let words: Vec<String> = Cause::ALL
            .iter()
            .map(|cause| (cause.label(), self.counted(*cause)))
            .filter(|(_, count)| *count > 0)
            .map(|(label, count)| format!("{label}={count}"))
            .collect();
        if words.is_empty() {
            "none".to_owned()
        } else {
            words.join(" ")
        }
    }
}

/// Something counted as long as it lives.
#[derive(Debug)]
pub struct UnderWay<'a> {
    count: &'a AtomicU32,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_every_cause_at_its_own_place_under_its_own_label() {
        let status = Status::default();
        for (place, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, place);
            status.count(cause);
            assert_eq!(status.counted(cause), 1);
        }
        let labels: std::collections::BTreeSet<_> = Cause::ALL.map(Cause::label).into();
        assert_eq!(labels.len(), Cause::ALL.len());
    }

    #[test]
    fn sums_causes_for_the_inner_half() {
        let status = Status::default();
        for cause in Cause::ALL {
            status.count(cause);
        }
        status.carried(7, 9);
        let under_way = status.handshake();
        let counters = status.counters(3);
        assert_eq!(
            (
                counters.sessions_now,
                counters.handshakes_now,
                counters.refused,
                counters.strangers
            ),
            (3, 1, 2, 2)
        );
        assert_eq!((counters.handshakes_failed, counters.violations), (6, 1));
        assert_eq!((counters.octets_in, counters.octets_out), (7, 9));
        drop(under_way);
        assert_eq!(status.counters(0).handshakes_now, 0);
    }
}
