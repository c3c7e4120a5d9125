//! The receiving box of a plain TLS stream: to disk and synced, or forgotten.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use support::pki::provider;

use crate::role::tell;

/// The word for "no file".
pub(crate) const FORGET: &str = "-";

/// Takes one connection after another: eight octets of length, so many octets, one octet back.
pub(crate) fn tls(certificate: &str, key: &str, file: &str) {
    let config = server_config(Path::new(certificate), Path::new(key));
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a port");
    tell(&listener.local_addr().expect("bound").to_string());
    for tcp in listener.incoming() {
        let mut tcp = tcp.expect("a connection");
        tcp.set_nodelay(true).expect("a TCP socket");
        let mut tls = ServerConnection::new(Arc::clone(&config)).expect("sound settings");
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).expect("a handshake");
        }
        take(StreamOwned::new(tls, tcp), file);
    }
}

fn take(mut stream: StreamOwned<ServerConnection, std::net::TcpStream>, file: &str) {
    let mut length = [0; 8];
    stream.read_exact(&mut length).expect("the length");
    let mut left = u64::from_be_bytes(length);
    let mut out = (file != FORGET).then(|| File::create(file).expect("the file can be made"));
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        let count = stream.read(&mut buffer).expect("the stream goes on");
        assert!(count > 0, "the stream has ended early");
        left -= count as u64;
        if let Some(out) = &mut out {
            out.write_all(&buffer[..count]).expect("there is room");
        }
    }
    if let Some(out) = &out {
        out.sync_data().expect("the disk works");
    }
    stream
        .write_all(&[1])
        .and_then(|()| stream.flush())
        .expect("the client waits");
}

/// TLS 1.3 with one certificate, as both halves would have it: no tickets.
pub(crate) fn server_config(certificate: &Path, key: &Path) -> Arc<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_file(certificate).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(key).expect("a key");
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("the key fits");
    config.send_tls13_tickets = 0;
    Arc::new(config)
}
