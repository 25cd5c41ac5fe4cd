// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who looks at what a run has left.

use std::path::PathBuf;

use serde::Deserialize;

/// Who on the host looks at what a guest has left.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Judge {
    /// Of the kernel tree's own tests of ALSA, which are built for it.
    Kselftest(Kselftest),
    /// Of what was recorded of sounds of these names, which has to be what was played, frame by frame.
    Copies(Vec<String>),
    /// The same in real time, where a host that is busy elsewhere makes xruns: between the pieces there may be as many
    /// pauses as the kernel has had xruns, and as many frames may be missing as it says it has lost.
    CopiesButXruns(Vec<String>),
    /// Of what was recorded of the tone `sine.wav`, as this file of the driver's folder wants it.
    Recordings(PathBuf),
}

/// Which of the kernel tree's tests of a card may fail.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kselftest {
    /// The card's id.
    pub(crate) card: String,
    /// Tests that have to be not ok.
    #[serde(default)]
    pub(crate) not_ok: Vec<NotOk>,
}

/// A test that has to be not ok.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotOk {
    /// The test of `mixer-test`.
    pub(crate) test: String,
    /// The control element's name.
    pub(crate) element: String,
}
