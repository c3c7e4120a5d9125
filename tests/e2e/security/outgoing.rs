//! Files that go out secured.

use oftp::{Format, Security};
use support::cms::Services;
use support::compare::{assert_same_octets, content};
use support::directory;

use super::Secured;

/// what goes out is what `openssl` reads, without our certificate inside. R-084,
/// and its SFID says what it is.
#[test]
fn a_file_with_every_combination_of_services_is_opened_by_the_partner() {
    let Some(secured) = Secured::new("outgoing combinations", &[]) else {
        return;
    };
    for (number, services) in Services::every().into_iter().enumerate() {
        let name = format!("OUT{number}");
        let clear = content(number as u64, 40_000 + number);
        let path = secured.world.folder().join(&name);
        std::fs::write(&path, &clear).expect("the folder is ours");
        let security = match services.security {
            Security::None => "none",
            Security::Encrypted => "encrypted",
            Security::Signed => "signed",
            Security::EncryptedAndSigned => "encrypted-and-signed",
        };
        let compress = if services.compression {
            "--compress"
        } else {
            "--no-compress"
        };
        let partner = ["--partner", directory::PARTNER, "--dsn", &name];
        let how = ["--security", security, compress, "--json"];
        let said = secured.cli(&[&["send", super::text_of(&path)][..], &partner, &how].concat());
        let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        let id = support::inside::identifier(&said);

        let (mut conversation, file) = secured.fetch(&id);
        let sfid = &file.sfid;
        assert_eq!(sfid.security, services.security, "{sfid:?}");
        assert_eq!(sfid.compression, services.compression, "{sfid:?}");
        assert!(sfid.envelope, "{sfid:?}");
        assert_eq!(sfid.cipher, services.suite, "{sfid:?}");
        assert_eq!(sfid.original_blocks, 40, "{sfid:?}");
        assert_eq!(sfid.format, Format::Unstructured);
        assert_same_octets(&name, &clear, &secured.opened(&file, services));
        conversation.send_receipt(&file.id()).expect("it is taken");
        conversation.finish().expect("a normal end");
        secured.world.inner.wait_for_state(&id, "acknowledged");
    }
}

/// a V file keeps its format in the SFID, and its records are told by lengths inside.
#[test]
fn a_v_file_goes_out_with_its_records_told_inside() {
    let terms = [
        ("security", "\"encrypted-and-signed\""),
        ("format", "\"V\""),
        ("records", "\"lines\""),
    ];
    let Some(secured) = Secured::new("outgoing records", &terms) else {
        return;
    };
    let id = secured.send("RECORDS", b"first\n\nthe third\n");
    let (_conversation, file) = secured.fetch(&id);
    assert_eq!(file.sfid.format, Format::Variable);
    assert_eq!(file.sfid.record_length, 9, "of the longest record");
    let clear = secured.opened(&file, Services::PROTECTED);
    assert_same_octets("records", b"\0\x05first\0\0\0\x09the third", &clear);
}

/// A file that cannot be secured waits, and says why, until it can.
#[test]
fn a_file_waits_for_the_key_it_is_to_be_signed_with() {
    let terms = [("security", "\"encrypted-and-signed\"")];
    let Some(secured) = Secured::new("held for a key", &terms) else {
        return;
    };
    let without = ["--station", "OURS", "--role", "file-signing"];
    secured.cli(&[&["key", "unuse"][..], &without].concat());
    let id = secured.send("WAITS", b"a file");
    secured.world.inner.half.logs.until("it is held", || {
        let transfer = secured.world.inner.transfer(&id);
        let said = transfer.to_string();
        (said.contains("securing") && said.contains("file-signing")).then_some(())
    });
    secured.use_key("FIRST", "current");
    let (_conversation, file) = secured.fetch(&id);
    assert_eq!(secured.opened(&file, Services::PROTECTED), b"a file");
}
