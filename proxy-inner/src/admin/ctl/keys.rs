//! `key`: files and passphrases on this side, the keys themselves on the other.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ::keyring::ImportError;
use zeroize::Zeroizing;

use super::super::args::{
    KeyCommand, KeyCreate, KeyExport, KeyImport, KeyRequest, KeyUnuse, KeyUse, SubjectArgs,
};
use super::super::client::CtlError;
use super::super::octets::{hide, reveal};
use super::super::prompt::{Passwords, PromptError};
use super::super::protocol::{
    Answer, Command, Hidden, KeyCreateBody, KeyDetail, KeyExportBody, KeyImportBody,
    KeyInstallBody, KeyPromoteBody, KeyRequestBody, KeyUnuseBody, KeyUseBody, Named,
    NewRequestBody, SubjectBody,
};
use super::super::render;
use super::Ctl;

impl Ctl<'_> {
    pub(super) fn key(&mut self, command: KeyCommand) -> Result<(), CtlError> {
        match command {
            KeyCommand::Create(args) => self.key_create(*args),
            KeyCommand::Import(args) => self.key_import(args),
            KeyCommand::List { output } => match self.client.ask(&Command::KeyList)? {
                Answer::Keys(keys) => self.show(&output, &keys, |keys| render::keys(keys)),
                other => Err(self.client.unexpected(&other)),
            },
            KeyCommand::Show { name, output } => {
                let detail = self.key_detail(&Command::KeyShow(Named { name }))?;
                self.show(&output, &*detail, render::key)
            }
            KeyCommand::Request(args) => self.key_request(*args),
            KeyCommand::Install { name, file } => {
                let octets = hide(&self.read_file(&file)?);
                let body = KeyInstallBody { name, octets };
                let detail = self.key_detail(&Command::KeyInstall(body))?;
                self.print(&render::key_changed(
                    &detail,
                    "the certificate is installed",
                ))
            }
            KeyCommand::Use(args) => self.key_use(args),
            KeyCommand::Unuse(args) => self.key_unuse(args),
            KeyCommand::Promote { station, roles } => {
                let body = KeyPromoteBody { station, roles };
                self.key_uses(&Command::KeyPromote(body), "now")
            }
            KeyCommand::Remove { name } => self.change(&Command::KeyRemove(Named { name })),
            KeyCommand::Export(args) => self.key_export(args),
        }
    }

    fn key_create(&mut self, args: KeyCreate) -> Result<(), CtlError> {
        let roles = args.subject.roles.clone();
        let body = KeyCreateBody {
            name: args.name.clone(),
            station: args.station,
            subject: subject(args.subject),
            roles,
            kind: args.kind,
            token: args.token,
            self_signed: args.self_signed.then_some(args.days),
        };
        if let Some(path) = &args.out {
            // Told before a key is made for nothing.
            is_free(path)?;
            has_folder(path)?;
        }
        let detail = self.key_detail(&Command::KeyCreate(Box::new(body)))?;
        let mut hint = String::new();
        if let Some(path) = &args.out {
            let request = self.request_of(args.name.clone(), None)?;
            write_new(path, request.as_bytes(), 0o644)?;
            hint = format!(
                "The certificate request is in {}; give it to the CA, and its answer to `key install {} FILE`.\n",
                path.display(),
                args.name
            );
        } else if detail.key.request_waits {
            hint = format!(
                "The certificate request: `proxy-inner key request {}`; the CA's answer: `key install {} FILE`.\n",
                args.name, args.name
            );
        }
        self.show(&args.output, &*detail, |detail| {
            render::key_changed(detail, "made") + &hint
        })
    }

    fn key_import(&mut self, args: KeyImport) -> Result<(), CtlError> {
        let octets = args.file.as_deref().map(|path| self.read_file(path));
        let octets = octets.transpose()?;
        let passphrase = match (&octets, &args.token) {
            (Some(octets), None) => self.passphrase_for(octets, &args)?,
            _ => None,
        };
        let body = KeyImportBody {
            name: args.name,
            octets: octets.as_ref().map(|octets| hide(octets)),
            passphrase,
            token: args.token,
        };
        let detail = self.key_detail(&Command::KeyImport(body))?;
        self.show(&args.output, &*detail, |detail| {
            render::key_changed(detail, "taken in")
        })
    }

    /// The passphrase of a file, where it needs one: the one that is given, or asked for.
    fn passphrase_for(
        &mut self,
        octets: &[u8],
        args: &KeyImport,
    ) -> Result<Option<Hidden>, CtlError> {
        let needs = matches!(
            ::keyring::import(octets, None),
            Err(ImportError::NeedsPassphrase { .. } | ImportError::WrongPassphrase { .. })
        );
        if !needs && args.passphrase_file.is_none() {
            return Ok(None);
        }
        let file = args.passphrase_file.as_deref();
        self.passphrase(file, "Passphrase of the file", false)
            .map(Some)
    }

    fn passphrase(
        &mut self,
        file: Option<&Path>,
        question: &str,
        twice: bool,
    ) -> Result<Hidden, CtlError> {
        let told = |error: PromptError| CtlError::Here(error.to_string());
        let mut passwords = Passwords::new(&mut *self.console.stdin, self.console.terminal);
        let given = passwords
            .take("passphrase-file", file, question)
            .map_err(told)?;
        if twice && file.is_none() {
            let again = passwords
                .take("passphrase-file", None, "The same once more")
                .map_err(told)?;
            if again.expose() != given.expose() {
                return Err(CtlError::Here(
                    "the two passphrases are not the same; nothing was written".to_owned(),
                ));
            }
        }
        Ok(given)
    }

    fn key_request(&mut self, args: KeyRequest) -> Result<(), CtlError> {
        let said = !args.subject.roles.is_empty() || args.subject.is_said();
        let Some(station) = args.station else {
            if said {
                return Err(CtlError::Here(
                    "--station is missing: a new request needs the station whose code it carries"
                        .to_owned(),
                ));
            }
            let request = self.request_of(args.name, None)?;
            return self.give_out(args.out.as_deref(), &request);
        };
        let roles = args.subject.roles.clone();
        let new = NewRequestBody {
            station,
            subject: subject(args.subject),
            roles,
        };
        let request = self.request_of(args.name, Some(new))?;
        self.give_out(args.out.as_deref(), &request)
    }

    fn give_out(&mut self, path: Option<&Path>, text: &str) -> Result<(), CtlError> {
        match path {
            Some(path) => {
                write_new(path, text.as_bytes(), 0o644)?;
                self.print(&format!(
                    "The certificate request is in {}; give it to the CA.\n",
                    path.display()
                ))
            }
            None => self.print(text),
        }
    }

    /// A certificate request as PEM.
    fn request_of(
        &mut self,
        name: String,
        new: Option<NewRequestBody>,
    ) -> Result<String, CtlError> {
        let body = KeyRequestBody { name, new };
        let der = self.key_file(&Command::KeyRequest(Box::new(body)))?;
        Ok(pem::encode(&pem::Pem::new(
            "CERTIFICATE REQUEST",
            der.to_vec(),
        )))
    }

    fn key_use(&mut self, args: KeyUse) -> Result<(), CtlError> {
        let body = KeyUseBody {
            name: args.name,
            station: args.station,
            roles: args.roles,
            slot: args.slot,
            replace: args.replace,
            force: args.force,
        };
        self.key_uses(&Command::KeyUse(body), "used for")
    }

    fn key_unuse(&mut self, args: KeyUnuse) -> Result<(), CtlError> {
        let body = KeyUnuseBody {
            name: args.name,
            station: args.station,
            roles: args.roles,
            slot: args.slot,
        };
        self.key_uses(&Command::KeyUnuse(body), "no longer")
    }

    fn key_export(&mut self, args: KeyExport) -> Result<(), CtlError> {
        if let Some(path) = &args.to {
            is_free(path)?;
            has_folder(path)?;
        }
        let form = match (args.certificate, args.pkcs12) {
            (true, _) => "certificate",
            (false, true) => "pkcs12",
            (false, false) => "pkcs8",
        };
        let passphrase = match args.certificate {
            true => None,
            false => {
                let question = "Passphrase for the file";
                Some(self.passphrase(args.passphrase_file.as_deref(), question, true)?)
            }
        };
        let body = KeyExportBody {
            name: args.name.clone(),
            form: form.to_owned(),
            passphrase,
        };
        let octets = self.key_file(&Command::KeyExport(body))?;
        let octets = match form {
            "pkcs8" => {
                let pem = pem::Pem::new("ENCRYPTED PRIVATE KEY", octets.to_vec());
                Zeroizing::new(pem::encode(&pem).into_bytes())
            }
            _ => octets,
        };
        match &args.to {
            Some(path) => {
                let (what, mode) = match form {
                    "certificate" => ("certificate with those of its issuers", 0o644),
                    _ => ("private key, encrypted", 0o600),
                };
                write_new(path, &octets, mode)?;
                self.print(&format!("key {}: {what}: {}\n", args.name, path.display()))
            }
            None => {
                let text = String::from_utf8_lossy(&octets).into_owned();
                self.print(&text)
            }
        }
    }

    fn key_detail(&mut self, command: &Command) -> Result<Box<KeyDetail>, CtlError> {
        match self.client.ask(command)? {
            Answer::Key(detail) => Ok(detail),
            other => Err(self.client.unexpected(&other)),
        }
    }

    fn key_uses(&mut self, command: &Command, what: &str) -> Result<(), CtlError> {
        match self.client.ask(command)? {
            Answer::KeyUses(body) => self.print(&render::key_uses(&body, what)),
            other => Err(self.client.unexpected(&other)),
        }
    }

    fn key_file(&mut self, command: &Command) -> Result<Zeroizing<Vec<u8>>, CtlError> {
        match self.client.ask(command)? {
            Answer::KeyFile(file) => reveal(&file.octets).ok_or_else(|| {
                CtlError::Here(
                    "the running process answered with no file; use the command line of its version"
                        .to_owned(),
                )
            }),
            other => Err(self.client.unexpected(&other)),
        }
    }

    /// A small file, wiped afterwards: it may hold a private key.
    pub(super) fn read_file(&mut self, path: &Path) -> Result<Zeroizing<Vec<u8>>, CtlError> {
        let (name, read) = if path == Path::new("-") {
            (
                "standard input".to_owned(),
                read_small(&mut *self.console.stdin),
            )
        } else {
            let read = File::open(path).and_then(|mut file| read_small(&mut file));
            (path.display().to_string(), read)
        };
        read.map_err(|error| CtlError::Here(format!("{name}: cannot be read: {error}")))
    }
}

