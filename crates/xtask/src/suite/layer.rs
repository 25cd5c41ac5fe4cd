// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be said of the Yocto layer without Yocto's sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use walkdir::{DirEntry, WalkDir};

use super::run::{Job, in_guest};
use super::steps::program;
use super::{Suite, complaints};
use lab::error::{AtPath as _, Result};
use lab::guest::{Extras, Guest};
use lab::kernel::Spec;
use lab::python::Python;

use crate::TOOLS;
use crate::manifest::Time;
use crate::report::{self, Check, Verdict};
use lab::ui::Step;

/// What the package `rloop-ptest` runs, and the file that it has beside it.
const RUN_PTEST: &str = "meta-rloop/recipes-test/rloop/rloop/run-ptest";
const KERNEL_COMPLAINTS: &str = "meta-rloop/recipes-test/rloop/rloop/kernel-complaints";
/// Where programs in Python are.
const PYTHON: [&str; 3] = ["meta-rloop", "boards", "crates/xtask"];
/// ptest-runner ends a test that has written nothing for so long, in seconds.
const PTEST_SILENCE: u32 = 300;

/// What lies below `dir`, without what is built or git's own.
fn entries(dir: &Path) -> Result<Vec<DirEntry>> {
    let hidden = |name: &str| name == "target" || name == ".git";
    WalkDir::new(dir)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|e| !hidden(&e.file_name().to_string_lossy()))
        .map(|entry| entry.map_err(std::io::Error::from).at(dir))
        .collect()
}

/// The files below `dir` that `wanted` takes.
pub(super) fn files(dir: &Path, wanted: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut entries = entries(dir)?;
    entries.retain(|entry| entry.file_type().is_file() && wanted(entry.path()));
    Ok(entries.into_iter().map(DirEntry::into_path).collect())
}

/// The links below `dir`: a copy of the layer, or an archive of it, has nothing at their ends.
fn links(dir: &Path) -> Result<Option<String>> {
    let mut links = entries(dir)?;
    links.retain(DirEntry::path_is_symlink);
    let links: Vec<String> = links
        .iter()
        .map(|link| link.path().display().to_string())
        .collect();
    Ok((!links.is_empty())
        .then(|| format!("expected files alone, came links: {}", links.join(", "))))
}

/// Texts of recipes that go on at the next line with spaces, which a package's description would have in it.
fn gaps(recipes: &[PathBuf]) -> Result<Option<String>> {
    let mut found = Vec::new();
    for path in recipes {
        let text = fs::read_to_string(path).at(path)?;
        let mut inside = false;
        for (number, line) in (1..).zip(text.lines()) {
            if inside && line.starts_with([' ', '\t']) {
                found.push(format!("{}:{number}", path.display()));
            }
            let begins = ["SUMMARY", "DESCRIPTION"];
            inside = line.ends_with('\\')
                && (inside || begins.iter().any(|word| line.starts_with(word)));
        }
    }
    Ok((!found.is_empty()).then(|| {
        format!(
            "expected texts that go on at the beginning of a line, came {}",
            found.join(", ")
        )
    }))
}

pub(super) fn extension(path: &Path, any: &[&str]) -> bool {
    path.extension()
        .is_some_and(|e| any.iter().any(|one| e == *one))
}

/// oelint-adv for the layer, ruff for Python, shellcheck for the shell; and that the layer is whole.
pub(super) fn lint(suite: &Suite<'_>, step: &Step) -> Result<Vec<Check>> {
    let python = Python::get(suite.context, TOOLS, None)?;
    let paths = &suite.context.paths;
    let layer = paths.layer();
    let recipes = files(&layer, |path| {
        extension(path, &["bb", "bbappend", "bbclass", "inc"]) || path.ends_with("conf/layer.conf")
    })?;
    let scripts = files(&paths.repo, |path| {
        fs::read(path).is_ok_and(|text| {
            let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            line.starts_with(b"#!") && line.ends_with(b"sh")
        })
    })?;
    let oelint = python
        .module("oelint_adv")
        .dir(&layer)
        .arg("--quiet")
        .args(&recipes)
        .run(step, &paths.log("oelint"));
    let ruff = |arguments: &[&str], log: &str| {
        python
            .program("ruff")
            .dir(&paths.repo)
            .args(arguments)
            .args(PYTHON)
            .run(step, &paths.log(log))
    };
    let shellcheck = suite
        .sandbox
        .command::<&str, &str>("shellcheck", &paths.repo, &[], "shellcheck")?
        .args(&scripts)
        .run(step, &paths.log("shellcheck"));
    let mut checks = vec![
        program(&format!("oelint-adv, {} files", recipes.len()), oelint)?,
        program("ruff check", ruff(&["check", "--no-cache"], "ruff-check"))?,
        program(
            "ruff format",
            ruff(&["format", "--no-cache", "--check"], "ruff-format"),
        )?,
        program(&format!("shellcheck, {} files", scripts.len()), shellcheck)?,
        Check::that("the layer can be copied", links(&layer)?),
        Check::that("descriptions have no gaps", gaps(&recipes)?),
    ];
    checks.extend(complaints::found(&paths.repo, RUN_PTEST, &python)?);
    Ok(checks)
}

