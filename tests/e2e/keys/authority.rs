//! A CA with an intermediate, as the `openssl` command has it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Root and intermediate, and what they issued.
pub(super) struct Authority {
    folder: TempDir,
}

impl Authority {
    pub(super) fn new() -> Authority {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let authority = Authority { folder };
        let path = |name: &str| authority.path(name);
        let config = "[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n\
                      [d]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\n\
                      policy=p\ncopy_extensions=copyall\nunique_subject=no\nrand_serial=yes\n\
                      [p]\ncommonName=supplied\norganizationName=optional\ncountryName=optional\n\
                      serialNumber=optional\n";
        std::fs::write(path("ca.conf"), config).expect("the folder is ours");
        std::fs::write(path("index"), "").expect("the folder is ours");
        authority.openssl(
            "req -x509 -newkey rsa:2048 -noenc -days 900 -subj /CN=Root -keyout root.key -out root.pem",
        );
        authority.openssl(
            "req -newkey rsa:2048 -noenc -subj /CN=Middle -keyout middle.key -out middle.csr",
        );
        authority.openssl(
            "x509 -req -in middle.csr -CA root.pem -CAkey root.key -set_serial 2 -days 800 \
             -extfile ca.conf -extensions ca -out middle.pem",
        );
        authority
    }

    /// The certificate for a request, PEM, valid in that time (`20300101000000Z`).
    pub(super) fn certify(&self, request: &Path, name: &str, from: &str, until: &str) -> PathBuf {
        let request = super::text_of(request);
        self.openssl(&format!(
            "ca -batch -notext -config ca.conf -name d -cert middle.pem -keyfile middle.key \
             -startdate {from} -enddate {until} -in {request} -out {name}.pem"
        ));
        self.path(&format!("{name}.pem"))
    }

    /// The same as CAs answer: PKCS#7 with the chain, the root first.
    pub(super) fn bundle(&self, name: &str) -> PathBuf {
        self.openssl(&format!(
            "crl2pkcs7 -nocrl -certfile root.pem -certfile middle.pem -certfile {name}.pem \
             -outform DER -out {name}.p7b"
        ));
        self.path(&format!("{name}.p7b"))
    }

    /// The same as PEM, in an order of its own.
    pub(super) fn jumbled(&self, name: &str) -> PathBuf {
        let pem = ["root", name, "middle"]
            .map(|one| std::fs::read(self.path(&format!("{one}.pem"))).expect("it was made"))
            .concat();
        let path = self.path(&format!("{name}.jumbled.pem"));
        std::fs::write(&path, pem).expect("the folder is ours");
        path
    }

    /// Runs `openssl` in its folder; words are told apart by blanks.
    pub(super) fn openssl(&self, words: &str) {
        let ran = Command::new("openssl")
            .args(words.split_whitespace())
            .current_dir(self.folder.path())
            .output()
            .expect("openssl runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "openssl {words}: {said}");
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}
