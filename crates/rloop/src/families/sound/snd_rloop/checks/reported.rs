// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is reported of time: when the frame that is written next will be heard, and which frame has been heard.
//!
//! The ends are linked, so that both have the same position, but for what a recorder has caught up with. How far it is
//! says how far the player is, and the recording says, in the end, when each frame was heard.

use said::{Said, USUAL, go_on, judge_all, judge_now, open, set_delay};
use std::time::Duration;

use super::delay::delayed;
use super::free::freely;
use crate::alsa::pcm::{Config, State};
use crate::alsa::signal::trace::Want;
use crate::alsa::signal::{Piece, Trace};
use crate::families::sound::loopback::elements::open_own;
use crate::families::sound::loopback::ends::{Player, Recorder, pump};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::run::Context as _;
use rig::verdict::{OrFail, Verdict, Within, ensure};

mod said;
mod times;

pub(super) use times::frozen;

pub const CHECKS: &[Plain] = &[
    (
        "reported/delay",
        "adjustable delay",
        "the delay of a player is what is left to be played and that of the cable, to the frame; that of a recorder, what is left to be read",
        constant,
    ),
    (
        "reported/before-start",
        "adjustable delay",
        "the delay of a player that has not started yet contains that of the cable",
        before_start,
    ),
    (
        "reported/no-reader",
        "adjustable delay",
        "the delay of a player does not depend on whether anybody listens: who comes later hears each frame as late as was said",
        no_reader,
    ),
    (
        "reported/changed",
        "adjustable delay",
        "while it is changed, up and down, the delay says no less than when the next frame is heard, and when it is longer or the same no more",
        changed,
    ),
    (
        "reported/drain",
        "adjustable delay",
        "the delay of a player that drains goes down to the end, when the last frame is heard",
        drain,
    ),
    (
        "reported/heard-when",
        "pitch in 1 ppm steps",
        "with a delay, at a pitch of 80, 100 and 125 %, a frame is heard at the time that delay and time stamps tell",
        times::heard_when,
    ),
    (
        "reported/audio-time",
        "adjustable delay",
        "the audio time of a player is that of its position and, less the delay, that of what is heard",
        times::audio_time,
    ),
    (
        "free/reported",
        "free-running",
        "without a clock the delay is what is in the buffer, whatever the cable's delay is set to",
        free,
    ),
];

/// To catch up with one frame takes so many.
const CATCH_UP: u64 = 8;

fn constant(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let config = context.config();
        for delay in [0, 1, USUAL] {
            set_delay(context, ctl, delay)?;
            let (mut player, mut recorder) = open(context, &config)?;
            player.pcm.start()?;
            for _ in 0..8 {
                go_on(&mut player, &mut recorder, config.period + delay / 8)?;
                judge_now(context, &player, &recorder, delay)
                    .within(|| format!("a delay of {delay} frames"))?;
            }
            judge_all(&player, &recorder, delay)?;
        }
        Ok(())
    })
}

fn before_start(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let config = context.config();
        for delay in [0, USUAL] {
            set_delay(context, ctl, delay)?;
            let (player, _recorder) = open(context, &config)?;
            let (came, want) = (player.pcm.delay()?, (config.buffer + delay) as i64);
            ensure(came == want, || {
                format!(
                    "a delay of {delay} frames, {} written: expected {want}, came {came}",
                    config.buffer
                )
            })?;
        }
        Ok(())
    })
}

/// The delay that the driver adds to what is left to be played.
fn added(player: &Player) -> Verdict<i64> {
    let now = player.pcm.snapshot()?;
    Ok(now.delay + now.avail as i64 - player.config.buffer as i64)
}

fn no_reader(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let (cable, config) = (context.cable(), context.config());
        set_delay(context, ctl, USUAL)?;
        let mut player = context.player(&cable, &config)?;
        let mut recorder = context.recorder(&cable, &config)?;
        player.rehearse(8 * config.buffer + USUAL);
        player.fill(config.buffer)?;
        player.pcm.start()?;
        // Until there is as much under way as there can be.
        let most = player.written + config.buffer + USUAL;
        pump(Some(&mut player), None, most, 0)?;
        let alone = added(&player)?;
        let position = |player: &Player| -> Verdict<u64> {
            Ok(player.written + player.pcm.avail()? - config.buffer)
        };
        let before = position(&player)?;
        recorder.pcm.start()?;
        let after = position(&player)?;
        let together = added(&player)?;
        let most = player.written + 4 * config.buffer;
        pump(Some(&mut player), Some(&mut recorder), most, config.buffer)?;
        let all = config.buffer;
        recorder
            .trace(&player.seq, player.written)
            .expect(&[Want::Sequence(before - USUAL..=after - USUAL, all..=all)])
            .or_fail()?;
        for (what, came) in [("alone", alone), ("with a reader", together)] {
            ensure(came == USUAL as i64, || {
                format!("{what}: expected {USUAL} frames on top of what is left, came {came}")
            })?;
        }
        Ok(())
    })
}

/// Which frame of a recording the frame `number` of the sequence is.
fn heard_as(trace: &Trace, number: u64) -> Option<u64> {
    let mut at = 0;
    for piece in &trace.pieces {
        match piece {
            Piece::Sequence { first, frames } if (*first..first + frames).contains(&number) => {
                return Some(at + number - first);
            }
            _ => at += piece.frames(),
        }
    }
    None
}

/// What holds from a frame of the recording on.
struct Change {
    from: u64,
    before: u64,
    delay: u64,
}

