//! From a TLS connection to a circuit: we speak first, the partner names itself, the inner half decides.
//!
//! A stranger gets as far as our ready message and learns nothing else: whatever is not a sound SSID
//! within its deadline and size is answered with silence.

use std::io;
use std::time::Duration;

use ::link::message::{Arrived, ArrivedAnswer, FromDmz};
use ::link::{Circuit, Link, LinkError};
use oftp::{Command, DecodeError, EncodeError, FrameError, Level, Ssid, Ssrm, frame};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::gate::SSID_FRAME;

/// The partner's first command.
#[derive(Debug)]
pub struct FirstSsid {
    /// The exchange buffer as it came, 61 octets.
    pub oeb: Vec<u8>,
    /// The same, decoded.
    pub ssid: Ssid,
}

/// Why a connection did not become a circuit.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// No SSID in time.
    #[error("no SSID came within {} ms", .0.as_millis())]
    Late(Duration),
    /// The connection broke or was closed.
    #[error("the connection ended before an SSID: {0}")]
    Gone(#[source] io::Error),
    /// Not a stream transmission header.
    #[error("no stream header where the SSID was due: {0}")]
    Header(FrameError),
    /// Longer or shorter than an SSID.
    #[error("a buffer of {found} octets where an SSID of 61 was due")]
    Length {
        /// What the header announced.
        found: usize,
    },
    /// Not an SSID, or not a sound one.
    #[error("no sound SSID: {0}")]
    Syntax(DecodeError),
    /// A sound command, but another one.
    #[error("{found} where an SSID was due")]
    Other {
        /// Its name.
        found: &'static str,
    },
    /// Our ready message could not be made; a defect of ours.
    #[error("the SSRM could not be encoded: {0}")]
    Ready(EncodeError),
    /// The inner half could not be asked.
    #[error("the inner half could not be asked to take the circuit: {0}")]
    Opening(#[source] LinkError),
    /// The inner half did not answer.
    #[error("the inner half did not take the circuit within {} ms", .0.as_millis())]
    OpeningLate(Duration),
    /// The inner half does not want this partner.
    #[error("the inner half refused the circuit")]
    OpeningRefused,
}

/// Sends SSRM and reads the partner's SSID, not an octet more, within `limit`.
///
/// # Errors
/// Why there is no sound SSID.
pub async fn first_ssid<S>(stream: &mut S, limit: Duration) -> Result<FirstSsid, JoinError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    timeout(limit, greet(stream))
        .await
        .unwrap_or(Err(JoinError::Late(limit)))
}

/// Offers the partner to the inner half and waits for its word at most `limit`.
///
/// # Errors
/// Why there is no circuit.
pub async fn open(link: &Link, arrived: Arrived, limit: Duration) -> Result<Circuit, JoinError> {
    let opening = FromDmz::Arrived(arrived);
    let asked = async {
        let mut circuit = link.open(&opening).await?;
        let answer = circuit.receive_message::<ArrivedAnswer>().await?;
        Ok((circuit, answer))
    };
    match timeout(limit, asked).await {
        Ok(Ok((circuit, ArrivedAnswer::Accept))) => Ok(circuit),
        Ok(Ok((_, ArrivedAnswer::Refuse))) => Err(JoinError::OpeningRefused),
        Ok(Err(error)) => Err(JoinError::Opening(error)),
        Err(_) => Err(JoinError::OpeningLate(limit)),
    }
}

async fn greet<S>(stream: &mut S) -> Result<FirstSsid, JoinError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut ready = Vec::with_capacity(frame::HEADER_LEN + 19);
    Command::Ssrm(Ssrm)
        .encode(Level::L5, &mut ready)
        .map_err(JoinError::Ready)?;
    stream.write_all(&ready).await.map_err(JoinError::Gone)?;
    stream.flush().await.map_err(JoinError::Gone)?;

    let mut header = [0; frame::HEADER_LEN];
    stream
        .read_exact(&mut header)
        .await
        .map_err(JoinError::Gone)?;
    let found = frame::decode_header(header).map_err(JoinError::Header)?;
    if found != SSID_FRAME - frame::HEADER_LEN {
        return Err(JoinError::Length { found });
    }
    let mut oeb = vec![0; found];
    stream.read_exact(&mut oeb).await.map_err(JoinError::Gone)?;
    match Command::decode(&oeb, Level::L5).map_err(JoinError::Syntax)? {
        Command::Ssid(ssid) => Ok(FirstSsid { oeb, ssid }),
        other => Err(JoinError::Other {
            found: other.code().name(),
        }),
    }
}
