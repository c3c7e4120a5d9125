//! A key that was made elsewhere.

use support::say;

use super::authority::Authority;
use super::{Desk, text_of};

const PASSPHRASE: &str = "P4SSPHRASE of a file";

#[test]
fn a_pkcs12_file_is_taken_in_and_files_cross_with_it() {
    let Some(desk) = Desk::new("PKCS#12 in use") else {
        return;
    };
    let authority = Authority::new();
    authority.openssl(
        "req -newkey rsa:2048 -noenc -subj /CN=ours/serialNumber=O0013OURS -keyout ours.key -out ours.csr",
    );
    authority.certify(
        &authority.path("ours.csr"),
        "ours",
        "20200101000000Z",
        "20450101000000Z",
    );
    let secret = desk.write("passphrase", PASSPHRASE.as_bytes());
    let wrong = desk.write("wrong", b"another one");
    for (name, how) in [("MODERN", ""), ("OLD", "-legacy")] {
        let file = authority.path(&format!("{name}.p12"));
        let make = format!(
            "pkcs12 -export {how} -inkey ours.key -in ours.pem -certfile middle.pem \
             -passout file:{secret} -out {name}.p12"
        );
        if name == "OLD" && !has_old_algorithms(&authority) {
            say("SKIPPED: this openssl writes no PKCS#12 with RC2 and 3DES");
            continue;
        }
        authority.openssl(&make);
        let import = ["key", "import", name, text_of(&file), "--passphrase-file"];
        let said = desk.refused(&[&import[..], &[&wrong]].concat());
        assert!(said.contains("passphrase does not open"), "{said}");
        let said = desk.refused(&import[..4]);
        assert!(said.contains("--passphrase-file FILE"), "{said}");
        desk.cli(&[&import[..], &[&secret]].concat());
    }
    desk.cli(&["key", "use", "MODERN", "--station", "OURS"]);
    let ours = desk.certificate("MODERN");
    desk.receives("FIRST", &ours);
    desk.sends("SECOND", &ours);
    desk.never_tells("P4SSPHRASE");
}

/// What goes out again protected comes in again, elsewhere.
#[test]
fn an_exported_key_is_a_file_of_its_owner_alone_and_comes_back() {
    let Some(desk) = Desk::new("PKCS#12 out and in") else {
        return;
    };
    let create = [
        "key",
        "create",
        "OURS-1",
        "--station",
        "OURS",
        "--kind",
        "rsa-2048",
    ];
    desk.cli(&[&create[..], &["--self-signed"]].concat());
    let secret = desk.write("passphrase", PASSPHRASE.as_bytes());
    let file = desk.path("out.p12");
    let export = [
        "key",
        "export",
        "OURS-1",
        "--pkcs12",
        "--to",
        text_of(&file),
    ];
    let export = [&export[..], &["--passphrase-file", &secret]].concat();
    let said = desk.cli(&export);
    assert!(said.contains("out.p12"), "{said}");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(&file).expect("it is there").permissions(),
    );
    assert_eq!(mode & 0o7777, 0o600);
    let again = desk.refused(&export);
    assert!(again.contains("not overwritten"), "{again}");

    let import = ["key", "import", "OURS-2", text_of(&file)];
    desk.cli(&[&import[..], &["--passphrase-file", &secret]].concat());
    let fingerprint = |name: &str| {
        let shown = desk.world.inner.cli().json(&["key", "show", name]);
        shown["key"]["certificate"]["fingerprint"].to_string()
    };
    assert_eq!(fingerprint("OURS-1"), fingerprint("OURS-2"));
    desk.never_tells("P4SSPHRASE");
}

fn has_old_algorithms(authority: &Authority) -> bool {
    std::process::Command::new("openssl")
        .args(["list", "-providers", "-provider", "legacy"])
        .current_dir(authority.path("."))
        .output()
        .is_ok_and(|ran| ran.status.success())
}
