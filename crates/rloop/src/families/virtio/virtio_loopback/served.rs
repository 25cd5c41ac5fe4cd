// SPDX-License-Identifier: MIT OR Apache-2.0

//! A device whose other end is this program: it reads and writes the rings itself, and can lie as it likes.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use driver_models::virtio_loopback::abi::{
    self, BindCall, CONFIG_MAX, Create, DeviceState, Generation, QueueState, SetKick, Structure,
};
use driver_models::virtio_loopback::policy::{BASE, INDIRECT_DESC, VERSION_1};
use driver_models::virtio_loopback::state::Phase;
use rig::verdict::{Problem, Verdict, fail};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::time::Timespec;

use super::{NODE, sys};

/// How long something that has to happen may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The memory of a device.
pub const MEMORY: u64 = 1 << 20;
/// `linux/virtio_ids.h`: a source of random numbers.
pub const RNG: u32 = 4;
/// What is taken of a device's memory is a multiple of this.
pub const GRANULE: u64 = 512;
/// `VRING_DESC_F_NEXT`.
const NEXT: u16 = 1;
/// `VRING_USED_F_NO_NOTIFY`.
const NO_NOTIFY: u16 = 1;
/// After how long without a kick it is asked whether there is an end.
const LOOK: Duration = Duration::from_millis(10);

/// Says of which call an error is.
pub fn said<T>(what: &str, result: io::Result<T>) -> Verdict<T> {
    result.map_err(|error| Problem::Failed(format!("{what}: {error}")))
}

/// Opens the node.
pub fn open() -> Verdict<File> {
    said(NODE, File::options().read(true).write(true).open(NODE))
}

/// A file of memory.
pub fn memory(bytes: u64) -> Verdict<File> {
    let memory = memfd_create("rloop", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING);
    let memory = said("memfd_create", memory.map_err(io::Error::from))?;
    said(
        "ftruncate",
        ftruncate(&memory, bytes).map_err(io::Error::from),
    )?;
    Ok(memory.into())
}

/// An eventfd.
pub fn event() -> Verdict<OwnedFd> {
    let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
    said("eventfd", event.map_err(io::Error::from))
}

/// What is asked for if nothing else is: a source of random numbers with `memory` and `event`.
pub fn rng(memory: &File, event: &OwnedFd) -> Create {
    Create {
        device_id: RNG,
        vendor_id: 0,
        features: (1 << VERSION_1) | (1 << INDIRECT_DESC),
        queues: 1,
        queue_size: 64,
        config_size: 0,
        flags: 0,
        memory_fd: memory.as_raw_fd(),
        event_fd: event.as_raw_fd(),
        memory_size: MEMORY,
        config: [0; CONFIG_MAX],
    }
}

