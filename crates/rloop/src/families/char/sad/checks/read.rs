// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading: the intervals between ticks; and when there are none.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::thread;
use std::time::{Duration, Instant};

use rig::retry::retry;
use rig::run::Context as _;
use rig::verdict::{Blame, Problem, Verdict, ensure, fail};
use rustix::event::PollFlags;

use super::Plain;
use crate::families::char::ready::ready;
use crate::families::char::sad::Context;
use crate::families::char::sad::device::{Kind, Made, failed};
use crate::families::char::sad::recorder::{Recorder, noise};

pub const CHECKS: &[Plain] = &[
    (
        "read/intervals",
        "intervals between ticks",
        "intervals are lines of 16 bytes, and add up to the time in which they were read",
        |context| retry(context, intervals),
    ),
    (
        "read/bytes",
        "intervals between ticks",
        "a line that is read byte by byte is the same as one read at once",
        bytes,
    ),
    (
        "read/nonblocking",
        "O_NONBLOCK as for a pipe",
        "where there is no interval yet a read gives EAGAIN, and the file can be read as soon as there is one",
        nonblocking,
    ),
    (
        "read/left-out",
        "what is not read in time is left out",
        "a reader that was late gets the last 1024 intervals, and the others are counted",
        |context| retry(context, left_out),
    ),
    (
        "timer/rests",
        "the timer rests",
        "no tick comes while no node is open and no sound is left, and they come while one is",
        rests,
    ),
    (
        "life/busy",
        "unload refused while used",
        "an open file keeps the module and its device, and so does a recording",
        busy,
    ),
    (
        "life/refused",
        "bad parameters are refused",
        "parameters that are not allowed are refused with EINVAL",
        refused,
    ),
];

/// Bytes of an interval.
const LINE: usize = 16;

/// Reads whole lines; each as a number of microseconds.
fn numbers(bytes: &[u8]) -> Verdict<Vec<u64>> {
    let number = |line: &[u8]| {
        let text = std::str::from_utf8(line).ok()?;
        let number: u64 = text.trim().parse().ok()?;
        (format!("{number:15}\n") == text).then_some(number)
    };
    let lines: Option<Vec<u64>> = bytes.chunks(LINE).map(number).collect();
    match lines {
        Some(lines) => Ok(lines),
        None => fail(format!(
            "not lines of 16 bytes: {:?}",
            String::from_utf8_lossy(bytes)
        )),
    }
}

fn intervals(context: &mut Context) -> Verdict {
    let device = context.device.clone();
    let node = device.node(Kind::Waits);
    let mut file = device.open(Kind::Waits, true, 0)?;
    let mut lines = vec![0; LINE * device.rate as usize / 10];
    // The first tick after a rest ends no interval.
    file.read_exact(&mut lines[..LINE])
        .map_err(|e| failed("read", &node, &e))?;
    let begin = Instant::now();
    file.read_exact(&mut lines)
        .map_err(|e| failed("read", &node, &e))?;
    let took = begin.elapsed();
    let numbers = numbers(&lines)?;
    let sum = Duration::from_micros(numbers.iter().sum());
    let (least, most) = (numbers.iter().min(), numbers.iter().max());
    context.note(format!(
        "{} intervals, {} to {} us",
        numbers.len(),
        least.unwrap_or(&0),
        most.unwrap_or(&0)
    ));
    // Each is rounded to a microsecond.
    let off = sum.abs_diff(took);
    let allowed = Duration::from_micros(numbers.len() as u64 / 2) + 2 * device.tick();
    if off > allowed {
        let text = format!("{sum:?} in all, read in {took:?}");
        return Err(Problem::Again(Blame::Either, text));
    }
    Ok(())
}

fn bytes(context: &mut Context) -> Verdict {
    let mut file = context.device.open(Kind::Leaves, true, 0)?;
    let mut line = [0; 2 * LINE];
    for byte in &mut line {
        let read = file.read(std::slice::from_mut(byte));
        ensure(matches!(read, Ok(1)), || format!("a read gave {read:?}"))?;
    }
    let read = file.read(&mut []);
    ensure(matches!(read, Ok(0)), || {
        format!("a read of nothing gave {read:?}")
    })?;
    numbers(&line).map(drop)
}

