//! Tests of `Section`.

use super::*;
use crate::load::read_text;

const SECONDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);

/// Reads `text` with `read`, finishes, and gives back the faults as lines.
fn faults_of(text: &str, read: impl FnOnce(&mut Section<'_>)) -> Vec<String> {
    let table = read_text("x.toml", text).unwrap();
    let mut faults = Faults::new("");
    let mut root = Section::root(&table, &mut faults);
    read(&mut root);
    root.finish();
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn reads_every_kind_of_value() {
    let text = r#"
        name = "x"
        path = "/a/b"
        address = "10.0.1.5:16619"
        peer = "dmz.example:16619"
        count = 7
        open = true
        wait = "30s"
        room = "4MiB"
        words = ["a", "b"]
        numbers = [1, 9]
        format = "json"
        password = "hunter2"
        [inner]
        deep = "yes"
        [[item]]
        n = 1
        [[item]]
        n = 2
    "#;
    let found = faults_of(text, |root| {
        assert_eq!(root.required_string("name").as_deref(), Some("x"));
        assert_eq!(root.required_path("path"), Some(PathBuf::from("/a/b")));
        assert_eq!(
            root.required_address("address"),
            "10.0.1.5:16619".parse().ok()
        );
        assert_eq!(
            root.required_host_port("peer"),
            "dmz.example:16619".parse().ok()
        );
        assert_eq!(root.integer("count", 1..=9_u8, 3), 7);
        assert!(root.boolean("open", false));
        assert_eq!(
            root.duration("wait", SECONDS, Duration::ZERO),
            Duration::from_secs(30)
        );
        assert_eq!(root.size("room", 0..=u64::MAX, 0), 4 << 20);
        assert_eq!(root.strings("words"), ["a", "b"]);
        assert_eq!(root.integers("numbers", 1..=9_u8), Some(vec![1, 9]));
        assert_eq!(root.one_of("format", &[("text", 1), ("json", 2)], 1), 2);
        assert!(
            root.secret("password")
                .is_some_and(|secret| secret.matches(b"hunter2"))
        );
        let mut inner = root.section("inner").unwrap();
        assert_eq!(inner.string("deep").as_deref(), Some("yes"));
        inner.finish();
        let mut numbers = Vec::new();
        for mut item in root.sections("item") {
            numbers.push(item.integer("n", 0..=9_u32, 0));
            item.finish();
        }
        assert_eq!(numbers, [1, 2]);
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn absent_keys_read_as_their_defaults() {
    let found = faults_of("", |root| {
        assert_eq!(root.string("a"), None);
        assert_eq!(root.path("b"), None);
        assert_eq!(root.address("c"), None);
        assert_eq!(root.integer("d", 1..=9_u32, 3), 3);
        assert!(root.boolean("e", true));
        assert_eq!(
            root.duration("f", SECONDS, Duration::from_secs(9)),
            Duration::from_secs(9)
        );
        assert_eq!(root.size("g", 0..=9, 5), 5);
        assert_eq!(root.one_of("h", &[("x", 1)], 4), 4);
        assert!(root.strings("i").is_empty());
        assert!(root.secret("j").is_none());
        assert!(root.section("k").is_none());
        assert!(root.sections("l").is_empty());
        assert!(!root.contains("m"));
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn gathers_all_faults_together_with_their_key_paths() {
    let text = r#"
        [link]
        listen = "here"
        identiy = "/x"
        pins = ["good", 5]
        wait = "2h"
        room = "1KB"
        count = 70000
        format = "xml"
        open = "yes"
        [[listener]]
        name = ""
        [[listener]]
        name = 5
    "#;
    let found = faults_of(text, |root| {
        let mut link = root.section("link").unwrap();
        assert_eq!(link.required_address("listen"), None);
        assert_eq!(link.required_path("identity"), None);
        assert_eq!(link.strings("pins"), ["good"]);
        assert_eq!(
            link.duration("wait", SECONDS, Duration::from_secs(5)),
            Duration::from_secs(5)
        );
        assert_eq!(link.size("room", 0..=1 << 20, 7), 7);
        assert_eq!(link.integer("count", 1..=65_535_u16, 1), 1);
        assert_eq!(link.one_of("format", &[("text", 1), ("json", 2)], 1), 1);
        assert!(!link.boolean("open", false));
        link.finish();
        for mut listener in root.sections("listener") {
            assert_eq!(listener.required_string("name"), None);
            listener.finish();
        }
    });
    assert_eq!(
        found,
        [
            "link.listen: found \"here\" (invalid socket address syntax), wanted an IP address with \
             port, as \"10.0.1.5:16619\" or \"[::1]:16619\"",
            "link.identity: found nothing, wanted a path in quotes",
            "link.pins[1]: found 5, wanted text in quotes",
            "link.wait: found \"2h\", wanted a time span from \"1s\" to \"1m\", as \"500ms\", \
             \"30s\", \"5m\", \"2h\" or \"3d\"",
            "link.room: found \"1KB\", wanted a size from \"0B\" to \"1MiB\", as \"512B\", \
             \"64KiB\", \"4MiB\" or \"1GiB\"",
            "link.count: found 70000, wanted a whole number from 1 to 65535",
            "link.format: found \"xml\", wanted one of \"text\", \"json\"",
            "link.open: found \"yes\", wanted true or false",
            "link.identiy: found a key that is not known, wanted a known key; did you mean \
             \"identity\"?",
            "listener[0].name: found empty text, wanted text that is not empty",
            "listener[1].name: found 5, wanted text in quotes",
        ]
    );
}

#[test]
fn unknown_keys_are_refused_also_without_a_likeness() {
    let found = faults_of("colour = 1\nname = \"x\"", |root| {
        root.string("name");
        root.string("kind");
    });
    assert_eq!(
        found,
        ["colour: found a key that is not known, wanted one of the keys kind, name"]
    );
    let found = faults_of("colour = 1", |_| {});
    assert_eq!(
        found,
        ["colour: found a key that is not known, wanted no key at all"]
    );
}

#[test]
fn a_section_where_a_value_stands_is_a_fault_and_the_other_way_round() {
    let found = faults_of("link = 5\nlistener = {}\n[name]\n", |root| {
        assert!(root.section("link").is_none());
        assert!(root.sections("listener").is_empty());
        assert_eq!(root.string("name"), None);
    });
    assert_eq!(
        found,
        [
            "link: found 5, wanted a section [link]",
            "listener: found a section, wanted sections [[listener]]",
            "name: found a section, wanted text in quotes",
        ]
    );
}

#[test]
fn a_wrong_secret_is_not_told() {
    let found = faults_of("password = 12345678", |root| {
        assert!(root.secret("password").is_none());
    });
    assert_eq!(
        found,
        ["password: found a value of type integer, wanted text in quotes"]
    );
}

#[test]
fn a_list_of_parsed_values_keeps_the_right_ones_and_tells_the_wrong_ones() {
    let found = faults_of("ports = [\"1\", \"x\"]", |root| {
        assert_eq!(root.parsed_strings::<u16>("ports", "a port"), [1]);
    });
    assert_eq!(
        found,
        ["ports[1]: found \"x\" (invalid digit found in string), wanted a port"]
    );
}

#[test]
fn a_list_of_numbers_with_a_fault_is_none_and_each_fault_is_told() {
    let text = "first = [0, 3, 'x', 10]\nsecond = 4\nthird = []";
    let faults = faults_of(text, |root| {
        assert_eq!(root.integers("first", 1..=9_u8), None);
        assert_eq!(root.integers("second", 1..=9_u8), None);
        assert_eq!(root.integers("third", 1..=9_u8), Some(Vec::new()));
        assert_eq!(root.integers("absent", 1..=9_u8), None);
    });
    assert_eq!(
        faults,
        [
            "first[0]: found 0, wanted whole numbers from 1 to 9",
            "first[2]: found \"x\", wanted whole numbers from 1 to 9",
            "first[3]: found 10, wanted whole numbers from 1 to 9",
            "second: found 4, wanted a list of whole numbers from 1 to 9",
        ]
    );
}
