//! Signatures of receipts that openssl made.

use envelope::receipt::{self, ReceiptSignatureError, Verified};
use envelope::{SignatureError, Suite};

use crate::bench::{Bench, octets};

#[test]
fn verifies_receipts_with_the_fields_inside_and_detached_with_every_suite() {
    let Some(bench) = Bench::get() else { return };
    let fields = octets(119 + 32);
    let other = octets(94 + 32);
    let signers = [
        bench.stranger.certificate.clone(),
        bench.partner.certificate.clone(),
    ];
    for suite in Suite::ALL {
        if suite.oaep().is_some() && suite.hash == crypto::Hash::Sha3_512 {
            continue;
        }
        for (detached, more) in [
            (false, vec![]),
            (false, vec!["-nocerts", "-noattr"]),
            (true, vec!["-nocerts"]),
            (true, vec!["-noattr"]),
        ] {
            let name = format!("receipt-{}-{detached}-{}", suite.number, more.len());
            let signature = if detached {
                bench.sign_detached(&name, &fields, *suite, &more)
            } else {
                bench.sign(&name, &fields, *suite, &more)
            };
            let verify = |content: &[&[u8]]| receipt::verify(&signature, content, &signers);
            assert_eq!(
                verify(&[&other, &fields]).unwrap(),
                Verified {
                    signer: 1,
                    candidate: 1,
                    detached
                },
                "{name}"
            );
            let wrong = verify(&[&other]).unwrap_err();
            match wrong {
                ReceiptSignatureError::ContentDiffers { embedded } if !detached => {
                    assert_eq!(embedded, fields, "{name}");
                }
                ReceiptSignatureError::Signature(
                    SignatureError::Digest(_) | SignatureError::Invalid(_),
                ) if detached => {}
                wrong => panic!("{name}: {wrong}"),
            }
        }
    }
}

#[test]
fn refuses_receipts_of_somebody_else_and_altered_ones() {
    let Some(bench) = Bench::get() else { return };
    let fields = octets(126);
    let signature = bench.sign("receipt-other", &fields, Suite::DEFAULT, &[]);
    let stranger = [bench.stranger.certificate.clone()];
    let error = receipt::verify(&signature, &[&fields], &stranger).unwrap_err();
    assert!(matches!(
        error,
        ReceiptSignatureError::Signature(SignatureError::OtherSigner { .. })
    ));

    let partner = [bench.partner.certificate.clone()];
    let place = signature
        .windows(126)
        .position(|window| window == fields)
        .unwrap();
    let mut altered = signature.clone();
    altered[place] ^= 1;
    let error = receipt::verify(&altered, &[&altered[place..place + 126]], &partner).unwrap_err();
    assert!(matches!(
        error,
        ReceiptSignatureError::Signature(SignatureError::Digest(_))
    ));

    let mut long = signature.clone();
    long.push(0);
    for broken in [&signature[..signature.len() - 1], &long, &[]] {
        let error = receipt::verify(broken, &[&fields], &partner).unwrap_err();
        assert!(
            matches!(error, ReceiptSignatureError::Unreadable(_)),
            "{error}"
        );
    }
}
