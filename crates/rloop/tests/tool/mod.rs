// SPDX-License-Identifier: MIT OR Apache-2.0

//! The tool, as the tests run it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What cargo has built with this test; or the one that is installed, as this test may be, far from where both were
/// built.
pub fn rloop(arguments: &[&str]) -> Command {
    let test = std::env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("rloop");
    let mut command = Command::new(if built.is_file() {
        built
    } else {
        PathBuf::from("rloop")
    });
    command.args(arguments).stdin(Stdio::null());
    command
}
