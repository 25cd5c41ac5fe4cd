// SPDX-License-Identifier: MIT OR Apache-2.0

//! Power cuts: what was flushed is there afterwards, and what was not is as it was, or as it was to be.

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};

use rig::random::Random;
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, Within as _, ensure, fail};

use super::{Plain, done, gives, holds, pattern, read, says, write};
use crate::families::block::vblk::Context;
use crate::families::block::vblk::buffer::Aligned;
use crate::families::block::vblk::device::{Device, Made};
use crate::families::block::vblk::mounted::{Mounted, check_ext4, make_ext4};
use crate::families::block::vblk::sys::{Erase, erase};

pub const CHECKS: &[Plain] = &[
    (
        "powercut/flushed",
        "what was flushed stays",
        "of two disks' worth of blocks those that were flushed are there after a cut of any seed; the others are as they were or as they were to be, each by itself, and a second cut changes nothing",
        flushed,
    ),
    (
        "powercut/all",
        "a cut takes what was not flushed",
        "with the seed 0 nothing is left of what was not flushed, and the memory of it is given back",
        all,
    ),
    (
        "powercut/fua",
        "a write with FUA is safe when it ends",
        "what is written with O_DSYNC is there after a cut, also where its flush fails, and over what was not flushed, which can be read until then, and is lost",
        fua,
    ),
    (
        "powercut/erased",
        "discard and write-zeroes are safe when they end",
        "what was discarded, or zeroed, is zero after a cut with no flush, whether it was on the medium or in the cache",
        erased,
    ),
    (
        "powercut/seed",
        "a cut can be repeated",
        "the same writes and the same seed leave the same bytes, and another seed leaves others",
        seed,
    ),
    (
        "powercut/torn",
        "blocks are torn only where that is asked for",
        "with torn some blocks begin as they were to be and end as they were; without, none",
        torn,
    ),
    (
        "powercut/off",
        "without power nothing works",
        "until the power comes back reads, writes and flushes fail with EIO, also those that waited",
        off,
    ),
    (
        "powercut/ext4",
        "fsync keeps its promise",
        "files on ext4 that were fsynced are whole after each of 100 cuts, and the file system is",
        ext4,
    ),
    (
        "powercut/no-barriers",
        "the same finds a broken promise",
        "ext4 mounted with nobarrier loses files that were fsynced",
        no_barriers,
    ),
];

const MIB: usize = 1 << 20;

fn made() -> Verdict<Made> {
    Made::new(&[("disk_size_mb", "4"), ("write_cache", "1")])
}

/// Takes the power away and gives it back.
fn cut(device: &Device, seed: u64) -> Verdict {
    device.fault("powercut", &seed.to_string())?;
    device.fault("power", "1")
}

fn flushed(context: &mut Context) -> Verdict {
    let (mut kept, mut lost) = (0, 0);
    for block in [512_usize, 4096] {
        let made = Made::new(&[
            ("disk_size_mb", "1"),
            ("write_cache", "1"),
            ("block_size", &block.to_string()),
        ])?;
        let file = made.device.direct()?;
        let mut random = Random::new(block as u64);
        // What is safe of each block.
        let mut safe = vec![0; MIB];
        for round in 0..8 {
            let mut new = safe.clone();
            let mut written = vec![false; MIB / block];
            for call in 0..60 {
                let count = random.between(1, 20) as usize;
                let first = random.between(0, (MIB / block - count) as u64) as usize;
                let bytes = first * block..(first + count) * block;
                let data = pattern(bytes.start as u64, bytes.len(), round * 100 + call);
                write(&file, bytes.start as u64, &data)?;
                new[bytes].copy_from_slice(&data);
                written[first..first + count].fill(true);
                if random.once_in(20) {
                    done("fsync", file.sync_all())?;
                    safe.copy_from_slice(&new);
                    written.fill(false);
                }
            }
            cut(&made.device, 1 + round)?;
            let there = read(&file, 0, MIB)?;
            cut(&made.device, 101 + round)?;
            holds(&file, 0, &there).within(|| format!("round {round}: after a second cut"))?;
            for (number, written) in written.iter().enumerate() {
                let bytes = number * block..(number + 1) * block;
                let (there, new) = (&there[bytes.clone()], &new[bytes.clone()]);
                let was = &safe[bytes];
                let ok = there == was || (*written && there == new);
                ensure(ok, || {
                    format!(
                        "round {round}: block {number} of {block} bytes is neither (written: {written})"
                    )
                })?;
                kept += u64::from(*written && there == new);
                lost += u64::from(*written && there != new);
            }
            safe.copy_from_slice(&there);
        }
    }
    context.note(format!("{kept} blocks were kept, {lost} lost"));
    ensure(kept > 100 && lost > 100, || {
        format!("{kept} blocks were kept, {lost} lost: the seed chooses too little")
    })
}

