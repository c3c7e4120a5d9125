//! Sessions, logins and tokens that get lost, and are found again.

use std::fs;

use crypto::{Hash, KeyUseError, PrivateKey, Signing};
use token::TokenKey;

use crate::world::{behind, in_token, module};

#[test]
fn logs_in_again_when_somebody_logged_out() {
    in_token("lost::logs_in_again_when_somebody_logged_out", |world| {
        let key = world.generate("object=key", 2048).unwrap();
        for _ in 0..3 {
            assert_eq!(signs(&key), Ok(()));
            let (module, slot) = behind();
            module.open_ro_session(slot).unwrap().logout().unwrap();
        }
        assert_eq!(signs(&key), Ok(()));
    });
}

#[test]
fn starts_the_module_again_when_it_was_ended() {
    in_token("lost::starts_the_module_again_when_it_was_ended", |world| {
        let key = world.generate("object=key", 2048).unwrap();
        let other = world.generate("object=other", 2048).unwrap();
        for _ in 0..3 {
            assert_eq!(signs(&key), Ok(()));
            assert_eq!(signs(&other), Ok(()));
            end_the_module();
        }
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| assert_eq!(signs(&key), Ok(())));
                scope.spawn(|| assert_eq!(signs(&other), Ok(())));
            }
        });
    });
}

#[test]
fn says_that_the_token_is_gone_and_finds_it_when_it_is_back() {
    let name = "lost::says_that_the_token_is_gone_and_finds_it_when_it_is_back";
    in_token(name, |world| {
        let key = world.generate("object=key", 2048).unwrap();
        let kept = world.path("kept");
        let tokens = world.path("tokens");
        fs::rename(&tokens, &kept).unwrap();
        fs::create_dir(&tokens).unwrap();
        end_the_module();
        for _ in 0..2 {
            let error = signs(&key).unwrap_err();
            assert!(matches!(error, KeyUseError::Unreachable(_)), "{error}");
            assert!(error.to_string().contains("no token \"HSM\""), "{error}");
        }
        std::thread::scope(|scope| {
            for _ in 0..12 {
                scope.spawn(|| assert!(signs(&key).is_err()));
            }
        });
        let unwrapped = key.unwrap_pkcs1(&[1; 256], 32);
        assert!(matches!(unwrapped, Err(KeyUseError::Unreachable(_))));
        fs::remove_dir(&tokens).unwrap();
        fs::rename(&kept, &tokens).unwrap();
        end_the_module();
        assert_eq!(signs(&key), Ok(()));
    });
}

#[test]
fn refuses_another_key_under_the_same_name() {
    in_token("lost::refuses_another_key_under_the_same_name", |world| {
        world.import("key", "01");
        let key = world.open("object=key").unwrap();
        assert_eq!(signs(&key), Ok(()));
        for kind in ["privkey", "pubkey"] {
            world.pkcs11_tool(&["--delete-object", "--type", kind, "--label", "key"]);
        }
        world.import("key", "02");
        end_the_module();
        let error = signs(&key).unwrap_err();
        assert!(error.to_string().contains("another key"), "{error}");
        assert_eq!(signs(&world.open("object=key").unwrap()), Ok(()));
    });
}

/// As if another part of the process had ended its work with the module: all sessions are gone,
/// and it looks for its tokens anew.
pub(crate) fn end_the_module() {
    module().finalize().unwrap();
}

fn signs(key: &TokenKey) -> Result<(), KeyUseError> {
    let digest = Hash::Sha256.of(b"content");
    key.sign(Signing::Pkcs1(Hash::Sha256), &digest).map(drop)
}
