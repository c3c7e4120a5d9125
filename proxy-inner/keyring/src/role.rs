//! What a key or a certificate is used for.

use std::fmt;

/// One use of a key pair in OFTP2: TLS twice, and the four uses RFC 5024 has for certificates
/// (§6.2 to §6.4, §5.3.22). One certificate may serve several of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Shown in the TLS handshake to whoever dials its owner.
    TlsServer,
    /// Shown in the TLS handshake to whom its owner dials.
    TlsClient,
    /// Files to its owner are encrypted for it.
    Encryption,
    /// Files from its owner are signed with it.
    FileSigning,
    /// Receipts (EERP, NERP) from its owner are signed with it.
    ReceiptSigning,
    /// Session challenges (AUCH) to its owner are encrypted for it.
    Authentication,
}

impl Role {
    /// Every role, in the order they are shown.
    pub const ALL: [Role; 6] = [
        Role::TlsServer,
        Role::TlsClient,
        Role::Encryption,
        Role::FileSigning,
        Role::ReceiptSigning,
        Role::Authentication,
    ];

    /// The word for it, in commands, in apply files and in the store.
    pub const fn word(self) -> &'static str {
        match self {
            Role::TlsServer => "tls-server",
            Role::TlsClient => "tls-client",
            Role::Encryption => "encryption",
            Role::FileSigning => "file-signing",
            Role::ReceiptSigning => "receipt-signing",
            Role::Authentication => "authentication",
        }
    }

    /// The role of a word; `None` when there is none of that name.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.word() == word)
    }

    /// What it is for: a sentence without its full stop, about a certificate and its owner.
    pub const fn sentence(self) -> &'static str {
        match self {
            Role::TlsServer => "shown in the TLS handshake to partners that dial its owner",
            Role::TlsClient => "shown in the TLS handshake to partners its owner dials",
            Role::Encryption => "files to its owner are encrypted for it",
            Role::FileSigning => "files from its owner are signed with it",
            Role::ReceiptSigning => "receipts from its owner are signed with it",
            Role::Authentication => {
                "proves its owner at the start of a session (the challenge is encrypted for it)"
            }
        }
    }

    /// What no longer works once it has ended and no other is in its place: a sentence without
    /// its full stop.
    pub const fn breaks(self) -> &'static str {
        match self {
            Role::TlsServer => {
                "partners that dial its owner break off the TLS handshake, so nothing comes in from them"
            }
            Role::TlsClient => {
                "partners that ask for a client certificate refuse the connections its owner dials"
            }
            Role::Encryption => {
                "files to its owner cannot be encrypted any more: they are held, not sent in clear"
            }
            Role::FileSigning => {
                "files its owner signs are refused for their signature by whoever checks it"
            }
            Role::ReceiptSigning => {
                "receipts its owner signs are not believed, so files delivered to it stay unconfirmed"
            }
            Role::Authentication => {
                "sessions with secure authentication end before the first file (ESID reason 11)"
            }
        }
    }

    /// Whether its owner signs with it (in TLS, over files or over receipts).
    pub const fn signs(self) -> bool {
        !self.deciphers()
    }

    /// Whether its owner deciphers content keys or challenges with it.
    pub const fn deciphers(self) -> bool {
        matches!(self, Role::Encryption | Role::Authentication)
    }

    /// Whether it is used in TLS rather than inside OFTP2. Only there a key may be other than RSA.
    pub const fn is_tls(self) -> bool {
        matches!(self, Role::TlsServer | Role::TlsClient)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_a_word_of_its_own_that_leads_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.word()), Some(role));
            assert!(!role.sentence().ends_with('.') && !role.breaks().ends_with('.'));
        }
        assert_eq!(Role::from_word("signing"), None);
        assert_eq!(Role::from_word("Encryption"), None);
    }
}
