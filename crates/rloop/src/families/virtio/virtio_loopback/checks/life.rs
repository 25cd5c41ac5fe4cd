// SPDX-License-Identifier: MIT OR Apache-2.0

//! Devices that come and go.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use driver_models::virtio_loopback::abi::{
    self, BindCall, Create, Generation, QueueState, SetKick, Structure as _,
};
use driver_models::virtio_loopback::params::DEVICES_MAX;
use driver_models::virtio_loopback::policy::MEMORY_MIN;
use driver_models::virtio_loopback::state::Phase;
use rig::random::Random;
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail, skip};
use rustix::fs::{SealFlags, fcntl_add_seals};
use rustix::io::Errno;

use super::{Plain, gives};
use crate::families::virtio::virtio_loopback::served::{
    GRANULE, MEMORY, Served, event, memory, open, rng, said, state, wait,
};
use crate::families::virtio::virtio_loopback::{Context, devices, sys};

pub const CHECKS: &[Plain] = &[
    (
        "life/again",
        "devices that come and go",
        "a node whose owner has been closed in any phase is free at once, 60 times; no device is left",
        again,
    ),
    (
        "life/crowd",
        "devices that come and go",
        "more devices than there may be at once are made and closed as fast as can be, and none is refused",
        crowd,
    ),
    (
        "life/phases",
        "devices that come and go",
        "START and STOPPED are taken in the phase that waits for them alone; a device that is broken takes no driver",
        phases,
    ),
    (
        "life/races",
        "devices that come and go",
        "threads that make, serve, ring and close devices of one node at once get a right error or none; no device is left",
        races,
    ),
    (
        "life/unbind",
        "devices that come and go",
        "a driver that is unbound stops the backend; bound again it is served as one of a new generation",
        unbind,
    ),
    (
        "life/left",
        "devices that come and go",
        "a driver that is unbound leaves nothing in the device's memory, whatever it was waiting for",
        left,
    ),
    (
        "life/memory",
        "devices that come and go",
        "of the device's memory the rings take what they need, and each buffer that is out there",
        taken,
    ),
    (
        "life/pinned",
        "devices that come and go",
        "the pages that are a device's memory stay as long as the device does, and are left alone afterwards",
        pinned,
    ),
    (
        "life/silent",
        "devices that come and go",
        "a backend that does not let go fails the next driver after a second, and the device can be removed",
        silent,
    ),
];

/// The check that comes last: until it has passed, what others have left may still be on its way.
pub const LAST: &[Plain] = &[(
    "life/unused",
    "devices that come and go",
    "a device that is closed, with all that were before it, uses the module no more, once it has gone",
    unused,
)];

/// How many devices come and go.
const ROUNDS: u32 = 60;
/// So many come and go at once, which is more than the driver has at most.
const CROWD: u32 = 200;
const BUS: &str = "/sys/bus/virtio/drivers/virtio_rng";

/// Takes the driver from a device of this name, or gives it one.
fn driver(what: &str, name: &str) -> io::Result<()> {
    fs::write(format!("{BUS}/{what}"), name)
}

fn one() -> Verdict<String> {
    wait("there is one device", || {
        let devices = devices(0);
        Ok((devices.len() == 1).then(|| devices[0].clone()))
    })
}

fn none() -> Verdict {
    wait("there is no device", || {
        Ok(devices(0).is_empty().then_some(()))
    })
}

/// How many files and devices use the module.
fn users() -> Verdict<u64> {
    let path = "/sys/module/virtio_loopback/refcnt";
    let text = said(path, fs::read_to_string(path))?;
    let users = text.trim().parse();
    users.map_err(|error| Problem::Failed(format!("{path}: {error}")))
}

fn unused(_: &mut Context) -> Verdict {
    // What other programs have open uses it, too.
    if (1..DEVICES_MAX).any(|node| !devices(node).is_empty()) {
        return skip("other programs have devices of this driver");
    }
    let device = Served::started()?;
    // Its files, its driver, and the device itself.
    let used = users()?;
    ensure(used >= 3, || {
        format!("a device that is served is used {used} times")
    })?;
    drop(device);
    wait("the module is used by nobody", || {
        Ok((users()? == 0).then_some(()))
    })
}

fn again(context: &mut Context) -> Verdict {
    let start = Instant::now();
    for round in 0..ROUNDS {
        let mut device = Served::new()?;
        match round % 6 {
            0 => {}
            1 => drop(device.until(Phase::Ready)?),
            2 => drop(device.start()?),
            3 => {
                device.start()?;
                let (head, _, length) = device.take()?;
                device.used(head.into(), length, 1)?;
                said("a ring", device.ring())?;
            }
            4 => {
                device.start()?;
                said("unbind", driver("unbind", &one()?))?;
                device.until(Phase::Stopping)?;
            }
            _ => {
                device.start()?;
                device.break_it()?;
            }
        }
    }
    none()?;
    context.note(format!("{:?} each", start.elapsed() / ROUNDS));
    Ok(())
}

