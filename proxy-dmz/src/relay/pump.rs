//! Octets both ways until one side is done: half-close, idle deadline, counts.
//!
//! Each direction holds a buffer only while it has octets in hand; a quiet circuit holds none. What
//! comes from the partner is decrypted into a buffer that then travels to the link as it is.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::link::{Circuit, CircuitReader, CircuitWriter, LinkError};
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use super::gate::{Gate, Refusal};

/// What every octet of a direction has to pass.
#[derive(Debug)]
pub enum Guard {
    /// OFTP2 in clear: the gate looks at every frame.
    Oftp(Gate),
    /// Ciphertext between the partner and the inner half: nothing to look at.
    Sealed,
}

/// How a circuit ended.
#[derive(Debug)]
pub struct Ending {
    /// Octets carried from the partner to the inner half.
    pub octets_in: u64,
    /// Octets carried from the inner half to the partner.
    pub octets_out: u64,
    /// What ended it.
    pub why: Why,
}

/// What ended a circuit.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The inner half had nothing more to say, and the partner was told so.
    #[error("the inner half closed the circuit")]
    InnerClosed,
    /// An octet that must not cross.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Nothing moved for too long.
    #[error("no octet moved for {} s", .0.as_secs())]
    Idle(Duration),
    /// The partner's connection broke.
    #[error("the partner's connection broke: {0}")]
    PartnerLost(#[source] io::Error),
    /// The circuit's stream on the link broke, or the inner half reset it.
    #[error("the inner half's end broke: {0}")]
    CircuitLost(#[source] io::Error),
    /// This process, or the link, came to its end first.
    #[error("{0}")]
    Stopped(&'static str),
}

/// Carries octets between a partner and a circuit until the inner half closes, something breaks,
/// nothing moves for `idle`, or `stop` says why it must end now.
///
/// On every end but the inner half's own, the inner half sees its stream reset, never a clean end.
pub async fn relay<P, S>(
    partner: P,
    circuit: Circuit,
    (from_partner, from_inner): (Guard, Guard),
    idle: Duration,
    stop: S,
) -> Ending
where
    P: AsyncRead + AsyncWrite + Unpin,
    S: Future<Output = &'static str>,
{
    let (mut to_inner, mut of_inner) = circuit.into_halves();
    let (mut of_partner, mut to_partner) = tokio::io::split(partner);
    let moved = Moved::new();
    let why = {
        let mut inward = pin!(carry_in(
            &mut of_partner,
            &mut to_inner,
            from_partner,
            &moved
        ));
        let mut outward = pin!(carry_out(
            &mut of_inner,
            &mut to_partner,
            from_inner,
            &moved
        ));
        let mut quiet = pin!(moved.quiet_for(idle));
        let mut stop = pin!(stop);
        let mut partner_done = false;
        loop {
            tokio::select! {
                ended = &mut inward, if !partner_done => match ended {
                    Ok(()) => partner_done = true,
                    Err(why) => break why,
                },
                ended = &mut outward => match ended {
                    Ok(()) => {
                        if !partner_done {
                            // Closing with unread octets would reset the connection, and with it
                            // what the partner has not read yet.
                            let _ = timeout(LINGER, &mut inward).await;
                        }
                        break Why::InnerClosed;
                    }
                    Err(why) => break why,
                },
                () = &mut quiet => break Why::Idle(idle),
                reason = &mut stop => break Why::Stopped(reason),
            }
        }
    };
    if !matches!(why, Why::InnerClosed) {
        to_inner.abort(RESET);
        of_inner.abort(RESET);
    }
    Ending {
        octets_in: moved.inward.load(Ordering::Relaxed),
        octets_out: moved.outward.load(Ordering::Relaxed),
        why,
    }
}

async fn carry_in<P>(
    partner: &mut ReadHalf<P>,
    inner: &mut CircuitWriter,
    mut guard: Guard,
    moved: &Moved,
) -> Result<(), Why>
where
    P: AsyncRead + AsyncWrite + Unpin,
{
    let mut held = BytesMut::new();
    loop {
        let read = match read_some(partner, &mut held, RECORD).await {
            Ok(read) => read,
            // Many close their connection without closing TLS first; ESID marks the end, not TLS.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            Err(error) => return Err(Why::PartnerLost(error)),
        };
        if read == 0 {
            return inner.finish().await.map_err(circuit_lost);
        }
        moved.now();
        loop {
            let passed = guard.check(&held)?;
            if passed == 0 {
                break;
            }
            inner
                .write_bytes(parcel(held.split_to(passed)))
                .await
                .map_err(circuit_lost)?;
            moved.count(&moved.inward, passed);
        }
    }
}

async fn carry_out<P>(
    inner: &mut CircuitReader,
    partner: &mut WriteHalf<P>,
    mut guard: Guard,
    moved: &Moved,
) -> Result<(), Why>
where
    P: AsyncRead + AsyncWrite + Unpin,
{
    let mut held = BytesMut::new();
    loop {
        let read = read_some(inner, &mut held, BUFFER)
            .await
            .map_err(Why::CircuitLost)?;
        if read == 0 {
            return partner.shutdown().await.map_err(Why::PartnerLost);
        }
        moved.now();
        loop {
            let passed = guard.check(&held)?;
            let Some(octets) = held.get(..passed).filter(|octets| !octets.is_empty()) else {
                break;
            };
            partner.write_all(octets).await.map_err(Why::PartnerLost)?;
            held.advance(passed);
            moved.count(&moved.outward, passed);
        }
        partner.flush().await.map_err(Why::PartnerLost)?;
    }
}

/// Reads what is there, with room for at least `room`; while nothing is there, no buffer is held
/// unless it has octets in it.
async fn read_some<R>(from: &mut R, held: &mut BytesMut, room: usize) -> io::Result<usize>
where
    R: AsyncRead + Unpin,
{
    poll_fn(|context| {
        if held.capacity() - held.len() < room {
            held.reserve(BUFFER);
        }
        let polled = pin!(from.read_buf(held)).poll(context);
        if polled.is_pending() && held.is_empty() {
            *held = BytesMut::new();
        }
        polled
    })
    .await
}

/// Octets that travel on by themselves: a few are copied, since they would keep a whole buffer.
fn parcel(octets: BytesMut) -> Bytes {
    if octets.len() <= FEW {
        Bytes::copy_from_slice(&octets)
    } else {
        octets.freeze()
    }
}

fn circuit_lost(error: LinkError) -> Why {
    Why::CircuitLost(error.into())
}

impl Guard {
    fn check(&mut self, octets: &[u8]) -> Result<usize, Refusal> {
        match self {
            Guard::Oftp(gate) => gate.check(octets),
            Guard::Sealed => Ok(octets.len()),
        }
    }
}

/// What has moved, and when something last did.
#[derive(Debug)]
struct Moved {
    begun: Instant,
    /// Milliseconds after `begun`.
    last: AtomicU64,
    inward: AtomicU64,
    outward: AtomicU64,
}

impl Moved {
    fn new() -> Moved {
        Moved {
            begun: Instant::now(),
            last: AtomicU64::new(0),
            inward: AtomicU64::new(0),
            outward: AtomicU64::new(0),
        }
    }

    fn now(&self) {
        let passed = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(passed, Ordering::Relaxed);
    }

    fn count(&self, direction: &AtomicU64, octets: usize) {
        direction.fetch_add(octets as u64, Ordering::Relaxed);
        self.now();
    }

    async fn quiet_for(&self, idle: Duration) {
        loop {
            let due = self.begun + Duration::from_millis(self.last.load(Ordering::Relaxed)) + idle;
            if due <= Instant::now() {
                return;
            }
            sleep_until(due).await;
        }
    }
}

/// Octets asked for at a time: fewer cost processor time, more cost memory (docs/performance.md).
const BUFFER: usize = 64 * 1024;
/// One TLS record, which is what TLS gives at a time: with less room a new buffer is cheaper.
const RECORD: usize = 16 * 1024;
/// So little that a copy is cheaper than the buffer it would keep.
const FEW: usize = 2 * 1024;
/// How long a partner has to close after we did.
const LINGER: Duration = Duration::from_secs(5);
/// Tells the inner half that its stream did not end cleanly.
const RESET: u32 = 1;