/// Runs run-ptest as ptest-runner does: in its own directory, as a program without input, and with an eye on how long it
/// says nothing. Nobody has mounted configfs and debugfs, as on a machine whose boot does not.
fn ptest_script(run_ptest: &str, kernel_complaints: &str) -> String {
    format!(
        "mkdir -p /usr/lib/rloop/ptest && cd /usr/lib/rloop/ptest || exit 2\n\
         cat >kernel-complaints <<'END OF COMPLAINTS'\n{kernel_complaints}END OF COMPLAINTS\n\
         cat >run-ptest <<'END OF RUN-PTEST'\n{run_ptest}END OF RUN-PTEST\n\
         chmod +x run-ptest\n\
         state() {{ {{ cut -d ' ' -f 1 /proc/modules; cut -d ' ' -f 1-3 /proc/mounts; }} | sort >\"$1\"; }}\n\
         now() {{ cut -d . -f 1 /proc/uptime; }}\n\
         only() {{ grep -vxFf \"$2\" \"$1\" | tr '\\n' ' '; }}\n\
         umount /sys/kernel/config /sys/kernel/debug || echo 'FAIL: neither configfs nor debugfs is mounted yet'\n\
         state /tmp/before\n\
         {{ ./run-ptest 2>&1 </dev/null; echo $? >/tmp/ptest-status; }} | {{\n\
         \tlast=$(now) gap=0\n\
         \twhile IFS= read -r line; do\n\
         \t\tprintf '%s\\n' \"$line\"\n\
         \t\twait=$(($(now) - last)) last=$(now)\n\
         \t\t[ $wait -le $gap ] || gap=$wait\n\
         \tdone\n\
         \techo \"  $gap s at most without a line\"\n\
         \t[ $gap -lt {PTEST_SILENCE} ] && echo 'PASS: within the limit of ptest-runner' || echo 'FAIL: within the limit of ptest-runner'\n\
         }}\n\
         status=$(cat /tmp/ptest-status)\n\
         state /tmp/after\n\
         cmp -s /tmp/before /tmp/after && echo 'PASS: the machine is as it was' || {{\n\
         \techo \"  still there: $(only /tmp/after /tmp/before); gone: $(only /tmp/before /tmp/after)\"\n\
         \techo 'FAIL: the machine is as it was'\n\
         }}\n\
         exit $status\n"
    )
}

