// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the main thread does to the pair.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rig::random::Random;
use rig::stress::Meanwhile;
use rig::verdict::{Problem, Verdict, ensure, fail};
use rustix::io::Errno;
use rustix::system::delete_module;

use super::user::{HEARD, add};
use super::{ADDRESSES, SUBJECT};
use crate::families::net::netdrv::netlink::Netlink;
use crate::families::net::netdrv::packet::{PATIENCE, enter_name_space, failed};
use crate::families::net::netdrv::world::{Counters, End, FAR, NEAR, account, frame, index, place};
use crate::families::net::netdrv::{DRIVER, MODULE};
use crate::families::stress::{Options, patiently};
use crate::kernel::allocations::Injection;
use crate::kernel::faults::Faults;

/// What goes wrong by a plan, each with its counter.
const WRONG: [[&str; 2]; 5] = [
    ["drop", "tx_fault_dropped"],
    ["double", "tx_fault_doubled"],
    ["flip", "tx_fault_flipped"],
    ["reorder", "tx_fault_reordered"],
    ["delay", "tx_fault_delayed"],
];
/// Which frames.
const PLANS: [&str; 5] = ["3", "2-9", "1/20 1", "1/3 7", "0"];
/// After so many requests that frames go wrong some have in each way.
const ENOUGH: u64 = 30;
/// So long nothing arrives before a device goes down with frames on its way.
const FILLS: Duration = Duration::from_millis(20);
/// For so long the module may be on its way, or a pair, where there is no memory for it.
const LOADING: Duration = Duration::from_secs(60);
/// So often the module may lack memory when it is loaded. With a pair it needs some hundreds of allocations, of which one
/// in a hundred fails.
const ATTEMPTS: u32 = 4;

/// A module's parameters, as it is loaded with them.
fn parameters() -> Vec<String> {
    let entries = fs::read_dir(format!("{MODULE}/parameters"));
    let entries = entries.into_iter().flatten().flatten();
    let one = |entry: fs::DirEntry| {
        let value = fs::read_to_string(entry.path()).ok()?;
        let name = entry.file_name().into_string().ok()?;
        Some(format!("{name}={}", value.trim()))
    };
    let mut all: Vec<String> = entries.filter_map(one).collect();
    all.sort();
    all
}

/// How many pairs there are, in whatever name spaces, if that can be seen.
fn pairs() -> Option<usize> {
    let entries = fs::read_dir(format!("/sys/kernel/debug/{DRIVER}"));
    entries.ok().map(Iterator::count)
}

/// Does things to the pair, and knows where it is.
pub struct Director {
    random: Random,
    options: Options,
    here: File,
    elsewhere: &'static File,
    /// Requests in either name space.
    netlinks: [Netlink; 2],
    /// The numbers of the two ends.
    ends: [u32; 2],
    /// Whether the second is elsewhere.
    away: bool,
    /// Its directory of faults.
    pair: String,
    /// How many pairs there were before, or are since the module was loaded.
    kept: usize,
    over: bool,
    counts: Counts,
}

/// How often what was done.
#[derive(Default)]
struct Counts {
    made: u64,
    crossed: u64,
    cuts: u64,
    loaded: u64,
    retried: u64,
    refused: u64,
    asked: u64,
    accounts: u64,
    sent: u64,
    dropped: u64,
    wrong: [u64; WRONG.len()],
}

impl Director {
    /// Makes a pair, of which one end is in this name space, `here`, and one `elsewhere`.
    ///
    /// # Errors
    /// If it can't be made, or can't do wrong.
    pub fn new(
        options: Options,
        random: Random,
        here: File,
        elsewhere: &'static File,
    ) -> Verdict<Self> {
        let netlink = |space: &File| {
            thread::scope(|scope| {
                let there = || enter_name_space(space).and_then(|()| Netlink::new());
                let panicked = |_| Err(io::Error::other("a thread has panicked"));
                scope.spawn(there).join().unwrap_or_else(panicked)
            })
            .map_err(|e| failed("netlink", e))
        };
        let kept = pairs().unwrap_or_default();
        let mut director = Self {
            netlinks: [netlink(&here)?, netlink(elsewhere)?],
            random,
            options,
            here,
            elsewhere,
            ends: [0; 2],
            away: false,
            pair: String::new(),
            kept,
            over: false,
            counts: Counts::default(),
        };
        director.make()?;
        director.faults("")?;
        Ok(director)
    }

