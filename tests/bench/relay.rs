//! A bare relay with the link's QUIC settings: what the link could reach if it did nothing else.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use link::limits;
use quinn::congestion::CubicConfig;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, Endpoint, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig,
    TokioRuntime, TransportConfig, VarInt,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::role::tell;
use crate::sink::server_config;

/// Awaits the sink, then takes clients: what each sends goes to the sink, its one octet comes back.
pub(crate) fn relay(certificate: &str, key: &str) {
    Runtime::new().expect("a runtime").block_on(async {
        let tls = server_config(Path::new(certificate), Path::new(key));
        let crypto = QuicServerConfig::try_from(Arc::clone(&tls)).expect("fit for QUIC");
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(transport());
        let endpoint = endpoint(Some(config));
        tell(&endpoint.local_addr().expect("bound").to_string());
        let incoming = endpoint.accept().await.expect("the sink dials");
        let connection = incoming.await.expect("a handshake");

        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a port");
        tell(&listener.local_addr().expect("bound").to_string());
        let acceptor = TlsAcceptor::from(tls);
        loop {
            let (tcp, _) = listener.accept().await.expect("a connection");
            pass(tcp, &acceptor, &connection).await;
        }
    });
}

async fn pass(tcp: TcpStream, acceptor: &TlsAcceptor, connection: &quinn::Connection) {
    tcp.set_nodelay(true).expect("a TCP socket");
    let tls = acceptor.accept(tcp).await.expect("a handshake");
    let (mut from, mut to) = tokio::io::split(tls);
    let (mut send, mut receive) = connection.open_bi().await.expect("a stream");
    let there = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match from.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    let chunk = Bytes::copy_from_slice(&buffer[..count]);
                    send.write_chunk(chunk).await.expect("the sink reads");
                }
            }
        }
    };
    let back = async {
        let mut answer = [0];
        receive
            .read_exact(&mut answer)
            .await
            .expect("the sink confirms");
        to.write_all(&answer).await.expect("the client waits");
        to.flush().await.expect("the client waits");
    };
    tokio::join!(there, back);
}

/// Dials the relay, writes what comes to the file, syncs, and confirms with one octet.
pub(crate) fn sink(address: SocketAddr, certificate: &str, file: &Path) {
    Runtime::new().expect("a runtime").block_on(async {
        let expected = CertificateDer::from_pem_file(certificate).expect("a certificate");
        let tls = support::pki::client_config(expected, None, &[&rustls::version::TLS13]);
        let crypto = QuicClientConfig::try_from(tls).expect("fit for QUIC");
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(transport());
        let endpoint = endpoint(None);
        let connection = endpoint
            .connect_with(config, address, "localhost")
            .expect("a call")
            .await
            .expect("a handshake");
        tell("connected");
        while let Ok((mut send, receive)) = connection.accept_bi().await {
            take(receive, file).await;
            send.write_all(&[1]).await.expect("the relay waits");
            drop(send.finish());
        }
    });
}

/// Large pieces to the writing thread, few of them under way: a plain loop, but not a naive one.
async fn take(mut receive: quinn::RecvStream, file: &Path) {
    let mut length = [0; 8];
    receive.read_exact(&mut length).await.expect("the length");
    let mut left = usize::try_from(u64::from_be_bytes(length)).expect("fits in memory's range");
    let (sender, mut pieces) = tokio::sync::mpsc::channel::<Vec<u8>>(3);
    let path = file.to_path_buf();
    let writer = tokio::task::spawn_blocking(move || {
        let mut out = File::create(path).expect("the file can be made");
        while let Some(piece) = pieces.blocking_recv() {
            out.write_all(&piece).expect("there is room");
        }
        out.sync_data().expect("the disk works");
    });
    while left > 0 {
        let mut piece = vec![0; PIECE.min(left)];
        receive
            .read_exact(&mut piece)
            .await
            .expect("the stream goes on");
        left -= piece.len();
        sender.send(piece).await.expect("the writer takes it");
    }
    drop(sender);
    writer.await.expect("the writer ends");
}

const PIECE: usize = 512 * 1024;

/// The settings of the link (`link::limits`).
fn transport() -> Arc<TransportConfig> {
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.upper_bound(limits::MTU);
    let mut transport = TransportConfig::default();
    transport
        .stream_receive_window(VarInt::from_u32(limits::STREAM_WINDOW))
        .receive_window(VarInt::from_u32(limits::RECEIVE_WINDOW))
        .send_window(limits::SEND_WINDOW)
        .keep_alive_interval(Some(limits::KEEP_ALIVE))
        .max_idle_timeout(Some(
            IdleTimeout::try_from(limits::MAX_IDLE).expect("in range"),
        ))
        .initial_mtu(limits::MTU)
        .mtu_discovery_config(Some(mtu))
        .congestion_controller_factory(Arc::new(CubicConfig::default()))
        .enable_segmentation_offload(true);
    Arc::new(transport)
}

fn endpoint(server: Option<ServerConfig>) -> Endpoint {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a port");
    let buffers = socket2::SockRef::from(&socket);
    buffers
        .set_recv_buffer_size(limits::UDP_BUFFER)
        .expect("a size");
    buffers
        .set_send_buffer_size(limits::UDP_BUFFER)
        .expect("a size");
    let config = EndpointConfig::default();
    Endpoint::new(config, server, socket, Arc::new(TokioRuntime)).expect("an endpoint")
}
