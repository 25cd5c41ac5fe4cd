// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the steps are named, with what each needs and how long it took last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use lab::error::{AtPath as _, Error, Result};
use lab::ui::seconds;

use super::List;
use super::planned::{self, Planned};
use crate::manifest::Time;

/// How long each step took last, in seconds.
#[derive(Debug, Default)]
pub(super) struct Times(BTreeMap<String, f64>);

impl Times {
    fn path(dir: &Path) -> PathBuf {
        dir.join("times.json")
    }

    /// What was left in `dir`; nothing if that can't be read.
    pub(super) fn read(dir: &Path) -> Self {
        let text = fs::read_to_string(Self::path(dir)).unwrap_or_default();
        Self(serde_json::from_str(&text).unwrap_or_default())
    }

    /// Notes that the step `name` took so long.
    pub(super) fn took(&mut self, name: &str, time: Duration) {
        self.0.insert(name.to_owned(), time.as_secs_f64());
    }

    /// Leaves them in `dir`.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let path = Self::path(dir);
        let text = serde_json::to_string_pretty(&self.0).map_err(|e| Error::BadFile {
            path: path.clone(),
            problem: e.to_string(),
        })?;
        fs::write(&path, text).at(&path)
    }
}

/// A step as `--list --json` has it.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    /// The kernel's version or its directory, if it needs one.
    kernel: Option<String>,
    arch: Option<&'static str>,
    /// `plain`, `debug`, `rt`, …
    flavour: Option<String>,
    /// Which steps have the same kernel, for `--group`.
    group: String,
    /// `counted`, `real` or `any`, if it is run in a guest.
    time: Option<Time>,
    /// Whether it takes more than five minutes from nothing.
    long: bool,
    /// How long it took last.
    seconds: Option<f64>,
}

/// The steps, what each needs, and how long it took last.
pub(super) fn list(steps: &[Planned<'_>], times: &Times, how: List) -> String {
    let listed = steps.iter().map(|step| {
        let kernel = step.kernel.as_ref();
        Listed {
            name: &step.name,
            kernel: kernel.map(|spec| spec.version.to_string()),
            arch: kernel.map(|spec| spec.arch.facts().name),
            flavour: kernel.map(|spec| spec.flavour.name()),
            group: step.group(),
            time: step.time,
            long: step.long,
            seconds: times.0.get(&step.name).copied(),
        }
    });
    // Nothing of it can fail to be JSON.
    match how {
        List::Json => {
            let listed: Vec<_> = listed.collect();
            serde_json::to_string_pretty(&listed).unwrap_or_default() + "\n"
        }
        List::Groups => serde_json::to_string(&planned::groups(steps)).unwrap_or_default() + "\n",
        List::Table => {
            let width = steps.iter().map(|s| s.name.len()).max().unwrap_or(0).max(4);
            let line = |name: &str, kernel: &str, time: &str, last: &str| {
                format!("{name:width$}  {kernel:20}  {time:7}  {last}")
            };
            let mut text = line("step", "kernel", "time", "took last");
            text.push('\n');
            for step in listed {
                let words = [step.kernel, step.arch.map(str::to_owned), step.flavour];
                let kernel: Vec<String> = words.into_iter().flatten().collect();
                let time = match step.time {
                    None => "",
                    Some(Time::Counted) => "counted",
                    Some(Time::Real) => "real",
                };
                let took = step.seconds.map(|s| seconds(Duration::from_secs_f64(s)));
                let took = took.unwrap_or_default();
                text.push_str(line(step.name, &kernel.join(" "), time, &took).trim_end());
                text.push('\n');
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use lab::arch::Arch;
    use lab::kernel::{Extent, Flavour, Spec, Version};

    use super::super::planned::Plan;
    use super::*;

    #[test]
    fn the_list_says_what_a_step_needs_and_took() {
        let spec = Spec {
            version: Version::DEFAULT,
            arch: Arch::Aarch64,
            flavour: Flavour::Plain,
            extent: Extent::Bootable,
        };
        let mut plan = Plan::default();
        plan.on_host("rustfmt", |_, _| Ok(Vec::new()));
        let (name, time) = ("drv/races".to_owned(), Some(Time::Real));
        plan.with_kernel(name, spec, time, |_, _, _, _| Ok(Vec::new()));
        let steps = plan.wanted(&[], true).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut times = Times::read(dir.path());
        times.took("drv/races", Duration::from_secs(61));
        times.write(dir.path()).unwrap();
        let times = Times::read(dir.path());
        assert_eq!(
            list(&steps, &times, List::Table),
            "step       kernel                time     took last\n\
             rustfmt\n\
             drv/races  7.2 aarch64 plain     real     1 min 01 s\n"
        );
        let json: serde_json::Value =
            serde_json::from_str(&list(&steps, &times, List::Json)).unwrap();
        assert_eq!(json[0]["kernel"], serde_json::Value::Null);
        assert_eq!(json[1]["flavour"], "plain");
        assert_eq!(json[1]["group"], "7.2-aarch64-plain");
        assert_eq!(json[1]["time"], "real");
        assert_eq!(json[1]["seconds"], 61.0);
        assert_eq!(
            list(&steps, &times, List::Groups),
            "[\"host\",\"7.2-aarch64-plain\"]\n"
        );
    }
}
