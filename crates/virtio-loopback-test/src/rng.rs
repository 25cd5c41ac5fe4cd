// SPDX-License-Identifier: MIT OR Apache-2.0
//! A source of random numbers that are none: each buffer is filled with the words that come after those of the last.

use std::io::{Result, Write as _};

use vhost::vhost_user::message::{VhostUserProtocolFeatures, VhostUserVirtioFeatures};
use vhost_user_backend::{VhostUserBackendMut, VringMutex, VringT as _};
use virtio_queue::{QueueT as _, Writer};
use vm_memory::{GuestAddressSpace as _, GuestMemoryAtomic, GuestMemoryMmap};
use vmm_sys_util::epoll::EventSet;
use vmm_sys_util::event::{
    EventConsumer, EventFlag, EventNotifier, new_event_consumer_and_notifier,
};

use crate::lie::Lie;

/// `VIRTIO_F_VERSION_1`, `VIRTIO_RING_F_INDIRECT_DESC`, `VIRTIO_RING_F_EVENT_IDX`: what backends have.
const FEATURES: u64 = (1 << 32) | (1 << 28) | (1 << 29);

/// The device.
pub(crate) struct Rng {
    memory: GuestMemoryAtomic<GuestMemoryMmap>,
    next: u64,
    buffers: u64,
    lie: Option<Lie>,
    after: u64,
}

impl Rng {
    /// One that begins with 0, and to lie after so many buffers.
    pub(crate) fn new(lie: Option<Lie>, after: u64) -> Self {
        Self {
            memory: GuestMemoryAtomic::new(GuestMemoryMmap::new()),
            next: 0,
            buffers: 0,
            lie,
            after,
        }
    }
}

impl VhostUserBackendMut for Rng {
    type Bitmap = ();
    type Vring = VringMutex;

    fn num_queues(&self) -> usize {
        1
    }

    fn max_queue_size(&self) -> usize {
        1024
    }

    fn features(&self) -> u64 {
        FEATURES | VhostUserVirtioFeatures::PROTOCOL_FEATURES.bits()
    }

    fn protocol_features(&self) -> VhostUserProtocolFeatures {
        VhostUserProtocolFeatures::MQ
    }

    fn set_event_idx(&mut self, _: bool) {}

    /// Without one the daemon waits for its worker for ever when its connection has ended.
    fn exit_event(&self, _: usize) -> Option<(EventConsumer, EventNotifier)> {
        new_event_consumer_and_notifier(EventFlag::NONBLOCK).ok()
    }

    fn update_memory(&mut self, memory: GuestMemoryAtomic<GuestMemoryMmap>) -> Result<()> {
        self.memory = memory;
        Ok(())
    }

    fn handle_event(&mut self, _: u16, _: EventSet, vrings: &[VringMutex], _: usize) -> Result<()> {
        let Some(vring) = vrings.first() else {
            return Ok(());
        };
        loop {
            let memory = self.memory.memory();
            let chain = {
                let mut state = vring.get_mut();
                state.get_queue_mut().pop_descriptor_chain(memory.clone())
            };
            let Some(chain) = chain else {
                return Ok(());
            };
            let head = chain.head_index();
            let mut written = 0;
            if let Ok(mut writer) = Writer::new(&*memory, chain) {
                while writer.available_bytes() > 0 {
                    let word = self.next.to_le_bytes();
                    let bytes = word.len().min(writer.available_bytes());
                    writer.write_all(&word[..bytes])?;
                    written += bytes as u32;
                    self.next += 1;
                }
            }
            self.buffers += 1;
            match self.lie.filter(|_| self.buffers > self.after) {
                Some(lie) => lie.tell(vring, &self.memory, head, written),
                None => {
                    let _ = vring.add_used(head, written);
                    vring.signal_used_queue()?;
                }
            }
        }
    }
}
