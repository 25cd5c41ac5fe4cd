// SPDX-License-Identifier: MIT OR Apache-2.0

//! The pitch of a cable's clock, by each of its names.

use std::thread;
use std::time::{Duration, Instant};

use alsa::ctl::{Ctl, ElemType};

use super::controls::shown;
use crate::alsa::pcm::{Address, Config, Pcm, Stop, frames_time, time_frames, wait};
use crate::families::sound::loopback::elements::{
    CAPTURE_PITCH, PITCH, PLAYBACK_PITCH, RATE_SHIFT, Told, error, events_since, open_own, set,
    told, value,
};
use crate::families::sound::loopback::ends::describe;
use crate::families::sound::loopback::{Cable, Card};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{Verdict, Within, ensure, fail, skip};

pub const CHECKS: &[Plain] = &[
    (
        "controls/pitch",
        "pitch in 1 ppm steps",
        "all names of the pitch are of one value, each change has its events, and what is not allowed is refused",
        pitch,
    ),
    (
        "controls/pitch-found",
        "no program changes a cable that it does not use",
        "who looks for a pitch by the UAC2 gadget's names alone finds that of the card's only cable, or none",
        found,
    ),
    (
        "controls/pitch-effect",
        "pitch in 1 ppm steps",
        "the position follows the pitch at once, to the frame, from 80 to 120 %",
        pitch_effect,
    ),
    (
        "controls/pitch-own",
        "pitch in 1 ppm steps",
        "each cable has a pitch of its own",
        own,
    ),
    (
        "controls/pitch-kept",
        "pitch in 1 ppm steps",
        "a pitch that is set while nothing runs is in effect from the start",
        kept,
    ),
    (
        "controls/pitch-wakeup",
        "pitch in 1 ppm steps",
        "a period ends as much earlier as the pitch is raised, and its wake-up comes then",
        wakeup,
    ),
    (
        "controls/pitch-drain",
        "drain",
        "ALSA does not give up a drain for a clock that is slow, even with one period in the buffer, or a program that wants to be woken late",
        drain,
    ),
];

/// The nominal rate.
pub(super) const NOMINAL: i32 = 1_000_000;

/// Runs a check; whatever has come of it, the others want the nominal rate.
fn at_nominal(context: &mut Context, check: impl FnOnce(&mut Context, &Ctl) -> Verdict) -> Verdict {
    let ctl = open_own(&context.card)?;
    let result = check(context, &ctl);
    for cable in context.card.cables() {
        set(&ctl, PITCH, cable.playback, NOMINAL)?;
    }
    result
}

/// The names of a cable's pitch.
fn names(card: &Card, cable: &Cable) -> Vec<(&'static str, Address)> {
    let mut names = vec![(PITCH, cable.playback)];
    if card.cables().len() > 1 {
        names.push((RATE_SHIFT, cable.capture));
    } else {
        names.push((PLAYBACK_PITCH, cable.playback));
        let readers = card.readers();
        names.extend(readers.iter().map(|end| (CAPTURE_PITCH, end.capture)));
    }
    names
}

fn pitch(context: &mut Context) -> Verdict {
    at_nominal(context, pitches)
}

