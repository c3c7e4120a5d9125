//! Self-signed certificates and TLS settings for scripted partners and for the halves under test.
//!
//! Partners are pinned by the fingerprint of their certificate, so no authority is needed. The
//! scripted side checks a certificate by the same means: it must be the one it was told of.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    ClientConfig, DigitallySignedStruct, DistinguishedName as Subject, ServerConfig,
    SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};

use crate::compare::sha256_hex;

/// A self-signed certificate with its private key (ECDSA P-256).
#[derive(Debug)]
pub struct Certificate {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
    certificate_pem: String,
    key_pem: String,
}

impl Certificate {
    /// A fresh certificate for the given common name, valid for `localhost` and `127.0.0.1`.
    pub fn new(common_name: &str) -> Certificate {
        let key = KeyPair::generate().expect("a P-256 key can be made");
        let mut params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()])
            .expect("both names are valid");
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.is_ca = rcgen::IsCa::ExplicitNoCa;
        let signed = params
            .self_signed(&key)
            .expect("a certificate signs itself");
        Certificate {
            certificate: signed.der().clone(),
            key: key.serialize_der(),
            certificate_pem: signed.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    /// `sha256:<hex>` of the certificate, as partner tables name it.
    pub fn fingerprint(&self) -> String {
        format!("sha256:{}", sha256_hex(&self.certificate))
    }

    /// The certificate in DER.
    pub fn der(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    /// Writes `<name>.pem` and `<name>.key` (the latter readable by its owner only).
    pub fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let certificate = folder.join(format!("{name}.pem"));
        let key = folder.join(format!("{name}.key"));
        std::fs::write(&certificate, &self.certificate_pem).expect("the folder is writable");
        write_private(&key, self.key_pem.as_bytes());
        (certificate, key)
    }

    /// A signature of its key over `message`, as TLS's ecdsa_secp256r1_sha256 has it.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let key = provider()
            .key_provider
            .load_private_key(self.private_key())
            .expect("a key");
        let signer = key
            .choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256])
            .expect("P-256");
        signer.sign(message).expect("the key signs")
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()))
    }
}

/// Writes a file which only its owner may read.
pub fn write_private(path: &Path, content: &[u8]) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    file.write_all(content).expect("the folder is writable");
}

/// The provider of every TLS connection that the tests make themselves.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: std::sync::OnceLock<Arc<CryptoProvider>> = std::sync::OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

/// TLS settings of a caller who expects exactly the certificate given, and shows its own if it
/// has one. `versions` as in rustls; empty means TLS 1.2 and 1.3.
pub fn client_config(
    expected: CertificateDer<'static>,
    own: Option<&Certificate>,
    versions: &[&'static SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let versions = if versions.is_empty() {
        rustls::ALL_VERSIONS
    } else {
        versions
    };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(versions)
        .expect("the provider has suites for these versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Exactly(expected)));
    let config = match own {
        Some(own) => builder
            .with_client_auth_cert(vec![own.der()], own.private_key())
            .expect("the key fits the certificate"),
        None => builder.with_no_client_auth(),
    };
    Arc::new(config)
}

/// TLS settings of a listening partner; it asks for a client certificate when `ask` is set and
/// takes whichever comes.
pub fn server_config(own: &Certificate, ask: bool) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("the provider has suites for these versions");
    let builder = if ask {
        builder.with_client_cert_verifier(Arc::new(Anybody))
    } else {
        builder.with_no_client_auth()
    };
    let config = builder
        .with_single_cert(vec![own.der()], own.private_key())
        .expect("the key fits");
    Arc::new(config)
}

/// The server must show this very certificate and prove its key.
#[derive(Debug)]
struct Exactly(CertificateDer<'static>);

impl ServerCertVerifier for Exactly {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if end_entity.as_ref() == self.0.as_ref() {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Takes any client certificate whose key is proven.
#[derive(Debug)]
struct Anybody;

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[Subject] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
