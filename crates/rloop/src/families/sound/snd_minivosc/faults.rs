// SPDX-License-Identifier: MIT OR Apache-2.0

//! Faults on demand: each does what it says, as often as asked for, and ends.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rig::check::Plain;
use rig::run::Context as _;
use rig::verdict::{Blame, Problem, Verdict, Within as _, ensure, fail};

use super::Context;
use super::own_card::OwnCard;
use super::take::{SINE, Wanted, read, runs};
use crate::alsa::pcm::{Config, Pcm, State, Stop, frames_time, time_frames, wait};
use crate::alsa::signal::Format;
use crate::kernel::faults::Faults;

pub const CHECKS: &[Plain<Context>] = &[
    (
        "faults/drop",
        "faults on demand",
        "of a recording that runs the next 7 frames are missing, at one place, and no other",
        |context| damaged(context, "drop", 7),
    ),
    (
        "faults/double",
        "faults on demand",
        "of a recording that runs the next 3 frames come twice, and no other",
        |context| damaged(context, "double", 3),
    ),
    (
        "faults/flip",
        "faults on demand",
        "of a recording that runs the next 5 frames have a bit inverted, in one channel, and no other",
        |context| damaged(context, "flip", 5),
    ),
    (
        "faults/freeze",
        "faults on demand",
        "while the clock stands still no frame comes, and then it goes on with the next",
        freeze,
    ),
    (
        "faults/jitter",
        "faults on demand",
        "wake-ups come up to 200 ms late, and change nothing in what is recorded",
        jitter,
    ),
    (
        "faults/xrun",
        "faults on demand",
        "a stream that runs has an xrun, and then starts anew with frame 0",
        xrun,
    ),
    (
        "faults/refused",
        "faults on demand",
        "what is no such fault is refused with EINVAL",
        refused,
    ),
    (
        "faults/unplug",
        "a card can go at any time",
        "a card that is pulled out wakes who waits for it, gives ENODEV from then on, and can be made anew",
        unplug,
    ),
];

/// The faults of the card of `pcm`.
fn faults(pcm: &Pcm) -> Verdict<Faults> {
    Faults::of("snd_minivosc", &format!("card{}", pcm.address().card))
}

/// A card whose frames carry their numbers in both channels, recorded from.
fn counting(context: &Context) -> Verdict<(OwnCard, Pcm, Config)> {
    let (card, mut pcm) = OwnCard::open(&[("waveform", "counter")])?;
    let config = Config {
        format: Format::named("S32_LE")?,
        channels: 2,
        ..Config::default()
    }
    .with_buffer(240 * context.scale, 8);
    pcm.configure(&config)?;
    Ok((card, pcm, config))
}

/// The numbers that so many frames carry, in each channel.
fn numbers(pcm: &Pcm, config: &Config, frames: u64) -> Verdict<Vec<[u32; 2]>> {
    let bytes = read(pcm, config, frames, 100)?;
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .rev()
            .fold(0, |n, byte| (n << 8) | u32::from(*byte))
    };
    let frames = bytes.chunks_exact(8);
    Ok(frames.map(|f| [number(&f[..4]), number(&f[4..])]).collect())
}

/// What the frames after `before` must be, the fault having hit from the frame `at` on.
fn wanted(fault: &str, count: u32, before: u32, at: u32, frames: u32) -> Vec<[u32; 2]> {
    let number = |n: u32| match (fault, n.checked_sub(at)) {
        (_, None) => [n; 2],
        ("drop", _) => [n + count; 2],
        ("double", Some(after)) if after < 2 * count => [at + after / 2; 2],
        ("double", _) => [n - count; 2],
        ("flip", Some(after)) if after < count => [n ^ (1 << 16), n],
        _ => [n; 2],
    };
    (before..before + frames).map(number).collect()
}

