// SPDX-License-Identifier: MIT OR Apache-2.0

//! `timer_source`: a cable that goes by another clock.
//!
//! The master is a user-driven timer of the check's own, or the PCM timer of another loopback card
//! whose pitch is set. What is judged are frames against the master's time, never against ours.

use std::fs;
use std::time::{Duration, Instant};

use alsa::ctl::{Ctl, ElemType};

use crate::alsa::pcm::{Address, Config, Pcm, Stop, time_frames};
use crate::alsa::problem::xrun;
use crate::families::sound::loopback::elements::{self, PITCH, RATE_SHIFT, timed};
use crate::families::sound::loopback::{self, Cable, Card, Driver};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use crate::families::sound::snd_rloop::ticker::Ticker;
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, Within, ensure, fail, skip};

mod flow;

use flow::{Flow, Setting, cable_status, expect_state, user_timer};

pub const CHECKS: &[Plain] = &[
    (
        "timer-source/setting",
        "timer_source, snd-aloop's syntax",
        "the proc file timer_source takes what is allowed, says what was written, and refuses the rest",
        setting,
    ),
    (
        "timer-source/follow",
        "follow another card's clock",
        "with a user-driven timer that is 500 ppm fast, then 2 % slow, the frames are the timer's, bit-exact",
        follow,
    ),
    (
        "timer-source/silent",
        "until the master ticks, the cable runs on its own clock",
        "data flow with a timer that never ticks, and with one that is not there",
        silent,
    ),
    (
        "timer-source/pause",
        "a master that is silent never stops the data",
        "a timer ticks, falls silent and comes back under running streams: no frame is lost",
        pause,
    ),
    (
        "timer-source/gone",
        "a master that goes away never stops the data",
        "a timer goes while streams follow it, and another takes its place: no frame is lost",
        gone,
    ),
    (
        "timer-source/periods",
        "any period on either side",
        "periods that have nothing to do with the timer's, nor with each other, are bit-exact",
        periods,
    ),
    (
        "timer-source/jiffies",
        "jiffies, for comparison with snd-aloop",
        "with timer_source=jiffies the position moves in steps of a kernel tick, bit-exact",
        jiffies,
    ),
    (
        "timer-source/card",
        "follow another card's clock",
        "the frames are those of another loopback card's stream that is 1 % fast; it stops, and data flow",
        card,
    ),
];

/// A timer's tick: short, so that it is known soon, and no divisor of a period.
const TICK: Duration = Duration::from_micros(7_500);

/// A master whose tick comes so late has been silent, which is no fault of the card.
const LATE: Duration = Duration::from_millis(200);

/// What failed with a ticker that was held up is worth another try.
fn punctual<T>(ticker: &Ticker, verdict: Verdict<T>) -> Verdict<T> {
    let late = ticker.worst();
    match verdict {
        Err(Problem::Failed(why)) if late > LATE => {
            Err(xrun(format!("{why}; a tick was {late:?} late")))
        }
        other => other,
    }
}

fn setting(context: &mut Context) -> Verdict {
    let setting = Setting::of(context)?;
    let read = || fs::read_to_string(&setting.path).unwrap_or_default();
    let own = format!("hw:{}", context.card.number);
    // The highest number: nobody has that card.
    for source in [
        "hrtimer",
        "jiffies",
        "hw:31.0.1",
        "plug:31,2",
        "-1.4.127",
        "Nobody.0",
    ] {
        setting.write(source)?;
        let came = read();
        ensure(came == format!("{source}\n"), || {
            format!("expected {source:?}, came {came:?}")
        })?;
        let shown = cable_status(context)?.timer_source;
        ensure(shown.as_deref() == Some(source), || {
            format!("cable#0: expected {source:?}, came {shown:?}")
        })?;
    }
    for bad in ["hw:", "1.x", "two words", "-2", "1.0.0.0", &own] {
        let refused = fs::write(&setting.path, bad);
        let errno = refused.err().and_then(|e| e.raw_os_error());
        ensure(errno == Some(libc::EINVAL), || {
            format!("{bad:?}: expected EINVAL, came {errno:?}")
        })?;
        let came = read();
        ensure(came == "Nobody.0\n", || {
            format!("after {bad:?} was refused: expected \"Nobody.0\", came {came:?}")
        })?;
    }
    setting.write("\n")?;
    let came = read();
    ensure(came == "hrtimer\n", || {
        format!("expected hrtimer for an empty setting, came {came:?}")
    })
}

