// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a check is given.

use std::sync::Arc;
use std::time::Duration;

use super::elements::is_free;
use super::machine::Machine;
use super::problem::{Problem, Verdict, skip};
use super::rig::{Player, Recorder};
use super::watchdog::Watchdog;
use crate::card::{Cable, Card};
use crate::pcm::{Config, Pcm, Space};
use crate::signal::Sequence;

/// The limits that keep a check within what a machine can do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The whole space instead of a spanning subset.
    pub full: bool,
    /// Bytes per second and stream that a matrix case may move.
    pub byte_rate: u64,
    /// Bytes that a matrix case may move in all.
    pub case_bytes: u64,
}

/// What a check is given.
pub struct Context<'a> {
    /// The card under test.
    pub card: &'a Card,
    /// Limits set by options.
    pub limits: Limits,
    /// What an idle end of it offers.
    pub space: &'a Space,
    /// Whether the cable that most checks use has no clock.
    pub free: bool,
    cable: Cable,
    /// How punctual the machine is.
    pub machine: Machine,
    /// By how much buffers are enlarged: 1 at the first try, then 4, 16, 64.
    pub patience: u64,
    /// The longest buffer, in time, that was used in this try.
    pub longest_buffer: Duration,
    /// Figures worth reporting.
    pub notes: Vec<String>,
    /// Told what is being done.
    pub watchdog: Arc<Watchdog>,
    seed: u32,
}

impl<'a> Context<'a> {
    /// A context for the checks of `card`.
    pub fn new(
        card: &'a Card,
        limits: Limits,
        space: &'a Space,
        machine: Machine,
        watchdog: Arc<Watchdog>,
    ) -> Self {
        let (cable, free) = match timed(card).first() {
            Some(first) => (*first, false),
            None => (card.cable(0, 0), true),
        };
        Self {
            card,
            limits,
            space,
            free,
            cable,
            machine,
            patience: 1,
            longest_buffer: Duration::ZERO,
            notes: Vec::new(),
            watchdog,
            seed: 0,
        }
    }

    /// The cable that most checks use: the first that has a clock, if there is one.
    pub fn cable(&self) -> Cable {
        self.cable
    }

    /// The default configuration, with a buffer that fits the machine.
    pub fn config(&self) -> Config {
        self.fitted(Config::default())
    }

    /// `config` with period and buffer enlarged by the patience of this try, within what both
    /// drivers take: 1 MiB for a period, 2 MiB for a buffer.
    pub fn fitted(&self, config: Config) -> Config {
        let most = (1 << 20) / config.frame_bytes() as u64;
        let fits = |f: &u64| config.buffer * f <= 2 * most && config.period * f <= most;
        let factor = (1..=self.patience).rev().find(fits).unwrap_or(1);
        Config {
            period: config.period * factor,
            buffer: config.buffer * factor,
            ..config
        }
    }

    /// `config` with period wake-ups off; skips on a card that can't turn them off.
    pub fn without_wakeups(&self, config: &Config) -> Verdict<Config> {
        let mut pcm = Pcm::open(self.cable().playback)?;
        let on = Config {
            period_wakeup: true,
            ..*config
        };
        if !pcm.configure(&on)?.flags.no_period_wakeup {
            return skip("the card can't turn period wake-ups off (see space/info-flags)");
        }
        Ok(Config {
            period_wakeup: false,
            ..*config
        })
    }

    /// A sequence that nothing played before: stale data can't pass for it.
    pub fn sequence(&mut self, config: &Config) -> Sequence {
        self.seed += 1;
        Sequence::new(self.seed, config.format, config.channels)
    }

    /// Opens and configures the playback end of `cable`.
    pub fn player(&mut self, cable: &Cable, config: &Config) -> Verdict<Player> {
        self.longest_buffer = self
            .longest_buffer
            .max(frames_time(config.buffer, config.rate));
        let seq = self.sequence(config);
        let mut player = Player::open(cable, config, seq)?;
        player.free = is_free(cable);
        Ok(player)
    }

    /// Opens and configures the capture end of `cable`.
    pub fn recorder(&mut self, cable: &Cable, config: &Config) -> Verdict<Recorder> {
        self.longest_buffer = self
            .longest_buffer
            .max(frames_time(config.buffer, config.rate));
        let mut recorder = Recorder::open(cable, config)?;
        recorder.free = is_free(cable);
        Ok(recorder)
    }

    /// Reports a figure with the result.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// Runs `attempt`; after an xrun or a drain that was given up again, with larger buffers, up to four
    /// times. What still has xruns then is the machine's fault only if the machine is known to be that slow.
    pub fn with_patience(&mut self, attempt: impl Fn(&mut Self) -> Verdict) -> Verdict {
        let (mut last, mut slow, mut given_up) = (String::new(), false, false);
        for (tries, patience) in [1, 4, 16, 64].into_iter().enumerate() {
            self.patience = patience;
            self.longest_buffer = Duration::ZERO;
            let verdict = attempt(self);
            self.patience = 1;
            match verdict {
                Err(Problem::Xrun(text)) => (last, slow, given_up) = (text, false, false),
                Err(Problem::GivenUp(text)) => (last, slow, given_up) = (text, false, true),
                Err(Problem::Slow(text)) => (last, slow, given_up) = (text, true, false),
                other => {
                    if tries > 0 {
                        self.note(format!(
                            "passed at try {} with buffers ×{patience} ({last})",
                            tries + 1
                        ));
                    }
                    return other;
                }
            }
        }
        if given_up {
            return Err(Problem::Failed(format!("in four tries: {last}")));
        }
        let (buffer, late) = (self.longest_buffer, self.machine.again().worst);
        if !slow && buffer > (late * 20).max(Duration::from_millis(100)) {
            return Err(Problem::Failed(format!(
                "xrun in four tries, the last with a buffer of {buffer:?} on a machine that wakes at most {late:?} late: {last}"
            )));
        }
        Err(Problem::Skipped(format!(
            "xrun: this machine is too slow for it ({}wakes up to {late:?} late, buffer {buffer:?}, 4 tries): {last}",
            if slow {
                "copies at less than three times the sound's own speed, "
            } else {
                ""
            }
        )))
    }
}

/// The cables of a card that have a clock now.
pub fn timed(card: &Card) -> Vec<Cable> {
    let mut cables = card.cables();
    cables.retain(|cable| !is_free(cable));
    cables
}

/// The time that `frames` take.
pub fn frames_time(frames: u64, rate: u32) -> Duration {
    Duration::from_nanos((u128::from(frames) * 1_000_000_000 / u128::from(rate.max(1))) as u64)
}

/// The frames that fit into `time`, and a fraction.
pub fn time_frames(time: Duration, rate: u32) -> f64 {
    time.as_secs_f64() * f64::from(rate)
}
