// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is said of a driver in several places: its manifest, Kbuild and kernel options, its parameters, its recipe, the
//! layer's list of all drivers, its page, the lists in the documentation, and its place in the tool; and what may be said
//! nowhere else.

mod copyright;
mod options;
mod parameters;
mod rooms;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::ValueEnum as _;
use lab::error::{AtPath as _, Result};
use lab::ui::Step;

use super::{Suite, layer};
use crate::manifest::{self, Family, LIST, Manifest};
use crate::report::Check;

/// The recipes, `NAME_VERSION.bb`.
const RECIPES: &str = "meta-rloop/recipes-kernel/rloop-modules";
/// The pages.
const PAGES: &str = "docs/using";
/// What drivers take for their defaults from what they share.
const SHARED: &str = "drivers/lib/model/limits.rs";
/// Where the tool has a folder for each family, and in it one for each driver.
const TOOL: &str = "crates/rloop/src/families";
/// What the summary of a recipe has after that of the manifest.
const SUMMARY_END: &str = ", a kernel module in Rust";

/// One check for each driver, and one for what has no driver.
pub(super) fn everywhere(suite: &Suite<'_>, _: &Step) -> Result<Vec<Check>> {
    let repo = &suite.context.paths.repo;
    let mut checks = checks(repo, &manifest::all(&suite.context.paths)?)?;
    let versions = versions(repo)?;
    checks.push(Check::that(
        "drivers, packages and tool have one version",
        (!versions.is_empty()).then(|| versions.join("; ")),
    ));
    let copyright = copyright::problems(repo)?;
    checks.push(Check::that(
        "debian/copyright says what the files say",
        (!copyright.is_empty()).then(|| copyright.join("; ")),
    ));
    Ok(checks)
}

pub(super) fn checks(repo: &Path, drivers: &[Manifest]) -> Result<Vec<Check>> {
    let recipes = recipes(repo)?;
    let path = repo.join(LIST);
    let list = listed(&fs::read_to_string(&path).at(&path)?);
    let mut checks = Vec::new();
    for driver in drivers {
        let problems = problems(repo, driver, &recipes, &list)?;
        checks.push(Check::that(
            format!("{} is the same everywhere", driver.driver.name()),
            (!problems.is_empty()).then(|| problems.join("; ")),
        ));
    }
    let known: BTreeSet<String> = drivers.iter().map(|d| d.driver.name()).collect();
    let unknown = |names: &BTreeSet<String>, place: &str| {
        let names: Vec<_> = names.difference(&known).cloned().collect();
        (!names.is_empty()).then(|| format!("{place} has {}", names.join(", ")))
    };
    let mut more: Vec<String> = Vec::new();
    more.extend(unknown(&recipes, RECIPES));
    more.extend(unknown(&list, LIST));
    more.extend(unknown(&folders(&repo.join("drivers"))?, "drivers/"));
    checks.push(Check::that(
        "nothing is said of what has no manifest",
        (!more.is_empty()).then(|| more.join("; ")),
    ));
    let options = options::problems(repo)?;
    checks.push(Check::that(
        "files with kernel options say the same",
        (!options.is_empty()).then(|| options.join("; ")),
    ));
    let known: Vec<String> = known.into_iter().collect();
    let misplaced = rooms::problems(repo, &known)?;
    checks.push(Check::that(
        "shared rooms know no driver, and drivers have no unsafe",
        (!misplaced.is_empty()).then(|| misplaced.join("; ")),
    ));
    Ok(checks)
}

/// The files that say the drivers' version, and how a line of each has to begin.
const VERSIONS: [(&str, &str); 3] = [
    (
        "drivers/dkms.conf",
        concat!("PACKAGE_VERSION=\"", env!("CARGO_PKG_VERSION"), "\""),
    ),
    (
        "drivers/lib/helpers/kernel.c",
        concat!("MODULE_VERSION(\"", env!("CARGO_PKG_VERSION"), "\");"),
    ),
    (
        "debian/changelog",
        concat!("rloop (", env!("CARGO_PKG_VERSION"), "-"),
    ),
];

/// How the names of the drivers' recipes end.
const RECIPE_END: &str = concat!("_", env!("CARGO_PKG_VERSION"), ".bb");

