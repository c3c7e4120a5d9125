//! The two directions of the control stream, typed by what each may carry.

use std::fmt;
use std::marker::PhantomData;

use bytes::{Buf, Bytes};
use quinn::{RecvStream, SendStream};

use crate::codec::{self, FrameReader};
use crate::error::LinkError;
use crate::message::Message;
use crate::traffic::Traffic;

/// Sends control messages, each after the other.
pub struct ControlSender<T> {
    stream: SendStream,
    /// What is left of a message whose sending was given up.
    pending: Bytes,
    traffic: Traffic,
    carries: PhantomData<fn(T)>,
}

impl<T: Message> ControlSender<T> {
    pub(crate) fn new(stream: SendStream, traffic: Traffic) -> Self {
        ControlSender {
            stream,
            pending: Bytes::new(),
            traffic,
            carries: PhantomData,
        }
    }

    /// Sends one message; waits while the other end's window is full. A message whose sending was
    /// given up halfway is completed before the next, so that the stream stays readable.
    ///
    /// # Errors
    /// When the message is over its ceiling, or the link has ended.
    pub async fn send(&mut self, message: &T) -> Result<(), LinkError> {
        let framed = codec::encode(message)?;
        self.flush().await?;
        self.pending = framed;
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), LinkError> {
        while !self.pending.is_empty() {
            let writing = self.stream.write(&self.pending);
            let written = self.traffic.message(writing).await?;
            self.pending.advance(written);
        }
        Ok(())
    }
}

impl<T> fmt::Debug for ControlSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlSender").finish_non_exhaustive()
    }
}

/// Receives control messages.
pub struct ControlReceiver<T> {
    stream: RecvStream,
    frames: FrameReader,
    carries: PhantomData<fn() -> T>,
}

impl<T: Message> ControlReceiver<T> {
    pub(crate) fn new(stream: RecvStream) -> Self {
        ControlReceiver {
            stream,
            frames: FrameReader::default(),
            carries: PhantomData,
        }
    }

    /// The next message. May be given up at any time: nothing is lost.
    ///
    /// # Errors
    /// When the message is over its ceiling or not understood, or stream or link have ended; after
    /// any of them the link is of no more use.
    pub async fn receive(&mut self) -> Result<T, LinkError> {
        let message = self.frames.read(&mut self.stream).await?;
        message.ok_or(LinkError::Ended { what: T::NAME })
    }
}

impl<T> fmt::Debug for ControlReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlReceiver").finish_non_exhaustive()
    }
}
