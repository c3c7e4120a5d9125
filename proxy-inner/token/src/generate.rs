//! Making a key pair inside a token.

use cryptoki::context::Pkcs11;
use cryptoki::error::Error;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::Session;
use cryptoki::slot::Slot;
use cryptoki::types::Ulong;
use zeroize::Zeroizing;

use crate::error::answer;
use crate::{TokenError, TokenUri, find, module, pin};

/// Octets of an identifier we make up.
const ID_OCTETS: usize = 16;

/// Makes the pair the address names. The private half can sign and decrypt, is sensitive and can
/// not be extracted.
pub(crate) fn generate(
    uri: &TokenUri,
    pin: Option<Zeroizing<String>>,
    bits: usize,
) -> Result<(), TokenError> {
    let label = uri.object().ok_or(TokenError::Nameless)?;
    let module = module::load(uri.module())?;
    let slot = module::slot(&module, uri)?;
    check_size(&module, slot, bits)?;
    let session = module
        .open_rw_session(slot)
        .map_err(TokenError::call("the token gives no session to write in"))?;
    let done = pin::login(
        &module,
        slot,
        &session,
        pin.as_ref().map(|pin| pin.as_str()),
    )
    .and_then(|()| make(&session, uri, label, bits));
    drop(session.close());
    done
}

fn check_size(module: &Pkcs11, slot: Slot, bits: usize) -> Result<(), TokenError> {
    if !matches!(bits, 2048 | 3072 | 4096) {
        return Err(TokenError::NotGenerated {
            bits,
            why: "ask for 2048, 3072 or 4096".to_owned(),
        });
    }
    let info = module
        .get_mechanism_info(slot, MechanismType::RSA_PKCS_KEY_PAIR_GEN)
        .map_err(|error| TokenError::NotGenerated {
            bits,
            why: answer(&error),
        })?;
    if !(info.min_key_size()..=info.max_key_size()).contains(&bits) {
        return Err(TokenError::NotGenerated {
            bits,
            why: format!(
                "it makes {} to {} bits",
                info.min_key_size(),
                info.max_key_size()
            ),
        });
    }
    Ok(())
}

fn make(session: &Session, uri: &TokenUri, label: &str, bits: usize) -> Result<(), TokenError> {
    let refused = |error: Error| TokenError::NotGenerated {
        bits,
        why: answer(&error),
    };
    let id = match uri.id() {
        Some(id) => id.to_vec(),
        None => made_up_id()?,
    };
    let name = Attribute::Label(label.as_bytes().to_vec());
    let id = Attribute::Id(id);
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
        for taken in [&name, &id] {
            if find::exists(session, class, taken).map_err(refused)? {
                return Err(TokenError::Exists(uri.key_in_words()));
            }
        }
    }
    let size = Ulong::try_from(bits).map_err(refused)?;
    session
        .generate_key_pair(
            &Mechanism::RsaPkcsKeyPairGen,
            &[
                Attribute::Token(true),
                Attribute::Verify(true),
                Attribute::Encrypt(true),
                Attribute::ModulusBits(size),
                Attribute::PublicExponent(vec![1, 0, 1]),
                name.clone(),
                id.clone(),
            ],
            &[
                Attribute::Token(true),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Sign(true),
                Attribute::Decrypt(true),
                name,
                id,
            ],
        )
        .map_err(refused)?;
    Ok(())
}

fn made_up_id() -> Result<Vec<u8>, TokenError> {
    let mut id = vec![0; ID_OCTETS];
    crypto::random(&mut id).map_err(|error| TokenError::Call {
        doing: "an identifier for the key cannot be made",
        why: error.to_string(),
    })?;
    Ok(id)
}
