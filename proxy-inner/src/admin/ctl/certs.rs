//! `cert`: files on this side, partners on the other.

use super::super::args::{CertAdd, CertCommand, CertWhich};
use super::super::client::CtlError;
use super::super::octets::hide;
use super::super::protocol::{
    Answer, CertAddBody, CertListBody, CertWhichBody, CertificatesBody, Command,
};
use super::super::render;
use super::Ctl;

impl Ctl<'_> {
    pub(super) fn cert(&mut self, command: CertCommand) -> Result<(), CtlError> {
        match command {
            CertCommand::Add(args) => self.cert_add(args),
            CertCommand::List { partner, output } => {
                let body = self.certificates(&Command::CertList(CertListBody { partner }))?;
                match output.json {
                    true => self.show(&output, &body.certificates, |_| String::new()),
                    false => self.print(&render::certificates(&body)),
                }
            }
            CertCommand::Show {
                which,
                slot,
                output,
            } => {
                let body = self.certificates(&Command::CertShow(asked(which, slot)))?;
                match output.json {
                    true => self.show(&output, &body.certificates, |_| String::new()),
                    false => self.print(&render::explained(&body)),
                }
            }
            CertCommand::Promote(which) => {
                let body = self.certificates(&Command::CertPromote(asked(which, None)))?;
                self.print(&render::certificate_changed(&body, "is in use now"))
            }
            CertCommand::Remove { which, slot } => {
                let which = asked(which, Some(slot));
                let body = self.certificates(&Command::CertRemove(which))?;
                self.print(&render::certificate_changed(&body, "removed"))
            }
        }
    }

    fn cert_add(&mut self, args: CertAdd) -> Result<(), CtlError> {
        let octets = self.read_file(&args.file)?;
        let body = CertAddBody {
            partner: args.partner,
            roles: args.roles,
            slot: args.slot,
            octets: hide(&octets),
            replace: args.replace,
            force: args.force,
        };
        let body = self.certificates(&Command::CertAdd(body))?;
        self.show(&args.output, &body, render::certificate_added)
    }

    fn certificates(&mut self, command: &Command) -> Result<CertificatesBody, CtlError> {
        match self.client.ask(command)? {
            Answer::Certificates(body) => Ok(body),
            other => Err(self.client.unexpected(&other)),
        }
    }
}

fn asked(which: CertWhich, slot: Option<String>) -> CertWhichBody {
    CertWhichBody {
        partner: which.partner,
        roles: which.roles,
        slot,
    }
}
