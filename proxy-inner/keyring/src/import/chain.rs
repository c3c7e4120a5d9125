//! Which certificate is for the key, and who issued whom.

use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::ImportError;
use crate::key::Public;

/// A certificate, parsed.
struct Known<'a> {
    der: &'a [u8],
    parsed: X509Certificate<'a>,
}

/// Puts certificates into order: those for the key first, the one that ends last before the
/// others, each chain following its leaf. Without a key every chain is kept; with one, what
/// belongs to no chain is left out, and a note says so.
pub(super) fn order(
    certificates: Vec<Vec<u8>>,
    key: Option<&Public>,
    notes: &mut Vec<String>,
) -> Result<Vec<Vec<u8>>, ImportError> {
    let known = certificates
        .iter()
        .enumerate()
        .map(|(index, der)| parse(der, index + 1))
        .collect::<Result<Vec<_>, _>>()?;
    if known.is_empty() {
        return Ok(Vec::new());
    }

    let mut leaves: Vec<usize> = match key {
        Some(key) => matching(&known, key),
        None => ends(&known),
    };
    if let Some(first) = leaves.first().copied().filter(|_| key.is_some()) {
        if leaves.len() > 1 {
            notes.push(format!(
                "{} certificates are for this key; the one that is valid longest, until {}, \
                 comes first.",
                leaves.len(),
                known
                    .get(first)
                    .map(|leaf| leaf.parsed.validity().not_after.to_string())
                    .unwrap_or_default()
            ));
        }
    } else if key.is_some() {
        return Err(ImportError::KeyOfNone {
            certificates: known.iter().map(subject).collect(),
        });
    }
    if leaves.is_empty() {
        // Certificates that issued each other in a ring have no end.
        leaves.push(0);
    }

    let mut order: Vec<usize> = Vec::new();
    // The chain of the first leaf, then the other leaves and theirs.
    for leaf in leaves {
        let mut next = Some(leaf);
        while let Some(at) = next.filter(|at| !order.contains(at)) {
            order.push(at);
            next = issuer_of(&known, at);
        }
    }
    let out: Vec<_> = (0..known.len()).filter(|at| !order.contains(at)).collect();
    if key.is_some() {
        if !out.is_empty() {
            let names: Vec<_> = out
                .iter()
                .filter_map(|at| known.get(*at).map(subject))
                .collect();
            notes.push(format!(
                "{} certificates that are not in the chain of this key were left out: {}.",
                out.len(),
                names.join("; ")
            ));
        }
    } else {
        order.extend(out);
    }
    Ok(order
        .into_iter()
        .filter_map(|at| known.get(at).map(|known| known.der.to_vec()))
        .collect())
}

fn parse(der: &[u8], position: usize) -> Result<Known<'_>, ImportError> {
    let damaged = |detail: String| ImportError::Damaged {
        what: format!("certificate {position}"),
        detail,
    };
    match X509Certificate::from_der(der) {
        Ok(([], parsed)) => Ok(Known { der, parsed }),
        Ok((rest, _)) => Err(damaged(format!("{} octets follow it", rest.len()))),
        Err(error) => Err(damaged(format!("it does not parse ({error})"))),
    }
}

/// Those whose public key is the key's, the one that ends last first.
fn matching(known: &[Known<'_>], key: &Public) -> Vec<usize> {
    let mut found: Vec<(i64, usize)> = known
        .iter()
        .enumerate()
        .filter(|(_, known)| {
            Public::of_spki(known.parsed.public_key().raw).is_some_and(|public| public == *key)
        })
        .map(|(at, known)| (known.parsed.validity().not_after.timestamp(), at))
        .collect();
    found.sort_by_key(|(ends, at)| (std::cmp::Reverse(*ends), *at));
    found.into_iter().map(|(_, at)| at).collect()
}

/// Those that issued none of the others.
fn ends(known: &[Known<'_>]) -> Vec<usize> {
    (0..known.len())
        .filter(|at| {
            (0..known.len()).all(|other| other == *at || issuer_of(known, other) != Some(*at))
        })
        .collect()
}

/// The issuer of one among the others: by name, and by key identifier where both have one.
fn issuer_of(known: &[Known<'_>], at: usize) -> Option<usize> {
    let wanted = &known.get(at)?.parsed;
    let wanted_key = authority_key(wanted);
    let mut by_name = known.iter().enumerate().filter(|(other, issuer)| {
        let issuer = &issuer.parsed;
        *other != at
            && issuer.subject().as_raw() == wanted.issuer().as_raw()
            // Who issued itself is its own end.
            && wanted.subject().as_raw() != wanted.issuer().as_raw()
            && match (wanted_key, subject_key(issuer)) {
                (Some(wanted), Some(found)) => wanted == found,
                _ => true,
            }
    });
    by_name.next().map(|(other, _)| other)
}

fn authority_key<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate
        .iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                identifier.key_identifier.as_ref().map(|key| key.0)
            }
            _ => None,
        })
}

fn subject_key<'a>(certificate: &'a X509Certificate<'_>) -> Option<&'a [u8]> {
    certificate
        .iter_extensions()
        .find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0),
            _ => None,
        })
}

fn subject(known: &Known<'_>) -> String {
    known.parsed.subject().to_string()
}
