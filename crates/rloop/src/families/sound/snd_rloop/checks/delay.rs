// SPDX-License-Identifier: MIT OR Apache-2.0

//! The adjustable delay of a cable.

use alsa::Ctl;

use super::pause::contiguous;
use crate::alsa::pcm::Config;
use crate::alsa::signal::trace::Want;
use crate::alsa::signal::{Format, Piece};
use crate::families::sound::loopback::elements::{DELAY, open_own, set, timed};
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{OrFail, Verdict, Within, ensure};

pub const CHECKS: &[Plain] = &[
    (
        "delay/exact",
        "adjustable delay",
        "linked ends are apart by exactly the frames of the delay, from 1 to a second of them",
        exact,
    ),
    (
        "delay/changed",
        "adjustable delay",
        "changed while frames run, up and down, it loses none: silence comes in, and is caught up with",
        changed,
    ),
    (
        "delay/drain",
        "adjustable delay",
        "a drain returns when the last frame has been heard, as late as that is",
        drain,
    ),
    (
        "delay/limits",
        "adjustable delay",
        "10 s at the cable's rate is the longest, more is refused",
        limits,
    ),
    (
        "delay/memory",
        "adjustable delay",
        "delays take 64 MiB of memory for a cable and 128 MiB for a card at most, more is refused",
        memory,
    ),
];

/// Runs a check; whatever has come of it, the others want no delay.
pub(super) fn delayed(
    context: &mut Context,
    check: impl FnOnce(&mut Context, &Ctl) -> Verdict,
) -> Verdict {
    let ctl = open_own(&context.card)?;
    let result = check(context, &ctl);
    for cable in context.card.cables() {
        set(&ctl, DELAY, cable.playback, 0)?;
    }
    result
}

fn exact(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let (cable, config) = (context.cable(), context.config());
        for delay in [1, 1023, 1024, 1025, 48_000] {
            set(ctl, DELAY, cable.playback, delay)?;
            let mut player = context.player(&cable, &config)?;
            let mut recorder = context.recorder(&cable, &config)?;
            let delay = delay.unsigned_abs().into();
            let heard = delay + 2 * config.buffer;
            player.rehearse(heard + config.buffer);
            player.pcm.link(&recorder.pcm)?;
            player.fill(config.buffer)?;
            player.pcm.start()?;
            let written = heard + config.buffer;
            pump(Some(&mut player), Some(&mut recorder), written, heard)?;
            let trace = recorder.trace(&player.seq, player.written);
            let frames = heard - delay;
            trace
                .expect(&[
                    Want::Silence(delay..=delay),
                    Want::Sequence(0..=0, frames..=frames),
                ])
                .or_fail()
                .within(|| format!("a delay of {delay} frames"))?;
        }
        Ok(())
    })
}

fn changed(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let (cable, config) = (context.cable(), context.config());
        let mut player = context.player(&cable, &config)?;
        let mut recorder = context.recorder(&cable, &config)?;
        let step = 2 * config.buffer;
        player.rehearse(16 * step);
        player.pcm.link(&recorder.pcm)?;
        player.fill(config.buffer)?;
        player.pcm.start()?;
        for delay in [0, 500, 1500, 700, 0] {
            set(ctl, DELAY, cable.playback, delay)?;
            // To catch up with one frame takes eight.
            let heard = recorder.frames() + step.max(8 * 1500);
            let most = player.written + 4 * step;
            pump(Some(&mut player), Some(&mut recorder), most, heard)?;
        }
        let trace = recorder.trace(&player.seq, player.written);
        contiguous(&trace)?;
        let silence = recorder.frames() - trace.sequence_frames();
        ensure(silence == 1500, || {
            format!("expected 1500 frames of silence in all, came {silence}: {trace}")
        })?;
        let damaged = trace
            .pieces
            .iter()
            .any(|piece| !matches!(piece, Piece::Sequence { .. } | Piece::Silence { .. }));
        ensure(!damaged, || trace.to_string())?;
        // Both ends are where they would be without a delay ever: what is behind is silence alone.
        let (ahead, heard) = (player.pcm.delay()?, trace.sequence_frames());
        let played = player.written - u64::try_from(ahead).unwrap_or(0);
        let missing = played.saturating_sub(heard + recorder.pcm.avail()?);
        ensure(missing <= config.period, || {
            format!("{played} frames have been played, {missing} of them are still on their way")
        })
    })
}

fn drain(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let (cable, config) = (context.cable(), context.config());
        let wide = config.with_buffer(config.period, 16);
        for (delay, wakeups) in [(3_000, true), (3_000, false), (1, true)] {
            set(ctl, DELAY, cable.playback, delay)?;
            let config = match wakeups {
                true => config,
                false => context.without_wakeups(&config)?,
            };
            let mut player = context.player(&cable, &config)?;
            let mut recorder = context.recorder(&cable, &wide)?;
            let total = config.period + 77;
            player.fill(total)?;
            player.pcm.link(&recorder.pcm)?;
            player.pcm.start()?;
            player.pcm.unlink()?;
            player.pcm.drain()?;
            recorder.read_all()?;
            let trace = recorder.trace(&player.seq, player.written);
            let heard = trace.sequence_frames();
            ensure(heard == total, || {
                format!(
                    "delay {delay}, wake-ups {wakeups}: {heard} of {total} frames are heard after the drain"
                )
            })?;
        }
        Ok(())
    })
}

fn limits(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let cable = context.cable();
        let config = Config {
            rate: 96_000,
            ..context.config()
        };
        let _end = context.recorder(&cable, &config)?;
        let at = cable.playback;
        set(ctl, DELAY, at, 960_000)?;
        for delay in [-1, 960_001] {
            ensure(set(ctl, DELAY, at, delay).is_err(), || {
                format!("a delay of {delay} frames is accepted")
            })?;
        }
        Ok(())
    })
}

fn memory(context: &mut Context) -> Verdict {
    let usual = context.config();
    let config = Config {
        format: Format::from_name("S32_LE").unwrap_or(usual.format),
        channels: 128,
        ..usual
    };
    // Both with little room to spare for what else a delay needs.
    let fits = (63 << 20) / config.frame_bytes() as i32;
    let more = (65 << 20) / config.frame_bytes() as i32;
    delayed(context, |context, ctl| {
        let cable = context.cable();
        let _end = context.recorder(&cable, &config)?;
        set(ctl, DELAY, cable.playback, fits)?;
        ensure(set(ctl, DELAY, cable.playback, more).is_err(), || {
            format!("a delay that takes 65 MiB, {more} frames of {config:?}, is accepted")
        })?;
        let others = timed(&context.card).into_iter();
        let mut others = others.filter(|other| other.playback != cable.playback);
        let (Some(second), Some(third)) = (others.next(), others.next()) else {
            context.note("the card has too few cables to use up its memory");
            return Ok(());
        };
        for other in [&second, &third] {
            // How long a delay may be is a matter of the rate, which a closed cable has from its last player.
            drop(context.player(other, &config)?);
            set(ctl, DELAY, other.playback, fits)?;
        }
        let end = context.recorder(&second, &config)?;
        ensure(context.recorder(&third, &config).is_err(), || {
            format!("a third cable of the card takes 63 MiB for its delay of {fits} frames")
        })?;
        // It is given back.
        drop(end);
        context.recorder(&third, &config).map(|_| ())
    })
}
