//! Files secured: what a plan may ask for, and what goes wrong on our side. Whether others read what
//! was secured is in `tests/matrix`.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::process::Command;

use crypto::{KeyUseError, Oaep, PrivateKey, PublicKey, Signing};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use zeroize::Zeroizing;

use super::*;
use crate::{Expect, Form, Limits, Opening, Plan, SecureError, Suite, open, receipt, secure};

/// More than is secured in one thread.
const LARGE: usize = 1_000_000;

#[test]
fn every_nesting_comes_back_however_the_source_is_read() {
    for bits in 1..8 {
        let plan = plan(bits & 1 != 0, bits & 2 != 0, bits & 4 != 0);
        // Around what is secured in one thread.
        for size in [0, 1, 262_143, 262_144, 262_145, LARGE] {
            let content = content(size);
            let mut secured = Vec::new();
            let mut source = Stuttering {
                rest: &content,
                calls: 0,
            };
            let told = secure(&plan, &mut source, &mut secured).unwrap();
            assert_eq!(told.clear_octets, size as u64);
            assert_eq!(told.secured_octets, secured.len() as u64);
            assert!(opened(&plan, &secured) == content, "{bits} {size}");
        }
    }
}

#[test]
fn the_same_file_is_never_encrypted_alike() {
    let plan = plan(false, false, true);
    let secured = || {
        let mut secured = Vec::new();
        secure(&plan, &mut &[7; 64][..], &mut secured).unwrap();
        secured
    };
    let (one, other) = (secured(), secured());
    assert_ne!(one[one.len() - 64..], other[other.len() - 64..]);
}

#[test]
fn what_cannot_be_done_is_refused() {
    let refused = |plan: &Plan| secure(plan, &mut &b"x"[..], &mut Vec::new()).unwrap_err();
    assert!(matches!(
        refused(&plan(false, false, false)),
        SecureError::Nothing
    ));
    let mut level = plan(false, true, false);
    level.compress = Some(10);
    assert!(matches!(refused(&level), SecureError::Level(10)));
    let mut late = plan(true, false, false);
    late.signing_time = Some(253_402_300_800);
    assert!(matches!(refused(&late), SecureError::SigningTime(_)));
}

#[test]
fn more_or_less_than_the_definite_form_was_told_is_an_error() {
    for (sign, encrypt) in [(true, false), (false, true), (true, true)] {
        for size in [16, LARGE] {
            for told in [size - 1, size + 1, 0] {
                let mut plan = plan(sign, false, encrypt);
                plan.form = Form::Definite {
                    octets: told as u64,
                };
                let content = content(size);
                let failed = secure(&plan, &mut &content[..], &mut Vec::new());
                assert!(
                    matches!(failed, Err(SecureError::Length { expected, .. }) if expected == told as u64),
                    "{failed:?}"
                );
            }
        }
    }
}

#[test]
fn what_fails_in_another_thread_is_told_as_what_it_is() {
    for size in [10, LARGE] {
        let content = content(size);
        let all = plan(true, true, true);
        let mut target = Full(size / 1_000);
        let failed = secure(&all, &mut &content[..], &mut target);
        assert!(
            matches!(&failed, Err(SecureError::Write(error)) if error.kind() == ErrorKind::StorageFull),
            "{failed:?}"
        );
        let mut source = (&content[..]).chain(Broken);
        let failed = secure(&all, &mut source, &mut Vec::new());
        assert!(matches!(failed, Err(SecureError::Read(_))), "{failed:?}");

        for made in [None, Some(255), Some(257)] {
            let token = Token {
                public: recipient().public_key().clone(),
                made,
            };
            let mut plan = all.clone();
            plan.sign = vec![OwnKey::new(Arc::new(token), &[recipient()]).unwrap()];
            let failed = secure(&plan, &mut &content[..], &mut Vec::new());
            match made {
                None => assert!(matches!(failed, Err(SecureError::Sign(_))), "{failed:?}"),
                Some(octets) => assert!(
                    matches!(failed, Err(SecureError::SignatureSize { expected: 256, found }) if found == octets),
                    "{failed:?}"
                ),
            }
        }
    }
}

