// SPDX-License-Identifier: MIT OR Apache-2.0

//! Faults on demand: each does what it says, is counted, and ends.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, Within as _, ensure, fail};
use rustix::event::PollFlags;
use rustix::process::Signal;

use super::Plain;
use super::close::{end, shell};
use super::sound::write;
use crate::families::char::ready::ready;
use crate::families::char::sad::Context;
use crate::families::char::sad::device::{Device, Kind, Made, failed};
use crate::families::char::sad::recorder::{Recorder, noise, same};
use crate::kernel::faults::wrong;

pub const CHECKS: &[Plain] = &[
    (
        "faults/samples",
        "faults on demand",
        "the next samples get lost, leave twice, or with a bit inverted, as many as asked for, and are counted",
        samples,
    ),
    (
        "faults/plans",
        "faults on demand",
        "a range and a seed choose the samples that go wrong, and the same seed the same ones each time",
        plans,
    ),
    (
        "faults/freeze",
        "faults on demand",
        "while the clock stands still nothing leaves, and afterwards all does, bit for bit",
        freeze,
    ),
    (
        "faults/jitter",
        "faults on demand",
        "ticks that come late are seen in the intervals, and change nothing in what is recorded",
        jitter,
    ),
    (
        "faults/late",
        "faults on demand",
        "however late ticks come, what is written joins nothing that should have left, and a close drops nothing of that",
        late,
    ),
    (
        "faults/refused",
        "faults on demand",
        "what is no such fault is refused with EINVAL",
        refused,
    ),
    (
        "faults/exit",
        "three ways to close",
        "a program that exits while the clock stands still waits for 30 s, and what it has written leaves all the same",
        exit,
    ),
    (
        "faults/killed",
        "signals as for a pipe",
        "while the clock stands still kill -9 ends a sleep in a write, and in a close, and what was written is dropped",
        killed,
    ),
    (
        "faults/unplug",
        "a device can go at any time",
        "a device that is pulled out wakes all who sleep in it, and gives ENODEV from then on",
        unplug,
    ),
];

fn made() -> Verdict<Made> {
    Made::new(&[("format", "U8"), ("rate", "48000")])
}

fn samples(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let sound = noise("U8", 1_000, 1);
    // Not silent with another lowest bit.
    let sound: Vec<u8> = sound.iter().map(|byte| byte | 2).collect();
    let flipped = |count: usize| -> Vec<u8> {
        let bytes = sound.iter().enumerate();
        bytes.map(|(n, byte)| byte ^ u8::from(n < count)).collect()
    };
    let doubled: Vec<u8> = sound[..3].iter().flat_map(|byte| [*byte; 2]).collect();
    for (fault, count, wanted) in [
        ("drop", "7", sound[7..].to_vec()),
        ("double", "3", [&doubled, &sound[3..]].concat()),
        ("flip", "5", flipped(5)),
    ] {
        device.fault(fault, count)?;
        let recorder = Recorder::start(device, "U8")?;
        write(device, Kind::Waits, &sound)?;
        device.settle()?;
        same(&recorder.sound()?, &wanted).within(|| format!("{fault} {count}"))?;
    }
    let state = device.state()?;
    let counted = state.values.get("faults").cloned().unwrap_or_default();
    ensure(counted == "drop 7, double 3, flip 5", || {
        format!("counted: {counted}")
    })
}

fn plans(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let sound: Vec<u8> = noise("U8", 1_000, 1).iter().map(|byte| byte | 2).collect();
    for plan in ["3-7", "1/10 42", "1/10 42", "1/10 43"] {
        let wrong = wrong(plan, sound.len());
        ensure(wrong.contains(&true), || format!("{plan} chooses none"))?;
        let samples = || sound.iter().zip(&wrong);
        let right = samples().filter(|(_, wrong)| !**wrong);
        for (fault, due) in [
            ("drop", right.map(|(byte, _)| *byte).collect::<Vec<u8>>()),
            (
                "flip",
                samples().map(|(b, wrong)| b ^ u8::from(*wrong)).collect(),
            ),
        ] {
            device.fault(fault, plan)?;
            let recorder = Recorder::start(device, "U8")?;
            write(device, Kind::Waits, &sound)?;
            device.settle()?;
            same(&recorder.sound()?, &due).within(|| format!("{fault} {plan}"))?;
            device.fault(fault, "0")?;
        }
    }
    Ok(())
}

