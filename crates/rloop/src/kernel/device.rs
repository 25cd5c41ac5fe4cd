// SPDX-License-Identifier: MIT OR Apache-2.0

//! Devices with one node, of drivers whose devices are made in configfs.

use std::fs;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use rig::verdict::Verdict;

use super::faults::Faults;
use super::made::{self, own_name};

/// A driver.
pub trait Driver {
    /// Its name, with which those of its nodes begin, and its directories in configfs and debugfs.
    const NAME: &'static str;
}

/// A device.
#[derive(Clone, Debug)]
pub struct Device<D> {
    /// The name of its node.
    pub name: String,
    driver: PhantomData<D>,
}

impl<D: Driver> Device<D> {
    /// That whose node is called `name`.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            driver: PhantomData,
        }
    }

    /// That which is made in the directory `name` of configfs.
    pub fn made_as(name: &str) -> Self {
        Self::named(format!("{}-{name}", D::NAME))
    }

    /// All that have a name in `dir`: the one that the module makes by itself, which has `first` after the driver's
    /// name, and those that are made in configfs.
    pub fn all(dir: &str, first: &str) -> Vec<Self> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let is_ours = |name: &String| {
            let rest = name.strip_prefix(D::NAME);
            rest.is_some_and(|rest| rest == first || rest.starts_with('-'))
        };
        let mut names: Vec<String> = names.filter(is_ours).collect();
        names.sort();
        names.into_iter().map(Self::named).collect()
    }

    /// Its node.
    pub fn node(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }

    /// Whether it is still there.
    pub fn is_there(&self) -> bool {
        self.node().exists()
    }

    /// Lets something go wrong.
    ///
    /// # Errors
    /// What `write` says; a reason to skip where there is no debugfs.
    pub fn fault(&self, file: &str, value: &str) -> Verdict {
        self.faults()?.ask(file, value)
    }

    /// Its faults.
    ///
    /// # Errors
    /// A reason to skip if the files are not there.
    pub fn faults(&self) -> Verdict<Faults> {
        Faults::of(D::NAME, &self.name)
    }
}

/// A device made in configfs. Dropping this removes it.
pub type Made<D> = made::Made<Device<D>>;

impl<D: Driver> Made<D> {
    /// Makes one of these parameters, its directory being called `name`.
    ///
    /// # Errors
    /// If it can't be made; a reason to skip where there is no configfs.
    pub fn named(name: &str, parameters: &[(&str, &str)]) -> Verdict<Self> {
        Self::of(D::NAME, name, parameters, Device::made_as(name))
    }

    /// Makes one of these parameters.
    ///
    /// # Errors
    /// As [`Made::named`].
    pub fn new(parameters: &[(&str, &str)]) -> Verdict<Self> {
        Self::named(&own_name(), parameters)
    }
}
