//! Two of our own installations exchange files, and `openssl` says whether they did it right.

use support::cms::Services;
use support::compare::{assert_same_octets, content, sha256_hex, sha256_of_file};
use support::inside::state_of;

use super::houses::{House, Houses, proven};

const TERMS: [(&str, &str); 7] = [
    ("security", "\"encrypted-and-signed\""),
    ("file_compression", "true"),
    ("signed_receipts", "true"),
    ("authentication", "true"),
    ("cipher_suites", "[4, 8]"),
    ("records", "\"lines\""),
    ("archive", "\"files\""),
];

/// A file on its way.
struct Case<'a> {
    from: &'a House,
    to: &'a House,
    name: String,
    suite: u8,
    made: Made,
    id: String,
}

/// The guises of a file.
#[derive(Default)]
struct Made {
    format: &'static str,
    /// As it is handed over, and delivered: a V file as lines.
    file: Vec<u8>,
    /// Inside the secured one: a V file as records behind their lengths in 2 octets.
    inside: Vec<u8>,
    /// In the spool and among the evidence: a V file as records behind their lengths in 4 octets.
    kept: Vec<u8>,
}

/// signed, compressed and encrypted, with signed receipts, after secure
/// authentication.
#[test]
fn files_cross_both_ways_and_both_sides_can_prove_it() {
    let Some(houses) = Houses::new("two houses", &TERMS) else {
        return;
    };
    let mut cases = Vec::new();
    for (way, (from, to)) in houses.both_ways().into_iter().enumerate() {
        for suite in [4, 8] {
            let seed = u64::from(suite) + 100 * u64::try_from(way).expect("0 or 1");
            for made in [octets(seed), lines(seed)] {
                cases.push(queue(from, to, way, suite, made));
            }
        }
    }
    for case in &cases {
        check(case);
    }
    for (house, _) in houses.both_ways() {
        assert_eq!(house.inbox().len(), 4, "each file once");
        let open = house.open_transfers();
        assert!(open.is_empty(), "every transfer is done: {open:?}");
        house.wait_for_empty_spool();
        let logs = &house.world.inner.half.logs;
        let session = logs.wait_to_hear(0, "A session is open.");
        assert_eq!(session.text("authenticated"), "true", "{}", session.raw);
        assert_eq!(logs.count("is not believed"), 0, "every receipt is valid");
    }
}

fn queue<'a>(from: &'a House, to: &'a House, way: usize, suite: u8, made: Made) -> Case<'a> {
    let name = format!("WAY{way}.{suite:02}.{}", made.format);
    let path = from.world.folder().join(&name);
    std::fs::write(&path, &made.file).expect("the folder is ours");
    let number = suite.to_string();
    let how = ["--cipher-suite", &number, "--format", made.format];
    let id = from.send(&path, &name, &how);
    Case {
        from,
        to,
        name,
        suite,
        made,
        id,
    }
}

fn check(case: &Case<'_>) {
    let Case {
        from,
        to,
        name,
        made,
        ..
    } = case;
    let sent = from.world.inner.wait_for_state(&case.id, "acknowledged");
    let (there, path) = to.delivered(name);
    assert_eq!(sha256_of_file(&path), sha256_hex(&made.file), "{name}");
    let got = to.world.inner.transfer(&there);
    assert_eq!(state_of(&got), "delivered");
    for (side, transfer) in [("sent", &sent), ("got", &got)] {
        let services = &transfer["services"];
        for service in ["signed", "encrypted", "compressed", "signed_receipt"] {
            assert_eq!(services[service], true, "{name} {side}: {services}");
        }
        assert_eq!(services["cipher"], case.suite, "{name} {side}");
    }
    assert_eq!(sent["hash"], got["hash"], "{name}");

    let services = Services {
        suite: case.suite,
        ..Services::ALL
    };
    let proof = proven((from, &case.id), (to, &there), services);
    assert_same_octets(name, &made.inside, &proof.inside);
    assert_same_octets(name, &made.kept, &proof.sent.clear);
    assert_same_octets(name, &made.kept, &proof.got.clear);
    for wanted in [name, &case.id, "acknowledged"] {
        let report = &proof.sent.report;
        assert!(report.contains(wanted), "{wanted} is in:\n{report}");
    }
}

fn octets(seed: u64) -> Made {
    let file = content(seed, 300_000);
    Made {
        format: "U",
        inside: file.clone(),
        kept: file.clone(),
        file,
    }
}

/// Lines of many lengths, none among them.
fn lines(seed: u64) -> Made {
    let mut made = Made {
        format: "V",
        ..Made::default()
    };
    for length in (0..400).map(|number| number * 7 % 331) {
        let mut line = content(seed + u64::from(length), usize::from(length));
        line.iter_mut()
            .for_each(|octet| *octet = b'a' + *octet % 26);
        made.file.extend_from_slice(&line);
        made.file.push(b'\n');
        made.inside.extend_from_slice(&u16::to_be_bytes(length));
        made.inside.extend_from_slice(&line);
        made.kept
            .extend_from_slice(&u32::from(length).to_be_bytes());
        made.kept.extend_from_slice(&line);
    }
    made
}
