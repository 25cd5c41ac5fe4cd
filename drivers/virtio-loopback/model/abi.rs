// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The structures of the ioctls of `/dev/loopback-N`, as bytes: words in the machine's order, each at a multiple of its
//! size, without holes.

/// The type of all of them (`ioctl-number.rst` in the kernel's documentation).
pub const TYPE: u32 = 0xbb;
/// The version of what is described here.
pub const VERSION: u32 = 1;
/// The length of a device's configuration, at most.
pub const CONFIG_MAX: usize = 256;

/// A structure.
pub trait Structure: Sized {
    /// Its bytes.
    type Bytes;

    /// Reads it.
    fn read(bytes: &Self::Bytes) -> Self;

    /// Writes it.
    fn write(&self) -> Self::Bytes;
}

/// Generates a structure from its fields, and how many bytes it has.
macro_rules! structure {
    ($(#[$doc:meta])* $name:ident, $size:literal, $($(#[$field_doc:meta])* $field:ident: $type:ty,)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            /// How many bytes it has.
            pub const SIZE: usize = $size;
        }

        // A hole, or a field that is not where it should be, is no structure of `SIZE` bytes.
        const _: () = assert!(0 $(+ size_of::<$type>())* == $size);

        impl Structure for $name {
            type Bytes = [u8; $size];

            #[allow(unused_assignments, reason = "that of the last field")]
            fn read(bytes: &[u8; $size]) -> Self {
                let mut at = 0;
                $(
                    let mut $field = [0; size_of::<$type>()];
                    $field.copy_from_slice(&bytes[at..at + size_of::<$type>()]);
                    at += size_of::<$type>();
                )*
                Self { $($field: <$type as Field>::of($field),)* }
            }

            #[allow(unused_assignments, reason = "that of the last field")]
            fn write(&self) -> [u8; $size] {
                let mut bytes = [0; $size];
                let mut at = 0;
                $(
                    bytes[at..at + size_of::<$type>()].copy_from_slice(&self.$field.bytes());
                    at += size_of::<$type>();
                )*
                bytes
            }
        }
    };
}

/// What a field can be.
trait Field {
    /// Its bytes.
    type Bytes;
    fn of(bytes: Self::Bytes) -> Self;
    fn bytes(&self) -> Self::Bytes;
}

macro_rules! number {
    ($($type:ty)*) => {
        $(
            impl Field for $type {
                type Bytes = [u8; size_of::<$type>()];
                fn of(bytes: Self::Bytes) -> Self {
                    Self::from_ne_bytes(bytes)
                }
                fn bytes(&self) -> Self::Bytes {
                    self.to_ne_bytes()
                }
            }
        )*
    };
}
number!(u8 i32 u32 u64);

impl Field for [u8; CONFIG_MAX] {
    type Bytes = Self;
    fn of(bytes: Self) -> Self {
        bytes
    }
    fn bytes(&self) -> Self {
        *self
    }
}

structure! {
    /// `GET_VERSION`, on any file.
    Version, 24,
    /// [`VERSION`].
    version: u32,
    /// The most queues of a device.
    max_queues: u32,
    /// The most entries of a queue.
    max_queue_size: u32,
    /// The most memory of a device, in MiB.
    max_memory_mib: u32,
    /// The address of the first byte of a device's memory, as rings and descriptors have it.
    base: u64,
}

structure! {
    /// `CREATE`, which makes a device, and the file its owner.
    Create, 304,
    /// The kind of device (`linux/virtio_ids.h`).
    device_id: u32,
    /// Who has made it, for drivers that care.
    vendor_id: u32,
    /// The features that the backend has.
    features: u64,
    /// How many queues.
    queues: u32,
    /// How many entries each has, a power of two.
    queue_size: u32,
    /// The length of the configuration.
    config_size: u32,
    /// 0.
    flags: u32,
    /// The file (`memfd_create(2)`) that is the device's memory.
    memory_fd: i32,
    /// The `eventfd(2)` that is written to whenever `GET_STATE` changes.
    event_fd: i32,
    /// How much of the file is the device's memory, in bytes from its beginning.
    memory_size: u64,
    /// The configuration.
    config: [u8; CONFIG_MAX],
}