fn damaged(context: &mut Context, fault: &str, count: u32) -> Verdict {
    let (_card, pcm, config) = counting(context)?;
    pcm.start()?;
    let begin = numbers(&pcm, &config, 300)?;
    ensure(begin == wanted("none", 0, 0, 0, 300), || {
        "the frames do not carry their numbers".to_owned()
    })?;
    faults(&pcm)?.ask(fault, &count.to_string())?;
    let frames = config.buffer as u32 + 500;
    let got = numbers(&pcm, &config, frames.into())?;
    // Those that had been made before it was asked for are as they should be.
    let whole = (300..)
        .zip(&got)
        .take_while(|(n, frame)| **frame == [*n; 2]);
    let after = whole.count() as u32;
    ensure(after < frames, || {
        format!("nothing happened in {frames} frames")
    })?;
    // The first of two that are the same is as it should be, too.
    let at = 300 + after - u32::from(fault == "double");
    let expected = wanted(fault, count, 300, at, frames);
    let other = got
        .iter()
        .zip(&expected)
        .position(|(got, want)| got != want);
    ensure(other.is_none(), || {
        let n = other.unwrap_or(0);
        format!(
            "{count} frames from {at} on: frame {} is {:?} and should be {:?}",
            n + 300,
            got[n],
            expected[n]
        )
    })?;
    let left = faults(&pcm)?.left(fault)?;
    ensure(left == "0", || format!("{left} of {count} are left"))?;
    context.note(format!("from frame {at} on"));
    Ok(())
}

fn freeze(context: &mut Context) -> Verdict {
    let (_card, pcm, config) = counting(context)?;
    pcm.start()?;
    let first = numbers(&pcm, &config, 300)?;
    faults(&pcm)?.ask("freeze", "1")?;
    ensure(faults(&pcm)?.left("freeze")? == "1", || {
        "it does not say that it stands still".to_owned()
    })?;
    let before = pcm.avail()?;
    thread::sleep(frames_time(2 * config.buffer, config.rate));
    let after = pcm.avail()?;
    let resumed = Instant::now();
    faults(&pcm)?.ask("freeze", "0")?;
    ensure(before == after, || {
        format!("{before} frames were there when it stood still, {after} later")
    })?;
    let came = pcm.avail()? - before;
    let most = time_frames(resumed.elapsed(), config.rate) + 1.0;
    ensure(came as f64 <= most, || {
        format!("{came} frames came within {most:.1} frames' time")
    })?;
    let frames = config.buffer as u32;
    let second = numbers(&pcm, &config, frames.into())?;
    let all = [first, second].concat();
    ensure(all == wanted("none", 0, 0, 0, 300 + frames), || {
        "a frame is missing or doubled where it stood still".to_owned()
    })
}

/// The worst lateness of 100 wake-ups, and whether all frames are there.
fn latest(pcm: &Pcm, config: &Config) -> Verdict<Duration> {
    pcm.prepare()?;
    let begin = Instant::now();
    pcm.start()?;
    let (mut worst, mut all) = (Duration::ZERO, Vec::new());
    while all.len() < 100 * config.period as usize {
        let due = frames_time(all.len() as u64 + config.period, config.rate);
        let ready = wait(&[pcm], Duration::from_secs(5))?;
        ensure(ready == [true], || "no wake-up came for 5 s".to_owned())?;
        worst = worst.max(begin.elapsed().saturating_sub(due));
        all.extend(numbers(pcm, config, config.period)?);
    }
    ensure(all == wanted("none", 0, 0, 0, all.len() as u32), || {
        "what was recorded is not the same".to_owned()
    })?;
    pcm.stop()?;
    Ok(worst)
}

fn jitter(context: &mut Context) -> Verdict {
    let (_card, mut pcm, config) = counting(context)?;
    let config = config.with_buffer(480, 100);
    pcm.configure(&config)?;
    let usual = latest(&pcm, &config)?;
    faults(&pcm)?.ask("jitter", "200000")?;
    let late = latest(&pcm, &config)?;
    let note = format!("at most {late:?} late, else {usual:?}");
    faults(&pcm)?.ask("jitter", "0")?;
    // That none of 100 is by more than a quarter of what they may be is no chance.
    ensure(late >= Duration::from_millis(50), || note.clone())?;
    if late > usual + Duration::from_millis(250) {
        return Err(Problem::Again(Blame::Either, note));
    }
    context.note(note);
    Ok(())
}

