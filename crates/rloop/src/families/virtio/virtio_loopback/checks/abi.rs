// SPDX-License-Identifier: MIT OR Apache-2.0

//! The ioctls, with what is not allowed.

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;

use driver_models::virtio_loopback::abi::{
    self, BindCall, Create, DeviceState, Generation, QueueState, SetConfig, SetKick, Structure,
    Version,
};
use driver_models::virtio_loopback::policy::BASE;
use driver_models::virtio_loopback::state::Phase;
use rig::verdict::{Verdict, ensure};

use super::{Plain, gives};
use crate::families::virtio::virtio_loopback::served::{
    MEMORY, Served, event, memory, open, rng, said,
};
use crate::families::virtio::virtio_loopback::{Context, sys};

pub const CHECKS: &[Plain] = &[
    (
        "abi/version",
        "the ioctls",
        "GET_VERSION says 1, 64 queues, 1024 entries, 64 MiB and the first address",
        version,
    ),
    (
        "abi/refused",
        "the ioctls",
        "CREATE refuses each thing that is not allowed, and the file can still be used",
        refused,
    ),
    (
        "abi/kinds",
        "the ioctls",
        "a file without a purpose, an owner and a doorbell each do what is theirs and nothing else",
        kinds,
    ),
    (
        "abi/stale",
        "the ioctls",
        "START and STOPPED that were not asked for, and a doorbell of another device, give ESTALE",
        stale,
    ),
    (
        "abi/ranges",
        "the ioctls",
        "queues and bytes of the configuration that are not there give EINVAL",
        ranges,
    ),
    (
        "abi/nowhere",
        "the ioctls",
        "no memory gives EFAULT, other numbers ENOTTY",
        nowhere,
    ),
];

fn version(_: &mut Context) -> Verdict {
    let file = open()?;
    let empty = Version::read(&[0; Version::SIZE]);
    let came = said("GET_VERSION", sys::call(&file, abi::GET_VERSION, &empty))?;
    let due = Version {
        version: 1,
        max_queues: 64,
        max_queue_size: 1024,
        max_memory_mib: 64,
        base: BASE,
    };
    ensure(came == due, || format!("it says {came:?}, due is {due:?}"))
}

