// SPDX-License-Identifier: MIT OR Apache-2.0

//! A device that goes, at any moment, and one that comes back.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rig::verdict::{Problem, Verdict, ensure, fail, skip};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::binding::Log;
use super::{LONG, Plain, factorial, gave, refused, rescue};
use crate::families::pci::pcie_edu::Context;
use crate::families::pci::pcie_edu::device::{self, Device, failed};
use crate::families::pci::pcie_edu::raw::{
    Alarm, COMPUTING, RUN, Register, TELL, compute, transfer,
};

pub const CHECKS: &[Plain] = &[
    (
        "life/unbind-open",
        "a device can go at any time",
        "a file that is open while the device is unbound gives ENODEV for everything, and can be closed",
        |context| open_file(context, &[Way::Unbind]),
    ),
    (
        "life/remove-open",
        "a device can go at any time",
        "a file that is open while the device is removed from the bus gives ENODEV, and a rescan brings it back",
        |context| open_file(context, &[Way::Remove]),
    ),
    (
        "life/pull-open",
        "a device can go at any time",
        "a file that is open while QEMU unplugs the device gives ENODEV, and a device that is plugged in works",
        |context| open_file(context, &[Way::Pull]),
    ),
    (
        "life/unbind-asleep",
        "no sleeper is left asleep",
        "all who sleep in COMPUTE, DMA_TRANSFER and poll, or wait behind those, get ENODEV when the device is unbound",
        |context| asleep(context, Way::Unbind),
    ),
    (
        "life/remove-asleep",
        "no sleeper is left asleep",
        "the same when it is removed from the bus",
        |context| asleep(context, Way::Remove),
    ),
    (
        "life/pull-asleep",
        "no sleeper is left asleep",
        "the same when QEMU unplugs it",
        |context| asleep(context, Way::Pull),
    ),
    (
        "life/unbind-transfer",
        "memory outlives a transfer",
        "unbinding waits for a transfer that nobody waits for any more",
        unbind_transfer,
    ),
    (
        "life/again",
        "a device that works afterwards",
        "a device that is unbound and bound 100 times while it computes, with a file open, works each time, and is silent in between",
        again,
    ),
    (
        "life/busy",
        "a device that works afterwards",
        "a device that another driver has left busy, and that tells nobody when it is done, is waited for",
        busy,
    ),
    (
        "life/deaf",
        "a device can go at any time",
        "a device that has ceased to answer is unbound at once, who sleeps in it gets ENODEV, and it works when it \
         answers again",
        deaf,
    ),
    (
        "life/two",
        "several devices",
        "two devices have a node each, compute at the same time, and one goes without the other",
        two,
    ),
    (
        "life/raised",
        "several devices",
        "while a device is bound whose pin is raised, another at that pin is not called for nothing",
        raised,
    ),
];

/// How a device goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// The driver is unbound.
    Unbind,
    /// It is taken off the bus, as far as the kernel knows.
    Remove,
    /// QEMU takes it out of the machine.
    Pull,
}

/// A port to QEMU's monitor, which guests of the devkit may have.
fn monitor() -> Verdict<File> {
    let ports = Path::new("/sys/class/virtio-ports");
    let ports = fs::read_dir(ports).into_iter().flatten().flatten();
    let is_it = |dir: &PathBuf| {
        fs::read_to_string(dir.join("name")).is_ok_and(|name| name.trim() == "monitor")
    };
    let port = ports.map(|port| port.path()).find(is_it);
    let Some(port) = port else {
        return skip("there is no port to QEMU's monitor");
    };
    let node = Path::new("/dev").join(port.file_name().unwrap_or_default());
    let mut options = File::options();
    options
        .read(true)
        .write(true)
        .custom_flags(libc::O_NONBLOCK);
    options.open(&node).map_err(|e| failed("open", &node, &e))
}

/// Tells QEMU's monitor to do something, and waits until it `is_done`. The port is open until then: opening and closing
/// it are told to QEMU, for which the kernel spins, and QEMU's emulation loses some of what it is told while another
/// processor changes what is mapped where; and it hears nothing while a command that it has refused is cleaned up after.
fn tell(command: &str, is_done: impl FnOnce() -> Verdict) -> Verdict {
    let mut monitor = monitor()?;
    monitor
        .write_all(format!("{command}\n").as_bytes())
        .map_err(|e| Problem::Failed(format!("QEMU's monitor: {e}")))?;
    let done = is_done();
    let mut said = Vec::new();
    // Until there is no more for now.
    let _ = monitor.read_to_end(&mut said);
    let said = String::from_utf8_lossy(&said);
    match said.lines().find(|line| line.starts_with("Error")) {
        Some(line) => fail(format!("QEMU's monitor: {command}: {line}")),
        None => done,
    }
}

