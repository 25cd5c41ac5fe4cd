// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration for bitbake-setup, against the kas files and the layer: it says once more what these say.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::kas::Dump;
use lab::error::{AtPath as _, Error, Result};

/// The file.
pub(crate) const FILE: &str = "rloop-wrynose.conf.json";
/// Where the layer's fragments are, and what comes before their names.
const FRAGMENTS: &str = "meta-rloop/conf/fragments/rloop";
const PREFIX: &str = "rloop/rloop/";

/// All strings below the key `key`, wherever it is, of an entry or of entries with a name.
fn named<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if name == key {
                    let entries = value.as_array().into_iter().flatten();
                    found.extend(entries.filter_map(|entry| {
                        let name = entry.get("name").unwrap_or(entry);
                        name.as_str()
                    }));
                }
                named(value, key, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| named(value, key, found)),
        _ => {}
    }
}

/// What is wrong with the text of the file, of the repository `repo`, where kas says `dump` of the same configuration.
fn problems(repo: &Path, text: &str, dump: &Dump) -> Vec<String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(e) => return vec![e.to_string()],
    };
    let mut problems = Vec::new();
    for repository in dump.repositories() {
        let source = &value["sources"][repository.name]["git-remote"];
        for (key, wanted) in [
            ("uri", Some(repository.url)),
            ("branch", repository.branch),
            ("rev", repository.commit),
        ] {
            let came = source[key].as_str();
            if came != wanted {
                let [came, wanted] = [came, wanted].map(Option::unwrap_or_default);
                let name = repository.name;
                problems.push(format!(
                    "{name}: {key} is \"{came}\", and \"{wanted}\" for kas"
                ));
            }
        }
    }
    for (key, what) in [
        ("oe-fragments", "fragment"),
        ("bb-layers-file-relative", "layer"),
    ] {
        let mut names = Vec::new();
        named(&value, key, &mut names);
        if names.is_empty() {
            problems.push(format!("no {key}"));
        }
        for name in names {
            let path = match name.strip_prefix(PREFIX) {
                Some(own) => format!("{FRAGMENTS}/{own}.conf"),
                None if key == "oe-fragments" => continue,
                None => format!("{name}/conf/layer.conf"),
            };
            if !repo.join(&path).is_file() {
                problems.push(format!("{what} {name}: there is no {path}"));
            }
        }
    }
    problems
}

/// What is wrong with the file, if anything.
pub(super) fn complaint(repo: &Path, dump: &Dump) -> Result<Option<String>> {
    let path = repo.join(FILE);
    let text = fs::read_to_string(&path).at(&path)?;
    let problems = problems(repo, &text, dump);
    Ok((!problems.is_empty()).then(|| problems.join("; ")))
}

/// What can be asked of the configurations in `value`, after what those around them leave to be `chosen`: a name, then
/// one of the fragments of each choice.
fn ways(value: &Value, chosen: &[String], found: &mut Vec<String>) {
    for configuration in value["configurations"].as_array().into_iter().flatten() {
        let mut chosen = chosen.to_vec();
        let choices = configuration["oe-fragments-one-of"].as_object();
        for choice in choices.into_iter().flat_map(|choices| choices.values()) {
            let mut names = Vec::new();
            named(choice, "options", &mut names);
            chosen = chosen
                .iter()
                .flat_map(|before| names.iter().map(move |name| format!("{before} {name}")))
                .collect();
        }
        if let Some(name) = configuration["name"].as_str() {
            found.extend(chosen.iter().map(|choice| format!("{name}{choice}")));
        }
        ways(configuration, &chosen, found);
    }
}

/// Every configuration of the file, as `bitbake-setup init FILE` is asked for it.
pub(crate) fn configurations(repo: &Path) -> Result<Vec<String>> {
    let path = repo.join(FILE);
    let text = fs::read_to_string(&path).at(&path)?;
    let value: Value = serde_json::from_str(&text).map_err(|e| Error::BadInput {
        what: FILE,
        given: e.to_string(),
        allowed: "configurations as JSON".into(),
    })?;
    let mut found = Vec::new();
    ways(&value["bitbake-setup"], &[String::new()], &mut found);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_can_be_asked_for_on_each_machine_that_it_leaves_to_be_chosen() {
        let repo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        assert_eq!(
            configurations(&repo).unwrap(),
            [
                "rloop machine/qemuarm64",
                "rloop machine/qemux86-64",
                "rloop machine/qemuarm",
                "rloop-family machine/qemuarm64",
                "rloop-family machine/qemux86-64",
                "rloop-family machine/qemuarm",
                "rloop-genericarm64",
                "rloop-family-genericarm64",
            ]
        );
    }

    #[test]
    fn what_differs_from_kas_and_what_is_not_there_is_told() {
        let dir = tempfile::tempdir().unwrap();
        for path in [
            "meta-rloop/conf/layer.conf",
            "meta-rloop/conf/fragments/rloop/kernel.conf",
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let dump = Dump::parse(
            r#"{"repos": {"a": {"url": "u", "branch": "b", "commit": "c"}, "own": null}}"#,
        )
        .unwrap();
        let good = r#"{"sources": {"a": {"git-remote": {"uri": "u", "branch": "b", "rev": "c"}}},
            "x": [{"bb-layers-file-relative": ["meta-rloop"],
                   "oe-fragments": ["core/yocto/other", {"name": "rloop/rloop/kernel"}]}]}"#;
        let problems = |text: &str| problems(dir.path(), text, &dump);
        assert_eq!(problems(good), [""; 0]);
        assert_eq!(
            problems(&good.replace("\"c\"", "\"d\"")),
            ["a: rev is \"d\", and \"c\" for kas"]
        );
        let other = problems(&good.replace("rloop/kernel\"", "rloop/kernels\""));
        assert_eq!(
            other,
            [
                "fragment rloop/rloop/kernels: there is no meta-rloop/conf/fragments/rloop/kernels.conf"
            ]
        );
        assert_eq!(problems(&good.replace("[\"meta-rloop\"]", "[]")).len(), 1);
        assert_eq!(problems("{").len(), 1);
    }
}
