// SPDX-License-Identifier: MIT OR Apache-2.0
//! What debian/copyright says of files, against what their own lines say.

use std::fs;
use std::path::Path;

use debian_copyright::{Copyright, LicenseExpr};
use lab::error::{AtPath as _, Result};

use super::super::layer;

/// The file, from the repository's root.
const FILE: &str = "debian/copyright";
/// What a file says its licence by.
const LINE: &str = "SPDX-License-Identifier: ";
/// Debian's names for licences, and SPDX's.
const NAMES: [(&str, &str); 2] = [("Expat", "MIT"), ("GPL-2", "GPL-2.0-only")];

/// The files below `repo` that say another licence than debian/copyright does.
pub(super) fn problems(repo: &Path) -> Result<Vec<String>> {
    let path = repo.join(FILE);
    let text = fs::read_to_string(&path).at(&path)?;
    let mut files = Vec::new();
    for path in layer::files(repo, |path| is_ours(repo, path))? {
        // A picture says nothing.
        let text = String::from_utf8_lossy(&fs::read(&path).at(&path)?).into_owned();
        let name = path.strip_prefix(repo).unwrap_or(&path).to_path_buf();
        files.extend(said(&text).map(|licence| (name, licence)));
    }
    let files: Vec<_> = files.iter().map(|(n, l)| (n.as_path(), &**l)).collect();
    Ok(differences(&text, &files))
}

/// Whether a file is the project's: what is built, and what git has, is not.
fn is_ours(repo: &Path, path: &Path) -> bool {
    let inside = path.strip_prefix(repo).unwrap_or(path);
    inside.components().all(|part| {
        let part = part.as_os_str();
        part != "target" && part != "vendor" && part != ".git"
    })
}

/// The licence that a file says in one of its first lines.
fn said(text: &str) -> Option<String> {
    let mut first = text.lines().take(5);
    let (_, licence) = first.find_map(|line| line.split_once(LINE))?;
    let ends = ["-->", "*/", "#}"];
    let end = ends.iter().filter_map(|end| licence.find(end)).min();
    Some(licence[..end.unwrap_or(licence.len())].trim().to_owned())
}

/// Those of `files` that say another licence than the copyright file `text`.
fn differences(text: &str, files: &[(&Path, &str)]) -> Vec<String> {
    let Ok(copyright) = text.parse::<Copyright>() else {
        return vec![format!("{FILE} is not of the format that it names")];
    };
    let Ok(matcher) = copyright.matcher() else {
        return vec![format!("{FILE} has a pattern that can't be")];
    };
    let mut problems = Vec::new();
    for (file, own) in files {
        let paragraph = matcher.find_files(file).map(ToString::to_string);
        let lines = paragraph.iter().flat_map(|paragraph| paragraph.lines());
        let mut named = lines.filter_map(|line| line.strip_prefix("License: "));
        let theirs = named.next_back().unwrap_or("nothing");
        if choices(own) != choices(theirs) {
            problems.push(format!(
                "{} is \"{own}\", in {FILE} it is \"{theirs}\"",
                file.display()
            ));
        }
    }
    problems
}

/// The licences one of which may be chosen, by SPDX's names.
fn choices(licence: &str) -> Vec<String> {
    let expression = LicenseExpr::parse(licence);
    let parts = match &expression {
        LicenseExpr::Or(parts) => parts.iter().collect(),
        one => vec![one],
    };
    let mut choices: Vec<String> = parts
        .into_iter()
        .map(|part| {
            let name = part.to_string();
            let known = NAMES.iter().find(|(debian, _)| *debian == name);
            known.map_or(name, |(_, spdx)| (*spdx).to_owned())
        })
        .collect();
    choices.sort();
    choices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_its_licence_in_a_comment() {
        for (before, after) in [("// ", ""), ("<!-- ", " -->"), ("/* ", " */"), ("# ", "")] {
            let text = format!("first\n{before}{LINE}MIT OR Apache-2.0{after}\n");
            assert_eq!(said(&text).as_deref(), Some("MIT OR Apache-2.0"));
        }
        assert_eq!(said("no word\n"), None);
    }

    #[test]
    fn the_last_paragraph_that_is_for_a_file_holds() {
        let text = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n\
            Files: *\nCopyright: us\nLicense: Expat or Apache-2.0\n\n\
            Files:\n drivers/*\n a.c\nCopyright: us\nLicense: GPL-2\n";
        let of = |files: &[(&str, &str)]| {
            let files: Vec<_> = files.iter().map(|(f, l)| (Path::new(*f), *l)).collect();
            differences(text, &files)
        };
        let right = [
            ("x.rs", "Apache-2.0 OR MIT"),
            ("drivers/x/y.rs", "GPL-2.0-only"),
            ("a.c", "GPL-2.0-only"),
        ];
        assert_eq!(of(&right), Vec::<String>::new());
        assert_eq!(
            of(&[("drivers/x/y.rs", "GPL-2.0-only OR MIT")]),
            ["drivers/x/y.rs is \"GPL-2.0-only OR MIT\", in debian/copyright it is \"GPL-2\""]
        );
        assert_eq!(of(&[("b.c", "GPL-2.0-only")]).len(), 1);
    }
}