fn pitches(context: &mut Context, ctl: &Ctl) -> Verdict {
    let cable = context.cable();
    let names = names(&context.card, &cable);
    // A rate shift is the time that a frame takes, hence the greater the slower.
    let said = |name, pitch: i32, shift| if name == RATE_SHIFT { shift } else { pitch };
    ctl.subscribe_events(true)
        .map_err(error("control events"))?;
    for &(name, at) in &names {
        for (pitch, shift) in [
            (1_250_000, 80_000),
            (833_333, 120_000),
            (1_000_010, 99_999),
            (999_990, 100_001),
        ] {
            set(ctl, name, at, said(name, pitch, shift))?;
            for &(other, at) in &names {
                let came = value(ctl, other, ElemType::Integer, at)?;
                ensure(came == said(other, pitch, shift), || {
                    format!("\"{name}\" set to {pitch} millionths: \"{other}\" of {at} is {came}")
                })?;
            }
            let shown = shown(context, &cable)?.rate_shift;
            ensure(shown == u32::try_from(shift).ok(), || {
                format!("\"{name}\" set to {pitch} millionths: cable#N shows {shown:?}")
            })?;
        }
        let least = said(name, 800_000, 80_000);
        let most = said(name, 1_250_000, 120_000);
        for (number, what) in [(least - 1, "less"), (most + 1, "more")] {
            ensure(set(ctl, name, at, number).is_err(), || {
                format!("\"{name}\": {number} is accepted, {what} than is allowed")
            })?;
        }
    }
    for &(name, at) in names.iter().filter(|(name, _)| *name == RATE_SHIFT) {
        set(ctl, PITCH, cable.playback, 999_999)?;
        let came = value(ctl, name, ElemType::Integer, at)?;
        ensure(came == 100_000, || {
            format!("999999 millionths: expected \"{name}\" 100000, which is nearest, came {came}")
        })?;
    }
    // A millionth is none of snd-aloop's hundred-thousandths: that element has not changed.
    set(ctl, PITCH, cable.playback, 1_000_000)?;
    events_since(ctl)?;
    set(ctl, PITCH, cable.playback, 1_000_001)?;
    let events = events_since(ctl)?;
    // Programs take the event of a value for that of the element that they have just written to.
    let others = names.iter().map(|(name, _)| *name);
    let mut others: Vec<&str> = others
        .filter(|name| ![PITCH, RATE_SHIFT].contains(name))
        .collect();
    others.sort_unstable();
    for (what, kind, want) in [
        ("its value", Told::Value, vec![PITCH]),
        ("another name of it", Told::Info, others),
    ] {
        let came = told(&events, kind);
        ensure(came == want, || {
            format!("one millionth more: expected the event of {what}, {want:?}, came {came:?}")
        })?;
    }
    set(ctl, PITCH, cable.playback, 1_000_001)?;
    let count = events_since(ctl)?.len();
    ensure(count == 0, || {
        format!("the same pitch again: expected no event, came {count}")
    })
}

/// Does what PipeWire does: it looks for these names, with no device and no subdevice, and where it finds one
/// sets it to the nominal rate. To each cable its own pitch, so that any that changes shows.
fn found(context: &mut Context) -> Verdict {
    at_nominal(context, |context, ctl| {
        let cables = context.card.cables();
        let single = cables.len() == 1;
        let anywhere = Address {
            device: 0,
            subdevice: 0,
            ..context.cable().playback
        };
        for name in [CAPTURE_PITCH, PLAYBACK_PITCH] {
            for (cable, pitch) in cables.iter().zip(NOMINAL + 1..) {
                set(ctl, PITCH, cable.playback, pitch)?;
            }
            let finds = set(ctl, name, anywhere, NOMINAL).is_ok();
            ensure(finds == single, || {
                let some = if finds { "an" } else { "no" };
                format!("{} cables, but {some} element \"{name}\"", cables.len())
            })?;
            for (cable, pitch) in cables.iter().zip(NOMINAL + 1..) {
                let want = if single { NOMINAL } else { pitch };
                let at = cable.playback;
                let came = value(ctl, PITCH, ElemType::Integer, at)?;
                ensure(came == want, || {
                    format!("\"{name}\" set to {NOMINAL}: expected {want} for {at}, came {came}")
                })?;
            }
        }
        Ok(())
    })
}

fn pitch_effect(context: &mut Context) -> Verdict {
    at_nominal(context, pitch_effects)
}

/// A stream at the highest rate is asked for its position right before and after a new pitch, and
/// again when that has been in effect for a while.
fn pitch_effects(context: &mut Context, ctl: &Ctl) -> Verdict {
    let cable = context.cable();
    let rate = *context.space.rate.end();
    let config = Config {
        rate,
        stop: Stop::Never,
        ..Config::default()
    }
    .with_buffer(u64::from(rate) / 8, 8);
    let mut pcm = Pcm::open(cable.capture)?;
    pcm.configure(&config)?;
    pcm.start()?;
    let read = || -> Verdict<(Instant, u64, Instant)> {
        let before = Instant::now();
        let frame = pcm.avail()?;
        Ok((before, frame, Instant::now()))
    };
    let mut old = 1_000_000;
    for new in [1_200_000, 800_000, 1_000_001, 999_999] {
        let first = read()?;
        let setting = Instant::now();
        set(ctl, PITCH, cable.playback, new)?;
        let set = Instant::now();
        thread::sleep(Duration::from_millis(400));
        let last = read()?;
        let frames = |time: Duration, pitch: i32| time_frames(time, rate) * f64::from(pitch) / 1e6;
        // At the old pitch until some moment of the call, at the new one from there on.
        let bound = |begin: Instant, end: Instant, change: Instant| {
            frames(change - begin, old) + frames(end - change, new)
        };
        let changes = [setting, set];
        let low = changes.map(|change| bound(first.2, last.0, change));
        let high = changes.map(|change| bound(first.0, last.2, change));
        let (low, high) = (low[0].min(low[1]) - 1.0, high[0].max(high[1]) + 1.0);
        let came = (last.1 - first.1) as f64;
        ensure(came >= low && came <= high, || {
            format!("pitch {old}, then {new}: expected {low:.1} to {high:.1} frames, came {came}")
        })?;
        context.note(format!(
            "{new}: ±{:.1} frames of {came}",
            (high - low) / 2.0
        ));
        old = new;
    }
    Ok(())
}

