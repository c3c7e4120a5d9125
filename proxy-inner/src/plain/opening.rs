//! The opening of a session by a partner that came without TLS: our SSRM, its first command.

use std::io;
use std::time::Duration;

use oftp::{Command, FrameError, HEADER_LEN, Level, Ssrm, decode_header};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Octets of an SSID (RFC 5024 section 5.3.2).
const SSID: usize = 61;

/// Why a caller did not introduce itself.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpeningError {
    #[error("no SSID within {0:?}")]
    Late(Duration),
    #[error("the connection ended before the SSID: {0}")]
    Gone(#[from] io::Error),
    #[error("what it sent is no OFTP2: {0}")]
    Frame(#[from] FrameError),
    #[error("its first exchange buffer has {0} octets, an SSID has {SSID}")]
    Length(usize),
}

/// Sends SSRM and reads the first exchange buffer, not an octet more, within `limit`. It has the
/// length of an SSID; what it says is for the one who judges it.
pub(super) async fn first_ssid<S>(stream: &mut S, limit: Duration) -> Result<Vec<u8>, OpeningError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    timeout(limit, greet(stream))
        .await
        .unwrap_or(Err(OpeningError::Late(limit)))
}

async fn greet<S>(stream: &mut S) -> Result<Vec<u8>, OpeningError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut ready = Vec::new();
    Command::Ssrm(Ssrm)
        .encode(Level::L5, &mut ready)
        .map_err(io::Error::other)?;
    stream.write_all(&ready).await?;
    stream.flush().await?;

    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header).await?;
    let length = decode_header(header)?;
    if length != SSID {
        return Err(OpeningError::Length(length));
    }
    let mut buffer = vec![0; SSID];
    stream.read_exact(&mut buffer).await?;
    Ok(buffer)
}
