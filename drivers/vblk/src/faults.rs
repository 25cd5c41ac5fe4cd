// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: in `/sys/kernel/debug/vblk/DISK/` the files of [`fault_files`](crate::lib::kernel::fault_files), which
//! count requests (`drop` writes, `flip` reads), and more:
//!
//! | file | what is written (a PLAN is a [plan](crate::lib::model::plan), or `always`) | what it does |
//! |---|---|---|
//! | `error` | `OP RANGE ERRNO PLAN`, or `off` | requests fail |
//! | `delay` | `OP RANGE MICROSECONDS PLAN`, or `off` | requests are late |
//! | `hang` | `OP RANGE PLAN`, or `off` | requests wait until `off` is written |
//! | `powercut` | a number | takes the power away; what is in the volatile cache is lost, or parts of it, as the number chooses |
//! | `power` | `1` | gives it back |
//! | `torn` | `1`, `0` | power cuts tear blocks, or they don't |
//! | `unplug` | `1` | takes the disk away, as one that is pulled out; it does not come back |
//! | `state` | | what it says of itself |
//!
//! All functions may sleep.

use core::fmt;

use kernel::c_str;
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::disk::Disk;
use crate::lib::kernel::debugfs::{number, one, word};
use crate::lib::kernel::fault_files::{FaultFiles, Faulty};
use crate::lib::kernel::plug::Plug;
use crate::lib::model::faults::Faults;
use crate::lib::model::parameters::Allowed;
use crate::model::rules::{Kind, Rule};

/// Adds the files that only disks have.
///
/// # Errors
///
/// `ENOMEM`. Where debugfs is off, nothing is made.
pub(crate) fn add(files: &mut FaultFiles<Plug<Disk>>) -> Result {
    // Each callback is of a type of its own, so there is no loop over them.
    macro_rules! rules {
        ($name:literal, $kind:expr) => {
            files.add_readable(
                c_str!($name),
                &|plug: &Arc<Plug<Disk>>, text: &mut fmt::Formatter<'_>| {
                    let rules = plug.device().wrong(|wrong| *wrong.rules($kind));
                    write!(text, "{rules}")
                },
                &|plug: &Arc<Plug<Disk>>, written: &mut UserSliceReader| {
                    set_rule(plug, $name, $kind, written)
                },
            )?;
        };
    }
    rules!("error", Kind::Error);
    rules!("delay", Kind::Delay);
    rules!("hang", Kind::Hang);
    files.add_readable(
        c_str!("powercut"),
        &|plug: &Arc<Plug<Disk>>, text: &mut fmt::Formatter<'_>| {
            let cuts = plug.device().wrong(|wrong| wrong.done.cuts);
            writeln!(text, "{cuts}")
        },
        &|plug: &Arc<Plug<Disk>>, written: &mut UserSliceReader| -> Result {
            let seed = number("powercut", written, u32::MAX)?;
            plug.device().cut(seed.into());
            Ok(())
        },
    )?;
    files.add_readable(
        c_str!("power"),
        &|plug: &Arc<Plug<Disk>>, text: &mut fmt::Formatter<'_>| {
            writeln!(text, "{}", u32::from(plug.device().has_power()))
        },
        &|plug: &Arc<Plug<Disk>>, written: &mut UserSliceReader| -> Result {
            one("power", written)?;
            plug.device().power_on();
            Ok(())
        },
    )?;
    files.add_readable(
        c_str!("torn"),
        &|plug: &Arc<Plug<Disk>>, text: &mut fmt::Formatter<'_>| {
            let torn = plug.device().wrong(|wrong| wrong.torn);
            writeln!(text, "{}", u32::from(torn))
        },
        &|plug: &Arc<Plug<Disk>>, written: &mut UserSliceReader| -> Result {
            let torn = number("torn", written, 1)?;
            plug.device().wrong(|wrong| wrong.torn = torn == 1);
            Ok(())
        },
    )?;
    files.add_readable(c_str!("state"), &show_state, &refuse_state)
}

impl Faulty for Plug<Disk> {
    const DOUBLES: bool = false;

    fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        self.device().wrong(|wrong| look(&mut wrong.faults))
    }

    fn freeze(&self, freeze: bool) {
        self.device().freeze(freeze);
    }
}

/// Writes to the file of a kind of rules.
fn set_rule(
    plug: &Arc<Plug<Disk>>,
    name: &'static str,
    kind: Kind,
    written: &mut UserSliceReader,
) -> Result {
    let allowed = Allowed::Words(kind.allowed());
    let rule = word(name, allowed, written, |text| match text {
        "off" => Some(None),
        text => Some(Some(Rule::parse(kind, text)?)),
    })?;
    match rule {
        None => plug.device().clear_rules(kind),
        Some(rule) if plug.device().add_rule(kind, rule) => {}
        Some(_) => {
            pr_err!(
                "{}: there is no room for a rule more: write off first\n",
                name
            );
            return Err(ENOSPC);
        }
    }
    Ok(())
}

fn show_state(plug: &Arc<Plug<Disk>>, text: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (key, value) in plug.device().state() {
        writeln!(text, "{key}: {value}")?;
    }
    Ok(())
}

fn refuse_state(_: &Arc<Plug<Disk>>, _: &mut UserSliceReader) -> Result {
    Err(EPERM)
}
