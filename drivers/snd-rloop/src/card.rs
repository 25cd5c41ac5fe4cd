// SPDX-License-Identifier: GPL-2.0-only

//! A loopback card: its PCM devices, and the cables between them.

use kernel::c_str;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::{Arc, ArcBorrow};

use crate::bandwidth::Bandwidth;
use crate::cable::{Cable, CARD_BYTES_MAX};
use crate::cable_ends::CableEnds;
use crate::controls::Controls;
use crate::faults::{self, CableFiles};
use crate::lib::alsa::buffer::Buffer;
use crate::lib::alsa::card::{CardRef, NewCard, CARDS};
use crate::lib::alsa::cards::{CardWithFaults, Driver};
use crate::lib::alsa::control::Substream;
use crate::lib::alsa::fault_dirs::FaultDirs;
use crate::lib::alsa::hardware::{self, Hardware};
use crate::lib::alsa::pcm;
use crate::lib::alsa::period_timer::PeriodTimer;
use crate::lib::alsa::proc;
use crate::lib::alsa::stream::{self, Action};
use crate::lib::kernel::parent::Parent;
use crate::lib::kernel::quota::{Quota, Share};
use crate::lib::model::limits::Limits;
use crate::lib::model::parameters::{Allowed, BadParameter};
use crate::lib::model::stream::Params;
use crate::lib::model::stream::{Direction, Setup};
use crate::master::is_own;
use crate::model::end::Port;
use crate::model::params::{parse, Config, Topology, Written, PARAMETERS};
use crate::model::source::ALLOWED;
use crate::shared_cable::CableLocks;
use crate::status::CableStatus;
use crate::timer_source::TimerSource;
use crate::volume;

const NS_PER_US: u64 = 1_000;

/// The driver: it makes loopback cards.
pub(crate) struct Loopbacks {
    /// The directories of the cards' fault controls.
    pub(crate) faults: Arc<FaultDirs<CableFiles>>,
}

impl Driver for Loopbacks {
    const NAME: &'static CStr = c_str!("snd_rloop");
    const DIRECTORY: &'static CStr = c_str!("rloop");
    const PARAMETERS: &'static [(&'static str, &'static str)] = PARAMETERS;

    type Config<'a> = Config<'a>;
    type Card = CardWithFaults<CableFiles>;

    fn parse<'a>(
        written: impl FnMut(&'static str) -> Option<&'a str>,
    ) -> Result<Config<'a>, BadParameter<'a>> {
        parse(&Written::collect(written), CARDS)
    }

    fn index(config: &Config<'_>) -> i32 {
        config.names.index
    }

    fn make(
        &self,
        module: &'static ThisModule,
        slot: u32,
        parent: Parent,
        config: &Config<'_>,
        _: &[u8],
    ) -> Result<Self::Card> {
        let driver = driver_name(config.topology);
        let mut card = NewCard::new(module, &parent, driver, config.names)?;

        let (topology, source) = (config.topology, config.timer_source);
        let card_number = u32::try_from(card.number())?;
        let cables = create_cables(&mut card, card_number, config)?;
        let bandwidth = Arc::new(Bandwidth::new(card_number, config.bandwidth)?, GFP_KERNEL)?;
        for number in 0..topology.devices() {
            create_device(&mut card, number, config, &cables, &bandwidth)?;
        }

        let card = card.register()?;
        if is_own(&source, card_number) {
            let own = BadParameter {
                parameter: "timer_source",
                value: source.text(),
                allowed: Allowed::Words(ALLOWED),
            };
            pr_err!("{}\n", format_args!("{own}"));
            return Err(EINVAL);
        }
        CardWithFaults::new(&self.faults, slot, card, parent, |dir| {
            faults::create(dir, &cables)
        })
    }
}

/// Makes the cables of a card, their files in its proc directory, and their volumes. May sleep.
///
/// # Errors
///
/// `ENOMEM`, or what ALSA returns.
fn create_cables(
    card: &mut NewCard,
    card_number: u32,
    config: &Config<'_>,
) -> Result<KVec<CableEnds>> {
    let (topology, captures) = (config.topology, config.captures());
    let (source, slack) = (config.timer_source, config.wakeup_slack);
    let playbacks = config.playbacks().max(1);
    let memory = Quota::new(CARD_BYTES_MAX)?;
    let mut cables = KVec::new();
    let mut timed = TimerSource {
        card: card_number,
        cables: KVec::new(),
    };
    for number in 0..topology.devices() * playbacks {
        let late = u64::from(slack) * NS_PER_US;
        let cable = Cable::new(captures, card_number, source, late, memory.clone())?;
        let cable = Arc::new(cable, GFP_KERNEL)?;
        cable.set_notify(config.notify);
        cable.set_free_running(config.free_running)?;
        timed.cables.push(cable.clone(), GFP_KERNEL)?;
        let (device, subdevice) = (number / playbacks, number % playbacks);
        let ends = CableEnds {
            cable,
            playback: Substream { device, subdevice },
            capture: Substream {
                device: topology.opposite(device),
                subdevice: subdevice * captures,
            },
        };
        let status = Arc::new(CableStatus::new(number, ends.clone(), slack), GFP_KERNEL)?;
        let name = CString::try_from_fmt(fmt!("cable#{}", number))?;
        proc::create_text(card, &name, status)?;
        volume::create(card, number)?;
        cables.push(ends, GFP_KERNEL)?;
    }
    let timed = Arc::new(timed, GFP_KERNEL)?;
    proc::create_setting(card, c_str!("timer_source"), timed)?;
    Ok(cables)
}

