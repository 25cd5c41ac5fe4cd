// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop bench net`: a pair of netdrv's beside a pair of veth's, with and without GRO, each between two name spaces.
//!
//! Where time is counted in instructions the figures are nearly the same in every run; elsewhere only their ratios say
//! something.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd as _;
use std::thread;
use std::time::{Duration, Instant};

use comfy_table::Table;
use rig::output::Ending;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde::Serialize;

use super::FAMILY;
use super::netdrv::DRIVER;
use crate::error::Error;
use crate::families::measured::{
    INTERRUPTS_OFF, Module, Place, Rows, Target, failed, free_memory, interrupts_off, report, run,
    scaling, told,
};
use crate::options;

/// The name spaces, and the addresses in them.
const SPACES: [&str; 2] = ["rloop-near", "rloop-far"];
const ADDRESSES: [&str; 2] = ["10.77.0.1", "10.77.0.2"];
/// Bytes of a packet, its IP header among them.
const SIZES: [usize; 2] = [64, 1_500];
/// The bytes of the headers of IP and UDP.
const HEADERS: usize = 28;
/// Packets that are sent before they are received.
const BATCH: usize = 16;
/// Pairs of which the memory is measured.
const PAIRS: usize = 16;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rival {
    Netdrv,
    Veth,
    VethGro,
}

impl Rival {
    /// All of them, ours first.
    const ALL: [Self; 3] = [Self::Netdrv, Self::Veth, Self::VethGro];

    /// What tables call it.
    fn name(self) -> &'static str {
        match self {
            Self::Netdrv => DRIVER,
            Self::Veth => "veth",
            Self::VethGro => "veth, GRO",
        }
    }
}

/// Runs `ip`.
fn ip(arguments: &[&str]) -> Result<(), String> {
    run("ip", arguments).map(drop)
}

/// Two name spaces, which go with this value, and pairs of devices between them.
struct Spaces {
    made: Vec<&'static str>,
    // After the devices.
    _module: Option<Module>,
}

impl Spaces {
    fn new(rival: Rival) -> Result<Self, String> {
        let module = match rival {
            Rival::Netdrv => None,
            Rival::Veth | Rival::VethGro => Some(Module::load("veth", &[])?),
        };
        let mut spaces = Self {
            made: Vec::new(),
            _module: module,
        };
        for space in SPACES {
            ip(&["netns", "add", space])?;
            spaces.made.push(space);
        }
        Ok(spaces)
    }

    /// Makes a pair, of the names `nearN` and `farN`, both up.
    fn add(rival: Rival, number: usize) -> Result<[String; 2], String> {
        let [near, far] = SPACES;
        let ends = [format!("near{number}"), format!("far{number}")];
        match rival {
            Rival::Netdrv => {
                ip(&["-n", near, "link", "add", &ends[0], "type", DRIVER])?;
                // There is none else.
                ip(&[
                    "-n", near, "link", "set", "vnet0", "name", &ends[1], "netns", far,
                ])?;
            }
            Rival::Veth | Rival::VethGro => ip(&[
                "-n", near, "link", "add", &ends[0], "type", "veth", "peer", "name", &ends[1],
                "netns", far,
            ])?,
        }
        for (space, end) in SPACES.into_iter().zip(&ends) {
            if rival == Rival::VethGro {
                run(
                    "ip",
                    &["netns", "exec", space, "ethtool", "-K", end, "gro", "on"],
                )?;
            }
            ip(&["-n", space, "link", "set", end, "up"])?;
        }
        Ok(ends)
    }
}

impl Drop for Spaces {
    fn drop(&mut self) {
        for space in &self.made {
            let _ = ip(&["netns", "del", space]);
        }
        // The devices go a little later, and the module can't before.
        thread::sleep(Duration::from_millis(500));
    }
}

/// Makes something in a name space.
fn within<T: Send>(space: &str, make: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let inside = || {
        let file = File::open(format!("/run/netns/{space}"))?;
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
        make()
    };
    thread::scope(|scope| match scope.spawn(inside).join() {
        Ok(result) => result,
        Err(_) => Err(io::Error::other("a thread has panicked")),
    })
}

/// Sockets for UDP, one in each name space, each of which sends to the other.
struct Udp {
    near: UdpSocket,
    far: UdpSocket,
}

