// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a driver takes when it is bound and gives back when it goes, and what it says of that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rig::verdict::{Problem, Verdict, ensure, fail, skip};

use super::life::works;
use super::{LONG, Plain, gave, refused};
use crate::families::pci::pcie_edu::device::{self, Device, dma_bits, failed};
use crate::families::pci::pcie_edu::raw::{RUN, Register, TELL, compute};
use crate::families::pci::pcie_edu::{Context, DRIVER};

pub const CHECKS: &[Plain] = &[
    (
        "binding/messages",
        "what is said of a device",
        "the kernel's log has the node, BAR 0, the ident register, and a buffer that the device can reach",
        messages,
    ),
    (
        "binding/traces",
        "nothing is left",
        "unbinding gives back registers, interrupt, the name, and the right to use the bus",
        traces,
    ),
    (
        "binding/master",
        "nothing is left",
        "unbinding gives back the right to use the bus, also of a device that somebody else keeps enabled",
        master,
    ),
    (
        "binding/tools",
        "nothing is left",
        "lspci and setpci see the driver, its messages and its right to use the bus, and none of them after unbinding",
        tools,
    ),
    (
        "binding/foreign",
        "memory is reached by nobody else",
        "a device that another driver has left transferring may not use the bus before that transfer has ended",
        foreign,
    ),
    (
        "binding/computing",
        "a device can go at any time",
        "unbinding does not wait for a computation, and complains of nothing",
        computing,
    ),
    (
        "binding/unload",
        "no unloading while in use",
        "the module can't be unloaded while a file is open, not even of a device that has gone",
        unload,
    ),
    (
        "binding/reload",
        "nothing is left",
        "the module that nobody uses can be unloaded, leaves nothing in /proc/iomem and /proc/interrupts, and loads again",
        reload,
    ),
];

const IOMEM: &str = "/proc/iomem";

/// What the kernel says from now on.
pub struct Log(File);

impl Log {
    /// Begins now.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn begin() -> Verdict<Self> {
        let path = Path::new("/dev/kmsg");
        let mut options = OpenOptions::new();
        let file = options
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .and_then(|mut file| file.seek(SeekFrom::End(0)).map(|_| file));
        match file {
            Ok(file) => Ok(Self(file)),
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                skip("the kernel's log can be read by root only")
            }
            Err(e) => Err(failed("open", path, &e)),
        }
    }

    /// The messages since the beginning, or the last call, with this in them.
    pub fn with(&mut self, text: &str) -> Vec<String> {
        let mut record = [0; 8192];
        let mut messages = Vec::new();
        loop {
            match self.0.read(&mut record) {
                Ok(length) => {
                    let record = String::from_utf8_lossy(&record[..length]).into_owned();
                    let message = record.split_once(';').map(|(_, message)| message);
                    // What follows in other lines is about the device.
                    let line = message.and_then(|message| message.lines().next());
                    messages.extend(line.map(str::to_owned));
                }
                // Some were overwritten.
                Err(e) if e.raw_os_error() == Some(libc::EPIPE) => {}
                Err(_) => break,
            }
        }
        messages.retain(|message| message.contains(text));
        messages
    }
}

fn messages(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let mut log = Log::begin()?;
    device.unbind()?;
    device.bind()?;
    let node = format!("{}: /dev/{}: ", device.slot, device.name);
    let said = log.with(&node);
    let [line] = &said[..] else {
        return fail(format!(
            "the log has {said:?} with {node:?}, one line is due"
        ));
    };
    let path = device.sysfs().join("resource");
    let resource = fs::read_to_string(&path).map_err(|e| failed("read", &path, &e))?;
    let bar = resource.split_whitespace().next().and_then(number);
    let after = |name: &str| {
        let (_, rest) = line.split_once(name)?;
        number(rest.split(',').next()?.trim())
    };
    ensure(bar.is_some() && after("BAR0 at ") == bar, || {
        format!("{line:?}: BAR 0 is at {bar:x?}")
    })?;
    ensure(after("ident ") == Some(0x0100_00ed), || {
        format!("{line:?}: 0x010000ed is due")
    })?;
    let reached = after("DMA buffer at ").and_then(|address| address.checked_add(4095));
    let bits = dma_bits();
    ensure(
        reached.is_some_and(|last| bits >= 64 || last >> bits == 0),
        || format!("{line:?}: the device reaches addresses of {bits} bits"),
    )
}

