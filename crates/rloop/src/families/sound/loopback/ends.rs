// SPDX-License-Identifier: MIT OR Apache-2.0

//! Both ends of one cable with a sequence going round.

use std::time::{Duration, Instant};

use rig::verdict::{Blame, OrFail, Problem, Verdict, Within, fail};

use super::card::Cable;
use crate::alsa::pcm::{Config, Pcm, State, frames_time, wait};
use crate::alsa::problem::{slow, xrun};
use crate::alsa::signal::trace::Want;
use crate::alsa::signal::{Sequence, Trace};

/// After so long without a single frame a stream counts as stuck. Far beyond any legal wait of a check.
const STUCK: Duration = Duration::from_secs(10);

/// The playing end and what was played into it.
pub struct Player {
    /// The stream.
    pub pcm: Pcm,
    /// How it is set up.
    pub config: Config,
    /// What it plays.
    pub seq: Sequence,
    /// Frames written so far.
    pub written: u64,
    /// Whether the cable has no clock.
    pub free: bool,
    score: Vec<u8>,
}

impl Player {
    /// Opens and configures the playback end of `cable`.
    pub fn open(cable: &Cable, config: &Config, seq: Sequence) -> Verdict<Self> {
        let mut pcm = Pcm::open(cable.playback)?;
        pcm.configure(config).within(|| describe(config))?;
        Ok(Self {
            pcm,
            config: *config,
            seq,
            written: 0,
            free: false,
            score: Vec::new(),
        })
    }

    /// Makes ready what will be written, so that writing costs no more than a copy.
    pub fn rehearse(&mut self, frames: u64) {
        let have = self.score.len() / self.config.frame_bytes();
        if (have as u64) < frames {
            let more = self.seq.frames(have as u64, frames as usize - have);
            self.score.extend_from_slice(&more);
        }
    }

    /// Writes what there is room for, up to `until` frames since the beginning.
    pub fn write(&mut self, until: u64) -> Verdict<u64> {
        // More has no room, and to make it ready takes time in which the stream runs dry.
        let until = until.min(self.written + self.config.buffer);
        self.rehearse(until);
        let width = self.config.frame_bytes();
        let part = &self.score[self.written as usize * width..until as usize * width];
        let written = self.pcm.write(part)?;
        self.written += written;
        Ok(written)
    }

    /// Writes up to `until` frames; all must find room now.
    pub fn fill(&mut self, until: u64) -> Verdict {
        while self.written < until {
            if self.write(until)? == 0 {
                return fail(format!(
                    "{}: room for {} of {until} frames in an empty buffer of {}",
                    self.pcm.address(),
                    self.written,
                    self.config.buffer
                ));
            }
        }
        Ok(())
    }

    /// Prepares it for another sequence after a stop or an xrun.
    pub fn again(&mut self, seq: Sequence) -> Verdict {
        self.pcm.prepare()?;
        self.seq = seq;
        self.written = 0;
        self.score.clear();
        Ok(())
    }
}

/// The recording end and what it recorded.
pub struct Recorder {
    /// The stream.
    pub pcm: Pcm,
    /// How it is set up.
    pub config: Config,
    /// All bytes read so far, interleaved.
    pub heard: Vec<u8>,
    /// Whether the cable has no clock.
    pub free: bool,
}

impl Recorder {
    /// Opens and configures the capture end of `cable`.
    pub fn open(cable: &Cable, config: &Config) -> Verdict<Self> {
        let mut pcm = Pcm::open(cable.capture)?;
        pcm.configure(config).within(|| describe(config))?;
        Ok(Self {
            pcm,
            config: *config,
            heard: Vec::new(),
            free: false,
        })
    }

    /// Frames read so far.
    pub fn frames(&self) -> u64 {
        (self.heard.len() / self.config.frame_bytes()) as u64
    }

    /// Reads what is there, up to `until` frames since the beginning.
    pub fn read(&mut self, until: u64) -> Verdict<u64> {
        let width = self.config.frame_bytes();
        let at = self.heard.len();
        let room = until.saturating_sub(self.frames()).min(self.config.buffer);
        self.heard.resize(at + room as usize * width, 0);
        let read = self.pcm.read(&mut self.heard[at..]);
        self.heard
            .truncate(at + *read.as_ref().unwrap_or(&0) as usize * width);
        Ok(read?)
    }

    /// Reads all that is there now. What comes meanwhile stays: where a read takes longer than a
    /// frame there would be no end to it.
    pub fn read_all(&mut self) -> Verdict {
        let until = self.frames() + self.pcm.avail()?;
        while self.frames() < until && self.read(until)? > 0 {}
        Ok(())
    }

    /// Takes apart what was heard of `written` frames of `seq`.
    pub fn trace(&self, seq: &Sequence, written: u64) -> Trace {
        Trace::of(seq, &self.heard, written)
    }

    /// What was heard is the first `total` frames of what `player` plays, and nothing else.
    pub fn has_heard(&self, player: &Player, total: u64) -> Verdict {
        let trace = self.trace(&player.seq, player.written);
        trace
            .expect(&[Want::Sequence(0..=0, total..=total)])
            .or_fail()
    }
}

/// One line for a configuration in messages.
pub fn describe(c: &Config) -> String {
    format!(
        "{} {} Hz {} ch {} period {} buffer {}",
        c.format, c.rate, c.channels, c.access, c.period, c.buffer
    )
}

/// Whether the card wakes the program before it is too late. Without period wake-ups it does not,
/// and with a single period in the buffer it does so when the buffer is empty: look often instead.
fn wakes_in_time(config: &Config) -> bool {
    config.period_wakeup && !config.is_single()
}

