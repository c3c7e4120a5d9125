//! Against `openssl cms`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crypto::Hash;
use envelope::{Cipher, Scheme, Suite};

use super::compression;
use super::table::{Direction, Outcome};
use super::world::{Layers, Shape, World, content};

/// Why nothing can be tried, if so.
pub(crate) fn missing() -> Option<String> {
    let version = Command::new("openssl").arg("version").output();
    version
        .err()
        .map(|error| format!("there is no openssl ({error})"))
}

/// Whether this openssl was built with zlib. Else the test makes and undoes the CompressedData, and
/// openssl what is inside and around it.
fn compresses() -> bool {
    static COMPRESSES: OnceLock<bool> = OnceLock::new();
    let ask = || {
        let help = Command::new("openssl").args(["cms", "-help"]).output();
        help.is_ok_and(|help| String::from_utf8_lossy(&help.stderr).contains("-compress"))
            && Command::new("openssl")
                .args(["list", "-disabled"])
                .output()
                .is_ok_and(|list| !String::from_utf8_lossy(&list.stdout).contains("ZLIB"))
    };
    *COMPRESSES.get_or_init(ask)
}

/// One cell: files of all sizes, one way.
pub(crate) fn exchange(
    world: &World,
    suite: Suite,
    layers: Layers,
    shape: Shape,
    direction: Direction,
    sizes: &[usize],
) -> Outcome {
    let compresses = compresses();
    if layers == Layers::named("compress") && !compresses {
        return Outcome::Skipped("this openssl has no zlib".to_owned());
    }
    let good = if layers.compress && !compresses {
        let why = "this openssl has no zlib: the CompressedData is the test's, all else openssl's";
        Outcome::GoodBut(why.to_owned())
    } else {
        Outcome::Good
    };
    let mut all: Option<Outcome> = None;
    for size in sizes {
        let content = content(*size);
        let done = match direction {
            Direction::FromUs => from_us(world, suite, layers, shape, &content),
            Direction::ToUs => to_us(world, suite, layers, shape, &content),
        };
        let outcome = match done {
            Ok(()) => good.clone(),
            Err(why) => match cannot(&why, suite, *size) {
                Some(known) => Outcome::Skipped(known.to_owned()),
                None => Outcome::Failed(format!("{size} octets: {why}")),
            },
        };
        all = Some(match all {
            Some(before) => before.and(outcome),
            None => outcome,
        });
    }
    all.unwrap_or(Outcome::Good)
}

/// What openssl 3.0 is known not to be able to write.
fn cannot(why: &str, suite: Suite, size: usize) -> Option<&'static str> {
    let pss = suite.scheme == Scheme::PssOaep;
    if !why.starts_with("[\"-sign\"") {
        None
    } else if why.contains("-stream") && why.contains("Error writing CMS output") && pss {
        Some("openssl 3.0 cannot sign with PSS and -stream")
    } else if why.contains("-stream") && why.contains("Error writing CMS output") && size == 0 {
        Some("openssl 3.0 cannot sign an empty file with -stream")
    } else if why.contains("rsa_generate_signature_aid") && suite.hash == Hash::Sha3_512 {
        Some("openssl 3.0 cannot sign with PSS and SHA3-512")
    } else {
        None
    }
}

fn from_us(
    world: &World,
    suite: Suite,
    layers: Layers,
    shape: Shape,
    content: &[u8],
) -> Result<(), String> {
    let secured = world.secured(suite, layers, shape, content);
    let mut file = world.fresh();
    fs::write(&file, &secured).unwrap();
    if shape == Shape::Definite && content.len() < 100 {
        let anew = run(world, &["-cmsout"], &file)?;
        if fs::read(anew).unwrap() != secured {
            return Err("what we wrote is not DER".to_owned());
        }
    }
    if layers.encrypt {
        let arguments = [
            "-decrypt",
            "-recip",
            "recipient.pem",
            "-inkey",
            "recipient.key",
        ];
        file = run(world, &arguments, &file)?;
    }
    if layers.compress && compresses() {
        file = run(world, &["-uncompress"], &file)?;
    } else if layers.compress {
        let anew = run(world, &["-cmsout"], &file)?;
        let undone = compression::undone(&fs::read(&anew).unwrap())?;
        fs::write(&file, undone).unwrap();
        let _ = fs::remove_file(anew);
    }
    if layers.sign {
        let arguments = [
            "-verify",
            "-noverify",
            "-nointern",
            "-certfile",
            "signer.pem",
        ];
        file = run(world, &arguments, &file)?;
    }
    let read = fs::read(&file).unwrap();
    let _ = fs::remove_file(file);
    if read == content {
        Ok(())
    } else {
        Err(format!(
            "openssl read {} octets of something else",
            read.len()
        ))
    }
}

