// SPDX-License-Identifier: GPL-2.0-only

//! The pictures of the documentation that show what the model does, made by the model:
//!
//! ```text
//! cargo run -p snd-rloop-model --example pictures -- docs/pictures
//! ```
//!
//! writes `following.svg`, `delay.svg` and `steps.svg` into that directory, with the colours of `style.css` there. Nothing in it
//! is left to chance: the same model gives the same bytes.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

mod delay;
mod following;
#[expect(dead_code, reason = "the tests need more of it")]
#[path = "../../tests/cable/memory.rs"]
mod memory;
mod plot;
mod steps;

/// The cable's rate in Hz.
const RATE: u32 = 48_000;
/// In nanoseconds.
const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;
/// When everything begins, in nanoseconds.
const START: u64 = 77 * SECOND;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = env::args_os().nth(1).map(PathBuf::from);
    let dir = dir.ok_or("usage: pictures DIRECTORY")?;
    let style = fs::read_to_string(dir.join("style.css"))?;
    fs::write(dir.join("following.svg"), following::plot().svg(&style))?;
    fs::write(dir.join("delay.svg"), delay::plot()?.svg(&style))?;
    fs::write(dir.join("steps.svg"), steps::plot().svg(&style))?;
    Ok(())
}
