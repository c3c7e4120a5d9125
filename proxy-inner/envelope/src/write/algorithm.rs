//! AlgorithmIdentifiers of the suites.

use crypto::{Hash, Oaep, Signing};

use crate::{Cipher, der, oid};

/// Of a digest by itself: without parameters, as RFC 3370 and RFC 5754 prefer.
pub(crate) fn digest(hash: Hash) -> Vec<u8> {
    der::sequence(&[&der::identifier(identifier(hash))])
}

/// Of a signature. With PKCS#1 v1.5 rsaEncryption, which every reader takes: the hash is that of
/// the digest algorithm (RFC 3370 section 3.2).
pub(crate) fn signature(signing: Signing) -> Vec<u8> {
    match signing {
        Signing::Pkcs1(_) => rsa_encryption(),
        Signing::Pss(hash) => {
            let salt = der::small_integer(u8::try_from(hash.octets()).unwrap_or(0));
            let parameters = der::sequence(&[
                &der::element(0xa0, &[&parameter_hash(hash)]),
                &der::element(0xa1, &[&mask_generation(hash)]),
                &der::element(0xa2, &[&salt]),
            ]);
            der::sequence(&[&der::identifier(oid::RSASSA_PSS), &parameters])
        }
    }
}

/// Of a wrapped content key: OAEP, or PKCS#1 v1.5.
pub(crate) fn key_transport(oaep: Option<Oaep>) -> Vec<u8> {
    match oaep {
        None => rsa_encryption(),
        Some(Oaep { hash, mgf }) => {
            let parameters = der::sequence(&[
                &der::element(0xa0, &[&parameter_hash(hash)]),
                &der::element(0xa1, &[&mask_generation(mgf)]),
            ]);
            der::sequence(&[&der::identifier(oid::RSAES_OAEP), &parameters])
        }
    }
}

/// Of a content's cipher.
pub(crate) fn cipher(cipher: Cipher, vector: &[u8]) -> Vec<u8> {
    let identifier = match cipher {
        Cipher::TripleDes => oid::DES_EDE3_CBC,
        Cipher::Aes256 => oid::AES_256_CBC,
    };
    der::sequence(&[&der::identifier(identifier), &der::octet_string(vector)])
}

fn rsa_encryption() -> Vec<u8> {
    der::sequence(&[&der::identifier(oid::RSA_ENCRYPTION), &der::null()])
}

fn mask_generation(hash: Hash) -> Vec<u8> {
    der::sequence(&[&der::identifier(oid::MGF_1), &parameter_hash(hash)])
}

/// Of a hash within the parameters of PSS and OAEP: there SHA-1 and SHA-2 have NULL (RFC 4055
/// section 2.1), SHA-3 has nothing (RFC 9688).
fn parameter_hash(hash: Hash) -> Vec<u8> {
    match hash {
        Hash::Sha3_512 => digest(hash),
        _ => der::sequence(&[&der::identifier(identifier(hash)), &der::null()]),
    }
}

fn identifier(hash: Hash) -> &'static [u8] {
    match hash {
        Hash::Sha1 => oid::SHA_1,
        Hash::Sha256 => oid::SHA_256,
        Hash::Sha384 => oid::SHA_384,
        Hash::Sha512 => oid::SHA_512,
        Hash::Sha3_512 => oid::SHA3_512,
    }
}