fn crowd(_: &mut Context) -> Verdict {
    let (memory, event) = (memory(MEMORY_MIN)?, event()?);
    let create = Create {
        memory_size: MEMORY_MIN,
        ..rng(&memory, &event)
    };
    for number in 1..=CROWD {
        let made = sys::call(&open()?, abi::CREATE, &create);
        said(&format!("CREATE of device {number}"), made)?;
    }
    none()
}

/// Looks that a device takes neither START nor STOPPED, of this generation or of those beside it, and stays as it is; but
/// for that which is due.
fn only(device: &Served, due: Option<u32>, generation: u32) -> Verdict {
    let phase = device.state()?.phase;
    for command in [abi::START, abi::STOPPED] {
        for other in [generation.wrapping_sub(1), generation, generation + 1] {
            if due == Some(command) && other == generation {
                continue;
            }
            let what = format!("{command:#x} of {other} in phase {phase} of {generation}");
            let came = sys::call(device.owner(), command, &Generation { generation: other });
            gives(&what, came, libc::ESTALE)?;
        }
    }
    let after = device.state()?.phase;
    ensure(after == phase, || {
        format!("phase {phase} has become phase {after}")
    })
}

fn phases(_: &mut Context) -> Verdict {
    let mut device = Served::new()?;
    let first = device.until(Phase::Ready)?.generation;
    let name = one()?;
    only(&device, Some(abi::START), first)?;
    // Of a driver that goes before it is served, too, there is something to let go of.
    for served in [false, true] {
        let generation = device.until(Phase::Ready)?.generation;
        if served {
            device.start()?;
            only(&device, None, generation)?;
        }
        said("unbind", driver("unbind", &name))?;
        device.until(Phase::Stopping)?;
        only(&device, Some(abi::STOPPED), generation)?;
        device.let_go(generation)?;
        device.until(Phase::Idle)?;
        only(&device, None, generation)?;
        said("bind", driver("bind", &name))?;
        let next = device.until(Phase::Ready)?.generation;
        ensure(next == generation + 1, || {
            format!("after generation {generation} comes {next}")
        })?;
    }
    let last = device.start()?;
    device.break_it()?;
    only(&device, None, last)?;
    said("unbind", driver("unbind", &name))?;
    only(&device, None, last)?;
    let bound = driver("bind", &name);
    ensure(bound.is_err(), || {
        "a device that is broken was bound".to_owned()
    })?;
    drop(device);
    none()
}

/// What a call may give that came too early, or too late, or that another thread was faster with.
const ALLOWED: [i32; 5] = [
    libc::EBUSY,
    libc::ENOTTY,
    libc::ESTALE,
    libc::EBADF,
    libc::ENODEV,
];

/// What the sessions of a node know of it.
#[derive(Default)]
struct Known {
    /// A device that there was.
    last: AtomicU32,
    /// Whether a file has one.
    owned: AtomicBool,
}

/// Opens the node, does some of what can be done with it, in any order, and closes it.
fn session(random: &mut Random, known: &Known) -> Verdict {
    let (file, memory, event) = (open()?, memory(MEMORY)?, event()?);
    let mut owner = false;
    for _ in 0..random.between(1, 10) {
        let generation = random.between(0, 2) as u32;
        let generation = Generation { generation };
        let (what, came) = match random.between(0, 8) {
            0 | 1 => {
                let made = sys::call(&file, abi::CREATE, &rng(&memory, &event));
                if made.is_ok() {
                    known.last.store(state(&file)?.device, Ordering::Relaxed);
                    owner = true;
                    ensure(!known.owned.swap(true, Ordering::Relaxed), || {
                        "the node has two devices".to_owned()
                    })?;
                }
                ("CREATE", made.map(drop))
            }
            2 | 3 => {
                let bind = BindCall {
                    device: known.last.load(Ordering::Relaxed),
                    queue: 0,
                };
                let bound = sys::call(&file, abi::BIND_CALL, &bind);
                ("BIND_CALL", bound.map(drop))
            }
            4 => {
                let fd = random.pick(&[-1, event.as_raw_fd()]);
                let set = sys::call(&file, abi::SET_KICK, &SetKick { queue: 0, fd });
                ("SET_KICK", set.map(drop))
            }
            5 => {
                let started = sys::call(&file, abi::START, &generation);
                ("START", started.map(drop))
            }
            6 => {
                let stopped = sys::call(&file, abi::STOPPED, &generation);
                ("STOPPED", stopped.map(drop))
            }
            7 => {
                let asked = QueueState::read(&[0; QueueState::SIZE]);
                let came = sys::call(&file, abi::GET_QUEUE, &asked);
                ("GET_QUEUE", came.map(drop))
            }
            _ => ("a ring", (&file).write(&[0; 8]).map(drop)),
        };
        if let Err(error) = came {
            let allowed = error.raw_os_error().is_some_and(|n| ALLOWED.contains(&n));
            ensure(allowed, || format!("{what}: {error}"))?;
        }
    }
    if owner {
        // Before the file is closed: then another may.
        known.owned.store(false, Ordering::Relaxed);
    }
    Ok(())
}