/// run-ptest in a guest, which it has to load the modules in.
pub(super) fn ptest(suite: &Suite<'_>, step: &Step, name: &str, spec: &Spec) -> Result<Vec<Check>> {
    let read = |file: &str| {
        let path = suite.context.paths.repo.join(file);
        fs::read_to_string(&path).at(&path)
    };
    // The build adds the crate's own tests, which were run on the host, and this line.
    let mut text = read(RUN_PTEST)?;
    text.push_str("\nexit $rc\n");
    let kernel = suite.kernel(spec, step)?;
    let guest = Guest::build(suite.context, suite.sandbox, &kernel)?;
    let job = Job {
        name,
        script: ptest_script(&text, &read(KERNEL_COMPLAINTS)?),
        timeout: Duration::from_secs(1200),
        time: Time::Counted,
        processors: 1,
        board: None,
        append: "",
        extras: Extras::default(),
        sealed: false,
    };
    let (outcome, checks) = in_guest(suite, step, &guest, &job, str::to_owned)?;
    let mut checks = Vec::from(checks);
    let results = report::from_ptest(&outcome.output);
    checks.push(Check::that(
        "run-ptest has tested a driver",
        (!results.iter().any(|check| check.name.ends_with("/load")))
            .then(|| "expected PASS: DRIVER/load in its output, came none".to_owned()),
    ));
    let without = results.iter().find_map(|check| match &check.verdict {
        Verdict::Skip(why) if why.contains("configfs") => Some(format!("{}: {why}", check.name)),
        _ => None,
    });
    checks.push(Check::that("run-ptest has mounted configfs", without));
    checks.extend(results);
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the shell function `name` of linux-rloop-check.inc says of a kernel of this version, whose configuration is
    /// `config`, to these files of options; nothing if that is fine. There is one driver, drv, which needs some of its own.
    fn said(name: &str, version: &str, config: &str, fragments: &str) -> String {
        let text =
            include_str!("../../../../meta-rloop/recipes-kernel/linux/linux-rloop-check.inc");
        let (_, function) = text.split_once(&format!("\n{name}() {{\n")).unwrap();
        let (body, _) = function.split_once("\n}\n").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (level, patch) = version.split_once('.').unwrap();
        for (file, content) in [
            (
                "Makefile",
                format!("VERSION = {level}\nPATCHLEVEL = {patch}\n"),
            ),
            (".config", config.to_owned()),
            ("drivers/lib/kernel.cfg", "# it\nCONFIG_RUST=y\n".to_owned()),
            (
                "drivers/drv/kernel.cfg",
                "CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=8\n".to_owned(),
            ),
            ("drivers/drv/kernel-test.cfg", "CONFIG_T=y\n".to_owned()),
        ] {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        // bbfatal ends the task; what is a variable of bitbake's is one of the shell's here.
        let output = std::process::Command::new("sh")
            .args([
                "-ec",
                &format!("bbfatal() {{ echo \"$*\"; exit 1; }}\n{body}"),
            ])
            .envs(["S", "B", "RLOOP_SRC"].map(|name| (name, dir.path())))
            .env("PN", "linux")
            .env("RLOOP_DRIVERS", "drv more")
            .env("RLOOP_KERNEL_FRAGMENTS", fragments)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.success(), told.is_empty(), "{output:?}");
        told
    }

    /// [`said`] of a kernel's configuration, with all that there is.
    fn kernel_check(config: &str) -> String {
        let all = "drivers/lib/kernel.cfg drivers/drv/kernel.cfg drivers/drv/kernel-test.cfg";
        said("rloop_kernel_check", "6.18", config, all)
    }

    #[test]
    fn a_word_that_is_no_driver_is_told() {
        let known = |fragments: &str| said("rloop_kernel_known", "6.18", "", fragments);
        assert_eq!(known("drivers/lib/kernel.cfg drivers/drv/kernel.cfg"), "");
        let told = known("drivers/drv/kernel.cfg drivers/more/kernel.cfg");
        assert!(
            told.contains("/drivers/more/kernel.cfg. RLOOP_DRIVERS, now \"drv more\""),
            "{told}"
        );
    }

    #[test]
    fn a_kernel_that_is_too_old_is_told() {
        // Nothing has been configured then.
        let told = |version: &str| said("rloop_kernel_version", version, "", "");
        for fine in ["6.18", "6.19", "7.0", "10.0"] {
            assert_eq!(told(fine), "", "{fine}");
        }
        for old in ["2.6", "5.19", "6.0", "6.12", "6.17"] {
            let told = told(old);
            assert!(told.contains(&format!("and linux is {old}. ")), "{told}");
            assert!(told.contains("PREFERRED_VERSION_linux "), "{told}");
        }
    }

    #[test]
    fn a_configuration_that_drivers_cannot_have_is_told() {
        let fine = "CONFIG_RUST=y\nCONFIG_A=m\nCONFIG_B=y\n";
        assert_eq!(kernel_check(fine), "");
        let no_rust = kernel_check("CONFIG_A=y\nCONFIG_B=m\n");
        assert!(no_rust.contains("has no CONFIG_RUST=y"), "{no_rust}");
        let without = "CONFIG_RUST=y\n# CONFIG_A is not set\nCONFIG_AB=y\nCONFIG_BB=m\n";
        let told = kernel_check(without);
        assert!(told.contains("drivers/drv/kernel.cfg says, and "), "{told}");
        assert!(told.contains(" lacks CONFIG_A CONFIG_B: "), "{told}");
    }

    #[test]
    fn a_gap_in_a_description_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.bb");
        let said = |text: &str| {
            fs::write(&path, text).unwrap();
            gaps(std::slice::from_ref(&path)).unwrap()
        };
        let fine = "SUMMARY = \"a\"\nDESCRIPTION = \"a \\\nb\"\nSRC_URI = \"\\\n    c \\\n\"\n";
        assert_eq!(said(fine), None);
        let told = said(&fine.replace("\nb", "\n  b")).unwrap();
        assert!(told.ends_with("a.bb:3"), "{told}");
    }

    #[test]
    fn a_link_in_the_layer_is_told() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        assert_eq!(links(dir.path()).unwrap(), None);
        std::os::unix::fs::symlink("../elsewhere", dir.path().join("link")).unwrap();
        assert!(links(dir.path()).unwrap().unwrap().ends_with("/link"));
    }
}
