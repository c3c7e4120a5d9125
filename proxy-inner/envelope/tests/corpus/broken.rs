//! Files cut off and altered at every place: an error, and nothing wrong that counts as good.

use envelope::{Kind, Limits, Opening, Suite, open};

use crate::bench::{Bench, compress, octets, open_octets};

#[test]
fn a_file_cut_off_anywhere_does_not_open() {
    let Some(bench) = Bench::get() else { return };
    for (layers, file) in files(bench, "cut") {
        let opening = bench.opening(layers, None);
        for length in 0..file.len() {
            let error = open_octets(&opening, &file[..length]).unwrap_err();
            assert_ne!(
                error.kind(),
                Kind::Other,
                "{layers} cut at {length}: {error}"
            );
        }
    }
}

#[test]
fn a_file_with_an_octet_more_does_not_open() {
    let Some(bench) = Bench::get() else { return };
    for (layers, mut file) in files(bench, "more") {
        for octet in [0, 0x04] {
            file.push(octet);
            assert!(
                open_octets(&bench.opening(layers, None), &file).is_err(),
                "{layers}"
            );
        }
    }
}

#[test]
fn no_altered_octet_of_a_signed_file_gives_another_content() {
    let Some(bench) = Bench::get() else { return };
    let content = octets(40);
    for (layers, file) in files(bench, "flip") {
        let opening = bench.opening(layers, None);
        let mut refused = 0;
        for place in 0..file.len() {
            for bit in [0x01, 0x20, 0x80] {
                let mut altered = file.clone();
                altered[place] ^= bit;
                match open_octets(&opening, &altered) {
                    // Nothing proves what is only encrypted.
                    Ok((_, clear)) => {
                        let is_right = clear == content || layers == "e";
                        assert!(is_right, "{layers}, octet {place}");
                    }
                    Err(error) => {
                        assert_ne!(
                            error.kind(),
                            Kind::Other,
                            "{layers}, octet {place}: {error}"
                        );
                        refused += 1;
                    }
                }
            }
        }
        assert!(refused > file.len() / 2, "{layers}: only {refused} refused");
    }
}

#[test]
fn what_fails_inside_an_envelope_reads_the_same_to_the_partner() {
    let Some(bench) = Bench::get() else { return };
    let signed = bench.sign("same-s", &octets(40), Suite::DEFAULT, &[]);
    let file = bench.encrypt("same-es", &signed, Suite::DEFAULT, &[]);
    let opening = bench.opening("es", None);
    let encrypted = file.len() - signed.len() / 16 * 16 - 16;
    let mut texts = std::collections::BTreeMap::<String, u32>::new();
    for place in encrypted..file.len() {
        let mut altered = file.clone();
        altered[place] ^= 1;
        // Outside of what the signature covers nothing may have changed for us.
        if let Err(error) = open_octets(&opening, &altered) {
            *texts
                .entry(format!("{:?} {}", error.kind(), error.public_text()))
                .or_default() += 1;
        }
    }
    let often: Vec<_> = texts.iter().filter(|(_, count)| **count > 1).collect();
    assert_eq!(often.len(), 1, "{texts:?}");
    assert!(often[0].0.starts_with("Decryption"), "{texts:?}");
    assert!(texts.len() <= 2, "one content key tells once: {texts:?}");
}

#[test]
fn a_content_key_that_does_not_unwrap_reads_like_a_wrong_padding() {
    let Some(bench) = Bench::get() else { return };
    let file = bench.encrypt("key", &octets(100), Suite::DEFAULT, &[]);
    let wrapped = file
        .windows(4)
        .position(|window| window == [0x04, 0x82, 0x01, 0x00])
        .unwrap()
        + 4;
    let mut texts = std::collections::BTreeSet::new();
    for place in 0..64 {
        let mut altered = file.clone();
        // The first octet decides whether the number is below the modulus.
        altered[wrapped + 1 + place] ^= 0x10;
        if let Err(error) = open_octets(&bench.opening("e", None), &altered) {
            texts.insert((
                error.kind() == Kind::Decryption,
                error.public_text(),
                error.to_string(),
            ));
        }
    }
    let mut padding = file.clone();
    let place = padding.len() - 20;
    padding[place] ^= 0x40;
    let error = open_octets(&bench.opening("e", None), &padding).unwrap_err();
    texts.insert((
        error.kind() == Kind::Decryption,
        error.public_text(),
        error.to_string(),
    ));
    assert_eq!(texts.len(), 1, "{texts:?}");
}

#[test]
fn nothing_larger_than_the_ceiling_comes_out() {
    let Some(bench) = Bench::get() else { return };
    let content = octets(100_000);
    let signed = bench.sign("ceiling", &content, Suite::DEFAULT, &[]);
    for clear_octets in [0, 1, 65_536, 99_999] {
        let opening = Opening {
            limits: Limits {
                clear_octets,
                ..Limits::default()
            },
            ..bench.opening("s", None)
        };
        let mut clear = Vec::new();
        let error = open(&opening, &mut signed.as_slice(), &mut clear).unwrap_err();
        assert!(clear.len() as u64 <= clear_octets, "{error}");
    }
    let opening = Opening {
        limits: Limits {
            clear_octets: 100_000,
            ..Limits::default()
        },
        ..bench.opening("s", None)
    };
    assert!(open_octets(&opening, &signed).is_ok());
}

/// A small file of each nesting, in DER and in BER.
fn files(bench: &Bench, name: &str) -> Vec<(&'static str, Vec<u8>)> {
    let content = octets(40);
    let mut files = Vec::new();
    for (form, more) in [("der", [].as_slice()), ("ber", &["-stream"])] {
        let sign = [more, &["-nocerts"]].concat();
        let name = format!("{name}-{form}");
        let encrypt = |layer: &str, octets: &[u8]| {
            bench.encrypt(&format!("{name}-{layer}"), octets, Suite::DEFAULT, more)
        };
        let signed = bench.sign(&name, &content, Suite::DEFAULT, &sign);
        let compressed = compress(&signed);
        files.push(("e", encrypt("e", &content)));
        files.push(("es", encrypt("es", &signed)));
        files.push(("ecs", encrypt("ecs", &compressed)));
        files.push(("cs", compressed));
        files.push(("s", signed));
    }
    files
}