/// The devices that can be pulled out are behind a root port `rp`, and called `e`.
const PULL: &str = "device_del e";
const PLUG: &str = "device_add edu,bus=rp,id=e,dma_mask=0xffffffff";

impl Way {
    /// The device to do it with.
    fn device(self, context: &Context) -> Verdict<Device> {
        if self != Way::Pull {
            return Ok(context.device.clone());
        }
        monitor()?;
        let behind_port = |device: &Device| {
            let place = fs::canonicalize(device.sysfs());
            place.is_ok_and(|place| {
                let above = place.parent().map(|above| above.join("class"));
                let class = above.and_then(|path| fs::read_to_string(path).ok());
                class.is_some_and(|class| class.starts_with("0x0604"))
            })
        };
        match device::all().into_iter().find(behind_port) {
            Some(device) => Ok(device),
            None => skip("no device is behind a port that it can be pulled out of"),
        }
    }

    fn go(self, device: &Device) -> Verdict {
        match self {
            Way::Unbind => device.unbind(),
            Way::Remove => device.remove(),
            Way::Pull => tell(PULL, || device.is_out()),
        }
    }

    fn come(self, device: &Device) -> Verdict {
        match self {
            Way::Unbind => device.bind(),
            Way::Remove => device.rescan(),
            Way::Pull => tell(PLUG, || device.comes()),
        }
    }
}

/// Checks that a device works.
pub fn works(device: &Device) -> Verdict {
    let file = device.open(0)?;
    gave("COMPUTE of 5", compute(&file, 5), 120)?;
    gave("DMA_TRANSFER", transfer(&file, 4096, 0xAB), ())
}

/// Checks that whatever is done with a file gives `ENODEV`.
fn is_dead(mut file: &File) -> Verdict {
    refused("a read", file.read(&mut [0; 4]), libc::ENODEV)?;
    refused("a write", file.write(&[0; 4]), libc::ENODEV)?;
    refused("COMPUTE", compute(file, 5), libc::ENODEV)?;
    refused("DMA_TRANSFER", transfer(file, 1, 1), libc::ENODEV)?;
    let mut fds = [PollFd::new(file, PollFlags::empty())];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let polled = poll(&mut fds, Some(&now)).map(|_| fds[0].revents());
    ensure(polled == Ok(PollFlags::ERR | PollFlags::HUP), || {
        format!("poll gave {polled:?}, ERR and HUP are due")
    })
}

fn open_file(context: &mut Context, ways: &[Way]) -> Verdict {
    for way in ways {
        let device = way.device(context)?;
        let file = device.open(0)?;
        let other = device.open(libc::O_NONBLOCK)?;
        // It is computing for one of them.
        refused("COMPUTE of a lot", compute(&other, LONG), libc::EAGAIN)?;
        let left = || Device::counted(&other, "left computations");
        let before = left()?;
        way.go(&device)?;
        let dead = is_dead(&file).and_then(|()| is_dead(&other));
        let after = left();
        way.come(&device)?;
        dead?;
        let more = after? - before;
        // Until QEMU has pulled it out the computation may have ended.
        ensure(more == 1 || *way == Way::Pull, || {
            format!("it went with a computation that was waited for, {more} are counted as left")
        })?;
        // The device is there again, but for others.
        is_dead(&file)?;
        drop((file, other));
        works(&device)?;
    }
    Ok(())
}

/// Somebody who sleeps.
fn sleeper<T: std::fmt::Debug + Send + 'static>(
    device: &Device,
    flags: i32,
    sleep: impl FnOnce(File) -> T + Send + 'static,
) -> Verdict<JoinHandle<T>> {
    let file = device.open(flags)?;
    Ok(thread::spawn(move || sleep(file)))
}

/// How somebody has woken up who slept.
fn woken<T>(sleeper: JoinHandle<T>) -> Verdict<T> {
    match sleeper.join() {
        Ok(result) => Ok(result),
        Err(_) => fail("somebody who slept has failed"),
    }
}