    /// The faults of what both ends send, or the end `part` does.
    fn faults(&self, part: &str) -> Verdict<Faults> {
        Faults::of(DRIVER, &format!("{}/{part}", self.pair))
    }

    fn has_faults(&self) -> bool {
        let plans = WRONG.map(|[fault, _]| fault);
        let has = |part: &str, more: &[&str]| {
            let faults = self.faults(part);
            faults.is_ok_and(|faults| faults.have(&plans) && faults.have(more))
        };
        let switches = ["freeze", "delay_us"];
        has("", &["down"]) && ["", "0", "1"].into_iter().all(|part| has(part, &switches))
    }

    fn ask(&self, part: &str, fault: &str, value: &str) -> Verdict {
        let faults = self.faults(part)?;
        let failing = self.options.failing_allocations;
        patiently(failing, || faults.ask(fault, value))
    }

    /// Makes a request, of which `what` says what it is.
    fn request<T>(&self, what: &str, request: impl Fn() -> io::Result<T>) -> Verdict<T> {
        let failing = self.options.failing_allocations;
        patiently(failing, || request().map_err(|e| failed(what, e)))
    }

    /// Requests in the name space where the end `side` is.
    fn netlink(&self, side: usize) -> &Netlink {
        &self.netlinks[usize::from(self.away && side == 1)]
    }

    fn set_up(&self, side: usize, up: bool) -> Verdict {
        let end = self.ends[side];
        self.request("ip link set up", || self.netlink(side).set_up(end, up))
    }

    /// Gives an end that has come to a name space an address, and lets it be up.
    fn arrive(&self, side: usize) -> Verdict {
        let (end, address) = (self.ends[side], ADDRESSES[side]);
        self.request("ip addr add", || self.netlink(side).address(end, address))?;
        self.set_up(side, true)
    }

    fn make(&mut self) -> Verdict {
        let number = |name| index(name).map_err(|e| failed(name, e));
        let end = Instant::now() + LOADING;
        loop {
            let added = || add(&self.netlinks[0], NEAR);
            self.request("ip link add type netdrv", added)?;
            self.ends = [number(NEAR)?, number(FAR)?];
            self.pair = place(NEAR)?.0;
            if !self.options.failing_allocations || self.has_faults() {
                break;
            }
            ensure(Instant::now() < end, || {
                "no pair has all files of its faults".to_owned()
            })?;
            self.remove()?;
        }
        self.counts.made += 1;
        self.arrive(0)?;
        self.cross()
    }

    fn remove(&self) -> Verdict {
        let removed = || self.netlinks[0].remove(self.ends[0]);
        self.request("ip link del", removed)
    }

    /// Gives the second end to the other name space.
    fn cross(&mut self) -> Verdict {
        let space = if self.away {
            &self.here
        } else {
            self.elsewhere
        };
        let given = || self.netlink(1).give(self.ends[1], space.as_raw_fd());
        self.request("ip link set netns", given)?;
        self.away = !self.away;
        self.counts.crossed += 1;
        // Elsewhere nobody else has its number; here somebody may.
        if !self.away {
            self.ends[1] = index(FAR).map_err(|e| failed(FAR, e))?;
        }
        self.arrive(1)
    }

    /// Lets both ends be down here: then nothing is on its way, and each frame must be accounted for.
    fn rest(&mut self) -> Verdict {
        if self.away {
            self.cross()?;
        }
        // Now and then with frames on the wire, which then get lost.
        let with_frames = self.options.faults && self.random.once_in(2);
        if with_frames {
            self.ask("", "freeze", "1")?;
            thread::sleep(FILLS);
        }
        for side in [0, 1] {
            self.set_up(side, false)?;
        }
        if with_frames {
            self.ask("", "freeze", "0")?;
        }
        let (near, far) = (Counters::of(NEAR)?, Counters::of(FAR)?);
        for (sender, receiver) in [(&near, &far), (&far, &near)] {
            account(sender, receiver)?;
            let pending = receiver.get("rx_pending")?;
            ensure(pending == 0, || {
                format!("{pending} frames are on their way to a device that is down")
            })?;
        }
        self.counts.accounts += 1;
        Ok(())
    }

