//! Every suite, nesting and form against two foreign implementations, both ways: OpenSSL's command
//! line and BouncyCastle. `cargo test -p envelope --test matrix -- --nocapture` prints the table.
#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod bouncy;
mod openssl;
mod table;
mod world;

use envelope::Suite;
use table::{Direction, Outcome, Table};
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

#[test]
fn a_file_of_100_mib_goes_through_all_layers() {
    let world = World::new();
    let mut table = Table::default();
    let suite = Suite::DEFAULT;
    for (layers, shape) in [
        (Layers::named("sign+encrypt"), Shape::Indefinite),
        (Layers::named("sign+encrypt"), Shape::Definite),
        (Layers::named("sign+compress+encrypt"), Shape::Indefinite),
    ] {
        let outcome = world.there_and_back(suite, layers, shape, LARGE);
        table.add(
            ("ourselves", Direction::FromUs, layers, shape),
            suite,
            outcome,
        );
        if layers.compress || openssl::missing().is_some() {
            continue;
        }
        for direction in [Direction::FromUs, Direction::ToUs] {
            let outcome = openssl::exchange(&world, suite, layers, shape, direction, &[LARGE]);
            table.add(("openssl", direction, layers, shape), suite, outcome);
        }
    }
    match bouncy::missing() {
        Some(why) => table.missing("BouncyCastle", &why),
        None => bouncy::run_large(&world, &mut table, LARGE),
    }
    table.print();
    table.verdict();
}

/// Suites are independent of each other, so there are as many threads as processors.
fn against_openssl(world: &World, table: &mut Table) {
    let compresses = openssl::compresses();
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let next = std::sync::Mutex::new(Suite::ALL.iter());
    let found = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..processors {
            scope.spawn(|| {
                loop {
                    let Some(suite) = next.lock().unwrap().next() else {
                        return;
                    };
                    for (layers, shape, direction) in world::cells() {
                        let outcome = if layers.compress && !compresses {
                            Outcome::Skipped("this openssl has no zlib".to_owned())
                        } else {
                            openssl::exchange(world, *suite, layers, shape, direction, &SIZES)
                        };
                        let row = ("openssl", direction, layers, shape);
                        found.lock().unwrap().push((row, *suite, outcome));
                    }
                }
            });
        }
    });
    for (row, suite, outcome) in found.into_inner().unwrap() {
        table.add(row, suite, outcome);
    }
}