/// a package with several signatures.
#[test]
fn several_sign_and_several_can_read() {
    let next = next_key();
    let mut plan = plan(true, false, true);
    plan.sign.push(next.clone());
    plan.encrypt.push(next.certificate().clone());
    plan.include_certificate = true;
    plan.signing_time = Some(1_790_000_000);
    let content = content(1_000);
    plan.form = Form::Definite { octets: 1_000 };
    let mut secured = Vec::new();
    secure(&plan, &mut &content[..], &mut secured).unwrap();

    let both = [recipient(), next.certificate().clone()];
    for keys in [[key()], [next.clone()]] {
        let opening = Opening {
            keys: &keys,
            signers: &both,
            ..opening(&plan)
        };
        let mut clear = Vec::new();
        let told = open(&opening, &mut &secured[..], &mut clear).unwrap();
        assert!(clear == content);
        assert_eq!(told.signers.len(), 2);
        let mut certificates = told.certificates;
        certificates.sort();
        let mut wanted = both
            .each_ref()
            .map(|certificate| certificate.der().to_vec());
        wanted.sort();
        assert_eq!(certificates, wanted);
    }

    let Some(folder) = openssl_folder() else {
        return;
    };
    fs::write(folder.path().join("secured"), &secured).unwrap();
    // DER throughout: openssl writes it anew without a change.
    let anew = openssl(
        folder.path(),
        "-cmsout -inform DER -outform DER -in secured",
    );
    assert!(anew == secured);
    let signed = openssl(
        folder.path(),
        "-decrypt -binary -inform DER -keyform DER -inkey recipient.p8 -recip recipient.cer -in secured",
    );
    fs::write(folder.path().join("signed"), signed).unwrap();
    // With the certificates inside no other is needed.
    let clear = openssl(
        folder.path(),
        "-verify -noverify -binary -inform DER -in signed",
    );
    assert!(clear == content);
    let shown = openssl(
        folder.path(),
        "-cmsout -print -noout -inform DER -in signed",
    );
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(shown.contains("Sep 21 14:13:20 2026 GMT"), "{shown}");
}

#[test]
fn others_verify_the_signature_of_a_receipt_in_both_forms() {
    let content = b"FILE                      2026112212000000010000DESTINATION";
    let folder = openssl_folder();
    for suite in Suite::ALL {
        for form in [receipt::ReceiptForm::Inside, receipt::ReceiptForm::Detached] {
            let signature = receipt::sign(content, *suite, &key(), form).unwrap();
            let detached = form == receipt::ReceiptForm::Detached;
            let verified =
                receipt::verify(&signature, &[b"else", content], &[other(), recipient()]).unwrap();
            assert_eq!(
                (verified.signer, verified.candidate, verified.detached),
                (1, 1, detached)
            );
            let Some(folder) = &folder else {
                continue;
            };
            fs::write(folder.path().join("signature"), &signature).unwrap();
            fs::write(folder.path().join("content"), content).unwrap();
            let with = if detached { "-content content" } else { "" };
            let read = openssl(
                folder.path(),
                &format!(
                    "-verify -noverify -nointern -binary -inform DER -certfile recipient.pem -in signature {with}"
                ),
            );
            assert_eq!(read, content, "{} {form:?}", suite.name());
            let anew = openssl(
                folder.path(),
                "-cmsout -inform DER -outform DER -in signature",
            );
            assert_eq!(anew, signature, "{}", suite.name());
        }
    }
}

fn plan(sign: bool, compress: bool, encrypt: bool) -> Plan {
    Plan {
        suite: Suite::DEFAULT,
        sign: if sign { vec![key()] } else { vec![] },
        compress: compress.then_some(Plan::COMPRESSION),
        encrypt: if encrypt { vec![recipient()] } else { vec![] },
        form: Form::Indefinite,
        include_certificate: false,
        signing_time: None,
    }
}

