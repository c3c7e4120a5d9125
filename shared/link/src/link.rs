//! `Link`: an established link, from either end.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use quinn::{Connection, Endpoint, RecvStream, SendStream, VarInt};
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::circuit::Circuit;
use crate::codec;
use crate::control::{ControlReceiver, ControlSender};
use crate::error::{LinkError, close, stream};
use crate::limits::{MAX_FIRST_MESSAGES, MAX_RECEIVE_WINDOW, OPEN_DEADLINE};
use crate::message::{FromDmz, FromInner, Message};
use crate::pin::Pin;
use crate::quic::Tuning;
use crate::traffic::Traffic;
use crate::window::ReceiveWindow;

/// An established link: key proven, versions agreed. Clones are handles of the same link; it stays
/// up until one end closes it, silence ends it, or the last handle and circuit are gone.
#[derive(Clone, Debug)]
pub struct Link {
    pub(crate) shared: Arc<Shared>,
}

/// What both ends know when a link is established.
pub(crate) struct Established {
    pub(crate) endpoint: Endpoint,
    pub(crate) connection: Connection,
    pub(crate) control: (SendStream, RecvStream),
    pub(crate) side: Side,
    pub(crate) peer_pin: Pin,
    pub(crate) peer_software: String,
    pub(crate) epoch: u64,
    pub(crate) tuning: Tuning,
}

/// Which half this end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Dmz,
    Inner,
}

impl Link {
    /// Must be called inside a tokio runtime, on which streams are then taken in.
    pub(crate) fn new(established: Established) -> Link {
        let Established {
            endpoint,
            connection,
            control,
            side,
            ..
        } = established;
        let (sender, opened) = mpsc::channel(1);
        let traffic = Traffic::default();
        let intake = Intake {
            side,
            tuning: established.tuning,
            sender,
            traffic: traffic.clone(),
        };
        let intake = tokio::spawn(intake.run(connection.clone())).abort_handle();
        Link {
            shared: Arc::new(Shared {
                peer_address: connection.remote_address(),
                endpoint,
                connection,
                peer_pin: established.peer_pin,
                peer_software: established.peer_software,
                epoch: established.epoch,
                control: Mutex::new(Some(control)),
                opened: tokio::sync::Mutex::new(opened),
                traffic,
                intake,
            }),
        }
    }

    /// The pin of the key the other end has proven.
    pub fn peer_pin(&self) -> Pin {
        self.shared.peer_pin
    }

    /// The other end's address.
    pub fn peer_address(&self) -> SocketAddr {
        self.shared.peer_address
    }

    /// Name and version of the other end's software, in its own words, cut to 100 letters.
    pub fn peer_software(&self) -> &str {
        &self.shared.peer_software
    }

    /// The inner half's epoch, as its greeting said.
    pub fn epoch(&self) -> u64 {
        self.shared.epoch
    }

    /// The transport's present estimate of the round trip.
    pub fn rtt(&self) -> Duration {
        self.shared.connection.rtt()
    }

    /// Whether the link has ended.
    pub fn is_closed(&self) -> bool {
        self.shared.connection.close_reason().is_some()
    }

    /// Waits for the link's end and tells why it came.
    pub async fn closed(&self) -> LinkError {
        self.shared.connection.closed().await.into()
    }

    /// Ends the link and all its circuits; the other end's operator reads `reason`. What is under
    /// way is dropped.
    pub fn close(&self, reason: &str) {
        self.shared.connection.close(close::DONE, reason.as_bytes());
    }

    /// After [`Link::close`]: waits until the other end has surely been told (three round trips or
    /// so). Worth the wait before the process ends.
    pub async fn drained(&self) {
        self.shared.endpoint.wait_idle().await;
    }

    /// The control stream, typed by side: the inner half sends [`crate::message::ToDmz`] and
    /// receives [`crate::message::ToInner`], the DMZ half the other way round.
    ///
    /// # Errors
    /// [`LinkError::ControlTaken`] from the second time on.
    pub fn control<Tx: Message, Rx: Message>(
        &self,
    ) -> Result<(ControlSender<Tx>, ControlReceiver<Rx>), LinkError> {
        let mut control = self
            .shared
            .control
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (send, receive) = control.take().ok_or(LinkError::ControlTaken)?;
        let traffic = self.shared.traffic.clone();
        Ok((
            ControlSender::new(send, traffic),
            ControlReceiver::new(receive),
        ))
    }

    /// Opens a stream and sends its first message: [`FromInner`] from the inner half, [`FromDmz`]
    /// from the DMZ half.
    ///
    /// # Errors
    /// When the message is over its ceiling, when the other end lets no more stream be opened
    /// within [`OPEN_DEADLINE`], or when the link has ended.
    pub async fn open<T: Message>(&self, first: &T) -> Result<Circuit, LinkError> {
        let framed = codec::encode(first)?;
        let opening = async {
            let (send, receive) = self.shared.connection.open_bi().await?;
            let mut circuit = Circuit::new(send, receive, self.shared.traffic.clone());
            circuit.halves().0.write_message(framed).await?;
            Ok(circuit)
        };
        timeout(OPEN_DEADLINE, opening)
            .await
            .unwrap_or(Err(LinkError::Deadline {
                what: "room for one more stream",
                after: OPEN_DEADLINE,
            }))
    }