fn refused(_: &mut Context) -> Verdict {
    let (file, mine, event) = (open()?, memory(MEMORY)?, event()?);
    let plain = std::fs::File::open("/dev/null");
    let plain = said("/dev/null", plain)?;
    let small = memory(MEMORY - 4096)?;
    type Change<'a> = &'a dyn Fn(&mut Create);
    let cases: [(&str, i32, Change<'_>); 14] = [
        ("device_id 0", libc::EINVAL, &|c| c.device_id = 0),
        ("device_id 16", libc::EINVAL, &|c| c.device_id = 16),
        ("device_id 1", libc::EINVAL, &|c| c.device_id = 1),
        ("no VERSION_1", libc::EINVAL, &|c| c.features = 0),
        ("no queues", libc::EINVAL, &|c| c.queues = 0),
        ("65 queues", libc::EINVAL, &|c| c.queues = 65),
        ("queue_size 63", libc::EINVAL, &|c| c.queue_size = 63),
        ("queue_size 2048", libc::EINVAL, &|c| c.queue_size = 2048),
        ("config_size 257", libc::EINVAL, &|c| c.config_size = 257),
        ("flags 1", libc::EINVAL, &|c| c.flags = 1),
        ("memory_size 4096", libc::EINVAL, &|c| c.memory_size = 4096),
        ("memory that is shorter", libc::EINVAL, &|c| {
            c.memory_fd = small.as_raw_fd();
        }),
        ("memory that is none", libc::EINVAL, &|c| {
            c.memory_fd = plain.as_raw_fd();
        }),
        ("no event_fd", libc::EBADF, &|c| c.event_fd = -1),
    ];
    for (what, errno, change) in cases {
        let mut create = rng(&mine, &event);
        change(&mut create);
        gives(what, sys::call(&file, abi::CREATE, &create), errno)?;
    }
    said("CREATE", sys::call(&file, abi::CREATE, &rng(&mine, &event)))?;
    let (other, theirs) = (open()?, memory(MEMORY)?);
    let second = sys::call(&other, abi::CREATE, &rng(&theirs, &event));
    gives("a second device of the node", second, libc::EBUSY)
}

fn kinds(_: &mut Context) -> Verdict {
    let unbound = open()?;
    let empty = DeviceState::read(&[0; DeviceState::SIZE]);
    let state = sys::call(&unbound, abi::GET_STATE, &empty);
    gives("GET_STATE of no owner", state, libc::ENOTTY)?;
    gives(
        "a write to no doorbell",
        (&unbound).write(&[0; 8]),
        libc::EBADF,
    )?;
    gives("a read", (&unbound).read(&mut [0; 8]), libc::EINVAL)?;
    let served = Served::started()?;
    gives(
        "a write to an owner",
        served.owner().write(&[0; 8]),
        libc::EBADF,
    )?;
    for bytes in [0usize, 1, 7, 9, 4096] {
        // Nothing is no write.
        if bytes > 0 {
            let rung = served.doorbell().write(&vec![0; bytes]);
            gives(&format!("a ring of {bytes} bytes"), rung, libc::EINVAL)?;
        }
    }
    let state = sys::call(served.doorbell(), abi::GET_STATE, &empty);
    gives("GET_STATE of a doorbell", state, libc::ENOTTY)?;
    let bind = BindCall {
        device: served.device,
        queue: 0,
    };
    for (what, file) in [
        ("an owner", served.owner()),
        ("a doorbell", served.doorbell()),
    ] {
        let bound = sys::call(file, abi::BIND_CALL, &bind);
        gives(&format!("BIND_CALL of {what}"), bound, libc::ENOTTY)?;
    }
    said("a ring", served.ring())?;
    let device = served.doorbell().try_clone();
    let doorbell = said("dup", device)?;
    drop(served);
    let rung = (&doorbell).write(&[0; 8]);
    gives("a ring after the end", rung, libc::ENODEV)
}

fn stale(_: &mut Context) -> Verdict {
    let mut served = Served::new()?;
    let generation = served.start()?;
    for (what, command, generation) in [
        ("a second START", abi::START, generation),
        ("START of another", abi::START, generation + 1),
        ("STOPPED that nobody wants", abi::STOPPED, generation),
    ] {
        let came = sys::call(served.owner(), command, &Generation { generation });
        gives(what, came, libc::ESTALE)?;
    }
    let state = served.state()?;
    ensure(state.phase == Phase::Live.number(), || {
        format!("it is in phase {} after that", state.phase)
    })?;
    let bind = BindCall {
        device: served.device + 1,
        queue: 0,
    };
    let other = sys::call(&open()?, abi::BIND_CALL, &bind);
    gives("a doorbell of another device", other, libc::ESTALE)
}

fn ranges(_: &mut Context) -> Verdict {
    let served = Served::started()?;
    let owner = served.owner();
    for queue in [1, 64, u32::MAX] {
        let mut asked = QueueState::read(&[0; QueueState::SIZE]);
        asked.index = queue;
        let came = sys::call(owner, abi::GET_QUEUE, &asked);
        gives(&format!("GET_QUEUE {queue}"), came, libc::EINVAL)?;
        let came = sys::call(owner, abi::SET_KICK, &SetKick { queue, fd: -1 });
        gives(&format!("SET_KICK {queue}"), came, libc::EINVAL)?;
        let bind = BindCall {
            device: served.device,
            queue,
        };
        let came = sys::call(&open()?, abi::BIND_CALL, &bind);
        gives(&format!("BIND_CALL {queue}"), came, libc::EINVAL)?;
    }
    for (offset, length) in [(0, 1), (1, 0), (0, 257), (u32::MAX, 2), (2, u32::MAX)] {
        let config = SetConfig {
            offset,
            length,
            data: [0; abi::CONFIG_MAX],
        };
        let came = sys::call(owner, abi::SET_CONFIG, &config);
        gives(
            &format!("SET_CONFIG of {length} from {offset}"),
            came,
            libc::EINVAL,
        )?;
    }
    let kick = SetKick {
        queue: 0,
        fd: 12345,
    };
    gives(
        "SET_KICK of no file",
        sys::call(owner, abi::SET_KICK, &kick),
        libc::EBADF,
    )
}

fn nowhere(_: &mut Context) -> Verdict {
    let served = Served::started()?;
    for command in [
        abi::GET_VERSION,
        abi::GET_STATE,
        abi::GET_QUEUE,
        abi::SET_KICK,
        abi::START,
        abi::STOPPED,
        abi::SET_CONFIG,
    ] {
        let came = sys::nowhere(served.owner(), command);
        gives(&format!("{command:#x}"), came, libc::EFAULT)?;
    }
    for command in [abi::CREATE, abi::BIND_CALL] {
        gives(
            &format!("{command:#x}"),
            sys::nowhere(&open()?, command),
            libc::EFAULT,
        )?;
    }
    for command in [
        abi::GET_VERSION ^ (1 << 16),
        // Memory is not changed, nor is a device resumed.
        (1 << 30) | (16 << 16) | (abi::TYPE << 8) | 8,
        (abi::TYPE << 8) | 99,
        0,
        u32::MAX,
    ] {
        let came = sys::nowhere(served.owner(), command);
        gives(&format!("{command:#x}"), came, libc::ENOTTY)?;
    }
    Ok(())
}
