//! PKCS#11 modules, each loaded once for the life of the process, and the tokens they show.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::slot::Slot;

use crate::{TokenError, TokenUri};

/// Never unloaded: sessions of other keys may be in use, and most modules do not survive it.
static LOADED: LazyLock<Mutex<HashMap<PathBuf, Loaded>>> = LazyLock::new(Mutex::default);

/// A module since it last started its work.
#[derive(Clone)]
pub(crate) struct Loaded {
    module: Pkcs11,
    /// How often it has started in this process, and when this one was had.
    starts: Arc<AtomicU64>,
    start: u64,
}

impl Loaded {
    /// Whether it is still at the same work. If not, the numbers of its sessions may by now be
    /// those of others: they must not be used, nor closed.
    pub(crate) fn is_current(&self) -> bool {
        self.starts.load(Ordering::Acquire) == self.start
    }
}

impl Deref for Loaded {
    type Target = Pkcs11;

    fn deref(&self) -> &Pkcs11 {
        &self.module
    }
}

/// The module, loaded and ready for several threads.
pub(crate) fn load(path: &Path) -> Result<Loaded, TokenError> {
    let unloadable = |error: Error| TokenError::Module {
        path: path.to_owned(),
        why: crate::error::answer(&error),
    };
    let mut all = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut loaded = match all.get(path) {
        Some(loaded) => loaded.clone(),
        None => Loaded {
            module: Pkcs11::new(path).map_err(unloadable)?,
            starts: Arc::default(),
            start: 0,
        },
    };
    // Also when it was loaded before: somebody may have ended its work.
    match loaded.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) => loaded.start = loaded.starts.fetch_add(1, Ordering::AcqRel) + 1,
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(unloadable(error)),
    }
    all.insert(path.to_owned(), loaded.clone());
    Ok(loaded)
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
