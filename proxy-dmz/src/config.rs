//! The configuration file, read into usable values; all faults are told together, nothing is bound.
//!
//! What the file says is only what the DMZ host itself must know: addresses, the link key and pins.
//! Which listeners open, with which certificate and under which limits, comes over the link.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ::link::Pin;
use ops::{Faults, Section, logging};

/// Where the configuration is when the command line does not say.
pub const DEFAULT_PATH: &str = "/etc/proxy-dmz/proxy-dmz.toml";

/// A configuration that can be used as it is.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the inner half dials in.
    pub link: LinkConfig,
    /// Public addresses this host offers; the inner half's policy names those to open.
    pub listeners: Vec<ListenerConfig>,
    /// What may be dialled on the inner half's order.
    pub dial: DialConfig,
    /// How to log.
    pub log: logging::Settings,
}

/// `[link]`
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// UDP address the link is accepted on.
    pub listen: SocketAddr,
    /// File with this half's link key.
    pub identity: PathBuf,
    /// Keys of the inner halves that may connect.
    pub pins: Vec<Pin>,
}

/// `[[listener]]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerConfig {
    /// The name the inner half's policy uses.
    pub name: String,
    /// TCP address partners call.
    pub address: SocketAddr,
}

/// `[dial]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DialConfig {
    /// Whether private, loopback and link-local targets may be dialled.
    pub allow_private: bool,
}

impl Config {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// Every fault in the file, each with its key, what was found and what is wanted.
    pub fn load(path: &Path) -> Result<Config, Faults> {
        let table = ops::read_table(path)?;
        let mut faults = Faults::new(path.display().to_string());
        let config = Config::read(Section::root(&table, &mut faults));
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(faults),
        }
    }

    /// The link key's file, read from a configuration that may otherwise be unfinished: the pins
    /// of the other side are not known yet when the key is made.
    ///
    /// # Errors
    /// When the file cannot be read or does not name the key.
    pub fn identity_path(path: &Path) -> Result<PathBuf, Faults> {
        ::link::identity_path(path)
    }

    /// `None` only together with at least one fault.
    fn read(mut root: Section<'_>) -> Option<Config> {
        let link = read_link(&mut root);
        let listeners = read_listeners(&mut root);
        let dial = root
            .section("dial")
            .map_or_else(DialConfig::default, |mut dial| {
                let config = DialConfig {
                    allow_private: dial.boolean("allow_private", false),
                };
                dial.finish();
                config
            });
        let log = logging::Settings::read(&mut root);
        root.finish();
        Some(Config {
            link: link?,
            listeners,
            dial,
            log,
        })
    }
}

fn read_link(root: &mut Section<'_>) -> Option<LinkConfig> {
    let Some(mut link) = root.section("link") else {
        if !root.contains("link") {
            root.fault(
                "link",
                "nothing",
                "a [link] section with listen, identity and pins",
            );
        }
        return None;
    };
    let listen = link.required_address("listen");
    let identity = link.required_path("identity");
    let given = link.strings("pins").len();
    let pins: Vec<Pin> = link.parsed_strings("pins", PIN);
    if given == 0 {
        link.fault(
            "pins",
            "no pin",
            "at least one pin of an inner half; run `proxy-inner identity` there to see it",
        );
    }
    link.finish();
    Some(LinkConfig {
        listen: listen?,
        identity: identity?,
        pins,
    })
}

fn read_listeners(root: &mut Section<'_>) -> Vec<ListenerConfig> {
    let mut listeners = Vec::new();
    let mut names = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for mut section in root.sections("listener") {
        let name = section.required_string("name");
        let address = section.required_address("address");
        if let Some(name) = &name
            && !names.insert(name.clone())
        {
            section.fault(
                "name",
                format!("{name:?} a second time"),
                "a name of its own",
            );
        }
        if let Some(address) = address
            && address.port() != 0
            && !addresses.insert(address)
        {
            section.fault(
                "address",
                format!("{address} a second time"),
                "an address of its own",
            );
        }
        section.finish();
        if let (Some(name), Some(address)) = (name, address) {
            listeners.push(ListenerConfig { name, address });
        }
    }
    listeners
}

