// SPDX-License-Identifier: MIT OR Apache-2.0

//! Both ends of a delayed cable, and what is said of the delay.

use alsa::Ctl;
use rig::verdict::{OrFail, Verdict, ensure};

use crate::alsa::pcm::{Config, Pcm};
use crate::alsa::root::Root;
use crate::alsa::signal::trace::Want;
use crate::alsa::substream;
use crate::families::sound::loopback::elements::{DELAY, set};
use crate::families::sound::loopback::ends::{Player, Recorder, pump};
use crate::families::sound::snd_rloop::checks::controls::shown;
use crate::families::sound::snd_rloop::context::Context;

/// What most checks set it to.
pub const USUAL: u64 = 4_800;

pub fn set_delay(context: &Context, ctl: &Ctl, delay: u64) -> Verdict {
    let delay = i32::try_from(delay).unwrap_or(i32::MAX);
    set(ctl, DELAY, context.cable().playback, delay)
}

/// Both ends, linked, with a full buffer and not started.
pub fn open(context: &mut Context, config: &Config) -> Verdict<(Player, Recorder)> {
    let cable = context.cable();
    let (mut player, recorder) = context.linked(&cable, config)?;
    player.rehearse(4 * config.buffer + 2 * USUAL);
    Ok((player, recorder))
}

/// Plays and records until `more` frames more have been recorded.
pub fn go_on(player: &mut Player, recorder: &mut Recorder, more: u64) -> Verdict {
    let heard = recorder.frames() + more;
    let most = player.written + more + 2 * player.config.buffer;
    pump(Some(player), Some(recorder), most, heard)
}

/// What was said of the frame that is written next, and how far the recorder was before and after that.
pub struct Said {
    /// The number of that frame.
    pub next: u64,
    /// What `snd_pcm_delay` said.
    pub delay: i64,
    /// Frames that were left to be played before that.
    pub left: u64,
    /// Frames that the recorder had been given before that.
    pub before: u64,
    /// And after it.
    pub after: u64,
}

impl Said {
    /// What `player` says now.
    pub fn by(player: &Player, recorder: &Recorder) -> Verdict<Self> {
        let left = player.config.buffer.saturating_sub(player.pcm.avail()?);
        let before = recorder.frames() + recorder.pcm.avail()?;
        let delay = player.pcm.delay()?;
        Ok(Self {
            next: player.written,
            delay,
            left,
            before,
            after: recorder.frames() + recorder.pcm.avail()?,
        })
    }

    /// The delays that are right, if that frame is the recorder's frame `heard`.
    pub fn right(&self, heard: u64) -> (i64, i64) {
        (
            heard.saturating_sub(self.after) as i64,
            heard.saturating_sub(self.before) as i64,
        )
    }

    /// Whether that came true.
    pub fn judge(&self, heard: u64) -> Verdict {
        let (low, high) = self.right(heard);
        ensure((low..=high).contains(&self.delay), || {
            format!(
                "frame {} is heard as frame {heard} of the recording, {low} to {high} frames later; snd_pcm_delay said {}",
                self.next, self.delay
            )
        })
    }
}

/// Both calls and both files say the same of the player, and of the recorder.
pub fn judge_now(context: &Context, player: &Player, recorder: &Recorder, delay: u64) -> Verdict {
    Said::by(player, recorder)?.judge(player.written + delay)?;
    // The others come with the position that they belong to.
    let added = delay as i64;
    let now = player.pcm.snapshot()?;
    let left = player.config.buffer as i64 - now.avail as i64;
    ensure(now.delay == left + added, || {
        format!(
            "snd_pcm_status of the player: {left} frames are left to be played, then a delay of {delay}; it says {}",
            now.delay
        )
    })?;
    let now = recorder.pcm.snapshot()?;
    ensure(now.delay == now.avail as i64, || {
        format!(
            "snd_pcm_status of the recorder: {} frames are to be read, expected that as its delay, came {}",
            now.avail, now.delay
        )
    })?;
    let read = |pcm: &Pcm| {
        let (proc, number) = (Root::default().proc(), context.card.number);
        let stream = substream::read(&proc, number, pcm.address());
        // A kernel without CONFIG_SND_VERBOSE_PROCFS has no such file.
        stream.unwrap_or_default()
    };
    if let Some(stream) = read(&player.pcm) {
        let left = stream.appl_ptr as i64 - stream.hw_ptr as i64;
        ensure(stream.delay == left + added, || {
            format!("/proc/asound of the player, with a delay of {delay}: {stream:?}")
        })?;
    }
    if let Some(stream) = read(&recorder.pcm) {
        ensure(stream.delay == stream.avail, || {
            format!("/proc/asound of the recorder: {stream:?}")
        })?;
    }
    let shown = shown(context, &context.cable())?;
    ensure(shown.delay == Some(delay), || {
        format!(
            "cable#N: expected a delay of {delay}, came {:?}",
            shown.delay
        )
    })
}

/// All that was recorded is `delay` frames of silence, then what was played.
pub fn judge_all(player: &Player, recorder: &Recorder, delay: u64) -> Verdict {
    let frames = recorder.frames() - delay;
    let trace = recorder.trace(&player.seq, player.written);
    trace
        .expect(&[
            Want::Silence(delay..=delay),
            Want::Sequence(0..=0, frames..=frames),
        ])
        .or_fail()
}