fn all(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let file = device.direct()?;
    let safe = pattern(0, MIB, 1);
    write(&file, 0, &safe)?;
    says(device, "cached_pages", 256)?;
    done("fsync", file.sync_all())?;
    says(device, "cached_pages", 0)?;
    says(device, "pages", 256)?;
    write(&file, 0, &pattern(0, 2 * MIB, 2))?;
    holds(&file, 0, &pattern(0, 2 * MIB, 2))?;
    cut(device, 0)?;
    holds(&file, 0, &safe)?;
    holds(&file, MIB as u64, &vec![0; MIB])?;
    says(device, "cached_pages", 0)?;
    says(device, "pages", 256)?;
    says(device, "power_cuts", 1)
}

fn fua(_: &mut Context) -> Verdict {
    let made = made()?;
    let file = made.device.direct()?;
    let mut options = fs::OpenOptions::new();
    options
        .write(true)
        .custom_flags(libc::O_DIRECT | libc::O_DSYNC);
    let safe = done("open", options.open(made.device.node()))?;
    write(&file, 0, &[1; 8192])?;
    let due = [[2; 1024], [3; 1024]].concat();
    let around = |byte: u8| [&[byte; 1024][..], &due[..], &[byte; 5120][..]].concat();
    // The kernel has a flush follow, by which any write would be safe.
    made.device.fault("error", "flush all EIO always")?;
    let came = safe.write_at(&Aligned::of(&due), 1024);
    gives("a write whose flush fails", came, libc::EIO)?;
    holds(&file, 0, &around(1))?;
    cut(&made.device, 0)?;
    holds(&file, 0, &around(0))?;
    made.device.fault("error", "off")?;
    done("write", safe.write_all_at(&Aligned::of(&due), 0))?;
    cut(&made.device, 0)?;
    holds(&file, 0, &due)
}

fn erased(_: &mut Context) -> Verdict {
    // Whole pages, and parts of two.
    const FROM: usize = 1024;
    const BYTES: usize = 16_384;
    for how in [Erase::Discard, Erase::ZeroOut] {
        let made = made()?;
        let file = made.device.direct()?;
        let safe = pattern(0, 2 * BYTES, 1);
        write(&file, 0, &safe)?;
        done("fsync", file.sync_all())?;
        // In the cache as well, but for the first half.
        write(&file, 8192, &pattern(8192, BYTES, 2))?;
        done("erase", erase(&file, how, FROM as u64, BYTES as u64))?;
        holds(&file, FROM as u64, &vec![0; BYTES])?;
        cut(&made.device, 0)?;
        let due = [&safe[..FROM], &[0; BYTES][..], &safe[FROM + BYTES..]].concat();
        holds(&file, 0, &due)?;
    }
    Ok(())
}

fn left(seed: u64) -> Verdict<Vec<u8>> {
    let made = made()?;
    let file = made.device.direct()?;
    write(&file, 0, &pattern(0, MIB, 7))?;
    cut(&made.device, seed)?;
    Ok(read(&file, 0, MIB)?.to_vec())
}

fn seed(_: &mut Context) -> Verdict {
    ensure(left(5)? == left(5)?, || {
        "the same seed left other bytes".to_owned()
    })?;
    ensure(left(5)? != left(6)?, || {
        "another seed left the same bytes".to_owned()
    })
}

fn torn(context: &mut Context) -> Verdict {
    for tear in [true, false] {
        let made = Made::new(&[
            ("disk_size_mb", "4"),
            ("write_cache", "1"),
            ("block_size", "4096"),
        ])?;
        let file = made.device.direct()?;
        let (old, new) = (vec![1; MIB], vec![2; MIB]);
        write(&file, 0, &old)?;
        done("fsync", file.sync_all())?;
        write(&file, 0, &new)?;
        made.device.fault("torn", if tear { "1" } else { "0" })?;
        cut(&made.device, 3)?;
        let there = read(&file, 0, MIB)?;
        let mut count = 0;
        for block in there.chunks(4096) {
            let begins = block.iter().take_while(|byte| **byte == 2).count();
            let ends = block[begins..].iter().all(|byte| *byte == 1);
            ensure(ends, || "a block is more than torn".to_owned())?;
            count += usize::from(begins > 0 && begins < 4096);
        }
        ensure((count > 0) == tear, || {
            format!("torn={tear}: {count} of 256 blocks are")
        })?;
        context.note(format!("torn={tear}: {count} of 256 blocks are"));
    }
    Ok(())
}

fn off(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let file = device.direct()?;
    write(&file, 0, &[1; 512])?;
    device.fault("hang", "read 0 1")?;
    let other = device.direct()?;
    let reader = std::thread::spawn(move || {
        gives(
            "a read that hung",
            other.read_at(&mut Aligned::zeroes(512), 0),
            libc::EIO,
        )
    });
    while device.number("held")? == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    device.fault("powercut", "1")?;
    super::joined(reader)?;
    let mut buffer = Aligned::zeroes(512);
    gives("a read", file.read_at(&mut buffer, 0), libc::EIO)?;
    gives("a write", file.write_at(&buffer, 0), libc::EIO)?;
    gives("fsync", file.sync_all(), libc::EIO)?;
    let said = device.faults()?.left("power")?;
    ensure(said == "0", || format!("power says {said}"))?;
    device.fault("power", "1")?;
    holds(&file, 4096, &[0; 512])
}

