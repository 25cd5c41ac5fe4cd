// SPDX-License-Identifier: MIT OR Apache-2.0
//! What guests are given of ours.

use std::path::PathBuf;

/// What is built of ours for a kernel.
#[derive(Clone)]
pub(crate) struct Built {
    /// The tool, and other programs.
    pub(crate) programs: Vec<PathBuf>,
    /// The drivers' modules.
    pub(crate) modules: Vec<PathBuf>,
}
