// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask new-driver`: the folder of a driver that loads and passes its one check, its recipe and its page,
//! after the files of templates/driver.

use std::fs;
use std::path::{Path, PathBuf};

use clap::ValueEnum as _;
use walkdir::WalkDir;

use lab::context::Context;
use lab::error::{AtPath as _, Error, Result};
use lab::exec::Cmd;

use crate::manifest::{Family, LIST};

/// The templates: files whose paths and texts say `NAME`, `ROOT` and `{{…}}`.
pub(crate) const TEMPLATES: &str = "crates/xtask/templates/driver";
/// The kernel's limit to a module's name, MODULE_NAME_LEN, is 56 on a machine with 64 bits.
const LONGEST: usize = 40;

/// Writes the driver into this checkout.
pub(crate) fn run(context: &Context, name: &str, family: Family) -> Result<()> {
    let repo = &context.paths.repo;
    let written = write(&repo.join(TEMPLATES), repo, name, family)?;
    // The workspace has one crate more, which cargo notes where it may.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    Cmd::new("cargo, for Cargo.lock", cargo)
        .args(["update", "--workspace", "--offline", "--quiet"])
        .dir(repo)
        .read()?;
    for path in written {
        println!("{}", path.strip_prefix(repo).unwrap_or(&path).display());
    }
    println!("\ncargo xtask test --only {name}/");
    Ok(())
}

/// Writes the driver `name` into the repository `repo`; the files that it has written or changed.
///
/// # Errors
///
/// [`Error::BadInput`] for a name that can't be, or is taken.
pub(crate) fn write(
    templates: &Path,
    repo: &Path,
    name: &str,
    family: Family,
) -> Result<Vec<PathBuf>> {
    let words = name.split('-');
    let word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    let letter = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !letter || name.len() > LONGEST || !words.clone().all(word) {
        return Err(Error::BadInput {
            what: "the driver's name",
            given: name.to_owned(),
            allowed: format!("up to {LONGEST} small letters, digits and single -, a letter first"),
        });
    }
    if repo.join("drivers").join(name).exists() {
        return Err(Error::BadInput {
            what: "the driver's name",
            given: name.to_owned(),
            allowed: "one that drivers/ does not have yet".into(),
        });
    }
    let root = name.replace('-', "_");
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    let class = match family {
        Family::Sound => "rloop_sound",
        _ => "rloop_module",
    };
    let family = family.to_possible_value();
    let family = family.as_ref().map_or("", |value| value.get_name());
    let fill = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{root}}", &root)
            .replace("{{type}}", &words.clone().map(capital).collect::<String>())
            .replace("{{family}}", family)
            .replace("{{class}}", class)
    };
    let mut written = Vec::new();
    for entry in WalkDir::new(templates).sort_by_file_name() {
        let entry = entry.map_err(std::io::Error::from).at(templates)?;
        if !entry.file_type().is_file() {
            continue;
        }
        let from = entry.path();
        let below = from.strip_prefix(templates).unwrap_or(from);
        let below = below.display().to_string();
        let to = repo.join(below.replace("NAME", name).replace("ROOT", &root));
        if let Some(dir) = to.parent() {
            fs::create_dir_all(dir).at(dir)?;
        }
        let text = fs::read_to_string(from).at(from)?;
        fs::write(&to, fill(&text)).at(&to)?;
        written.push(to);
    }
    let list = repo.join(LIST);
    let text = fs::read_to_string(&list).at(&list)?;
    fs::write(&list, with_word(&text, name)).at(&list)?;
    written.push(list);
    for (file, link, of) in LISTS {
        let path = repo.join(file);
        let text = fs::read_to_string(&path).at(&path)?;
        let row = format!("| [{name}{link}{of}{name}.md) | a driver that has just been begun |");
        fs::write(&path, with_row(&text, &format!("{link}{of}"), &row)).at(&path)?;
        written.push(path);
    }
    Ok(written)
}

/// The pages that have a row for each driver, and what is in it after the driver's name.
const LISTS: [(&str, &str, &str); 2] = [
    ("README.md", "](", "docs/using/"),
    ("docs/index.md", ": the manual](", "using/"),
];

/// A page with one more row, after the last that has `link`.
fn with_row(text: &str, link: &str, row: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines
        .iter()
        .rposition(|line| line.starts_with("| [") && line.contains(link));
    lines.insert(last.map_or(lines.len(), |last| last + 1), row);
    lines.join("\n") + "\n"
}

/// The layer's list of all drivers with one more, in the order of their names.
fn with_word(text: &str, name: &str) -> String {
    let Some((before, rest)) = text.split_once("\nRLOOP_DRIVERS = \"\\\n") else {
        return text.to_owned();
    };
    let Some((words, after)) = rest.split_once('"') else {
        return text.to_owned();
    };
    let mut lines: Vec<String> = words.lines().map(str::to_owned).collect();
    lines.push(format!("    {name} \\"));
    lines.sort();
    let lines = lines.join("\n");
    format!("{before}\nRLOOP_DRIVERS = \"\\\n{lines}\n\"{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_can_t_be_is_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("drivers/lib")).unwrap();
        let long = "x".repeat(LONGEST + 1);
        for name in [
            "", "1a", "a_b", "A", "a--b", "a-", "-a", &long, "lib", "a/b",
        ] {
            let error = write(dir.path(), dir.path(), name, Family::Char).unwrap_err();
            assert!(matches!(error, Error::BadInput { .. }), "{name}: {error}");
        }
    }

    #[test]
    fn a_page_gets_a_row_after_the_others() {
        let page = "x\n\n| [a](docs/using/a.md) | a |\n| [b](docs/using/b.md) | b |\n\ny\n";
        assert_eq!(
            with_row(page, "](docs/using/", "| [c](docs/using/c.md) | c |"),
            page.replace("| b |\n", "| b |\n| [c](docs/using/c.md) | c |\n")
        );
    }

    #[test]
    fn the_list_stays_in_order() {
        let list = "x\nRLOOP_DRIVERS = \"\\\n    a \\\n    c \\\n\"\ny\n";
        assert_eq!(
            with_word(list, "b"),
            "x\nRLOOP_DRIVERS = \"\\\n    a \\\n    b \\\n    c \\\n\"\ny\n"
        );
    }
}
