//! What one inner half orders, gathered from its control stream and its own streams.

use std::time::Duration;

use ::link::message::{Dial, FromInner, ProbeAnswer, ToDmz, ToInner};
use ::link::{Circuit, ControlReceiver, ControlSender, Link, LinkError};
use tokio::time::timeout;
use tracing::debug;

/// The conversation with one inner half; over when its link is.
#[derive(Debug)]
pub struct Control {
    link: Link,
    sender: ControlSender<ToInner>,
    receiver: ControlReceiver<ToDmz>,
}

/// Something the inner half wants done.
#[derive(Debug)]
pub enum Order {
    /// A message on the control stream.
    Message(ToDmz),
    /// Call a partner; the circuit waits for the answer.
    Dial(Dial, Circuit),
}

impl Control {
    /// Begins the conversation.
    ///
    /// # Errors
    /// The link's control stream is taken already.
    pub fn new(link: Link) -> Result<Control, LinkError> {
        let (sender, receiver) = link.control()?;
        Ok(Control {
            link,
            sender,
            receiver,
        })
    }

    /// The next order. Losing the future loses no order.
    ///
    /// # Errors
    /// The link, or its control stream, is over.
    pub async fn next(&mut self) -> Result<Order, LinkError> {
        loop {
            tokio::select! {
                message = self.receiver.receive() => return message.map(Order::Message),
                opened = self.link.accept::<FromInner>() => match opened? {
                    (FromInner::Dial(dial), circuit) => return Ok(Order::Dial(dial, circuit)),
                    (FromInner::Probe(number), circuit) => {
                        tokio::spawn(answer_probe(number, circuit));
                    }
                },
            }
        }
    }

    /// Tells the inner half something. One that does not listen for long is as good as gone.
    ///
    /// # Errors
    /// The link, or its control stream, is over.
    pub async fn tell(&mut self, message: &ToInner) -> Result<(), LinkError> {
        match timeout(PATIENCE, self.sender.send(message)).await {
            Ok(sent) => sent,
            Err(_) => Err(LinkError::Deadline {
                what: "taking a control message",
                after: PATIENCE,
            }),
        }
    }
}

async fn answer_probe(number: u64, mut circuit: Circuit) {
    let answered = async {
        circuit.send_message(&ProbeAnswer(number)).await?;
        circuit.into_halves().0.finish().await
    };
    if let Err(error) = answered.await {
        debug!(%error, "A probe was not answered.");
    }
}

/// How long a control message may take to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
