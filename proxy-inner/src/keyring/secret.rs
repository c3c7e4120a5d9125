//! Where the master secret and the token's PIN come from: a file, a credential of systemd, a person.

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ::keyring::MasterSecret;
use zeroize::Zeroizing;

use super::{KeyringError, Secrets};

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file that only this account may read.
    File(PathBuf),
    /// A credential systemd hands to the service (`LoadCredentialEncrypted=`), by its name.
    Credential(String),
    /// Whoever starts the process types it.
    Prompt,
}

/// Asks a person for a secret that is not shown; takes the question.
pub type Ask<'a> = &'a mut dyn FnMut(&str) -> io::Result<Zeroizing<String>>;

impl Secrets {
    /// Takes the secrets from where they are. `first` says that nothing was ever sealed under this
    /// master secret: one that is typed is then asked for twice.
    ///
    /// # Errors
    /// [`KeyringError::Secret`], with what to do.
    pub fn gather(
        from: Option<&SecretSource>,
        token_pin: Option<&SecretSource>,
        first: bool,
        ask: Ask<'_>,
    ) -> Result<Secrets, KeyringError> {
        let master = from
            .map(|source| {
                let octets = match source {
                    SecretSource::Prompt => typed(first, ask)?,
                    source => stored(MASTER, source)?,
                };
                MasterSecret::new(octets).map_err(|error| failed(MASTER, &error))
            })
            .transpose()?;
        let token_pin = token_pin
            .map(|source| match source {
                SecretSource::Prompt => {
                    ask("PIN of the PKCS#11 token").map_err(|error| failed(PIN, &error))
                }
                source => pin(&stored(PIN, source)?),
            })
            .transpose()?;
        let origin = match from {
            Some(SecretSource::File(path)) => format!(" ({})", path.display()),
            Some(SecretSource::Credential(name)) => format!(" (the credential {name})"),
            Some(SecretSource::Prompt) => " (as it was typed)".to_owned(),
            None => String::new(),
        };
        Ok(Secrets {
            master,
            token_pin,
            origin,
        })
    }
}

const MASTER: &str = "the master secret of [keyring]";
const PIN: &str = "the token's PIN of [keyring]";

/// Most octets read of a secret.
const MOST: u64 = 4096;

fn typed(first: bool, ask: Ask<'_>) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let asked = |error| failed(MASTER, &error);
    let secret = ask("Master secret of the keyring").map_err(asked)?;
    if first {
        let again =
            ask("Nothing is sealed under it yet; the master secret once more").map_err(asked)?;
        if *secret != *again {
            return Err(failed(MASTER, &"the two are not the same; start anew"));
        }
    }
    Ok(Zeroizing::new(secret.as_bytes().to_vec()))
}

/// The octets of a secret that lies somewhere.
fn stored(what: &str, source: &SecretSource) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    match source {
        SecretSource::File(path) => {
            let file = open(what, path)?;
            let mode = file
                .metadata()
                .map_err(|error| unread(what, path, &error))?
                .mode()
                & 0o7777;
            if mode & 0o077 != 0 {
                return Err(failed(
                    what,
                    &format!(
                        "{path} has mode {mode:04o}, so other accounts may reach it; run `chmod 600 {path}`",
                        path = path.display()
                    ),
                ));
            }
            read(what, path, file)
        }
        SecretSource::Credential(name) => {
            let Some(folder) = env::var_os("CREDENTIALS_DIRECTORY") else {
                return Err(failed(
                    what,
                    &format!(
                        "the credential {name} is wanted, but systemd gave none ($CREDENTIALS_DIRECTORY is not set); \
                         add LoadCredentialEncrypted={name} to the service, or name a file"
                    ),
                ));
            };
            // Its rights are systemd's business: it may be readable through an access list only.
            let path = Path::new(&folder).join(name);
            read(what, &path, open(what, &path)?)
        }
        SecretSource::Prompt => Err(failed(what, &"nobody can be asked for it here")),
    }
}

