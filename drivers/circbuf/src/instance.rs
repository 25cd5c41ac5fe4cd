// SPDX-License-Identifier: GPL-2.0-only

//! One buffer with its node, and how they are made. All functions may sleep.

use kernel::c_str;
use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::atomic::Relaxed;
use kernel::sync::Arc;

use crate::buffer::Buffer;
use crate::file::{OpenFile, OPERATIONS};
use crate::lib::kernel::chardev::Registration;
use crate::lib::kernel::instances::Driver;
use crate::lib::kernel::plug::{Pluggable, Plugged};
use crate::lib::model::parameters::BadParameter;
use crate::model::params::{parse, Written, PARAMETERS};
use crate::model::rules::Rules;

const NAME: &CStr = c_str!("circbuf");
/// Everybody may read and write.
const PERMISSIONS: u16 = 0o666;

impl Pluggable for Buffer {
    type Node = Registration<OpenFile>;

    fn in_use(&self, _: &Registration<OpenFile>) -> bool {
        self.open.load(Relaxed) > 0
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
    type Instance = Plugged<Buffer>;

    fn parse<'a>(
        written: impl FnMut(&'static str) -> Option<&'a str>,
    ) -> Result<Rules, BadParameter<'a>> {
        parse(&Written::collect(written))
    }

    fn make(
        &self,
        module: &'static ThisModule,
        name: &CStr,
        rules: &Rules,
    ) -> Result<Plugged<Buffer>> {
        let buffer = Buffer::new(*rules).inspect_err(|_| {
            pr_err!(
                "/dev/{}: there is no memory for a buffer_size of {}\n",
                name,
                rules.capacity
            );
        })?;
        let buffer = Arc::pin_init(buffer, GFP_KERNEL)?;
        let plugged = Plugged::new(buffer.clone(), name, self.faults.subdir(name))?;
        let node = Registration::new(&OPERATIONS, module, name, PERMISSIONS, None, buffer);
        let node = node.inspect_err(|error| {
            pr_err!("/dev/{} can't be made: error {}\n", name, error.to_errno());
        })?;
        plugged.plug_in(node);
        pr_info!("/dev/{} has room for {} bytes\n", name, rules.capacity);
        Ok(plugged)
    }
}