const PIN: &str = "a pin as \"sha256:\" and 64 hexadecimal digits";

#[cfg(test)]
mod tests {
    use super::*;

    const PIN_TEXT: &str =
        "sha256:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn load(text: &str) -> Result<Config, Faults> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("proxy-dmz.toml");
        std::fs::write(&path, text).expect("written");
        Config::load(&path)
    }

    fn keys(faults: &Faults) -> Vec<&str> {
        faults.iter().map(|fault| fault.key.as_str()).collect()
    }

    #[test]
    fn reads_a_full_configuration() {
        let config = load(&format!(
            r#"
            [link]
            listen = "10.0.1.5:16619"
            identity = "/etc/proxy-dmz/link.key"
            pins = ["{PIN_TEXT}"]
            [[listener]]
            name = "oftps"
            address = "0.0.0.0:6619"
            [dial]
            allow_private = true
            [log]
            format = "json"
            filter = "debug"
            "#
        ))
        .expect("a good configuration");
        assert_eq!(config.link.listen.to_string(), "10.0.1.5:16619");
        assert_eq!(config.link.identity, Path::new("/etc/proxy-dmz/link.key"));
        assert_eq!(
            config
                .link
                .pins
                .iter()
                .map(Pin::to_string)
                .collect::<Vec<_>>(),
            [PIN_TEXT]
        );
        assert_eq!(
            config.listeners,
            [ListenerConfig {
                name: "oftps".to_owned(),
                address: "0.0.0.0:6619".parse().expect("an address"),
            }]
        );
        assert!(config.dial.allow_private);
        assert_eq!(config.log.format, logging::Format::Json);
    }

    #[test]
    fn refuses_private_targets_and_logs_text_when_nothing_is_said() {
        let config = load(&format!(
            "[link]\nlisten = \"[::1]:1\"\nidentity = \"k\"\npins = [\"{PIN_TEXT}\"]"
        ))
        .expect("a good configuration");
        assert!(!config.dial.allow_private);
        assert_eq!(config.log, logging::Settings::default());
        assert!(config.listeners.is_empty());
    }

    #[test]
    fn tells_all_faults_at_once() {
        let faults = load(
            r#"
            colour = "blue"
            [link]
            listen = "here"
            pins = ["sha256:12"]
            lisen = 1
            [[listener]]
            name = "a"
            address = "0.0.0.0:6619"
            [[listener]]
            name = "a"
            address = "0.0.0.0:6619"
            port = 6619
            [dial]
            allow_private = "no"
            [log]
            format = "xml"
            "#,
        )
        .expect_err("faults");
        let mut found = keys(&faults);
        found.sort_unstable();
        assert_eq!(
            found,
            [
                "colour",
                "dial.allow_private",
                "link.identity",
                "link.lisen",
                "link.listen",
                "link.pins[0]",
                "listener[1].address",
                "listener[1].name",
                "listener[1].port",
                "log.format",
            ],
            "{faults}"
        );
    }

    #[test]
    fn wants_a_link_section_and_a_pin() {
        assert_eq!(keys(&load("").expect_err("faults")), ["link"]);
        let faults = load("[link]\nlisten = \"10.0.1.5:1\"\nidentity = \"k\"").expect_err("faults");
        assert_eq!(keys(&faults), ["link.pins"]);
        assert!(
            faults.to_string().contains("proxy-inner identity"),
            "{faults}"
        );
    }

    #[test]
    fn finds_the_key_file_in_a_configuration_without_pins() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("proxy-dmz.toml");
        std::fs::write(&path, "[link]\nidentity = \"/k\"").expect("written");
        assert_eq!(
            Config::identity_path(&path).expect("a path"),
            Path::new("/k")
        );
        std::fs::write(&path, "").expect("written");
        assert!(Config::identity_path(&path).is_err());
    }
}
