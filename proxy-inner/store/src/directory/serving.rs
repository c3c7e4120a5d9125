//! Who serves a station, and for whom a partner may speak.

use oftp::OdetteId;

use super::table::{partners, stations};
use super::{Partner, Station};
use crate::error::StoreError;
use crate::store::Store;

/// Who serves a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one at a time is made, looked at and dropped"
)]
pub enum Served {
    /// It is ours.
    Station(Station),
    /// It is this partner's own code, or a further station behind it.
    Partner(Partner),
}

impl Store {
    /// Who serves the station of that code: one of ours, a partner itself, or the partner it is
    /// reached through. `None` when nobody does. A partner that is not enabled is told like any other.
    ///
    /// # Errors
    /// What the journal said.
    pub fn serving(&self, code: &OdetteId) -> Result<Option<Served>, StoreError> {
        let code = code.as_str().to_owned();
        self.run(move |journal| {
            if let Some(station) = stations(journal, "WHERE code = ?1", [&code])?.pop() {
                return Ok(Some(Served::Station(station)));
            }
            let partner = partners(
                journal,
                "WHERE code = ?1 OR name = (SELECT partner FROM partner_station WHERE code = ?1)",
                [&code],
            )?
            .pop();
            Ok(partner.map(Served::Partner))
        })
    }

    /// Whether the partner of that name may be the origin of a file or receipt with that code: it is
    /// its own, or that of a further station behind it.
    ///
    /// # Errors
    /// What the journal said.
    pub fn speaks_for(&self, partner: &str, code: &OdetteId) -> Result<bool, StoreError> {
        let partner = partner.to_owned();
        let served = self.serving(code)?;
        Ok(matches!(served, Some(Served::Partner(serving)) if serving.name == partner))
    }
}
