//! A folder with tokens, the commands that fill it, and a module of our own to look behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crypto::SoftwareKey;
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::slot::Slot;
use token::{Token, TokenError, TokenKey, TokenUri};
use zeroize::Zeroizing;

pub(crate) const PIN: &str = "4711-08-15";
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

const FOLDER: &str = "TOKEN_TEST_FOLDER";

/// Runs the test of that name in a process of its own, with one token, "HSM".
pub(crate) fn in_token(name: &str, test: impl FnOnce(&World)) {
    in_limited_token(name, "ALL", test);
}

/// The same with a token that offers only some mechanisms, as SoftHSM's configuration has it.
pub(crate) fn in_limited_token(name: &str, mechanisms: &str, test: impl FnOnce(&World)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        let world = World {
            folder: folder.into(),
        };
        world.make_token("HSM");
        test(&world);
        return;
    }
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    fs::create_dir(&tokens).unwrap();
    let configuration = folder.path().join("softhsm2.conf");
    let text = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n\
         slots.mechanisms = {mechanisms}\n",
        tokens.display()
    );
    fs::write(&configuration, text).unwrap();
    let ran = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env("SOFTHSM2_CONF", &configuration)
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    let complained = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}\n{complained}");
    assert!(said.contains("1 passed"), "no test {name}: {said}");
}

#[expect(clippy::print_stderr, reason = "a test that was skipped says so")]
fn is_here() -> bool {
    let tool = |name: &str| Command::new(name).arg("--version").output().is_ok();
    let here = Path::new(MODULE).exists()
        && tool("softhsm2-util")
        && tool("pkcs11-tool")
        && Command::new("openssl").arg("version").output().is_ok();
    if !here {
        eprintln!("SKIPPED: SoftHSM, pkcs11-tool and openssl are not all here to test tokens with");
    }
    here
}

pub(crate) struct World {
    folder: PathBuf,
}

impl World {
    pub(crate) fn make_token(&self, label: &str) {
        self.run(
            "softhsm2-util",
            &[
                "--init-token",
                "--free",
                "--label",
                label,
                "--pin",
                PIN,
                "--so-pin",
                "12345678",
            ],
        );
    }

    /// A key made outside and put into the token, and the same key in memory.
    pub(crate) fn import(&self, label: &str, id: &str) -> SoftwareKey {
        let (pem, key) = self.make_key(label, id);
        self.run(
            "softhsm2-util",
            &[
                "--import", &pem, "--token", "HSM", "--label", label, "--id", id, "--pin", PIN,
            ],
        );
        key
    }

    fn make_key(&self, label: &str, id: &str) -> (String, SoftwareKey) {
        let pem = format!("{label}-{id}.pem");
        self.run(
            "openssl",
            &["genpkey", "-quiet", "-algorithm", "RSA", "-out", &pem],
        );
        self.run(
            "openssl",
            &[
                "pkcs8", "-topk8", "-nocrypt", "-in", &pem, "-outform", "DER", "-out", "key.der",
            ],
        );
        let pkcs8 = fs::read(self.path("key.der")).unwrap();
        (pem, SoftwareKey::from_pkcs8(&pkcs8).unwrap())
    }

    /// A self-signed certificate for the imported key, put into the token under another name.
    pub(crate) fn certify(&self, label: &str, id: &str, as_label: &str) -> Vec<u8> {
        let pem = format!("{label}-{id}.pem");
        let subject = format!("/CN={as_label}");
        self.run(
            "openssl",
            &[
                "req",
                "-x509",
                "-new",
                "-key",
                &pem,
                "-subj",
                &subject,
                "-outform",
                "DER",
                "-out",
                "certificate.der",
            ],
        );
        self.pkcs11_tool(&[
            "--write-object",
            "certificate.der",
            "--type",
            "cert",
            "--label",
            as_label,
        ]);
        fs::read(self.path("certificate.der")).unwrap()
    }

    pub(crate) fn pkcs11_tool(&self, arguments: &[&str]) {
        let mut all = vec![
            "--module",
            MODULE,
            "--token-label",
            "HSM",
            "--login",
            "--pin",
            PIN,
        ];
        all.extend(arguments);
        self.run("pkcs11-tool", &all);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn open(&self, key: &str) -> Result<TokenKey, TokenError> {
        Token::open(&uri(key), Some(Zeroizing::new(PIN.to_owned())))
    }

    pub(crate) fn generate(&self, key: &str, bits: usize) -> Result<TokenKey, TokenError> {
        Token::generate(&uri(key), Some(Zeroizing::new(PIN.to_owned())), bits)
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let ran = Command::new(program)
            .args(arguments)
            .current_dir(&self.folder)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{program} {arguments:?}: {said}");
    }
}

/// Of a key in the token "HSM": `object=..`, `id=..`.
pub(crate) fn uri(key: &str) -> TokenUri {
    format!("pkcs11:token=HSM;{key}?module-path={MODULE}")
        .parse()
        .unwrap()
}

/// The same library as the crate under test has loaded, so the same state of it.
pub(crate) fn module() -> Pkcs11 {
    let module = Pkcs11::new(MODULE).unwrap();
    // Most often it is at work already.
    let _ = module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
    module
}

/// And the slot of the token in it.
pub(crate) fn behind() -> (Pkcs11, Slot) {
    let module = module();
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    (module, slot)
}
