//! The documents name files of the project; a file that moved must not leave them lying.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_source_file_and_page_that_the_documents_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = BTreeSet::new();
    collect(&root, &mut files);
    let documents: Vec<&PathBuf> = files
        .iter()
        .filter(|file| is_document(&root, file))
        .collect();
    assert!(
        documents.len() > 10,
        "README and docs are found: {documents:?}"
    );

    let mut named = 0;
    for document in documents {
        let text = fs::read_to_string(document).expect("a document is text");
        for name in names(&text) {
            named += 1;
            assert!(
                files.iter().any(|file| file.ends_with(name)),
                "{} names {name}, which is nowhere in the project",
                document.display()
            );
        }
    }
    assert!(
        named > 50,
        "the documents name files, but only {named} were recognised"
    );
}

#[test]
fn operations_names_every_deviation_with_its_sentence() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operations.md");
    let text = fs::read_to_string(page).expect("the page is text");
    for deviation in oftp::Deviation::ALL {
        let row = text.lines().find(|line| {
            line.starts_with(&format!("| `{}`", deviation.name()))
                && line.ends_with(&format!("| {} |", deviation.sentence()))
        });
        assert!(
            row.is_some(),
            "docs/operations.md has no row for {}",
            deviation.name()
        );
    }
}

fn is_document(root: &Path, file: &Path) -> bool {
    let is_page = file.extension().is_some_and(|extension| extension == "md");
    is_page && (file.starts_with(root.join("docs")) || file == root.join("README.md"))
}

/// Names between backticks or in links that end like a source file or a page.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(['`', '(', ')', ' ', '\n', ',', '"', '|'])
        .map(|word| word.trim_start_matches("../"))
        .filter(|word| word.ends_with(".rs") || word.ends_with(".md"))
        .filter(|word| !word.contains('*') && !word.starts_with("http"))
}

fn collect(folder: &Path, files: &mut BTreeSet<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the project can be read") {
        let entry = entry.expect("an entry can be read");
        let name = entry.file_name();
        let kind = entry.file_type().expect("an entry has a kind");
        if kind.is_dir() && name != "target" && name != ".git" && name != "quickstart.d" {
            collect(&entry.path(), files);
        } else if kind.is_file() {
            files.insert(entry.path());
        }
    }
}
