// SPDX-License-Identifier: MIT OR Apache-2.0

//! Time stamps.

use std::time::Duration;

use super::said::{USUAL, go_on, judge_all, judge_now, open, set_delay};
use crate::alsa::pcm::{Snapshot, frames_time, time_frames};
use crate::families::sound::loopback::elements::{PITCH, set};
use crate::families::sound::snd_rloop::checks::delay::delayed;
use crate::families::sound::snd_rloop::checks::pitch::NOMINAL;
use crate::families::sound::snd_rloop::context::Context;
use rig::run::Context as _;
use rig::verdict::{Verdict, Within, ensure, fail};

/// A frame, and when it is heard by what was said before.
struct Told {
    heard_as: u64,
    at: Duration,
}

pub fn heard_when(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let at = context.cable().playback;
        set_delay(context, ctl, USUAL)?;
        let mut result = Ok(());
        for percent in [80, 100, 125] {
            set(ctl, PITCH, at, NOMINAL / 100 * percent)?;
            result = result.and(
                at_pitch(context, f64::from(percent) / 100.0)
                    .within(|| format!("a pitch of {percent} %")),
            );
        }
        set(ctl, PITCH, at, NOMINAL)?;
        result
    })
}

/// Frames of which each may be off by two readings, of a frame each.
const SLACK: f64 = 2.0;

fn at_pitch(context: &mut Context, pitch: f64) -> Verdict {
    let config = context.config();
    let (mut player, mut recorder) = open(context, &config)?;
    player.pcm.start()?;
    let time = |frames: i64| {
        Duration::from_secs_f64(frames.max(0) as f64 / (f64::from(config.rate) * pitch))
    };
    let (mut told, mut came): (Vec<Told>, Vec<(u64, Duration)>) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        // ALSA gives no time stamp before the position has moved for the first time.
        go_on(&mut player, &mut recorder, config.period)?;
        let now = player.pcm.snapshot()?;
        told.push(Told {
            heard_as: player.written + USUAL,
            at: now.now + time(now.delay),
        });
        let now = recorder.pcm.snapshot()?;
        came.push((recorder.frames() + now.avail, now.now));
    }
    let (mut judged, mut off, mut worst) = (0, 0, 0f64);
    for told in &told {
        let Some((position, now)) = came.iter().find(|(frames, _)| *frames >= told.heard_as) else {
            continue;
        };
        let at = *now - time((position - told.heard_as) as i64);
        let early = at.saturating_sub(told.at).max(told.at.saturating_sub(at));
        let early = time_frames(early, config.rate) * pitch;
        judged += 1;
        worst = worst.max(early);
        off += u32::from(early > SLACK);
    }
    ensure(judged >= 10, || {
        format!("only {judged} frames were heard in time")
    })?;
    // A virtual machine may be held up between two readings inside the kernel, but not often.
    ensure(off * 10 <= judged, || {
        format!(
            "{off} of {judged} frames are heard more than {SLACK} frames' time off what was said, {worst:.1} at worst"
        )
    })?;
    context.note(format!("off by {worst:.1} frames' time at worst"));
    judge_all(&player, &recorder, USUAL)
}

pub fn audio_time(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let config = context.config();
        for delay in [0, USUAL] {
            set_delay(context, ctl, delay)?;
            let (mut player, mut recorder) = open(context, &config)?;
            player.pcm.start()?;
            // Before that nothing has been heard, and ALSA's core takes the difference for a large number.
            go_on(&mut player, &mut recorder, delay + config.period)?;
            for less in [0, delay] {
                let (now, position) = if less == 0 {
                    let now = player.pcm.snapshot()?;
                    (now, player.written + now.avail - config.buffer)
                } else {
                    let now = player.pcm.snapshot_less_delay()?;
                    (now, player.written + now.avail - config.buffer - delay)
                };
                let want = frames_time(position, config.rate);
                ensure(now.audio == want, || {
                    format!(
                        "a delay of {delay} frames, less {less}: expected the audio time {want:?} of {position} frames, came {:?}",
                        now.audio
                    )
                })?;
            }
            for now in [
                recorder.pcm.snapshot()?,
                recorder.pcm.snapshot_less_delay()?,
            ] {
                let position = recorder.frames() + now.avail;
                let want = frames_time(position, config.rate);
                ensure(now.audio == want, || {
                    format!(
                        "the recorder, with a delay of {delay}: expected the audio time {want:?} of {position} frames, came {:?}",
                        now.audio
                    )
                })?;
            }
        }
        Ok(())
    })
}

/// What the position and the time stamps of a stream say while its clock stands still.
pub fn frozen(context: &mut Context, freeze: impl Fn(bool) -> Verdict) -> Verdict {
    let config = context.config();
    let (mut player, mut recorder) = open(context, &config)?;
    player.pcm.start()?;
    go_on(&mut player, &mut recorder, config.period)?;
    let rate = config.rate;
    freeze(true)?;
    let judged = (|| -> Verdict {
        for pcm in [&player.pcm, &recorder.pcm] {
            let (first, delay) = (pcm.snapshot()?, pcm.delay()?);
            std::thread::sleep(frames_time(config.period, rate));
            let (last, later) = (pcm.snapshot()?, pcm.delay()?);
            let what = |s: &Snapshot| (s.state, s.avail, s.delay, s.audio, s.now);
            // The time stamp stays that of the last position: both together remain true.
            ensure(what(&first) == what(&last) && delay == later, || {
                format!("{}: {first:?}, and later {last:?}", pcm.address())
            })?;
            ensure(first.delay == delay, || {
                format!(
                    "{}: snd_pcm_status says a delay of {}, snd_pcm_delay {delay}",
                    pcm.address(),
                    first.delay
                )
            })?;
        }
        Ok(())
    })();
    let before = player.pcm.snapshot();
    freeze(false)?;
    judged?;
    let before = before?;
    go_on(&mut player, &mut recorder, config.period)?;
    judge_now(context, &player, &recorder, 0)?;
    judge_all(&player, &recorder, 0)?;
    let after = player.pcm.snapshot()?;
    match after.now > before.now {
        true => Ok(()),
        false => fail("the time stamp still stands after the clock has gone on"),
    }
}
