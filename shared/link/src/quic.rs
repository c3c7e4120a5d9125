//! The QUIC transport as the link wants it: windows, timers, sockets and stateless resets.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use ops::Secret;
use quinn::congestion::CubicConfig;
use quinn::crypto::{CryptoError, HmacKey};
use quinn::{
    Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TokioRuntime,
    TransportConfig, VarInt,
};
use quinn_proto::HashedConnectionIdGenerator;
use sha2::{Digest, Sha256};
use socket2::{Domain, Protocol, Socket, Type};
use subtle::ConstantTimeEq;

use crate::error::LinkError;
use crate::identity::LinkIdentity;
use crate::limits;
use crate::message::VERSION;

/// What tests turn; everybody else takes the default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) version: u16,
    pub(crate) keep_alive: Duration,
    pub(crate) max_idle: Duration,
    pub(crate) handshake: Duration,
    pub(crate) greeting: Duration,
    pub(crate) first_message: Duration,
    pub(crate) stream_window: u32,
    pub(crate) receive_window: u32,
    pub(crate) window_tick: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Tuning {
            version: VERSION,
            keep_alive: limits::KEEP_ALIVE,
            max_idle: limits::MAX_IDLE,
            handshake: limits::HANDSHAKE_DEADLINE,
            greeting: limits::GREETING_DEADLINE,
            first_message: limits::FIRST_MESSAGE_DEADLINE,
            stream_window: limits::STREAM_WINDOW,
            receive_window: limits::RECEIVE_WINDOW,
            window_tick: limits::WINDOW_TICK,
        }
    }
}

/// Both ends use the same transport settings.
pub(crate) fn transport(tuning: &Tuning) -> Result<Arc<TransportConfig>, LinkError> {
    let idle = IdleTimeout::try_from(tuning.max_idle)
        .map_err(|error| LinkError::Settings(format!("the idle time is out of range: {error}")))?;
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(limits::MTU);
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(limits::MAX_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(tuning.stream_window))
        .receive_window(VarInt::from_u32(tuning.receive_window))
        .send_window(limits::SEND_WINDOW)
        .keep_alive_interval(Some(tuning.keep_alive))
        .max_idle_timeout(Some(idle))
        .initial_mtu(limits::MTU)
        .mtu_discovery_config(Some(mtu))
        .congestion_controller_factory(Arc::new(CubicConfig::default()))
        .enable_segmentation_offload(true);
    Ok(Arc::new(transport))
}

/// An endpoint on `address`. Must be called inside a tokio runtime, on which it then lives.
pub(crate) fn endpoint(
    address: SocketAddr,
    identity: &LinkIdentity,
    server: Option<ServerConfig>,
) -> Result<Endpoint, LinkError> {
    let fail = |error: std::io::Error| LinkError::Bind {
        address,
        problem: error.to_string(),
    };
    let key = ResetKey(identity.reset_key());
    let cid_key = key.cid_key();
    let mut config = EndpointConfig::new(Arc::new(key));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(cid_key)));
    let socket = socket(address).map_err(fail)?;
    Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).map_err(fail)
}

fn socket(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        // `[::]` takes IPv4 too, whatever the system's default is.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_recv_buffer_size(limits::UDP_BUFFER)?;
    socket.set_send_buffer_size(limits::UDP_BUFFER)?;
    warn_when_clamped("receive", "net.core.rmem_max", socket.recv_buffer_size()?);
    warn_when_clamped("send", "net.core.wmem_max", socket.send_buffer_size()?);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Linux reports twice what it grants, the second half being for its own bookkeeping.
fn warn_when_clamped(direction: &'static str, setting: &'static str, reported: usize) {
    let granted = if cfg!(target_os = "linux") {
        reported / 2
    } else {
        reported
    };
    if granted < limits::UDP_BUFFER {
        tracing::warn!(
            direction,
            wanted = limits::UDP_BUFFER,
            granted,
            setting,
            "The kernel grants the link a smaller UDP buffer than wanted, which costs throughput; raise the setting."
        );
    }
}

/// HMAC-SHA-256 (RFC 2104) under a key that outlives the process: a half that was started anew can
/// still tell the other end, by a stateless reset (RFC 9000 §10.3), that the old link is gone.
struct ResetKey(Arc<Secret<[u8; 32]>>);

impl ResetKey {
    fn mac(&self, data: &[u8]) -> [u8; 32] {
        let padded = |pad: u8| {
            let mut block = [pad; 64];
            block
                .iter_mut()
                .zip(self.0.expose())
                .for_each(|(octet, key)| *octet ^= key);
            block
        };
        let inner = Sha256::new()
            .chain_update(padded(0x36))
            .chain_update(data)
            .finalize();
        Sha256::new()
            .chain_update(padded(0x5c))
            .chain_update(inner)
            .finalize()
            .into()
    }

    /// Connection identifiers must be known again after a restart, or no reset is sent for them.
    fn cid_key(&self) -> u64 {
        let mac = self.mac(b"connection identifiers");
        mac.iter()
            .take(8)
            .fold(0, |key, octet| key << 8 | u64::from(*octet))
    }
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out
            .iter_mut()
            .zip(self.mac(data))
            .for_each(|(out, octet)| *out = octet);
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if self.mac(data).ct_eq(signature).into() {
            Ok(())
        } else {
            Err(CryptoError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231, test case 2, its key filled to 32 octets with zeros as HMAC itself does.
    #[test]
    fn the_mac_is_hmac_sha_256() {
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mac = ResetKey(Arc::new(Secret::new(key))).mac(b"what do ya want for nothing?");
        assert_eq!(mac[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
        assert_eq!(mac[24..], [0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43]);
    }
}
