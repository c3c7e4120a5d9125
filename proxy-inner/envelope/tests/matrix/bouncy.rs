//! Against BouncyCastle: one run of `Bouncy.java` reads a list of jobs and says what came of each.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use envelope::Suite;

use super::table::{Direction, Outcome, Table};
use super::world::{Layers, Shape, World, cells, content};

/// Where Debian puts them.
const JARS: [&str; 3] = [
    "/usr/share/java/bcprov.jar",
    "/usr/share/java/bcpkix.jar",
    "/usr/share/java/bcutil.jar",
];

/// Why nothing can be tried, if so.
pub(crate) fn missing() -> Option<String> {
    if let Err(error) = Command::new("java").arg("-version").output() {
        return Some(format!("there is no java ({error})"));
    }
    let jar = JARS.iter().find(|jar| !Path::new(jar).exists())?;
    Some(format!("there is no {jar}"))
}

/// One file to be read, or to be written and then read by us.
struct Job {
    suite: Suite,
    layers: Layers,
    shape: Shape,
    direction: Direction,
    size: usize,
    from: PathBuf,
    to: PathBuf,
}

/// All suites and nestings.
pub(crate) fn run(world: &World, table: &mut Table, sizes: &[usize]) {
    let mut jobs = Vec::new();
    for suite in Suite::ALL {
        for (layers, shape, direction) in cells() {
            for size in sizes {
                jobs.push(Job::new(world, *suite, layers, shape, direction, *size));
            }
        }
    }
    exchange(world, table, &jobs);
}

/// One large file both ways.
pub(crate) fn run_large(world: &World, table: &mut Table, size: usize) {
    let layers = Layers::named("sign+compress+encrypt");
    let jobs = [Direction::FromUs, Direction::ToUs].map(|direction| {
        Job::new(
            world,
            Suite::DEFAULT,
            layers,
            Shape::Indefinite,
            direction,
            size,
        )
    });
    exchange(world, table, &jobs);
}

fn exchange(world: &World, table: &mut Table, jobs: &[Job]) {
    let mut list = String::new();
    for job in jobs {
        let clear = content(job.size);
        let (verb, octets) = match job.direction {
            Direction::FromUs => (
                "read",
                world.secured(job.suite, job.layers, job.shape, &clear),
            ),
            Direction::ToUs => ("write", clear),
        };
        fs::write(&job.from, octets).unwrap();
        writeln!(
            list,
            "{verb} {} {} {} {} {}",
            job.suite.number,
            job.layers,
            job.shape.short(),
            job.from.display(),
            job.to.display()
        )
        .unwrap();
    }
    fs::write(world.path().join("jobs"), list).unwrap();
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/matrix/Bouncy.java");
    let output = Command::new("java")
        .arg("-cp")
        .arg(JARS.join(":"))
        .arg(program)
        .current_dir(world.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.lines().count(), jobs.len(), "{said} {told}");

    // Jobs of one cell follow each other.
    let mut cell: Option<(&Job, Outcome)> = None;
    for (job, line) in jobs.iter().zip(said.lines()) {
        let outcome = match (line, job.came_back(world)) {
            ("ok", Ok(())) => Outcome::Good,
            ("ok", Err(why)) => Outcome::Failed(format!("{} octets: {why}", job.size)),
            (failed, _) => Outcome::Failed(format!("{} octets: {failed}", job.size)),
        };
        let _ = (fs::remove_file(&job.from), fs::remove_file(&job.to));
        cell = Some(match cell.take() {
            Some((first, before)) if first.cell() == job.cell() => (first, before.and(outcome)),
            Some((other, outcome_of_other)) => {
                table.add(other.cell().0, other.suite, outcome_of_other);
                (job, outcome)
            }
            None => (job, outcome),
        });
    }
    if let Some((job, outcome)) = cell {
        table.add(job.cell().0, job.suite, outcome);
    }
}

impl Job {
    fn new(
        world: &World,
        suite: Suite,
        layers: Layers,
        shape: Shape,
        direction: Direction,
        size: usize,
    ) -> Self {
        Self {
            suite,
            layers,
            shape,
            direction,
            size,
            from: world.fresh(),
            to: world.fresh(),
        }
    }

    /// Its row and column.
    fn cell(&self) -> ((&'static str, Direction, Layers, Shape), Suite) {
        let row = ("BouncyCastle", self.direction, self.layers, self.shape);
        (row, self.suite)
    }

    /// Whether what BouncyCastle wrote is what it should be.
    fn came_back(&self, world: &World) -> Result<(), String> {
        let written = fs::read(&self.to).map_err(|error| error.to_string())?;
        let clear = content(self.size);
        match self.direction {
            Direction::FromUs if written == clear => Ok(()),
            Direction::FromUs => Err("BouncyCastle read something else".to_owned()),
            Direction::ToUs => world.opens(self.suite, self.layers, &written, &clear),
        }
    }
}
