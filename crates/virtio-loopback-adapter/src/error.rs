// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong.

use std::path::PathBuf;

use rustix::io::Errno;

/// A result with an [`Error`].
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The node can't be used.
    #[error("{}: {what}: {errno} (the kernel's log may say more)", path.display())]
    Node {
        /// The node.
        path: PathBuf,
        /// What was asked of it.
        what: &'static str,
        /// What it answered.
        errno: Errno,
    },
    /// The kernel has refused what it has for everybody.
    #[error("{what}: {errno}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What it answered.
        errno: Errno,
    },
    /// The module is of another version.
    #[error("the module's ioctls have version {there}, but this program knows version {known}")]
    Version {
        /// That of the module.
        there: u32,
        /// That of this program.
        known: u32,
    },
    /// The backend has refused.
    #[error("{}: the backend refused {what}: {why}", path.display())]
    Backend {
        /// Its socket.
        path: PathBuf,
        /// What was asked of it.
        what: &'static str,
        /// What it answered.
        why: vhost::Error,
    },
    /// The backend has closed its socket when it was asked something.
    #[error("{}: the backend hung up when it was asked for {what}: {why}", path.display())]
    HungUp {
        /// Its socket.
        path: PathBuf,
        /// What was asked of it.
        what: &'static str,
        /// How that was noticed.
        why: vhost::Error,
    },
    /// The backend is another device.
    #[error("{}: the backend has {what} {given}, but {allowed} is needed", path.display())]
    Unfit {
        /// Its socket.
        path: PathBuf,
        /// What of it.
        what: &'static str,
        /// What that is.
        given: u64,
        /// What it has to be.
        allowed: String,
    },
    /// The backend has closed its socket.
    #[error("the backend has gone")]
    Gone,
    /// The backend has written to the rings what can't be.
    #[error("the backend has broken queue {queue}")]
    Broken {
        /// Which.
        queue: u8,
    },
}

impl Error {
    /// An error of the kernel's that names what was wanted of it.
    pub(crate) fn system(what: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::System { what, errno }
    }
}
