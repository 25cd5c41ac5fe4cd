// SPDX-License-Identifier: GPL-2.0-only

//! circbuf: a pipe that one can see into, `/dev/circbuf`. See `docs/using/circbuf.md`.

use kernel::prelude::*;

mod buffer;
mod faults;
mod file;
mod instance;
#[path = "../../lib/mod.rs"]
mod lib;
#[path = "../model/mod.rs"]
mod model;

use instance::Buffers;
use lib::kernel::instances::Instances;

module! {
    type: Circbuf,
    name: "circbuf",
    authors: ["the rloop developers"],
    description: "Pipe that one can see into",
    license: "GPL v2",
}

/// The loaded module. Dropping it (`rmmod`) removes its buffers.
struct Circbuf {
    _instances: Instances<Buffers>,
}

impl kernel::Module for Circbuf {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let instances = Instances::load(module, Buffers::new())?;
        Ok(Self {
            _instances: instances,
        })
    }
}
