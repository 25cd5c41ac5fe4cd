// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kernel's configuration: fragments on top of allnoconfig, and a check
//! that every line of them has come through.

use std::collections::BTreeMap;
use std::fs;

use crate::error::{AtPath as _, Error, Result};
use crate::kernel::Spec;
use crate::paths::Paths;

/// With what checks a kernel is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// As users have it.
    Plain,
    /// With all that can tell on a sound driver.
    Debug,
    /// With debug information for gdb.
    Gdb,
    /// With PREEMPT_RT, another HZ and a tick that never stops.
    Rt,
    /// With a look-out for data races.
    Kcsan,
    /// With what others' programs try disks and networks by: file systems, RAID, encryption, switches. Runs programs
    /// of 32 bits.
    Suites,
    /// With what the boards need that QEMU emulates, and UEFI.
    Boards,
    /// Without all that the module can do without.
    Least,
    /// With little: no high-resolution timers, a slow tick, no configfs, no debugfs.
    Sparse,
    /// With pages of 16 KiB, and processors without a tick.
    Pages16k,
    /// With pages of 64 KiB, and preemption as late as can be.
    Pages64k,
    /// With configfs in a module, and ALSA in none.
    Split,
    /// With exact accounting of the time that interrupts take, and so many ticks per second.
    Bench(Hz),
}

/// Ticks per second of a kernel to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Hz {
    /// What the other kernels have, and embedded ones often.
    #[value(name = "250")]
    Hz250,
    /// The shorter tick of desktop distributions.
    #[value(name = "1000")]
    Hz1000,
}

impl std::fmt::Display for Hz {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hz250 => "250",
            Self::Hz1000 => "1000",
        })
    }
}

impl Flavour {
    /// Its name, in lists.
    pub fn name(self) -> String {
        match self {
            Self::Plain => "plain".to_owned(),
            other => other.suffix(""),
        }
    }

    /// The part of a name that tells it apart; empty for a plain kernel.
    pub fn suffix(self, before: &str) -> String {
        match self {
            Self::Plain => String::new(),
            Self::Debug => format!("{before}debug"),
            Self::Gdb => format!("{before}gdb"),
            Self::Rt => format!("{before}rt"),
            Self::Kcsan => format!("{before}kcsan"),
            Self::Suites => format!("{before}suites"),
            Self::Boards => format!("{before}boards"),
            Self::Least => format!("{before}least"),
            Self::Sparse => format!("{before}sparse"),
            Self::Pages16k => format!("{before}pages-16k"),
            Self::Pages64k => format!("{before}pages-64k"),
            Self::Split => format!("{before}split"),
            Self::Bench(hz) => format!("{before}bench-hz{hz}"),
        }
    }
}

/// All lines that are asked for, the later of which win: what the drivers need comes first.
pub fn asked(paths: &Paths, spec: &Spec) -> Result<String> {
    let own = paths.repo.join("crates/lab/kernel");
    let mut files = paths.driver_fragments()?;
    files.extend([
        own.join("guest.config"),
        own.join(format!("{}.config", spec.arch)),
    ]);
    match spec.flavour {
        Flavour::Plain => {}
        Flavour::Debug => files.push(paths.shared_fragment("rloop-debug.cfg")),
        Flavour::Gdb => files.push(own.join("gdb.config")),
        Flavour::Rt => files.push(own.join("rt.config")),
        Flavour::Kcsan => files.push(own.join("kcsan.config")),
        Flavour::Suites => files.push(own.join("suites.config")),
        Flavour::Boards => files.push(own.join(format!("{}-boards.config", spec.arch))),
        Flavour::Least => files.push(own.join("least.config")),
        Flavour::Sparse => files.push(own.join("sparse.config")),
        Flavour::Pages16k => files.push(own.join("pages-16k.config")),
        Flavour::Pages64k => files.push(own.join("pages-64k.config")),
        Flavour::Split => files.push(own.join("split.config")),
        Flavour::Bench(Hz::Hz250) => files.push(own.join("bench.config")),
        Flavour::Bench(Hz::Hz1000) => {
            files.extend([own.join("bench.config"), own.join("hz1000.config")]);
        }
    }
    let mut lines = BTreeMap::new();
    for path in files {
        let text = fs::read_to_string(&path).at(&path)?;
        for (key, value) in settings(&text) {
            lines.insert(key.to_owned(), value.to_owned());
        }
    }
    let lines: Vec<String> = lines
        .into_iter()
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect();
    Ok(lines.concat())
}

/// The settings of a fragment or a `.config`.
fn settings(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
}

/// Options that later kernels call by another name. The fragments have the old one.
const RENAMED: &[(&str, &str)] = &[("CONFIG_PROC_SYSCTL", "CONFIG_SYSCTL")];

/// The other name of an option that has two.
fn renamed(key: &str) -> Option<&'static str> {
    let (_, new) = RENAMED.iter().find(|(old, _)| *old == key)?;
    Some(new)
}

/// What is asked for, for a kernel of any version: under both names where there are two.
pub fn for_any_version(asked: &str) -> String {
    let mut text = asked.to_owned();
    for (key, value) in settings(asked) {
        if let Some(new) = renamed(key) {
            text.push_str(&format!("{new}={value}\n"));
        }
    }
    text
}

/// Compares what was asked for with the configuration that came out.
///
/// # Errors
///
/// [`Error::ConfigNotTaken`] with every line that differs.
pub fn check(asked: &str, got: &str) -> Result<()> {
    let got: BTreeMap<&str, &str> = settings(got).collect();
    let lines: Vec<String> = settings(asked)
        .filter_map(|(key, value)| {
            let known = got.get(key).or_else(|| got.get(renamed(key)?));
            let is = known.copied().unwrap_or("n");
            (is != value).then(|| format!("{key}={value} is {is}"))
        })
        .collect();
    if lines.is_empty() {
        Ok(())
    } else {
        Err(Error::ConfigNotTaken { lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_is_no() {
        let got = "# CONFIG_A is not set\nCONFIG_B=m\nCONFIG_C=8\n";
        assert!(check("CONFIG_A=n\nCONFIG_B=m\nCONFIG_C=8\n", got).is_ok());
    }

    #[test]
    fn an_option_may_have_got_another_name() {
        let asked = "CONFIG_PROC_SYSCTL=y\n";
        assert!(check(asked, "CONFIG_SYSCTL=y\n").is_ok());
        assert!(check(asked, "CONFIG_PROC_SYSCTL=y\n").is_ok());
        assert!(check(asked, "").is_err());
        assert!(for_any_version(asked).contains("CONFIG_SYSCTL=y"));
    }

    #[test]
    fn every_line_that_did_not_come_through_is_listed() {
        let got = "CONFIG_B=m\n";
        let Err(Error::ConfigNotTaken { lines }) =
            check("CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=n\n", got)
        else {
            panic!("accepted");
        };
        assert_eq!(lines, ["CONFIG_A=y is n", "CONFIG_B=y is m"]);
    }
}