/// Makes the PCM device of this number, with the control elements of its playback substreams. May
/// sleep.
///
/// # Errors
///
/// `ENOMEM`, or what ALSA returns.
fn create_device(
    card: &mut NewCard,
    number: u32,
    config: &Config<'_>,
    cables: &[CableEnds],
    bandwidth: &Arc<Bandwidth>,
) -> Result {
    let mut device = Device {
        playback: KVec::new(),
        capture: KVec::new(),
        limits: config.limits,
        bandwidth: bandwidth.clone(),
    };
    for ends in cables.iter().filter(|ends| ends.playback.device == number) {
        let single = cables.len() == 1;
        let controls = Controls::create(card, ends.clone(), config.topology, single)?;
        device.playback.push(controls, GFP_KERNEL)?;
    }
    for ends in cables.iter().filter(|ends| ends.capture.device == number) {
        for capture in 0..config.captures() as usize {
            let end = (ends.cable.clone(), Port::Capture(capture));
            device.capture.push(end, GFP_KERNEL)?;
        }
    }
    let substreams = [config.playbacks().max(1), config.substreams];
    let device = Arc::new(device, GFP_KERNEL)?;
    pcm::create::<Stream>(card, "Loopback PCM", number, substreams, device)
}

/// The driver's name, by which alsa-lib and mixers find a card's configuration.
fn driver_name(topology: Topology) -> &'static str {
    match topology {
        Topology::Cable | Topology::Fanout => "snd-rloop",
        // `crossed` uses snd-aloop's configuration.
        Topology::Crossed => "Loopback",
    }
}

/// A PCM device: the ends of cables that its substreams are, by their number.
pub(crate) struct Device {
    playback: KVec<Controls>,
    capture: KVec<(Arc<Cable>, Port)>,
    limits: Limits,
    bandwidth: Arc<Bandwidth>,
}

/// An open substream: an end of a cable. Dropping it closes the end.
pub(crate) struct Stream {
    cable: Arc<Cable>,
    port: Port,
    /// The control elements that show this stream, if it is a playback stream.
    controls: Option<Controls>,
    limits: Limits,
    bandwidth: Arc<Bandwidth>,
    /// Whether the cable has no clock; stays as it is while a stream is open.
    free_running: bool,
}

impl Stream {
    /// Notes that the control elements of this stream may have changed. Any context.
    fn changed(&self, card: &CardRef<'_>) {
        if let Some(controls) = &self.controls {
            controls.changed(card);
        }
    }
}

impl stream::Stream for Stream {
    type Device = Device;
    type Timer = CableLocks;

    const HARDWARE: Hardware = Hardware {
        info: Hardware::VIRTUAL.info
            | hardware::SNDRV_PCM_INFO_SYNC_START
            | hardware::SNDRV_PCM_INFO_DRAIN_TRIGGER,
        ..Hardware::VIRTUAL
    };

    fn open(device: ArcBorrow<'_, Device>, direction: Direction, number: u32) -> Result<Self> {
        let number = number as usize;
        let (cable, port, controls) = match direction {
            Direction::Playback => {
                let controls = device.playback.get(number).ok_or(ENODEV)?.clone();
                (controls.cable().clone(), Port::Playback, Some(controls))
            }
            Direction::Capture => {
                let (cable, port) = device.capture.get(number).ok_or(ENODEV)?;
                (cable.clone(), *port, None)
            }
        };
        cable.open(port);
        Ok(Self {
            free_running: cable.is_free_running(),
            cable,
            port,
            controls,
            limits: device.limits,
            bandwidth: device.bandwidth.clone(),
        })
    }

    fn timer(&self) -> &PeriodTimer<CableLocks> {
        self.cable.timer(self.port)
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn free_running(&self) -> bool {
        self.free_running
    }

    fn bound(&self) -> Option<Params> {
        self.cable.bound(self.port)
    }

    fn claim(&self, rate: u32, frame_bytes: u32) -> Result<Option<Share>> {
        self.bandwidth.take(rate, frame_bytes).map(Some)
    }

    fn prepare(&self, params: Params, setup: Setup, buffer: Buffer, card: &CardRef<'_>) -> Result {
        self.cable.prepare(self.port, params, setup, buffer)?;
        self.changed(card);
        Ok(())
    }

    fn take_buffer(&self) -> Option<Buffer> {
        self.cable.take_buffer(self.port)
    }

    fn drop_params(&self) {
        self.cable.drop_params(self.port);
    }

    fn trigger(&self, action: Action, card: &CardRef<'_>) -> Result {
        let result = self.cable.trigger(self.port, action);
        self.changed(card);
        result
    }

    fn acknowledge(&self) {
        if self.free_running {
            self.cable.acknowledge(self.port);
        }
    }

    fn pointer(&self, notified: bool) -> (Option<u64>, u64) {
        self.cable.pointer(self.port, notified)
    }

    fn delay(&self) -> u64 {
        self.cable.latency(self.port)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.cable.close(self.port);
    }
}
