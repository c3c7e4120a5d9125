//! Plain TCP to a partner (RFC 5024 section 2.3): straight from this host, whatever the way out of
//! the others, because nothing protects it on the way.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ops::HostPort;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    /// The partner, or the way to it, refused.
    #[error("{address} cannot be reached: {source}")]
    Unreachable {
        /// Where we called.
        address: HostPort,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing came back.
    #[error("no connection to {address} within {within:?}")]
    Late {
        /// Where we called.
        address: HostPort,
        /// The time there was.
        within: Duration,
    },
}

/// Connects straight from this host, looking the name up first, within `within` altogether.
pub(super) async fn connect(
    address: &HostPort,
    within: Duration,
) -> Result<(TcpStream, Option<SocketAddr>), ConnectError> {
    let connecting = TcpStream::connect((address.host.as_str(), address.port));
    let connected = timeout(within, connecting)
        .await
        .map_err(|_| ConnectError::Late {
            address: address.clone(),
            within,
        })?;
    let stream = connected
        .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
        .map_err(|source| ConnectError::Unreachable {
            address: address.clone(),
            source,
        })?;
    let peer = stream.peer_addr().ok();
    Ok((stream, peer))
}
