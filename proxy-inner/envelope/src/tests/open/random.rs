//! Any octets at all: an error or a value, and never another content that counts as signed.

use proptest::prelude::*;

use super::made::{Sign, enveloped};
use super::reshape::Shape;
use super::*;
use crate::{oid, pkcs7, receipt};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_end_in_a_value_or_an_error(
        octets in prop::collection::vec(any::<u8>(), 0..600),
        layers in prop::sample::select(vec!["s", "c", "e", "cs", "es", "ecs"]),
    ) {
        let _ = open_octets(layers, &octets);
        let _ = pkcs7::certificates(&octets);
        let _ = receipt::verify(&octets, &[b"fields"], &[recipient()]);
    }

    #[test]
    fn altered_and_cut_objects_never_pass_as_another_content(
        seed in any::<u64>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        is_encrypted in any::<bool>(),
    ) {
        let content = b"what was signed and nothing else";
        let signed = Sign::new(content).made();
        let file = if is_encrypted { enveloped(oid::DATA, &signed) } else { signed };
        let mut octets = Shape::new(seed).all(&file);
        for (place, octet) in changes {
            let place = place.index(octets.len());
            octets[place] = octet;
        }
        if let Some(cut) = cut {
            octets.truncate(cut.index(octets.len()));
        }
        let layers = if is_encrypted { "es" } else { "s" };
        if let Ok((opened, clear)) = open_octets(layers, &octets) {
            prop_assert_eq!(clear, content);
            prop_assert_eq!(opened.signers, [1]);
        }
    }
}