    /// Adds what the pair has counted, which rests and is about to go.
    fn add_up(&mut self) -> Verdict {
        let (near, far) = (Counters::of(NEAR)?, Counters::of(FAR)?);
        for (sender, receiver) in [(&near, &far), (&far, &near)] {
            self.counts.sent += sender.get("tx_packets")?;
            self.counts.dropped += receiver.get("rx_dropped")?;
            for (sum, [_, counter]) in self.counts.wrong.iter_mut().zip(WRONG) {
                *sum += sender.get(counter)?;
            }
        }
        Ok(())
    }

    fn remake(&mut self) -> Verdict {
        self.rest()?;
        self.add_up()?;
        // It goes while frames are sent.
        self.set_up(0, true)?;
        self.set_up(1, true)?;
        self.remove()?;
        self.make()
    }

    fn reload(&mut self) -> Verdict {
        let before = parameters();
        self.rest()?;
        self.add_up()?;
        self.set_up(0, true)?;
        self.set_up(1, true)?;
        let unload = || delete_module(SUBJECT.module, libc::O_NONBLOCK);
        match unload() {
            Ok(()) => {}
            // It is about to make a pair.
            Err(Errno::WOULDBLOCK | Errno::BUSY) => {
                self.counts.refused += 1;
                return self.cross();
            }
            Err(error) => return Err(failed("delete_module", error.into())),
        }
        let gone = index(NEAR);
        ensure(gone.is_err(), || {
            format!("the module has gone, and {NEAR} is there: {gone:?}")
        })?;
        let end = Instant::now() + LOADING;
        for attempt in 0.. {
            if self.options.failing_allocations && attempt == ATTEMPTS {
                Injection::pause().map_err(Problem::Failed)?;
            }
            let loaded = Command::new("modprobe").arg(DRIVER).args(&before).output();
            let loaded = loaded.map_err(|e| failed("modprobe", e))?;
            let is_here = pairs().is_some() && parameters() == before;
            if loaded.status.success() && is_here {
                break;
            }
            ensure(Instant::now() < end, || {
                let said = String::from_utf8_lossy(&loaded.stderr).trim().to_owned();
                format!(
                    "the module can't be loaded with {}: {said}",
                    before.join(" ")
                )
            })?;
            self.counts.retried += 1;
            // The kernel loads it by itself, without parameters, where somebody wants a pair.
            let _ = unload();
        }
        if self.options.failing_allocations {
            Injection::follow(DRIVER).map_err(Problem::Failed)?;
        }
        self.kept = usize::from(before.iter().any(|parameter| parameter == "enable=Y"));
        self.counts.loaded += 1;
        self.make()
    }

    fn down_and_up(&mut self) -> Verdict {
        let side = self.random.between(0, 1) as usize;
        self.set_up(side, false)?;
        self.wait();
        self.set_up(side, true)
    }

    fn cut(&mut self) -> Verdict {
        self.counts.cuts += 1;
        self.ask("", "down", "1")?;
        self.wait();
        // Meanwhile an end goes down and up, or away.
        match self.random.between(0, 3) {
            0 => self.down_and_up()?,
            1 => self.cross()?,
            _ => {}
        }
        self.ask("", "down", "0")
    }

    fn set_mtu(&mut self) -> Verdict {
        let side = self.random.between(0, 1) as usize;
        let mtu = self.random.pick(&[68, 1_500, 1_500, 9_000, 65_535]);
        let end = self.ends[side];
        self.request("ip link set mtu", || self.netlink(side).set_mtu(end, mtu))
    }

