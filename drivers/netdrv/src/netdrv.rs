// SPDX-License-Identifier: GPL-2.0-only

//! netdrv: two network cards and the wire between them, `vnet0` and `vnet1`. See `docs/using/netdrv.md`.

use kernel::c_str;
use kernel::prelude::*;

mod end;
mod faults;
#[path = "../../lib/mod.rs"]
mod lib;
#[path = "../model/mod.rs"]
mod model;
mod shared;

use end::{End, Pairs};
use lib::kernel::net::{Device, LinkKind, Pair};
use lib::kernel::parameters::parsed;
use lib::model::parameters::parse_enable;
use model::params::{parse, Written};

module! {
    type: Netdrv,
    name: "netdrv",
    authors: ["the rloop developers"],
    description: "Two network cards and the wire between them",
    license: "GPL v2",
    alias: ["rtnl-link-netdrv"],
}

/// The loaded module. Dropping it (`rmmod`) removes all its devices, whatever they are used for.
struct Netdrv {
    // First: what it makes is of no use without.
    _own: Option<Pair<End>>,
    _kind: LinkKind<Pairs>,
}

impl kernel::Module for Netdrv {
    fn init(_: &'static ThisModule) -> Result<Self> {
        let enable = parsed(0, |written| parse_enable(written("enable")))?;
        let ring_size = parsed(0, |written| parse(&Written::collect(written)))?;
        let kind = LinkKind::new(c_str!("netdrv"), Pairs::new(ring_size))?;
        let own = match enable.unwrap_or(true) {
            true => Some(Pair::new(kind.maker())?),
            false => None,
        };
        if let Some(pair) = &own {
            pair.look(|devices: [&Device<End>; 2]| {
                let [first, second] = devices.map(Device::name);
                pr_info!(
                    "{} and {} are connected, with room for {} frames in each direction\n",
                    first,
                    second,
                    ring_size
                );
            });
        }
        Ok(Self {
            _own: own,
            _kind: kind,
        })
    }
}
