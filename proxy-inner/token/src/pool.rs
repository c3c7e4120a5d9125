//! Sessions with a token: a few, each used by one thread at a time, opened again when lost.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crypto::PublicKey;
use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::slot::{Limit, Slot};
use zeroize::Zeroizing;

use crate::error::is_lost;
use crate::find::{self, Found};
use crate::module::Loaded;
use crate::{TokenError, TokenUri, module, pin};

/// Sessions a key has at most. More do not make a token faster, and it has few.
const MOST_SESSIONS: usize = 4;

/// Why an operation with a key failed.
pub(crate) enum Trouble {
    /// The token cannot be reached, or not any more.
    Gone(TokenError),
    /// The token refuses the operation.
    Refused(Error),
}

/// The sessions of one key.
pub(crate) struct Pool {
    uri: TokenUri,
    pin: Option<Zeroizing<String>>,
    /// Which key it must be after the token was away.
    public: PublicKey,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    connection: Option<Connection>,
    idle: Vec<Session>,
    /// Sessions with users of this connection.
    out: usize,
    /// Counts connections, so that what is left of an old one is thrown away.
    epoch: u64,
}

/// Where the key is now.
#[derive(Clone)]
struct Connection {
    module: Loaded,
    slot: Slot,
    key: ObjectHandle,
    most: usize,
}

impl Pool {
    /// Finds the key; hands what was seen of it to `look`.
    pub(crate) fn open<T>(
        uri: &TokenUri,
        pin: Option<Zeroizing<String>>,
        look: impl FnOnce(&Pkcs11, Slot, &Session, &Found) -> Result<T, TokenError>,
    ) -> Result<(Self, T), TokenError> {
        let (connection, session, found) = connect(uri, pin.as_ref())?;
        let seen = look(&connection.module, connection.slot, &session, &found);
        let pool = Self {
            uri: uri.clone(),
            pin,
            public: found.public,
            state: Mutex::new(State {
                connection: Some(connection),
                idle: vec![session],
                out: 0,
                epoch: 0,
            }),
            freed: Condvar::new(),
        };
        Ok((pool, seen?))
    }

    pub(crate) fn uri(&self) -> &TokenUri {
        &self.uri
    }

    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Runs an operation with a session and the key; once more in a new session if the first was
    /// lost.
    pub(crate) fn run<T>(
        &self,
        operation: impl Fn(&Session, ObjectHandle) -> Result<T, Error>,
    ) -> Result<T, Trouble> {
        let first = match self.attempt(&operation)? {
            Err(error) if is_lost(&error) => self.attempt(&operation)?,
            answered => answered,
        };
        first.map_err(|error| {
            if is_lost(&error) {
                Trouble::Gone(TokenError::call("the token is lost again and again")(error))
            } else {
                Trouble::Refused(error)
            }
        })
    }