fn asleep(context: &mut Context, way: Way) -> Verdict {
    let device = way.device(context)?;
    // QEMU gives the kernel five seconds to let go of a device, so that one of them may have its result before.
    let computing: Vec<_> = (0..4)
        .map(|_| {
            sleeper(&device, 0, |file| -> io::Result<()> {
                loop {
                    compute(&file, u32::MAX)?;
                }
            })
        })
        .collect::<Verdict<_>>()?;
    let moving: Vec<_> = (0..3)
        .map(|_| {
            sleeper(&device, 0, |file| -> io::Result<()> {
                loop {
                    transfer(&file, 4096, 1)?;
                }
            })
        })
        .collect::<Verdict<_>>()?;
    let polling = sleeper(&device, 0, |file| {
        let mut fds = [PollFd::new(&file, PollFlags::IN)];
        poll(&mut fds, None).map(|_| fds[0].revents())
    })?;
    thread::sleep(Duration::from_millis(250));
    way.go(&device)?;
    let mut verdicts = Vec::new();
    for sleeper in computing {
        verdicts.push(refused("a sleeping COMPUTE", woken(sleeper)?, libc::ENODEV));
    }
    for sleeper in moving {
        verdicts.push(refused(
            "a sleeping DMA_TRANSFER",
            woken(sleeper)?,
            libc::ENODEV,
        ));
    }
    let events = woken(polling)?;
    way.come(&device)?;
    verdicts.into_iter().collect::<Verdict<()>>()?;
    ensure(
        events.is_ok_and(|events| events.contains(PollFlags::ERR | PollFlags::HUP)),
        || format!("a sleeping poll gave {events:?}, ERR and HUP are due"),
    )?;
    // The device still computes what it was given before, and has it behind it when this has its result.
    works(&device)
}

fn unbind_transfer(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    for _ in 0..3 {
        let file = device.open(0)?;
        let often = Duration::from_millis(10);
        let alarm =
            Alarm::new(often, often).map_err(|e| Problem::Failed(format!("a timer: {e}")))?;
        refused(
            "DMA_TRANSFER with a signal",
            transfer(&file, 4096, 1),
            libc::EINTR,
        )?;
        drop(alarm);
        device.unbind()?;
        let registers = device.registers();
        let runs = registers.map(|registers| registers.read(Register::Command) & RUN != 0);
        let may = device.is_master();
        device.bind()?;
        ensure(!runs?, || {
            "the device was still transferring after it was unbound".to_owned()
        })?;
        ensure(!may?, || {
            "it might still use the bus after it was unbound".to_owned()
        })?;
        works(&device)?;
    }
    Ok(())
}

fn again(context: &mut Context) -> Verdict {
    const ROUNDS: u32 = 100;
    /// QEMU's device looks whether it is to tell, and tells later: where the host is busy, after it was told not to.
    const LATE: u32 = ROUNDS / 20;
    let device = context.device.clone();
    let (mut computed, mut late) = (0, 0);
    for _ in 0..ROUNDS {
        let file = device.open(libc::O_NONBLOCK)?;
        // It begins with this, or is still at the one before.
        refused("COMPUTE", compute(&file, LONG), libc::EAGAIN)?;
        device.unbind()?;
        let registers = device.registers();
        let registers = registers.map(|registers| {
            let read = |register| registers.read(register);
            (read(Register::Status), read(Register::Interrupts))
        });
        let dead = is_dead(&file);
        device.bind()?;
        dead?;
        let (status, raised) = registers?;
        late += u32::from(raised != 0);
        ensure(status & TELL == 0 && late <= LATE, || {
            format!("unbound: status {status:#x}, interrupts {raised:#x}, in {late} rounds")
        })?;
        computed += u32::from(status & COMPUTING != 0);
    }
    context.note(format!("it was computing {computed} times of {ROUNDS}"));
    let file = device.open(0)?;
    gave("COMPUTE of 12", compute(&file, 12), factorial(12))?;
    // A kernel with checks takes longer to unbind.
    match computed >= ROUNDS / 4 {
        true => Ok(()),
        false => skip(format!(
            "it works, but was computing after it was unbound {computed} times of {ROUNDS} only"
        )),
    }
}

