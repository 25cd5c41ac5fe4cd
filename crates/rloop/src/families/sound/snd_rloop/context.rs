// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a check is given.

use std::sync::Arc;
use std::time::Duration;

use rig::machine::Machine;
use rig::retry::Retry;
use rig::run;
use rig::verdict::{Blame, Problem, Verdict, skip};
use rig::watchdog::Watchdog;

use crate::alsa::pcm::{Config, Pcm, Space, frames_time};
use crate::alsa::signal::Sequence;
use crate::error::Error;
use crate::families::sound::loopback::elements::{is_free, timed};
use crate::families::sound::loopback::ends::{Player, Recorder};
use crate::families::sound::loopback::settings::Settings;
use crate::families::sound::loopback::{Cable, Card, Driver};
use crate::families::sound::status;

/// A check that is a function: name, what of the contract it proves, what it does, the function.
pub type Plain = rig::check::Plain<Context>;

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
pub struct Context {
    /// The card under test.
    pub card: Card,
    /// Limits set by options.
    pub limits: Limits,
    /// What an idle end of it offers.
    pub space: Space,
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
    _settings: Settings,
}

impl Context {
    /// A context for the checks of `card`, whose settings are neutral until it goes.
    ///
    /// # Errors
    /// If a setting can't be made.
    pub fn new(card: Card, limits: Limits, space: Space, start: run::Start) -> Result<Self, Error> {
        let settings = Settings::neutral(&card)?;
        let (cable, free) = match timed(&card).first() {
            Some(first) => (*first, false),
            None => (card.cable(0, 0), true),
        };
        Ok(Self {
            card,
            limits,
            space,
            free,
            cable,
            machine: start.machine,
            patience: 1,
            longest_buffer: Duration::ZERO,
            notes: Vec::new(),
            watchdog: start.watchdog,
            seed: 0,
            _settings: settings,
        })
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

    /// By how much the card's wake-ups may be late.
    pub fn wakeup_slack(&self) -> Verdict<Duration> {
        if self.card.driver != Driver::SndRloop {
            return Ok(Duration::ZERO);
        }
        let number = self.card.cable_number(&self.cable);
        let slack = status::cable(&self.card, number)?.wakeup_slack;
        Ok(Duration::from_micros(slack.unwrap_or(0).into()))
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

    /// Both ends of `cable`, linked, with a full buffer, and not started.
    pub fn linked(&mut self, cable: &Cable, config: &Config) -> Verdict<(Player, Recorder)> {
        let mut player = self.player(cable, config)?;
        let recorder = self.recorder(cable, config)?;
        player.pcm.link(&recorder.pcm)?;
        player.fill(config.buffer)?;
        Ok((player, recorder))
    }

    /// Both ends of `cable`, running, of which the recorder was started first. The player's buffer was full, and
    /// `frames` frames are ready to be written.
    pub fn started(
        &mut self,
        cable: &Cable,
        config: &Config,
        frames: u64,
    ) -> Verdict<(Player, Recorder)> {
        let mut player = self.player(cable, config)?;
        let recorder = self.recorder(cable, config)?;
        player.rehearse(frames);
        player.fill(config.buffer)?;
        recorder.pcm.start()?;
        player.pcm.start()?;
        Ok((player, recorder))
    }
}

impl run::Context for Context {
    type Error = Error;

    fn notes(&mut self) -> &mut Vec<String> {
        &mut self.notes
    }

    fn gone(&self, during: String) -> Option<Error> {
        self.card.gone(during)
    }
}

/// After an xrun or a drain that was given up a check is tried again with larger buffers. What still has xruns then is
/// the machine's fault only if the machine is known to be that slow.
impl Retry for Context {
    const SCALED: &'static str = "buffers";

    fn begin(&mut self, scale: u64) {
        self.patience = scale;
        self.longest_buffer = Duration::ZERO;
    }

    fn end(&mut self) {
        self.patience = 1;
    }

    fn no_better(&mut self, blame: Blame, text: String) -> Problem {
        if blame == Blame::Subject {
            return Problem::Failed(format!("in four tries: {text}"));
        }
        let (buffer, late) = (self.longest_buffer, self.machine.again().worst);
        let slow = blame == Blame::Machine;
        if !slow && buffer > (late * 20).max(Duration::from_millis(100)) {
            return Problem::Failed(format!(
                "xrun in four tries, the last with a buffer of {buffer:?} on a machine that wakes at most {late:?} late: {text}"
            ));
        }
        Problem::Skipped(format!(
            "xrun: this machine is too slow for it ({}wakes up to {late:?} late, buffer {buffer:?}, 4 tries): {text}",
            if slow {
                "copies at less than three times the sound's own speed, "
            } else {
                ""
            }
        ))
    }
}
