// SPDX-License-Identifier: GPL-2.0-only

//! The card: one PCM device with one substream, for capture, control elements, and faults on demand. All functions may
//! sleep, but not while they have the oscillator, which is locked; those of an element are called with the card's
//! `controls_rwsem` held.

use kernel::c_str;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;

use crate::lib::alsa::card::{CardRef, NewCard, CARDS};
use crate::lib::alsa::cards::{CardWithFaults, Driver};
use crate::lib::alsa::control::{self, Element, Substream, Values};
use crate::lib::alsa::fault_dirs::FaultDirs;
use crate::lib::alsa::pcm;
use crate::lib::kernel::fault_files::FaultFiles;
use crate::lib::kernel::parent::Parent;
use crate::lib::kernel::time::now;
use crate::lib::model::parameters::BadParameter;
use crate::model::oscillator::{Setting, Waveform, SETTINGS};
use crate::model::params::{parse, Config, Written, PARAMETERS};
use crate::model::wav::{Samples, FILE_MAX};
use crate::recording::Recording;

/// The driver: it makes oscillator cards, with their directories of faults.
pub(crate) struct Oscillators(pub(crate) Arc<FaultDirs<FaultFiles<Recording>>>);

impl Driver for Oscillators {
    const NAME: &'static CStr = c_str!("snd_minivosc");
    const DIRECTORY: &'static CStr = c_str!("snd-minivosc");
    const PARAMETERS: &'static [(&'static str, &'static str)] = PARAMETERS;
    const FILE: Option<(&'static str, usize)> = Some(("samples", FILE_MAX));

    type Config<'a> = Config<'a>;
    type Card = CardWithFaults<FaultFiles<Recording>>;

    fn parse<'a>(
        written: impl FnMut(&'static str) -> Option<&'a str>,
    ) -> Result<Config<'a>, BadParameter<'a>> {
        parse(&Written::collect(written), CARDS)
    }

    fn index(config: &Config<'_>) -> i32 {
        config.names.index
    }

    fn check_file(bytes: &[u8]) -> Result<(), &'static str> {
        Samples::read(bytes).map(drop)
    }

    fn make(
        &self,
        module: &'static ThisModule,
        slot: u32,
        parent: Parent,
        config: &Config<'_>,
        file: &[u8],
    ) -> Result<Self::Card> {
        let name = config.names.name;
        let mut given = KVVec::new();
        for value in Samples::read(file).into_iter().flat_map(Samples::values) {
            given.push(value, GFP_KERNEL)?;
        }
        if config.settings.waveform == Waveform::User && given.is_empty() {
            pr_err!("card \"{name}\": waveform=user needs a WAV file in samples, in configfs\n");
            return Err(EINVAL);
        }
        let mut card = NewCard::new(module, &parent, "snd-minivosc", config.names)?;
        let device = Arc::new(Recording::new(config, given)?, GFP_KERNEL)?;
        for (setting, name, most) in SETTINGS {
            let element = Control(device.clone(), setting, most);
            // Of the substream: mixers, which look for a volume, do not show it.
            control::create(&mut card, name, Substream::FIRST, true, element)?;
        }
        pcm::create::<Recording>(&mut card, name, 0, [0, 1], device.clone())?;
        CardWithFaults::new(&self.0, slot, card.register()?, parent, |dir| {
            FaultFiles::new(dir.clone(), device)
        })
    }
}

/// A control element: a setting that can be changed while it is heard, and its greatest value.
struct Control(Arc<Recording>, Setting, u32);

impl Element for Control {
    fn values(&self) -> Values {
        match self.1 {
            Setting::Waveform => Values::Enumerated(self.0.voice().names()),
            _ => Values::Integer(0, self.2),
        }
    }

    fn get(&self) -> u32 {
        self.0.voice().settings().get(self.1)
    }

    fn put(&self, value: u32, _: &CardRef<'_>) -> Result<bool> {
        let mut voice = self.0.voice();
        let settings = voice.settings().with(self.1, value).ok_or(EINVAL)?;
        let changed = settings != voice.settings();
        voice.set(settings, now());
        Ok(changed)
    }
}
