//! The link's own transport without the link: QUIC with the right keys, and any octets on it. What
//! the `link` crate would refuse to send can be sent here.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig};
use rustls::client::AlwaysResolvesClientRawPublicKeys;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use support::pki::provider;

const ALPN: &[u8] = b"oftp-link";

/// Dials a DMZ half with the key of an inner half.
pub(crate) async fn dial(address: SocketAddr, key: &Path) -> Connection {
    let keys = AlwaysResolvesClientRawPublicKeys::new(certified_key(key));
    let mut tls = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_client_cert_resolver(Arc::new(keys));
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicClientConfig::try_from(tls).expect("fit for QUIC");
    let mut endpoint =
        Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has a port");
    endpoint.set_default_client_config(ClientConfig::new(Arc::new(crypto)));
    endpoint
        .connect(address, "link")
        .expect("a call")
        .await
        .expect("a handshake")
}

/// Listens as a DMZ half with its key.
pub(crate) fn listen(key: &Path) -> Endpoint {
    let keys = AlwaysResolvesServerRawPublicKeys::new(certified_key(key));
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("TLS 1.3")
        .with_client_cert_verifier(Arc::new(Anybody))
        .with_cert_resolver(Arc::new(keys));
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let crypto = QuicServerConfig::try_from(tls).expect("fit for QUIC");
    let config = ServerConfig::with_crypto(Arc::new(crypto));
    Endpoint::server(config, SocketAddr::from(([127, 0, 0, 1], 0))).expect("loopback has a port")
}

/// A message as the link frames it: its length in four octets before it.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("small");
    [&length.to_be_bytes()[..], message].concat()
}

/// A greeting of the given version.
pub(crate) fn greeting(version: u16) -> Vec<u8> {
    // postcard: small numbers and lengths are one octet.
    let version = u8::try_from(version).expect("one octet");
    // The latest start there can be, so that it is not refused for being an old one.
    let epoch = [&[0xff; 9][..], &[1]].concat();
    framed(&[&[version, 4][..], b"test", &epoch].concat())
}

/// The next framed message, if the other side sends one before it closes.
pub(crate) async fn hear(stream: &mut RecvStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).await.ok()?;
    let mut message = vec![0; usize::try_from(u32::from_be_bytes(length)).ok()?];
    stream.read_exact(&mut message).await.ok()?;
    Some(message)
}

/// Opens the control stream and greets with this version; returns the answer.
pub(crate) async fn greet(
    connection: &Connection,
    version: u16,
) -> (SendStream, RecvStream, Option<Vec<u8>>) {
    let (mut send, mut receive) = connection.open_bi().await.expect("a stream");
    send.write_all(&greeting(version)).await.expect("sent");
    let answer = hear(&mut receive).await;
    (send, receive, answer)
}

fn certified_key(path: &Path) -> Arc<CertifiedKey> {
    let key = PrivateKeyDer::from_pem_file(path).expect("a PEM key");
    let key = provider()
        .key_provider
        .load_private_key(key)
        .expect("a usable key");
    let spki = key.public_key().expect("its public half").as_ref().to_vec();
    Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki)], key))
}

/// Takes any raw public key; these tests are about what comes after.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}
