//! The private key that is not here: every handshake signature is asked of the inner half.
//!
//! rustls asks for a signature synchronously, so the thread that asks waits for one round trip on
//! the link. Which threads may wait is settled in [`super::tls`]; a signature wanted anywhere else
//! (after a HelloRetryRequest, on a runtime worker) takes one of few places, or is refused.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};

use ::link::LinkError;
use ::link::message::{FromDmz, Sign, SignAnswer};
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::tls::Call;

/// Signs for one connection by asking the inner half.
#[derive(Clone)]
pub(super) struct RemoteKey {
    asker: Arc<Asker>,
}

impl RemoteKey {
    pub(super) fn new(
        call: Arc<Call>,
        retries: Arc<Semaphore>,
        fault: Arc<OnceLock<SignFault>>,
    ) -> RemoteKey {
        RemoteKey {
            asker: Arc::new(Asker {
                call,
                retries,
                fault,
                runtime: Handle::current(),
            }),
        }
    }
}

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// The inner half did not want to sign this.
    #[error("the inner half refused to sign the handshake")]
    Refused,
    /// The link could not carry the question or the answer.
    #[error("the inner half could not be asked for the signature: {0}")]
    Link(String),
    /// No answer came in time.
    #[error("the inner half did not sign in time")]
    Late,
    /// Too many handshakes went through a HelloRetryRequest at once.
    #[error("too many handshakes ask for another key exchange group at the same time")]
    Retries,
}

/// Runs a step of a handshake on a thread that may wait for a signature.
pub(super) fn on_a_waiting_thread<T>(step: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            MAY_WAIT.set(false);
        }
    }
    MAY_WAIT.set(true);
    let _reset = Reset;
    step()
}

thread_local! {
    /// Whether this thread may wait: it is one of the pool's, inside [`on_a_waiting_thread`].
    static MAY_WAIT: Cell<bool> = const { Cell::new(false) };
}

struct Asker {
    call: Arc<Call>,
    retries: Arc<Semaphore>,
    fault: Arc<OnceLock<SignFault>>,
    runtime: Handle,
}

impl Asker {
    fn signature(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, SignFault> {
        let question = self.ask(scheme, message.to_vec());
        if MAY_WAIT.get() {
            return self.runtime.block_on(question);
        }
        if self.runtime.runtime_flavor() != RuntimeFlavor::MultiThread {
            return Err(SignFault::Retries);
        }
        let _place = self.retries.try_acquire().map_err(|_| SignFault::Retries)?;
        tokio::task::block_in_place(|| self.runtime.block_on(question))
    }

    fn ask(
        &self,
        scheme: SignatureScheme,
        message: Vec<u8>,
    ) -> impl Future<Output = Result<Vec<u8>, SignFault>> {
        let call = Arc::clone(&self.call);
        async move {
            let due = call.deadline.min(Instant::now() + call.answer_within);
            let question = FromDmz::Sign(Sign {
                circuit: call.circuit,
                listener: call.identity.listener.clone(),
                key: call.identity.key,
                peer: call.peer,
                scheme: u16::from(scheme),
                message,
            });
            let answer = timeout_at(due, async {
                let mut circuit = call.link.open(&question).await?;
                circuit.receive_message::<SignAnswer>().await
            });
            match answer.await {
                Ok(Ok(SignAnswer::Signature(signature))) => Ok(signature),
                Ok(Ok(SignAnswer::Refused)) => Err(SignFault::Refused),
                Ok(Err(error)) => Err(SignFault::Link(LinkError::to_string(&error))),
                Err(_) => Err(SignFault::Late),
            }
        }
    }
}

impl SigningKey for RemoteKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let schemes = &self.asker.call.identity.schemes;
        let scheme = schemes
            .iter()
            .copied()
            .find(|scheme| offered.contains(scheme))?;
        Some(Box::new(RemoteSigner {
            asker: Arc::clone(&self.asker),
            scheme,
        }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.asker.call.identity.algorithm
    }
}

struct RemoteSigner {
    asker: Arc<Asker>,
    scheme: SignatureScheme,
}

impl Signer for RemoteSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.asker.signature(self.scheme, message).map_err(|fault| {
            // The first fault is the handshake's; rustls keeps only its text.
            let _ = self.asker.fault.set(fault.clone());
            rustls::Error::General(fault.to_string())
        })
    }

    fn scheme(&self) -> SignatureScheme {
        self.scheme
    }
}

impl fmt::Debug for RemoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKey")
            .field("circuit", &self.asker.call.circuit)
            .finish()
    }
}

impl fmt::Debug for RemoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteSigner")
            .field("scheme", &self.scheme)
            .finish()
    }
}
