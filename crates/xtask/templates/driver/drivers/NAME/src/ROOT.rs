// SPDX-License-Identifier: GPL-2.0-only

//! {{name}}: a driver that has just been begun.

use kernel::prelude::*;

#[path = "../model/mod.rs"]
mod model;

module! {
    type: {{type}},
    name: "{{root}}",
    authors: ["the rloop developers"],
    description: "{{name}}",
    license: "GPL v2",
}

/// The loaded module.
struct {{type}};

impl kernel::Module for {{type}} {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        pr_info!("module loaded, {} at most\n", model::bounded(u32::MAX));
        Ok(Self)
    }
}
