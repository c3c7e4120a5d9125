//! `Circuit`: one stream of the link once opened, messages first and then plain octets both ways,
//! with back-pressure from the transport.
//!
//! A clean end is only ever what the other end called one: a writer that is dropped unfinished
//! resets its stream, so that a crash, an error or a cancelled task is never taken for the end of
//! the octets.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use quinn::{RecvStream, SendStream, VarInt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::codec::{self, FrameReader};
use crate::error::{LinkError, stream};
use crate::message::Message;
use crate::traffic::Traffic;
use crate::turn::Turn;

/// Both directions of one stream.
#[derive(Debug)]
pub struct Circuit {
    writer: CircuitWriter,
    reader: CircuitReader,
}

impl Circuit {
    pub(crate) fn new(send: SendStream, receive: RecvStream, traffic: Traffic) -> Self {
        Circuit {
            writer: CircuitWriter {
                stream: send,
                ended: false,
                turn: traffic.join(),
                traffic: traffic.clone(),
            },
            reader: CircuitReader {
                stream: receive,
                frames: FrameReader::default(),
                traffic,
            },
        }
    }

    /// Sends one message. Not to be given up halfway: the stream is of no use then.
    ///
    /// # Errors
    /// When the message is over its ceiling, or stream or link are broken.
    pub async fn send_message<T: Message>(&mut self, message: &T) -> Result<(), LinkError> {
        self.writer.write_message(codec::encode(message)?).await
    }

    /// Receives one message, and not an octet more. May be given up and taken up again. The
    /// deadline is the caller's: only the caller knows what the answer takes.
    ///
    /// # Errors
    /// When the message is over its ceiling or not understood, or stream or link have ended.
    pub async fn receive_message<T: Message>(&mut self) -> Result<T, LinkError> {
        let message = self.reader.frames.read(&mut self.reader.stream).await?;
        message.ok_or(LinkError::Ended { what: T::NAME })
    }

    /// Both directions apart, for two tasks.
    pub fn into_halves(self) -> (CircuitWriter, CircuitReader) {
        (self.writer, self.reader)
    }

    /// Both directions at once, in one task.
    pub fn halves(&mut self) -> (&mut CircuitWriter, &mut CircuitReader) {
        (&mut self.writer, &mut self.reader)
    }

    /// Breaks off both directions; the other end sees `code`.
    pub fn abort(&mut self, code: u32) {
        self.writer.abort(code);
        self.reader.abort(code);
    }
}

/// The sending direction. Dropped without [`CircuitWriter::finish`] it resets the stream, and what
/// the other end has not yet been sent is lost.
#[derive(Debug)]
pub struct CircuitWriter {
    stream: SendStream,
    ended: bool,
    traffic: Traffic,
    turn: Turn,
}

impl CircuitWriter {
    /// Sends octets without copying them; waits while the other end's window is full. Given up
    /// halfway, a part of the octets may have been sent.
    ///
    /// # Errors
    /// When the other end no longer reads, or the link has ended.
    pub async fn write_bytes(&mut self, octets: Bytes) -> Result<(), LinkError> {
        let mut rest = [octets];
        while rest.iter().any(|rest| !rest.is_empty()) {
            poll_fn(|cx| {
                self.poll_octets(cx, |stream, cx| {
                    pin!(stream.write_chunks(&mut rest)).poll(cx)
                })
            })
            .await?;
        }
        Ok(())
    }

    /// Sends a message, which goes before the plain octets of all circuits.
    pub(crate) async fn write_message(&mut self, framed: Bytes) -> Result<(), LinkError> {
        let writing = self.stream.write_chunk(framed);
        self.traffic.message(writing).await.map_err(LinkError::from)
    }

    /// Ends the octets cleanly. What was written is still delivered, as long as the link lives.
    ///
    /// # Errors
    /// [`LinkError::StreamEnded`] when the stream was finished or aborted before.
    pub async fn finish(&mut self) -> Result<(), LinkError> {
        self.end()
    }

