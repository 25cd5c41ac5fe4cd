// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: in `/sys/kernel/debug/vblk/DISK/` the files of [`fault_files`](crate::lib::kernel::fault_files), which
//! count requests (`drop` writes, `flip` reads), and more:
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `error` | `OP RANGE ERRNO COUNT`, or `off` | requests fail |
//! | `delay` | `OP RANGE MICROSECONDS COUNT`, or `off` | requests are late |
//! | `hang` | `OP RANGE COUNT`, or `off` | requests wait until `off` is written |
//! | `powercut` | a number | takes the power away; what is in the volatile cache is lost, or parts of it, as the number chooses |
//! | `power` | `1` | gives it back |
//! | `torn` | `1`, `0` | power cuts tear blocks, or they don't |
//! | `unplug` | `1` | takes the disk away, as one that is pulled out; it does not come back |
//! | `state` | | what it says of itself |

use core::fmt;

use kernel::c_str;
use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::instance::Plug;
use crate::lib::kernel::debugfs::{number, one, word};
use crate::lib::kernel::fault_files::{FaultFiles, Faulty};
use crate::lib::model::faults::Faults;
use crate::lib::model::parameters::Allowed;
use crate::model::rules::{Kind, Rule};

/// Makes the files of a disk in `dir`. May sleep.
///
/// # Errors
///
/// `ENOMEM`. Where debugfs is off, nothing is made.
pub(crate) fn create(dir: Dir, plug: &Arc<Plug>) -> Result<FaultFiles<Plug>> {
    let mut files = FaultFiles::new(dir, plug.clone())?;
    // Each callback is of a type of its own, so there is no loop over them.
    macro_rules! rules {
        ($name:literal, $kind:expr) => {
            files.add_readable(
                c_str!($name),
                &|plug: &Arc<Plug>, text: &mut fmt::Formatter<'_>| {
                    let rules = plug.disk.wrong(|wrong| *wrong.rules($kind));
                    write!(text, "{rules}")
                },
                &|plug: &Arc<Plug>, written: &mut UserSliceReader| {
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
        &|plug: &Arc<Plug>, text: &mut fmt::Formatter<'_>| {
            let cuts = plug.disk.wrong(|wrong| wrong.done.cuts);
            writeln!(text, "{cuts}")
        },
        &|plug: &Arc<Plug>, written: &mut UserSliceReader| -> Result {
            let seed = number("powercut", written, u32::MAX)?;
            plug.disk.cut(seed.into());
            Ok(())
        },
    )?;
    files.add_readable(
        c_str!("power"),
        &|plug: &Arc<Plug>, text: &mut fmt::Formatter<'_>| {
            writeln!(text, "{}", u32::from(plug.disk.has_power()))
        },
        &|plug: &Arc<Plug>, written: &mut UserSliceReader| -> Result {
            one("power", written)?;
            plug.disk.power_on();
            Ok(())
        },
    )?;
    files.add_readable(
        c_str!("torn"),
        &|plug: &Arc<Plug>, text: &mut fmt::Formatter<'_>| {
            let torn = plug.disk.wrong(|wrong| wrong.torn);
            writeln!(text, "{}", u32::from(torn))
        },
        &|plug: &Arc<Plug>, written: &mut UserSliceReader| -> Result {
            let torn = number("torn", written, 1)?;
            plug.disk.wrong(|wrong| wrong.torn = torn == 1);
            Ok(())
        },
    )?;
    files.add(c_str!("unplug"), &unplug)?;
    files.add_readable(c_str!("state"), &show_state, &refuse_state)?;
    Ok(files)
}

impl Faulty for Plug {
    const DOUBLES: bool = false;

    fn faults<R>(&self, look: impl FnOnce(&mut Faults) -> R) -> R {
        self.disk.wrong(|wrong| look(&mut wrong.faults))
    }

    fn freeze(&self, freeze: bool) {
        self.disk.freeze(freeze);
    }
}

/// Writes to the file of a kind of rules. May sleep.
fn set_rule(
    plug: &Arc<Plug>,
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
        None => plug.disk.clear_rules(kind),
        Some(rule) if plug.disk.add_rule(kind, rule) => {}
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

/// Writes to `unplug`. May sleep.
fn unplug(plug: &Arc<Plug>, written: &mut UserSliceReader) -> Result {
    one("unplug", written)?;
    plug.pull();
    Ok(())
}

fn show_state(plug: &Arc<Plug>, text: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (key, value) in plug.disk.state() {
        writeln!(text, "{key}: {value}")?;
    }
    Ok(())
}

fn refuse_state(_: &Arc<Plug>, _: &mut UserSliceReader) -> Result {
    Err(EPERM)
}