fn follow(context: &mut Context) -> Verdict {
    let setting = Setting::of(context)?;
    for ppm in [500, -20_000] {
        let timer = user_timer(TICK)?;
        setting.write(&timer.address())?;
        let config = context.config();
        let mut flow = Flow::start(context, &config, &config)?;
        let ticker = Ticker::start(timer, TICK, ppm);
        flow.go_on(2_500)?;
        punctual(&ticker, expect_state(context, "following", "after 2.5 s"))?;
        let first = flow.position()?;
        flow.go_on(3_000)?;
        let last = flow.position()?;
        let status = expect_state(context, "following", "after 5.5 s");
        let status = punctual(&ticker, status)?;
        let kept = ensure(status.timer_breaks == Some(0), || {
            format!("{ppm} ppm: the count was lost: {status:?}")
        });
        punctual(&ticker, kept)?;
        let late = ticker.worst();
        let ticks = ticker.stop().1;

        // What the timer's time says, give or take how unpunctual it was, and a millisecond.
        let due = |time: Duration| time_frames(time, config.rate) * (1.0 + f64::from(ppm) / 1e6);
        let slack = time_frames(late, config.rate) + 48.0;
        let (low, high) = (due(last.0 - first.2) - slack, due(last.2 - first.0) + slack);
        let came = (last.1 - first.1) as f64;
        ensure(came >= low && came <= high, || {
            format!("{ppm} ppm: expected {low:.1} to {high:.1} frames, came {came} ({status:?})")
        })?;
        // No more ticks may have been heard than were made.
        let heard = status.timer_ticks.unwrap_or(0);
        ensure(heard > 600 && heard <= ticks, || {
            format!("{ppm} ppm: heard {heard} of {ticks} ticks")
        })?;
        flow.end().within(|| format!("{ppm} ppm"))?;
        context.note(format!(
            "{ppm} ppm: {:+.1} frames of {came} off, measured {:.1} ppm, ticks up to {late:?} late",
            came - (low + high) / 2.0,
            status.timer_ppm.unwrap_or(f64::NAN)
        ));
    }
    Ok(())
}

fn silent(context: &mut Context) -> Verdict {
    let setting = Setting::of(context)?;
    let timer = user_timer(TICK)?;
    for source in [timer.address(), "hw:31.0.0".to_owned()] {
        setting.write(&source)?;
        let config = context.config();
        let mut flow = Flow::start(context, &config, &config)?;
        flow.go_on(700)?;
        let status = expect_state(context, "own", &source)?;
        ensure(status.timer_ticks == Some(0), || {
            format!("{source}: heard {:?} ticks", status.timer_ticks)
        })?;
        flow.end().within(|| source.clone())?;
    }
    Ok(())
}

fn xruns(context: &Context) -> Verdict<u64> {
    let status = cable_status(context)?;
    Ok(status.playback.xruns.unwrap_or(0) + status.capture.xruns.unwrap_or(0))
}

fn pause(context: &mut Context) -> Verdict {
    let setting = Setting::of(context)?;
    let timer = user_timer(TICK)?;
    setting.write(&timer.address())?;
    let config = context.config();
    let before = xruns(context)?;
    let mut flow = Flow::start(context, &config, &config)?;
    let ticker = Ticker::start(timer, TICK, 1_000);
    flow.go_on(1_500)?;
    punctual(
        &ticker,
        expect_state(context, "following", "while it ticks"),
    )?;
    let timer = ticker.stop().0;
    flow.go_on(1_000)?;
    expect_state(context, "holdover", "a second after the last tick")?;
    let ticker = Ticker::start(timer, TICK, -1_000);
    flow.go_on(1_500)?;
    let status = expect_state(context, "following", "when it ticks again");
    let status = punctual(&ticker, status)?;
    let once = ensure(status.timer_breaks == Some(1), || {
        format!("expected one break, came {status:?}")
    });
    punctual(&ticker, once)?;
    drop(ticker.stop());
    flow.end()?;
    let after = xruns(context)?;
    if after != before {
        return Err(xrun(format!("{} xruns", after - before)));
    }
    Ok(())
}

fn gone(context: &mut Context) -> Verdict {
    let setting = Setting::of(context)?;
    let timer = user_timer(TICK)?;
    let address = timer.address();
    setting.write(&address)?;
    let config = context.config();
    let mut flow = Flow::start(context, &config, &config)?;
    let ticker = Ticker::start(timer, TICK, 1_000);
    flow.go_on(1_500)?;
    punctual(
        &ticker,
        expect_state(context, "following", "while it ticks"),
    )?;
    drop(ticker.stop());
    flow.go_on(1_500)?;
    expect_state(context, "holdover", "when it has gone")?;

    let timer = user_timer(TICK)?;
    if timer.address() != address {
        setting.write(&timer.address())?;
        context.note(format!("{address}, then {}", timer.address()));
    }
    let ticker = Ticker::start(timer, TICK, -1_000);
    // It is looked for once a second.
    flow.go_on(3_500)?;
    let found = expect_state(context, "following", "when there is another");
    punctual(&ticker, found)?;
    drop(ticker.stop());
    flow.end()
}

fn periods(context: &mut Context) -> Verdict {
    let setting = Setting::of(context)?;
    let timer = user_timer(TICK)?;
    setting.write(&timer.address())?;
    let ticker = Ticker::start(timer, TICK, 300);
    for (play, record) in [(16, 512), (147, 1_000), (1_024, 33), (3_001, 64)] {
        let with = |period: u64| Config::default().with_buffer(period, (8_192 / period).max(2));
        let (play, record) = (context.fitted(with(play)), context.fitted(with(record)));
        let mut flow = Flow::start(context, &play, &record)?;
        flow.go_on(1_000)?;
        punctual(
            &ticker,
            expect_state(context, "following", "after a second"),
        )?;
        flow.end()
            .within(|| format!("periods {} and {}", play.period, record.period))?;
    }
    drop(ticker.stop());
    Ok(())
}