fn nonblocking(context: &mut Context) -> Verdict {
    let mut file = context.device.open(Kind::Waits, true, libc::O_NONBLOCK)?;
    let mut line = [0; LINE];
    // Nothing of what was before it was opened.
    let read = file.read(&mut line);
    let kind = read.as_ref().map_err(std::io::Error::kind);
    ensure(kind == Err(ErrorKind::WouldBlock), || {
        format!("a read where there is nothing yet gave {read:?}")
    })?;
    let came = ready(&file, PollFlags::IN, Duration::from_secs(1))?;
    ensure(came.contains(PollFlags::IN), || {
        "it can't be read for a second".to_owned()
    })?;
    let read = file.read(&mut line);
    ensure(matches!(read, Ok(LINE)), || {
        format!("a file that can be read gave {read:?}")
    })?;
    numbers(&line).map(drop)
}

fn left_out(context: &mut Context) -> Verdict {
    let device = &context.device;
    let node = device.node(Kind::Waits);
    device.settle()?;
    let before = device.state()?;
    let mut file = device.open(Kind::Waits, true, libc::O_NONBLOCK)?;
    thread::sleep(device.time(3_000));
    // Fewer than 3000 where the machine was late: each has an interval all the same.
    let first = device.state()?.ticks() - before.ticks();
    let mut lines = vec![0; LINE * 8_192];
    let read = file
        .read(&mut lines)
        .map_err(|e| failed("read", &node, &e))?;
    let count = numbers(&lines[..read])?.len();
    let after = device.state()?;
    let more = after.number("left out")? - before.number("left out")?;
    let last = after.ticks() - before.ticks();
    if first <= 1_024 {
        let text = format!("{first} ticks came in the time of 3000");
        return Err(Problem::Again(Blame::Machine, text));
    }
    // And those that come while it reads.
    ensure(count >= 1_024, || {
        format!("{count} intervals were read after {first}, the last 1024 are due")
    })?;
    ensure((first..=last).contains(&(more + count as u64)), || {
        format!(
            "{count} intervals were read and {more} are counted as left out, of {first} to {last}"
        )
    })
}

fn rests(context: &mut Context) -> Verdict {
    let device = &context.device;
    device.settle()?;
    let ticks = |time| -> Verdict<u64> {
        let before = device.state()?.ticks();
        thread::sleep(time);
        Ok(device.state()?.ticks() - before)
    };
    let time = device.time(2_000);
    // One may be about to come.
    let idle = ticks(time)?;
    ensure(idle <= 1, || format!("{idle} ticks while nothing is open"))?;
    let _file = device.open(Kind::Leaves, true, 0)?;
    let open = ticks(time)?;
    ensure((500..4_000).contains(&open), || {
        format!("{open} ticks in the time of 2000 while a node is open")
    })
}

fn busy(_: &mut Context) -> Verdict {
    let uses = || -> Verdict<i64> {
        let path = std::path::Path::new("/sys/module/sad/refcnt");
        let text = fs::read_to_string(path).map_err(|e| failed("read", path, &e))?;
        Ok(text.trim().parse().unwrap_or(-1))
    };
    let made = Made::new(&[])?;
    let before = uses()?;
    let refused = |what: &str| -> Verdict {
        let now = uses()?;
        ensure(now > before, || {
            format!("{what} does not keep the module: {before} uses before, {now} now")
        })?;
        ensure(made.set("enable", "0").is_err(), || {
            format!("{what} does not keep its device")
        })
    };
    for kind in [Kind::Waits, Kind::Drops, Kind::Leaves] {
        let _file = made.device.open(kind, false, 0)?;
        refused("an open file")?;
    }
    let recorder = Recorder::start(&made.device, "MU_LAW")?;
    refused("a recording")?;
    drop(recorder);
    made.remove()
}

fn refused(_: &mut Context) -> Verdict {
    for (name, value) in [
        ("rate", "7999"),
        ("rate", "192001"),
        ("format", "FLOAT64_LE"),
        ("format", "DSD_U8"),
        ("format", "nonsense"),
        ("buffer", "8191"),
        ("buffer", "1048577"),
        ("parport", "256"),
        ("strobe", "perhaps"),
    ] {
        let made = Made::new(&[(name, value)]);
        let problem = match made {
            Ok(_) => return fail(format!("{name}={value} was taken")),
            Err(problem @ Problem::Skipped(_)) => return Err(problem),
            Err(problem) => problem.to_string(),
        };
        ensure(problem.contains("os error 22"), || {
            format!("{name}={value} was refused with {problem}")
        })?;
    }
    // The largest of all works.
    let made = Made::new(&[
        ("rate", "192000"),
        ("format", "S32_BE"),
        ("buffer", "1048576"),
    ])?;
    let sound = noise("S32_BE", 10, 1);
    super::sound::write(&made.device, Kind::Waits, &sound)
}