/// Which of them say another.
fn versions(repo: &Path) -> Result<Vec<String>> {
    let wrong = VERSIONS.iter().filter(|(file, line)| {
        let text = fs::read_to_string(repo.join(file)).unwrap_or_default();
        !text.lines().any(|one| one.starts_with(line))
    });
    let recipes = layer::files(&repo.join(RECIPES), |path| {
        !path.to_string_lossy().ends_with(RECIPE_END)
    })?;
    let recipes = recipes.iter().map(|path| path.display());
    Ok(wrong
        .map(|(file, line)| format!("{file} lacks a line that begins with `{line}`"))
        .chain(recipes.map(|path| format!("{path} does not end with {RECIPE_END}")))
        .collect())
}

/// What `driver` lacks, or what is said of it otherwise.
fn problems(
    repo: &Path,
    driver: &Manifest,
    recipes: &BTreeSet<String>,
    list: &BTreeSet<String>,
) -> Result<Vec<String>> {
    let name = driver.driver.name();
    let mut problems = Vec::new();
    let mut wants = |fine: bool, what: String| {
        if !fine {
            problems.push(what);
        }
    };
    for file in ["Makefile", "Kbuild", "kernel.cfg", "host/Cargo.toml"] {
        let path = driver.driver.dir.join(file);
        wants(path.is_file(), format!("drivers/{name}/{file} is missing"));
    }
    let kbuild = fs::read_to_string(driver.driver.dir.join("Kbuild")).unwrap_or_default();
    let object = format!("obj-m := {}.o", driver.driver.module);
    wants(
        kbuild.lines().any(|line| line == object),
        format!("drivers/{name}/Kbuild lacks the line `{object}`"),
    );
    let page = format!("{PAGES}/{name}.md");
    wants(repo.join(&page).is_file(), format!("{page} is missing"));
    let read = |file: &str| fs::read_to_string(repo.join(file)).unwrap_or_default();
    let own = |file: &str| read(&format!("drivers/{name}/{file}"));
    for option in options::unnamed(&kbuild, &own("kernel.cfg")) {
        let what = "which Kbuild says that the module needs, and does not say what selects it";
        wants(
            false,
            format!("drivers/{name}/kernel.cfg lacks {option}, {what}"),
        );
    }
    for what in parameters::problems(&parameters::Sources {
        c: &own("bindings/helpers.c"),
        model: &(own("model/params.rs") + &read(SHARED)),
        page: &read(&page),
    }) {
        wants(false, what);
    }
    let family = family_name(driver.family);
    let ran = |option: &str| {
        let mut runs = driver.runs.iter().filter_map(|run| run.verify.as_deref());
        runs.any(|arguments| arguments.split_whitespace().any(|word| word == option))
    };
    let mut rows = vec![
        ("README.md", format!("| [{name}](docs/using/{name}.md) |")),
        (
            "docs/index.md",
            format!("| [{name}: the manual](using/{name}.md) |"),
        ),
    ];
    if ran("--faults") {
        rows.push((
            "docs/using/faults.md",
            format!("| [{name}]({name}.md#faults-on-demand) |"),
        ));
    }
    for (file, row) in rows {
        wants(
            read(file).lines().any(|line| line.starts_with(&row)),
            format!("{file} lacks the row {row}"),
        );
    }
    if driver.runs.iter().any(|run| run.verify.is_some()) {
        let root = name.replace('-', "_");
        let at = format!("{TOOL}/{family}/{root}/mod.rs");
        wants(
            repo.join(&at).is_file(),
            format!("its family is {family}, and {at} is missing"),
        );
        let table = format!("{TOOL}/{family}/mod.rs");
        let entry = format!("{root}::ENTRY");
        wants(
            read(&table).contains(&entry),
            format!("{table} lacks {entry}"),
        );
        let row = format!("| `{family}` | ");
        let list = format!("{PAGES}/rloop.md");
        let said = read(&list);
        let drivers = said
            .lines()
            .find_map(|line| line.strip_prefix(&row)?.split('|').next());
        wants(
            drivers.is_some_and(|drivers| drivers.split(',').any(|word| word.trim() == name)),
            format!("{list} lacks {name} among the drivers of {family}"),
        );
    }
    wants(list.contains(&name), format!("{LIST} lacks {name}"));
    if recipes.contains(&name) {
        let text = recipe(repo, &name)?;
        let summary = format!("SUMMARY = \"{}{SUMMARY_END}\"", driver.summary);
        // One of another family may make sound cards as well.
        let classes: &[&str] = match driver.family {
            Family::Sound => &["inherit rloop_sound"],
            _ => &["inherit rloop_module", "inherit rloop_sound"],
        };
        for lines in [classes, &[summary.as_str()]] {
            wants(
                text.lines().any(|l| lines.contains(&l)),
                format!("its recipe lacks the line `{}`", lines.join("` or `")),
            );
        }
    } else {
        wants(false, format!("{RECIPES}/{name}_VERSION.bb is missing"));
    }
    Ok(problems)
}

