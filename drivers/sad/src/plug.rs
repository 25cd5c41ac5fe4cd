// SPDX-License-Identifier: GPL-2.0-only

//! What of a device can be taken away from programs: its nodes and its card.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::{Arc, Mutex};

use crate::device::Timers;
use crate::lib::alsa::card::Card;
use crate::nodes::Nodes;

/// What a device is known by to programs, and can be taken away from them at any time.
#[pin_data]
pub(crate) struct Plug {
    #[pin]
    nodes: Mutex<Option<Nodes>>,
    card: Card,
    pub(crate) timers: Arc<Timers>,
}

impl Plug {
    /// For a device that is there. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(nodes: Nodes, card: Card, timers: Arc<Timers>) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                nodes <- new_mutex!(Some(nodes)),
                card,
                timers,
            }),
            GFP_KERNEL,
        )
    }

    /// The card.
    pub(crate) fn card(&self) -> &Card {
        &self.card
    }

    /// Takes the device away: programs that have a file of it open get `ENODEV`, those that record it are stopped, and
    /// what has not left is dropped. Done again it does nothing. May sleep.
    pub(crate) fn pull(&self) {
        let nodes = self.nodes.lock().take();
        drop(nodes);
        self.timers.handler().leave();
        self.card.disconnect();
    }
}