fn own(context: &mut Context) -> Verdict {
    at_nominal(context, |context, ctl| {
        let cables = context.card.cables();
        for (cable, pitch) in cables.iter().zip(NOMINAL + 1..) {
            set(ctl, PITCH, cable.playback, pitch)?;
        }
        for (cable, want) in cables.iter().zip(NOMINAL + 1..) {
            let at = cable.playback;
            let came = value(ctl, PITCH, ElemType::Integer, at)?;
            ensure(came == want, || {
                format!("\"{PITCH}\" of {at}: expected {want}, came {came}")
            })?;
        }
        Ok(())
    })
}

fn kept(context: &mut Context) -> Verdict {
    at_nominal(context, |context, ctl| {
        let cable = context.cable();
        let rate = *context.space.rate.end();
        let config = Config {
            rate,
            stop: Stop::Never,
            ..Config::default()
        }
        .with_buffer(u64::from(rate) / 8, 8);
        for pitch in [800_000, 1_200_000] {
            set(ctl, PITCH, cable.playback, pitch)?;
            let mut pcm = Pcm::open(cable.capture)?;
            pcm.configure(&config)?;
            let starting = Instant::now();
            pcm.start()?;
            let started = Instant::now();
            thread::sleep(Duration::from_millis(200));
            let asking = Instant::now();
            let came = pcm.avail()? as f64;
            let frames = |time: Duration| time_frames(time, rate) * f64::from(pitch) / 1e6;
            let (low, high) = (
                frames(asking - started) - 1.0,
                frames(starting.elapsed()) + 1.0,
            );
            ensure(came >= low && came <= high, || {
                format!("pitch {pitch}: expected {low:.1} to {high:.1} frames, came {came}")
            })?;
        }
        Ok(())
    })
}

/// A timer that was armed at the slowest pitch and stays so at the fastest goes off half a period
/// late; an eighth is allowed, at the best of five tries.
fn wakeup(context: &mut Context) -> Verdict {
    at_nominal(context, |context, ctl| {
        let cable = context.cable();
        let config = Config {
            stop: Stop::Never,
            ..Config::default().with_buffer(24_000, 2)
        };
        let allowed = config.period / 8;
        for address in [cable.playback, cable.capture] {
            let mut best = u64::MAX;
            for _ in 0..5 {
                set(ctl, PITCH, cable.playback, 800_000)?;
                let mut pcm = Pcm::open(address)?;
                pcm.configure(&config)?;
                if pcm.is_playback() {
                    pcm.write(&vec![0; config.buffer as usize * config.frame_bytes()])?;
                }
                pcm.start()?;
                set(ctl, PITCH, cable.playback, 1_200_000)?;
                wait(&[&pcm], Duration::from_secs(5))?;
                let avail = pcm.avail()?;
                ensure(avail >= config.period, || {
                    format!("{address}: woken with {avail} frames of {}", config.period)
                })?;
                best = best.min(avail - config.period);
                if best < allowed {
                    break;
                }
            }
            if best >= allowed {
                let text = format!(
                    "{address}: woken {best} frames late at best, of a period of {}",
                    config.period
                );
                let late = context.machine.again().worst;
                return if late < frames_time(allowed, config.rate) {
                    fail(text)
                } else {
                    skip(format!("this machine wakes up to {late:?} late: {text}"))
                };
            }
        }
        Ok(())
    })
}

fn drain(context: &mut Context) -> Verdict {
    at_nominal(context, |context, ctl| {
        let cable = context.cable();
        set(ctl, PITCH, cable.playback, 800_000)?;
        // ALSA's patience is 1.1 buffers, and this one takes 1.25 to play. Whoever asks for much room is not woken by
        // the periods on the way.
        let one = Config::default().with_buffer(24_000, 1);
        let late = Config {
            avail_min: 24_000,
            ..Config::default().with_buffer(6_000, 4)
        };
        for config in [one, late] {
            let mut player = context.player(&cable, &config)?;
            player.fill(config.buffer)?;
            player.pcm.start()?;
            player.pcm.drain().within(|| describe(&config))?;
        }
        Ok(())
    })
}
