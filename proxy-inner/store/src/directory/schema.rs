//! The directory's tables as schema version 3 has them.

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

/// Leads the directory's tables from version 2 to version 3. Every default is what version 2 did, or
/// could not do.
///
/// `cipher_suites` holds numbers with blanks between them; a
/// `certificate` of `partner_certificate` is PEM text. What were certificates for secure
/// authentication, tried in their order, take that role: the first is current, the second next, the
/// third previous.
pub(crate) const MIGRATE_3: &str = "
ALTER TABLE partner ADD COLUMN security TEXT NOT NULL DEFAULT 'none';
ALTER TABLE partner ADD COLUMN cipher_suite INTEGER NOT NULL DEFAULT 4;
ALTER TABLE partner ADD COLUMN file_compression INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partner ADD COLUMN signed_receipts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partner ADD COLUMN cipher_suites TEXT NOT NULL DEFAULT '3 4 5 6 7';
ALTER TABLE partner ADD COLUMN accept_encrypted TEXT NOT NULL DEFAULT 'allowed';
ALTER TABLE partner ADD COLUMN accept_signed TEXT NOT NULL DEFAULT 'allowed';
ALTER TABLE partner ADD COLUMN accept_compressed TEXT NOT NULL DEFAULT 'allowed';
ALTER TABLE partner ADD COLUMN check_timing TEXT NOT NULL DEFAULT 'delivered';
ALTER TABLE partner ADD COLUMN unsigned_receipts TEXT NOT NULL DEFAULT 'refused';
ALTER TABLE partner ADD COLUMN receipt_signature TEXT NOT NULL DEFAULT 'inside';
ALTER TABLE partner ADD COLUMN include_certificate INTEGER NOT NULL DEFAULT 0;
ALTER TABLE partner ADD COLUMN encoding TEXT NOT NULL DEFAULT 'indefinite';
ALTER TABLE partner ADD COLUMN expansion INTEGER NOT NULL DEFAULT 1100;
ALTER TABLE partner ADD COLUMN receipt_suite INTEGER NOT NULL DEFAULT 4;
ALTER TABLE partner ADD COLUMN archive TEXT NOT NULL DEFAULT 'nothing';
CREATE TABLE partner_certificate (
    partner TEXT NOT NULL REFERENCES partner (name) ON DELETE CASCADE,
    role TEXT NOT NULL,
    slot TEXT NOT NULL,
    certificate TEXT NOT NULL,
    PRIMARY KEY (partner, role, slot)
) STRICT, WITHOUT ROWID;
WITH RECURSIVE block (partner, place, pem, rest) AS (
    SELECT name, 0, '', authentication_certificates FROM partner
    UNION ALL
    SELECT partner, place + 1,
        substr(rest, 1, instr(rest, '-----END CERTIFICATE-----') + 25),
        substr(rest, instr(rest, '-----END CERTIFICATE-----') + 26)
    FROM block WHERE instr(rest, '-----END CERTIFICATE-----') > 0
)
INSERT INTO partner_certificate
SELECT partner, 'authentication',
    CASE place WHEN 1 THEN 'current' WHEN 2 THEN 'next' ELSE 'previous' END, pem
FROM block WHERE place BETWEEN 1 AND 3;
ALTER TABLE partner DROP COLUMN authentication_certificates;
";
