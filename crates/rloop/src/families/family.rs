// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a family is.

use std::collections::BTreeMap;
use std::path::Path;

use rig::check::{Check, Kind, Listed, Selection};
use rig::output::Ending;
use rig::run::{Before, Tests};
use rig::verdict::Verdict;

use super::stress;
use crate::error::Error;
use crate::options;

/// Measures, and reports it.
pub type Bench = fn(&options::Bench) -> Result<Ending, Error>;

/// The checks of a driver, for what is here of it.
pub type Suites = Vec<Box<dyn Tests<Error>>>;

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
    /// Measures, where there is something to be measured.
    pub bench: Option<Bench>,
}

/// A driver, and what the tool does with it.
pub struct Driver {
    /// The name that people know.
    pub name: &'static str,
    /// Its module, as /sys/module has it.
    pub module: &'static str,
    /// A device that is there if it is, wherever that can be seen.
    pub node: Option<&'static str>,
    /// Whether `--full`, `--byte-rate` and `--case-bytes` say how much of it is checked.
    pub has_limits: bool,
    /// Lists all of its checks.
    pub list: fn(&options::Verify) -> Vec<Listed>,
    /// Finds what is here of it, if anything, and says how that is checked.
    pub verify: fn(&options::Verify, &Selection) -> Result<Option<Suites>, Error>,
    /// Puts it under stress, if that can be.
    pub stress: Option<Stress>,
    /// Looks what it is doing, if anything of it is here.
    pub status: fn(&options::Status) -> Result<Option<Status>, Error>,
}

/// The stress of a driver.
pub struct Stress {
    /// What else may happen while it lasts.
    pub meanwhile: &'static [Kind],
    /// Says how it is done. What is to be checked has been found.
    pub plan: fn(&options::Verify, stress::Options) -> Result<Before<Error>, Error>,
    /// What `rloop stress-child` does.
    pub child: fn(&options::StressChild) -> Result<Ending, Error>,
}

impl Driver {
    /// A driver of the kernel's. To compare, its devices are checked by what is for another driver.
    pub const fn compared(name: &'static str, module: &'static str) -> Self {
        Self {
            name,
            module,
            node: None,
            has_limits: false,
            list: |_| Vec::new(),
            verify: |_, _| Ok(None),
            stress: None,
            status: |_| Ok(None),
        }
    }

    fn is_here(&self) -> bool {
        let module = Path::new("/sys/module").join(self.module);
        module.exists() || self.node.is_some_and(|node| Path::new(node).exists())
    }
}

/// What a list says of these checks of `driver`.
pub fn listed<C>(driver: &'static str, checks: &[Check<C>]) -> Vec<Listed> {
    checks.iter().map(|check| check.listed(driver)).collect()
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

impl FromIterator<Self> for Status {
    fn from_iter<T: IntoIterator<Item = Self>>(all: T) -> Self {
        all.into_iter().fold(Self::default(), |mut all, one| {
            all.text += &one.text;
            all.values.extend(one.values);
            all
        })
    }
}

impl Family {
    /// Whether one of its drivers is here.
    pub fn is_here(&self) -> bool {
        self.drivers.iter().any(Driver::is_here)
    }

    /// What `ask` gives of each driver that is here.
    ///
    /// # Errors
    /// If nothing is here of any, or one can't be asked.
    pub fn ask<T>(
        &self,
        ask: impl Fn(&'static Driver) -> Result<Option<T>, Error>,
    ) -> Result<Vec<T>, Error> {
        let (mut answers, mut absent) = (Vec::new(), None);
        for driver in self.drivers {
            match ask(driver) {
                Ok(answer) => answers.extend(answer),
                // It may be another driver's card that is meant.
                Err(error @ (Error::NoCard { .. } | Error::NotLoopback { .. })) => {
                    absent = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        match answers.is_empty() {
            true => Err(absent.unwrap_or_else(|| self.absent())),
            false => Ok(answers),
        }
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
