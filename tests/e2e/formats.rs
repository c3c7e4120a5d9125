//! Files of every format, both ways, with and without buffer compression: what arrives is what was
//! sent, to the octet and to the record.

use oftp::Format;
use support::compare::{assert_same_octets, content};
use support::{Answer, Directory, Entry, Offer, Partner, World, directory};

/// Records of many lengths, empty ones and repetitive ones among them.
fn records() -> Vec<Vec<u8>> {
    (0..400_usize)
        .map(|number| match number % 5 {
            0 => Vec::new(),
            1 => vec![b' '; number],
            _ => content(number as u64, number * 7 % 900),
        })
        .collect()
}

fn records_of(length: usize) -> Vec<Vec<u8>> {
    (0..300).map(|seed| content(seed, length)).collect()
}

/// A V file as it is handed over: each record after its length, four octets, big-endian.
fn prefixed<T: AsRef<[u8]>>(records: &[T]) -> Vec<u8> {
    let mut file = Vec::new();
    for record in records {
        let record = record.as_ref();
        let length = u32::try_from(record.len()).expect("five digits");
        file.extend_from_slice(&length.to_be_bytes());
        file.extend_from_slice(record);
    }
    file
}

#[test]
fn takes_files_of_all_four_formats_in_one_session() {
    for compressing in [false, true] {
        let world = World::new();
        let (variable, fixed) = (records(), records_of(80));
        let text = b"one line\r\nanother one\r\n".repeat(5_000);
        let offers = vec![
            Offer::variable("A.VARIABLE", &variable),
            Offer::fixed("B.FIXED", 80, &fixed),
            Offer::new("C.TEXT", text.clone()).format(Format::Text),
            Offer::new("D.UNSTRUCTURED", content(3, 300_000)),
        ];
        let mut partner = Partner::of(&world).offering(1024, 7);
        if compressing {
            partner = partner.compressing();
        }
        let exchange = partner
            .connect(world.public())
            .expect("TLS")
            .exchange(offers)
            .expect("a whole session");
        assert_eq!(exchange.receipts.len(), 4);

        let delivered = world.inner.wait_for_delivered(directory::PARTNER, 4);
        let expected = [
            prefixed(&variable),
            fixed.concat(),
            text,
            content(3, 300_000),
        ];
        for ((file, expected), format) in delivered.iter().zip(expected).zip(["V", "F", "T", "U"]) {
            assert_same_octets(format, &expected, &file.content());
            assert_eq!(file.metadata["format"], format, "{}", file.metadata);
        }
        assert_eq!(delivered[0].metadata["records"], 400);
        assert_eq!(delivered[1].metadata["record_length"], 80);
    }
}

#[test]
fn takes_empty_files_of_all_four_formats() {
    let world = World::new();
    let offers = vec![
        Offer::variable("A.VARIABLE", &[]),
        Offer::fixed("B.FIXED", 80, &[]),
        Offer::new("C.TEXT", Vec::new()).format(Format::Text),
        Offer::new("D.UNSTRUCTURED", Vec::new()),
    ];
    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let exchange = partner.exchange(offers).expect("a whole session");
    assert_eq!(exchange.receipts.len(), 4);
    for file in world.inner.wait_for_delivered(directory::PARTNER, 4) {
        assert_eq!(file.content(), b"", "{}", file.metadata);
    }
}

#[test]
fn sends_files_of_all_four_formats_in_one_session() {
    for compressing in [false, true] {
        let world = World::new();
        let (variable, fixed) = (records(), records_of(80));
        let send = |name: &str, file: Vec<u8>, options: &[&str]| {
            let path = world.folder().join(name);
            std::fs::write(&path, file).expect("the folder is ours");
            let path = path.to_string_lossy();
            let mut arguments = vec![
                "send",
                "--partner",
                directory::PARTNER,
                &path,
                "--dsn",
                name,
            ];
            arguments.extend(options);
            support::inside::identifier(&world.inner.cli().json(&arguments))
        };
        let ids = [
            send("A.VARIABLE", prefixed(&variable), &["--format", "V"]),
            send(
                "B.FIXED",
                fixed.concat(),
                &["--format", "F", "--record-length", "80"],
            ),
            send("C.TEXT", b"a\r\nb\r\n".to_vec(), &["--format", "T"]),
            send("D.UNSTRUCTURED", vec![b'x'; 100_000], &[]),
            send(
                "E.LINES",
                b"first\n\nthird".to_vec(),
                &["--format", "V", "--records", "lines"],
            ),
        ];

        let mut partner = Partner::of(&world).offering(512, 3);
        if compressing {
            partner = partner.compressing();
        }
        let exchange = partner
            .connect(world.public())
            .expect("TLS")
            .exchange(Vec::new())
            .expect("a whole session");

        let came = &exchange.received;
        assert_eq!(came.len(), 5);
        assert_eq!(came[0].sfid.format, Format::Variable);
        assert_eq!(came[0].records(), variable);
        assert_eq!(came[0].sfid.record_length, 899);
        assert_eq!(came[1].sfid.format, Format::Fixed);
        assert_eq!(
            (came[1].records(), came[1].sfid.record_length),
            (fixed.iter().map(Vec::as_slice).collect(), 80)
        );
        assert_eq!(
            (came[2].sfid.format, &came[2].content[..]),
            (Format::Text, &b"a\r\nb\r\n"[..])
        );
        assert_eq!(came[3].content, vec![b'x'; 100_000]);
        assert_eq!(came[4].records(), [&b"first"[..], b"", b"third"]);
        for id in ids {
            world.inner.wait_for_state(&id, "acknowledged");
        }
    }
}

#[test]
fn refuses_to_queue_what_is_not_of_the_format_that_was_named() {
    let world = World::new();
    let path = world.folder().join("FILE");
    std::fs::write(&path, b"not a multiple of eighty octets").expect("the folder is ours");
    let path = path.to_string_lossy();
    let send = ["send", "--partner", directory::PARTNER, &path];
    for (options, fault) in [
        (&["--format", "F", "--record-length", "80"][..], "80"),
        (&["--format", "F"][..], "record"),
        (&["--format", "V"][..], "record"),
    ] {
        let refused = world
            .inner
            .cli()
            .refused(&[&send[..], options].concat())
            .both();
        assert!(refused.contains(fault), "{options:?}: {refused}");
    }
    assert!(world.inner.transfers(&[]).is_empty());
}

#[test]
fn delivers_variable_files_as_lines_where_the_partner_is_set_so() {
    let world = World::with(|setup| {
        setup.directory = Directory::default()
            .station("OURS", directory::OUR_CODE)
            .partner(Entry::usual().with("records", "\"lines\""));
    });
    let lines = [b"first".to_vec(), Vec::new(), b"third".to_vec()];
    let partner = Partner::of(&world).connect(world.public()).expect("TLS");
    let answers = partner
        .exchange(vec![Offer::variable("LINES", &lines)])
        .expect("a whole session")
        .answers;
    assert_eq!(answers, [Answer::Stored { turn_given: true }]);
    let delivered = world.inner.wait_for_delivered(directory::PARTNER, 1);
    assert_eq!(delivered[0].content(), b"first\n\nthird\n");
}