impl Udp {
    fn new() -> io::Result<Self> {
        let one =
            |number: usize| within(SPACES[number], || UdpSocket::bind((ADDRESSES[number], 0)));
        let (near, far) = (one(0)?, one(1)?);
        near.connect(far.local_addr()?)?;
        far.connect(near.local_addr()?)?;
        // The first may get lost as long as the link is not seen to be there.
        far.set_read_timeout(Some(Duration::from_millis(100)))?;
        let mut byte = [0];
        let mut try_once = || near.send(&byte).and_then(|_| far.recv(&mut byte));
        if !(0..50).any(|_| try_once().is_ok()) {
            return Err(io::Error::other("no packet comes through"));
        }
        while far.recv(&mut byte).is_ok() {}
        far.set_read_timeout(Some(Duration::from_secs(5)))?;
        Ok(Self { near, far })
    }

    /// Sends some packets, and receives them.
    fn batch(&self, memory: &mut [u8]) -> io::Result<()> {
        for _ in 0..BATCH {
            self.near.send(memory)?;
        }
        for _ in 0..BATCH {
            let bytes = self.far.recv(memory)?;
            if bytes != memory.len() {
                return Err(io::Error::other(format!("a packet of {bytes} bytes came")));
            }
        }
        Ok(())
    }

    /// Nanoseconds for a packet of so many bytes.
    fn measure(&self, size: usize) -> io::Result<f64> {
        const BATCHES: usize = 32;
        let mut memory = vec![0x55; size - HEADERS];
        let mut best = f64::MAX;
        // The first is to warm up.
        for round in 0..4 {
            let begin = Instant::now();
            for _ in 0..BATCHES {
                self.batch(&mut memory)?;
            }
            let took = begin.elapsed().as_nanos() as f64 / (BATCHES * BATCH) as f64;
            if round > 0 {
                best = best.min(took);
            }
        }
        Ok(best)
    }
}

/// Nanoseconds for a MiB by TCP.
fn tcp() -> io::Result<f64> {
    const PIECE: usize = 65_536;
    const MIBS: usize = 8;
    let listener = within(SPACES[1], || TcpListener::bind((ADDRESSES[1], 0)))?;
    let to = listener.local_addr()?;
    let mut near = within(SPACES[0], || TcpStream::connect(to))?;
    let (mut far, _) = listener.accept()?;
    let timeout = Some(Duration::from_secs(5));
    far.set_read_timeout(timeout)?;
    near.set_write_timeout(timeout)?;
    let mut memory = vec![0; PIECE];
    let mut best = f64::MAX;
    for round in 0..4 {
        let begin = Instant::now();
        thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let memory = vec![0x55; PIECE];
                (0..(MIBS << 20) / PIECE).try_for_each(|_| near.write_all(&memory))
            });
            let mut left = MIBS << 20;
            while left > 0 {
                match far.read(&mut memory)? {
                    0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                    bytes => left -= bytes,
                }
            }
            let sent = sender.join();
            sent.map_err(|_| io::Error::other("a thread has panicked"))?
        })?;
        let took = begin.elapsed().as_nanos() as f64 / MIBS as f64;
        if round > 0 {
            best = best.min(took);
        }
    }
    Ok(best)
}

/// What was measured of one rival.
#[derive(Debug, Serialize)]
struct Figures {
    rival: &'static str,
    /// Nanoseconds for a packet of each of [`SIZES`] by UDP.
    packets: Vec<f64>,
    /// Nanoseconds for a MiB by TCP.
    tcp: f64,
    /// KiB of memory for a pair that is up.
    memory: f64,
    /// The time of a packet of 64 bytes when two processors send, beside that when one does.
    scaling: Option<f64>,
    /// The longest time with interrupts off while packets of both sizes are sent and received, microseconds.
    interrupts_off: Option<f64>,
}

/// KiB for a pair.
fn memory(rival: Rival) -> Result<f64, String> {
    let _spaces = Spaces::new(rival)?;
    // What comes with the first stays for the others.
    Spaces::add(rival, 0)?;
    let before = free_memory().map_err(|e| e.to_string())?;
    for number in 1..=PAIRS {
        Spaces::add(rival, number)?;
    }
    let after = free_memory().map_err(|e| e.to_string())?;
    Ok((before - after) / PAIRS as f64)
}

