//! RFC 5024 section 2: ports. What happens on them is told by the stories of the real halves.

use std::fs;
use std::path::Path;

/// Ports are the operator's to name; what an operator starts from names the registered ones.
///
///
#[test]
fn the_examples_name_the_registered_ports() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples");
    for (file, words) in [
        ("dmz.toml", "address = \"0.0.0.0:6619\""),
        ("directory.toml", "address = \"oftp.acme.example:6619\""),
        ("inner.toml", "\"10.1.1.1:3305\""),
    ] {
        let text = fs::read_to_string(examples.join(file)).unwrap();
        assert!(text.contains(words), "{file} has no {words}");
    }
}