/// Steps of a kernel tick at 48 kHz: HZ is 100, 250, 300 or 1000.
const STEPS: [u64; 4] = [480, 192, 160, 48];

fn jiffies(context: &mut Context) -> Verdict {
    let setting = Setting::of(context)?;
    setting.write("jiffies")?;
    let config = context.config();
    let mut flow = Flow::start(context, &config, &config)?;
    flow.go_on(500)?;
    let mut steps = Vec::new();
    let mut last = flow.position()?.1;
    let end = Instant::now() + Duration::from_millis(60);
    while Instant::now() < end {
        let now = flow.position()?.1;
        if now != last {
            steps.push(now - last);
        }
        last = now;
    }
    flow.go_on(200)?;
    flow.end()?;
    let Some(least) = steps.iter().min() else {
        return fail("the position did not move in 60 ms");
    };
    let Some(tick) = STEPS.into_iter().find(|step| least % step == 0) else {
        return fail(format!("expected steps of a kernel tick, came {steps:?}"));
    };
    ensure(steps.iter().all(|step| step % tick == 0), || {
        format!("expected steps of {tick} frames, came {steps:?}")
    })?;
    context.note(format!("steps of {least} frames"));
    Ok(())
}

/// The pitch of a card's cable, as it was before when this value goes.
struct Pitch {
    ctl: Ctl,
    name: &'static str,
    at: Address,
    before: i32,
}

impl Pitch {
    fn faster(card: &Card, cable: &Cable) -> Verdict<Self> {
        let (name, at, faster) = match card.driver {
            Driver::SndRloop => (PITCH, cable.playback, 1_010_000),
            Driver::SndAloop => (RATE_SHIFT, cable.capture, 101_000),
        };
        let ctl = Ctl::new(&format!("hw:{}", card.index), true);
        let ctl = ctl.map_err(elements::error("control device"))?;
        let before = elements::value(&ctl, name, ElemType::Integer, at)?;
        elements::set(&ctl, name, at, faster)?;
        Ok(Self {
            ctl,
            name,
            at,
            before,
        })
    }
}

impl Drop for Pitch {
    fn drop(&mut self) {
        // There is nobody to tell.
        let _ = elements::set(&self.ctl, self.name, self.at, self.before);
    }
}

fn card(context: &mut Context) -> Verdict {
    let setting = Setting::of(context)?;
    let cards = loopback::all()?;
    let index = context.card.index;
    let Some(other) = cards.iter().find(|card| card.index != index) else {
        return skip("there is no other loopback card to follow");
    };
    let Some(cable) = timed(other).pop() else {
        return skip(format!("{} has no cable with a clock", other.id));
    };
    let pitch = Pitch::faster(other, &cable)?;

    let config = context.config();
    let mut master = Pcm::open(cable.playback)?;
    let short = Config {
        stop: Stop::Never,
        ..Config::default().with_buffer(480, 400)
    };
    master.configure(&short)?;
    let at = cable.playback;
    setting.write(&format!(
        "hw:{},{},{}",
        other.number,
        at.device,
        2 * at.subdevice
    ))?;
    let mut flow = Flow::start(context, &config, &config)?;
    flow.go_on(500)?;
    expect_state(context, "own", "before it runs")?;
    master.start()?;
    flow.go_on(2_000)?;
    expect_state(context, "following", "while it runs")?;
    // Nothing is played on it: what is free is its position.
    let pair = |flow: &Flow| -> Verdict<(f64, f64)> {
        let before = flow.position()?.1 as f64;
        let frame = master.avail()? as f64;
        Ok((frame - (before + flow.position()?.1 as f64) / 2.0, before))
    };
    let first = pair(&flow)?;
    flow.go_on(2_000)?;
    let last = pair(&flow)?;
    let status = expect_state(context, "following", "while it runs")?;
    // Unfollowed they would be 960 apart. The position of snd-aloop moves by a tick, twice.
    let slack = match other.driver {
        Driver::SndRloop => 96.0,
        Driver::SndAloop => 480.0,
    };
    let apart = last.0 - first.0;
    ensure(apart.abs() <= slack, || {
        format!(
            "{} is {apart:+.1} frames ahead after 2 s ({status:?})",
            other.id
        )
    })?;
    master.stop()?;
    flow.go_on(1_000)?;
    expect_state(context, "holdover", "when it has stopped")?;
    drop(pitch);
    flow.end()?;
    context.note(format!(
        "{} ({}): {apart:+.1} frames of {} apart, measured {:.1} ppm",
        other.id,
        other.driver.name(),
        last.1 - first.1,
        status.timer_ppm.unwrap_or(f64::NAN)
    ));
    Ok(())
}