    fn do_wrong(&mut self) -> Verdict {
        self.counts.asked += 1;
        let part = self.random.pick(&["", "0", "1"]);
        match self.random.between(0, 7) {
            0 => {
                self.ask(part, "freeze", "1")?;
                self.wait();
                self.ask(part, "freeze", "0")
            }
            1 => {
                let late = self.random.between(0, 5_000).to_string();
                self.ask(part, "delay_us", &late)
            }
            2 => self.mend(),
            _ => {
                for [fault, _] in WRONG {
                    let plan = self.random.pick(&PLANS);
                    self.ask(part, fault, plan)?;
                }
                Ok(())
            }
        }
    }

    /// Nothing goes wrong any more.
    fn mend(&self) -> Verdict {
        for [fault, _] in WRONG {
            self.ask("", fault, "0")?;
        }
        Ok(())
    }

    fn wait(&mut self) {
        thread::sleep(Duration::from_millis(self.random.between(0, 20)));
    }

    /// Looks whether the pair works and all is accounted for, now that nobody does anything, and takes it away. What has
    /// happened.
    ///
    /// # Errors
    /// What is not as it should be.
    pub fn finish(mut self) -> Verdict<Vec<String>> {
        self.rest()?;
        self.works()?;
        self.rest()?;
        self.add_up()?;
        self.remove()?;
        // Name spaces that have ended go a little later, and take their pairs along.
        let end = Instant::now() + PATIENCE;
        while let Some(left) = pairs().filter(|pairs| *pairs > self.kept) {
            ensure(Instant::now() < end, || {
                format!("{left} pairs are left, where there were {}", self.kept)
            })?;
            thread::sleep(Duration::from_millis(50));
        }
        let Counts {
            made,
            crossed,
            cuts,
            loaded,
            retried,
            refused,
            asked,
            accounts,
            sent,
            dropped,
            wrong,
        } = self.counts;
        for ([fault, _], frames) in WRONG.iter().zip(wrong) {
            ensure(asked < ENOUGH || frames > 0, || {
                format!("{asked} times frames were to go wrong, and {fault} has never happened")
            })?;
        }
        let wrong = WRONG
            .iter()
            .zip(wrong)
            .map(|([fault, _], n)| format!("{fault} {n}"));
        let heard = HEARD.load(Ordering::Relaxed) >> 10;
        Ok(vec![
            format!(
                "{made} pairs, an end given to another name space {crossed} times, the wire cut {cuts} times, the module \
                 loaded anew {loaded} times in {} attempts and in use {refused} times",
                loaded + retried
            ),
            format!(
                "{sent} frames, all accounted for {accounts} times: {dropped} too long or on their way to a device that went down, {}; {heard} KiB by TCP",
                wrong.collect::<Vec<_>>().join(", ")
            ),
        ])
    }

    /// Frames arrive both ways, once and in order.
    fn works(&self) -> Verdict {
        self.set_up(0, true)?;
        self.set_up(1, true)?;
        let ends = [End::of(NEAR)?, End::of(FAR)?];
        for (from, to) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
            // The kernel lets nothing through until it has seen that the wire was mended.
            let end = Instant::now() + PATIENCE;
            loop {
                let _ = from.packets.send(&frame(u32::MAX, 60));
                thread::sleep(Duration::from_millis(20));
                if to.packets.receive_now().is_ok() {
                    break;
                }
                if Instant::now() > end {
                    return fail(format!("nothing arrives from {}", from.name));
                }
            }
            while Counters::of(to.name)?.get("rx_pending")? > 0 {
                thread::sleep(Duration::from_millis(5));
            }
            to.drain();
            from.send(0..100, 60)?;
            to.expect(0..100, 60)?;
        }
        Ok(())
    }
}

impl Meanwhile for Director {
    fn turn(&mut self) -> Result<(), String> {
        if self.over {
            return Ok(());
        }
        let done = match self.random.between(0, 39) {
            0..2 => self.reload(),
            2..4 => self.remake(),
            4..8 => self.cross(),
            8..14 => self.down_and_up(),
            14..18 => self.cut(),
            18..20 => self.set_mtu(),
            _ if self.options.faults => self.do_wrong(),
            _ => Ok(()),
        };
        done.map_err(|problem: Problem| problem.to_string())
    }

    fn settle(&mut self) -> Result<(), String> {
        self.over = true;
        self.mend().map_err(|problem| problem.to_string())
    }
}
