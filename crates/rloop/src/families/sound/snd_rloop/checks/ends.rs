// SPDX-License-Identifier: MIT OR Apache-2.0

//! The two ends of a cable share format, rate and channels.

use crate::alsa::pcm::{Access, Address, AlsaError, Config, Pcm};
use crate::alsa::signal::Format;
use crate::families::sound::snd_rloop::context::{Context, Plain};
use rig::verdict::{Verdict, Within, ensure, fail};

pub const CHECKS: &[Plain] = &[
    (
        "ends/mismatch-refused",
        "ends of one cable",
        "what the first end has fixed the other can't change: EINVAL",
        mismatch,
    ),
    (
        "ends/fixed-at-open",
        "ends of one cable",
        "an end that opens later is offered only what is fixed",
        fixed_at_open,
    ),
    (
        "ends/free-again",
        "ends of one cable",
        "after both ends have let go any parameters will do",
        free_again,
    ),
    (
        "ends/busy",
        "ends of one cable",
        "an end that is open can't be opened again: EBUSY or EAGAIN",
        busy,
    ),
    (
        "ends/reopen",
        "ends of one cable",
        "opening, setting up and closing leaves nothing behind, 50 times",
        reopen,
    ),
];

/// Both orders: who fixes first.
fn orders(context: &Context) -> [(Address, Address); 2] {
    let cable = context.cable();
    [
        (cable.playback, cable.capture),
        (cable.capture, cable.playback),
    ]
}

/// The default and what differs from it in one respect.
fn others(config: Config) -> [(&'static str, Config); 3] {
    let s32 = Format::from_name("S32_LE").unwrap_or(config.format);
    [
        (
            "rate",
            Config {
                rate: 44_100,
                ..config
            },
        ),
        (
            "channels",
            Config {
                channels: 4,
                ..config
            },
        ),
        (
            "format",
            Config {
                format: s32,
                ..config
            },
        ),
    ]
}

fn want_einval(what: &str, result: Result<impl Sized, AlsaError>) -> Verdict {
    match result {
        Err(AlsaError {
            errno: libc::EINVAL,
            ..
        }) => Ok(()),
        Err(other) => fail(format!("{what}: expected EINVAL, came: {other}")),
        Ok(_) => fail(format!("{what}: expected EINVAL, came success")),
    }
}

fn mismatch(context: &mut Context) -> Verdict {
    let config = context.config();
    for (first, second) in orders(context) {
        for (what, other) in others(config) {
            let what = format!("{second} with another {what} than {first}");
            // The second end is open before anything is fixed: its open can't know yet.
            let (mut a, mut b) = (Pcm::open(first)?, Pcm::open(second)?);
            a.configure(&config)?;
            want_einval(&what, b.configure(&other))?;
            // The refusal must leave the end usable.
            b.configure(&config)
                .within(|| format!("{what}, after the refusal, with the right one"))?;
        }
        // Access, period and buffer are each end's own.
        let (mut a, mut b) = (Pcm::open(first)?, Pcm::open(second)?);
        a.configure(&config)?;
        b.configure(&Config {
            access: Access::MmapNoninterleaved,
            ..config.with_buffer(300, 7)
        })
        .within(|| "another access, period and buffer".to_owned())?;
    }
    Ok(())
}

fn fixed_at_open(context: &mut Context) -> Verdict {
    let config = context.config();
    for (first, second) in orders(context) {
        let mut a = Pcm::open(first)?;
        a.configure(&config)?;
        let b = Pcm::open(second)?;
        let space = b.space()?;
        ensure(space.rate == (config.rate..=config.rate), || {
            format!(
                "{second}: expected only {} Hz, came {:?}",
                config.rate, space.rate
            )
        })?;
        ensure(
            space.channels == (config.channels..=config.channels),
            || {
                format!(
                    "{second}: expected only {} channels, came {:?}",
                    config.channels, space.channels
                )
            },
        )?;
        ensure(space.formats == [config.format], || {
            format!(
                "{second}: expected only {}, came {:?}",
                config.format, space.formats
            )
        })?;
    }
    Ok(())
}

fn free_again(context: &mut Context) -> Verdict {
    let config = context.config();
    for (first, second) in orders(context) {
        for (what, other) in others(config) {
            let (mut a, mut b) = (Pcm::open(first)?, Pcm::open(second)?);
            a.configure(&config)?;
            b.configure(&config)?;
            // One end lets go: the other still holds the cable.
            a.hw_free()?;
            want_einval(
                &format!("another {what} while {second} holds the cable"),
                a.configure(&other),
            )?;
            b.hw_free()?;
            a.configure(&other)
                .within(|| format!("another {what} after both ends have let go"))?;
            b.configure(&other)
                .within(|| format!("the same {what} at the other end"))?;
            // The same by close instead of hw_free.
            drop(a);
            drop(b);
            let mut a = Pcm::open(first)?;
            a.configure(&config)
                .within(|| format!("another {what} after both ends were closed"))?;
        }
    }
    Ok(())
}

fn busy(context: &mut Context) -> Verdict {
    let cable = context.cable();
    for address in [cable.playback, cable.capture] {
        let _open = Pcm::open(address)?;
        match Pcm::open(address) {
            Err(e) if [libc::EBUSY, libc::EAGAIN].contains(&e.errno) => {}
            Err(e) => return fail(format!("{address}: expected EBUSY, came: {e}")),
            Ok(_) => return fail(format!("{address}: opened twice")),
        }
    }
    Ok(())
}

fn reopen(context: &mut Context) -> Verdict {
    let config = context.config();
    let cable = context.cable();
    for round in 0..50u32 {
        let other = Config {
            rate: 8_000 + round * 1000,
            channels: 1 + round % 8,
            ..config
        };
        let mut player = context.player(&cable, &other)?;
        let recorder = context.recorder(&cable, &other)?;
        player.fill(100)?;
        recorder.pcm.start()?;
        player.pcm.start()?;
        // Both are closed in the middle, in both orders.
        if round % 2 == 0 {
            drop(player);
        } else {
            drop(recorder);
        }
    }
    Ok(())
}
