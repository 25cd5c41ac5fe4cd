// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a family is.

use std::collections::BTreeMap;
use std::path::Path;

use rig::check::{Listed, Selection};
use rig::output::Ending;
use rig::run::Plan;
use rig::verdict::Verdict;

use crate::error::Error;
use crate::options;

/// Measures, and reports it.
pub type Bench = fn(&options::Bench) -> Result<Ending, Error>;

/// Drivers that are checked by the same means.
pub struct Family {
    /// As the command line names it.
    pub name: &'static str,
    /// What its drivers are, in one line of help.
    pub about: &'static str,
    /// Its drivers.
    pub drivers: &'static [Driver],
    /// Whether `--card` names something of it.
    pub has_cards: bool,
    /// Whether it can be put under stress.
    pub has_stress: bool,
    /// Lists all of its checks.
    pub list: fn(&options::Verify) -> Vec<Listed>,
    /// Finds what there is to be checked, and says how.
    pub verify: fn(&options::Verify, &Selection) -> Result<Plan<Error>, Error>,
    /// Looks what its drivers are doing.
    pub status: fn(&options::Status) -> Result<Status, Error>,
    /// Measures, where there is something to be measured.
    pub bench: Option<Bench>,
}

/// A driver.
pub struct Driver {
    /// The name that people know.
    pub name: &'static str,
    /// Its module, as /sys/module has it.
    pub module: &'static str,
    /// A device that is there if it is, wherever that can be seen.
    pub node: Option<&'static str>,
}

impl Driver {
    fn is_here(&self) -> bool {
        let module = Path::new("/sys/module").join(self.module);
        module.exists() || self.node.is_some_and(|node| Path::new(node).exists())
    }
}

/// What drivers are doing.
#[derive(Default)]
pub struct Status {
    /// For people.
    pub text: String,
    /// The same and more, an object for each device.
    pub values: Vec<serde_json::Value>,
}

impl Status {
    /// Adds the device of `driver` that has this node, and what it says of itself.
    pub fn add(&mut self, driver: &str, node: &Path, state: Verdict<BTreeMap<String, u64>>) {
        let node = node.display().to_string();
        self.text += &format!("{node}\n");
        let state = match state {
            Ok(state) => state,
            Err(problem) => {
                self.text += &format!("  {problem}\n");
                return;
            }
        };
        for (key, value) in &state {
            self.text += &format!("  {key}: {value}\n");
        }
        let value = serde_json::json!({ "driver": driver, "node": node, "state": state });
        self.values.push(value);
    }
}

impl Family {
    /// Whether one of its drivers is here.
    pub fn is_here(&self) -> bool {
        self.drivers.iter().any(Driver::is_here)
    }

    /// Why there is nothing of it here.
    pub fn absent(&self) -> Error {
        let drivers: Vec<&str> = self.drivers.iter().map(|driver| driver.name).collect();
        Error::NoModule {
            family: self.name,
            drivers: drivers.join(", "),
            first: drivers.first().copied().unwrap_or_default(),
        }
    }
}
