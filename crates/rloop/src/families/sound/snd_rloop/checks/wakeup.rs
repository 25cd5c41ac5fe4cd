// SPDX-License-Identifier: MIT OR Apache-2.0

//! Period wake-ups: there when wanted, never early, as small as 16 frames, and absent when turned off; late only by what
//! the card's `wakeup_slack` allows.

mod expiries;

use std::time::{Duration, Instant};

use crate::alsa::pcm::{Address, Config, Pcm, Stop, frames_time, wait};
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{OrFail, Problem, Verdict, ensure, fail, skip};

pub const CHECKS: &[Plain] = &[
    (
        "wakeup/period",
        "period wake-ups",
        "one wake-up for each period of 10 ms, none early, at both ends",
        period,
    ),
    (
        "wakeup/prompt",
        "period wake-ups",
        "a period's wake-up comes in the frame in which it ends, not in the next",
        prompt,
    ),
    (
        "wakeup/avail-min",
        "period wake-ups",
        "no wait ends before avail_min frames are there, for any avail_min",
        avail_min,
    ),
    (
        "wakeup/16-frames",
        "period wake-ups as small as 16 frames",
        "one wake-up for each 16 frames at 48 kHz",
        sixteen,
    ),
    (
        "wakeup/16-frames-loop",
        "period wake-ups as small as 16 frames",
        "a linked loop with two periods of 16 to 512 frames runs clean for a tenth of a second",
        small_loop,
    ),
    (
        "wakeup/shared",
        "period wake-ups",
        "one expiry of the timer serves both ends of a cable, when a period of both ends",
        expiries::of_both_ends,
    ),
    (
        "wakeup/off",
        "NO_PERIOD_WAKEUP",
        "with period wake-ups off nobody is woken, and the position moves on",
        off,
    ),
    (
        "wakeup/off-tiny-buffer",
        "NO_PERIOD_WAKEUP",
        "a buffer shorter than a jiffy is refused with period wake-ups off: ALSA's core can't handle it",
        off_tiny,
    ),
    (
        "wakeup/off-data",
        "NO_PERIOD_WAKEUP",
        "with period wake-ups off all data arrives, though nobody looks for most of a buffer's time",
        off_data,
    ),
    (
        "wakeup/off-timers",
        "NO_PERIOD_WAKEUP",
        "with period wake-ups off no timer goes off, but where buffers hold more than 32 KiB",
        expiries::of_nobody,
    ),
    (
        "wakeup/slack",
        "wakeup_slack",
        "with a wakeup_slack no wake-up is early, and none later than that",
        slack,
    ),
    (
        "wakeup/slack-shared",
        "wakeup_slack",
        "with a wakeup_slack an interrupt serves the periods of several cables",
        expiries::of_several_cables,
    ),
];

/// Whether this machine and this card may be expected to serve periods of that length.
fn can_serve(context: &Context, interval: Duration) -> Verdict<bool> {
    Ok(context.machine.again().can_serve(interval) && context.wakeup_slack()? * 2 < interval)
}

/// Waits for `count` periods of `pcm` and takes each. Gives how many came with a wait of their own.
fn count_wakeups(pcm: &Pcm, config: &Config, count: u64) -> Verdict<u64> {
    let mut frames = vec![0; config.buffer as usize * config.frame_bytes()];
    let (mut taken, mut punctual) = (0, 0);
    while taken < count * config.period {
        let before = pcm.avail()?;
        let waited = Instant::now();
        let woken = wait(&[pcm], Duration::from_secs(5))?;
        if woken != [true] {
            return fail(format!(
                "{}: not woken for {:?}",
                pcm.address(),
                waited.elapsed()
            ));
        }
        let avail = pcm.avail()?;
        ensure(avail >= config.period, || {
            format!(
                "{}: woken with {avail} frames, one period is {}",
                pcm.address(),
                config.period
            )
        })?;
        if before < config.period && avail < 2 * config.period {
            punctual += 1;
        }
        let part = config.period as usize * config.frame_bytes();
        taken += if pcm.is_playback() {
            pcm.write(&frames[..part])?
        } else {
            pcm.read(&mut frames[..part])?
        };
    }
    Ok(punctual)
}

/// Best of five: a machine can be late, a card that serves its periods can't be late five times.
fn serve(context: &mut Context, config: &Config, count: u64) -> Verdict {
    let cable = context.cable();
    for playback in [true, false] {
        let mut best = 0;
        let mut xrun = None;
        for _ in 0..5 {
            let mut pcm = Pcm::open(if playback {
                cable.playback
            } else {
                cable.capture
            })?;
            pcm.configure(config)?;
            if playback {
                pcm.write(&vec![0; config.buffer as usize * config.frame_bytes()])?;
            }
            pcm.start()?;
            match count_wakeups(&pcm, config, count) {
                Ok(punctual) => best = best.max(punctual),
                Err(Problem::Again(_, text)) => xrun = Some(text),
                Err(other) => return Err(other),
            }
            if best >= count * 9 / 10 {
                break;
            }
        }
        let end = if playback { "playback" } else { "capture" };
        let interval = frames_time(config.period, config.rate);
        let text = format!(
            "{end}: expected {count} periods of {} frames ({interval:?}) with a wake-up each, came {best} at best{}",
            config.period,
            xrun.map_or(String::new(), |x| format!(" ({x})"))
        );
        if best < count * 9 / 10 {
            return if can_serve(context, interval)? {
                fail(text)
            } else {
                skip(format!(
                    "this machine wakes up to {:?} late, the card {:?}: {text}",
                    context.machine.usual,
                    context.wakeup_slack()?
                ))
            };
        }
        context.note(format!("{end} {best}/{count}"));
    }
    Ok(())
}