fn to_us(
    world: &World,
    suite: Suite,
    layers: Layers,
    shape: Shape,
    content: &[u8],
) -> Result<(), String> {
    let mut file = world.fresh();
    fs::write(&file, content).unwrap();
    let stream: &[&str] = match shape {
        Shape::Indefinite => &["-stream"],
        Shape::Definite => &[],
    };
    let hash = match suite.hash {
        Hash::Sha1 => "sha1",
        Hash::Sha512 => "sha512",
        Hash::Sha3_512 => "sha3-512",
        _ => "sha256",
    };
    let pss_oaep = suite.scheme == Scheme::PssOaep;
    if layers.sign {
        let mut arguments = vec!["-sign", "-nodetach", "-nocerts", "-md", hash];
        arguments.extend(["-signer", "signer.pem", "-inkey", "signer.key"]);
        if pss_oaep {
            arguments.extend(["-keyopt", "rsa_padding_mode:pss"]);
            arguments.extend(["-keyopt", "rsa_pss_saltlen:digest"]);
        }
        arguments.extend(stream);
        file = run(world, &arguments, &file)?;
    }
    if layers.compress && compresses() {
        file = run(world, &[&["-compress"], stream].concat(), &file)?;
    } else if layers.compress {
        let made = compression::made(&fs::read(&file).unwrap(), shape);
        fs::write(&file, made).unwrap();
    }
    if layers.encrypt {
        let cipher = match suite.cipher {
            Cipher::TripleDes => "-des3",
            Cipher::Aes256 => "-aes256",
        };
        let mut arguments = vec!["-encrypt", cipher, "-recip", "recipient.pem"];
        let oaep = [format!("rsa_oaep_md:{hash}"), format!("rsa_mgf1_md:{hash}")];
        if pss_oaep {
            arguments.extend(["-keyopt", "rsa_padding_mode:oaep"]);
            arguments.extend(["-keyopt", &oaep[0], "-keyopt", &oaep[1]]);
        }
        arguments.extend(stream);
        file = run(world, &arguments, &file)?;
    }
    let secured = fs::read(&file).unwrap();
    let _ = fs::remove_file(file);
    world.opens(suite, layers, &secured, content)
}

/// Runs `openssl cms` on a file, which is gone afterwards, and gives back what it wrote.
fn run(world: &World, arguments: &[&str], file: &Path) -> Result<PathBuf, String> {
    let writes_cms = ["-sign", "-encrypt", "-compress", "-cmsout"];
    let reads_cms = !matches!(
        arguments.first(),
        Some(&"-sign" | &"-encrypt" | &"-compress")
    );
    let mut command = Command::new("openssl");
    command.arg("cms").args(arguments).arg("-binary");
    if reads_cms {
        command.args(["-inform", "DER"]);
    }
    if arguments
        .first()
        .is_some_and(|first| writes_cms.contains(first))
    {
        command.args(["-outform", "DER"]);
    }
    let out = world.fresh();
    command.arg("-in").arg(file).arg("-out").arg(&out);
    let output = command.current_dir(world.path()).output().unwrap();
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{arguments:?}: {}", said.replace('\n', " ")));
    }
    if !arguments.contains(&"-cmsout") {
        let _ = fs::remove_file(file);
    }
    Ok(out)
}
