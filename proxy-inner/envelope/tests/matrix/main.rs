//! Every suite, nesting and form against two foreign implementations, both ways: OpenSSL's command
//! line and BouncyCastle. `cargo test -p envelope --test matrix -- --nocapture` prints the table.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod bouncy;
mod compression;
mod openssl;
mod table;
mod world;

use std::sync::Mutex;

use envelope::Suite;
use table::{Direction, Outcome, Row, Table};
use world::{Layers, Shape, World};

/// Octets of the files: none, one, around a block of both ciphers, around a piece, and many pieces.
const SIZES: [usize; 8] = [0, 1, 15, 16, 17, 65_535, 65_536, 1 << 20];

/// What a large file has.
const LARGE: usize = 100 << 20;

#[test]
fn everyone_reads_what_the_other_wrote() {
    let world = World::new();
    let mut table = Table::default();
    match openssl::missing() {
        Some(why) => table.missing("openssl", &why),
        None => against_openssl(&world, &mut table),
    }
    match bouncy::missing() {
        Some(why) => table.missing("BouncyCastle", &why),
        None => bouncy::run(&world, &mut table, &SIZES),
    }
    table.print();
    table.verdict();
}

/// Each suite once with a large file, so that every nesting, form and direction is there.
#[test]
fn files_of_100_mib_go_through_all_layers() {
    const PAIRS: [(u8, &str, Shape, Direction); 11] = [
        (1, "sign", Shape::Indefinite, Direction::FromUs),
        (2, "encrypt", Shape::Definite, Direction::ToUs),
        (3, "sign+encrypt", Shape::Indefinite, Direction::FromUs),
        (4, "sign+encrypt", Shape::Definite, Direction::FromUs),
        (4, "sign+encrypt", Shape::Indefinite, Direction::ToUs),
        (5, "sign", Shape::Definite, Direction::ToUs),
        (6, "sign+compress", Shape::Definite, Direction::ToUs),
        (
            7,
            "sign+compress+encrypt",
            Shape::Indefinite,
            Direction::FromUs,
        ),
        (8, "sign+encrypt", Shape::Definite, Direction::ToUs),
        (9, "sign+compress+encrypt", Shape::Definite, Direction::ToUs),
        (10, "compress+encrypt", Shape::Indefinite, Direction::FromUs),
    ];
    let world = World::new();
    let mut table = Table::default();
    match openssl::missing() {
        Some(why) => table.missing("openssl", &why),
        None => in_threads(&mut table, &PAIRS, |(number, layers, shape, direction)| {
            let suite = Suite::of(*number).unwrap();
            let layers = Layers::named(layers);
            let outcome = openssl::exchange(&world, suite, layers, *shape, *direction, &[LARGE]);
            vec![(("openssl", *direction, layers, *shape), suite, outcome)]
        }),
    }
    match bouncy::missing() {
        Some(why) => table.missing("BouncyCastle", &why),
        None => bouncy::run_large(&world, &mut table, LARGE),
    }
    table.print();
    table.verdict();
}

fn against_openssl(world: &World, table: &mut Table) {
    in_threads(table, Suite::ALL, |suite| {
        let exchange = |(layers, shape, direction)| {
            let outcome = openssl::exchange(world, *suite, layers, shape, direction, &SIZES);
            (("openssl", direction, layers, shape), *suite, outcome)
        };
        world::cells().into_iter().map(exchange).collect()
    });
}

/// Parts that do not depend on each other, in as many threads as there are processors.
fn in_threads<T: Sync>(
    table: &mut Table,
    parts: &[T],
    exchange: impl Fn(&T) -> Vec<(Row, Suite, Outcome)> + Sync,
) {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let next = Mutex::new(parts.iter());
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                loop {
                    let part = next.lock().unwrap().next();
                    let Some(part) = part else { return };
                    let cells = exchange(part);
                    found.lock().unwrap().extend(cells);
                }
            });
        }
    });
    for (row, suite, outcome) in found.into_inner().unwrap() {
        table.add(row, suite, outcome);
    }
}
