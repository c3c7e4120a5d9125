//! The calls into the library that its safe interface does not have: the only unsafe code.
//!
//! Every function here is safe to call with any octets. What they rely on: the pointer in
//! [`Rsa`] is owned, valid until the drop, and to a key the library itself has parsed and checked;
//! slices are handed over with their true lengths; outputs have at least the octets the library
//! writes, which for these calls is the size of the modulus.

use std::ffi::{c_int, c_void};
use std::ptr::{self, NonNull};

use aws_lc_sys as lc;
use zeroize::Zeroizing;

use crate::{Hash, Oaep};

/// A key the library has accepted: an odd modulus, an odd exponent of at most 33 bits, and for a
/// private key all the numbers that must fit together.
pub(crate) struct Rsa(NonNull<lc::RSA>);

// SAFETY: the library locks what it changes inside a key in use (blinding, precomputed values);
// "a given object may be used concurrently on multiple threads by non-mutating functions", and
// nothing here mutates a key once it is parsed (openssl/rsa.h). Freeing on another thread is
// allowed: the object holds nothing that belongs to a thread.
unsafe impl Send for Rsa {}
// SAFETY: as above; shared use is by non-mutating functions only.
unsafe impl Sync for Rsa {}

impl Drop for Rsa {
    fn drop(&mut self) {
        // SAFETY: the pointer is ours alone, and is not used after this. The library wipes the
        // numbers it frees.
        unsafe { lc::RSA_free(self.0.as_ptr()) }
    }
}

impl Rsa {
    /// From an RSAPublicKey in DER.
    pub(crate) fn public(der: &[u8]) -> Option<Self> {
        // SAFETY: reads `len` octets of a live slice; gives null or a key that is ours.
        let key = unsafe { lc::RSA_public_key_from_bytes(der.as_ptr(), der.len()) };
        Self::owned(key)
    }

    /// From an RSAPrivateKey in DER.
    pub(crate) fn private(der: &[u8]) -> Option<Self> {
        // SAFETY: reads `len` octets of a live slice; gives null or a key that is ours.
        let key = unsafe { lc::RSA_private_key_from_bytes(der.as_ptr(), der.len()) };
        Self::owned(key)
    }

    /// Its public half, an RSAPublicKey in DER; `None` for a private key without exponent.
    pub(crate) fn public_numbers(&self) -> Option<Vec<u8>> {
        // SAFETY: the key is valid; the result is a pointer into it, or null, and not kept.
        if unsafe { lc::RSA_get0_e(self.0.as_ptr()) }.is_null() {
            return None;
        }
        let mut octets: *mut u8 = ptr::null_mut();
        let mut length = 0;
        // SAFETY: the key is valid and has both public numbers; both outputs are live places.
        let written =
            unsafe { lc::RSA_public_key_to_bytes(&mut octets, &mut length, self.0.as_ptr()) };
        if !succeeded(written) || octets.is_null() {
            return None;
        }
        // SAFETY: on success the library gives an allocation of `length` octets, ours to free.
        let numbers = unsafe { std::slice::from_raw_parts(octets, length) }.to_vec();
        // SAFETY: the allocation is the library's, and the slice over it is gone.
        unsafe { lc::OPENSSL_free(octets.cast::<c_void>()) };
        Some(numbers)
    }

    pub(crate) fn bits(&self) -> usize {
        // SAFETY: the key is valid.
        unsafe { lc::RSA_bits(self.0.as_ptr()) as usize }
    }

    /// Octets of the modulus.
    pub(crate) fn octets(&self) -> usize {
        // SAFETY: the key is valid.
        unsafe { lc::RSA_size(self.0.as_ptr()) as usize }
    }

    /// Raises `wrapped` to the private power, with blinding, looking at nothing. False where it
    /// is not a number below the modulus, or `into` is too short.
    pub(crate) fn decrypt_raw(&self, wrapped: &[u8], into: &mut [u8]) -> bool {
        let mut length = 0;
        // SAFETY: the key is valid; the library writes at most `into.len()` octets, and fails if
        // that is less than the modulus.
        let done = unsafe {
            lc::RSA_decrypt(
                self.0.as_ptr(),
                &mut length,
                into.as_mut_ptr(),
                into.len(),
                wrapped.as_ptr(),
                wrapped.len(),
                lc::RSA_NO_PADDING,
            )
        };
        succeeded(done) && length == into.len()
    }

    /// A signature over a DigestInfo.
    pub(crate) fn sign_pkcs1(&self, digest_info: &[u8]) -> Option<Vec<u8>> {
        self.output(|key, length, into, most| {
            // SAFETY: the key is valid; the library writes at most `most` octets to `into`.
            unsafe {
                lc::RSA_sign_raw(
                    key,
                    length,
                    into,
                    most,
                    digest_info.as_ptr(),
                    digest_info.len(),
                    lc::RSA_PKCS1_PADDING,
                )
            }
        })
    }

    /// A signature with MGF1 of the same hash and a salt as long as the digest.
    pub(crate) fn sign_pss(&self, hash: Hash, digest: &[u8]) -> Option<Vec<u8>> {
        let md = function(hash);
        self.output(|key, length, into, most| {
            // SAFETY: the key is valid; the digest's length is checked by the library against
            // its function; it writes at most `most` octets to `into`.
            unsafe {
                lc::RSA_sign_pss_mgf1(
                    key,
                    length,
                    into,
                    most,
                    digest.as_ptr(),
                    digest.len(),
                    md,
                    md,
                    lc::RSA_PSS_SALTLEN_DIGEST,
                )
            }
        })
    }

