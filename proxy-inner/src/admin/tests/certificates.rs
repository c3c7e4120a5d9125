//! Certificates of partners by command: added, explained, promoted, removed.

use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose};

use super::*;

/// One RSA key for all tests: making one takes long.
fn rsa() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap())
}

/// A self-signed RSA certificate under that name, good for what it says.
pub(super) fn certificate(name: &str, usages: &[KeyUsagePurpose]) -> rcgen::Certificate {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = usages.to_vec();
    params.self_signed(rsa()).unwrap()
}

fn pem_file(world: &World, name: &str) -> PathBuf {
    let pem = certificate(name, &[]).pem();
    world.file(&format!("{name}.pem"), pem.as_bytes())
}

/// Roles and slot of each certificate of ACME, with the common name in it.
fn held(world: &World) -> Vec<String> {
    let list = world.json("cert list ACME --json");
    let told = |one: &serde_json::Value| {
        let roles: Vec<_> = one["roles"].as_array().unwrap().iter().collect();
        format!(
            "{} {} of {}",
            one["slot"].as_str().unwrap(),
            one["certificate"]["subject"].as_str().unwrap(),
            roles.len()
        )
    };
    list.as_array().unwrap().iter().map(told).collect()
}

#[test]
fn a_certificate_goes_from_next_to_current_to_previous() {
    let world = World::with_partner();
    assert!(world.ok("cert list").contains("proxy-inner cert add"));
    let (first, second, third) = (
        pem_file(&world, "FIRST"),
        pem_file(&world, "SECOND"),
        pem_file(&world, "THIRD"),
    );
    let told = world.ok(&format!("cert add ACME {}", first.display()));
    for part in [
        "Certificate of ACME for encryption, file-signing, receipt-signing, authentication (current): \
         is there now\n",
        "CN=FIRST",
        "fingerprint     sha256:",
        "Fingerprint (SHA-256), to compare on the phone:\n",
        "SHA-1, for older products: sha1:",
        "Read it to somebody you know at ACME. If theirs differs, take it back:\n  \
         proxy-inner cert remove ACME --slot current\n",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    world.ok(&format!("cert add ACME --slot next {}", second.display()));
    assert_eq!(
        held(&world),
        ["current CN=FIRST of 4", "next CN=SECOND of 4"]
    );

    let told = world.ok("cert promote ACME --role encryption --role file-signing");
    assert!(
        told.starts_with(
            "Certificate of ACME for encryption, file-signing (current): is in use now\n"
        ),
        "{told}"
    );
    world.ok("cert promote ACME");
    assert_eq!(
        held(&world),
        ["current CN=SECOND of 4", "previous CN=FIRST of 4"]
    );
    let refused = world.refused("cert promote ACME");
    assert!(
        refused.contains("no next certificate; add one with `cert add ACME FILE --slot next`"),
        "{refused}"
    );
    world.ok(&format!(
        "cert add ACME --role encryption --slot next {}",
        third.display()
    ));
    world.ok("cert promote ACME --role encryption");
    assert_eq!(
        held(&world),
        [
            "current CN=THIRD of 1",
            "current CN=SECOND of 3",
            "previous CN=SECOND of 1",
            "previous CN=FIRST of 3",
        ]
    );
    let told = world.ok("cert remove ACME --slot previous");
    assert_eq!(told.matches("(previous): removed").count(), 2, "{told}");
    let refused = world.refused("cert remove ACME --slot previous");
    assert!(refused.contains("`cert list ACME`"), "{refused}");
    let refused = world.refused("cert remove ACME --slot next --role encryption");
    assert_eq!(
        refused,
        "partner ACME: it has no next certificate for encryption; there is nothing to remove"
    );
}

#[test]
fn explains_a_certificate_in_words() {
    let world = World::with_partner();
    let file = pem_file(&world, "FIRST");
    world.ok(&format!("cert add ACME {}", file.display()));
    let text = world.ok("cert show ACME --role encryption");
    for part in [
        "Certificate of ACME for encryption (current)\n",
        "This is the certificate of FIRST",
        "RSA, 2048 bits",
        "It is self-signed",
        "to compare with its owner on the phone:",
        "SHA-1, for older products: sha1:",
        "receipts from its owner are signed with it",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        world
            .refused("cert show ACME --slot next")
            .contains("no such certificate")
    );
    let list = world.ok("cert list");
    assert!(
        list.starts_with("PARTNER  SLOT     ROLES") && list.contains("CN=FIRST"),
        "{list}"
    );
}

#[test]
fn shows_certificates_as_json_with_keys_that_stay() {
    let world = World::with_partner();
    let file = pem_file(&world, "FIRST");
    let added = world.json(&format!("cert add ACME --json {}", file.display()));
    let mut keys: Vec<_> = added.as_object().unwrap().keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["certificates", "notes"]);
    let shown = world.json("cert show ACME --json");
    assert_eq!(shown, added["certificates"]);
    assert_eq!(world.json("cert list --json"), shown);
    let one = shown.as_array().unwrap()[0].as_object().unwrap();
    let mut keys: Vec<_> = one.keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(
        keys.join(" "),
        "certificate explanation fingerprint_sha1 key partner pem phone problems roles slot"
    );
    let mut keys: Vec<_> = one["certificate"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    keys.sort_unstable();
    assert_eq!(
        keys.join(" "),
        "days_left fingerprint issuer names not_after not_before odette_id serial subject"
    );
    assert_eq!(one["key"], "RSA, 2048 bits");
    assert_eq!(
        one["pem"],
        std::fs::read_to_string(file).unwrap().replace('\r', "")
    );
    let sha1 = one["fingerprint_sha1"].as_str().unwrap();
    assert!(sha1.starts_with("sha1:") && sha1.len() == 45, "{sha1}");
    let fingerprint = one["certificate"]["fingerprint"].as_str().unwrap();
    let digits = fingerprint.strip_prefix("sha256:").unwrap();
    assert_eq!(digits.len(), 64);
    let phone = one["phone"].as_str().unwrap().to_lowercase();
    for group in [&digits[..4], &digits[60..]] {
        assert!(phone.contains(group), "{phone}");
    }
}

#[test]
fn refuses_what_is_no_certificate_for_a_partner_with_a_sentence() {
    let world = World::with_partner();
    let curve = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let params = CertificateParams::new(vec!["oftp.acme.example".to_owned()]).unwrap();
    let curve = params.self_signed(&curve).unwrap().pem();
    let two = certificate("FIRST", &[]).pem() + &certificate("SECOND", &[]).pem();
    let key = rsa().serialize_pem();
    for (name, text, part) in [
        ("curve", curve.as_str(), "RSA"),
        ("key", &key, "private key"),
        ("junk", "junk", "wanted"),
        (
            "two",
            &two,
            "2 certificates that do not follow from each other",
        ),
    ] {
        let file = world.file(name, text.as_bytes());
        let refused = world.refused(&format!("cert add ACME {}", file.display()));
        assert!(refused.contains(part), "{name}: {refused}");
    }
    let good = pem_file(&world, "FIRST");
    let refused = world.refused(&format!("cert add NOBODY {}", good.display()));
    assert!(refused.contains("no partner named \"NOBODY\""), "{refused}");
    for line in [
        "cert list NOBODY",
        "cert show NOBODY",
        "cert promote NOBODY",
    ] {
        let refused = world.refused(line);
        assert!(refused.contains("NOBODY"), "{line}: {refused}");
    }
    let refused = world.refused("cert add ACME /no/such.pem");
    assert!(
        refused.contains("/no/such.pem: cannot be read"),
        "{refused}"
    );
    assert!(held(&world).is_empty());
    let logged = log().text();
    let secret = key.lines().nth(3).unwrap();
    assert!(!logged.contains(secret), "a private key is in the log");
}

#[test]
fn a_place_that_is_taken_is_given_away_only_when_told_so() {
    let world = World::with_partner();
    let (first, second) = (pem_file(&world, "FIRST"), pem_file(&world, "SECOND"));
    world.ok(&format!("cert add ACME {}", first.display()));
    world.ok(&format!("cert add ACME {}", first.display()));
    let line = format!("cert add ACME --role encryption {}", second.display());
    let refused = world.refused(&line);
    assert_eq!(
        refused,
        "partner ACME has another current certificate for encryption; give --slot next to let it \
         follow that one, or --replace to drop that one"
    );
    world.ok(&format!("{line} --replace"));
    assert_eq!(
        held(&world),
        ["current CN=SECOND of 1", "current CN=FIRST of 3"]
    );
}

/// What we give out can be taken in; that it is ours and not the partner's is said.
#[test]
fn asks_about_a_certificate_of_another_odette_id() {
    let world = World::with_partner();
    world.ok("key create OWN --station US --kind rsa-2048 --self-signed");
    let pem = world.ok("key export OWN --certificate");
    let file = world.file("own.pem", pem.as_bytes());
    let told = world.ok(&format!("cert add ACME {}", file.display()));
    assert!(told.contains("carries the Odette ID"), "{told}");
    let unnamed = pem_file(&world, "UNNAMED");
    let told = world.ok(&format!("cert add ACME {} --slot next", unnamed.display()));
    assert!(!told.contains("carries the Odette ID"), "{told}");
}

#[test]
fn takes_a_certificate_for_what_it_says_it_is_for() {
    let world = World::with_partner();
    let pem = certificate("SIGNS", &[KeyUsagePurpose::DigitalSignature]).pem();
    let file = world.file("signs.pem", pem.as_bytes());
    let told = world.ok(&format!("cert add ACME {}", file.display()));
    assert!(
        told.contains("for file-signing, receipt-signing (current)")
            && told.contains("Note: it says that it is not for encryption\n")
            && told.contains("Note: it says that it is not for authentication\n"),
        "{told}"
    );
    let line = format!("cert add ACME --role encryption {}", file.display());
    let refused = world.refused(&line);
    assert!(
        refused.contains("does not fit encryption; --force takes it all the same:\n")
            && refused.contains("key usage"),
        "{refused}"
    );
    let told = world.ok(&format!("{line} --force"));
    assert!(told.contains("Note: Its key usage"), "{told}");
    let shown = world.ok("cert show ACME --role encryption");
    assert!(shown.contains("PROBLEM: Its key usage"), "{shown}");
}

#[test]
fn a_certificate_the_terms_need_stays() {
    let world = World::with_partner();
    let file = pem_file(&world, "FIRST");
    let line = format!(
        "partner add ACME --code O0013000002ACME --station US --password-sent-file - \
         --password-expected-file - --security encrypted-and-signed --signed-receipts \
         --role-certificate all={}",
        file.display()
    );
    world.run(&line, b"a\nb\n").1.unwrap();
    let refused = world.refused("cert remove ACME --slot current");
    assert_eq!(refused.lines().count(), 2, "{refused}");
    assert!(
        refused.contains("partner ACME: security: found \"encrypted-and-signed\" without"),
        "{refused}"
    );
    world.ok("cert remove ACME --slot current --role authentication");
    assert_eq!(held(&world), ["current CN=FIRST of 3"]);
}

#[test]
fn takes_a_bundle_with_the_issuers_and_keeps_the_partners_own() {
    let world = World::with_partner();
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.distinguished_name.push(DnType::CommonName, "Test CA");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let own = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "LEAF");
    let leaf = params.signed_by(rsa(), &issuer).unwrap().pem();
    let file = world.file("bundle.pem", format!("{own}{leaf}").as_bytes());
    let told = world.ok(&format!("cert add ACME {}", file.display()));
    assert!(
        told.contains("CN=LEAF")
            && told.contains("Note: 1 certificate(s) of issuers in the file are not kept\n"),
        "{told}"
    );
    assert_eq!(held(&world), ["current CN=LEAF of 4"]);
}
