// SPDX-License-Identifier: MIT OR Apache-2.0

//! One expiry of a timer serves all ends that are due, and none goes off that nobody needs.

use std::thread;
use std::time::Duration;

use super::some_slack;
use crate::alsa::pcm::{Config, Pcm, Stop, frames_time};
use crate::families::sound::loopback::elements::timed;
use crate::families::sound::loopback::{Cable, Driver};
use crate::families::sound::snd_rloop::context::Context;
use crate::families::sound::status;
use crate::kernel::interrupts;
use rig::run::Context as _;
use rig::verdict::{Verdict, ensure, skip};

/// How long the expiries of timers are counted.
const COUNTED: Duration = Duration::from_millis(500);

/// How many periods end while they are counted.
fn counted_periods(config: &Config) -> u64 {
    COUNTED.as_micros() as u64 * u64::from(config.rate) / 1_000_000 / config.period
}

/// How often the timer of a cable has gone off, and for how many ends; `None` if the card does not tell.
fn expiries_and_served(context: &Context, cable: &Cable) -> Verdict<Option<(u64, u64)>> {
    if context.card.driver != Driver::SndRloop {
        return Ok(None);
    }
    let number = context.card.cable_number(cable);
    let cable = status::cable(&context.card, number)?;
    let served = [&cable.playback, &cable.capture].map(|end| end.served);
    let [Some(played), Some(recorded)] = served else {
        return Ok(None);
    };
    Ok(cable
        .timer_expiries
        .map(|expiries| (expiries, played + recorded)))
}

pub(super) fn of_both_ends(context: &mut Context) -> Verdict {
    let cable = context.cable();
    let config = Config {
        stop: Stop::Never,
        ..Config::default().with_buffer(256, 64)
    };
    let (player, _recorder) = context.linked(&cable, &config)?;
    player.pcm.start()?;
    let Some(before) = expiries_and_served(context, &cable)? else {
        return skip("the card does not tell the expiries of its timers");
    };
    thread::sleep(COUNTED);
    let after = expiries_and_served(context, &cable)?.unwrap_or(before);
    let (expiries, served) = (after.0 - before.0, after.1 - before.1);
    let periods = counted_periods(&config);
    ensure(served >= 2 * periods * 9 / 10, || {
        format!("{served} ends served in {COUNTED:?}, of {periods} periods of each end")
    })?;
    // What the machine makes late is served with what follows, which only spares expiries.
    ensure(expiries * 10 <= served * 6, || {
        format!("{expiries} expiries for {served} ends: about half as many were expected")
    })?;
    context.note(format!("{expiries} expiries for {served} ends"));
    Ok(())
}

pub(super) fn of_nobody(context: &mut Context) -> Verdict {
    let cable = context.cable();
    let mut notes = Vec::new();
    // No more than 32 KiB, which are moved in one go when somebody looks; and more than that.
    for (frames, needed) in [(8_192, false), (32_768, true)] {
        let config = context.without_wakeups(&Config {
            stop: Stop::Never,
            ..Config::default().with_buffer(frames / 4, 4)
        })?;
        let (player, _recorder) = context.linked(&cable, &config)?;
        player.pcm.start()?;
        // A player has a timer at its start.
        thread::sleep(Duration::from_millis(50));
        let Some((before, _)) = expiries_and_served(context, &cable)? else {
            return skip("the card does not tell the expiries of its timers");
        };
        thread::sleep(COUNTED);
        let after = expiries_and_served(context, &cable)?.map_or(before, |counts| counts.0);
        let expiries = after - before;
        let kib = config.buffer as usize * config.frame_bytes() / 1024;
        ensure((expiries > 0) == needed, || {
            let wanted = if needed { "some" } else { "none" };
            format!(
                "{expiries} expiries in {COUNTED:?} with buffers of {kib} KiB, {wanted} were expected"
            )
        })?;
        notes.push(format!("{kib} KiB: {expiries} expiries"));
    }
    context.note(notes.join(", "));
    Ok(())
}

pub(super) fn of_several_cables(context: &mut Context) -> Verdict {
    some_slack(context)?;
    let cables = timed(&context.card);
    if cables.len() < 4 {
        return skip("the card has fewer than four cables");
    }
    let config = Config {
        stop: Stop::Never,
        ..Config::default().with_buffer(256, 64)
    };
    let mut streams = Vec::new();
    for cable in &cables {
        let mut pcm = Pcm::open(cable.capture)?;
        pcm.configure(&config)?;
        pcm.start()?;
        streams.push(pcm);
        // Their periods end at different times.
        thread::sleep(frames_time(config.period, config.rate) / cables.len() as u32);
    }
    let all_served = || -> Verdict<u64> {
        let cables = status::card(&context.card)?.cables;
        Ok(cables.iter().filter_map(|cable| cable.capture.served).sum())
    };
    // What else there is to do on the machine only adds to it.
    let mut best = None;
    for _ in 0..3 {
        let (Some(before), first) = (interrupts::of_timers(), all_served()?) else {
            return skip("/proc/interrupts names no timer");
        };
        thread::sleep(COUNTED);
        let served = all_served()? - first;
        let taken = interrupts::of_timers().unwrap_or(before) - before;
        best = best.min(Some((taken, served))).or(Some((taken, served)));
    }
    let (taken, served) = best.unwrap_or((0, 0));
    let periods = counted_periods(&config);
    ensure(served >= periods * cables.len() as u64 * 9 / 10, || {
        format!("{served} ends served in {COUNTED:?}, of {periods} periods of each cable")
    })?;
    ensure(taken * 2 <= served, || {
        format!(
            "{taken} timer interrupts for {served} ends: no more than half as many were expected"
        )
    })?;
    context.note(format!("{taken} timer interrupts for {served} ends"));
    Ok(())
}