fn period(context: &mut Context) -> Verdict {
    serve(context, &Config::default().with_buffer(480, 16), 30)
}

fn sixteen(context: &mut Context) -> Verdict {
    serve(context, &Config::default().with_buffer(16, 256), 600)
}

/// A stream that runs, with as much to play as its buffer holds, and room for that.
fn running(address: Address, config: &Config) -> Verdict<(Pcm, Vec<u8>)> {
    let mut pcm = Pcm::open(address)?;
    pcm.configure(config)?;
    let frames = vec![0; config.buffer as usize * config.frame_bytes()];
    if pcm.is_playback() {
        pcm.write(&frames)?;
    }
    pcm.start()?;
    Ok((pcm, frames))
}

/// At 8 kHz, where a frame is long enough (125 µs) for a program to be woken within it.
fn prompt(context: &mut Context) -> Verdict {
    let slack = context.wakeup_slack()?;
    if slack > Duration::ZERO {
        return skip(format!("the card may wake {slack:?} late (wakeup_slack)"));
    }
    let cable = context.cable();
    let config = Config {
        rate: 8_000,
        ..Config::default().with_buffer(40, 16)
    };
    for address in [cable.playback, cable.capture] {
        let (pcm, mut frames) = running(address, &config)?;
        let (mut best, mut count) = (u64::MAX, 0);
        while best > 0 && count < 60 {
            wait(&[&pcm], Duration::from_secs(5))?;
            let avail = pcm.avail()?;
            best = best.min(avail.saturating_sub(config.period));
            let whole = (avail - avail % config.period) as usize * config.frame_bytes();
            if pcm.is_playback() {
                pcm.write(&frames[..whole])?
            } else {
                pcm.read(&mut frames[..whole])?
            };
            count += 1;
        }
        if best == 0 {
            continue;
        }
        let text = format!("{address}: {best} frames (of 125 µs) late at best of {count} wake-ups");
        let late = context.machine.again().usual;
        return if late < frames_time(1, config.rate) / 2 {
            fail(text)
        } else {
            skip(format!("this machine wakes {late:?} late: {text}"))
        };
    }
    Ok(())
}

fn avail_min(context: &mut Context) -> Verdict {
    let cable = context.cable();
    for avail_min in [1, 100, 1024, 1025, 3000] {
        let config = Config {
            avail_min,
            ..context.config()
        };
        let mut recorder = Pcm::open(cable.capture)?;
        recorder.configure(&config)?;
        recorder.start()?;
        let mut frames = vec![0; config.buffer as usize * config.frame_bytes()];
        for _ in 0..3 {
            if wait(&[&recorder], Duration::from_secs(5))? != [true] {
                return fail(format!("avail_min {avail_min}: not woken for 5 s"));
            }
            let avail = recorder.avail()?;
            ensure(avail >= avail_min, || {
                format!("avail_min {avail_min}: woken with {avail} frames")
            })?;
            recorder.read(&mut frames)?;
        }
    }
    Ok(())
}

fn small_loop(context: &mut Context) -> Verdict {
    let cable = context.cable();
    let mut served = Vec::new();
    let mut reason = String::new();
    for period in [16, 32, 64, 128, 256, 512] {
        let config = Config::default().with_buffer(period, 2);
        let total = u64::from(config.rate) / 10;
        let mut last = String::new();
        // A machine may stumble now and then, but not in each of twenty tenths of a second.
        for _ in 0..20 {
            let mut player = context.player(&cable, &config)?;
            let mut recorder = context.recorder(&cable, &config)?;
            player.rehearse(total + 2 * config.buffer);
            player.pcm.link(&recorder.pcm)?;
            player.fill(config.buffer)?;
            player.pcm.start()?;
            match pump(
                Some(&mut player),
                Some(&mut recorder),
                total + 2 * config.buffer,
                total,
            ) {
                Ok(()) => {
                    let trace = recorder.trace(&player.seq, player.written);
                    trace
                        .expect(&[Want::Silence(0..=total), Want::Sequence(0..=0, 1..=total)])
                        .or_fail()?;
                    served.push(period.to_string());
                    last.clear();
                    break;
                }
                Err(Problem::Again(_, text)) => {
                    last = format!("after {} frames: {text}", recorder.frames())
                }
                Err(other) => return Err(other),
            }
        }
        if last.is_empty() {
            continue;
        }
        let interval = frames_time(period, config.rate);
        let text = format!(
            "two periods of {period} frames ({interval:?}): xrun in twenty tries, the last {last}"
        );
        if can_serve(context, interval)? {
            return fail(text);
        }
        reason = text;
    }
    if reason.is_empty() {
        return Ok(());
    }
    skip(format!(
        "this machine wakes {:?} late, the card {:?}: {reason}; clean: {}",
        context.machine.usual,
        context.wakeup_slack()?,
        served.join(" ")
    ))
}