fn races(_: &mut Context) -> Verdict {
    const THREADS: u64 = 4;
    const SESSIONS: u32 = 200;
    let known = Known::default();
    let sessions = |seed| {
        let mut random = Random::new(seed);
        (0..SESSIONS).try_for_each(|_| session(&mut random, &known))
    };
    thread::scope(|scope| {
        let sessions = &sessions;
        let threads = (0..THREADS).map(|seed| scope.spawn(move || sessions(seed)));
        let threads: Vec<_> = threads.collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(verdict) => verdict,
            Err(_) => fail("a thread has panicked"),
        });
        ended.collect::<Verdict>()
    })?;
    Served::started().map(drop)?;
    none()
}

fn unbind(_: &mut Context) -> Verdict {
    let mut device = Served::new()?;
    let first = device.start()?;
    let name = one()?;
    for round in 1..=5 {
        said("unbind", driver("unbind", &name))?;
        let state = device.until(Phase::Stopping)?;
        ensure(state.generation == first + round - 1, || {
            format!("it is generation {} that has to stop", state.generation)
        })?;
        let open = device.queue_state()?.open;
        ensure(open == 0, || "its queue is open still".to_owned())?;
        // Nobody is called any more.
        said("a ring", device.ring())?;
        device.let_go(state.generation)?;
        said("bind", driver("bind", &name))?;
        let generation = device.start()?;
        ensure(generation == first + round, || {
            format!("it is generation {generation}")
        })?;
        let (head, _, length) = device.take()?;
        device.used(head.into(), length, 1)?;
        said("a ring", device.ring())?;
    }
    drop(device);
    none()
}

fn left(_: &mut Context) -> Verdict {
    let mut device = Served::new()?;
    device.start()?;
    let name = one()?;
    for _ in 0..2 {
        device.peek()?;
        let taken = device.state()?.in_use;
        ensure(taken > 0, || "a buffer takes nothing".to_owned())?;
        said("unbind", driver("unbind", &name))?;
        let state = device.until(Phase::Stopping)?;
        ensure(state.in_use == 0, || {
            format!("of {taken} bytes {} are still taken", state.in_use)
        })?;
        device.let_go(state.generation)?;
        said("bind", driver("bind", &name))?;
        device.start()?;
    }
    drop(device);
    none()
}

fn taken(_: &mut Context) -> Verdict {
    let mut device = Served::started()?;
    device.have_it_read()?;
    // More than the memory has room for, were they not given back.
    for _ in 0..2 * MEMORY / GRANULE {
        let (head, _, length) = device.take()?;
        let taken = device.state()?.in_use;
        let due = device.rings() + u64::from(length).next_multiple_of(GRANULE);
        ensure(taken == due, || {
            format!("with a buffer of {length} bytes {taken} are taken, {due} are due")
        })?;
        device.used(head.into(), length, 1)?;
        said("a ring", device.ring())?;
    }
    Ok(())
}

fn pinned(_: &mut Context) -> Verdict {
    let device = Served::started()?;
    let memory = said("dup", device.memory().try_clone())?;
    // The kernel refuses while somebody else than the file has one of its pages.
    let seal = || fcntl_add_seals(&memory, SealFlags::WRITE);
    ensure(seal() == Err(Errno::BUSY), || {
        "nobody has its pages".to_owned()
    })?;
    drop(device);
    none()?;
    wait("nobody has its pages", || match seal() {
        Err(Errno::BUSY) => Ok(None),
        sealed => said("F_SEAL_WRITE", sealed.map_err(io::Error::from)).map(Some),
    })
}

fn silent(_: &mut Context) -> Verdict {
    let mut device = Served::new()?;
    device.start()?;
    let name = one()?;
    said("unbind", driver("unbind", &name))?;
    let start = Instant::now();
    let bound = driver("bind", &name);
    ensure(bound.is_err(), || "the driver was bound".to_owned())?;
    let took = start.elapsed();
    ensure(took >= Duration::from_millis(900), || {
        format!("it gave up after {took:?}")
    })?;
    drop(device);
    none()
}
