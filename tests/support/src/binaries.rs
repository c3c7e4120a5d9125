//! Builds both halves the way they are shipped and says where they lie.
//!
//! `PROXY_DMZ` and `PROXY_INNER` in the environment name ready-made binaries to test instead: those
//! of a package, say.
//!
//! Each binary is built by itself: a workspace-wide build would unify the features of their
//! dependencies, and the tests would then run something that nobody installs.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where the two built halves lie.
#[derive(Debug, Clone)]
pub struct Binaries {
    /// The DMZ half.
    pub dmz: PathBuf,
    /// The inner half.
    pub inner: PathBuf,
}

/// How the halves are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// The profile that tests use.
    Dev,
    /// What is installed; benchmarks measure nothing else.
    Release,
}

impl Binaries {
    /// The halves in the test profile, built at most once in this process.
    ///
    /// # Panics
    /// When cargo fails; its own words are on standard error by then.
    pub fn dev() -> &'static Binaries {
        static BUILT: OnceLock<Binaries> = OnceLock::new();
        BUILT.get_or_init(|| Binaries::build(Profile::Dev))
    }

    /// The halves as they are released, built at most once in this process.
    ///
    /// # Panics
    /// When cargo fails; its own words are on standard error by then.
    pub fn release() -> &'static Binaries {
        static BUILT: OnceLock<Binaries> = OnceLock::new();
        BUILT.get_or_init(|| Binaries::build(Profile::Release))
    }

    fn build(profile: Profile) -> Binaries {
        Binaries {
            dmz: build_one("proxy-dmz", profile),
            inner: build_one("proxy-inner", profile),
        }
    }
}

/// The root of the workspace, where `Cargo.toml` and `deploy` lie.
pub fn workspace_root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("the crate lies two folders below the root")
        .to_path_buf()
}

/// A `cargo` command in the workspace root which sees the environment a person's shell would give
/// it: what cargo set for *this* test would otherwise make build scripts run again.
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(workspace_root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let set_by_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CFG_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
            || [
                "CARGO_CRATE_NAME",
                "CARGO_PRIMARY_PACKAGE",
                "CARGO_TARGET_TMPDIR",
                "OUT_DIR",
            ]
            .contains(&text.as_ref());
        if set_by_cargo {
            command.env_remove(&name);
        }
    }
    command
}

fn build_one(package: &str, profile: Profile) -> PathBuf {
    let variable = package.replace('-', "_").to_uppercase();
    if let Some(ready_made) = std::env::var_os(variable) {
        return PathBuf::from(ready_made);
    }
    let mut command = cargo();
    command.args(["build", "--quiet", "--package", package, "--bin", package]);
    command.arg("--message-format=json-render-diagnostics");
    if profile == Profile::Release {
        command.arg("--release");
    }
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| panic!("cannot run cargo to build {package}: {error}"));
    assert!(
        output.status.success(),
        "cargo could not build {package} (see above)"
    );
    executable(&output.stdout, package)
        .unwrap_or_else(|| panic!("cargo built {package} but named no executable"))
}

fn executable(messages: &[u8], package: &str) -> Option<PathBuf> {
    String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == package)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_executable_of_the_named_target_from_the_messages() {
        let messages =
            br#"{"reason":"compiler-artifact","target":{"name":"oftp"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"other"},"executable":"/x/other"}
{"reason":"compiler-artifact","target":{"name":"proxy-dmz"},"executable":"/x/proxy-dmz"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(
            executable(messages, "proxy-dmz"),
            Some(PathBuf::from("/x/proxy-dmz"))
        );
        assert_eq!(executable(messages, "proxy-inner"), None);
    }

    #[test]
    fn finds_the_workspace_root() {
        assert!(workspace_root().join("Cargo.lock").is_file());
    }
}
