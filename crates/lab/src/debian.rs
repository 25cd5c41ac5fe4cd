// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debian's releases.

/// The release that everything is taken from; kernels from its backports.
pub const RELEASE: &str = "trixie";
/// Releases whose presence in apt's sources shows that a mirror is Debian's.
pub(crate) const RELEASES: &[&str] = &[
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
];
