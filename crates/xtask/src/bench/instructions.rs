// SPDX-License-Identifier: MIT OR Apache-2.0
//! The instructions that running cables cost, by part of the kernel: `rloop bench --only load` in guests whose QEMU counts them.

mod costs;
mod counts;
mod parts;
mod report;
mod symbols;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::context::Context;
use lab::error::{AtPath as _, Error, Result};
use lab::guest::{Guest, Job, Machine, Plugin};
use lab::kernel::Hz;
use lab::sandbox::Sandbox;
use lab::ui::Step;
use lab::{cargo, kernel};

use costs::Costs;
use report::Run;
use symbols::Symbols;

/// What `rloop bench --kernel-log` enters at the begin and at the end of each measurement.
const MARK: &str = "devkmsg_write";
/// For `rloop bench`, of whose seconds a load takes a third.
const SECONDS: u64 = 9;
/// What the guest does before. Modules have their addresses at the end. What the kernel would do each second for its memory's
/// statistics gives back what ended programs had, which can be more than a cable costs.
const BEFORE: &str = "trap 'cat /proc/kallsyms >/tmp/left/kallsyms' EXIT
echo 86400 >/proc/sys/vm/stat_interval
";
/// What a run takes at most.
const TIMEOUT: Duration = Duration::from_secs(3600);

/// Counts in each of `guests` by the driver's `script`, and leaves pictures in `dir`, and tables in the file that it returns,
/// below `heading`.
pub(super) fn measure(
    context: &Context,
    sandbox: &Sandbox,
    guests: &[(Hz, Guest<'_>)],
    script: &str,
    dir: &Path,
    heading: &str,
) -> Result<PathBuf> {
    let step = Step::new("the plugin that counts instructions");
    let plugin = cargo::instruction_counter(context, sandbox, &step)?;
    step.ok();
    let mut text = format!(
        "{heading}What running cables (a player and a recorder each, 48 kHz) make the kernel execute, each for {} s, in counted \
         time, on one processor.\n\n",
        SECONDS / 3
    );
    for (hz, guest) in guests {
        let step = Step::new(format!("HZ={hz}, instructions counted"));
        let run = Run {
            hz: *hz,
            costs: count(
                sandbox,
                guest,
                &plugin,
                script,
                &dir.join(format!("hz{hz}-instructions")),
                &step,
            )?,
        };
        let picture = format!("hz{hz}-instructions.svg");
        let path = dir.join(&picture);
        let svg = run.picture().map_err(|e| bad(&path, e.to_string()))?;
        fs::write(&path, svg).at(&path)?;
        text += &run.markdown(&picture);
        text.push('\n');
        step.ok();
    }
    let file = dir.join("instructions.md");
    fs::write(&file, text.trim_end().to_owned() + "\n").at(&file)?;
    Ok(file)
}

/// Runs one guest, and leaves what it is about in files whose names begin with `name`.
fn count(
    sandbox: &Sandbox,
    guest: &Guest<'_>,
    plugin: &Path,
    script: &str,
    name: &Path,
    step: &Step,
) -> Result<Costs> {
    let file = |what: &str| PathBuf::from(format!("{}.{what}", name.display()));
    let map = guest.kernel.dir.join("System.map");
    let symbols = Symbols::new(&fs::read_to_string(&map).at(&map)?, "");
    let no_mark = || bad(&map, format!("has no function {MARK}"));
    let mark = symbols.address(MARK).ok_or_else(no_mark)?;
    let counts = file("counts.txt");
    let machine = Machine {
        plugin: Some(Plugin {
            file: plugin.to_owned(),
            arguments: vec![
                format!("mark={mark:#x}"),
                format!("to={}", counts.display()),
            ],
        }),
        ..Machine::counted()
    };
    let told = super::told("instructions", SECONDS, 2, "--only load --kernel-log");
    let job = Job {
        name: "bench",
        script: &format!("{BEFORE}{told}{script}"),
        timeout: TIMEOUT,
        // The addresses are those of System.map.
        append: "norandmaps nokaslr".to_owned(),
        follow: false,
        sealed: true,
    };
    let outcome = guest.run(&machine, &job, step)?;
    let log = file("dmesg.txt");
    fs::write(&log, &outcome.dmesg).at(&log)?;
    if outcome.status != 0 {
        return Err(Error::GuestDied {
            what: format!("rloop bench (status {})", outcome.status),
            log: outcome.serial.clone(),
            tail: lab::exec::tail(&outcome.serial),
        });
    }
    let path = outcome.share.join("kallsyms");
    let kallsyms = fs::read_to_string(&path).at(&path)?;
    let symbols = Symbols::new(&kallsyms, &kernel::functions(sandbox, guest.kernel)?);
    if symbols.address(MARK) != Some(mark) {
        return Err(bad(&path, format!("{MARK} is not where System.map has it")));
    }
    let text = fs::read_to_string(&counts).at(&counts)?;
    let windows = counts::windows(&outcome.dmesg, &text).map_err(|why| bad(&counts, why))?;
    let functions = file("functions.txt");
    fs::write(&functions, costs::functions(&windows, &symbols)).at(&functions)?;
    Ok(Costs::new(&windows, &symbols))
}

fn bad(path: &Path, problem: String) -> Error {
    Error::BadFile {
        path: path.to_owned(),
        problem,
    }
}
