//! What can go wrong with keys and certificates, in words for the operator who holds the file.

use thiserror::Error;

/// Why a file with a key or with certificates was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ImportError {
    /// Nothing in it.
    #[error("the file is empty; give the file the key or the certificate was saved in")]
    Empty,
    /// Larger than any key with its chain.
    #[error(
        "the file has {octets} octets, more than the {most} a key with its certificates may have; \
         give the file of the key or the certificate alone"
    )]
    TooLarge {
        /// Octets given.
        octets: usize,
        /// Octets allowed.
        most: usize,
    },
    /// No form that is known.
    #[error(
        "{found}; wanted is PKCS#12 (.p12, .pfx), a private key (PKCS#8, PKCS#1 or SEC1), \
         a certificate or a PKCS#7 bundle (.p7b), each as PEM or DER"
    )]
    Unrecognised {
        /// What it looks like.
        found: String,
    },
    /// Known, but not to be read here; the text says how to turn it into something that is.
    #[error("{found}; {advice}")]
    Unsupported {
        /// What it is.
        found: String,
        /// What to do.
        advice: String,
    },
    /// Encrypted, and no passphrase was given.
    #[error("the {what} is encrypted; give its passphrase")]
    NeedsPassphrase {
        /// What is encrypted.
        what: &'static str,
    },
    /// Encrypted with another passphrase.
    #[error(
        "the passphrase does not open the {what}; type it anew (mind upper case and the keyboard's \
         language), and if it is surely right, ask for the file again: it may be damaged"
    )]
    WrongPassphrase {
        /// What is encrypted.
        what: &'static str,
    },
    /// Encrypted in a way that is broken by now.
    #[error(
        "the private key is encrypted with {scheme}, which is out of date and not read here; \
         encrypt it anew with: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD.key -out NEW.key{provider}"
    )]
    OldEncryption {
        /// How it is encrypted.
        scheme: &'static str,
        /// What openssl needs besides, from a blank on; may be empty.
        provider: &'static str,
    },
    /// It does not parse, or an integrity check failed although the passphrase is right.
    #[error(
        "the {what} is damaged: {detail}; ask for the file again, sent as a binary attachment or inside a ZIP"
    )]
    Damaged {
        /// Which part of it.
        what: String,
        /// Where it stops making sense.
        detail: String,
    },
    /// A private key of a kind that is of no use here.
    #[error(
        "the private key is {found}; OFTP2 needs an RSA key of 2048 to 8192 bits, and TLS alone takes an elliptic curve (P-256, P-384 or P-521) too"
    )]
    UnusableKey {
        /// What it is.
        found: String,
    },
    /// The certificates beside the key are for other keys.
    #[error(
        "the private key belongs to none of the certificates with it ({}); \
         give the certificate that was issued for this key", certificates.join("; ")
    )]
    KeyOfNone {
        /// Subjects of the certificates.
        certificates: Vec<String>,
    },
    /// More than one key, and no saying which is meant.
    #[error(
        "the file holds {} different private keys ({}); export each with its certificates into a file of its own",
        keys.len(), keys.join("; ")
    )]
    SeveralKeys {
        /// Their names where they have one, or what they are.
        keys: Vec<String>,
    },
    /// A partner's certificate was wanted, and this holds a private key.
    #[error(
        "the file holds a private key, and a partner's certificate comes without one; if the key is yours \
         import it with `key import`, and if a partner sent it, the partner must make a new one: \
         this one is no secret any more"
    )]
    PrivateKeyInside,
    /// It parses, and neither key nor certificate is in it.
    #[error(
        "the file holds {found} and neither a key nor a certificate; give the file they are in"
    )]
    Nothing {
        /// What is in it.
        found: String,
    },
    /// More certificates than any chain has.
    #[error(
        "the file holds {found} certificates, more than {most}; give those of this key or partner alone"
    )]
    TooMany {
        /// How many.
        found: usize,
        /// How many at the most.
        most: usize,
    },
}

/// Why a key, a request or a certificate was not made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MakeError {
    /// A field of the subject that no certificate can carry.
    #[error("{field}: found {found:?}, wanted {wanted}")]
    Field {
        /// Which one.
        field: &'static str,
        /// What was given.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// No role was named, so no usage can be written into it.
    #[error("no role is named; name what the key is for, for example encryption and file-signing")]
    NoRole,
    /// The key cannot do what a role asks for.
    #[error("an elliptic-curve key serves TLS only, not {role}; make an RSA key for it")]
    KeyUnfit {
        /// The word of the role.
        role: &'static str,
    },
    /// Validity out of range.
    #[error("days: found {found}, wanted 1 to {most}")]
    Days {
        /// Days asked for.
        found: u32,
        /// Most days given.
        most: u32,
    },
    /// The private key does not parse or is of no use.
    #[error("the private key cannot be used: {0}; import or make it anew")]
    Key(String),
    /// A key kept elsewhere (a token) did not sign.
    #[error("the key did not sign: {0}")]
    Signing(String),
    /// Cryptography said no, which it never should.
    #[error("it could not be made: {0}")]
    Failed(String),
}

/// Why a key was not sealed or unsealed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SealError {
    /// Too short to protect anything.
    #[error(
        "the master secret has {found} octets, the least is {least}; make one with: \
         openssl rand -base64 32"
    )]
    Short {
        /// Octets found, without the line end.
        found: usize,
        /// Fewest octets.
        least: usize,
    },
    /// Too long to be one.
    #[error(
        "the master secret has {found} octets, the most is {most}; give the file of the secret alone"
    )]
    Long {
        /// Octets found.
        found: usize,
        /// Most octets.
        most: usize,
    },
    /// A passphrase for an export that is too short.
    #[error("the passphrase has {found} characters, the least is {least}; choose a longer one")]
    Passphrase {
        /// Characters found.
        found: usize,
        /// Fewest characters.
        least: usize,
    },
    /// Sealed under another master secret.
    #[error(
        "the master secret does not open the sealed key; give the secret the key was sealed with, \
         or restore the key from its backup"
    )]
    WrongSecret,
    /// The sealed octets are no longer what was written.
    #[error("the sealed key is damaged: {0}; restore it from its backup")]
    Damaged(String),
    /// Not a private key, or cryptography said no.
    #[error("the key could not be sealed: {0}")]
    Failed(String),
}

/// Why a certificate could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("this is no certificate that can be read: {detail}")]
pub struct FactsError {
    /// Where it stops making sense.
    pub detail: String,
}