fn opening(plan: &Plan) -> Opening<'static> {
    Opening {
        expect: Expect {
            encrypted: !plan.encrypt.is_empty(),
            compressed: plan.compress.is_some(),
            signed: !plan.sign.is_empty(),
        },
        suite: Some(plan.suite),
        keys: &[],
        signers: &[],
        limits: Limits::default(),
    }
}

fn opened(plan: &Plan, secured: &[u8]) -> Vec<u8> {
    let opening = Opening {
        keys: &[key()],
        signers: &[recipient()],
        ..opening(plan)
    };
    let mut clear = Vec::new();
    open(&opening, &mut &secured[..], &mut clear).unwrap();
    clear
}

fn content(size: usize) -> Vec<u8> {
    b"QTY+113:4711:PCE'\n"
        .iter()
        .copied()
        .cycle()
        .take(size)
        .collect()
}

fn next_key() -> OwnKey {
    let fresh = KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap();
    let certificate = CertificateParams::new(["next.example".to_owned()])
        .unwrap()
        .self_signed(&fresh)
        .unwrap();
    let private = SoftwareKey::from_pkcs8(&fresh.serialize_der()).unwrap();
    OwnKey::from_chain(Arc::new(private), &[certificate.der()]).unwrap()
}

/// A folder with our key and certificate, if openssl is there to use them.
#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn openssl_folder() -> Option<tempfile::TempDir> {
    if Command::new("openssl").arg("version").output().is_err() {
        eprintln!("SKIPPED: there is no openssl here, so whether it reads this is not tested");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |file: &str| folder.path().join(file);
    fs::write(at("recipient.p8"), PKCS8).unwrap();
    fs::write(at("recipient.cer"), RECIPIENT).unwrap();
    let status = Command::new("openssl")
        .args([
            "x509",
            "-inform",
            "DER",
            "-in",
            "recipient.cer",
            "-out",
            "recipient.pem",
        ])
        .current_dir(folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    Some(folder)
}

fn openssl(folder: &Path, arguments: &str) -> Vec<u8> {
    let output = Command::new("openssl")
        .arg("cms")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments}: {said}");
    output.stdout
}

/// Gives odd portions and is interrupted now and then.
struct Stuttering<'a> {
    rest: &'a [u8],
    calls: usize,
}

impl Read for Stuttering<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.calls += 1;
        if self.calls.is_multiple_of(3) {
            return Err(ErrorKind::Interrupted.into());
        }
        let most = into.len().min(1 + self.calls * 7_919 % 50_000);
        self.rest.read(&mut into[..most])
    }
}

/// Fails at once.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(ErrorKind::NotFound.into())
    }
}

/// Has room for so many octets.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let taken = octets.len().min(self.0);
        self.0 -= taken;
        if taken == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A token that is gone, or one that makes signatures of another size.
#[derive(Debug)]
struct Token {
    public: PublicKey,
    made: Option<usize>,
}

impl PrivateKey for Token {
    fn public(&self) -> &PublicKey {
        &self.public
    }

    fn sign(&self, _: Signing, _: &[u8]) -> Result<Vec<u8>, KeyUseError> {
        let gone = || KeyUseError::Unreachable("the token is gone".to_owned());
        self.made.map(|octets| vec![1; octets]).ok_or_else(gone)
    }

    fn unwrap_pkcs1(&self, _: &[u8], _: usize) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
        Err(KeyUseError::Unreachable("the token is gone".to_owned()))
    }

    fn unwrap_oaep(&self, _: Oaep, _: &[u8], _: usize) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
        Err(KeyUseError::Unreachable("the token is gone".to_owned()))
    }
}

#[test]
fn a_challenge_cannot_be_opened_with_a_token_that_is_gone() {
    let token = Token {
        public: recipient().public_key().clone(),
        made: None,
    };
    let key = OwnKey::new(Arc::new(token), &[recipient()]).unwrap();
    let sealed = crate::challenge::seal(&[recipient()]).unwrap();
    let failed = crate::challenge::open(&sealed.sealed, &[key]).unwrap_err();
    assert!(failed.to_string().contains("the token is gone"), "{failed}");
}
