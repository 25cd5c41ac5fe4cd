// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a backend could write that is not so.

use clap::ValueEnum;
use vhost_user_backend::{VringMutex, VringT as _};
use virtio_queue::QueueT as _;
use vm_memory::{
    Bytes as _, GuestAddress, GuestAddressSpace as _, GuestMemoryAtomic, GuestMemoryMmap,
};

/// The memory that a backend is given.
pub(crate) type Memory = GuestMemoryAtomic<GuestMemoryMmap>;
/// A queue.
pub(crate) type Vring = VringMutex<Memory>;

/// A lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lie {
    /// It has written 4 GiB to a buffer
    Length,
    /// It has used a buffer that there is not
    Id,
    /// It has used a buffer twice
    Twice,
    /// It has used 30000 buffers more
    Index,
    /// All descriptors have a next one
    Next,
    /// All of its memory is noise, all the time
    Noise,
    /// It does nothing
    Silent,
}

/// `VRING_DESC_F_NEXT`.
const NEXT: u16 = 1;

impl Lie {
    /// Says that the buffer `head`, to which so much was written, has been used, and the lie.
    pub(crate) fn tell(self, vring: &Vring, memory: &Memory, head: u16, written: u32) {
        let memory = memory.memory();
        let (size, descriptors, used) = {
            let mut state = vring.get_mut();
            let queue = state.get_queue_mut();
            (queue.size(), queue.desc_table(), queue.used_ring())
        };
        let add = |id: u16, length: u32| {
            // What can't be written is none of the kernel's business.
            let _ = vring.add_used(id, length);
        };
        match self {
            Self::Silent => return,
            Self::Length => add(head, u32::MAX),
            Self::Id => add((head + 1) % size, written),
            Self::Twice => {
                add(head, written);
                add(head, written);
            }
            Self::Index => {
                let index: u16 = memory.read_obj(GuestAddress(used + 2)).unwrap_or(0);
                let _ = memory.write_obj(index.wrapping_add(30_000), GuestAddress(used + 2));
            }
            Self::Next => {
                for index in 0..u64::from(size) {
                    let at = descriptors + 16 * index;
                    let _ = memory.write_obj(NEXT, GuestAddress(at + 12));
                    let _ = memory.write_obj(head, GuestAddress(at + 14));
                }
                add(head, written);
            }
            Self::Noise => {
                add(head, written);
                noise(&memory);
            }
        }
        let _ = vring.signal_used_queue();
    }
}

/// Overwrites all memory.
fn noise(memory: &GuestMemoryMmap) {
    use vm_memory::{GuestMemoryBackend as _, GuestMemoryRegion as _};
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for region in memory.iter() {
        let words = (0..region.len() / 8).flat_map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        let bytes: Vec<u8> = words.collect();
        let _ = memory.write_slice(&bytes, region.start_addr());
    }
}
