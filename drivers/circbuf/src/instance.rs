// SPDX-License-Identifier: GPL-2.0-only

//! One buffer with its node, and how they are made.

use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::atomic::Relaxed;
use kernel::sync::{Arc, Mutex};
use kernel::{c_str, new_mutex};

use crate::buffer::Buffer;
use crate::faults;
use crate::file::{OpenFile, OPERATIONS};
use crate::lib::kernel::chardev::Registration;
use crate::lib::kernel::fault_files::FaultFiles;
use crate::lib::kernel::instances::{Driver, Instance};
use crate::lib::model::parameters::BadParameter;
use crate::model::params::{parse, Written, PARAMETERS};
use crate::model::rules::Rules;

const NAME: &CStr = c_str!("circbuf");
/// Everybody may read and write.
const PERMISSIONS: u16 = 0o666;

/// A buffer with its node, which goes when this value does.
pub(crate) struct Made {
    // Before the node: they refer to it.
    _faults: FaultFiles<Plug>,
    plug: Arc<Plug>,
}

/// A buffer, and the node by which programs know it, which can be taken away from them at any time.
#[pin_data]
pub(crate) struct Plug {
    pub(crate) buffer: Arc<Buffer>,
    name: CString,
    #[pin]
    node: Mutex<Option<Registration<OpenFile>>>,
}

impl Plug {
    /// Takes the node away: programs that have a file of it open get `ENODEV`, also those that sleep. Done again it
    /// does nothing. May sleep.
    pub(crate) fn pull(&self) {
        let node = self.node.lock().take();
        if node.is_some() {
            pr_info!("/dev/{} is taken away\n", &*self.name);
        }
    }
}

impl Instance for Made {
    fn in_use(&self) -> bool {
        self.plug.buffer.open.load(Relaxed) > 0 && self.plug.node.lock().is_some()
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.plug.pull();
    }
}

/// The driver: it makes buffers, with their files for faults in a directory.
pub(crate) struct Buffers {
    faults: Dir,
}

impl Buffers {
    /// Makes `/sys/kernel/debug/circbuf`.
    pub(crate) fn new() -> Self {
        Self {
            faults: Dir::new(NAME),
        }
    }
}

impl Driver for Buffers {
    const NAME: &'static CStr = NAME;
    const PARAMETERS: &'static [(&'static str, &'static str)] = PARAMETERS;

    type Config = Rules;
    type Instance = Made;

    fn parse<'a>(
        written: impl FnMut(&'static str) -> Option<&'a str>,
    ) -> Result<Rules, BadParameter<'a>> {
        parse(&Written::collect(written))
    }

    fn make(&self, module: &'static ThisModule, name: &CStr, rules: &Rules) -> Result<Made> {
        let buffer = Arc::pin_init(Buffer::new(*rules)?, GFP_KERNEL)?;
        let node = Registration::new(&OPERATIONS, module, name, PERMISSIONS, None, buffer.clone())
            .inspect_err(|error| {
                pr_err!("/dev/{} can't be made: error {}\n", name, error.to_errno());
            })?;
        let plug = Arc::pin_init(
            try_pin_init!(Plug {
                buffer,
                name: name.try_into()?,
                node <- new_mutex!(Some(node)),
            }? Error),
            GFP_KERNEL,
        )?;
        let faults = faults::create(self.faults.subdir(name), &plug)?;
        pr_info!("/dev/{} has room for {} bytes\n", name, rules.capacity);
        Ok(Made {
            _faults: faults,
            plug,
        })
    }
}
