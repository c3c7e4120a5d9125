//! Adding and changing stations and partners: what is put is judged beside all that is there, then
//! written in one journal transaction.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::rules::Codes;
use super::table::{self, partners, stations};
use super::{Applied, Change, Directory, Partner, PartnerEntry, Station};
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Adds the station, or changes the one of its name.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with every rule it breaks, or what the journal said.
    pub fn put_station(&self, station: Station) -> Result<Change, StoreError> {
        self.put_one(Directory {
            stations: vec![station],
            partners: Vec::new(),
        })
    }

    /// Adds the partner, or changes the one of its name; makes its folders.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with every rule it breaks, or what the disk or the journal said.
    pub fn put_partner(&self, partner: Partner) -> Result<Change, StoreError> {
        self.put_one(Directory::of_partner(partner))
    }

    fn put_one(&self, directory: Directory) -> Result<Change, StoreError> {
        let applied = self.apply(directory)?;
        Ok(applied.first().map_or(Change::Unchanged, |one| one.change))
    }

    /// Changes what is known of a partner, in one transaction with reading it.
    pub(super) fn change_partner(
        &self,
        name: &str,
        change: impl FnOnce(&mut Partner) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<Change, StoreError> {
        let name = name.to_owned();
        let applied = self.run(move |journal| {
            let found = partners(journal, "WHERE name = ?1", [&name])?.pop();
            let mut partner = found.ok_or(StoreError::NoPartner(name))?;
            change(&mut partner)?;
            apply(journal, Directory::of_partner(partner))
        })?;
        self.try_held(&applied)?;
        Ok(applied.first().map_or(Change::Unchanged, |one| one.change))
    }

    /// Adds and changes everything an apply file says, or nothing. What it does not name stays. Codes
    /// may change hands within it.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with every rule that is broken, one a line; or what the disk or the
    /// journal said.
    pub fn apply(&self, directory: Directory) -> Result<Vec<Applied>, StoreError> {
        let applied = self.run(move |journal| apply(journal, directory))?;
        for entry in applied.iter().filter(|entry| entry.kind == PARTNER) {
            // A kill before this line is made up for by the next start.
            self.inner.layout.make_partner(&entry.name)?;
        }
        self.try_held(&applied)?;
        Ok(applied)
    }

    /// Files that are held for what a partner lacked are tried again once partners have changed.
    fn try_held(&self, applied: &[Applied]) -> Result<(), StoreError> {
        let changed = |one: &&Applied| one.kind == PARTNER && one.change != Change::Unchanged;
        match applied.iter().find(changed) {
            Some(_) => self.release_held(),
            None => Ok(()),
        }
    }
}

impl Directory {
    /// Just this partner, with its passwords.
    fn of_partner(partner: Partner) -> Directory {
        Directory {
            stations: Vec::new(),
            partners: vec![PartnerEntry {
                partner,
                keep_password_sent: false,
                keep_password_expected: false,
            }],
        }
    }
}

const STATION: &str = "station";
const PARTNER: &str = "partner";

fn apply(journal: &Connection, directory: Directory) -> Result<Vec<Applied>, StoreError> {
    let before = Before::read(journal)?;
    let mut problems = Vec::new();
    let mut new_partners = Vec::with_capacity(directory.partners.len());
    for entry in directory.partners {
        match before.fill_in(entry) {
            Ok(partner) => new_partners.push(partner),
            Err(problem) => problems.push(problem),
        }
    }
    let after = Put {
        stations: before.stations(directory.stations),
        partners: before.partners(new_partners),
    };
    problems.extend(after.problems(&before));
    if !problems.is_empty() {
        return Err(StoreError::Refused(problems.join("\n")));
    }
    after.write(journal)?;
    Ok(after.applied())
}

/// The directory as it is.
struct Before {
    stations: BTreeMap<String, Station>,
    partners: BTreeMap<String, Partner>,
}

impl Before {
    fn read(journal: &Connection) -> Result<Before, StoreError> {
        let stations = stations(journal, "", [])?.into_iter();
        let partners = partners(journal, "", [])?.into_iter();
        Ok(Before {
            stations: stations.map(|one| (one.name.clone(), one)).collect(),
            partners: partners.map(|one| (one.name.clone(), one)).collect(),
        })
    }

