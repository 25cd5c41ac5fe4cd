// SPDX-License-Identifier: GPL-2.0-only

//! What both ends of a pair share: the wires.
//!
//! Lock order: rtnl; [`Shared::link`]; a wire's lock, of which nobody holds two.

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::sync::Mutex;

use crate::lib::kernel::lock::IrqSpinLock;
use crate::lib::kernel::net::{Device, Ends, Interface, Packet, ReadSide};
use crate::model::params::RING_MAX;
use crate::model::wire::{Queue, Slot, Wire};

/// One direction of a pair.
pub(crate) type Direction = Wire<KVec<Option<Slot<Packet>>>>;

/// What both ends of a pair, of which each is an `I`, share.
#[pin_data]
pub(crate) struct Shared<I: Interface> {
    pub(crate) ends: Ends<I>,
    /// Each is that into which the end of this number sends.
    #[pin]
    from_first: IrqSpinLock<Direction>,
    #[pin]
    from_second: IrqSpinLock<Direction>,
    /// Held while somebody says whether there is a link.
    #[pin]
    pub(crate) link: Mutex<()>,
}

impl<I: Interface> Shared<I> {
    /// Makes what a pair shares. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(ring_size: u32) -> Result<impl PinInit<Self>> {
        let (first, second) = (places()?, places()?);
        Ok(pin_init!(Self {
            ends: Ends::new(),
            from_first <- IrqSpinLock::new(Wire::new(first, ring_size)),
            from_second <- IrqSpinLock::new(Wire::new(second, ring_size)),
            link <- new_mutex!((), "Shared::link"),
        }))
    }

    /// The wire into which an end sends.
    pub(crate) fn wire(&self, side: usize) -> &IrqSpinLock<Direction> {
        match side {
            0 => &self.from_first,
            _ => &self.from_second,
        }
    }

    /// Changes the wire into which the end `side` sends by `change`, and does what that says with the end's queue: under
    /// the wire's lock, so that nobody comes in between.
    pub(crate) fn change(
        &self,
        side: usize,
        read: &ReadSide,
        change: impl FnOnce(&mut Direction) -> Queue,
    ) {
        let sender = self.ends.get(side, read);
        let mut wire = self.wire(side).lock();
        let queue = change(&mut wire);
        if let Some(sender) = sender {
            apply(queue, sender);
        }
    }

    /// Cuts both wires, or mends them: what the ends see is that there is a link or not. May sleep.
    pub(crate) fn cut(&self, cut: bool) {
        let _link = self.link.lock();
        for side in [0, 1] {
            self.wire(side).lock().cut(cut);
            ReadSide::with(|read| {
                let device = self.ends.get(side, read);
                if let Some(device) = device.filter(|device| device.is_running()) {
                    device.set_link(!cut);
                }
            });
        }
    }

    /// Lets nothing arrive that the end `side` sends, or all go on. Any context.
    pub(crate) fn freeze(&self, side: usize, freeze: bool) {
        self.wire(side).lock().faults.frozen = freeze;
        self.look(side);
    }

    /// Lets whoever receives what the end `side` sends look again. Any context.
    fn look(&self, side: usize) {
        ReadSide::with(|read| {
            if let Some(receiver) = self.ends.get(1 - side, read) {
                receiver.schedule(read);
            }
        });
    }
}

/// Does with a device's queue what its wire says. Under the wire's lock.
pub(crate) fn apply<I: Interface>(queue: Queue, device: &Device<I>) {
    match queue {
        Queue::Leave => {}
        Queue::Stop => device.stop_queue(),
        Queue::Wake => device.wake_queue(),
    }
}

/// Memory for the frames of a wire.
fn places() -> Result<KVec<Option<Slot<Packet>>>> {
    let mut places = KVec::with_capacity(RING_MAX as usize, GFP_KERNEL)?;
    for _ in 0..RING_MAX {
        places.push(None, GFP_KERNEL)?;
    }
    Ok(places)
}