fn changed(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let config = context.config();
        let (mut player, mut recorder) = open(context, &config)?;
        player.pcm.start()?;
        let (mut said, mut changes, mut before) = (Vec::new(), Vec::new(), 0);
        for delay in [0, 500, 1_500, 700, 0] {
            set_delay(context, ctl, delay)?;
            changes.push(Change {
                from: recorder.frames() + recorder.pcm.avail()?,
                before,
                delay,
            });
            // Until what was in the player's buffer has been heard, and what was too much has been caught up with.
            let end = recorder.frames() + 2 * config.buffer + CATCH_UP * before;
            while recorder.frames() < end {
                said.push((changes.len() - 1, Said::by(&player, &recorder)?));
                go_on(&mut player, &mut recorder, config.period)?;
            }
            before = delay;
        }
        let trace = recorder.trace(&player.seq, player.written);
        let mut judged = 0;
        for (number, said) in said {
            let heard = heard_as(&trace, said.next);
            let next = changes.get(number + 1).map_or(u64::MAX, |next| next.from);
            // What is heard after the next change nobody could know.
            let Some(heard) = heard.filter(|heard| *heard <= next) else {
                continue;
            };
            judged += 1;
            let Change {
                from,
                before,
                delay,
            } = changes[number];
            let what = || format!("the delay has become {delay} frames, was {before}");
            let caught_up = from + (CATCH_UP + 1) * before.saturating_sub(delay);
            if before <= delay || said.before > caught_up {
                said.judge(heard).within(what)?;
                continue;
            }
            // While it is caught up with, a reader is behind by the old delay at most, and gets nine frames where
            // eight are played.
            let (low, _) = said.right(heard);
            let low = low * CATCH_UP as i64 / (CATCH_UP as i64 + 1);
            let high = (said.left + before.max(delay)) as i64;
            ensure((low..=high).contains(&said.delay), || {
                format!(
                    "{}: frame {} is heard {low} frames later at least, {high} at most; snd_pcm_delay said {}",
                    what(),
                    said.next,
                    said.delay
                )
            })?;
        }
        context.note(format!("asked {judged} times"));
        ensure(judged >= 5 * config.buffer / config.period, || {
            format!("only {judged} of the frames can be judged: {trace}")
        })
    })
}

fn drain(context: &mut Context) -> Verdict {
    delayed(context, |context, ctl| {
        let config = context.config();
        set_delay(context, ctl, USUAL)?;
        let cable = context.cable();
        let mut player = context.player(&cable, &config)?;
        let wide = config.with_buffer(config.period, 32);
        let recorder = context.recorder(&cable, &wide)?;
        player.pcm.link(&recorder.pcm)?;
        player.fill(config.buffer - 7)?;
        player.pcm.start()?;
        player.pcm.unlink()?;
        player.pcm.begin_drain()?;
        let (mut last, mut asked) = (i64::MAX, 0);
        while player.pcm.state() == State::Draining {
            let said = match Said::by(&player, &recorder) {
                // It has ended meanwhile.
                Err(_) if player.pcm.state() != State::Draining => break,
                said => said?,
            };
            if player.pcm.state() != State::Draining {
                break;
            }
            asked += 1;
            last = said.delay;
            // ALSA finds the end when the position moves, so one frame is kept until then.
            let (low, high) = said.right(player.written + USUAL);
            ensure((low..=high.max(1)).contains(&last), || {
                format!(
                    "{} frames in all, {} to {} of the recording are there: expected {low} to {high}, came {last}",
                    player.written, said.before, said.after
                )
            })?;
            std::thread::sleep(Duration::from_millis(2));
        }
        ensure(asked > 0, || "the drain had ended at once".to_owned())?;
        context.note(format!("asked {asked} times, the last said {last}"));
        Ok(())
    })
}

fn free(context: &mut Context) -> Verdict {
    let ctl = open_own(&context.card)?;
    set_delay(context, &ctl, USUAL)?;
    let result = freely(context, |context| {
        let (cable, config) = (context.cable(), Config::default());
        let mut player = context.player(&cable, &config)?;
        let mut recorder = context.recorder(&cable, &config)?;
        player.fill(config.buffer)?;
        // The last frame that was moved is kept, or ALSA would find an xrun.
        let is = |player: &Player, recorder: &Recorder, what: &str| {
            let heard = recorder.frames() + recorder.pcm.avail()?;
            let left = (player.written - heard) as i64;
            let now = [player.pcm.delay()?, player.pcm.snapshot()?.delay];
            ensure(
                now.iter().all(|delay| (left..=left + 1).contains(delay)),
                || format!("{what}: {left} frames are left, came {now:?}"),
            )?;
            let (came, want) = (recorder.pcm.delay()?, recorder.pcm.avail()? as i64);
            ensure(came == want, || {
                format!("{what}: the recorder has {want} frames to read, its delay is {came}")
            })
        };
        player.pcm.start()?;
        is(&player, &recorder, "nobody reads")?;
        recorder.pcm.start()?;
        is(&player, &recorder, "the reader is full")?;
        for _ in 0..5 {
            let heard = recorder.frames() + config.period;
            pump(None, Some(&mut recorder), 0, heard)?;
            is(&player, &recorder, "a period has been read")?;
            let most = player.written + config.period / 2;
            player.write(most)?;
            is(&player, &recorder, "half a period has been written")?;
        }
        Ok(())
    });
    set_delay(context, &ctl, 0)?;
    result
}
