// SPDX-License-Identifier: GPL-2.0-only

//! virtio-loopback: virtio devices whose other end is a program, `/dev/loopback-N`. See `docs/using/virtio-loopback.md`.

use kernel::c_str;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::Arc;

mod device;
mod file;
#[path = "../../lib/mod.rs"]
mod lib;
#[allow(dead_code, reason = "the adapter needs a part of it")]
#[path = "../model/mod.rs"]
mod model;
mod node;
mod queues;

use file::{OpenFile, OPERATIONS};
use lib::kernel::chardev::Registration;
use lib::kernel::loading;
use lib::kernel::parameters::parsed;
use model::params::{parse, Written};
use node::{Common, Node};

/// Root alone may make devices.
const PERMISSIONS: u16 = 0o600;

module! {
    type: Loopback,
    name: "virtio_loopback",
    authors: ["the rloop developers"],
    description: "Virtio devices whose other end is a program",
    license: "GPL v2",
    alias: ["virtio-loopback0", "virtio-loopback1"],
}

/// The loaded module. Dropping it (`rmmod`) takes its nodes away; while a device is there the module can't be unloaded.
struct Loopback {
    // Before what they refer to.
    _nodes: KVec<Registration<OpenFile>>,
}

impl kernel::Module for Loopback {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let parameters = parsed(0, |written| parse(&Written::collect(written)))?;
        let common = Common::new(module, parameters.untested)?;
        let nodes = loading::load(module, || nodes(module, parameters.devices, &common))?;
        Ok(Self { _nodes: nodes })
    }
}

/// Makes so many nodes. May sleep.
///
/// # Errors
///
/// `ENOMEM`, or what the kernel returns, with a line in its log.
fn nodes(
    module: &'static ThisModule,
    count: u32,
    common: &Arc<Common>,
) -> Result<KVec<Registration<OpenFile>>> {
    let mut nodes = KVec::new();
    for number in 0..count {
        let name = CString::try_from_fmt(fmt!("loopback-{number}"))?;
        let node = Node::new(c_str!("virtio-loopback"), number, common)?;
        let node = Registration::new(&OPERATIONS, module, &name, PERMISSIONS, None, node)
            .inspect_err(|error| {
                pr_err!(
                    "/dev/{} can't be made: error {}\n",
                    &*name,
                    error.to_errno()
                );
            })?;
        nodes.push(node, GFP_KERNEL)?;
    }
    Ok(nodes)
}
