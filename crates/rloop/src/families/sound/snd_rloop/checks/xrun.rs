// SPDX-License-Identifier: MIT OR Apache-2.0

//! Xruns on purpose, and what comes after.

use std::time::{Duration, Instant};

use crate::alsa::pcm::{Config, Pcm, State, frames_time};
use crate::alsa::signal::trace::Want;
use crate::families::sound::loopback::ends::pump;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::verdict::{OrFail, Verdict, Within, ensure, fail};

pub const CHECKS: &[Plain] = &[
    (
        "xrun/player",
        "nothing lost",
        "after an underrun: EPIPE, then prepare and start play the new sequence from its first frame",
        player,
    ),
    (
        "xrun/recorder",
        "nothing lost",
        "after an overrun: EPIPE, then prepare and start record without a gap",
        recorder,
    ),
    (
        "xrun/unattended",
        "nothing lost",
        "a stream that nobody has looked at for more than a buffer's time has an xrun, with period wake-ups on or off",
        unattended,
    ),
    (
        "xrun/other-end-runs-on",
        "peer stopped",
        "the xrun of one end does not stop the other",
        other_end,
    ),
    (
        "xrun/reset-and-rewind",
        "access",
        "what is rewound and written again is heard in its new form, once",
        rewind,
    ),
];

/// Waits until `pcm` has an xrun.
fn until_xrun(pcm: &Pcm, at_least: Duration) -> Verdict {
    let end = Instant::now() + at_least * 4 + Duration::from_secs(5);
    std::thread::sleep(at_least);
    while Instant::now() < end {
        match pcm.avail() {
            Err(e) if e.errno == libc::EPIPE => {
                let state = pcm.state();
                return ensure(state == State::Xrun, || {
                    format!("{}: EPIPE in state {state:?}", pcm.address())
                });
            }
            Err(e) => return fail(format!("expected EPIPE, came: {e}")),
            Ok(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
    fail(format!(
        "{}: no xrun although nothing was transferred for a buffer's time",
        pcm.address()
    ))
}

fn player(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let config = config.with_buffer(config.period / 4, 8);
    let recording = config.with_buffer(config.period, 64);
    let mut recorder = context.recorder(&cable, &recording)?;
    let mut player = context.player(&cable, &config)?;
    recorder.pcm.start()?;
    for round in 0..3 {
        player.fill(config.buffer)?;
        player.pcm.start()?;
        until_xrun(&player.pcm, frames_time(config.buffer, config.rate))?;
        recorder.read_all()?;
        let all = config.buffer;
        let wants = [
            Want::Silence(0..=u64::MAX),
            Want::Sequence(0..=0, all..=all),
            Want::Silence(0..=u64::MAX),
        ];
        recorder
            .trace(&player.seq, player.written)
            .expect(&wants)
            .or_fail()
            .within(|| format!("round {round}"))?;
        recorder.heard.clear();
        let seq = context.sequence(&config);
        player.again(seq)?;
    }
    Ok(())
}

fn recorder(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let small = config.with_buffer(config.period / 4, 8);
    let mut player = context.player(&cable, &config)?;
    let mut recorder = context.recorder(&cable, &small)?;
    player.rehearse(16 * config.buffer);
    player.fill(config.buffer)?;
    player.pcm.start()?;
    for round in 0..3 {
        recorder.pcm.start()?;
        let most = player.written + 2 * small.buffer;
        pump(Some(&mut player), None, most, 0)?;
        until_xrun(&recorder.pcm, Duration::ZERO).within(|| format!("round {round}"))?;
        recorder.pcm.prepare()?;
        recorder.heard.clear();
        let on = player.written + 1;
        pump(Some(&mut player), None, on, 0)?;
        let before = player.written + player.pcm.avail()? - config.buffer;
        recorder.pcm.start()?;
        let after = player.written + player.pcm.avail()? - config.buffer;
        let most = player.written + 4 * config.buffer;
        pump(Some(&mut player), Some(&mut recorder), most, small.buffer)?;
        let all = small.buffer;
        recorder
            .trace(&player.seq, player.written)
            .expect(&[Want::Sequence(before..=after, all..=all)])
            .or_fail()
            .within(|| format!("round {round}"))?;
        recorder.pcm.stop()?;
        recorder.pcm.prepare()?;
    }
    Ok(())
}

/// A position that has gone round the buffer must not pass for one that has hardly moved.
fn unattended(context: &mut Context) -> Verdict {
    let cable = context.cable();
    let on = Config {
        rate: 192_000,
        ..context.config().with_buffer(512, 8)
    };
    let off = context.without_wakeups(&on).ok();
    for config in [Some(on), off].into_iter().flatten() {
        for address in [cable.playback, cable.capture] {
            for rounds in [9, 12, 15, 17] {
                let mut pcm = Pcm::open(address)?;
                pcm.configure(&config)?;
                if pcm.is_playback() {
                    pcm.write(&vec![1; config.buffer as usize * config.frame_bytes()])?;
                }
                pcm.start()?;
                std::thread::sleep(frames_time(rounds * config.buffer / 8, config.rate));
                let avail = pcm.avail();
                ensure(matches!(&avail, Err(e) if e.errno == libc::EPIPE), || {
                    format!(
                        "{address}, wake-ups {}: expected EPIPE {rounds} eighths of a buffer after the start, came {avail:?}",
                        config.period_wakeup
                    )
                })?;
            }
        }
    }
    Ok(())
}

fn other_end(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let small = config.with_buffer(config.period / 4, 8);
    let mut recorder = context.recorder(&cable, &config)?;
    let mut player = context.player(&cable, &small)?;
    player.fill(small.buffer)?;
    recorder.pcm.start()?;
    player.pcm.start()?;
    until_xrun(&player.pcm, frames_time(small.buffer, small.rate))?;
    let heard = recorder.frames() + 4 * config.period;
    pump(None, Some(&mut recorder), 0, heard)?;
    let state = recorder.pcm.state();
    ensure(state == State::Running, || {
        format!("expected the recorder RUNNING, came {state:?}")
    })
}

fn rewind(context: &mut Context) -> Verdict {
    let (cable, config) = (context.cable(), context.config());
    let mut player = context.player(&cable, &config)?;
    let mut recorder = context.recorder(&cable, &config)?;
    player.pcm.link(&recorder.pcm)?;
    player.fill(config.buffer / 2)?;
    // Something else in place of what comes next, then taken back.
    let wrong = context
        .sequence(&config)
        .frames(0, config.buffer as usize / 4);
    let count = player.pcm.write(&wrong)?;
    let back = player.pcm.rewind(count)?;
    ensure(back == count, || {
        format!("expected {count} frames to be taken back, came {back}")
    })?;
    player.fill(config.buffer)?;
    player.pcm.start()?;
    let total = 2 * config.buffer;
    pump(
        Some(&mut player),
        Some(&mut recorder),
        4 * config.buffer,
        total,
    )?;
    recorder.has_heard(&player, total)
}
