//! Keys that never leave their PKCS#11 token (SoftHSM 2, in a folder of the test's own).

use std::path::Path;
use std::process::Command;

use support::say;

use super::Desk;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "4711-08-15";

/// Makes an empty token; the configuration of SoftHSM that has it. None, said aloud, without SoftHSM.
fn token(folder: &Path) -> Option<String> {
    let there = Command::new("softhsm2-util")
        .arg("--version")
        .output()
        .is_ok();
    if !there || !Path::new(MODULE).exists() {
        say("SKIPPED: SoftHSM 2 is missing, so no key is tried in a token");
        return None;
    }
    let tokens = folder.join("tokens");
    std::fs::create_dir(&tokens).expect("the folder is ours");
    let config = folder.join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        tokens.display()
    );
    std::fs::write(&config, text).expect("the folder is ours");
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "OFTP"])
        .args(["--pin", PIN, "--so-pin", "12345678"])
        .env("SOFTHSM2_CONF", &config)
        .output()
        .expect("it runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    Some(format!("SOFTHSM2_CONF={}", config.display()))
}

#[test]
fn a_key_in_a_token_opens_and_signs_files_and_signs_receipts() {
    let Some(mut desk) = Desk::with("a key in a token", |setup| {
        let pin = setup.folder.join("inner").join("token-pin");
        support::pki::write_private(&pin, PIN.as_bytes());
        setup.inner.path("keyring.token_pin", &pin);
    }) else {
        return;
    };
    let Some(config) = token(desk.world.folder()) else {
        return;
    };
    desk.world.inner.half.terminate();
    desk.world.inner.half.launch_through(&["env", &config]);
    desk.world.start_inner();

    let uri = format!("pkcs11:token=OFTP;object=OURS?module-path={MODULE}");
    // What cannot become a certificate leaves nothing in the token.
    let create = [
        "key",
        "create",
        "HSM",
        "--station",
        "OURS",
        "--kind",
        "rsa-2048",
    ];
    let create = [&create[..], &["--self-signed", "--token", &uri]].concat();
    let country = desk.refused(&[&create[..], &["--country", "Germany"]].concat());
    assert!(country.contains("two letters"), "{country}");
    let name = create
        .iter()
        .map(|&word| if word == "HSM" { "hsm" } else { word });
    let name = desk.refused(&name.collect::<Vec<_>>());
    assert!(name.contains("A-Z 0-9 _ -"), "{name}");

    let made = desk.cli(&create);
    assert!(made.contains("in the token"), "{made}");
    desk.cli(&["key", "use", "HSM", "--station", "OURS"]);
    let export = [
        "key",
        "export",
        "HSM",
        "--to",
        "never",
        "--passphrase-file",
        "/dev/null",
    ];
    desk.refused(&export);
    let ours = desk.certificate("HSM");
    desk.receives("FIRST", &ours);
    desk.sends("SECOND", &ours);

    // At the next start it is found again.
    desk.world.inner.half.terminate();
    desk.world.start_inner();
    desk.receives("THIRD", &ours);
    desk.never_tells(PIN);
}