    /// The next stream the other end has opened, with its first message. Streams whose first
    /// message is late, over its ceiling or not understood are refused and logged here. May be
    /// given up at any time, and called from several tasks.
    ///
    /// # Errors
    /// Only when the link has ended.
    pub async fn accept<T: Message>(&self) -> Result<(T, Circuit), LinkError> {
        loop {
            let opened = self.shared.opened.lock().await.recv().await;
            let Some((octets, mut circuit)) = opened else {
                return Err(self.closed().await);
            };
            match codec::decode(&octets) {
                Ok(first) => return Ok((first, circuit)),
                Err(error) => refuse(&mut circuit, self.shared.peer_address, &error),
            }
        }
    }
}

/// What the handles of one link share.
#[derive(Debug)]
pub(crate) struct Shared {
    endpoint: Endpoint,
    connection: Connection,
    peer_pin: Pin,
    peer_address: SocketAddr,
    peer_software: String,
    epoch: u64,
    control: Mutex<Option<(SendStream, RecvStream)>>,
    opened: tokio::sync::Mutex<mpsc::Receiver<Opened>>,
    traffic: Traffic,
    intake: AbortHandle,
}

impl Shared {
    /// The transport itself, for tests that break the rules above it.
    #[cfg(test)]
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether the link is up, with the epoch it was greeted with.
    pub(crate) fn live_epoch(&self) -> Option<u64> {
        self.connection
            .close_reason()
            .is_none()
            .then_some(self.epoch)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.intake.abort();
    }
}

/// A stream with the octets of its first message.
type Opened = (Vec<u8>, Circuit);

/// Takes in the streams the other end opens and reads each first message in a task of its own, so
/// that a slow one holds up nobody else; and sees to the receive window.
struct Intake {
    side: Side,
    tuning: Tuning,
    sender: mpsc::Sender<Opened>,
    traffic: Traffic,
}

impl Intake {
    async fn run(self, connection: Connection) {
        let peer = connection.remote_address();
        let mut reading = JoinSet::new();
        let mut window = WindowKeeper::new(&self.tuning);
        let mut ticks = interval(self.tuning.window_tick);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(_) = reading.join_next() => {}
                _ = ticks.tick() => window.tick(&connection, &self.traffic),
                accepted = connection.accept_bi(), if reading.len() < MAX_FIRST_MESSAGES => {
                    let Ok((send, receive)) = accepted else { return };
                    let circuit = Circuit::new(send, receive, self.traffic.clone());
                    let (deadline, sender) = (self.tuning.first_message, self.sender.clone());
                    reading.spawn(read_first(circuit, self.side, deadline, sender, peer));
                }
            }
        }
    }
}

/// What the receive window was decided on last.
struct WindowKeeper {
    window: ReceiveWindow,
    complaints: u64,
    read: u64,
}

impl WindowKeeper {
    fn new(tuning: &Tuning) -> Self {
        let least = tuning.receive_window;
        let most = MAX_RECEIVE_WINDOW.max(least);
        let window = ReceiveWindow::new(least, most, tuning.stream_window);
        WindowKeeper {
            window,
            complaints: 0,
            read: 0,
        }
    }

    fn tick(&mut self, connection: &Connection, traffic: &Traffic) {
        let (complaints, read) = (
            connection.stats().frame_rx.data_blocked,
            traffic.total_read(),
        );
        let wanted = self
            .window
            .tick(complaints != self.complaints, read != self.read);
        (self.complaints, self.read) = (complaints, read);
        if let Some(octets) = wanted {
            connection.set_receive_window(VarInt::from_u32(octets));
            tracing::debug!(peer = %connection.remote_address(), octets, "The link's receive window is changed because of stalled circuits.");
        }
    }
}

async fn read_first(
    circuit: Circuit,
    side: Side,
    deadline: Duration,
    sender: mpsc::Sender<Opened>,
    peer: SocketAddr,
) {
    let mut circuit = circuit;
    let (what, ceiling): (_, fn(u8) -> usize) = match side {
        Side::Dmz => (FromInner::NAME, FromInner::ceiling),
        Side::Inner => (FromDmz::NAME, FromDmz::ceiling),
    };
    let (frames, octets) = circuit.halves().1.frames();
    let read = timeout(deadline, frames.read_octets(octets, what, ceiling)).await;
    match read.unwrap_or(Err(LinkError::Deadline {
        what,
        after: deadline,
    })) {
        // Fails only when the link's last handle is gone.
        Ok(Some(octets)) => drop(sender.send((octets, circuit)).await),
        Ok(None) => refuse(&mut circuit, peer, &LinkError::Ended { what }),
        Err(error) => refuse(&mut circuit, peer, &error),
    }
}

fn refuse(circuit: &mut Circuit, peer: SocketAddr, error: &LinkError) {
    if error.spares_link() {
        tracing::warn!(%peer, %error, "A stream of the other half was refused.");
    }
    let code = match error {
        LinkError::Deadline { .. } => stream::LATE,
        _ => stream::MALFORMED,
    };
    circuit.abort(u32::try_from(code.into_inner()).unwrap_or_default());
}
