// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand: the files in `/sys/kernel/debug/netdrv/PAIR/`, for both directions, and in its directories `0` and
//! `1`, for what one end sends. Which end is which, and of which pair, says `ethtool -i` (`bus-info`).
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `drop` | a [plan](crate::lib::model::plan) | these frames get lost |
//! | `double` | a plan | these come twice |
//! | `flip` | a plan | these come with a bit inverted |
//! | `reorder` | a plan | these are overtaken by the next |
//! | `delay` | a plan | these are late |
//! | `delay_us` | microseconds | by so much |
//! | `freeze` | `1`, `0` | nothing arrives, or all goes on |
//! | `down` | `1`, `0` | the wire is cut, or mended; only for both |
//!
//! Reading one gives what is left of it; that for both directions gives a line for each.

use core::fmt;

use kernel::c_str;
use kernel::debugfs::{Dir, File};
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::lib::kernel::debugfs::{number, plan};
use crate::lib::kernel::net::Interface;
use crate::lib::model::plan::Plans;
use crate::model::faults::Faults;
use crate::shared::Shared;

/// The longest delay in microseconds.
const DELAY_MAX: u32 = 10_000_000;

/// Which directions files are for.
pub(crate) struct Directions<I: Interface> {
    shared: Arc<Shared<I>>,
    sides: &'static [usize],
}

type OneFile<I> = File<Arc<Directions<I>>>;

/// The files of a pair. Dropping them removes them, and waits for whoever is writing to one.
pub(crate) struct Files<I: Interface> {
    /// Without them here, the directories would go.
    _dirs: KVec<Dir>,
    _files: KVec<Pin<KBox<OneFile<I>>>>,
}

impl<I: Interface> Directions<I> {
    /// Changes what goes wrong.
    fn set(&self, change: impl Fn(&mut Faults)) {
        for side in self.sides {
            change(&mut self.shared.wire(*side).lock().faults);
        }
    }

    /// Shows what is left of it, a line for each direction.
    fn show(
        &self,
        text: &mut fmt::Formatter<'_>,
        line: impl Fn(&Faults, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        for side in self.sides {
            // Not under the lock: writing may take long.
            let faults = self.shared.wire(*side).lock().faults;
            line(&faults, text)?;
            text.write_str("\n")?;
        }
        Ok(())
    }
}

impl<I: Interface> Files<I> {
    /// Makes the files of a pair in `dir`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Where debugfs is off, nothing is made.
    pub(crate) fn new(dir: Dir, shared: &Arc<Shared<I>>) -> Result<Self> {
        let (mut dirs, mut files) = (KVec::new(), KVec::new());
        let all: [(Dir, &'static [usize]); 3] = [
            (dir.subdir(c_str!("0")), &[0]),
            (dir.subdir(c_str!("1")), &[1]),
            (dir, &[0, 1]),
        ];
        for (dir, sides) in all {
            let shared = shared.clone();
            let of = Arc::new(Directions { shared, sides }, GFP_KERNEL)?;
            Self::fill(&dir, &of, &mut files)?;
            dirs.push(dir, GFP_KERNEL)?;
        }
        Ok(Self {
            _dirs: dirs,
            _files: files,
        })
    }

    fn fill(dir: &Dir, of: &Arc<Directions<I>>, files: &mut KVec<Pin<KBox<OneFile<I>>>>) -> Result {
        // Each callback is of a type of its own, so there is no loop over them.
        macro_rules! file {
            ($name:literal, $show:expr, $write:expr $(,)?) => {
                let name: &CStr = c_str!($name);
                let file = dir.read_write_callback_file(
                    name,
                    of.clone(),
                    &|of: &Arc<Directions<I>>, text: &mut fmt::Formatter<'_>| of.show(text, $show),
                    &|of: &Arc<Directions<I>>, written: &mut UserSliceReader| -> Result {
                        $write(of, written)
                    },
                );
                files.push(KBox::pin_init(file, GFP_KERNEL)?, GFP_KERNEL)?;
            };
            ($name:literal, $field:ident) => {
                file!(
                    $name,
                    |faults, text| write!(text, "{}", faults.$field),
                    |of: &Arc<Directions<I>>, written| {
                        let plan = plan($name, Plans::ANY, written)?;
                        of.set(|faults| faults.$field = plan);
                        Ok(())
                    }
                );
            };
        }
        file!("drop", drop);
        file!("double", double);
        file!("flip", flip);
        file!("reorder", reorder);
        file!("delay", delay);
        file!(
            "delay_us",
            |faults, text| write!(text, "{}", faults.late / 1_000),
            |of: &Arc<Directions<I>>, written| {
                let micros = number("delay_us", written, DELAY_MAX)?;
                of.set(|faults| faults.late = u64::from(micros) * 1_000);
                Ok(())
            },
        );
        file!(
            "freeze",
            |faults, text| write!(text, "{}", u32::from(faults.frozen)),
            |of: &Arc<Directions<I>>, written| {
                let freeze = number("freeze", written, 1)?;
                for side in of.sides {
                    of.shared.freeze(*side, freeze == 1);
                }
                Ok(())
            },
        );
        if of.sides.len() > 1 {
            let file = dir.read_write_callback_file(
                c_str!("down"),
                of.clone(),
                &|of: &Arc<Directions<I>>, text: &mut fmt::Formatter<'_>| {
                    let cut = of.shared.wire(0).lock().is_cut();
                    writeln!(text, "{}", u32::from(cut))
                },
                &|of: &Arc<Directions<I>>, written: &mut UserSliceReader| -> Result {
                    of.shared.cut(number("down", written, 1)? == 1);
                    Ok(())
                },
            );
            files.push(KBox::pin_init(file, GFP_KERNEL)?, GFP_KERNEL)?;
        }
        Ok(())
    }
}