fn busy(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    device.unbind()?;
    let begun = device.registers().map(|registers| {
        registers.write(Register::Factorial, LONG);
        registers.write(Register::Count, 0);
        registers.write(Register::Command, RUN);
    });
    device.bind()?;
    begun?;
    let file = device.open(0)?;
    let _alarm = rescue()?;
    gave("DMA_TRANSFER", transfer(&file, 4096, 0xAB), ())?;
    gave("COMPUTE of 5", compute(&file, 5), 120)
}

fn deaf(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let mut took = Duration::MAX;
    for _ in 0..3 {
        let computing = sleeper(&device, 0, |file| compute(&file, LONG))?;
        let moving = sleeper(&device, 0, |file| transfer(&file, 4096, 1))?;
        thread::sleep(Duration::from_millis(30));
        device.deafen()?;
        let mut log = Log::begin()?;
        let begin = Instant::now();
        device.unbind()?;
        took = took.min(begin.elapsed());
        let mut said = log.with(&device.slot);
        // A transfer may end when the device is deaf already: its pin is up then, and it can't say why.
        said.retain(|line| !line.contains("it interrupts and does not say why"));
        let woken = (woken(computing), woken(moving));
        device.bind()?;
        ensure(said.is_empty(), || format!("the log has {said:?}"))?;
        refused("a sleeping COMPUTE", woken.0?, libc::ENODEV)?;
        refused("a sleeping DMA_TRANSFER", woken.1?, libc::ENODEV)?;
        works(&device)?;
    }
    // The driver would wait a second for the end of the transfer.
    ensure(took < Duration::from_millis(900), || {
        format!("it was unbound after {took:?}")
    })
}

fn two(_: &mut Context) -> Verdict {
    let devices = device::all();
    let there = device::present()?;
    ensure(there == devices.len(), || {
        format!(
            "the machine has {there} devices, {} are bound",
            devices.len()
        )
    })?;
    let [first, second, ..] = &devices[..] else {
        return skip("there is one device");
    };
    ensure(
        first.name == "pcie_edu" && second.name == "pcie_edu1",
        || format!("they are called {} and {}", first.name, second.name),
    )?;
    let busy = sleeper(first, 0, |file| compute(&file, LONG))?;
    let file = second.open(0)?;
    gave("COMPUTE of 5 of the second", compute(&file, 5), 120)?;
    gave("DMA_TRANSFER of the second", transfer(&file, 4096, 2), ())?;
    let interrupts = Device::counted(&file, "interrupts")?;
    gave("COMPUTE of the first", woken(busy)?, factorial(LONG))?;
    // Of one at its pin, if they share that, the driver asks both.
    let more = Device::counted(&file, "interrupts")? - interrupts;
    ensure(more == 0, || {
        format!("an interrupt of the first is one of the second, too: {more} more")
    })?;
    first.unbind()?;
    let other = works(second);
    let open = gave("COMPUTE of 5 of the second", compute(&file, 5), 120);
    first.bind()?;
    other?;
    open?;
    works(first)?;
    // The least name that is free is taken.
    first.unbind()?;
    second.unbind()?;
    let bound = [second, first].map(Device::try_bind);
    let slots = |devices: &[Device]| -> Vec<String> {
        devices.iter().map(|device| device.slot.clone()).collect()
    };
    let now = slots(&device::all());
    device::name(&devices)?;
    for bound in bound {
        gave("binding", bound, ())?;
    }
    let mut due = slots(&devices);
    due.swap(0, 1);
    ensure(now == due, || {
        format!("the devices at {now:?} have the names in this order, {due:?} is due")
    })
}

fn raised(_: &mut Context) -> Verdict {
    let devices = device::all();
    let [device, other, ..] = &devices[..] else {
        return skip("there is one device");
    };
    let of = |device: &Device| -> Verdict<String> {
        let (_, line) = device.interrupts()?.unwrap_or_default();
        Ok(line.split(':').next().unwrap_or_default().trim().to_owned())
    };
    let line = of(other)?;
    if device.has_messages() || of(device)? != line {
        return skip("the devices share no pin");
    }
    let count = || -> Verdict<u64> { Ok(other.interrupts()?.map_or(0, |(count, _)| count)) };
    for _ in 0..10 {
        device.unbind()?;
        let bound = device
            .registers()
            .map(|registers| registers.write(Register::Raise, 1));
        let before = count()?;
        device.bind()?;
        bound?;
        let more = count()?.saturating_sub(before);
        ensure(more < 10, || {
            format!("their line interrupted {more} times while it was bound")
        })?;
    }
    works(device)?;
    works(other)
}
