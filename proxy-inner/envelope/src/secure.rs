//! Securing a file: sign, compress and encrypt as asked, streamed (RFC 5024 section 6.1).

use std::io::{ErrorKind, Read, Write};
use std::panic::resume_unwind;
use std::thread;

use crate::write::{self, Sink, Target};
use crate::{Certificate, OwnKey, SecureError, Suite};

/// Octets read at a time.
const PORTION: usize = 64 * 1024;
/// What is no longer than this is secured in one thread: starting others costs more than it gives.
const SMALL: usize = 256 * 1024;

/// What is to be done with a file.
///
/// At least one of `sign`, `compress` and `encrypt` must ask for something.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The algorithms.
    pub suite: Suite,
    /// Who signs it; nobody: it is not signed. Several while a key is being replaced.
    pub sign: Vec<OwnKey>,
    /// zlib's level, 0 to 9 (see [`Plan::COMPRESSION`]); none: it is not compressed.
    pub compress: Option<u32>,
    /// Who can decrypt it; nobody: it is not encrypted.
    pub encrypt: Vec<Certificate>,
    /// How lengths are written.
    pub form: Form,
    /// Whether the signers' certificates go with the signature; RFC 5024 section 6.2 recommends not.
    pub include_certificate: bool,
    /// When it was signed, in seconds since 1970. BouncyCastle refuses a time outside the
    /// certificate's validity, so none is the safer choice.
    pub signing_time: Option<i64>,
}

/// How lengths are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// With indefinite lengths and the content in pieces of 64 KiB (BER).
    Indefinite,
    /// With definite lengths and the content in one piece (DER), for partners that read nothing
    /// else. What compression leaves is not known before: with it, lengths are indefinite.
    Definite {
        /// Octets of what is to be secured, exactly.
        octets: u64,
    },
}

/// How much was secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secured {
    /// Octets before.
    pub clear_octets: u64,
    /// Octets after.
    pub secured_octets: u64,
}

/// Secures everything `source` has into `target`, with little memory however much it is.
///
/// Part of the work is done in other threads, so that signing, compressing and encrypting overlap;
/// `source` is read by the caller's. When it fails, what `target` was given is of no use.
///
/// # Errors
/// See [`SecureError`].
pub fn secure(
    plan: &Plan,
    source: &mut dyn Read,
    target: &mut (dyn Write + Send),
) -> Result<Secured, SecureError> {
    let layers = plan.layers()?;
    let mut start = Vec::new();
    source
        .take(SMALL as u64)
        .read_to_end(&mut start)
        .map_err(SecureError::Read)?;
    let mut secured_octets = 0;
    let target = Target::new(target, &mut secured_octets);
    let clear_octets = if layers.len() < 2 || start.len() < SMALL {
        let mut sink: Box<dyn Sink + Send + '_> = Box::new(target);
        for layer in layers.iter().rev() {
            sink = layer.before(sink, plan)?;
        }
        feed(plan, &start, source, &mut sink)?
    } else {
        in_threads(plan, &layers, &start, source, target)?
    };
    Ok(Secured {
        clear_octets,
        secured_octets,
    })
}

/// One layer, and how many octets go into it where that is known.
#[derive(Debug, Clone, Copy)]
struct Layer {
    kind: Kind,
    octets: Option<u64>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Sign,
    Compress(u32),
    Encrypt,
}

impl Plan {
    /// zlib's level for files.
    ///
    /// Measured beside `gzip -6` in one run (`cargo bench -p envelope`): level 4 makes EDI text 6 %
    /// larger than gzip does (1/5.45 to 1/5.82) and CAD-like binary no larger (1/2.36), nearly three
    /// times as fast. Level 3 is a third faster but leaves EDI text 11 % larger than gzip; level 6
    /// takes about twice the time for 5 %. What does not shrink is stored whatever the level, many times as fast.
    pub const COMPRESSION: u32 = 4;

