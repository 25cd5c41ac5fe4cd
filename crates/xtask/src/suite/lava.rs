// SPDX-License-Identifier: MIT OR Apache-2.0
//! The jobs for LAVA, against its own schema.

use lab::error::Result;
use lab::exec::Cmd;
use lab::fetched::Fetched;
use lab::ui::Step;

use super::Suite;
use super::layer::{extension, files};
use super::steps::program;
use crate::report::Check;

/// The jobs, and the definition of their test.
const JOBS: &str = "boards/lava";
/// Debian's package with the schema.
const SCHEMA: &str = "lava-common";
/// Holds one of them against it.
const VALIDATE: &str = "crates/xtask/lava/validate.py";

/// A check of each file.
pub(super) fn jobs(suite: &Suite<'_>, step: &Step) -> Result<Vec<Check>> {
    let paths = &suite.context.paths;
    let schema = Fetched::packages(suite.context, &[SCHEMA])?;
    let mut checks = Vec::new();
    for file in files(&paths.repo.join(JOBS), |path| extension(path, &["yaml"]))? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let mut validate = Cmd::new(SCHEMA, "python3");
        for (variable, value) in schema.environment() {
            validate.env(variable, value);
        }
        let result = validate
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(paths.repo.join(VALIDATE))
            .arg(&paths.repo)
            .arg(&file)
            .run(step, &paths.log("lava"));
        checks.push(program(&format!("LAVA takes {name}"), result)?);
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use lab::exec::Cmd;

    /// `run DIR SCRIPT COMMAND`: the script, with a lava-test-case that writes what it is told to a file.
    const RUN: &str = "dir=$1\nshift\n\
        printf '#!/bin/sh\\necho \"$*\" >>%s\\n' \"$dir/told\" >\"$dir/lava-test-case\"\n\
        chmod +x \"$dir/lava-test-case\"\n\
        PATH=$dir:$PATH exec sh \"$@\"\n";

    /// What the script tells LAVA of what `command` writes.
    fn cases(command: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../boards/lava/ptest-cases.sh");
        let mut cmd = Cmd::new("ptest-cases.sh", "sh");
        cmd.args(["-c", RUN, "run"]).arg(dir.path()).arg(script);
        cmd.args(["sh", "-c", command]).read().unwrap();
        fs::read_to_string(dir.path().join("told")).unwrap()
    }

    #[test]
    fn each_result_of_a_ptest_is_a_case_of_lava() {
        assert_eq!(
            cases("printf '%s\\n' noise 'PASS: drv/a/b' '  PASS: no' 'SKIP: c' 'PASS: d - why'"),
            "drv.a.b --result pass\nc --result skip\nd --result pass\nsh --result pass\n"
        );
        assert_eq!(
            cases("echo 'PASS: a'; echo 'FAIL: b/c'"),
            "a --result pass\nb.c --result fail\nsh --result fail\n"
        );
    }

    #[test]
    fn a_ptest_that_ends_before_its_time_has_failed() {
        assert_eq!(
            cases("echo 'PASS: a'; exit 3"),
            "a --result pass\nsh --result fail\n"
        );
        assert_eq!(cases("true"), "sh --result fail\n");
    }
}
