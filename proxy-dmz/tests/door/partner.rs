//! A partner who calls: TLS as told, OFTP2 octet by octet.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use proxy_dmz::public::tls::provider;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::support::Key;

/// Both versions of TLS.
pub(crate) const BOTH: &[&SupportedProtocolVersion] =
    &[&rustls::version::TLS13, &rustls::version::TLS12];

/// TLS 1.3 only.
pub(crate) const ONLY_13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
/// TLS 1.2 only.
pub(crate) const ONLY_12: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// How a partner calls.
#[derive(Clone)]
pub(crate) struct Partner {
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) versions: &'static [&'static SupportedProtocolVersion],
    pub(crate) certificate: Option<Key>,
}

impl Default for Partner {
    fn default() -> Partner {
        Partner {
            provider: Arc::new(provider()),
            versions: BOTH,
            certificate: None,
        }
    }
}

impl Partner {
    pub(crate) fn config(&self) -> ClientConfig {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(self.versions)
            .expect("versions")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(Arc::clone(&self.provider))));
        match &self.certificate {
            Some(key) => builder
                .with_client_auth_cert(key.chain.clone(), key.der.clone_key())
                .expect("a certificate"),
            None => builder.with_no_client_auth(),
        }
    }

    /// Calls and shakes hands.
    pub(crate) async fn call(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        Partner::call_with(Arc::new(self.config()), address).await
    }

    /// Calls with a configuration that may remember earlier calls.
    pub(crate) async fn call_with(
        config: Arc<ClientConfig>,
        address: SocketAddr,
    ) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("dmz.example").expect("a name");
        TlsConnector::from(config).connect(name, stream).await
    }

    /// Calls, and reads the ready message.
    pub(crate) async fn greeted(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let mut stream = self.call(address).await.expect("a handshake");
        let mut ready = [0; 23];
        stream
            .read_exact(&mut ready)
            .await
            .expect("a ready message");
        assert_eq!(&ready, b"\x10\x00\x00\x17IODETTE FTP READY \r");
        stream
    }

    /// Calls, and names itself.
    pub(crate) async fn introduced(&self, address: SocketAddr) -> TlsStream<TcpStream> {
        let mut stream = self.greeted(address).await;
        stream.write_all(&ssid()).await.expect("sent");
        stream.flush().await.expect("sent");
        stream
    }
}

/// A frame around an exchange buffer.
pub(crate) fn frame(oeb: &[u8]) -> Vec<u8> {
    let length = u32::try_from(oeb.len() + 4).expect("a short buffer");
    let mut frame = (0x1000_0000 | length).to_be_bytes().to_vec();
    frame.extend_from_slice(oeb);
    frame
}

/// A sound SSID.
pub(crate) fn ssid() -> Vec<u8> {
    let code = "O0013000001ACME";
    frame(format!("X5{code:<25}SECRET  04096BNYN064N    {:8}\r", "").as_bytes())
}

/// ESID, normal end.
pub(crate) fn esid() -> Vec<u8> {
    frame(b"F00000\r")
}

/// DATA with so many literal subrecords of 63 octets.
pub(crate) fn data(subrecords: usize) -> Vec<u8> {
    let mut oeb = vec![b'D'];
    for _ in 0..subrecords {
        oeb.push(63);
        oeb.extend_from_slice(&[b'x'; 63]);
    }
    frame(&oeb)
}

/// Reads until the other end closes; how it closes does not matter, what it says does.
pub(crate) async fn rest(stream: &mut TlsStream<TcpStream>) -> Vec<u8> {
    let mut octets = Vec::new();
    // Strangers are cut off without TLS's own goodbye.
    let _ = stream.read_to_end(&mut octets).await;
    octets
}

/// Takes any certificate, but only with the signature its key makes.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            leaf,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            leaf,
            signed,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