structure! {
    /// `GET_STATE`, on the owner.
    DeviceState, 48,
    /// The number of this device, which none before it has had.
    device: u32,
    /// How often a driver has been ready.
    generation: u32,
    /// What it waits for: the number of a [`Phase`](super::state::Phase).
    phase: u8,
    /// What the driver has last written as its status.
    status: u8,
    /// The queue that broke, 255 if none did.
    broken_queue: u8,
    /// How many queues the driver uses.
    queues: u8,
    /// How many writes of the driver to the configuration were dropped.
    config_writes: u32,
    /// The features that the driver has taken, for the backend.
    features: u64,
    /// How many bytes of its memory rings and mappings take.
    in_use: u64,
    /// How many mappings were refused for want of memory.
    no_room: u64,
    /// How many lengths of used buffers were larger than they could be.
    clamped: u64,
}

structure! {
    /// `GET_QUEUE`, on the owner.
    QueueState, 64,
    /// Which queue: set by the program.
    index: u32,
    /// How many entries it has, 0 while the driver doesn't use it.
    size: u32,
    /// The address of its descriptors.
    descriptors: u64,
    /// The address of what the driver makes available.
    available: u64,
    /// The address of what the device has used.
    used: u64,
    /// Whether it is served.
    open: u32,
    /// How many buffers the backend has.
    outstanding: u32,
    /// How often the backend was kicked.
    kicks: u64,
    /// How often the driver was called.
    calls: u64,
    /// How many buffers have come back.
    buffers: u64,
}

structure! {
    /// `SET_KICK`, on the owner.
    SetKick, 8,
    /// Which queue.
    queue: u32,
    /// The `eventfd(2)` that is written to when there is something to do, -1 for none.
    fd: i32,
}

structure! {
    /// `BIND_CALL`, which makes the file a doorbell: what is written to it says that buffers of a queue have been used.
    BindCall, 8,
    /// The number of the device.
    device: u32,
    /// Which queue.
    queue: u32,
}

structure! {
    /// `START` and `STOPPED`, on the owner.
    Generation, 4,
    /// That which is meant.
    generation: u32,
}

structure! {
    /// `SET_CONFIG`, on the owner.
    SetConfig, 264,
    /// Where in the configuration.
    offset: u32,
    /// How many bytes.
    length: u32,
    /// The bytes.
    data: [u8; CONFIG_MAX],
}

/// Which way a structure goes (`_IOC_WRITE`, `_IOC_READ` of `asm-generic/ioctl.h`).
const GIVEN: u32 = 1;
const RETURNED: u32 = 2;

const fn command(way: u32, number: u32, size: usize) -> u32 {
    (way << 30) | ((size as u32) << 16) | (TYPE << 8) | number
}

/// Returns a [`Version`].
pub const GET_VERSION: u32 = command(RETURNED, 0, Version::SIZE);
/// Takes a [`Create`].
pub const CREATE: u32 = command(GIVEN, 1, Create::SIZE);
/// Returns a [`DeviceState`].
pub const GET_STATE: u32 = command(RETURNED, 2, DeviceState::SIZE);
/// Takes and returns a [`QueueState`].
pub const GET_QUEUE: u32 = command(GIVEN | RETURNED, 3, QueueState::SIZE);
/// Takes a [`SetKick`].
pub const SET_KICK: u32 = command(GIVEN, 4, SetKick::SIZE);
/// Takes a [`BindCall`].
pub const BIND_CALL: u32 = command(GIVEN, 5, BindCall::SIZE);
/// Takes a [`Generation`].
pub const START: u32 = command(GIVEN, 6, Generation::SIZE);
/// Takes a [`Generation`].
pub const STOPPED: u32 = command(GIVEN, 7, Generation::SIZE);
/// Takes a [`SetConfig`].
pub const SET_CONFIG: u32 = command(GIVEN, 9, SetConfig::SIZE);
