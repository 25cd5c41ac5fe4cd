// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The registers of the device, QEMU's edu (`docs/specs/edu.rst` there), as offsets in its BAR 0. All have 32 bits but
//! those of a transfer's addresses and length, which have 64 and can't be written in halves.

/// The bytes of the BAR.
pub const SIZE: usize = 1 << 20;

/// The vendor's number, QEMU's.
pub const VENDOR: u32 = 0x1234;
/// The device's number.
pub const DEVICE: u32 = 0x11e8;

/// What the device is: [`IDENTITY`]. Read only.
pub const IDENT: usize = 0x00;
/// What [`IDENT`] has, in the version of the device that there is.
pub const IDENTITY: u32 = 0x0100_00ed;

/// Reads as the complement of what was written.
pub const LIVENESS: usize = 0x04;

/// A number that is written is replaced by its factorial, later. While the device computes, what is written is
/// ignored.
pub const FACTORIAL: usize = 0x08;

/// What the device does: [`COMPUTING`], [`TELL`].
pub const STATUS: usize = 0x20;
/// The device computes a factorial. Read only.
pub const COMPUTING: u32 = 0x01;
/// The end of a computation is told by the interrupt [`COMPUTED`].
pub const TELL: u32 = 0x80;

/// Why there was an interrupt: [`COMPUTED`], [`TRANSFERRED`], and what was written to raise one.
pub const INTERRUPTS: usize = 0x24;
/// What is written here is taken away from [`INTERRUPTS`].
pub const ACKNOWLEDGE: usize = 0x64;
/// A factorial has been computed.
pub const COMPUTED: u32 = 0x001;
/// A transfer has ended.
pub const TRANSFERRED: u32 = 0x100;

/// Where a transfer reads, 64 bits.
pub const SOURCE: usize = 0x80;
/// Where a transfer writes, 64 bits.
pub const DESTINATION: usize = 0x88;
/// How many bytes it moves, 64 bits.
pub const COUNT: usize = 0x90;
/// Begins a transfer: [`RUN`], [`TO_MEMORY`], [`TELL_END`]. While one runs, what is written is ignored.
pub const COMMAND: usize = 0x98;
/// A transfer runs; it clears itself.
pub const RUN: u32 = 1;
/// The transfer is from the device to memory, not from memory to the device.
pub const TO_MEMORY: u32 = 2;
/// The end of the transfer is told by the interrupt [`TRANSFERRED`].
pub const TELL_END: u32 = 4;

/// Where the device's own memory begins, as an address of transfers.
pub const BUFFER: u64 = 0x4_0000;
/// How much of it there is, in bytes.
pub const BUFFER_SIZE: usize = 4096;

/// What each register reads as when the device has gone.
pub const GONE: u32 = !0;