fn off(context: &mut Context) -> Verdict {
    let cable = context.cable();
    let config = context.without_wakeups(&Config {
        stop: Stop::Never,
        ..Config::default().with_buffer(480, 8)
    })?;
    for address in [cable.playback, cable.capture] {
        let mut pcm = Pcm::open(address)?;
        pcm.configure(&config)?;
        if pcm.is_playback() {
            pcm.write(&vec![0; config.buffer as usize * config.frame_bytes()])?;
        }
        let before = pcm.avail()?;
        pcm.start()?;
        let begin = Instant::now();
        let woken = wait(&[&pcm], Duration::from_millis(60))?;
        ensure(woken == [false], || {
            format!("{address}: woken after {:?}", begin.elapsed())
        })?;
        let moved = pcm.avail()? - before;
        ensure(moved >= 48 * 59, || {
            format!("{address}: expected 2880 frames in 60 ms, came {moved}")
        })?;
    }
    Ok(())
}

fn off_data(context: &mut Context) -> Verdict {
    let cable = context.cable();
    let config = context.without_wakeups(&context.config())?;
    let (mut player, mut recorder) = context.linked(&cable, &config)?;
    player.pcm.start()?;
    // Nobody looks for many periods, and nothing must be missing for it.
    std::thread::sleep(frames_time(config.buffer * 3 / 4, config.rate));
    let total = 3 * config.buffer;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        total + 2 * config.buffer,
        total,
    )?;
    recorder.has_heard(&player, total)
}

/// With period wake-ups off ALSA's core counts missed buffers in jiffies, and where a buffer is
/// shorter than one it never ends to count, with interrupts off (`snd_pcm_update_hw_ptr0`, Linux
/// 6.18 to 7.2). A driver has to refuse such buffers. Nothing is started here: it would hang.
fn off_tiny(context: &mut Context) -> Verdict {
    let cable = context.cable();
    // 167 µs; a jiffy is 1 ms at least.
    let config = context.without_wakeups(&Config {
        rate: 192_000,
        ..Config::default().with_buffer(16, 2)
    })?;
    for address in [cable.playback, cable.capture] {
        let mut pcm = Pcm::open(address)?;
        match pcm.configure(&config) {
            Err(e) if e.errno == libc::EINVAL => {}
            Err(e) => return fail(format!("{address}: expected EINVAL, came: {e}")),
            Ok(_) => {
                return fail(format!(
                    "{address}: expected EINVAL for 32 frames at 192 kHz, came success"
                ));
            }
        }
    }
    Ok(())
}

/// The slack, where there is one.
fn some_slack(context: &Context) -> Verdict<Duration> {
    match context.wakeup_slack()? {
        Duration::ZERO => skip("the card has no wakeup_slack"),
        slack => Ok(slack),
    }
}

/// At 8 kHz, as [`prompt`].
fn slack(context: &mut Context) -> Verdict {
    let slack = some_slack(context)?;
    let cable = context.cable();
    let config = Config {
        rate: 8_000,
        stop: Stop::Never,
        ..Config::default().with_buffer(400, 16)
    };
    for address in [cable.playback, cable.capture] {
        let (pcm, mut frames) = running(address, &config)?;
        let (mut worst, mut late) = (0, Vec::new());
        for _ in 0..20 {
            ensure(wait(&[&pcm], Duration::from_secs(5))? == [true], || {
                format!("{address}: not woken for 5 s")
            })?;
            let avail = pcm.avail()?;
            ensure(avail >= config.period, || {
                format!(
                    "{address}: woken with {avail} frames, one period is {}",
                    config.period
                )
            })?;
            worst = worst.max(avail - config.period);
            late.push(avail - config.period);
            let part = config.period as usize * config.frame_bytes();
            if pcm.is_playback() {
                pcm.write(&frames[..part])?
            } else {
                pcm.read(&mut frames[..part])?
            };
        }
        // To the frame in which it ends, and what the machine itself needs.
        let machine = context.machine.again();
        let most = slack + frames_time(2, config.rate) + machine.worst * 2;
        context.note(format!(
            "{address}: up to {:?} late",
            frames_time(worst, config.rate)
        ));
        if frames_time(worst, config.rate) > most {
            let text =
                format!("{address}: expected up to {most:?}, came frames {late:?} of 125 µs");
            return fail(text);
        }
    }
    Ok(())
}
