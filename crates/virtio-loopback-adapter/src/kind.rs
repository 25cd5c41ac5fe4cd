// SPDX-License-Identifier: MIT OR Apache-2.0
//! The kinds of devices, and what vhost-user does not say of them.

use clap::ValueEnum;

/// A kind of device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A sound card.
    #[value(name = "vhusnd")]
    Sound,
    /// A source of random numbers.
    #[value(name = "vhurng")]
    Rng,
    /// A disk.
    #[value(name = "vhublk")]
    Blk,
    /// Lines of a GPIO chip.
    #[value(name = "vhugpio")]
    Gpio,
    /// An I2C bus.
    #[value(name = "vhui2c")]
    I2c,
    /// A console.
    #[value(name = "vhuconsole")]
    Console,
}

/// What there is to know of a kind.
pub(crate) struct Facts {
    /// Its number (`linux/virtio_ids.h`).
    pub(crate) id: u32,
    /// How many queues a driver of this kind uses.
    pub(crate) queues: u32,
    /// How long its configuration is, in bytes.
    pub(crate) config: u32,
    /// How much memory it gets, in MiB, unless somebody wants something else.
    pub(crate) memory: u64,
}

impl Kind {
    /// What there is to know of it.
    pub(crate) fn facts(self) -> Facts {
        let (id, queues, config, memory) = match self {
            Self::Blk => (2, 1, 60, 8),
            Self::Console => (3, 2, 12, 2),
            Self::Rng => (4, 1, 0, 1),
            Self::Sound => (25, 4, 16, 2),
            Self::I2c => (34, 1, 0, 2),
            Self::Gpio => (41, 2, 8, 2),
        };
        Facts {
            id,
            queues,
            config,
            memory,
        }
    }
}
