//! File security from end to end (RFC 5024 section 6): both real halves, and a partner whose
//! cryptography is the `openssl` command's.

mod evidence;
mod failures;
mod houses;
mod incoming;
mod killed;
#[cfg(target_os = "linux")]
mod memory;
mod outgoing;
mod policy;
mod receipts;
mod restart;
mod rollover;
mod two_houses;

use std::path::Path;

use oftp::Eerp;
use support::cms::{Cms, Services};
use support::world::Setup;
use support::{Answer, Conversation, Directory, Entry, Incoming, Offer, Partner, World, directory};

/// Both halves, our keys and those of the partner.
struct Secured {
    world: World,
    ours: Cms,
    theirs: Cms,
}

impl Secured {
    /// A world whose partner has these terms besides its certificates; none where `openssl` is
    /// missing, which is said aloud.
    fn new(test: &str, terms: &[(&str, &str)]) -> Option<Secured> {
        if !Cms::is_possible(test) {
            return None;
        }
        let (ours, theirs) = (Cms::new("ours"), Cms::new("theirs"));
        let mut entry = Entry::usual();
        for (key, value) in terms {
            entry = entry.with(key, value);
        }
        let entry = entry.certified(
            &["encryption", "file-signing", "receipt-signing"],
            &theirs.pem(),
        );
        let world = World::with(|setup| {
            with_master_secret(setup);
            setup.directory = Directory::default()
                .station("OURS", directory::OUR_CODE)
                .partner(entry);
        });
        let secured = Secured {
            world,
            ours,
            theirs,
        };
        secured.take_up("FIRST", &secured.ours);
        secured.use_key("FIRST", "current");
        Some(secured)
    }

    /// Gives the inner half a key.
    fn take_up(&self, name: &str, key: &Cms) {
        take_up(&self.world, name, key);
    }

    /// Has our station use a key for all that files need.
    fn use_key(&self, name: &str, slot: &str) {
        let roles = ["encryption", "file-signing", "receipt-signing"];
        use_key(&self.world, name, "OURS", &roles, slot);
    }

    #[track_caller]
    fn cli(&self, arguments: &[&str]) -> String {
        self.world.inner.cli().ok(arguments)
    }

    /// An open session as the caller.
    fn call(&self) -> Conversation {
        call(&self.world, Partner::of(&self.world))
    }

    /// A file of the partner for us.
    fn offer(&self, name: &str, content: &[u8], services: Services) -> Offer {
        self.offer_of(name, content, services).0
    }

    /// The same, and its octets as they are transmitted.
    fn offer_of(&self, name: &str, content: &[u8], services: Services) -> (Offer, Vec<u8>) {
        let secured = self
            .theirs
            .secure(content, services, &self.ours.certificate());
        let offer = Offer::new(name, secured.clone());
        (services.announce(offer, content.len()), secured)
    }

    /// Hands a file of the partner over in a session of its own.
    #[track_caller]
    fn hand_over(&self, offer: Offer) -> Answer {
        let mut conversation = self.call();
        let answer = conversation.send(offer).expect("an answer");
        conversation.finish().expect("a normal end");
        answer
    }

    /// Has us send a file, and gives the transfer's identifier.
    fn send(&self, name: &str, content: &[u8]) -> String {
        let path = self.world.folder().join(name);
        std::fs::write(&path, content).expect("the folder is ours");
        self.world.inner.send(directory::PARTNER, &path, Some(name))
    }

    /// Calls until a file has come; the session waits for its end.
    fn fetch(&self, id: &str) -> (Conversation, Incoming) {
        self.world.inner.wait_for_state(id, "queued");
        let mut conversation = self.call();
        conversation.give_turn().expect("the turn given");
        conversation.listen().expect("the file comes");
        let mut file = conversation.received.pop().expect("one file");
        file.confirmed = true;
        (conversation, file)
    }

    /// What is in a file of ours.
    fn opened(&self, file: &Incoming, services: Services) -> Vec<u8> {
        self.theirs
            .open(&file.content, services, &self.ours.certificate())
    }

    /// The partner's signed receipt for a file of ours.
    fn receipt(&self, file: &Incoming) -> Eerp {
        let mut eerp = Eerp::unsigned(&file.id());
        eerp.hash = support::compare::sha256(&file.content);
        eerp.signature = self.theirs.sign_receipt(&eerp.signed_content(), false);
        eerp
    }
}

/// Keys can be kept.
fn with_master_secret(setup: &mut Setup) {
    let secret = setup.folder.join("inner").join("master-secret");
    support::pki::write_private(&secret, b"correct horse battery staple\n");
    setup.inner.path("keyring.master_secret", &secret);
}

/// Gives an inner half a key.
fn take_up(world: &World, name: &str, key: &Cms) {
    let both = world.folder().join(format!("{name}.pem"));
    let content = [key.key(), key.certificate()]
        .map(|path| std::fs::read(path).expect("it was made"))
        .concat();
    support::pki::write_private(&both, &content);
    let import = ["key", "import", name, text_of(&both)];
    world.inner.cli().ok(&import);
}

/// Has a station use a key.
fn use_key(world: &World, name: &str, station: &str, roles: &[&str], slot: &str) {
    for role in roles {
        let to = ["--station", station, "--role", role, "--slot", slot];
        let arguments = [&["key", "use", name][..], &to].concat();
        world.inner.cli().ok(&arguments);
    }
}

fn call(world: &World, partner: Partner) -> Conversation {
    let mut conversation = partner.connect(world.public()).expect("TLS");
    conversation.open().expect("an open session");
    conversation
}

/// A session in which the partner has nothing for us: what we owe it comes.
fn receipts(world: &World) -> Conversation {
    let mut conversation = call(world, Partner::of(world));
    conversation.finish().expect("a normal end");
    conversation
}

/// Waits until the file of this name has ended on our side, and gives its transfer.
fn ended(world: &World, name: &str, state: &str) -> serde_json::Value {
    world.inner.half.logs.until("the file to end", || {
        world
            .inner
            .transfers(&["--state", state])
            .into_iter()
            .find(|transfer| transfer.to_string().contains(name))
    })
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}