/// What becomes of fsynced files in one cut: how many are not as they were.
struct Files {
    random: Random,
    /// The size of each, and the time it was written.
    synced: Vec<(usize, u64)>,
    time: u64,
}

impl Files {
    fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            synced: Vec::new(),
            time: 0,
        }
    }

    fn name(number: usize) -> String {
        format!("file{number}")
    }

    /// Writes some files, of which those are fsynced that are remembered; others are under way when the power goes.
    fn write(&mut self, mounted: &Mounted) -> Verdict {
        for _ in 0..self.random.between(1, 4) {
            self.time += 1;
            let new = self.synced.len() < 12 || self.random.once_in(4);
            let number = match new && self.synced.len() < 40 {
                true => self.synced.len(),
                false => self.random.between(0, self.synced.len() as u64 - 1) as usize,
            };
            let size = self.random.between(1, 40_000) as usize;
            // Written beside and renamed, or one of the old bytes would do as well.
            let (beside, path) = (mounted.path("new"), mounted.path(&Self::name(number)));
            let file = done("create", File::create(&beside))?;
            done("write", file.write_all_at(&pattern(0, size, self.time), 0))?;
            done("fsync", file.sync_all())?;
            done("rename", fs::rename(&beside, &path))?;
            let dir = done("open", File::open(mounted.path(".")))?;
            done("fsync of the directory", dir.sync_all())?;
            match self.synced.get_mut(number) {
                Some(known) => *known = (size, self.time),
                None => self.synced.push((size, self.time)),
            }
        }
        // Nobody is promised anything of these.
        for number in 0..self.random.between(0, 3) {
            let path = mounted.path(&format!("other{number}"));
            done("write", fs::write(path, pattern(0, 20_000, self.time)))?;
        }
        Ok(())
    }

    /// Which of the files are not as they were when they were fsynced.
    fn wrong(&self, mounted: &Mounted) -> Vec<String> {
        let of = |(number, (size, time)): (usize, &(usize, u64))| {
            let name = Self::name(number);
            match fs::read(mounted.path(&name)) {
                Err(error) => Some(format!("{name}: {error}")),
                Ok(there) => {
                    (there != pattern(0, *size, *time)).then_some(format!("{name} has other bytes"))
                }
            }
        };
        self.synced.iter().enumerate().filter_map(of).collect()
    }
}

/// Goes through so many cuts. How many files were lost, and in which cut that was first; ends there.
fn cuts(device: &Device, options: &str, cuts: u64) -> Verdict<Option<(u64, Vec<String>)>> {
    make_ext4(device)?;
    let mut files = Files::new(cuts);
    for number in 1..=cuts {
        let within = || format!("cut {number}");
        let mounted = match Mounted::ext4(device, options).within(within) {
            Ok(mounted) => mounted,
            // A file system that can't be mounted has lost all.
            Err(problem) => return Ok(Some((number, vec![problem.to_string()]))),
        };
        let wrong = files.wrong(&mounted);
        if !wrong.is_empty() {
            return Ok(Some((number, wrong)));
        }
        match files.write(&mounted).within(within) {
            // It may be broken so that it notices.
            Err(Problem::Failed(text)) if !options.is_empty() => {
                return Ok(Some((number, vec![text])));
            }
            result => result?,
        }
        // Each fourth takes all, the others a part.
        device.fault("powercut", &(number % 4 * number).to_string())?;
        mounted.unmount().within(within)?;
        device.fault("power", "1")?;
    }
    Ok(None)
}

fn ext4(context: &mut Context) -> Verdict {
    let made = Made::new(&[("disk_size_mb", "16"), ("write_cache", "1")])?;
    let device = &made.device;
    if let Some((cut, wrong)) = cuts(device, "", 100)? {
        return fail(format!("after cut {cut}: {}", wrong.join("; ")));
    }
    // What is in the journal goes to its place.
    Mounted::ext4(device, "")?.unmount()?;
    check_ext4(device)?;
    let flushes = device.number("flushes")?;
    context.note(format!("100 cuts, {flushes} flushes"));
    says(device, "power_cuts", 100)
}

fn no_barriers(context: &mut Context) -> Verdict {
    let made = Made::new(&[("disk_size_mb", "16"), ("write_cache", "1")])?;
    match cuts(&made.device, "nobarrier", 100)? {
        None => {
            fail("no file was lost in 100 cuts without barriers: what finds that finds nothing")
        }
        Some((cut, wrong)) => {
            context.note(format!("after cut {cut}: {}", wrong.join("; ")));
            Ok(())
        }
    }
}
