//! Holds the tests and the benchmark of the whole product in the folders beside this one; has no
//! code of its own.
//!
//! | folder | what belongs there |
//! |---|---|
//! | `support` | both real halves on one desk, a scripted partner: the library beneath |
//! | `rig` | session engines in pairs or against hand-written octets, under invented time |
//! | `conformance` | RFC 5024 on the line, a folder a section |
//! | `coverage` | keeps `docs/oftp2-coverage.md` true |
//! | `e2e` | what the product is for, a story a file |
//! | `hostile` | what strangers, broken partners and a captured DMZ half try, and how it fails |
//! | `fuzz-bodies` | what fuzzing checks, as plain functions; `fuzz_smoke.rs` runs them in every test run |
//! | `fuzz` | the same beneath libFuzzer; its own workspace |
//! | `bench` | throughput, processor time and memory of the whole path |