/// Waits until `ready` returns something.
pub fn wait<T>(what: &str, mut ready: impl FnMut() -> Verdict<Option<T>>) -> Verdict<T> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = ready()? {
            return Ok(value);
        }
        if Instant::now() > end {
            return fail(format!("{what}: not within {} s", PATIENCE.as_secs()));
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// A source of random numbers, and what serves it.
pub struct Served {
    owner: File,
    memory: File,
    kick: OwnedFd,
    doorbell: File,
    _event: OwnedFd,
    /// The number of the device.
    pub device: u32,
    queue: QueueState,
    available: u16,
    used: u16,
    /// The sources of random numbers that were there before.
    others: Vec<String>,
    over: Arc<AtomicBool>,
}

/// Where random numbers are read.
pub const RANDOM: &str = "/dev/hwrng";
/// Where the kernel says which sources of random numbers there are.
const CLASS: &str = "/sys/class/misc/hw_random";

/// The names of the sources of random numbers that there are.
pub fn sources() -> Verdict<Vec<String>> {
    let text = said(CLASS, fs::read_to_string(format!("{CLASS}/rng_available")))?;
    Ok(text.split_whitespace().map(str::to_owned).collect())
}

/// The sources of other devices than the node's.
static FIRST: OnceLock<Vec<String>> = OnceLock::new();

/// The sources of other devices than the node's. One that has been closed is taken away by and by, and its source has a
/// name until then: so this waits until there is none.
fn sources_of_others() -> Verdict<Vec<String>> {
    wait("the node has no device", || {
        let none = super::devices(0).is_empty();
        none.then(sources).transpose()
    })
}

/// A source of random numbers that was not among these. One of a device that has just gone may still be among them, and
/// its name be given again: then it is one that was not there at first.
pub struct Choice(Vec<String>);

impl Choice {
    /// Has the kernel take its random numbers from it.
    pub fn make(&self) -> Verdict {
        let name = wait("the kernel knows the device", || {
            let of_programs =
                |name: &&String| !FIRST.get().is_some_and(|first| first.contains(name));
            let names = sources()?;
            let new = names.iter().find(|name| !self.0.contains(name));
            Ok(new.or_else(|| names.iter().find(of_programs)).cloned())
        })?;
        choose(&name)
    }
}

/// Has the kernel take its random numbers from the source of this name.
pub fn choose(name: &str) -> Verdict {
    said(
        "rng_current",
        fs::write(format!("{CLASS}/rng_current"), name),
    )
}

impl Drop for Served {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Served {
    /// Makes one, which a driver finds.
    pub fn new() -> Verdict<Self> {
        if FIRST.get().is_none() {
            let _ = FIRST.set(sources_of_others()?);
        }
        let others = sources()?;
        let (owner, memory, event, kick) = (open()?, memory(MEMORY)?, event()?, event()?);
        let create = rng(&memory, &event);
        said("CREATE", sys::call(&owner, abi::CREATE, &create))?;
        let device = state(&owner)?.device;
        let set = SetKick {
            queue: 0,
            fd: kick.as_raw_fd(),
        };
        said("SET_KICK", sys::call(&owner, abi::SET_KICK, &set))?;
        let doorbell = open()?;
        let bind = BindCall { device, queue: 0 };
        said("BIND_CALL", sys::call(&doorbell, abi::BIND_CALL, &bind))?;
        Ok(Self {
            owner,
            memory,
            kick,
            doorbell,
            _event: event,
            device,
            queue: QueueState::read(&[0; QueueState::SIZE]),
            available: 0,
            used: 0,
            others,
            over: Arc::default(),
        })
    }

    /// What has the kernel take its random numbers from this device.
    pub fn choice(&self) -> Choice {
        Choice(self.others.clone())
    }

    /// Has the driver ask for more and more, until the device goes.
    pub fn have_it_read(&self) -> Verdict {
        self.choice().make()?;
        let over = self.over.clone();
        thread::spawn(move || {
            let Ok(mut file) = File::open(RANDOM) else {
                return;
            };
            while !over.load(Ordering::Relaxed) && file.read(&mut [0; 64]).is_ok() {}
        });
        Ok(())
    }

    /// Waits until a driver has it, and serves that from now on. The driver's generation.
    pub fn start(&mut self) -> Verdict<u32> {
        let generation = self.until(Phase::Ready)?.generation;
        self.queue = self.queue_state()?;
        (self.available, self.used) = (0, 0);
        self.begin(generation)?;
        Ok(generation)
    }

    /// Says that this driver is served.
    pub fn begin(&self, generation: u32) -> Verdict {
        let started = sys::call(&self.owner, abi::START, &Generation { generation });
        said("START", started).map(drop)
    }

    /// One that is served.
    pub fn started() -> Verdict<Self> {
        let mut served = Self::new()?;
        served.start()?;
        Ok(served)
    }

    /// The file that owns it.
    pub fn owner(&self) -> &File {
        &self.owner
    }

    /// The file that is its memory.
    pub fn memory(&self) -> &File {
        &self.memory
    }

    /// The file that rings.
    pub fn doorbell(&self) -> &File {
        &self.doorbell
    }

    /// What the device says of itself.
    pub fn state(&self) -> Verdict<DeviceState> {
        state(&self.owner)
    }

    /// What the device says of its queue.
    pub fn queue_state(&self) -> Verdict<QueueState> {
        let asked = QueueState::read(&[0; QueueState::SIZE]);
        said("GET_QUEUE", sys::call(&self.owner, abi::GET_QUEUE, &asked))
    }

    /// Waits for a phase.
    pub fn until(&self, phase: Phase) -> Verdict<DeviceState> {
        wait(&format!("the device is {phase:?}"), || {
            let state = self.state()?;
            Ok((state.phase == phase.number()).then_some(state))
        })
    }

    /// Reads from an address of the device's.
    pub fn read<const N: usize>(&self, address: u64) -> Verdict<[u8; N]> {
        let mut bytes = [0; N];
        let place = address.wrapping_sub(BASE);
        said(
            "a read of its memory",
            self.memory.read_exact_at(&mut bytes, place),
        )?;
        Ok(bytes)
    }

    /// Writes to an address of the device's.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Verdict {
        let place = address.wrapping_sub(BASE);
        said(
            "a write to its memory",
            self.memory.write_all_at(bytes, place),
        )
    }

    fn word(&self, address: u64) -> Verdict<u16> {
        Ok(u16::from_le_bytes(self.read(address)?))
    }

    /// Whether a buffer is available.
    pub fn has_one(&self) -> Verdict<bool> {
        Ok(self.word(self.queue.available + 2)? != self.available)
    }

    /// Waits until a buffer is available.
    pub fn peek(&self) -> Verdict {
        wait("the driver makes a buffer available", || {
            Ok(self.has_one()?.then_some(()))
        })
    }

    /// How many bytes of the device's memory the rings take.
    pub fn rings(&self) -> u64 {
        let end = self.queue.used + 2 + 2 + 8 * 64 + 2;
        (end - self.queue.descriptors).next_multiple_of(GRANULE)
    }

    /// The first buffer that is available: its descriptor, address and length.
    pub fn take(&mut self) -> Verdict<(u16, u64, u32)> {
        self.peek()?;
        let at = self.queue.available;
        let head = self.word(at + 4 + 2 * u64::from(self.available % 64))?;
        self.available = self.available.wrapping_add(1);
        let descriptor = self.queue.descriptors + 16 * u64::from(head);
        let address = u64::from_le_bytes(self.read(descriptor)?);
        let length = u32::from_le_bytes(self.read(descriptor + 8)?);
        Ok((head, address, length))
    }

    /// Says that a buffer has been used, as an entry of the ring; and rings, unless that waits for more.
    pub fn used(&mut self, id: u32, length: u32, by: u16) -> Verdict {
        let entry = self.queue.used + 4 + 8 * u64::from(self.used % 64);
        self.write(entry, &id.to_le_bytes())?;
        self.write(entry + 4, &length.to_le_bytes())?;
        self.used = self.used.wrapping_add(by);
        self.write(self.queue.used + 2, &self.used.to_le_bytes())
    }

    /// Says that all descriptors have a next one, this.
    pub fn chain_all(&self, head: u16) -> Verdict {
        for index in 0..64 {
            let descriptor = self.queue.descriptors + 16 * index;
            self.write(descriptor + 12, &NEXT.to_le_bytes())?;
            self.write(descriptor + 14, &head.to_le_bytes())?;
        }
        Ok(())
    }

    /// Says that a buffer has been used that there is not, and waits until the device is broken. The state it is in then.
    pub fn break_it(&mut self) -> Verdict<DeviceState> {
        let (head, _, length) = self.take()?;
        self.used(u32::from(head) ^ 1, length, 1)?;
        said("a ring", self.ring())?;
        self.until(Phase::Broken)
    }

    /// Lets go of the queues.
    pub fn let_go(&self, generation: u32) -> Verdict {
        let stopped = sys::call(&self.owner, abi::STOPPED, &Generation { generation });
        said("STOPPED", stopped).map(drop)
    }

    /// Says whether the driver has to kick.
    pub fn want_kicks(&self, want: bool) -> Verdict {
        let flags = if want { 0 } else { NO_NOTIFY };
        self.write(self.queue.used, &flags.to_le_bytes())
    }

    /// How often it was kicked since this was last asked, unless it slept in between.
    pub fn kicks(&self) -> Verdict<u64> {
        let mut count = [0; 8];
        match rustix::io::read(self.kick.as_fd(), &mut count) {
            Ok(_) => Ok(u64::from_ne_bytes(count)),
            Err(rustix::io::Errno::AGAIN) => Ok(0),
            Err(error) => fail(format!("an eventfd: {error}")),
        }
    }

    /// Sleeps until the driver kicks, or for a while.
    fn sleep(&self) -> Verdict {
        let mut watched = [PollFd::new(&self.kick, PollFlags::IN)];
        let at_most = Timespec::try_from(LOOK).ok();
        let polled = poll(&mut watched, at_most.as_ref());
        said("poll", polled.map_err(io::Error::from))?;
        // It may be empty.
        let _ = rustix::io::read(self.kick.as_fd(), &mut [0; 8]);
        Ok(())
    }

    /// Rings.
    pub fn ring(&self) -> io::Result<usize> {
        (&self.doorbell).write(&1u64.to_ne_bytes())
    }

    /// Fills buffers with words that are counted, from `next` on, until `stop`; of each so many bytes at `most`. How many
    /// came.
    pub fn serve(&mut self, mut next: u64, most: u32, stop: impl Fn() -> bool) -> Verdict<u64> {
        while !stop() {
            if !self.has_one()? {
                self.sleep()?;
                continue;
            }
            let (head, address, length) = self.take()?;
            let length = length.min(most);
            let words = u64::from(length / 8);
            let bytes: Vec<u8> = (next..next + words).flat_map(u64::to_le_bytes).collect();
            self.write(address, &bytes)?;
            next += words;
            self.used(head.into(), length, 1)?;
            said("the doorbell", self.ring())?;
        }
        Ok(next)
    }
}

/// Has the kernel take its random numbers from a device that this serves meanwhile, so many bytes at `most` for each
/// buffer, and has `look` look at them.
pub fn while_served<T>(most: u32, look: impl FnOnce() -> Verdict<T>) -> Verdict<T> {
    let mut device = Served::started()?;
    let stop = AtomicBool::new(false);
    let choice = device.choice();
    thread::scope(|scope| {
        let serving = scope.spawn(|| device.serve(1, most, || stop.load(Ordering::Relaxed)));
        let result = choice.make().and_then(|()| look());
        stop.store(true, Ordering::Relaxed);
        match serving.join() {
            Ok(served) => served.and(result),
            Err(_) => fail("the thread that serves it has panicked"),
        }
    })
}

/// Bytes of the device that the kernel has its random numbers from.
pub fn random_bytes(bytes: usize) -> Verdict<Vec<u8>> {
    let mut all = vec![0; bytes];
    let mut file = said(RANDOM, File::open(RANDOM))?;
    said("a read", file.read_exact(&mut all))?;
    Ok(all)
}

/// What the owner of a device is told of it.
pub fn state(owner: &File) -> Verdict<DeviceState> {
    let empty = DeviceState::read(&[0; DeviceState::SIZE]);
    said("GET_STATE", sys::call(owner, abi::GET_STATE, &empty))
}