fn pin(octets: &[u8]) -> Result<Zeroizing<String>, KeyringError> {
    let text = str::from_utf8(octets).map_err(|_| failed(PIN, &"it is no text in UTF-8"))?;
    let pin = text.trim_end_matches(['\n', '\r']);
    if pin.is_empty() {
        return Err(failed(PIN, &"it is empty"));
    }
    Ok(Zeroizing::new(pin.to_owned()))
}

fn open(what: &str, path: &Path) -> Result<File, KeyringError> {
    File::open(path).map_err(|error| unread(what, path, &error))
}

fn read(what: &str, path: &Path, file: File) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    // Room from the start: a growing buffer would leave unwiped copies behind.
    let room = usize::try_from(MOST).unwrap_or(0) + 2;
    let mut octets = Zeroizing::new(Vec::with_capacity(room));
    file.take(MOST + 1)
        .read_to_end(&mut octets)
        .map_err(|error| unread(what, path, &error))?;
    Ok(octets)
}

fn unread(what: &str, path: &Path, error: &io::Error) -> KeyringError {
    failed(
        what,
        &format!(
            "{} cannot be read ({error}); check the path and that this account may read it",
            path.display()
        ),
    )
}

fn failed(what: &str, why: &dyn std::fmt::Display) -> KeyringError {
    KeyringError::Secret(format!("{what}: {why}"))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn nobody(_: &str) -> io::Result<Zeroizing<String>> {
        Err(io::Error::other("nobody is here"))
    }

    fn told(source: &SecretSource, first: bool, ask: Ask<'_>) -> String {
        Secrets::gather(Some(source), None, first, ask)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn takes_a_secret_from_a_file_of_its_own_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master");
        fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let source = SecretSource::File(path.clone());
        let refused = told(&source, false, &mut nobody);
        assert!(
            refused.contains("0640") && refused.contains("chmod 600"),
            "{refused}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let taken = Secrets::gather(Some(&source), Some(&source), false, &mut nobody).unwrap();
        assert!(taken.master.is_some());
        assert_eq!(
            taken.token_pin.unwrap().as_str(),
            "0123456789abcdef0123456789abcdef"
        );

        fs::write(&path, "short\n").unwrap();
        let refused = told(&source, false, &mut nobody);
        assert!(
            refused.contains("octets") && !refused.contains("short\n"),
            "{refused}"
        );
        fs::remove_file(&path).unwrap();
        let refused = told(&source, false, &mut nobody);
        assert!(refused.contains("cannot be read"), "{refused}");
    }

    #[test]
    fn says_what_the_service_lacks_when_there_is_no_credential() {
        let refused = told(
            &SecretSource::Credential("inner-master".to_owned()),
            false,
            &mut nobody,
        );
        assert!(
            refused.contains("LoadCredentialEncrypted=inner-master"),
            "{refused}"
        );
    }

    #[test]
    fn a_new_secret_that_is_typed_is_asked_for_twice() {
        let answers = |given: &'static [&'static str]| {
            let mut given = given.iter();
            move |_: &str| {
                let next = given
                    .next()
                    .ok_or_else(|| io::Error::other("asked too often"))?;
                Ok(Zeroizing::new((*next).to_owned()))
            }
        };
        let source = SecretSource::Prompt;
        let refused = told(
            &source,
            true,
            &mut answers(&[
                "one passphrase of many words",
                "another passphrase of words",
            ]),
        );
        assert!(
            refused.contains("not the same") && !refused.contains("many"),
            "{refused}"
        );
        let mut twice = answers(&[
            "one passphrase of many words",
            "one passphrase of many words",
        ]);
        assert!(Secrets::gather(Some(&source), None, true, &mut twice).is_ok());
        let mut once = answers(&["one passphrase of many words"]);
        assert!(Secrets::gather(Some(&source), None, false, &mut once).is_ok());
        let refused = told(&source, false, &mut nobody);
        assert!(refused.contains("nobody is here"), "{refused}");
    }
}
