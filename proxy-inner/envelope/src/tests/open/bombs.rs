//! Little that would become much.

use super::made::{Sign, compressed, enveloped_of, info, zlib};
use super::*;
use crate::open::Problem;
use crate::{DecompressionError, der, oid};

#[test]
fn a_zip_bomb_stops_at_the_ceilings() {
    let bomb = zlib(&vec![0; 50 << 20]);
    let file = info(oid::COMPRESSED_DATA, &compressed(oid::DATA, &bomb));
    assert!(file.len() < 60_000);
    let limits = Limits {
        expansion: 100,
        ..Limits::default()
    };
    assert!(matches!(
        open_within("c", limits, &file).unwrap_err(),
        OpenError::Decompression(DecompressionError::Expansion(100))
    ));
    let limits = Limits {
        clear_octets: 1 << 20,
        ..Limits::default()
    };
    let error = open_within("c", limits, &file).unwrap_err();
    assert!(matches!(error, OpenError::TooLarge { .. }), "{error}");
    let (opened, _) = open_octets("c", &file).unwrap();
    assert_eq!(opened.clear_octets, 50 << 20);
}

#[test]
fn a_bomb_inside_what_is_signed_stops_too() {
    // What is no content but certificates, once inflated.
    let certificate = der::sequence(&[&der::octet_string(&vec![0; 1 << 20])]);
    let signed = Sign {
        certificates: vec![certificate],
        ..Sign::new(b"little")
    };
    let file = info(
        oid::COMPRESSED_DATA,
        &compressed(oid::DATA, &zlib(&signed.made())),
    );
    let error = open_octets("cs", &file).unwrap_err();
    assert!(error.to_string().contains("exceed"), "{error}");
}

#[test]
fn nothing_follows_the_end_of_zlib() {
    let mut two = zlib(b"one");
    two.extend(zlib(b"and another"));
    let file = info(oid::COMPRESSED_DATA, &compressed(oid::DATA, &two));
    assert!(matches!(
        open_octets("c", &file).unwrap_err(),
        OpenError::Decompression(DecompressionError::Trailing)
    ));
    let mut cut = zlib(b"cut off before its end");
    cut.pop();
    let file = info(oid::COMPRESSED_DATA, &compressed(oid::DATA, &cut));
    assert!(matches!(
        open_octets("c", &file).unwrap_err(),
        OpenError::Decompression(DecompressionError::Truncated)
    ));
    let mut damaged = zlib(&[b'a'; 1000]);
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let file = info(oid::COMPRESSED_DATA, &compressed(oid::DATA, &damaged));
    assert!(matches!(
        open_octets("c", &file).unwrap_err(),
        OpenError::Decompression(DecompressionError::Damaged(_))
    ));
}

#[test]
fn thousands_of_signers_certificates_or_recipients_are_too_many() {
    let mut certificates = Sign::new(b"x");
    certificates.certificates = vec![der::sequence(&[]); 5000];
    let mut signers = Sign::new(b"x");
    signers.signers = 5000;
    let wrapped = vec![vec![1; 256]; 5000];
    for (layers, file, of) in [
        ("s", certificates.made(), "certificates"),
        ("s", signers.made(), "signers"),
        (
            "e",
            enveloped_of(oid::DATA, &wrapped, &[0; 16]),
            "recipients",
        ),
    ] {
        let error = open_octets(layers, &file).unwrap_err();
        assert!(
            matches!(
                error,
                OpenError::Structure {
                    problem: Problem::TooMany { most: 64, of: found },
                    ..
                } if found == of
            ),
            "{error}"
        );
    }
}

#[test]
fn small_elements_that_are_large_are_not_held() {
    let mut one = Sign::new(b"x");
    one.certificates = vec![der::sequence(&[&[0x05, 0x00].repeat(600_000)])];
    let mut all = Sign::new(b"x");
    all.certificates = vec![der::sequence(&[&der::octet_string(&vec![0; 200_000])]); 40];
    for file in [one.made(), all.made()] {
        let error = open_octets("s", &file).unwrap_err();
        assert!(
            matches!(
                error,
                OpenError::Structure {
                    problem: Problem::TooLarge(_),
                    ..
                }
            ),
            "{error}"
        );
    }
}

