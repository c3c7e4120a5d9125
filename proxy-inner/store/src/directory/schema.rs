//! The directory's tables as schema version 2 has them.

/// Leads the directory's tables from version 1 to version 2; a new journal takes the same way. Every
/// default is what version 1 did.
///
/// `refuse` holds names of deviations with blanks between them, or `all`; `receipt_within` is in
/// seconds; `authentication_certificates` is PEM text. A code of `partner_station` is a further
/// station behind the partner; `place` keeps them in the order they were given.
pub(crate) const MIGRATE_2: &str = "
ALTER TABLE partner ADD COLUMN level INTEGER NOT NULL DEFAULT 5;
ALTER TABLE partner ADD COLUMN lowest_level INTEGER NOT NULL DEFAULT 5;
ALTER TABLE partner ADD COLUMN transport TEXT NOT NULL DEFAULT 'tls';
ALTER TABLE partner ADD COLUMN compression INTEGER NOT NULL DEFAULT 1;
ALTER TABLE partner ADD COLUMN restart INTEGER NOT NULL DEFAULT 1;
ALTER TABLE partner ADD COLUMN authentication INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partner ADD COLUMN authentication_certificates TEXT NOT NULL DEFAULT '';
ALTER TABLE partner ADD COLUMN refuse TEXT NOT NULL DEFAULT 'carriage-return-missing trailing-octets';
ALTER TABLE partner ADD COLUMN receipts TEXT NOT NULL DEFAULT 'delivered';
ALTER TABLE partner ADD COLUMN receipt_within INTEGER NOT NULL DEFAULT 259200;
ALTER TABLE partner ADD COLUMN call_for_receipts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partner ADD COLUMN gateway INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partner ADD COLUMN format TEXT NOT NULL DEFAULT 'U';
ALTER TABLE partner ADD COLUMN record_length INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partner ADD COLUMN records TEXT NOT NULL DEFAULT 'prefixed';
CREATE TABLE partner_station (
    code TEXT PRIMARY KEY,
    partner TEXT NOT NULL REFERENCES partner (name) ON DELETE CASCADE,
    place INTEGER NOT NULL
) STRICT;
CREATE INDEX partner_station_partner ON partner_station (partner, place);
";