/// A number as `0x1f`.
fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

fn traces(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let has = || Ok::<_, Problem>(iomem()?.contains("pcie_edu"));
    ensure(has()?, || format!("its registers are not in {IOMEM}"))?;
    ensure(device.interrupts()?.is_some(), || {
        "it is not in /proc/interrupts".to_owned()
    })?;
    ensure(device.is_master()?, || "it may not use the bus".to_owned())?;
    // Of others there are traces.
    let others = device.others();
    for other in &others {
        other.unbind()?;
    }
    device.unbind()?;
    let (mapped, interrupts, may, node) = (
        has(),
        device.interrupts(),
        device.is_master(),
        device.node().exists(),
    );
    let registers = device.registers();
    let status = registers.map(|registers| registers.read(Register::Status));
    device.bind()?;
    for other in &others {
        other.bind()?;
    }
    ensure(!mapped?, || {
        format!("its registers are in {IOMEM} after it was unbound")
    })?;
    let interrupts = interrupts?;
    ensure(interrupts.is_none(), || {
        format!("after it was unbound there is {interrupts:?}")
    })?;
    ensure(!may? && !node, || {
        "it might use the bus, or has its node, after it was unbound".to_owned()
    })?;
    let status = status?;
    ensure(status & TELL == 0, || {
        format!("it would interrupt after it was unbound: its status is {status:#x}")
    })
}

fn iomem() -> Verdict<String> {
    let path = Path::new(IOMEM);
    fs::read_to_string(path).map_err(|e| failed("read", path, &e))
}

fn master(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    device.unbind()?;
    // The last who ends it takes the right away as well, so somebody else's must be there.
    device.enable(true)?;
    let bound = device.bind().and_then(|()| device.is_master());
    let unbound = device.unbind();
    let may = device.is_master();
    device.enable(false)?;
    device.bind()?;
    ensure(bound?, || "it may not use the bus".to_owned())?;
    unbound?;
    ensure(!may?, || {
        "it might use the bus after it was unbound".to_owned()
    })?;
    works(&device)
}

