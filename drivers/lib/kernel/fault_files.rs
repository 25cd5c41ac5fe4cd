// SPDX-License-Identifier: GPL-2.0-only

//! Faults on demand, for testing the programs above: the files in debugfs that all drivers have.
//!
//! | file | what is written | what it does |
//! |---|---|---|
//! | `drop` | a [plan](crate::lib::model::plan) | these frames, or whatever else the driver moves, get lost |
//! | `double` | a plan | these come twice, where that can be |
//! | `flip` | a plan | these come with one bit inverted |
//! | `freeze` | `1`, `0` | the clock stands still, or goes on |
//! | `jitter` | microseconds | from now on the driver's timers, if it has some, go off up to so much late |
//! | `xrun` | the name of a stream | it has an xrun, if it runs |
//!
//! Reading one but `xrun` gives what is left of it. A driver adds its own by [`FaultFiles::add`].

use core::fmt;

use kernel::c_str;
use kernel::debugfs::{Dir, File};
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;
use kernel::uaccess::UserSliceReader;

use crate::lib::kernel::debugfs::{number, plan, word};
use crate::lib::model::faults::Faults;
use crate::lib::model::parameters::Allowed;
use crate::lib::model::plan::Plans;

/// The longest jitter in microseconds.
const JITTER_MAX: u32 = 1_000_000;

/// What goes wrong on demand. The functions may sleep.
pub(crate) trait Faulty: Send + Sync + 'static {
    /// What the streams are called that can have an xrun, for messages; `None` if there are none.
    const STREAMS: Option<&'static str> = None;

    /// Whether there are timers.
    const TIMERS: bool = true;

    /// Whether something can come twice.
    const DOUBLES: bool = true;

    /// The plans that the fault of this name takes.
    fn plans(&self, fault: &str) -> Plans {
        let _ = fault;
        Plans::ANY
    }

    /// Looks at what is to go wrong by `change`, which may change it and must not sleep. Returns
    /// what that does.
    fn faults<R>(&self, change: impl FnOnce(&mut Faults) -> R) -> R;

    /// Stops the clock's time, or lets it go on.
    fn freeze(&self, freeze: bool);

    /// Lets a stream have an xrun, if it runs; `None` if none is called so.
    fn xrun(&self, stream: &str) -> Option<()> {
        let _ = stream;
        None
    }
}

/// The files of what goes wrong on demand. Dropping them removes them, and waits for whoever is
/// writing to one.
pub(crate) struct FaultFiles<T: Faulty> {
    dir: Dir,
    of: Arc<T>,
    files: KVec<Pin<KBox<File<Arc<T>>>>>,
}

impl<T: Faulty> FaultFiles<T> {
    /// Makes the files of `of` in `dir`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Where debugfs is off, nothing is made.
    pub(crate) fn new(dir: Dir, of: Arc<T>) -> Result<Self> {
        let files = KVec::new();
        let mut all = Self { dir, of, files };
        // Each callback is of a type of its own, so there is no loop over them.
        macro_rules! file {
            ($name:literal, $read:expr, $write:expr $(,)?) => {
                all.add_readable(
                    c_str!($name),
                    &|of: &Arc<T>, text: &mut fmt::Formatter<'_>| {
                        let left = of.faults($read);
                        writeln!(text, "{left}")
                    },
                    &|of: &Arc<T>, written: &mut UserSliceReader| -> Result { $write(of, written) },
                )?;
            };
            ($name:literal, $field:ident) => {
                file!(
                    $name,
                    |faults: &mut Faults| faults.$field,
                    |of: &Arc<T>, written| {
                        let plan = plan($name, of.plans($name), written)?;
                        of.faults(|faults| faults.$field = plan);
                        Ok(())
                    }
                );
            };
        }
        file!("drop", drop);
        if T::DOUBLES {
            file!("double", double);
        }
        file!("flip", flip);
        file!(
            "freeze",
            |faults: &mut Faults| u32::from(faults.frozen()),
            |of: &Arc<T>, written| {
                of.freeze(number("freeze", written, 1)? == 1);
                Ok(())
            }
        );
        if T::TIMERS {
            file!(
                "jitter",
                |faults: &mut Faults| faults.jitter / 1_000,
                |of: &Arc<T>, written| {
                    let micros = number("jitter", written, JITTER_MAX)?;
                    of.faults(|faults| faults.jitter = u64::from(micros) * 1_000);
                    Ok(())
                }
            );
        }
        if T::STREAMS.is_some() {
            all.add(c_str!("xrun"), &|of: &Arc<T>,
                                      written: &mut UserSliceReader|
             -> Result {
                let allowed = Allowed::Words(T::STREAMS.unwrap_or_default());
                word("xrun", allowed, written, |word| of.xrun(word))
            })?;
        }
        Ok(all)
    }

    /// Makes one file more, called `name`: `write` is called with what is written to it, and may
    /// sleep. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn add<W>(&mut self, name: &CStr, write: &'static W) -> Result
    where
        W: Fn(&Arc<T>, &mut UserSliceReader) -> Result + Send + Sync,
    {
        let file = self.dir.write_callback_file(name, self.of.clone(), write);
        Ok(self
            .files
            .push(KBox::pin_init(file, GFP_KERNEL)?, GFP_KERNEL)?)
    }

    /// As [`FaultFiles::add`], for one that can be read as well: `read` writes what it says, and may sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn add_readable<R, W>(
        &mut self,
        name: &CStr,
        read: &'static R,
        write: &'static W,
    ) -> Result
    where
        R: Fn(&Arc<T>, &mut fmt::Formatter<'_>) -> fmt::Result + Send + Sync,
        W: Fn(&Arc<T>, &mut UserSliceReader) -> Result + Send + Sync,
    {
        let of = self.of.clone();
        let file = self.dir.read_write_callback_file(name, of, read, write);
        Ok(self
            .files
            .push(KBox::pin_init(file, GFP_KERNEL)?, GFP_KERNEL)?)
    }
}
