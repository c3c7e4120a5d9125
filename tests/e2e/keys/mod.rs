//! Our keys from end to end: made, certified, imported or in a token; then a file comes and goes with
//! them. The CA and the partner are the `openssl` command's.

mod authority;
mod import;
mod request;
mod secret;
mod token;

use std::path::{Path, PathBuf};

use support::cms::{Cms, Services};
use support::compare::{assert_same_octets, content, sha256};
use support::world::Setup;
use support::{Answer, Conversation, Directory, Entry, Offer, Partner, World, directory};

/// What private keys are sealed under in these tests. Chosen so that a search finds it alone.
const MASTER: &str = "M4STER-S3CRET of the keys' tests";

/// Both halves with a master secret and no key; a partner that wants everything secured.
struct Desk {
    world: World,
    theirs: Cms,
}

impl Desk {
    /// None where `openssl` is missing, which is said aloud.
    fn new(test: &str) -> Option<Desk> {
        Desk::with(test, |_| ())
    }

    fn with(test: &str, change: impl FnOnce(&mut Setup)) -> Option<Desk> {
        if !Cms::is_possible(test) {
            return None;
        }
        let theirs = Cms::new("theirs");
        let roles = ["encryption", "file-signing", "receipt-signing"];
        let entry = Entry::usual()
            .with("security", "\"encrypted-and-signed\"")
            .certified(&roles, &theirs.pem());
        let world = World::with(|setup| {
            let secret = setup.folder.join("inner").join("master-secret");
            support::pki::write_private(&secret, MASTER.as_bytes());
            setup.inner.path("keyring.master_secret", &secret);
            setup.directory = Directory::default()
                .station("OURS", directory::OUR_CODE)
                .partner(entry);
            change(setup);
        });
        Some(Desk { world, theirs })
    }

    #[track_caller]
    fn cli(&self, arguments: &[&str]) -> String {
        self.world.inner.cli().ok(arguments)
    }

    #[track_caller]
    fn refused(&self, arguments: &[&str]) -> String {
        self.world.inner.cli().refused(arguments).err
    }

    fn path(&self, name: &str) -> PathBuf {
        self.world.folder().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> String {
        let path = self.path(name);
        support::pki::write_private(&path, content);
        text_of(&path).to_owned()
    }

    /// The certificate of a key as partners get it.
    fn certificate(&self, key: &str) -> PathBuf {
        let path = self.path(&format!("{key}.certificate.pem"));
        let to = [
            "key",
            "export",
            key,
            "--certificate",
            "--to",
            text_of(&path),
        ];
        self.cli(&to);
        path
    }

    /// A file comes that is encrypted for the certificate; it is delivered, and its receipt is signed with it.
    fn receives(&self, name: &str, ours: &Path) {
        self.receives_signing(name, ours, ours);
    }

    /// The same with a receipt that another certificate verifies.
    fn receives_signing(&self, name: &str, ours: &Path, signer: &Path) {
        let clear = content(7, 30_000);
        let transmitted = self.theirs.secure(&clear, Services::PROTECTED, ours);
        let offer = Offer::new(name, transmitted.clone());
        let mut offer = Services::PROTECTED.announce(offer, clear.len());
        offer.sfid.signed_receipt = true;
        let before = self.world.inner.delivered(directory::PARTNER).len();
        let mut conversation = self.call();
        let answer = conversation.send(offer).expect("an answer");
        assert!(matches!(answer, Answer::Stored { .. }), "{answer:?}");
        conversation.finish().expect("a normal end");
        let inner = &self.world.inner;
        let files = inner.wait_for_delivered(directory::PARTNER, before + 1);
        let file = files
            .iter()
            .find(|file| text_of(&file.path).contains(name))
            .expect("it is there");
        assert_same_octets(name, &clear, &file.content());

        let mut receipts = conversation.receipts;
        if receipts.is_empty() {
            let mut later = self.call();
            later.finish().expect("a normal end");
            receipts = later.receipts;
        }
        let [eerp] = &receipts[..] else {
            panic!("one receipt: {receipts:?}");
        };
        assert_eq!(eerp.hash, sha256(&transmitted));
        let inside = self.theirs.verify(&eerp.signature, signer);
        assert_eq!(inside, eerp.signed_content());
    }

    /// A file goes out that the partner opens, and whose signature the certificate verifies.
    fn sends(&self, name: &str, ours: &Path) {
        let clear = content(8, 30_000);
        let path = self.path(name);
        std::fs::write(&path, &clear).expect("the folder is ours");
        let inner = &self.world.inner;
        let id = inner.send(directory::PARTNER, &path, Some(name));
        inner.wait_for_state(&id, "queued");
        let mut conversation = self.call();
        conversation.give_turn().expect("the turn given");
        conversation.listen().expect("the file comes");
        let file = conversation.received.pop().expect("one file");
        let opened = self.theirs.open(&file.content, Services::PROTECTED, ours);
        assert_same_octets(name, &clear, &opened);
        conversation.send_receipt(&file.id()).expect("it is taken");
        conversation.finish().expect("a normal end");
        inner.wait_for_state(&id, "acknowledged");
    }

    fn call(&self) -> Conversation {
        let partner = Partner::of(&self.world);
        let mut conversation = partner.connect(self.world.public()).expect("TLS");
        conversation.open().expect("an open session");
        conversation
    }

    /// Nothing that was said or stored shows the secret.
    #[track_caller]
    fn never_tells(&self, secret: &str) {
        let logs = self.world.all_logs();
        assert!(!logs.contains(secret), "it is in a log: {secret}");
        let store = self.world.inner.store();
        for name in ["journal.sqlite", "journal.sqlite-wal"] {
            let octets = std::fs::read(store.join(name)).unwrap_or_default();
            let mut places = octets.windows(secret.len());
            assert!(
                !places.any(|place| place == secret.as_bytes()),
                "it is in {name}: {secret}"
            );
        }
    }
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}
