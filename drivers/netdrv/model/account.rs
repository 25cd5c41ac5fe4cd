// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The account of a wire: what was sent is received, or counted. At each moment
//!
//! ```text
//! tx_packets + doubled == rx_packets + rx_dropped + dropped + pending
//! ```

/// What was counted of the frames in one direction, all at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Frames that the sender has given away.
    pub tx_packets: u64,
    /// Bytes of them.
    pub tx_bytes: u64,
    /// Frames that the receiver was given.
    pub rx_packets: u64,
    /// Bytes of them.
    pub rx_bytes: u64,
    /// Frames that were not taken, since nobody received; they are not among those sent.
    pub tx_dropped: u64,
    /// Frames that were sent, and were lost since the receiver stopped, or can't take frames of their length.
    pub rx_dropped: u64,
    /// Those of them that were too long.
    pub too_long: u64,
    /// How often the sender's queue was stopped.
    pub stops: u64,
    /// How often it was woken.
    pub wakes: u64,
    /// How often the receiver has looked.
    pub polls: u64,
    /// How often it has found all done.
    pub completions: u64,
    /// How often the ring was full.
    pub full: u64,
    /// Frames that got lost on demand.
    pub dropped: u64,
    /// Frames that came twice on demand.
    pub doubled: u64,
    /// Frames that came with a bit inverted on demand.
    pub flipped: u64,
    /// Frames that were overtaken on demand.
    pub reordered: u64,
    /// Frames that came late on demand.
    pub delayed: u64,
    /// Frames that are on their way.
    pub pending: u64,
}

/// What `ethtool -S` calls the counters of a device: first those that the model of this driver in C has, in its order.
pub const STATISTICS: &[&str] = &[
    "tx_packets",
    "tx_bytes",
    "rx_packets",
    "rx_bytes",
    "tx_dropped",
    "rx_dropped",
    "tx_queue_stops",
    "tx_queue_wakes",
    "napi_polls",
    "napi_completions",
    "rx_ring_full",
    "rx_pending",
    "tx_pending",
    "tx_fault_dropped",
    "tx_fault_doubled",
    "tx_fault_flipped",
    "tx_fault_reordered",
    "tx_fault_delayed",
];

/// The values of [`STATISTICS`] of a device that has sent what `sent` says, and received what `received` says.
pub fn statistics(sent: &Account, received: &Account) -> [u64; STATISTICS.len()] {
    [
        sent.tx_packets,
        sent.tx_bytes,
        received.rx_packets,
        received.rx_bytes,
        sent.tx_dropped,
        received.rx_dropped,
        sent.stops,
        sent.wakes,
        received.polls,
        received.completions,
        received.full,
        received.pending,
        sent.pending,
        sent.dropped,
        sent.doubled,
        sent.flipped,
        sent.reordered,
        sent.delayed,
    ]
}