fn xrun(context: &mut Context) -> Verdict {
    let (_card, mut pcm) = OwnCard::open(&[])?;
    // It has none of its own.
    let config = Config {
        stop: Stop::Never,
        ..Config::default()
    };
    let config = config.with_buffer(4_800 * context.scale, 4);
    pcm.configure(&config)?;
    let wanted = Wanted::new(&config, SINE, &[])?;
    // It does not run: nothing happens, then or later.
    faults(&pcm)?.ask("xrun", "capture")?;
    for round in 0..3 {
        pcm.start()?;
        let bytes = read(&pcm, &config, 1_000, 100)?;
        wanted
            .check(&bytes, 0)
            .within(|| format!("start {round}"))?;
        runs(&pcm)?;
        faults(&pcm)?.ask("xrun", "capture")?;
        let end = Instant::now() + Duration::from_secs(1);
        while pcm.state() == State::Running && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
        let state = pcm.state();
        ensure(state == State::Xrun, || {
            format!("after it the stream is {state:?}")
        })?;
        let errno = pcm.avail().err().map(|e| e.errno);
        ensure(errno == Some(libc::EPIPE), || {
            format!("after it the position gave {errno:?}, EPIPE is due")
        })?;
        pcm.prepare()?;
    }
    Ok(())
}

fn refused(context: &mut Context) -> Verdict {
    let (_card, pcm, _) = counting(context)?;
    let bad = [
        // What gets lost takes no time.
        ("drop", "2/3 1"),
        ("freeze", "2"),
        ("jitter", "1000001"),
        ("xrun", "playback"),
        ("unplug", "0"),
        ("unplug", "y"),
    ];
    let faults = faults(&pcm)?;
    faults.refuse_no_plans(&["drop", "double", "flip"])?;
    faults.refuse(&bad)
}

fn unplug(context: &mut Context) -> Verdict {
    let (card, pcm, config) = counting(context)?;
    let node = PathBuf::from(format!("/dev/snd/controlC{}", pcm.address().card));
    faults(&pcm)?.ask("freeze", "1")?;
    pcm.start()?;
    let unplug = faults(&pcm)?.file("unplug");
    let puller = thread::spawn(move || {
        thread::sleep(Duration::from_millis(200));
        let begin = Instant::now();
        fs::write(unplug, "1").map(|()| begin)
    });
    wait(&[&pcm], Duration::from_secs(20))?;
    let woken = Instant::now();
    let woken = match puller.join() {
        Ok(Ok(begin)) => woken.saturating_duration_since(begin),
        Ok(Err(e)) => return fail(format!("it can't be pulled out: {e}")),
        Err(_) => return fail("who pulled it out has failed"),
    };
    ensure(woken < Duration::from_secs(1), || {
        format!("who waited was woken after {woken:?}")
    })?;
    for (what, result) in [
        ("the position", pcm.avail().map(|_| ())),
        (
            "a read",
            pcm.read(&mut vec![0; config.frame_bytes()]).map(|_| ()),
        ),
        ("a start", pcm.prepare()),
    ] {
        let errno = result.err().map(|e| e.errno);
        ensure(errno == Some(libc::ENODEV), || {
            format!("{what} gave {errno:?}, ENODEV is due")
        })?;
    }
    // Somebody who has it open is the last to keep it.
    ensure(Pcm::open(pcm.address()).is_err(), || {
        "it can be opened again".to_owned()
    })?;
    drop(pcm);
    ensure(!node.exists(), || {
        format!("{} is still there", node.display())
    })?;
    card.want("enable", "0")?;
    let mut pcm = Pcm::open(card.enable()?)?;
    pcm.configure(&config)?;
    pcm.start()?;
    let frames = numbers(&pcm, &config, 300)?;
    ensure(frames == wanted("none", 0, 0, 0, 300), || {
        "made anew, its frames are not the same".to_owned()
    })
}