    /// The layers from the innermost outwards.
    fn layers(&self) -> Result<Vec<Layer>, SecureError> {
        let mut octets = match self.form {
            Form::Definite { octets } if self.compress.is_none() => Some(octets),
            _ => None,
        };
        let mut layers = Vec::new();
        if !self.sign.is_empty() {
            let kind = Kind::Sign;
            layers.push(Layer { kind, octets });
            octets = match octets {
                Some(octets) => Some(self.signing().octets(octets)?),
                None => None,
            };
        }
        if let Some(level) = self.compress {
            let kind = Kind::Compress(level);
            layers.push(Layer { kind, octets });
        }
        if !self.encrypt.is_empty() {
            let kind = Kind::Encrypt;
            layers.push(Layer { kind, octets });
        }
        if layers.is_empty() {
            return Err(SecureError::Nothing);
        }
        Ok(layers)
    }

    fn signing(&self) -> write::Signing<'_> {
        write::Signing {
            suite: self.suite,
            signers: &self.sign,
            include_certificate: self.include_certificate,
            time: self.signing_time,
        }
    }
}

impl Layer {
    /// The layer at work, in front of `next`.
    fn before<'a, S: Sink + Send + 'a>(
        self,
        next: S,
        plan: &'a Plan,
    ) -> Result<Box<dyn Sink + Send + 'a>, SecureError> {
        Ok(match self.kind {
            Kind::Sign => Box::new(write::Sign::start(plan.signing(), self.octets, next)?),
            Kind::Compress(level) => Box::new(write::Compress::start(level, next)?),
            Kind::Encrypt => Box::new(write::Encrypt::start(
                plan.suite,
                &plan.encrypt,
                self.octets,
                next,
            )?),
        })
    }
}

/// The innermost layer in this thread, each of the others in one of its own.
fn in_threads(
    plan: &Plan,
    layers: &[Layer],
    start: &[u8],
    source: &mut dyn Read,
    target: Target<'_>,
) -> Result<u64, SecureError> {
    let (outermost, inner) = layers.split_last().ok_or(SecureError::Nothing)?;
    thread::scope(|scope| {
        let mut workers = Vec::with_capacity(inner.len());
        let mut sink = outermost.before(target, plan)?;
        for layer in inner.iter().rev() {
            let (handover, stage) = write::stage();
            workers.push(scope.spawn(move || stage.run(&mut sink)));
            sink = layer.before(handover, plan)?;
        }
        let mut result = feed(plan, start, source, &mut sink);
        // Without it the others know that no more will come.
        drop(sink);
        for worker in workers {
            match worker.join() {
                Ok(Ok(())) => {}
                // A neighbour failed and tells why.
                Ok(Err(SecureError::GivenUp)) if result.is_err() => {}
                Ok(Err(error)) => result = Err(error),
                Err(panic) => resume_unwind(panic),
            }
        }
        result
    })
}

/// All of `start` and then of `source`, and how much it was.
fn feed(
    plan: &Plan,
    start: &[u8],
    source: &mut dyn Read,
    sink: &mut dyn Sink,
) -> Result<u64, SecureError> {
    let expected = match plan.form {
        Form::Definite { octets } => Some(octets),
        Form::Indefinite => None,
    };
    let mut octets = 0;
    let mut put = |next: &[u8], sink: &mut dyn Sink| {
        octets += next.len() as u64;
        match expected {
            Some(expected) if octets > expected => Err(SecureError::Length {
                expected,
                found: octets,
            }),
            _ => sink.put(next),
        }
    };
    put(start, sink)?;
    let mut portion = vec![0; PORTION];
    loop {
        let read = match source.read(&mut portion) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(SecureError::Read(error)),
        };
        put(portion.get(..read).unwrap_or_default(), sink)?;
    }
    match expected {
        Some(expected) if octets < expected => Err(SecureError::Length {
            expected,
            found: octets,
        }),
        _ => {
            sink.finish()?;
            Ok(octets)
        }
    }
}