fn freeze(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let sound = noise("U8", 5_000, 2);
    let recorder = Recorder::start(device, "U8")?;
    let mut file = device.open(Kind::Waits, false, 0)?;
    file.write_all(&sound)
        .map_err(|e| Problem::Failed(e.to_string()))?;
    device.fault("freeze", "1")?;
    let before = device.state()?.number("waiting")?;
    thread::sleep(Duration::from_millis(200));
    let after = device.state()?.number("waiting")?;
    device.fault("freeze", "0")?;
    ensure(before == after && before > 0, || {
        format!("{before} samples were left when it stood still, {after} later")
    })?;
    drop(file);
    same(&recorder.sound()?, &sound)
}

fn jitter(context: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    device.fault("jitter", "3000")?;
    let sound = noise("U8", 20_000, 3);
    let recorder = Recorder::start(device, "U8")?;
    write(device, Kind::Leaves, &sound)?;
    device.settle()?;
    same(&recorder.sound()?, &sound)?;
    let state = device.state()?;
    let (ticks, due) = (state.ticks(), 20_000);
    context.note(format!("{ticks} ticks for {due} samples"));
    ensure(ticks < due / 2, || {
        format!("{ticks} ticks for {due} samples: none was late")
    })
}

fn late(context: &mut Context) -> Verdict {
    const PAUSE: Duration = Duration::from_millis(300);
    let made = made()?;
    let device = &made.device;
    let sounds = [5, 6].map(|seed| noise("U8", 2_000, seed));
    let recorder = Recorder::start(device, "U8")?;
    // Hardly one comes within the pause.
    device.fault("jitter", "1000000")?;
    let mut file = device.open(Kind::Drops, false, 0)?;
    for sound in &sounds {
        let written = file.write_all(sound);
        written.map_err(|e| failed("write", &device.node(Kind::Drops), &e))?;
        thread::sleep(PAUSE);
    }
    drop(file);
    let dropped = device.state()?.number("dropped")?;
    device.fault("jitter", "0")?;
    device.settle()?;
    let heard = recorder.sound()?;
    let silent = heard.iter().filter(|sample| **sample == 0x80).count();
    context.note(format!("{silent} samples of silence between the two"));
    let least = PAUSE.as_millis() as usize * 48 - sounds[0].len();
    ensure(silent >= least, || {
        format!(
            "{silent} samples of silence, not {least}, between sounds that were written {PAUSE:?} apart"
        )
    })?;
    ensure(dropped == 0, || {
        format!("the close dropped {dropped} samples that were due long before")
    })?;
    same(&heard, &sounds.join(&vec![0x80; silent][..]))
}

fn refused(_: &mut Context) -> Verdict {
    let made = made()?;
    let bad = [("freeze", "2"), ("jitter", "1000001"), ("unplug", "0")];
    let faults = made.device.faults()?;
    faults.refuse_no_plans(&["drop", "double", "flip"])?;
    faults.refuse(&bad)
}

/// Waits until so many samples are in the FIFO, and a moment more.
fn wait_for(device: &Device, samples: u64) -> Verdict {
    let end = Instant::now() + Duration::from_secs(20);
    while device.state()?.number("waiting")? < samples {
        ensure(Instant::now() < end, || {
            format!("{samples} samples are not written after 20 s")
        })?;
        thread::sleep(Duration::from_millis(5));
    }
    thread::sleep(Duration::from_millis(100));
    Ok(())
}

