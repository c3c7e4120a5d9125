//! PINs: given to the token, remembered when refused, never shown.

use std::sync::{Mutex, PoisonError};

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use crate::TokenError;

/// Tokens by serial number with a PIN they refused. Not tried again in the life of the process:
/// whoever loads keys anew each minute with a wrong PIN would lock the token in three.
static REFUSED: Mutex<Vec<(String, Zeroizing<String>)>> = Mutex::new(Vec::new());

/// Logs the session's token in, if it wants that and nobody has yet.
pub(crate) fn login(
    module: &Pkcs11,
    slot: Slot,
    session: &Session,
    pin: Option<&str>,
) -> Result<(), TokenError> {
    let failed = || TokenError::call("the token does not say what it is");
    let info = module.get_token_info(slot).map_err(failed())?;
    let state = session
        .get_session_info()
        .map_err(failed())?
        .session_state();
    if !info.login_required() || matches!(state, SessionState::RoUser | SessionState::RwUser) {
        return Ok(());
    }
    let Some(pin) = pin else {
        if info.protected_authentication_path() {
            return understood(session.login(UserType::User, None));
        }
        return Err(TokenError::PinMissing);
    };
    let serial = info.serial_number();
    if was_refused(serial, pin) {
        return Err(TokenError::PinWrong);
    }
    if info.user_pin_locked() {
        return Err(TokenError::PinLocked);
    }
    if info.user_pin_final_try() {
        return Err(TokenError::PinLastTry);
    }
    let answer = understood(session.login(UserType::User, Some(&AuthPin::from(pin))));
    if answer == Err(TokenError::PinWrong) {
        let refused = (serial.to_owned(), Zeroizing::new(pin.to_owned()));
        let mut all = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(refused);
    }
    answer
}

fn was_refused(serial: &str, pin: &str) -> bool {
    let all = REFUSED.lock().unwrap_or_else(PoisonError::into_inner);
    all.iter()
        .any(|(token, refused)| token == serial && refused.as_str() == pin)
}

fn understood(answer: Result<(), Error>) -> Result<(), TokenError> {
    match answer {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(Error::Pkcs11(
            RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange,
            _,
        )) => Err(TokenError::PinWrong),
        Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(TokenError::PinLocked),
        Err(Error::Pkcs11(RvError::PinExpired | RvError::UserPinNotInitialized, _)) => {
            Err(TokenError::PinUnset)
        }
        Err(other) => Err(TokenError::call("the token does not let us log in")(other)),
    }
}