    /// What stands in the padding of a PKCS#1 v1.5 signature, if that is in order.
    pub(crate) fn signed_with_pkcs1(&self, signature: &[u8]) -> Option<Vec<u8>> {
        self.output(|key, length, into, most| {
            // SAFETY: the key is valid; the library writes at most `most` octets to `into`.
            unsafe {
                lc::RSA_verify_raw(
                    key,
                    length,
                    into,
                    most,
                    signature.as_ptr(),
                    signature.len(),
                    lc::RSA_PKCS1_PADDING,
                )
            }
        })
    }

    pub(crate) fn verify_pss(
        &self,
        hash: Hash,
        mgf: Hash,
        salt: Option<usize>,
        digest: &[u8],
        signature: &[u8],
    ) -> bool {
        let salt = match salt.map(c_int::try_from) {
            None => lc::RSA_PSS_SALTLEN_AUTO,
            Some(Ok(octets)) => octets,
            Some(Err(_)) => return false,
        };
        // SAFETY: the key is valid; slices come with their lengths; the library checks that the
        // digest fits its function and the signature the modulus, and keeps no pointer.
        let verified = unsafe {
            lc::RSA_verify_pss_mgf1(
                self.0.as_ptr(),
                digest.as_ptr(),
                digest.len(),
                function(hash),
                function(mgf),
                salt,
                signature.as_ptr(),
                signature.len(),
            )
        };
        succeeded(verified)
    }

    pub(crate) fn encrypt_pkcs1(&self, content_key: &[u8]) -> Option<Vec<u8>> {
        self.encrypt(content_key, lc::RSA_PKCS1_PADDING)
    }

    pub(crate) fn encrypt_oaep(&self, oaep: Oaep, content_key: &[u8]) -> Option<Vec<u8>> {
        let mut block = Zeroizing::new(vec![0; self.octets()]);
        // SAFETY: the library writes at most `block.len()` octets and fails if the content key
        // and the padding need more; a null label has length zero.
        let padded = unsafe {
            lc::RSA_padding_add_PKCS1_OAEP_mgf1(
                block.as_mut_ptr(),
                block.len(),
                content_key.as_ptr(),
                content_key.len(),
                ptr::null(),
                0,
                function(oaep.hash),
                function(oaep.mgf),
            )
        };
        if !succeeded(padded) {
            return None;
        }
        self.encrypt(&block, lc::RSA_NO_PADDING)
    }

    /// EMSA-PSS (RFC 8017 §9.1.1), as long as the modulus. The digest must have the length of its
    /// hash.
    pub(crate) fn pss_block(&self, hash: Hash, digest: &[u8]) -> Option<Vec<u8>> {
        if digest.len() != hash.octets() {
            return None;
        }
        let md = function(hash);
        let mut block = vec![0; self.octets()];
        // SAFETY: the library reads as many octets of the digest as its function makes, which was
        // compared above, and writes as many as the modulus has, which is the block's length.
        let padded = unsafe {
            lc::RSA_padding_add_PKCS1_PSS_mgf1(
                self.0.as_ptr(),
                block.as_mut_ptr(),
                digest.as_ptr(),
                md,
                md,
                lc::RSA_PSS_SALTLEN_DIGEST,
            )
        };
        succeeded(padded).then_some(block)
    }

    fn encrypt(&self, octets: &[u8], padding: c_int) -> Option<Vec<u8>> {
        self.output(|key, length, into, most| {
            // SAFETY: the key is valid; the library writes at most `most` octets to `into`.
            unsafe {
                lc::RSA_encrypt(
                    key,
                    length,
                    into,
                    most,
                    octets.as_ptr(),
                    octets.len(),
                    padding,
                )
            }
        })
    }

    fn owned(key: *mut lc::RSA) -> Option<Self> {
        let key = NonNull::new(key).map(Self);
        succeeded(c_int::from(key.is_some()));
        key
    }

    /// Runs a call that writes up to the modulus' length, and cuts to what it wrote.
    fn output(
        &self,
        call: impl FnOnce(*mut lc::RSA, *mut usize, *mut u8, usize) -> c_int,
    ) -> Option<Vec<u8>> {
        let mut into = vec![0; self.octets()];
        let mut length = 0;
        if !succeeded(call(
            self.0.as_ptr(),
            &mut length,
            into.as_mut_ptr(),
            into.len(),
        )) {
            return None;
        }
        into.truncate(length);
        Some(into)
    }
}

/// Whether a call succeeded. What the library noted about a failure is thrown away: it belongs to
/// the thread, and nobody else there should find it.
fn succeeded(result: c_int) -> bool {
    if result != 1 {
        // SAFETY: clears a list of the calling thread.
        unsafe { lc::ERR_clear_error() };
    }
    result == 1
}

fn function(hash: Hash) -> *const lc::EVP_MD {
    // SAFETY: each gives a pointer to a static table and has no other effect.
    unsafe {
        match hash {
            Hash::Sha1 => lc::EVP_sha1(),
            Hash::Sha256 => lc::EVP_sha256(),
            Hash::Sha384 => lc::EVP_sha384(),
            Hash::Sha512 => lc::EVP_sha512(),
            Hash::Sha3_512 => lc::EVP_sha3_512(),
        }
    }
}
