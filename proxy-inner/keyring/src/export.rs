//! Keys to take elsewhere: under a passphrase, in forms that other products read.

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, LocalKeyId, MacAlgorithm,
    PrivateKey, PrivateKeyChain,
};
use zeroize::Zeroizing;

use crate::SealError;
use crate::seal::encrypt;

/// Fewest characters of a passphrase: what leaves the house is guessed at elsewhere.
pub const LEAST_PASSPHRASE: usize = 8;

/// Rounds that derive the key of a PKCS#12 from its passphrase.
const ROUNDS: u32 = 100_000;

/// Encrypts a private key (PKCS#8 DER) under a passphrase of the operator's choice:
/// EncryptedPrivateKeyInfo DER (PBES2, scrypt, AES-256), read by openssl and [`crate::import`].
///
/// # Errors
/// [`SealError::Passphrase`] when it is too short, [`SealError::Failed`] when it is no PKCS#8 key.
pub fn export_pkcs8(pkcs8: &[u8], passphrase: &str) -> Result<Vec<u8>, SealError> {
    long_enough(passphrase)?;
    encrypt(pkcs8, passphrase.as_bytes())
}

/// The key with its certificates, the one for it first, as PKCS#12 under a passphrase, named
/// `name` inside: AES-256 with PBKDF2, integrity check with SHA-256.
///
/// # Errors
/// [`SealError::Passphrase`], and [`SealError::Failed`] when key or certificates do not parse.
pub fn export_pkcs12(
    pkcs8: &[u8],
    certificates: &[Vec<u8>],
    name: &str,
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    long_enough(passphrase)?;
    let failed = |error: p12_keystore::error::Error| SealError::Failed(error.to_string());
    let first = certificates
        .first()
        .ok_or_else(|| SealError::Failed("there is no certificate for it yet".to_owned()))?;
    // What ties key and certificate together inside: the certificate's SHA-1, as others do it.
    let identifier = LocalKeyId::from(crypto::Hash::Sha1.of(first));
    let key = PrivateKey::from_der(pkcs8).map_err(failed)?;
    let chain = certificates
        .iter()
        .map(|der| Certificate::from_der(der).map_err(failed))
        .collect::<Result<Vec<_>, _>>()?;
    let mut keystore = KeyStore::new();
    keystore.add_entry(
        name,
        KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new(identifier, key, chain)),
    );
    keystore
        .writer(passphrase)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(ROUNDS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ROUNDS)
        .write()
        .map(Zeroizing::new)
        .map_err(failed)
}

/// A certificate, a request or an encrypted key as PEM, with lines that end in LF.
pub fn pem(label: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, der), config)
}

fn long_enough(passphrase: &str) -> Result<(), SealError> {
    let found = passphrase.chars().count();
    if found < LEAST_PASSPHRASE {
        return Err(SealError::Passphrase {
            found,
            least: LEAST_PASSPHRASE,
        });
    }
    Ok(())
}
