//! Tokens, keys and PINs that are not there or not right; the text says what to do.

use token::{Token, TokenError, TokenUri};
use zeroize::Zeroizing;

use crate::world::{MODULE, PIN, in_token, uri};

#[test]
fn says_what_is_there_instead() {
    in_token("refused::says_what_is_there_instead", |world| {
        world.import("there", "01");
        let pin = || Some(Zeroizing::new(PIN.to_owned()));
        let error = world.open("object=gone").unwrap_err();
        assert_eq!(
            error,
            TokenError::NoKey {
                wanted: "\"gone\"".to_owned(),
                found: vec!["\"there\"".to_owned()],
            }
        );
        assert!(world.open("object=there;id=%02").is_err());
        assert!(world.open("object=there;id=%01").is_ok());

        let elsewhere: TokenUri = format!("pkcs11:token=Other;object=there?module-path={MODULE}")
            .parse()
            .unwrap();
        let error = Token::open(&elsewhere, pin()).unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, TokenError::NoToken { .. }), "{text}");
        assert!(
            text.contains("no token \"Other\"") && text.contains("\"HSM\""),
            "{text}"
        );

        let missing: TokenUri = "pkcs11:token=HSM;object=there?module-path=/no/such.so"
            .parse()
            .unwrap();
        let error = Token::open(&missing, pin()).unwrap_err();
        assert!(matches!(error, TokenError::Module { .. }), "{error}");
        let no_module: TokenUri = "pkcs11:token=HSM;object=there?module-path=/etc/hostname"
            .parse()
            .unwrap();
        let error = Token::open(&no_module, pin()).unwrap_err();
        assert!(matches!(error, TokenError::Module { .. }), "{error}");
    });
}

#[test]
fn wants_names_that_tell_apart() {
    in_token("refused::wants_names_that_tell_apart", |world| {
        world.import("twin", "01");
        world.import("twin", "02");
        let error = world.open("object=twin").unwrap_err();
        assert!(
            matches!(error, TokenError::AmbiguousKey { count: 2, .. }),
            "{error}"
        );
        assert!(world.open("object=twin;id=%02").is_ok());
    });
}

#[test]
fn wants_a_serial_number_when_tokens_have_one_name() {
    in_token(
        "refused::wants_a_serial_number_when_tokens_have_one_name",
        |world| {
            world.generate("object=key", 2048).unwrap();
            let serial = crate::world::behind();
            let serial = serial.0.get_token_info(serial.1).unwrap();
            let by_serial: TokenUri = format!(
                "pkcs11:serial={};object=key?module-path={MODULE}",
                serial.serial_number()
            )
            .parse()
            .unwrap();
            let pin = || Some(Zeroizing::new(PIN.to_owned()));
            assert!(Token::open(&by_serial, pin()).is_ok());
            world.make_token("HSM");
            crate::lost::end_the_module();
            let error = Token::open(&uri("object=key"), pin()).unwrap_err();
            assert!(
                matches!(error, TokenError::AmbiguousToken { count: 2, .. }),
                "{error}"
            );
            assert!(Token::open(&by_serial, pin()).is_ok());
        },
    );
}

#[test]
fn a_refused_pin_is_not_tried_again() {
    in_token("refused::a_refused_pin_is_not_tried_again", |world| {
        world.import("key", "01");
        let open = |pin: &str| {
            let pin = Zeroizing::new(pin.to_owned());
            Token::open(&uri("object=key"), Some(pin))
        };
        assert_eq!(open("9999").unwrap_err(), TokenError::PinWrong);
        // Now it would be right, but nobody asks the token.
        world.pkcs11_tool(&["--change-pin", "--new-pin", "9999"]);
        crate::lost::end_the_module();
        assert_eq!(open("9999").unwrap_err(), TokenError::PinWrong);
        assert_eq!(open(PIN).unwrap_err(), TokenError::PinWrong);
    });
}

#[test]
fn says_what_to_take_instead_of_a_key_that_wants_the_pin_each_time() {
    in_token(
        "refused::says_what_to_take_instead_of_a_key_that_wants_the_pin_each_time",
        |world| {
            world.import("made", "01");
            let key = ["--write-object", "made-01.pem", "--type", "privkey"];
            let named = ["--label", "strict", "--id", "02", "--always-auth"];
            world.pkcs11_tool(&[&key[..], &named].concat());
            let error = world.open("object=strict").unwrap_err();
            assert_eq!(error, TokenError::AlwaysAuthenticates);
            assert!(error.to_string().contains("--always-auth"), "{error}");
            assert!(world.open("object=made").is_ok());
        },
    );
}

#[test]
fn says_when_a_pin_is_missing() {
    in_token("refused::says_when_a_pin_is_missing", |world| {
        world.import("key", "01");
        let error = Token::open(&uri("object=key"), None).unwrap_err();
        assert_eq!(error, TokenError::PinMissing);
        assert!(error.to_string().contains("token_pin"));
        assert!(world.open("object=key").is_ok());
    });
}
