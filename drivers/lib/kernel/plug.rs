// SPDX-License-Identifier: GPL-2.0-only

//! Devices with a node that can be taken away from programs at any time, as one that is pulled out.
//!
//! All functions may sleep.

use kernel::c_str;
use kernel::debugfs::Dir;
use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::{Arc, Mutex};
use kernel::uaccess::UserSliceReader;

use crate::lib::kernel::debugfs::one;
use crate::lib::kernel::fault_files::{FaultFiles, Faulty};

/// What is behind a node.
pub(crate) trait Pluggable: Sized + Send + Sync + 'static {
    /// The node. When it is dropped, no program finds it any more, and whoever has it open gets errors.
    type Node: Send + Unpin + 'static;

    /// Takes the node away from programs, those included that wait.
    fn leave(&self, node: Self::Node) {
        drop(node);
    }

    /// Whether a program has the node open.
    fn in_use(&self, node: &Self::Node) -> bool;
}

/// A device, and the node by which programs know it, from when it is made until it is taken away.
#[pin_data]
pub(crate) struct Plug<P: Pluggable> {
    device: Arc<P>,
    name: CString,
    #[pin]
    node: Mutex<Option<P::Node>>,
}

impl<P: Pluggable> Plug<P> {
    /// The device, whether it has its node or not.
    pub(crate) fn device(&self) -> &P {
        &self.device
    }

    /// The node's name in `/dev`.
    pub(crate) fn name(&self) -> &CStr {
        &self.name
    }

    /// Does something with the node, which stays meanwhile; it is `None` if it has been taken away, or has not been made.
    pub(crate) fn with_node<R>(&self, act: impl FnOnce(Option<&P::Node>) -> R) -> R {
        act(self.node.lock().as_ref())
    }

    /// Takes the node away. `false` if there is none, not yet or not any more.
    pub(crate) fn pull(&self) -> bool {
        let node = self.node.lock().take();
        node.map(|node| self.device.leave(node)).is_some()
    }
}

/// A device that a driver has made, with its faults on demand. Dropping it takes its node away.
pub(crate) struct Plugged<P: Pluggable>
where
    Plug<P>: Faulty,
{
    // Before the node: they refer to it.
    faults: FaultFiles<Plug<P>>,
    plug: Arc<Plug<P>>,
}

impl<P: Pluggable> Plugged<P>
where
    Plug<P>: Faulty,
{
    /// Puts together a device, whose node is to be called `name`, and makes the files of its faults in `dir`, with
    /// `unplug`, to which `1` is written and which takes the node away; `ENODEV` says that there is none, not yet or not
    /// any more. The node comes last, by [`Plugged::plug_in`]: where anything failed after it, it would be taken away from
    /// programs that have it open.
    ///
    /// # Errors
    ///
    /// `ENOMEM`. Where debugfs is off, no files are made.
    pub(crate) fn new(device: Arc<P>, name: &CStr, dir: Dir) -> Result<Self> {
        let plug = Arc::pin_init(
            try_pin_init!(Plug {
                device,
                name: name.try_into()?,
                node <- new_mutex!(None, "Plug::node"),
            }? Error),
            GFP_KERNEL,
        )?;
        let mut faults = FaultFiles::new(dir, plug.clone())?;
        faults.add(c_str!("unplug"), &|plug: &Arc<Plug<P>>,
                                        written: &mut UserSliceReader|
         -> Result {
            one("unplug", written)?;
            if !plug.pull() {
                return Err(ENODEV);
            }
            pr_info!("/dev/{} is taken away\n", &*plug.name);
            Ok(())
        })?;
        Ok(Self { faults, plug })
    }

    /// Gives it the node that has been made for it.
    pub(crate) fn plug_in(&self, node: P::Node) {
        *self.plug.node.lock() = Some(node);
    }

    /// The files of its faults, for the driver to add its own.
    pub(crate) fn faults(&mut self) -> &mut FaultFiles<Plug<P>> {
        &mut self.faults
    }

    /// The device and its node.
    pub(crate) fn plug(&self) -> &Plug<P> {
        &self.plug
    }

    /// Whether a program has its node open. One that has been taken away is in nobody's use.
    pub(crate) fn in_use(&self) -> bool {
        let device = self.plug.device();
        let in_use = |node: Option<&P::Node>| node.is_some_and(|node| device.in_use(node));
        self.plug.with_node(in_use)
    }
}

impl<P: Pluggable> Drop for Plugged<P>
where
    Plug<P>: Faulty,
{
    fn drop(&mut self) {
        self.plug.pull();
    }
}