fn measure(rival: Rival) -> Result<Figures, String> {
    let why = |error: io::Error| error.to_string();
    let memory = memory(rival)?;
    let _spaces = Spaces::new(rival)?;
    let ends = Spaces::add(rival, 0)?;
    for number in 0..2 {
        let address = format!("{}/24", ADDRESSES[number]);
        let (space, end) = (SPACES[number], &ends[number]);
        ip(&["-n", space, "addr", "add", &address, "dev", end])?;
    }
    let sockets = Udp::new().map_err(why)?;
    let packets = SIZES.iter().map(|size| sockets.measure(*size));
    let packets = packets.collect::<io::Result<_>>().map_err(why)?;
    let tcp = tcp().map_err(why)?;
    let interrupts_off = interrupts_off(|| {
        let mut sizes = SIZES.iter();
        sizes.try_for_each(|size| sockets.measure(*size).map(drop))
    });
    let scaling = scaling(|_| {
        let sockets = Udp::new();
        let mut memory = vec![0x55; SIZES[0] - HEADERS];
        move || {
            let sockets = sockets.as_ref();
            let sockets = sockets.map_err(|error| io::Error::from(error.kind()))?;
            sockets.batch(&mut memory)
        }
    });
    Ok(Figures {
        rival: rival.name(),
        packets,
        tcp,
        memory,
        scaling: scaling.map_err(why)?,
        interrupts_off: interrupts_off.map_err(why)?,
    })
}

/// All that was measured, where it was.
#[derive(Debug, Serialize)]
struct Document {
    #[serde(flatten)]
    place: Place,
    sizes: [usize; 2],
    rivals: Vec<Figures>,
    /// Rivals that could not be measured, and why.
    missing: Vec<(&'static str, String)>,
}

impl Document {
    fn measure() -> Result<Self, Error> {
        let (mut rivals, mut missing) = (Vec::new(), Vec::new());
        for rival in Rival::ALL {
            match measure(rival) {
                Ok(figures) => rivals.push(figures),
                Err(why) if rival == Rival::Netdrv => return Err(failed(rival.name(), why)),
                Err(why) => missing.push((rival.name(), why)),
            }
        }
        Ok(Self {
            place: Place::here(),
            sizes: SIZES,
            rivals,
            missing,
        })
    }

    fn targets(&self) -> Vec<Target> {
        let Some((ours, others)) = self.rivals.split_first() else {
            return Vec::new();
        };
        let mut targets = Vec::new();
        for theirs in others {
            let name = theirs.rival;
            let both = ours.packets.iter().zip(&theirs.packets);
            for (size, (ours, theirs)) in self.sizes.iter().zip(both) {
                targets.push(Target {
                    want: format!("a packet of {size} bytes: at most 1.2 times that of {name}"),
                    came: ours / theirs,
                    most: 1.2,
                });
            }
            targets.push(Target {
                want: format!("a MiB by TCP: at most 1.1 times that of {name}"),
                came: ours.tcp / theirs.tcp,
                most: 1.1,
            });
            let both = ours.interrupts_off.zip(theirs.interrupts_off);
            targets.extend(both.map(|(ours, theirs)| Target {
                want: format!("interrupts off: at most 1.2 times as long as with {name}"),
                came: ours / theirs,
                most: 1.2,
            }));
        }
        targets
    }

    fn table(&self, preset: &str) -> Table {
        let mut table = Rows::new(preset, "nanoseconds", &self.rivals, |f| f.rival);
        for (number, size) in self.sizes.iter().enumerate() {
            table.row(format!("packet of {size} bytes by UDP"), |f| {
                f.packets.get(number).copied()
            });
        }
        table.row("a MiB by TCP", |f| Some(f.tcp));
        table.row("KiB for a pair", |f| Some(f.memory));
        table.row(
            "a packet of 64 bytes when two processors send, beside one when one does",
            |f| f.scaling,
        );
        table.row(INTERRUPTS_OFF, |f| f.interrupts_off);
        table.done()
    }

    fn text(&self, preset: &str) -> String {
        told(
            &self.place,
            &self.table(preset),
            &self.targets(),
            &self.missing,
        )
    }
}

/// `rloop bench net`.
///
/// # Errors
/// If netdrv is not here, or can't be measured.
pub fn command(options: &options::Bench) -> Result<Ending, Error> {
    if !FAMILY.is_here() {
        return Err(FAMILY.absent());
    }
    let document = Document::measure()?;
    report(&document, options.format, |preset| document.text(preset))
}