    /// Gives an entry the passwords it left out.
    fn fill_in(&self, entry: PartnerEntry) -> Result<Partner, String> {
        let PartnerEntry {
            partner: mut new,
            keep_password_sent,
            keep_password_expected,
        } = entry;
        new.settle();
        if !keep_password_sent && !keep_password_expected {
            return Ok(new);
        }
        let Some(old) = self.partners.get(&new.name) else {
            return Err(format!(
                "partner {}: it is new and a password is missing; give password_sent and password_expected",
                new.name
            ));
        };
        if keep_password_sent {
            new.password_sent = old.password_sent.clone();
        }
        if keep_password_expected {
            new.password_expected = old.password_expected.clone();
        }
        Ok(new)
    }

    fn stations(&self, put: Vec<Station>) -> Vec<(Station, Change)> {
        let told = |new: Station| {
            let change = Change::of(self.stations.get(&new.name), &new);
            (new, change)
        };
        put.into_iter().map(told).collect()
    }

    fn partners(&self, put: Vec<Partner>) -> Vec<(Partner, Change)> {
        let told = |new: Partner| {
            let change = Change::of(self.partners.get(&new.name), &new);
            (new, change)
        };
        put.into_iter().map(told).collect()
    }
}

/// What is put, and what that changes.
struct Put {
    stations: Vec<(Station, Change)>,
    partners: Vec<(Partner, Change)>,
}

impl Put {
    /// Every rule that is broken, a sentence each.
    fn problems(&self, before: &Before) -> Vec<String> {
        let mut problems = Vec::new();
        for (station, _) in &self.stations {
            problems.extend(station.problem());
        }
        for (partner, _) in &self.partners {
            problems.extend(partner.problems());
            let Partner { name, station, .. } = partner;
            let put = self.stations.iter().any(|(one, _)| one.name == *station);
            if !put && !before.stations.contains_key(station) {
                problems.push(format!(
                    "partner {name}: there is no station named {station:?}; add the station first"
                ));
            }
        }
        problems.extend(self.codes(before).problems());
        problems
    }

    /// Whose every code would be.
    fn codes<'a>(&'a self, before: &'a Before) -> Codes<'a> {
        let mut codes = Codes::default();
        for old in before.stations.values() {
            if self.stations.iter().all(|(new, _)| new.name != old.name) {
                codes.station(old, false);
            }
        }
        for (new, change) in &self.stations {
            codes.station(new, *change != Change::Unchanged);
        }
        for old in before.partners.values() {
            if self.partners.iter().all(|(new, _)| new.name != old.name) {
                codes.partner(old, false);
            }
        }
        for (new, change) in &self.partners {
            codes.partner(new, *change != Change::Unchanged);
        }
        codes
    }

    fn write(&self, journal: &Connection) -> Result<(), StoreError> {
        let stations = self.stations.iter().filter(is_change);
        let partners = self.partners.iter().filter(is_change);
        // Codes may change hands: all are let go before any is taken.
        for (station, _) in stations.clone() {
            table::release_station(journal, &station.name)?;
        }
        for (partner, _) in partners.clone() {
            table::release_partner(journal, &partner.name)?;
        }
        for (station, _) in stations {
            table::write_station(journal, station)?;
        }
        for (partner, _) in partners {
            table::write_partner(journal, partner)?;
        }
        Ok(())
    }

    fn applied(&self) -> Vec<Applied> {
        let stations = self.stations.iter().map(|(station, change)| Applied {
            kind: STATION,
            name: station.name.clone(),
            change: *change,
        });
        let partners = self.partners.iter().map(|(partner, change)| Applied {
            kind: PARTNER,
            name: partner.name.clone(),
            change: *change,
        });
        stations.chain(partners).collect()
    }
}

fn is_change<T>((_, change): &&(T, Change)) -> bool {
    *change != Change::Unchanged
}

impl Change {
    fn of<T: PartialEq>(old: Option<&T>, new: &T) -> Change {
        match old {
            None => Change::Added,
            Some(old) if old == new => Change::Unchanged,
            Some(_) => Change::Changed,
        }
    }
}
