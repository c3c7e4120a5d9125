//! PKCS#11 modules, each loaded once for the life of the process, and the tokens they show.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::slot::Slot;

use crate::{TokenError, TokenUri};

/// Never unloaded: sessions of other keys may be in use, and most modules do not survive it.
static LOADED: LazyLock<Mutex<HashMap<PathBuf, Pkcs11>>> = LazyLock::new(Mutex::default);

/// The module, loaded and ready for several threads.
pub(crate) fn load(path: &Path) -> Result<Pkcs11, TokenError> {
    let unloadable = |error: Error| TokenError::Module {
        path: path.to_owned(),
        why: crate::error::answer(&error),
    };
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let module = match loaded.get(path) {
        Some(module) => module.clone(),
        None => Pkcs11::new(path).map_err(unloadable)?,
    };
    // Also when it was loaded before: somebody may have ended its work.
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(unloadable(error)),
    }
    loaded.insert(path.to_owned(), module.clone());
    Ok(module)
}

/// The slot that now holds the token of the address.
pub(crate) fn slot(module: &Pkcs11, uri: &TokenUri) -> Result<Slot, TokenError> {
    let slots = module
        .get_slots_with_token()
        .map_err(TokenError::call("the module does not show its tokens"))?;
    let mut found = Vec::new();
    let mut wanted = Vec::new();
    for slot in slots {
        // One that was pulled out just now is none, nor is an empty one.
        let info = match module.get_token_info(slot) {
            Ok(info) if info.token_initialized() => info,
            _ => continue,
        };
        let label = uri.token().is_none_or(|label| label == info.label());
        let serial = uri
            .serial()
            .is_none_or(|serial| serial == info.serial_number());
        if label && serial {
            wanted.push(slot);
        }
        found.push(format!(
            "\"{}\" (serial number {})",
            info.label(),
            info.serial_number()
        ));
    }
    match wanted.as_slice() {
        [slot] => Ok(*slot),
        [] => Err(TokenError::NoToken {
            wanted: uri.token_in_words(),
            found,
        }),
        several => Err(TokenError::AmbiguousToken {
            wanted: uri.token_in_words(),
            count: several.len(),
        }),
    }
}