impl SubjectArgs {
    fn is_said(&self) -> bool {
        self.common_name.is_some()
            || self.organization.is_some()
            || self.country.is_some()
            || !self.hosts.is_empty()
            || !self.emails.is_empty()
    }
}

fn subject(args: SubjectArgs) -> SubjectBody {
    SubjectBody {
        common_name: args.common_name,
        organization: args.organization,
        country: args.country,
        hosts: args.hosts,
        emails: args.emails,
    }
}

fn read_small(source: &mut dyn Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let most = ::keyring::MOST_OCTETS;
    // Room from the start: a growing buffer would leave unwiped copies behind.
    let mut octets = Zeroizing::new(Vec::with_capacity(most + 2));
    source.take(most as u64 + 1).read_to_end(&mut octets)?;
    if octets.len() > most {
        return Err(io::Error::other(format!(
            "it has more than {most} octets, far more than a key with its certificates"
        )));
    }
    Ok(octets)
}

fn is_free(path: &Path) -> Result<(), CtlError> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(unwritable(path, &error)),
        Ok(_) => Err(CtlError::Here(format!(
            "{}: exists already and is not overwritten; move it away or name another file",
            path.display()
        ))),
    }
}

/// Told before anything is done for nothing.
fn has_folder(path: &Path) -> Result<(), CtlError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    match folder.metadata() {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(unwritable(path, &io::ErrorKind::NotADirectory.into())),
        Err(error) => Err(unwritable(path, &error)),
    }
}

/// Writes a file that was not there.
pub(super) fn write_new(path: &Path, octets: &[u8], mode: u32) -> Result<(), CtlError> {
    is_free(path)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.and_then(|mut file| file.write_all(octets).and_then(|()| file.sync_all()))
        .map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> CtlError {
    CtlError::Here(format!("{}: cannot be written: {error}", path.display()))
}
