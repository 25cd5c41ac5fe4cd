// SPDX-License-Identifier: GPL-2.0-only

//! One device: its converter, its nodes and its card.

use kernel::c_str;
use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::Arc;

use crate::device::{Device, Timers};
use crate::lib::alsa::card::{Card, NewCard, CARDS};
use crate::lib::alsa::cards::{Driver, Removable};
use crate::lib::alsa::{pcm, proc};
use crate::lib::kernel::parent::Parent;
use crate::lib::kernel::plug::{Pluggable, Plugged};
use crate::lib::model::parameters::BadParameter;
use crate::model::params::{parse, Config, Written, PARAMETERS};
use crate::nodes::Nodes;
use crate::port::Port;
use crate::recording::{Output, Recording};
use crate::status::Status;

/// A converter, and the card that records it.
pub(crate) struct Recorded {
    pub(crate) timers: Arc<Timers>,
    card: Card,
}

impl Pluggable for Recorded {
    type Node = Nodes;

    /// Programs that have a node open get `ENODEV`, those that record are stopped, and what has not left is dropped.
    fn leave(&self, nodes: Nodes) {
        drop(nodes);
        self.timers.handler().leave();
        self.card.disconnect();
    }

    fn in_use(&self, _: &Nodes) -> bool {
        let converter = self.timers.handler().converter.lock();
        let open = converter.open_files() > 0;
        drop(converter);
        open || self.card.in_use()
    }
}

/// A device. Dropping it takes nodes and card away, and sleeps until all files of the card are closed.
pub(crate) struct Instance {
    // In this order: nodes and card are below the parent.
    plugged: Option<Plugged<Recorded>>,
    device: Arc<Recorded>,
    parent: Parent,
}

/// The driver: it makes devices, with their files for faults in a directory.
pub(crate) struct Devices {
    faults: Dir,
}

impl Devices {
    /// Makes `/sys/kernel/debug/sad`. May sleep.
    pub(crate) fn new() -> Self {
        Self {
            faults: Dir::new(NAME),
        }
    }
}

const NAME: &CStr = c_str!("sad");

impl Driver for Devices {
    const NAME: &'static CStr = NAME;
    const DIRECTORY: &'static CStr = NAME;
    const PARAMETERS: &'static [(&'static str, &'static str)] = PARAMETERS;

    type Config<'a> = Config<'a>;
    type Card = Instance;

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
    ) -> Result<Instance> {
        // `sad.N` is the parent of those that came with the module, `sad-NAME` that of others.
        let suffix = parent.name().trim_start_matches("sad");
        let suffix = match slot {
            0 => "",
            _ => suffix.trim_start_matches('.'),
        };
        let suffix = CString::try_from_fmt(fmt!("{suffix}"))?;
        Instance::new(module, &self.faults, parent, &suffix, config)
    }
}

impl Instance {
    /// Makes a device and registers it. The names of its nodes end in `suffix`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what the parts return; each other than `ENOMEM` with a line in the kernel's log.
    fn new(
        module: &'static ThisModule,
        dir: &Dir,
        parent: Parent,
        suffix: &CStr,
        config: &Config<'_>,
    ) -> Result<Self> {
        let timers = Device::new(config, Port::claim(config, NAME)?)?;
        let mut card = NewCard::new(module, &parent, "sad", config.names)?;
        let output = Arc::new(Output::new(timers.clone(), config.rate), GFP_KERNEL)?;
        pcm::create::<Recording>(&mut card, config.names.name, 0, [0, 1], output)?;
        let status = Arc::new(Status::new(timers.clone()), GFP_KERNEL)?;
        proc::create_text(&mut card, c_str!("converter"), status)?;
        let card = card.register()?;
        let number = card.number();
        let device = Recorded {
            timers: timers.clone(),
            card,
        };
        let device = Arc::new(device, GFP_KERNEL)?;
        let name = CString::try_from_fmt(fmt!("sad{}", suffix))?;
        let plugged = Plugged::new(device.clone(), &name, dir.subdir(&name))?;
        let nodes = Nodes::new(module, &parent, suffix, &timers).inspect_err(|error| {
            pr_err!(
                "/dev/sad{} can't be made: error {}\n",
                suffix,
                error.to_errno()
            );
        })?;
        plugged.plug_in(nodes);
        pr_info!(
            "card {}: what is written to /dev/sad{} as {} at {} Hz is recorded\n",
            number,
            suffix,
            config.format.name,
            config.rate
        );
        Ok(Self {
            plugged: Some(plugged),
            device,
            parent,
        })
    }
}

impl Removable for Instance {
    fn card(&self) -> &Card {
        &self.device.card
    }

    fn in_use(&self) -> bool {
        self.plugged.as_ref().is_some_and(Plugged::in_use)
    }

    fn disconnect(&mut self) {
        self.plugged = None;
        self.parent.unregister();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.disconnect();
    }
}