/// What a program prints.
fn printed(program: &str, arguments: &[&str]) -> Verdict<String> {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => fail(format!(
            "{program} {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(_) => skip(format!("there is no {program}")),
    }
}

/// What lspci and setpci say of a device: whether it has the driver, sends messages, and may use the bus.
fn seen(device: &Device) -> Verdict<[bool; 3]> {
    let text = printed("lspci", &["-vv", "-s", &device.slot])?;
    let mut lines = text.lines().map(str::trim_start);
    let Some(control) = lines.find(|line| line.starts_with("Control:")) else {
        return fail(format!("lspci -vv says nothing of its control: {text:?}"));
    };
    let is_master = control.contains("BusMaster+");
    let messages = text.contains("MSI: Enable+");
    let driver = text.contains("Kernel driver in use: pcie_edu");
    let command = printed("setpci", &["-s", &device.slot, "COMMAND"])?;
    let command = u16::from_str_radix(command.trim(), 16);
    let command = command
        .map_err(|e| Problem::Failed(format!("setpci prints no number for COMMAND: {e}")))?;
    ensure((command & 4 != 0) == is_master, || {
        format!("setpci says that COMMAND is {command:#06x}, lspci {control:?}")
    })?;
    Ok([driver, messages, is_master])
}

fn tools(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let messages = device.has_messages();
    let bound = seen(&device)?;
    ensure(bound == [true, messages, true], || {
        format!("bound, with messages: {messages}: driver, messages, master are {bound:?}")
    })?;
    device.unbind()?;
    let unbound = seen(&device);
    device.bind()?;
    let unbound = unbound?;
    ensure(unbound == [false; 3], || {
        format!("not bound: driver, messages, master are {unbound:?}")
    })?;
    works(&device)
}

fn foreign(context: &mut Context) -> Verdict {
    /// Unless the machine is held up, the first shows it.
    const TRIES: u32 = 10;
    let device = context.device.clone();
    for _ in 0..TRIES {
        device.unbind()?;
        let registers = device.registers();
        if let Ok(registers) = &registers {
            // Of nothing: where a driver goes wrong it is to be seen here, and not to do harm.
            registers.write(Register::Count, 0);
            registers.write(Register::Command, RUN);
        }
        let other = device.clone();
        let binding = thread::spawn(move || other.bind());
        let mut waited = 0;
        let mut verdict = Ok(());
        while let (Ok(registers), false) = (&registers, binding.is_finished()) {
            let enabled = fs::read_to_string(device.sysfs().join("enable"));
            let may = device.is_master();
            // After the above: it had that right while it transferred.
            let runs = registers.read(Register::Command) & RUN != 0;
            match may {
                Ok(true) if runs => {
                    verdict = fail("it may use the bus while it transfers for another driver");
                }
                Ok(false) if runs && enabled.is_ok_and(|count| count.trim() != "0") => waited += 1,
                Ok(_) => {}
                Err(problem) => verdict = Err(problem),
            }
        }
        let bound = binding.join();
        bound.map_err(|_| Problem::Failed("a thread has panicked".to_owned()))??;
        registers?;
        verdict?;
        works(&device)?;
        if waited > 0 {
            context.note(format!("it was seen to wait {waited} times"));
            return Ok(());
        }
    }
    fail(format!(
        "it was never seen while its driver waited, in {TRIES} tries"
    ))
}

fn computing(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let mut log = Log::begin()?;
    let mut took = Duration::MAX;
    for _ in 0..3 {
        let file = device.open(libc::O_NONBLOCK)?;
        refused("COMPUTE of a lot", compute(&file, LONG), libc::EAGAIN)?;
        let begin = Instant::now();
        device.unbind()?;
        took = took.min(begin.elapsed());
        device.bind()?;
        works(&device)?;
    }
    let mut said = log.with(&device.slot);
    said.retain(|line| !line.contains(": /dev/"));
    context.note(format!("unbound after {} ms", took.as_millis()));
    ensure(said.is_empty(), || format!("the log has {said:?}"))
}

/// Tries to unload the module. Whether that has worked.
fn unloaded() -> Verdict<bool> {
    match Command::new("rmmod").arg(DRIVER).output() {
        Ok(output) => Ok(output.status.success()),
        Err(_) => skip("there is no rmmod"),
    }
}

fn unload(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let file = device.open(0)?;
    ensure(!unloaded()?, || {
        "it was unloaded while a file was open".to_owned()
    })?;
    gave("COMPUTE of 5", compute(&file, 5), 120)?;
    device.unbind()?;
    let gone = unloaded();
    device.bind()?;
    ensure(!gone?, || {
        "it was unloaded while a file was open of a device that had gone".to_owned()
    })
}

fn reload(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let devices = device::all();
    // Who may do this may unload the module as well.
    device.unbind()?;
    device.bind()?;
    let before = iomem()?;
    let parameter = format!("dma_bits={}", dma_bits());
    ensure(unloaded()?, || {
        "it can't be unloaded, though nobody uses it".to_owned()
    })?;
    let (after, interrupts) = (iomem(), device.interrupts());
    let left = device.node().exists() || Path::new("/sys/module/pcie_edu").exists();
    let loaded = Command::new("modprobe").args([DRIVER, &parameter]).status();
    ensure(loaded.is_ok_and(|status| status.success()), || {
        "it can't be loaded again".to_owned()
    })?;
    device::name(&devices)?;
    let without = before.lines().filter(|line| !line.contains("pcie_edu"));
    ensure(after?.lines().eq(without), || {
        format!("{IOMEM} has more or less than without its registers")
    })?;
    let interrupts = interrupts?;
    ensure(interrupts.is_none() && !left, || {
        format!("left are its node or its module: {left}, interrupts: {interrupts:?}")
    })?;
    ensure(iomem()? == before, || {
        format!("{IOMEM} is another than before")
    })?;
    works(&device)
}
