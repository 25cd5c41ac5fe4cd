// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask clean`: removes what the devkit has made, and nothing else.

use lab::context::Context;
use lab::error::Result;
use lab::sandbox;

/// Removes this checkout's outputs and, with `cache`, what all checkouts share.
pub(crate) fn run(context: &Context, cache: bool) -> Result<()> {
    for dir in [
        context.paths.work(),
        context.paths.demo(),
        context.paths.test(),
        context.paths.bench(),
    ] {
        sandbox::remove_told(&dir)?;
    }
    if cache {
        context.cache.remove(|_| true)?;
    }
    Ok(())
}
