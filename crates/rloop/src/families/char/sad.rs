// SPDX-License-Identifier: MIT OR Apache-2.0

//! sad: device files that are heard.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use rig::check::{Check, Plain};
use rig::report::Thing;
use rig::run::{self, Suite, Tests};
use rig::verdict::{Verdict, Within as _, ensure};

use crate::error::Error;
use crate::families::family::Status;

/// The driver's name.
pub const DRIVER: &str = "sad";
/// Its devices, which differ in what closing them does.
pub const NODES: [&str; 3] = ["/dev/sad", "/dev/sadnb", "/dev/sadbg"];

/// What a check is given.
pub struct Context {
    /// Figures worth reporting.
    notes: Vec<String>,
}

impl run::Context for Context {
    type Error = Error;

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    fn gone(&self, during: String) -> Option<Error> {
        (!is_here()).then(|| Error::Gone {
            card: DRIVER.to_owned(),
            during,
        })
    }
}

const CHECKS: &[Plain<Context>] = &[(
    "nodes/there",
    "three nodes",
    "the three devices are there, and are character devices",
    there,
)];

/// All checks.
pub fn checks() -> Vec<Check<Context>> {
    CHECKS.iter().map(Check::from).collect()
}

fn is_here() -> bool {
    Path::new(NODES[0]).exists()
}

/// The checks, if the driver is here.
pub fn suite() -> Option<Box<dyn Tests<Error>>> {
    is_here().then(|| -> Box<dyn Tests<Error>> {
        Box::new(Suite {
            driver: DRIVER,
            thing: Thing {
                key: DRIVER,
                line: format!("{DRIVER}: {}", NODES.join(", ")),
                value: NODES.to_vec().into(),
            },
            checks: checks(),
            open: Box::new(|_| Ok(Context { notes: Vec::new() })),
        })
    })
}

/// What it is doing, if it is here.
pub fn status() -> Option<Status> {
    is_here().then(|| Status {
        text: format!("{DRIVER}: {}\n", NODES.join(", ")),
        values: vec![serde_json::json!({ "driver": DRIVER, "nodes": NODES })],
    })
}

fn there(context: &mut Context) -> Verdict {
    for node in NODES {
        let failed = |e: std::io::Error| rig::verdict::Problem::Failed(e.to_string());
        let kind = fs::metadata(node)
            .map_err(failed)
            .within(|| node.to_owned())?;
        ensure(kind.file_type().is_char_device(), || {
            format!("{node} is no character device")
        })?;
    }
    context.notes.push(NODES.join(", "));
    Ok(())
}
