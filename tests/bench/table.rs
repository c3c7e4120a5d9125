//! The figures as a table: medians, spreads, ratios within the same round.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::Sample;
use crate::cells::Cell;

/// All samples so far, by path, in the order of rounds.
pub(crate) struct Table {
    mib: u64,
    samples: BTreeMap<Cell, Vec<Sample>>,
}

impl Table {
    pub(crate) fn new(mib: u64) -> Table {
        Table {
            mib,
            samples: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, cell: Cell, sample: Sample) {
        self.samples.entry(cell).or_default().push(sample);
    }

    fn rates(&self, cell: Cell) -> Vec<f64> {
        let samples = self
            .samples
            .get(&cell)
            .map(Vec::as_slice)
            .unwrap_or_default();
        samples
            .iter()
            .map(|sample| rate(self.mib, sample.elapsed))
            .collect()
    }

    /// The median over rounds of one path's rate by another's.
    fn ratio(&self, cell: Cell, to: Cell) -> f64 {
        let pairs = self.rates(cell).into_iter().zip(self.rates(to));
        median(pairs.map(|(one, other)| one / other).collect())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = self.rates(Cell::Product).len();
        writeln!(
            f,
            "\n{} MiB, medians of {rounds} rounds [least-most]\n",
            self.mib
        )?;
        writeln!(f, "| path | MiB/s | to tls | to tls-disk | to quinn |")?;
        writeln!(f, "|---|---|---|---|---|")?;
        for cell in Cell::ALL {
            let rates = self.rates(cell);
            let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
            let most = rates.iter().copied().fold(0.0, f64::max);
            writeln!(
                f,
                "| {} | {:.0} [{least:.0}-{most:.0}] | {:.2} | {:.2} | {:.2} |",
                cell.name(),
                median(rates.clone()),
                self.ratio(cell, Cell::Tls),
                self.ratio(cell, Cell::TlsDisk),
                self.ratio(cell, Cell::Quinn),
            )?;
        }
        writeln!(f, "\n| path | process | CPU s/GiB | peak memory MiB |")?;
        writeln!(f, "|---|---|---|---|")?;
        for (cell, samples) in &self.samples {
            let names = samples
                .first()
                .map(|sample| sample.processes.len())
                .unwrap_or_default();
            for at in 0..names {
                let of = |sample: &Sample| sample.processes.get(at).cloned();
                let processes: Vec<_> = samples.iter().filter_map(of).collect();
                let Some(first) = processes.first() else {
                    continue;
                };
                let a_gib = 1024.0 / as_float(self.mib);
                let time = processes
                    .iter()
                    .map(|one| one.processor.as_secs_f64() * a_gib);
                let peak = processes
                    .iter()
                    .map(|one| one.peak_kib)
                    .max()
                    .unwrap_or_default();
                writeln!(
                    f,
                    "| {} | {} | {:.2} | {:.0} |",
                    cell.name(),
                    first.name,
                    median(time.collect()),
                    as_float(peak) / 1024.0,
                )?;
            }
        }
        Ok(())
    }
}

/// MiB a second.
pub(crate) fn rate(mib: u64, elapsed: Duration) -> f64 {
    as_float(mib) / elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => f64::midpoint(values[even / 2 - 1], values[even / 2]),
    }
}

fn as_float(number: u64) -> f64 {
    // Sizes here are far below 2^52.
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
