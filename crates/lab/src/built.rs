// SPDX-License-Identifier: MIT OR Apache-2.0
//! What guests are given of ours.

use std::path::PathBuf;

use crate::once::Once;

/// What is built of ours while this program runs: all guests have the same.
#[derive(Default)]
pub(crate) struct Built {
    /// The tool, and other programs, by their architectures' names.
    pub(crate) programs: Once<Vec<PathBuf>>,
    /// The drivers' modules, by their kernels' names.
    pub(crate) modules: Once<Vec<PathBuf>>,
}
