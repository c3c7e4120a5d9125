//! Requests and self-signed certificates after the Odette profile.
//!
//! Subject: country, organisation, common name, and the identification code as serialNumber
//! (2.5.4.5). Other names: hosts, mail addresses, `oftp://CODE`. Key usage, critical:
//! digitalSignature and keyEncipherment as the roles ask. Extended key usage, not critical:
//! serverAuth and clientAuth, when a role is TLS. Not an authority, and says so.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose, SerialNumber, date_time_ymd,
};

use crate::{MakeError, Role, Signer, Subject};

/// The longest validity given, in days.
pub const MOST_DAYS: u32 = 3660;

/// Octets of the serial number of a self-signed certificate, all random but one bit.
const SERIAL_OCTETS: usize = 16;

/// Makes a certificate signing request (PKCS#10 DER) for a certification authority.
///
/// # Errors
/// A subject that no certificate can carry, no role, a key that is unfit for a role.
pub fn request(signer: &Signer, subject: &Subject, roles: &[Role]) -> Result<Vec<u8>, MakeError> {
    let request = params(signer, subject, roles)?
        .serialize_request(signer)
        .map_err(|error| signer.told(&error))?;
    Ok(request.der().to_vec())
}

/// Makes a self-signed certificate (DER), valid from the day before `now` (partners' clocks
/// differ) for `days` days.
///
/// # Errors
/// As [`request`], and [`MakeError::Days`].
pub fn self_signed(
    signer: &Signer,
    subject: &Subject,
    roles: &[Role],
    days: u32,
    now: Timestamp,
) -> Result<Vec<u8>, MakeError> {
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(MakeError::Days {
            found: days,
            most: MOST_DAYS,
        });
    }
    let mut params = params(signer, subject, roles)?;
    let today = now.to_zoned(TimeZone::UTC).date();
    let (year, month, day) = parts(today.checked_sub(1.day()))?;
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = parts(today.checked_add(i64::from(days).days()))?;
    params.not_after = date_time_ymd(year, month, day);
    // By itself rcgen takes the number from the key, and a renewal with the same key would be
    // the same to everyone who tells certificates by issuer and number.
    let mut serial = [0; SERIAL_OCTETS];
    crypto::random(&mut serial).map_err(failed)?;
    if let Some(first) = serial.first_mut() {
        // Positive, and of full length.
        *first = *first & 0x7F | 0x40;
    }
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let certificate = params
        .self_signed(signer)
        .map_err(|error| signer.told(&error))?;
    Ok(certificate.der().to_vec())
}

fn params(
    signer: &Signer,
    subject: &Subject,
    roles: &[Role],
) -> Result<CertificateParams, MakeError> {
    if roles.is_empty() {
        return Err(MakeError::NoRole);
    }
    if let Some(role) = roles.iter().find(|role| !role.is_tls() && !signer.is_rsa()) {
        return Err(MakeError::KeyUnfit { role: role.word() });
    }
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.name()?;
    params.subject_alt_names = subject.other_names()?;
    // CA:FALSE said aloud: a self-signed certificate that may sign others is refused as a leaf.
    params.is_ca = IsCa::ExplicitNoCa;
    if roles.iter().any(|role| role.signs()) {
        params.key_usages.push(KeyUsagePurpose::DigitalSignature);
    }
    if roles.iter().any(|role| role.deciphers()) {
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    if roles.iter().any(|role| role.is_tls()) {
        // Both, whichever role it is: partners ask for either (Odette certificate policy).
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
    }
    Ok(params)
}

/// Year, month and day as rcgen takes them.
fn parts(date: Result<Date, jiff::Error>) -> Result<(i32, u8, u8), MakeError> {
    let date = date.map_err(failed)?;
    let month = u8::try_from(date.month()).map_err(failed)?;
    let day = u8::try_from(date.day()).map_err(failed)?;
    Ok((i32::from(date.year()), month, day))
}

fn failed(error: impl std::fmt::Display) -> MakeError {
    MakeError::Failed(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crypto::{KeyUseError, Oaep, PrivateKey, PublicKey, Signing, SoftwareKey};
    use zeroize::Zeroizing;

    use super::*;
    use crate::{KeyKind, facts, generate, public_of};

    /// A key that is somewhere else, and may be out of reach.
    #[derive(Debug)]
    struct Elsewhere {
        public: PublicKey,
        pkcs8: Option<Zeroizing<Vec<u8>>>,
    }

    impl Elsewhere {
        fn new(reachable: bool) -> Arc<Elsewhere> {
            let pkcs8 = generate(KeyKind::Rsa2048).unwrap();
            Arc::new(Elsewhere {
                public: SoftwareKey::from_pkcs8(&pkcs8).unwrap().public().clone(),
                pkcs8: reachable.then_some(pkcs8),
            })
        }
    }

    impl PrivateKey for Elsewhere {
        fn public(&self) -> &PublicKey {
            &self.public
        }

        fn sign(&self, signing: Signing, digest: &[u8]) -> Result<Vec<u8>, KeyUseError> {
            let pkcs8 = self
                .pkcs8
                .as_ref()
                .ok_or_else(|| KeyUseError::Unreachable("the token is not plugged in".into()))?;
            SoftwareKey::from_pkcs8(pkcs8)
                .unwrap()
                .sign(signing, digest)
        }

        fn unwrap_pkcs1(&self, _: &[u8], _: usize) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
            Err(KeyUseError::Failed("not asked for".into()))
        }

        fn unwrap_oaep(
            &self,
            _: Oaep,
            _: &[u8],
            _: usize,
        ) -> Result<Zeroizing<Vec<u8>>, KeyUseError> {
            Err(KeyUseError::Failed("not asked for".into()))
        }
    }

    fn subject() -> Subject {
        Subject {
            common_name: "a".to_owned(),
            odette_id: "OA".to_owned(),
            ..Subject::default()
        }
    }

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn signs_with_a_key_that_is_elsewhere() {
        let signer = Signer::remote(Elsewhere::new(true));
        let der = self_signed(&signer, &subject(), &[Role::Encryption], 10, now()).unwrap();
        assert!(facts(&der).unwrap().self_signed, "its signature verifies");
        assert!(request(&signer, &subject(), &[Role::Encryption]).is_ok());
    }

    #[test]
    fn says_why_a_key_elsewhere_did_not_sign() {
        let signer = Signer::remote(Elsewhere::new(false));
        let error = request(&signer, &subject(), &[Role::Encryption]).unwrap_err();
        assert!(
            matches!(&error, MakeError::Signing(why) if why.contains("not plugged in")),
            "{error}"
        );
    }

    #[test]
    fn refuses_no_role_days_out_of_range_and_curves_for_files() {
        let key = generate(KeyKind::EcP256).unwrap();
        let signer = Signer::software(&key).unwrap();
        assert_eq!(signer.public(), public_of(&key).unwrap());
        let make = |roles: &[Role], days| self_signed(&signer, &subject(), roles, days, now());
        assert_eq!(make(&[], 10), Err(MakeError::NoRole));
        assert_eq!(
            make(&[Role::TlsServer, Role::FileSigning], 10),
            Err(MakeError::KeyUnfit {
                role: "file-signing"
            })
        );
        for days in [0, MOST_DAYS + 1] {
            assert!(matches!(
                make(&[Role::TlsServer], days),
                Err(MakeError::Days { .. })
            ));
        }
        assert!(make(&[Role::TlsServer], MOST_DAYS).is_ok());
        assert!(matches!(
            Signer::software(b"no key"),
            Err(MakeError::Key(_))
        ));
    }
}
