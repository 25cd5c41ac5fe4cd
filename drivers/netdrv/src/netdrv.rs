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
use lib::kernel::parameters::written;
use lib::model::parameters::{parse_enable, BadParameter};
use model::params::{parse, Written, PARAMETERS};

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
        let enable = parse_enable(written("enable", 0)?).map_err(refuse)?;
        for (name, _) in PARAMETERS {
            written(name, 0)?;
        }
        let written = Written::collect(|name| written(name, 0).ok().flatten());
        let ring_size = parse(&written).map_err(refuse)?;
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

/// Logs a parameter that is not allowed; `EINVAL`.
fn refuse(bad: BadParameter<'_>) -> Error {
    pr_err!("{}\n", format_args!("{bad}"));
    EINVAL
}