/// Whether the card has caught up with the program while that copied `frames`: then the copy is
/// worth nothing, and as the copied frames count from now on neither ALSA nor the card can tell.
/// All that happens in the buffer must fit in it: what is free for the program now, and what the
/// program has just moved. (A stream that was started by the transfer itself began after it, and one
/// without a clock waits for the program.)
fn in_time(pcm: &Pcm, config: &Config, running: bool, frames: u64) -> Verdict {
    if running && frames > 0 && pcm.avail()? + frames > config.buffer {
        return Err(xrun(format!(
            "{}: overtaken while {frames} frames were copied",
            pcm.address()
        )));
    }
    Ok(())
}

/// The frames that are moved at a time: whole periods where the card wakes the program after each.
/// Whoever takes a part of the next period too falls out of step with the wake-ups and, with two
/// periods in the buffer, runs into an xrun by its own fault.
fn whole(config: &Config, avail: u64, left: u64) -> u64 {
    let grain = if wakes_in_time(config) {
        config.period
    } else {
        1
    };
    if avail >= left {
        left
    } else {
        avail - avail % grain
    }
}

/// Moves frames in both directions until `heard` frames are heard or, where nobody records, `written` frames are
/// written. More than `written` frames are never written.
///
/// # Errors
/// An xrun, or a stream that moves no frame for ten seconds.
pub fn pump(
    player: Option<&mut Player>,
    recorder: Option<&mut Recorder>,
    written: u64,
    heard: u64,
) -> Verdict {
    let mut effort = Effort::default();
    match pump_on(player, recorder, written, heard, &mut effort) {
        Err(Problem::Again(Blame::Either, text)) if effort.copying * 3 > effort.sound => {
            Err(slow(text))
        }
        other => other,
    }
}

/// What it costs this machine to move frames.
#[derive(Default)]
struct Effort {
    /// Time spent in moving frames.
    copying: Duration,
    /// The time that these frames take to play.
    sound: Duration,
}

impl Effort {
    /// Moves up to `frames` frames by `transfer` and books them. An xrun while they are moved makes an
    /// error of all of them: their time has been spent all the same.
    fn book(
        &mut self,
        config: &Config,
        frames: u64,
        transfer: impl FnOnce() -> Verdict<u64>,
    ) -> Verdict<u64> {
        let begin = Instant::now();
        let moved = transfer();
        let frames = *moved.as_ref().unwrap_or(&frames);
        if frames > 0 {
            self.copying += begin.elapsed();
            self.sound += frames_time(frames, config.rate);
        }
        moved
    }
}

fn pump_on(
    player: Option<&mut Player>,
    recorder: Option<&mut Recorder>,
    written: u64,
    heard: u64,
    effort: &mut Effort,
) -> Verdict {
    let (mut player, mut recorder) = (player, recorder);
    if let Some(p) = &mut player {
        p.rehearse(written);
    }
    let mut last = Instant::now();
    loop {
        let mut moved = 0;
        let mut streams = Vec::with_capacity(2);
        let mut polled = true;
        if let Some(p) = player.as_deref_mut().filter(|p| p.written < written) {
            let running = !p.free && p.pcm.state() == State::Running;
            let frames = whole(&p.config, p.pcm.avail()?, written - p.written);
            let config = p.config;
            let count = effort.book(&config, frames, || p.write(p.written + frames))?;
            in_time(&p.pcm, &config, running, count)?;
            moved += count;
        }
        if let Some(r) = recorder.as_deref_mut().filter(|r| r.frames() < heard) {
            let running = !r.free && r.pcm.state() == State::Running;
            let frames = whole(&r.config, r.pcm.avail()?, heard - r.frames());
            let config = r.config;
            let count = effort.book(&config, frames, || r.read(r.frames() + frames))?;
            in_time(&r.pcm, &config, running, count)?;
            moved += count;
        }
        let done = match (&player, &recorder) {
            (_, Some(r)) => r.frames() >= heard,
            (Some(p), None) => p.written >= written,
            (None, None) => true,
        };
        if let Some(p) = player.as_deref().filter(|p| p.written < written) {
            polled &= wakes_in_time(&p.config);
            streams.push(&p.pcm);
        }
        if let Some(r) = recorder.as_deref().filter(|r| r.frames() < heard) {
            polled &= wakes_in_time(&r.config);
            streams.push(&r.pcm);
        }
        if done {
            return Ok(());
        }
        if moved > 0 {
            last = Instant::now();
        } else if last.elapsed() > STUCK {
            let who: Vec<_> = streams
                .iter()
                .map(|s| format!("{} is {:?}", s.address(), s.state()))
                .collect();
            return fail(format!("no frame moved for {STUCK:?}: {}", who.join(", ")));
        }
        let timeout = if polled {
            Duration::from_millis(500)
        } else {
            Duration::from_millis(1)
        };
        wait(&streams, timeout)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_xrun_is_the_machines_if_the_copy_was_still_going_on() {
        let xrun = || Err(xrun(String::new()));
        let config = Config::default();
        let mut effort = Effort::default();
        let frames = u64::from(config.rate) / 1_000;
        let late = effort.book(&config, frames, || {
            std::thread::sleep(Duration::from_millis(5));
            xrun()
        });
        assert!(late.is_err() && effort.copying * 3 > effort.sound);

        let mut effort = Effort::default();
        let frames = u64::from(config.rate) * 10;
        assert!(effort.book(&config, frames, xrun).is_err());
        assert!(effort.copying * 3 < effort.sound);
    }
}
