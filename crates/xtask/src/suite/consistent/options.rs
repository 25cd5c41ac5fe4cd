// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's options, which drivers and the layer ask for in files of their own. Of two that say different things the
//! last wins, and which is the last depends on who builds.

use std::collections::BTreeMap;
use std::path::Path;

use lab::error::Result;

use super::super::layer::extension;
use super::read;

/// Where files ask for other things than others do, or for what is there already.
pub(super) fn problems(repo: &Path) -> Result<Vec<String>> {
    let of_guest = |path: &Path| path.ends_with("guest/kernel.cfg");
    let of_driver = |path: &Path| {
        let names = ["kernel.cfg", "kernel-test.cfg"];
        !of_guest(path) && names.iter().any(|name| path.ends_with(name))
    };
    // .oelint.cfg has no options.
    let of_layer = |path: &Path| extension(path, &["cfg"]) && !path.ends_with(".oelint.cfg");
    let mut files = read(repo, "drivers", of_driver)?;
    files.extend(read(repo, "meta-rloop", of_layer)?);
    let mut problems = differences(&files);
    // They come after the others, and may say other things: in a guest much is in modules.
    problems.extend(differences(&read(repo, "drivers", of_guest)?));
    Ok(problems)
}

/// The options of a file, and their values.
fn options(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| {
        let unset = || Some((line.strip_prefix("# ")?.strip_suffix(" is not set")?, "n"));
        let set = || line.strip_prefix("CONFIG_").map(|_| line)?.split_once('=');
        unset().or_else(set)
    })
}

fn differences(files: &[(String, String)]) -> Vec<String> {
    let mut asked: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut problems = Vec::new();
    for (file, text) in files {
        for (option, value) in options(text) {
            let (first, other) = *asked.entry(option).or_insert((file, value));
            if other != value {
                problems.push(format!("{first} says {option}={other}, and {file} {value}"));
            }
        }
    }
    let of = |file: &str| files.iter().find(|(name, _)| name == file);
    for (file, text) in files {
        let Some((dir, name)) = file.rsplit_once('/') else {
            continue;
        };
        let before = match name {
            "kernel-test.cfg" => vec![
                format!("{dir}/kernel.cfg"),
                "drivers/lib/kernel.cfg".to_owned(),
                "drivers/lib/kernel-test.cfg".to_owned(),
            ],
            "kernel.cfg" => vec!["drivers/lib/kernel.cfg".to_owned()],
            _ => continue,
        };
        for (earlier, said) in before.iter().filter(|b| *b != file).filter_map(|b| of(b)) {
            for (option, _) in options(text) {
                if options(said).any(|(known, _)| known == option) {
                    problems.push(format!("{file} has {option}, as {earlier} has for it"));
                }
            }
        }
    }
    problems
}

/// The need that a fragment can't set: it is the architecture's.
const OF_THE_ARCHITECTURE: &str = "64BIT";

/// What of `needs`, the `rloop-needs` of a Kbuild, is neither set in `fragment` nor named there.
pub(super) fn unnamed(kbuild: &str, fragment: &str) -> Vec<String> {
    let needs = kbuild
        .lines()
        .find_map(|line| line.strip_prefix("rloop-needs := "));
    let named = |option: &String| {
        let mut words = fragment.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.any(|word| word == option)
    };
    let options = needs.unwrap_or_default().split_whitespace();
    options
        .filter(|option| *option != OF_THE_ARCHITECTURE)
        .map(|option| format!("CONFIG_{option}"))
        .filter(|option| !named(option))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(files: &[(&str, &str)]) -> String {
        let files: Vec<(String, String)> = files
            .iter()
            .map(|(file, text)| ((*file).to_owned(), (*text).to_owned()))
            .collect();
        differences(&files).join("; ")
    }

    #[test]
    fn files_that_ask_for_the_same_are_fine() {
        assert_eq!(
            told(&[
                ("drivers/a/kernel.cfg", "# CONFIG_B=y\nCONFIG_A=y\n"),
                ("drivers/b/kernel.cfg", "CONFIG_A=y\nCONFIG_B=m\n"),
                ("drivers/b/kernel-test.cfg", "CONFIG_C=y\n"),
            ]),
            ""
        );
    }

    #[test]
    fn files_that_ask_for_different_things_are_told() {
        assert_eq!(
            told(&[
                ("drivers/a/kernel.cfg", "CONFIG_A=y\n"),
                ("drivers/b/kernel-test.cfg", "CONFIG_A=m\n"),
                ("meta-rloop/debug.cfg", "# CONFIG_A is not set\n"),
            ]),
            "drivers/a/kernel.cfg says CONFIG_A=y, and drivers/b/kernel-test.cfg m; drivers/a/kernel.cfg says CONFIG_A=y, and \
             meta-rloop/debug.cfg n"
        );
    }

    #[test]
    fn what_is_asked_for_twice_is_told() {
        assert_eq!(
            told(&[
                ("drivers/a/kernel.cfg", "CONFIG_A=y\nCONFIG_RUST=y\n"),
                ("drivers/a/kernel-test.cfg", "CONFIG_A=y\n"),
                ("drivers/lib/kernel.cfg", "CONFIG_RUST=y\n"),
            ]),
            "drivers/a/kernel.cfg has CONFIG_RUST, as drivers/lib/kernel.cfg has for it; drivers/a/kernel-test.cfg has CONFIG_A, as \
             drivers/a/kernel.cfg has for it"
        );
    }

    #[test]
    fn what_a_module_can_not_do_without_is_named() {
        let kbuild = "rloop-root := src/a.o\nrloop-needs := NET SND_PCM\n";
        assert_eq!(
            unnamed(kbuild, "# CONFIG_SND_PCM is selected.\nCONFIG_NET=y\n"),
            [""; 0]
        );
        assert_eq!(
            unnamed(kbuild, "CONFIG_NET=y\nCONFIG_SND_PCM_TIMER=y\n"),
            ["CONFIG_SND_PCM"]
        );
        assert_eq!(unnamed("rloop-needs :=\n", ""), [""; 0]);
    }
}
