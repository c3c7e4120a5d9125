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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ::link::{DialSettings, Dialer, PublicLimits};
    use ops::Backoff;
    use store::{State, Transport};
    use tokio::net::TcpListener;

    use super::super::{CallerSettings, Via, caller};
    use super::*;
    use crate::keys::{create_identity, provider};
    use crate::link::{Ceilings, KeeperSettings, LinkHandle, keeper};
    use crate::plain::{self, PlainSettings};
    use crate::session::tests::world::{OURS, Side, THEIRS, two};

    fn settings() -> CallerSettings {
        let long = Duration::from_secs(600);
        CallerSettings {
            via: Via::Direct,
            client_identity: None,
            connect_timeout: Duration::from_secs(10),
            backoff: Backoff {
                first: long,
                most: long,
            },
        }
    }

    /// A link to a DMZ half that is not there.
    fn link_that_is_down(us: &Side) -> LinkHandle {
        let identity = create_identity(&us.folder.path().join("link.key")).unwrap();
        let address = "127.0.0.1:9".to_owned();
        let dialer = Dialer::new(DialSettings {
            address: address.clone(),
            pins: vec![identity.pin()],
            identity,
            provider: provider(),
            epoch: 1,
        })
        .unwrap();
        let long = Duration::from_secs(600);
        let settings = KeeperSettings {
            dialer,
            address,
            listeners: Vec::new(),
            limits: PublicLimits {
                sessions: 1,
                sessions_per_address: 1,
                handshakes: 1,
                handshake_ms: 1_000,
                ssid_ms: 1_000,
                open_ms: 1_000,
                idle_ms: 1_000,
            },
            ceilings: Ceilings::default(),
            backoff: Backoff {
                first: long,
                most: long,
            },
            stable: long,
        };
        keeper::start(settings, us.context.clone())
    }

    /// A queued file reaches a plain partner over `via`.
    async fn calls(via: impl FnOnce(&Side) -> Via) {
        let (us, them) = two();
        let listening = PlainSettings {
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
            sessions_per_address: 1,
            ssid_timeout: Duration::from_secs(10),
        };
        let listener = plain::start(&listening, &them.context).unwrap();
        them.change_partner(|partner| partner.transport = Transport::Plain);
        us.change_partner(|partner| {
            partner.transport = Transport::Plain;
            partner.address = Some(listener.addresses()[0].to_string());
        });
        let sent = us.queue("orders.edi", b"octets");
        let settings = CallerSettings {
            via: via(&us),
            ..settings()
        };
        let handle = caller::start(settings, us.context.clone());
        while us.transfer(sent).state != State::Acknowledged {
            tokio::task::yield_now().await;
        }
        them.context.live.empty().await;
        assert_eq!(them.inbox(), [b"octets".to_vec()]);
        us.context.shutdown.drain();
        handle.ended().await;
    }

    #[tokio::test]
    async fn a_plain_partner_is_called_without_tls_and_without_a_pin() {
        calls(|_| Via::Direct).await;
    }

    #[tokio::test]
    async fn a_plain_partner_is_called_straight_though_the_link_is_down() {
        calls(|us| Via::Link(link_that_is_down(us))).await;
    }

    #[tokio::test]
    async fn an_order_to_call_a_plain_partner_needs_no_pin() {
        let us = Side::new(OURS, THEIRS);
        let handle = caller::start(settings(), us.context.clone());
        us.change_partner(|partner| {
            partner.transport = Transport::Plain;
            partner.address = Some("127.0.0.1:1".to_owned());
        });
        handle.call_now(THEIRS).unwrap();
        us.context.shutdown.drain();
    }

    #[tokio::test]
    async fn tells_where_nobody_answers() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let target = address.to_string().parse().unwrap();
        let refused = connect(&target, Duration::from_secs(10)).await.unwrap_err();
        assert!(
            refused.to_string().contains(&address.to_string()),
            "{refused}"
        );
    }
}
