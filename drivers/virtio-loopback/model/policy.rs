// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Which devices there may be, and what of a device's features a driver sees.

use core::fmt;

use super::abi::Create;
use super::gate::SIZE_MAX;

/// The most queues of a device.
pub const QUEUES_MAX: u32 = 64;
/// The least and the most memory of a device, in bytes.
pub const MEMORY_MIN: u64 = 256 << 10;
/// The most memory of a device, in MiB.
pub const MEMORY_MAX_MIB: u32 = 64;
/// The address of a device's memory: 0 is none.
pub const BASE: u64 = 64 << 10;
/// What the memory is divided into, in bytes.
pub const PAGE: u64 = 4096;

/// A feature (`linux/virtio_config.h`, `linux/virtio_ring.h`): descriptors may be in a table of their own.
pub const INDIRECT_DESC: u32 = 28;
/// Virtio as it has been since 1.0.
pub const VERSION_1: u32 = 32;
/// Addresses are the device's own, not those of the machine.
pub const ACCESS_PLATFORM: u32 = 33;
/// Features up to this are those of the kind of device.
const KIND_LAST: u32 = 23;

/// A kind of device (`linux/virtio_ids.h`) of which something is known.
struct Kind {
    id: u32,
    name: &'static str,
    /// Whether a driver and a backend of it have been tried.
    tried: bool,
    /// Features of which nothing is known that would come back through the gate.
    hidden: u64,
}

/// `VIRTIO_BLK_F_CONFIG_WCE`: the driver would write to the configuration.
const BLK_CONFIG_WCE: u64 = 1 << 11;

const KINDS: [Kind; 6] = [
    Kind {
        hidden: BLK_CONFIG_WCE,
        ..untried(2, "blk")
    },
    untried(3, "console"),
    tried(4, "rng"),
    tried(25, "sound"),
    tried(34, "i2c"),
    untried(41, "gpio"),
];

const fn untried(id: u32, name: &'static str) -> Kind {
    Kind {
        id,
        name,
        tried: false,
        hidden: 0,
    }
}

const fn tried(id: u32, name: &'static str) -> Kind {
    Kind {
        tried: true,
        ..untried(id, name)
    }
}

/// Kinds whose drivers reach memory on other ways than a queue: a GPU, a shared file system.
const NEVER: [u32; 2] = [16, 26];

/// The name of a kind of device.
pub fn name(id: u32) -> &'static str {
    let known = KINDS.iter().find(|kind| kind.id == id);
    known.map_or("unknown", |kind| kind.name)
}

/// A device that can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What of it.
    pub what: &'static str,
    /// What it is.
    pub given: u64,
    /// What it may be.
    pub allowed: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} is not allowed: must be {}",
            self.what, self.given, self.allowed
        )
    }
}

/// Looks at what somebody wants to make. `untested` allows devices that have not been tried.
///
/// # Errors
///
/// The first thing that is not allowed.
pub fn check(create: &Create, untested: bool) -> Result<(), Refused> {
    let ensure = |fine: bool, what: &'static str, given: u64, allowed: &'static str| match fine {
        true => Ok(()),
        false => Err(Refused {
            what,
            given,
            allowed,
        }),
    };
    let id = create.device_id;
    let tried = KINDS.iter().any(|kind| kind.id == id && kind.tried);
    let allowed =
        "4 (rng), 25 (sound) or 34 (i2c); with untested=1 others, but not 16 (gpu) and 26 (fs)";
    ensure(
        tried || (untested && id != 0 && !NEVER.contains(&id)),
        "device_id",
        id.into(),
        allowed,
    )?;
    let version_1 = (create.features >> VERSION_1) & 1;
    ensure(version_1 == 1, "feature VERSION_1", version_1, "1")?;
    let queues = create.queues;
    let fine = (1..=QUEUES_MAX).contains(&queues);
    ensure(fine, "queues", queues.into(), "1 to 64")?;
    let size = create.queue_size;
    let fine = size.is_power_of_two() && size <= SIZE_MAX.into();
    let allowed = "a power of two up to 1024";
    ensure(fine, "queue_size", size.into(), allowed)?;
    let config = create.config_size;
    let fine = config as usize <= create.config.len();
    ensure(fine, "config_size", config.into(), "up to 256")?;
    ensure(create.flags == 0, "flags", create.flags.into(), "0")?;
    let memory = create.memory_size;
    let most = u64::from(MEMORY_MAX_MIB) << 20;
    let fine = (MEMORY_MIN..=most).contains(&memory) && memory % PAGE == 0;
    let allowed = "a multiple of 4096 from 262144 to 67108864";
    ensure(fine, "memory_size", memory, allowed)
}

/// What a driver is offered of what a backend has.
pub fn features(device_id: u32, backend: u64) -> u64 {
    let kind = (1 << (KIND_LAST + 1)) - 1;
    let known = KINDS.iter().find(|kind| kind.id == device_id);
    let hidden = known.map_or(0, |kind| kind.hidden);
    let transport = (1 << INDIRECT_DESC) | (1 << VERSION_1);
    (backend & (kind | transport) & !hidden) | (1 << ACCESS_PLATFORM)
}

/// What a backend is told of what a driver has taken.
pub fn taken(features: u64) -> u64 {
    features & !(1 << ACCESS_PLATFORM)
}
