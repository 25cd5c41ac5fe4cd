// SPDX-License-Identifier: MIT OR Apache-2.0

//! A device: its node, its place in sysfs, its interrupts, and how it comes and goes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rig::verdict::{Problem, Verdict, fail, skip};

use super::raw::Registers;

/// Where the driver is.
const DRIVER: &str = "/sys/bus/pci/drivers/pcie_edu";
/// How long a device may take to come or to go, however slow the machine.
const LONG: Duration = Duration::from_secs(30);

/// A device that is bound.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// Its node's name.
    pub name: String,
    /// Its place on the bus, such as `0000:00:03.0`.
    pub slot: String,
}

/// A system call's error as a failure.
pub fn failed(call: &str, path: &Path, error: &io::Error) -> Problem {
    Problem::Failed(format!("{call} {}: {error}", path.display()))
}

/// Writes to a file of sysfs; without the right to that there is nothing to check.
fn write(path: &Path, text: &str) -> Verdict {
    match fs::write(path, text) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            skip("devices can be unbound and removed by root only")
        }
        Err(e) => Err(failed("write", path, &e)),
    }
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Verdict {
    let begin = Instant::now();
    while !is_so() {
        if begin.elapsed() > LONG {
            return fail(format!("{what}: not so after {LONG:?}"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// All devices that are bound, in the order of their nodes.
pub fn all() -> Vec<Device> {
    let entries = fs::read_dir(DRIVER).into_iter().flatten().flatten();
    let mut devices: Vec<Device> = entries
        .filter_map(|entry| {
            let mut nodes = fs::read_dir(entry.path().join("misc")).ok()?;
            Some(Device {
                name: nodes.next()?.ok()?.file_name().into_string().ok()?,
                slot: entry.file_name().into_string().ok()?,
            })
        })
        .collect();
    devices.sort_by_key(|device| (device.name.len(), device.name.clone()));
    devices
}

/// Gives each of `devices` its name back, which are all that are bound: when the module is loaded they are bound in the
/// order in which the kernel has found them, and one that was removed is found again as the last.
///
/// # Errors
/// If one does not come.
pub fn name(devices: &[Device]) -> Verdict {
    until("the devices are bound", || all().len() == devices.len())?;
    devices.iter().try_for_each(Device::unbind)?;
    devices.iter().try_for_each(Device::bind)
}

/// How many devices there are in the machine, bound or not.
///
/// # Errors
/// If the bus can't be looked at.
pub fn present() -> Verdict<usize> {
    let bus = Path::new("/sys/bus/pci/devices");
    let entries = fs::read_dir(bus).map_err(|e| failed("read", bus, &e))?;
    let is_one = |dir: &PathBuf| {
        let id = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
        id("vendor").trim() == "0x1234" && id("device").trim() == "0x11e8"
    };
    let dirs = entries.flatten().map(|entry| entry.path());
    Ok(dirs.filter(is_one).count())
}

/// The module's parameter: how many bits of an address the devices reach.
pub fn dma_bits() -> u32 {
    let text = fs::read_to_string("/sys/module/pcie_edu/parameters/dma_bits");
    text.ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(28)
}

/// Whether any device of the machine has interrupts that are messages.
pub fn are_messages_had() -> bool {
    let entries = fs::read_dir("/sys/bus/pci/devices").into_iter();
    let mut dirs = entries.flatten().flatten().map(|entry| entry.path());
    dirs.any(|dir| dir.join("msi_irqs").exists())
}

impl Device {
    /// Its node.
    pub fn node(&self) -> PathBuf {
        Path::new("/dev").join(&self.name)
    }

    /// Its directory in sysfs.
    pub fn sysfs(&self) -> PathBuf {
        Path::new("/sys/bus/pci/devices").join(&self.slot)
    }

    /// Whether it is bound, and has its node.
    pub fn is_there(&self) -> bool {
        let own = Path::new(DRIVER).join(&self.slot).join("misc");
        self.node().exists() && own.join(&self.name).exists()
    }

    /// Opens it, with more flags of `open`.
    ///
    /// # Errors
    /// If it can't be opened.
    pub fn open(&self, flags: i32) -> Verdict<File> {
        let node = self.node();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(flags)
            .open(&node);
        file.map_err(|e| failed("open", &node, &e))
    }

    /// Takes it from the driver; returns when it has gone.
    ///
    /// # Errors
    /// If that is not possible.
    pub fn unbind(&self) -> Verdict {
        write(&Path::new(DRIVER).join("unbind"), &self.slot)
    }

    /// Gives it to the driver.
    ///
    /// # Errors
    /// If it does not come.
    pub fn bind(&self) -> Verdict {
        write(&Path::new(DRIVER).join("bind"), &self.slot)?;
        self.comes()
    }

    /// Gives it to the driver, which may refuse it.
    ///
    /// # Errors
    /// What the driver says.
    pub fn try_bind(&self) -> io::Result<()> {
        fs::write(Path::new(DRIVER).join("bind"), &self.slot)
    }

    /// The other devices that are bound.
    pub fn others(&self) -> Vec<Self> {
        let all = all().into_iter();
        all.filter(|device| device.slot != self.slot).collect()
    }

    /// Takes it off the bus.
    ///
    /// # Errors
    /// If that is not possible.
    pub fn remove(&self) -> Verdict {
        write(&self.sysfs().join("remove"), "1")
    }

    /// Looks for devices that have come.
    ///
    /// # Errors
    /// If it does not come.
    pub fn rescan(&self) -> Verdict {
        write(Path::new("/sys/bus/pci/rescan"), "1")?;
        self.comes()
    }

    /// Waits until it is there.
    ///
    /// # Errors
    /// If it does not come.
    pub fn comes(&self) -> Verdict {
        until(&format!("{} comes back", self.slot), || self.is_there())
    }

    /// Waits until it has gone, and the slot that it was in is empty: the machine is done with it later than the kernel,
    /// and takes no other until then.
    ///
    /// # Errors
    /// If it does not go.
    pub fn is_out(&self) -> Verdict {
        until(&format!("{} goes", self.slot), || {
            !self.sysfs().exists() && self.is_slot_empty()
        })
    }

    /// Whether there is nothing in the slot that it is for; where there are no slots there is nothing in them.
    fn is_slot_empty(&self) -> bool {
        let slots = fs::read_dir("/sys/bus/pci/slots").into_iter().flatten();
        let mut dirs = slots.flatten().map(|entry| entry.path());
        !dirs.any(|dir| {
            let says = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
            // A slot has a device's place without the function's number.
            let place = says("address");
            self.slot
                .rsplit_once('.')
                .is_some_and(|(own, _)| own == place.trim())
                && says("adapter").trim() != "0"
        })
    }

    /// Interrupts that were counted for it, and of what kind they are; none if it has none.
    ///
    /// # Errors
    /// If the list can't be read.
    pub fn interrupts(&self) -> Verdict<Option<(u64, String)>> {
        let path = Path::new("/proc/interrupts");
        let text = fs::read_to_string(path).map_err(|e| failed("read", path, &e))?;
        let processors = text
            .lines()
            .next()
            .map_or(1, |l| l.split_whitespace().count());
        let of_it = text.lines().find(|line| {
            let mut words = line.split([' ', ',']);
            words.any(|word| word == self.name)
        });
        Ok(of_it.map(|line| {
            let words = line.split_whitespace().skip(1);
            let counts = words.take(processors).filter_map(|n| n.parse::<u64>().ok());
            (counts.sum(), line.to_owned())
        }))
    }

    /// Whether it may read and write memory, as its configuration space has it.
    ///
    /// # Errors
    /// If that can't be read.
    pub fn is_master(&self) -> Verdict<bool> {
        let path = self.sysfs().join("config");
        let bytes = fs::read(&path).map_err(|e| failed("read", &path, &e))?;
        match bytes.get(4) {
            Some(command) => Ok(command & 4 != 0),
            None => fail(format!("{} is too short", path.display())),
        }
    }

    /// Has the kernel enable it, or ends that again, beside the driver: only without one may that be changed.
    ///
    /// # Errors
    /// If that is not possible.
    pub fn enable(&self, yes: bool) -> Verdict {
        write(&self.sysfs().join("enable"), if yes { "1" } else { "0" })
    }

    /// Whether its interrupts are messages.
    pub fn has_messages(&self) -> bool {
        self.sysfs().join("msi_irqs").exists()
    }

    /// The registers, whatever the driver does with them.
    ///
    /// # Errors
    /// If they can't be mapped.
    pub fn registers(&self) -> Verdict<Registers> {
        let sysfs = self.sysfs();
        Registers::map(&sysfs).map_err(|e| match e.kind() {
            io::ErrorKind::PermissionDenied => {
                Problem::Skipped("registers can be mapped by root only".to_owned())
            }
            _ => failed("map the registers of", &sysfs, &e),
        })
    }

    /// Has it not answer any more, as if it were pulled out: all that is read of its registers is ones. Binding it again
    /// ends that.
    ///
    /// # Errors
    /// If its configuration space can't be written.
    pub fn deafen(&self) -> Verdict {
        let path = self.sysfs().join("config");
        let why = |e| failed("write", &path, &e);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = file.map_err(why)?;
        let mut command = [0; 2];
        file.read_exact_at(&mut command, 4).map_err(why)?;
        // Neither ports nor memory.
        command[0] &= !3;
        file.write_all_at(&command, 4).map_err(why)
    }

    /// What the driver says of an open file's device by this name.
    ///
    /// # Errors
    /// If it says nothing by this name.
    pub fn says(file: &File, name: &str) -> Verdict<String> {
        let lines = Self::said(file)?;
        let line = lines.into_iter().find(|(key, _)| key == name);
        match line {
            Some((_, value)) => Ok(value),
            None => fail(format!("its files say nothing of {name}")),
        }
    }

    /// What the driver has counted of an open file's device by this name.
    ///
    /// # Errors
    /// If it says no number.
    pub fn counted(file: &File, name: &str) -> Verdict<u64> {
        let text = Self::says(file, name)?;
        let number = text.parse();
        number.map_err(|_| Problem::Failed(format!("its files say that {name} is {text:?}")))
    }

    /// What the driver says of an open file's device, line by line.
    ///
    /// # Errors
    /// If it says nothing.
    pub fn said(file: &File) -> Verdict<Vec<(String, String)>> {
        use std::os::fd::AsRawFd as _;
        let path = PathBuf::from(format!("/proc/self/fdinfo/{}", file.as_raw_fd()));
        let text = fs::read_to_string(&path).map_err(|e| failed("read", &path, &e))?;
        let lines = text.lines().filter_map(|line| line.split_once(":\t"));
        let own = ["pos", "flags", "mnt_id", "ino"];
        Ok(lines
            .filter(|(key, _)| !own.contains(key))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect())
    }
}