    /// After [`CircuitWriter::finish`]: waits until the other end's transport has everything. Worth
    /// the wait before closing a link, which would drop what is under way.
    ///
    /// # Errors
    /// When the other end stopped reading first, or the link has ended.
    pub async fn delivered(&mut self) -> Result<(), LinkError> {
        match self.stream.stopped().await {
            Ok(None) => Ok(()),
            Ok(Some(code)) => Err(LinkError::Stopped {
                code: code.into_inner(),
            }),
            Err(error) => Err(quinn::WriteError::from(error).into()),
        }
    }

    /// Breaks off: the other end sees a reset with `code`, not a clean end. Nothing happens when
    /// the stream has ended already.
    pub fn abort(&mut self, code: u32) {
        self.reset(VarInt::from_u32(code));
    }

    /// One attempt to write plain octets: messages go first, then circuits that had to wait longer.
    fn poll_octets<T>(
        &mut self,
        cx: &mut Context<'_>,
        write: impl FnOnce(&mut SendStream, &mut Context<'_>) -> Poll<Result<T, quinn::WriteError>>,
    ) -> Poll<Result<T, LinkError>> {
        ready!(self.traffic.poll_clear(cx));
        let CircuitWriter { stream, turn, .. } = self;
        turn.poll(cx, |cx| write(stream, cx))
            .map_err(LinkError::from)
    }

    fn end(&mut self) -> Result<(), LinkError> {
        self.ended = true;
        self.stream.finish().map_err(|_| LinkError::StreamEnded)
    }

    fn reset(&mut self, code: VarInt) {
        self.ended = true;
        // Fails only when the stream has ended already, and then there is nothing to break off.
        let _ = self.stream.reset(code);
    }
}

impl Drop for CircuitWriter {
    fn drop(&mut self) {
        if !self.ended {
            self.reset(stream::ABANDONED);
        }
    }
}

impl AsyncWrite for CircuitWriter {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self
            .get_mut()
            .poll_octets(cx, |stream, cx| Pin::new(stream).poll_write(cx, octets));
        written.map_err(io::Error::from)
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends the octets cleanly, as [`CircuitWriter::finish`].
    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.get_mut().end().map_err(io::Error::from))
    }
}

/// The receiving direction. Dropped before the end it tells the other end to stop sending.
#[derive(Debug)]
pub struct CircuitReader {
    stream: RecvStream,
    frames: FrameReader,
    traffic: Traffic,
}

impl CircuitReader {
    pub(crate) fn frames(&mut self) -> (&mut FrameReader, &mut RecvStream) {
        (&mut self.frames, &mut self.stream)
    }

    /// Fills `buffer`, which must not be empty, with as much as has come, over the borders of
    /// packets, and waits only when nothing has. 0 is the clean end. May be given up at any time.
    ///
    /// # Errors
    /// [`LinkError::Reset`] when the other end broke off, or the link's end.
    pub async fn read_into(&mut self, buffer: &mut [u8]) -> Result<usize, LinkError> {
        let read = self.stream.read(buffer).await?.unwrap_or(0);
        self.traffic.count_read(read);
        Ok(read)
    }

    /// The next octets as they came, at most `most`, without copying; `None` is the clean end. May
    /// be given up at any time.
    ///
    /// # Errors
    /// As [`CircuitReader::read_into`].
    pub async fn read_chunk(&mut self, most: usize) -> Result<Option<Bytes>, LinkError> {
        let octets = self
            .stream
            .read_chunk(most, true)
            .await?
            .map(|chunk| chunk.bytes);
        self.traffic
            .count_read(octets.as_ref().map_or(0, Bytes::len));
        Ok(octets)
    }

    /// No more is wanted: the other end's writes fail with `code` from here on. Nothing happens
    /// when the end has been read already.
    pub fn abort(&mut self, code: u32) {
        // Fails only when the stream has ended already.
        let _ = self.stream.stop(VarInt::from_u32(code));
    }
}

impl AsyncRead for CircuitReader {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let reader = self.get_mut();
        let filled = buffer.filled().len();
        let read = ready!(reader.stream.poll_read_buf(cx, buffer));
        reader.traffic.count_read(buffer.filled().len() - filled);
        Poll::Ready(read.map_err(|error| LinkError::from(error).into()))
    }
}

impl AsyncRead for Circuit {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().reader).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Circuit {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().writer).poll_write(cx, octets)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().writer).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().writer).poll_shutdown(cx)
    }
}