    fn attempt<T>(
        &self,
        operation: impl Fn(&Session, ObjectHandle) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Trouble> {
        let (lease, session) = self.lease().map_err(|error| {
            // Those who wait for a session must see for themselves that there is none.
            self.freed.notify_all();
            Trouble::Gone(error)
        })?;
        let answered = operation(&session, lease.connection.key);
        match &answered {
            Ok(_) => lease.give_back(session),
            Err(error) if is_lost(error) => lease.forget_connection(session),
            // It may be left in the midst of something.
            Err(_) => lease.connection.close(session),
        }
        Ok(answered)
    }

    /// A session for one thread; waits while all are in use.
    fn lease(&self) -> Result<(Lease<'_>, Session), TokenError> {
        let mut state = self.lock();
        loop {
            match state.connection.clone() {
                None => {
                    let (connection, session) = self.reconnect()?;
                    state.connection = Some(connection.clone());
                    return Ok((self.leased(&mut state, connection), session));
                }
                Some(connection) if !connection.module.is_current() => {
                    state.forget();
                    continue;
                }
                Some(connection) if !state.idle.is_empty() => {
                    if let Some(session) = state.idle.pop() {
                        return Ok((self.leased(&mut state, connection), session));
                    }
                }
                Some(connection) if state.out < connection.most => {
                    match open_session(&connection, self.pin.as_ref()) {
                        Ok(session) => {
                            return Ok((self.leased(&mut state, connection), session));
                        }
                        // Others have the token's last sessions: wait for one of ours.
                        Err(Opening::Full) if state.out > 0 => {}
                        Err(Opening::Full) => {
                            return Err(TokenError::Call {
                                doing: "the token gives no session",
                                why: "all are in use by other programs; close some".to_owned(),
                            });
                        }
                        Err(Opening::Lost) => {
                            state.forget();
                            continue;
                        }
                        Err(Opening::Failed(error)) => return Err(error),
                    }
                }
                Some(_) => {}
            }
            state = self
                .freed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn leased(&self, state: &mut State, connection: Connection) -> Lease<'_> {
        state.out += 1;
        Lease {
            pool: self,
            connection,
            epoch: state.epoch,
        }
    }

    fn reconnect(&self) -> Result<(Connection, Session), TokenError> {
        let (connection, session, found) = connect(&self.uri, self.pin.as_ref())?;
        if found.public != self.public {
            connection.close(session);
            return Err(TokenError::Changed(self.uri.key_in_words()));
        }
        Ok((connection, session))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.lock().forget();
    }
}

impl State {
    fn forget(&mut self) {
        self.out = 0;
        self.epoch += 1;
        if let Some(connection) = self.connection.take() {
            for session in self.idle.drain(..) {
                connection.close(session);
            }
        }
    }
}

impl Connection {
    /// Ends a session; one the token has ended already is as good.
    fn close(&self, session: Session) {
        if self.module.is_current() {
            drop(session.close());
        }
    }
}

/// The right to use one session; ends when dropped.
struct Lease<'a> {
    pool: &'a Pool,
    connection: Connection,
    epoch: u64,
}

impl Lease<'_> {
    fn give_back(self, session: Session) {
        let mut state = self.pool.lock();
        if state.epoch == self.epoch {
            state.idle.push(session);
        } else {
            self.connection.close(session);
        }
    }

    /// The next user connects anew, unless somebody has done so in the meantime.
    fn forget_connection(self, session: Session) {
        self.connection.close(session);
        let mut state = self.pool.lock();
        if state.epoch == self.epoch {
            state.forget();
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut state = self.pool.lock();
        if state.epoch == self.epoch {
            state.out = state.out.saturating_sub(1);
        }
        drop(state);
        self.pool.freed.notify_one();
    }
}

enum Opening {
    Full,
    Lost,
    Failed(TokenError),
}

fn connect(
    uri: &TokenUri,
    pin: Option<&Zeroizing<String>>,
) -> Result<(Connection, Session, Found), TokenError> {
    let module = module::load(uri.module())?;
    let slot = module::slot(&module, uri)?;
    let session = module
        .open_ro_session_no_drop(slot)
        .map_err(TokenError::call("the token gives no session"))?;
    let found = pin::login(&module, slot, &session, pin.map(|pin| pin.as_str()))
        .and_then(|()| find::key(&session, uri));
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            drop(session.close());
            return Err(error);
        }
    };
    let most = match module
        .get_token_info(slot)
        .map(|info| info.max_session_count())
    {
        Ok(Limit::Max(most)) => usize::try_from(most).unwrap_or(MOST_SESSIONS),
        _ => MOST_SESSIONS,
    };
    let connection = Connection {
        module,
        slot,
        key: found.handle,
        most: most.clamp(1, MOST_SESSIONS),
    };
    Ok((connection, session, found))
}

fn open_session(
    connection: &Connection,
    pin: Option<&Zeroizing<String>>,
) -> Result<Session, Opening> {
    let Connection { module, slot, .. } = connection;
    let session = match module.open_ro_session_no_drop(*slot) {
        Ok(session) => session,
        Err(Error::Pkcs11(RvError::SessionCount, _)) => return Err(Opening::Full),
        Err(error) if is_lost(&error) => return Err(Opening::Lost),
        Err(error) => {
            let failed = TokenError::call("the token gives no session");
            return Err(Opening::Failed(failed(error)));
        }
    };
    match pin::login(module, *slot, &session, pin.map(|pin| pin.as_str())) {
        Ok(()) => Ok(session),
        Err(error) => {
            connection.close(session);
            Err(Opening::Failed(error))
        }
    }
}