#[test]
fn nesting_beyond_the_ceiling_is_refused_wherever_it_is() {
    let deep = [0x24, 0x80].repeat(100_000);
    let signed = |content: &[u8]| {
        let parts = [
            &[0x02, 1, 1][..],
            &der::set(&[&der::sequence(&[&der::identifier(oid::SHA_256)])]),
            &[0x30, 0x80],
            &der::identifier(oid::DATA),
            &[0xa0, 0x80],
            content,
        ];
        let mut file = vec![0x30, 0x80];
        file.extend(der::identifier(oid::SIGNED_DATA));
        file.extend([0xa0, 0x80, 0x30, 0x80]);
        file.extend(parts.concat());
        file
    };
    for file in [
        deep.clone(),
        [0x30, 0x80].repeat(100_000),
        signed(&deep),
        signed(&[&[0x04, 0, 0, 0, 0, 0], &[0xa0, 0x80].repeat(50_000)[..]].concat()),
        signed(&[&[0x04, 0, 0, 0, 0, 0], &[0xa1, 0x80].repeat(50_000)[..]].concat()),
    ] {
        assert!(matches!(
            open_octets("s", &file).unwrap_err(),
            OpenError::Structure { .. }
        ));
    }
    let error = open_octets("s", &signed(&deep)).unwrap_err();
    assert!(error.to_string().contains("deeper"), "{error}");
}

#[test]
fn lengths_beyond_everything_are_refused_before_anything_is_held() {
    let huge: [&[u8]; 6] = [
        &[0x30, 0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x89, 0x01, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x30, 0xff, 0x01],
        &[0x30, 0x80, 0x06, 0x84, 0xff, 0xff, 0xff, 0xff],
        &[0x30, 0x05, 0x06, 0x09, 0, 0, 0],
    ];
    for octets in huge {
        for layers in ["s", "c", "e"] {
            let error = open_octets(layers, octets).unwrap_err();
            assert!(matches!(error, OpenError::Structure { .. }), "{error}");
        }
        assert!(crate::pkcs7::certificates(octets).is_err());
    }
}

#[test]
fn a_content_of_more_than_four_gib_is_read_in_little_memory() {
    /// A head, zeros without end, a tail.
    struct Long<'a> {
        head: &'a [u8],
        zeros: u64,
        tail: &'a [u8],
    }
    impl std::io::Read for Long<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            if !self.head.is_empty() {
                return self.head.read(into);
            }
            if self.zeros > 0 {
                let most = usize::try_from(self.zeros).unwrap().min(into.len());
                into[..most].fill(0);
                self.zeros -= most as u64;
                return Ok(most);
            }
            self.tail.read(into)
        }
    }
    // Of no digest algorithm, so that only the reading is timed; nobody signed it.
    let zeros = (4 << 30) + 5;
    let string = der::header(0x04, zeros);
    let explicit = der::header(0xa0, zeros + string.len() as u64);
    let kind = der::identifier(oid::DATA);
    let inner = zeros + (string.len() + explicit.len() + kind.len()) as u64;
    let content = der::header(0x30, inner);
    let head = [
        &[0x30, 0x80][..],
        &der::identifier(oid::SIGNED_DATA),
        &[0xa0, 0x80, 0x30, 0x80, 0x02, 1, 1, 0x31, 0],
        &content,
        &kind,
        &explicit,
        &string,
    ]
    .concat();
    let mut source = Long {
        head: &head,
        zeros,
        tail: &[0x31, 0, 0, 0, 0, 0, 0, 0],
    };
    let opening = Opening {
        expect: expect("s"),
        suite: None,
        keys: &[],
        signers: &[recipient()],
        limits: Limits::default(),
    };
    let mut clear = std::io::sink();
    let error = open(&opening, &mut source, &mut clear).unwrap_err();
    assert!(matches!(
        error,
        OpenError::Signature(crate::SignatureError::Unsigned)
    ));
    assert_eq!(source.zeros, 0);
    assert!(source.tail.is_empty());
}