/// A family's name in manifests and for the tool.
fn family_name(family: Family) -> String {
    let value = family.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}

/// The `wanted` files of a folder, and what is in them.
fn read(repo: &Path, dir: &str, wanted: impl Fn(&Path) -> bool) -> Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for path in layer::files(&repo.join(dir), wanted)? {
        let text = fs::read_to_string(&path).at(&path)?;
        let name = path.strip_prefix(repo).unwrap_or(&path);
        files.push((name.display().to_string(), text));
    }
    Ok(files)
}

/// The names of what there are recipes for.
fn recipes(repo: &Path) -> Result<BTreeSet<String>> {
    let dir = repo.join(RECIPES);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&dir).at(&dir)? {
        let file = entry.at(&dir)?.file_name().to_string_lossy().into_owned();
        if let Some((name, _)) = file.strip_suffix(".bb").and_then(|f| f.split_once('_')) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

/// The recipe of the driver `name`.
fn recipe(repo: &Path, name: &str) -> Result<String> {
    let dir = repo.join(RECIPES);
    for entry in fs::read_dir(&dir).at(&dir)? {
        let path = entry.at(&dir)?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        if file.split_once('_').is_some_and(|(of, _)| of == name) {
            return fs::read_to_string(&path).at(&path);
        }
    }
    Ok(String::new())
}

/// The words of `RLOOP_DRIVERS = "…"`, which may go over several lines.
fn listed(text: &str) -> BTreeSet<String> {
    let value = text
        .split_once("\nRLOOP_DRIVERS = \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    let words = value.map_or("", |(words, _)| words).split_whitespace();
    words.filter(|w| *w != "\\").map(str::to_owned).collect()
}

/// The folders with a Makefile: whatever can be built is a driver.
fn folders(drivers: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(drivers).at(drivers)? {
        let entry = entry.at(drivers)?;
        if entry.path().join("Makefile").is_file() {
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use lab::driver::Driver;

    use super::*;
    use crate::report::Verdict;

    const DRIVER: &[(&str, &str)] = &[
        ("drivers/drv/Makefile", ""),
        ("drivers/drv/Kbuild", "obj-m := drv.o\n"),
        ("drivers/drv/kernel.cfg", ""),
        ("drivers/drv/host/Cargo.toml", ""),
        (
            "meta-rloop/recipes-kernel/rloop-modules/drv_0.1.0.bb",
            "SUMMARY = \"A thing, a kernel module in Rust\"\n\ninherit rloop_module\n",
        ),
        (LIST, "# x\nRLOOP_DRIVERS = \"\\\n    drv \\\n\"\n"),
        (
            "docs/using/drv.md",
            "| parameter | values | default |\n|---|---|---|\n| `size` | 1–9 | 5 |\n",
        ),
        (
            "drivers/drv/bindings/helpers.c",
            "\tX(size, int, false, \"5\", \"Its size, 1-9 (default: 5).\")\n",
        ),
        (
            "drivers/drv/model/params.rs",
            "\nwritten! {\n    size: FIVE,\n}\n",
        ),
        (SHARED, "pub const FIVE: &str = \"5\";\n"),
        ("README.md", "| [drv](docs/using/drv.md) | a thing |\n"),
        (
            "docs/index.md",
            "| [drv: the manual](using/drv.md) | a thing |\n",
        ),
        (
            "docs/using/faults.md",
            "| [drv](drv.md#faults-on-demand) | here | things |\n",
        ),
        (
            "docs/using/rloop.md",
            "| `char` | other, drv | verify, status |\n",
        ),
        (
            "crates/rloop/src/families/char/mod.rs",
            "    drivers: &[other::ENTRY, drv::ENTRY],\n",
        ),
        ("crates/rloop/src/families/char/drv/mod.rs", ""),
        ("drivers/lib/lock.rs", "// Of drvs.\n"),
        ("drivers/drv/src/a.rs", "// No unsafe.\n"),
    ];

    /// What is told of a repository in which the file `path` is `text`, or is not there.
    fn told(path: &str, text: Option<&str>) -> String {
        let dir = tempfile::tempdir().unwrap();
        for (file, content) in DRIVER {
            let content = if *file == path { text } else { Some(*content) };
            let to = dir.path().join(file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            if let Some(content) = content {
                fs::write(to, content).unwrap();
            }
        }
        let driver = Manifest {
            summary: "A thing".into(),
            family: Family::Char,
            driver: Driver {
                dir: dir.path().join("drivers/drv"),
                module: "drv".into(),
                packages: Vec::new(),
                programs: Vec::new(),
                arches: Vec::new(),
            },
            demo: None,
            bench: None,
            runs: vec![toml::from_str("name = \"faults\"\nverify = \"--faults\"\n").unwrap()],
        };
        let checks = checks(dir.path(), &[driver]).unwrap();
        let failed = checks.into_iter().filter_map(|check| match check.verdict {
            Verdict::Fail(why) => Some(why),
            _ => None,
        });
        failed.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn a_driver_that_is_the_same_everywhere_is_fine() {
        assert_eq!(told("", None), "");
    }

    #[test]
    fn what_is_missing_or_otherwise_is_told() {
        for (path, why) in [
            (
                "drivers/drv/Kbuild",
                "drivers/drv/Kbuild is missing; drivers/drv/Kbuild lacks the line `obj-m := drv.o`",
            ),
            (
                "drivers/drv/kernel.cfg",
                "drivers/drv/kernel.cfg is missing",
            ),
            (
                "docs/using/drv.md",
                "docs/using/drv.md is missing; its page lacks the parameter size",
            ),
            (
                DRIVER[4].0,
                "meta-rloop/recipes-kernel/rloop-modules/drv_VERSION.bb is missing",
            ),
        ] {
            assert_eq!(told(path, None), why);
        }
        for (path, text, why) in [
            (
                "README.md",
                "| [other](docs/using/other.md) | [drv](docs/using/drv.md) |\n",
                "README.md lacks the row | [drv](docs/using/drv.md) |",
            ),
            (
                "docs/index.md",
                "[drv](using/drv.md)",
                "docs/index.md lacks the row | [drv: the manual](using/drv.md) |",
            ),
            (
                "docs/using/faults.md",
                "",
                "docs/using/faults.md lacks the row | [drv](drv.md#faults-on-demand) |",
            ),
            (
                "docs/using/rloop.md",
                "| `char` | other | verify |\n| `net` | drv | verify |\n",
                "docs/using/rloop.md lacks drv among the drivers of char",
            ),
            (
                "crates/rloop/src/families/char/mod.rs",
                "drivers: &[other::ENTRY]",
                "crates/rloop/src/families/char/mod.rs lacks drv::ENTRY",
            ),
            (
                "drivers/drv/kernel.cfg",
                "CONFIG_RUST=y\nCONFIG_RUST=n\n",
                "drivers/drv/kernel.cfg says CONFIG_RUST=y, and drivers/drv/kernel.cfg n",
            ),
            (
                "drivers/drv/Kbuild",
                "obj-m := drv.o\nrloop-needs := NET\n",
                "drivers/drv/kernel.cfg lacks CONFIG_NET, which Kbuild says that the module needs, and does not say what \
                 selects it",
            ),
            (
                SHARED,
                "pub const FIVE: &str = \"6\";\n",
                "the default of size is 5 in bindings/helpers.c and 6 in model/params.rs",
            ),
        ] {
            assert_eq!(told(path, Some(text)), why);
        }
        assert_eq!(
            told("crates/rloop/src/families/char/drv/mod.rs", None),
            "its family is char, and crates/rloop/src/families/char/drv/mod.rs is missing"
        );
        assert_eq!(
            told(LIST, Some("\nRLOOP_DRIVERS = \"other\"\n")),
            format!("{LIST} lacks drv; {LIST} has other")
        );
        assert_eq!(
            told("drivers/lib/lock.rs", Some("// Of drv's.\n")),
            "drivers/lib/lock.rs names drv"
        );
        assert_eq!(
            told(
                "drivers/drv/src/a.rs",
                Some("// unsafe\nfn a() { unsafe { b() } }\n")
            ),
            "drivers/drv/src/a.rs has unsafe"
        );
        let summary = "its recipe lacks the line `SUMMARY = \"A thing, a kernel module in Rust\"`";
        let other = DRIVER[4].1.replace("A thing", "Another");
        assert_eq!(told(DRIVER[4].0, Some(&other)), summary);
        let class = |name: &str| {
            let text = DRIVER[4].1.replace("rloop_module", name);
            told(DRIVER[4].0, Some(&text))
        };
        assert_eq!(class("rloop_sound"), "");
        assert_eq!(
            class("module"),
            "its recipe lacks the line `inherit rloop_module` or `inherit rloop_sound`"
        );
    }
}
