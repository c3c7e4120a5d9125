//! What a token can do with a key, asked rather than assumed.

use crypto::Hash;
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::MechanismType;
use cryptoki::mechanism::rsa::PkcsMgfType;
use cryptoki::slot::Slot;

use crate::TokenError;
use crate::find::Found;

/// Mechanisms this crate has a use for.
const USED: [MechanismType; 4] = [
    MechanismType::RSA_PKCS,
    MechanismType::RSA_X_509,
    MechanismType::RSA_PKCS_PSS,
    MechanismType::RSA_PKCS_OAEP,
];

/// The mechanisms a key signs and decrypts with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Abilities {
    signing: Vec<MechanismType>,
    decrypting: Vec<MechanismType>,
}

impl Abilities {
    pub(crate) fn of(module: &Pkcs11, slot: Slot, key: &Found) -> Result<Self, TokenError> {
        let known = module
            .get_mechanism_list(slot)
            .map_err(TokenError::call("the token does not say what it can do"))?;
        let mut abilities = Self::default();
        for mechanism in USED.into_iter().filter(|used| {
            known.contains(used) && (key.allowed.is_empty() || key.allowed.contains(used))
        }) {
            let Ok(info) = module.get_mechanism_info(slot, mechanism) else {
                continue;
            };
            if key.signs && info.sign() {
                abilities.signing.push(mechanism);
            }
            if key.decrypts && info.decrypt() {
                abilities.decrypting.push(mechanism);
            }
        }
        if abilities == Self::default() {
            return Err(TokenError::Unable(
                "it offers none of CKM_RSA_PKCS, CKM_RSA_X_509, CKM_RSA_PKCS_PSS and \
                 CKM_RSA_PKCS_OAEP for it"
                    .to_owned(),
            ));
        }
        Ok(abilities)
    }

    pub(crate) fn signs(&self, mechanism: MechanismType) -> bool {
        self.signing.contains(&mechanism)
    }

    pub(crate) fn decrypts(&self, mechanism: MechanismType) -> bool {
        self.decrypting.contains(&mechanism)
    }
}

/// The hash as parameters of a mechanism name it, and MGF1 with it. SHA3 is in no token's
/// parameters that we know of: blocks with it we pad ourselves.
pub(crate) fn parameter(hash: Hash) -> Option<(MechanismType, PkcsMgfType)> {
    match hash {
        Hash::Sha1 => Some((MechanismType::SHA1, PkcsMgfType::MGF1_SHA1)),
        Hash::Sha256 => Some((MechanismType::SHA256, PkcsMgfType::MGF1_SHA256)),
        Hash::Sha384 => Some((MechanismType::SHA384, PkcsMgfType::MGF1_SHA384)),
        Hash::Sha512 => Some((MechanismType::SHA512, PkcsMgfType::MGF1_SHA512)),
        Hash::Sha3_512 => None,
    }
}
