// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the checks of `timer_source` share: the setting, the timer, and both ends at work.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::alsa::pcm::Config;
use crate::alsa::signal::trace::Want;
use crate::alsa::utimer::UserTimer;
use crate::families::sound::loopback::Driver;
use crate::families::sound::loopback::ends::{Player, Recorder, pump};
use crate::families::sound::snd_rloop::context::Context;
use crate::families::sound::status::{self, CableStatus};
use rig::verdict::{OrFail, Problem, Verdict, ensure, skip};

/// The file `timer_source` of the card under test, as it was before when this value goes.
pub(super) struct Setting {
    pub(super) path: PathBuf,
    before: String,
}

impl Setting {
    pub(super) fn of(context: &Context) -> Verdict<Self> {
        if context.card.driver != Driver::SndRloop {
            return skip("only snd-rloop goes by any clock with any period");
        }
        let path = context.card.proc_file("timer_source");
        let before = match fs::read_to_string(&path) {
            Ok(text) => text.trim().to_owned(),
            Err(e) => return skip(format!("{}: {e}", path.display())),
        };
        let setting = Self { path, before };
        match fs::write(&setting.path, &setting.before) {
            Err(e) => skip(format!("needs root: {}: {e}", setting.path.display())),
            Ok(()) => Ok(setting),
        }
    }

    pub(super) fn write(&self, source: &str) -> Verdict {
        fs::write(&self.path, source)
            .map_err(|e| Problem::Failed(format!("timer_source set to {source:?}: {e}")))
    }
}

impl Drop for Setting {
    fn drop(&mut self) {
        // There is nobody to tell, and the next check finds out.
        let _ = fs::write(&self.path, &self.before);
    }
}

pub(super) fn user_timer(resolution: Duration) -> Verdict<UserTimer> {
    UserTimer::new(resolution).or_else(|e| match e.raw_os_error() {
        Some(libc::ENOTTY | libc::ENXIO) => skip(
            "the kernel has no CONFIG_SND_UTIMER, or has 64 bits and this program 32",
        ),
        _ => skip(format!(
            "no user-driven timer can be made: /dev/snd/timer: {e} (`modprobe snd-timer`, and rights to it)"
        )),
    })
}

pub(super) fn cable_status(context: &Context) -> Verdict<CableStatus> {
    let number = context.card.cable_number(&context.cable());
    Ok(status::cable(&context.card, number)?)
}

/// What the cable goes by, as it says.
pub(super) fn expect_state(context: &Context, want: &str, when: &str) -> Verdict<CableStatus> {
    let status = cable_status(context)?;
    let came = status.timer_state.as_deref().unwrap_or("nothing");
    ensure(came == want, || {
        format!("{when}: expected the clock {want}, came {came} ({status:?})")
    })?;
    Ok(status)
}

/// Both ends of the cable, linked and playing.
pub(super) struct Flow {
    player: Player,
    recorder: Recorder,
    rate: u32,
    until: u64,
}

impl Flow {
    pub(super) fn start(context: &mut Context, play: &Config, record: &Config) -> Verdict<Self> {
        let cable = context.cable();
        let mut player = context.player(&cable, play)?;
        let recorder = context.recorder(&cable, record)?;
        player.pcm.link(&recorder.pcm)?;
        player.fill(play.buffer)?;
        player.pcm.start()?;
        Ok(Self {
            player,
            recorder,
            rate: play.rate,
            until: 0,
        })
    }

    /// Plays and records for so many milliseconds' worth of frames.
    pub(super) fn go_on(&mut self, ms: u64) -> Verdict {
        self.until += ms * u64::from(self.rate) / 1_000;
        let written = self.until + 2 * self.player.config.buffer;
        pump(
            Some(&mut self.player),
            Some(&mut self.recorder),
            written,
            self.until,
        )
    }

    /// The position, and the time before and after it was read.
    pub(super) fn position(&self) -> Verdict<(Instant, u64, Instant)> {
        let before = Instant::now();
        let frame = self.recorder.frames() + self.recorder.pcm.avail()?;
        Ok((before, frame, Instant::now()))
    }

    /// All that was played has come, and nothing else.
    pub(super) fn end(self) -> Verdict {
        self.recorder
            .trace(&self.player.seq, self.player.written)
            .expect(&[Want::Sequence(0..=0, self.until..=self.until)])
            .or_fail()
    }
}
