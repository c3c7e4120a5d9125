//! What can be wrong with a key or a certificate, and what to do about it.

use std::io;
use std::path::PathBuf;

/// A key or certificate that cannot be used, as an operator is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file could not be read.
    #[error("{path}: cannot be read ({source}); check the path and that this account may read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Other accounts can read or write the private key.
    #[error(
        "{path}: the private key has mode {mode:04o}, so other accounts may reach it; \
         run `chmod 600 {path}` and, if it was exposed, replace the key"
    )]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is far larger than any key or certificate chain.
    #[error("{path}: has {octets} octets; a PEM file here has at most {most}")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        octets: u64,
        /// The ceiling.
        most: u64,
    },
    /// The file is not well-formed PEM.
    #[error("{path}: is not well-formed PEM ({detail}); expected `-----BEGIN …-----` sections")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        detail: String,
    },
    /// There is no certificate in the file.
    #[error(
        "{path}: holds no certificate; expected `-----BEGIN CERTIFICATE-----`, our own first, \
         then the intermediate ones"
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// There is no private key in the file.
    #[error(
        "{path}: holds no private key; expected PKCS#8, SEC1 or PKCS#1 in PEM without a passphrase"
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The private key is protected by a passphrase.
    #[error(
        "{path}: the private key is encrypted; write it without a passphrase into a file of mode \
         0600 (`openssl pkey -in {path} -out NEW`)"
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// The private key is of a kind that cannot sign TLS handshakes.
    #[error(
        "{path}: the private key cannot be used ({detail}); use ECDSA P-256/P-384 or RSA 2048+"
    )]
    UnusableKey {
        /// The file.
        path: PathBuf,
        /// What the library said.
        detail: String,
    },
    /// The key or certificate cannot be used for secure authentication.
    #[error("{path}: cannot be used for secure authentication ({detail})")]
    NotForChallenges {
        /// The file.
        path: PathBuf,
        /// Why not, and what to do.
        detail: String,
    },
    /// A certificate does not parse.
    #[error("{path}: certificate {position} does not parse ({detail})")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Which certificate of the file, from 1.
        position: usize,
        /// What the parser said.
        detail: String,
    },
    /// The first certificate was made for another key.
    #[error(
        "{certificate}: the first certificate belongs to another key than {key}; \
         put our own certificate first, or name the key it was made with"
    )]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// A name is neither a DNS name nor an IP address.
    #[error("`{0}` is neither a DNS name nor an IP address")]
    Host(String),
    /// The number of days is out of range.
    #[error("--days {found}: a certificate is made for 1 to {most} days")]
    Days {
        /// What was asked.
        found: u32,
        /// The most.
        most: u32,
    },
    /// The file is there already; nothing is overwritten.
    #[error("{path}: exists already and is not overwritten; move it away or name another file")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("{path}: cannot be written ({source}); check the folder and this account's rights")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The library failed to make a key or certificate.
    #[error("the certificate could not be made ({0})")]
    Make(String),
    /// The link identity could not be made or loaded; the link's own sentence.
    #[error("{0}")]
    Identity(String),
}
