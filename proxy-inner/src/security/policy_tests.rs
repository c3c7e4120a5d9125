//! Every combination of table 6.2 against every term, and what the table does not have.

use oftp::{Format, UserField};

use super::*;

fn partner() -> Partner {
    Partner::new("THEM", "O0013THEM".parse().unwrap(), "US")
}

fn sfid(security: Security, compression: bool, cipher: u8) -> Sfid {
    Sfid {
        dataset: "ORDERS".parse().unwrap(),
        stamp: "202611210800000001".parse().unwrap(),
        user: UserField::default(),
        destination: "O0013US".parse().unwrap(),
        origin: "O0013THEM".parse().unwrap(),
        format: Format::Unstructured,
        record_length: 0,
        size_blocks: 1,
        original_blocks: 1,
        restart: 0,
        security,
        cipher,
        compression,
        envelope: has_services(security, compression),
        signed_receipt: false,
        description: String::new(),
    }
}

/// Every row of table 6.2 that has or lacks a service, with a suite where one is needed.
fn combinations() -> Vec<Sfid> {
    let mut all = Vec::new();
    for security in [
        Security::None,
        Security::Encrypted,
        Security::Signed,
        Security::EncryptedAndSigned,
    ] {
        for compression in [false, true] {
            let cipher = if security == Security::None { 0 } else { 4 };
            all.push(sfid(security, compression, cipher));
        }
    }
    all
}

fn reason(partner: &Partner, sfid: &Sfid) -> Option<u8> {
    judge(partner, sfid).err().map(|refusal| {
        assert!(!refusal.retry && !refusal.text.is_empty(), "{refusal:?}");
        refusal.reason.0
    })
}

/// what the table has is taken where nothing else was agreed.
#[test]
fn takes_every_combination_of_services_where_nothing_else_is_agreed() {
    for sfid in combinations() {
        assert_eq!(reason(&partner(), &sfid), None, "{sfid:?}");
    }
}

/// certificates and revocation lists travel in an envelope without services.
#[test]
fn takes_an_envelope_without_services_as_a_plain_file() {
    let bare = Sfid {
        envelope: true,
        ..sfid(Security::None, false, 0)
    };
    assert_eq!(reason(&partner(), &bare), None);
    assert!(!has_services(bare.security, bare.compression));
    let strict = Partner {
        accept_encrypted: Acceptance::Required,
        ..partner()
    };
    assert_eq!(reason(&strict, &bare), Some(17));
}

/// reasons 16 to 20, each for itself.
#[test]
fn holds_every_combination_against_the_terms() {
    for sfid in combinations() {
        let (encrypted, signed) = (is_encrypted(sfid.security), is_signed(sfid.security));
        for (acceptance, when_there, when_not) in [
            (Acceptance::Allowed, [None; 3], [None; 3]),
            (
                Acceptance::Refused,
                [Some(16), Some(18), Some(19)],
                [None; 3],
            ),
            (
                Acceptance::Required,
                [None; 3],
                [Some(17), Some(99), Some(20)],
            ),
        ] {
            let pick = |has: bool, place: usize| {
                if has {
                    when_there[place]
                } else {
                    when_not[place]
                }
            };
            let encrypting = Partner {
                accept_encrypted: acceptance,
                ..partner()
            };
            assert_eq!(reason(&encrypting, &sfid), pick(encrypted, 0), "{sfid:?}");
            let compressing = Partner {
                accept_compressed: acceptance,
                ..partner()
            };
            assert_eq!(
                reason(&compressing, &sfid),
                pick(sfid.compression, 1),
                "{sfid:?}"
            );
            let signing = Partner {
                accept_signed: acceptance,
                ..partner()
            };
            assert_eq!(reason(&signing, &sfid), pick(signed, 2), "{sfid:?}");
        }
    }
}

/// contradictions are refused with a text, not guessed at.
#[test]
fn refuses_services_without_envelope_and_security_without_suite() {
    for offer in combinations() {
        if !offer.envelope {
            continue;
        }
        let bare = Sfid {
            envelope: false,
            ..offer.clone()
        };
        assert_eq!(reason(&partner(), &bare), Some(99), "{bare:?}");
        let without = Sfid { cipher: 0, ..offer };
        let wanted = (without.security != Security::None).then_some(99);
        assert_eq!(reason(&partner(), &without), wanted, "{without:?}");
    }
}

/// suites that are not known, and suites that are not agreed where they are needed.
#[test]
fn refuses_suites_that_are_unknown_or_not_agreed() {
    for number in 1..=99 {
        let wanted = (!(3..=7).contains(&number)).then_some(15);
        let offer = sfid(Security::Encrypted, false, number);
        assert_eq!(reason(&partner(), &offer), wanted, "{number}");
        let plain = sfid(Security::None, false, number);
        let wanted = (number > 10).then_some(15);
        assert_eq!(reason(&partner(), &plain), wanted, "{number}");
        let receipt = Sfid {
            signed_receipt: true,
            ..plain
        };
        let wanted = (!(3..=7).contains(&number)).then_some(15);
        assert_eq!(reason(&partner(), &receipt), wanted, "{number}");
    }
    let old = Partner {
        cipher_suites: vec![1, 10],
        ..partner()
    };
    assert_eq!(reason(&old, &sfid(Security::Signed, false, 1)), None);
    assert_eq!(reason(&old, &sfid(Security::Signed, false, 4)), Some(15));
}

/// a signed receipt without a suite is signed with the one that was agreed for it.
#[test]
fn takes_a_request_for_a_signed_receipt_without_a_suite() {
    let offer = Sfid {
        signed_receipt: true,
        ..sfid(Security::None, false, 0)
    };
    assert_eq!(reason(&partner(), &offer), None);
    let agreed = Partner {
        receipt_suite: 6,
        ..partner()
    };
    assert_eq!(receipt_suite(0, &agreed).number, 6);
    assert_eq!(receipt_suite(3, &agreed).number, 3);
}

/// Table 6.2, last column.
#[test]
fn tells_the_layers_of_every_combination() {
    for sfid in combinations() {
        let Expect {
            encrypted,
            compressed,
            signed,
        } = layers(sfid.security, sfid.compression);
        let wanted = match sfid.security {
            Security::None => (false, false),
            Security::Encrypted => (true, false),
            Security::Signed => (false, true),
            Security::EncryptedAndSigned => (true, true),
        };
        assert_eq!((encrypted, signed), wanted);
        assert_eq!(compressed, sfid.compression);
    }
}