fn exit(context: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let sound = noise("U8", 1_000, 4);
    let recorder = Recorder::start(device, "U8")?;
    device.fault("freeze", "1")?;
    let mut child = shell(device, r#"exec 3>"$0"; cat >&3; exit 0"#, &sound)?;
    wait_for(device, 1_000)?;
    let begin = Instant::now();
    let ended = loop {
        match child.try_wait() {
            Ok(None) if begin.elapsed() < Duration::from_secs(50) => {}
            ended => break ended,
        }
        thread::sleep(Duration::from_millis(50));
    };
    let took = begin.elapsed();
    let left = device.state()?.number("waiting")?;
    device.fault("freeze", "0")?;
    let ended = ended.ok().flatten().is_some_and(|status| status.success());
    ensure(ended, || format!("it has not ended well within {took:?}"))?;
    ensure(took > Duration::from_secs(25), || {
        format!("it ended after {took:?}")
    })?;
    ensure(left == 1_000, || format!("then {left} samples were left"))?;
    context.note(format!("it ended after {took:?}"));
    device.settle()?;
    same(&recorder.sound()?, &sound)
}

fn killed(_: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    device.fault("freeze", "1")?;
    let capacity = device.capacity;
    for (script, samples) in [
        (r#"exec cat >"$0""#, 3 * capacity),
        (r#"exec 3>"$0"; cat >&3; exec 3>&-; sleep 60"#, 1_000),
    ] {
        let child = shell(device, script, &noise("U8", samples as usize, 5))?;
        wait_for(device, samples.min(capacity))?;
        let took = end(child, Signal::KILL)?;
        ensure(took < Duration::from_secs(1), || {
            format!("with {samples} samples it took {took:?} to end")
        })?;
        let left = device.state()?.number("waiting")?;
        ensure(left == 0, || format!("then {left} samples were left"))?;
    }
    device.fault("freeze", "0")
}

/// Whether a call has failed because the device has gone.
fn is_gone<T: std::fmt::Debug>(what: &str, result: std::io::Result<T>) -> Verdict {
    let errno = result.as_ref().err().and_then(std::io::Error::raw_os_error);
    ensure(errno == Some(libc::ENODEV), || {
        format!("{what} gave {result:?}, ENODEV is due")
    })
}

/// Somebody who sleeps in a device.
fn sleeper(
    device: &Device,
    (kind, read): (Kind, bool),
    sleep: fn(File) -> Verdict,
) -> Verdict<thread::JoinHandle<Verdict>> {
    let file = device.open(kind, read, 0)?;
    Ok(thread::spawn(move || sleep(file)))
}

fn unplug(context: &mut Context) -> Verdict {
    let made = made()?;
    let device = &made.device;
    let recorder = Recorder::start(device, "U8")?;
    device.fault("freeze", "1")?;
    let mut reader = device.open(Kind::Drops, true, 0)?;
    let mut writer = device.open(Kind::Drops, false, 0)?;
    let mut sleepers = vec![
        sleeper(device, (Kind::Waits, true), |mut file| {
            is_gone("a sleeping read", file.read(&mut [0; 16]))
        })?,
        sleeper(device, (Kind::Leaves, false), |file| {
            let flags = PollFlags::ERR | PollFlags::HUP;
            let gone = ready(&file, flags, Duration::from_secs(20))?;
            ensure(gone.contains(flags), || {
                "a sleeping poll found nothing".to_owned()
            })
        })?,
        sleeper(device, (Kind::Leaves, false), |file| {
            is_gone(
                "a sleeping fsync",
                (&file).write_all(&[1; 10]).and_then(|()| file.sync_all()),
            )
        })?,
        sleeper(device, (Kind::Waits, false), |mut file| {
            let _ = file.write(&[1; 10]);
            // Sleeps in the close.
            drop(file);
            Ok(())
        })?,
    ];
    // Before there is no room any more: what they wait for is that it leaves.
    wait_for(device, 20)?;
    // It gets as far as there is room, and then sleeps.
    sleepers.push(sleeper(device, (Kind::Waits, false), |mut file| {
        let bytes = vec![1; 100_000];
        let written = file.write_all(&bytes);
        is_gone("a sleeping write", written)
    })?);
    wait_for(device, device.capacity)?;
    ensure(sleepers.iter().all(|thread| !thread.is_finished()), || {
        "somebody did not sleep".to_owned()
    })?;
    let begin = Instant::now();
    device.fault("unplug", "1")?;
    for sleeper in sleepers {
        match sleeper.join() {
            Ok(verdict) => verdict?,
            Err(_) => return fail("somebody who slept has failed"),
        }
    }
    let took = begin.elapsed();
    context.note(format!("all were awake after {took:?}"));
    ensure(took < Duration::from_secs(1), || {
        format!("it took {took:?} until all were awake")
    })?;
    is_gone("a write", writer.write(&[1]))?;
    is_gone("a read", reader.read(&mut [0; 16]))?;
    ensure(!device.is_there(), || "the node is still there".to_owned())?;
    ensure(recorder.finish().is_err(), || {
        "the recording goes on".to_owned()
    })?;
    // Who has a file of it open still is no reason to keep it.
    made.remove()?;
    drop((reader, writer));
    Ok(())
}
