//! The master secret: another one opens nothing and spoils nothing.

use super::{Desk, MASTER};

#[test]
fn another_master_secret_at_a_restart_is_refused_and_the_right_one_finds_everything() {
    let Some(mut desk) = Desk::new("a wrong master secret") else {
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
    desk.cli(&["key", "use", "OURS-1", "--station", "OURS"]);
    let ours = desk.certificate("OURS-1");
    let before = desk.cli(&["key", "show", "OURS-1", "--json"]);
    let secret = desk.world.inner.folder().join("master-secret");
    desk.world.inner.half.terminate();

    let wrong = "4N0THER-S3CRET of the same length..";
    for (content, told) in [
        (
            wrong,
            "is not the one the keys in the store are sealed under",
        ),
        ("short", "the least is 16"),
    ] {
        std::fs::remove_file(&secret).expect("it is ours");
        support::pki::write_private(&secret, content.as_bytes());
        let half = &mut desk.world.inner.half;
        let mark = half.start();
        let status = half.wait();
        assert!(!status.success(), "{status:?}");
        let line = half.logs.wait_to_hear(mark, "The process ends.");
        let why = line.text("why");
        assert!(why.contains(told) && !why.contains("S3CRET"), "{why}");
        if content == wrong {
            let place = secret.display().to_string();
            assert!(why.contains(&place) && why.contains("backup"), "{why}");
        }
    }

    std::fs::remove_file(&secret).expect("it is ours");
    support::pki::write_private(&secret, MASTER.as_bytes());
    desk.world.start_inner();
    assert_eq!(desk.cli(&["key", "show", "OURS-1", "--json"]), before);
    desk.receives("AFTER", &ours);
    desk.never_tells("S3CRET");
}
