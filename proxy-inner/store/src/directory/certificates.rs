//! Certificates of partners put, promoted and removed one by one, each as one journal transaction.

use keyring::{Role, Slot};

use super::{Change, Partner, RoleCertificate};
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Gives the partner these certificates; each takes the place of the one of its role and slot.
    ///
    /// # Errors
    /// [`StoreError::NoPartner`], [`StoreError::Refused`] with every rule the partner would break, or
    /// what the journal said.
    pub fn put_certificates(
        &self,
        partner: &str,
        certificates: Vec<RoleCertificate>,
    ) -> Result<Change, StoreError> {
        self.change_partner(partner, move |partner| {
            for new in certificates {
                let place = |old: &RoleCertificate| (old.role, old.slot) == (new.role, new.slot);
                partner.role_certificates.retain(|old| !place(old));
                partner.role_certificates.push(new);
            }
            Ok(())
        })
    }

    /// Makes the next certificate of each of these roles the current one, and the current one the
    /// previous one, whose predecessor is forgotten.
    ///
    /// # Errors
    /// As [`Store::put_certificates`]; [`StoreError::Refused`] too where a role has no next one.
    pub fn promote_certificates(
        &self,
        partner: &str,
        roles: Vec<Role>,
    ) -> Result<Change, StoreError> {
        self.change_partner(partner, move |partner| {
            for role in roles {
                promote(partner, role)?;
            }
            Ok(())
        })
    }

    /// Takes the certificates of these roles and that slot from the partner.
    ///
    /// # Errors
    /// As [`Store::put_certificates`]; [`StoreError::Refused`] too where a role has none there.
    pub fn remove_certificates(
        &self,
        partner: &str,
        roles: Vec<Role>,
        slot: Slot,
    ) -> Result<Change, StoreError> {
        self.change_partner(partner, move |partner| {
            for role in roles {
                let before = partner.role_certificates.len();
                let place = |held: &RoleCertificate| (held.role, held.slot) == (role, slot);
                partner.role_certificates.retain(|held| !place(held));
                if partner.role_certificates.len() == before {
                    return Err(missing(partner, role, slot, "there is nothing to remove"));
                }
            }
            Ok(())
        })
    }
}

fn promote(partner: &mut Partner, role: Role) -> Result<(), StoreError> {
    let is = |held: &RoleCertificate, slot| (held.role, held.slot) == (role, slot);
    if !partner
        .role_certificates
        .iter()
        .any(|held| is(held, Slot::Next))
    {
        return Err(missing(partner, role, Slot::Next, "add the new one first"));
    }
    let held = &mut partner.role_certificates;
    if held.iter().any(|one| is(one, Slot::Current)) {
        held.retain(|one| !is(one, Slot::Previous));
    }
    for one in held.iter_mut().filter(|one| one.role == role) {
        one.slot = match one.slot {
            Slot::Next => Slot::Current,
            Slot::Current | Slot::Previous => Slot::Previous,
        };
    }
    Ok(())
}

fn missing(partner: &Partner, role: Role, slot: Slot, what_to_do: &str) -> StoreError {
    StoreError::Refused(format!(
        "partner {}: it has no {slot} certificate for {role}; {what_to_do}",
        partner.name
    ))
}
