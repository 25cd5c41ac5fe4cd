// SPDX-License-Identifier: MIT OR Apache-2.0
//! The crates that a recipe fetches, against what cargo has found.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// A package in Cargo.lock.
#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    checksum: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// What cargo has found.
#[derive(Deserialize)]
pub(super) struct Lock {
    package: Vec<Package>,
}

impl Lock {
    /// The packages that `dependency` names: `name`, or `name version` where there are several.
    fn find(&self, dependency: &str) -> Option<&Package> {
        let mut words = dependency.split(' ');
        let (name, version) = (words.next()?, words.next());
        self.package
            .iter()
            .find(|p| p.name == name && version.is_none_or(|version| p.version == version))
    }

    /// All crates from a registry that `root` needs, as `name-version` with their checksums.
    fn needs(&self, root: &str) -> BTreeMap<String, String> {
        let mut seen = BTreeSet::new();
        let mut left: Vec<&Package> = self.find(root).into_iter().collect();
        let mut needs = BTreeMap::new();
        while let Some(package) = left.pop() {
            let name = format!("{}-{}", package.name, package.version);
            if !seen.insert(name.clone()) {
                continue;
            }
            left.extend(package.dependencies.iter().filter_map(|d| self.find(d)));
            if let Some(checksum) = &package.checksum {
                needs.insert(name, checksum.clone());
            }
        }
        needs
    }
}

/// The crates of a generated list: the fetched ones, and the checksums.
fn listed(list: &str) -> (BTreeSet<String>, BTreeMap<String, String>) {
    let fetched = list
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("crate://"))
        .filter_map(|uri| uri.split_once('/'))
        .map(|(_, crate_)| crate_.replace('/', "-"))
        .collect();
    let checksums = list
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("SRC_URI[")?.split_once(".sha256sum]")?;
            let checksum = rest.split('"').nth(1)?;
            Some((name.to_owned(), checksum.to_owned()))
        })
        .collect();
    (fetched, checksums)
}

/// How `list`, that of the recipe `recipe`, differs from what Cargo.lock says that the crate `root` needs.
pub(super) fn out_of_step(lock: &Lock, root: &str, recipe: &str, list: &str) -> Option<String> {
    let needs = lock.needs(root);
    let (fetched, checksums) = listed(list);
    let needed: BTreeSet<String> = needs.keys().cloned().collect();
    let mut complaints: Vec<String> = Vec::new();
    complaints.extend(
        needed
            .difference(&fetched)
            .map(|name| format!("{name} is missing")),
    );
    complaints.extend(
        fetched
            .difference(&needed)
            .map(|name| format!("{name} is not needed")),
    );
    for (name, checksum) in &needs {
        if fetched.contains(name) && checksums.get(name) != Some(checksum) {
            complaints.push(format!("{name} has another checksum"));
        }
    }
    (!complaints.is_empty()).then(|| {
        format!(
            "{}; make it anew: bitbake -c update_crates {recipe}",
            complaints.join(", ")
        )
    })
}

/// The crates of `list` without a checksum, and the checksums without a crate.
pub(super) fn unpaired(list: &str) -> Option<String> {
    let (fetched, checksums) = listed(list);
    let sums: BTreeSet<String> = checksums.into_keys().collect();
    let alone: Vec<&str> = fetched
        .symmetric_difference(&sums)
        .map(String::as_str)
        .collect();
    match (fetched.is_empty(), alone.is_empty()) {
        (true, _) => Some("expected crates, came none".into()),
        (_, false) => Some(format!("alone: {}", alone.join(", "))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = r#"
        version = 4
        [[package]]
        name = "rloop"
        version = "0.1.0"
        dependencies = ["a 2.0.0", "b"]
        [[package]]
        name = "a"
        version = "1.0.0"
        checksum = "a1"
        [[package]]
        name = "a"
        version = "2.0.0"
        checksum = "a2"
        dependencies = ["b"]
        [[package]]
        name = "b"
        version = "0.3.0"
        checksum = "b"
        dependencies = ["a 2.0.0"]
    "#;

    fn list(crates: &[(&str, &str)]) -> String {
        let mut list = String::new();
        for (name, sum) in crates {
            list += &format!(
                "    crate://crates.io/{} \\\nSRC_URI[{name}.sha256sum] = \"{sum}\"\n",
                name.replacen('-', "/", 1)
            );
        }
        list
    }

    fn complaint(crates: &[(&str, &str)]) -> Option<String> {
        out_of_step(
            &toml::from_str(LOCK).unwrap(),
            "rloop",
            "rloop",
            &list(crates),
        )
    }

    #[test]
    fn the_list_of_crates_is_held_against_the_lock_file() {
        assert_eq!(complaint(&[("a-2.0.0", "a2"), ("b-0.3.0", "b")]), None);
        let why = complaint(&[("a-1.0.0", "a1"), ("b-0.3.0", "x")]).unwrap();
        assert!(why.contains("a-2.0.0 is missing"), "{why}");
        assert!(why.contains("a-1.0.0 is not needed"), "{why}");
        assert!(why.contains("b-0.3.0 has another checksum"), "{why}");
    }

    #[test]
    fn a_crate_without_a_checksum_is_told() {
        let both = list(&[("a-2.0.0", "a2"), ("b-0.3.0", "b")]);
        assert_eq!(unpaired(&both), None);
        let one = both.replace("SRC_URI[b-0.3.0", "SRC_URI[b-0.4.0");
        assert_eq!(unpaired(&one).unwrap(), "alone: b-0.3.0, b-0.4.0");
        assert!(unpaired("").is_some());
    }
}
