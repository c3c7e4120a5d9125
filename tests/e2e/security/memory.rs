//! Memory stays flat while a large file is secured, sent, received and opened.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use support::compare::{assert_same_file, content};

use super::houses::{House, Houses};

const MIB: u64 = 1024 * 1024;
/// What all of it together may add to a half that does nothing.
const MOST_KIB: u64 = 64 * 1024;

const TERMS: [(&str, &str); 3] = [
    ("security", "\"encrypted-and-signed\""),
    ("file_compression", "true"),
    ("signed_receipts", "true"),
];

/// The size of the file: 256 MiB, or `MEMORY_MIB`.
fn mib() -> u64 {
    std::env::var("MEMORY_MIB")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(256)
}

#[test]
fn memory_is_flat_in_the_size_of_a_secured_file() {
    let Some(houses) = Houses::new("memory of a secured file", &TERMS) else {
        return;
    };
    let Houses { near, far } = &houses;
    let path = near.world.folder().join("large");
    write_mixed(&path, mib());
    let idle = [near, far].map(|house| {
        house.world.inner.half.forget_peak();
        house.world.inner.half.usage().resident_kib
    });

    let id = near.send(&path, "LARGE", &[]);
    for (house, step) in [
        (near, "A file was secured."),
        (far, "A file was received."),
        (far, "A file was opened."),
    ] {
        house.world.inner.half.logs.wait_to_hear(0, step);
    }
    let (_, arrived) = far.delivered("LARGE");
    near.world.inner.wait_for_state(&id, "acknowledged");
    assert_same_file(&path, &arrived);

    let tell = |house: &House, what: &str, idle: u64| {
        let peak = house.world.inner.half.usage().peak_kib;
        support::say(&format!("{what}: idle {idle} KiB, then {peak} KiB"));
        assert!(
            peak < idle + MOST_KIB,
            "who {what} takes {idle} KiB when idle and took {peak} KiB for {} MiB",
            mib()
        );
    };
    tell(near, "secures and sends", idle[0]);
    tell(far, "receives and opens", idle[1]);
}

/// Four parts in five zeros, which compress to nothing, the rest random, which does not.
fn write_mixed(path: &Path, mib: u64) {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .expect("the folder is ours");
    file.set_len(mib * MIB).expect("there is room");
    let random = content(mib, 1024 * 1024);
    for number in (0..mib).step_by(5) {
        file.seek(SeekFrom::Start(number * MIB)).expect("within");
        file.write_all(&random).expect("there is room");
    }
}
