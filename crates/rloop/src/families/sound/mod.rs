// SPDX-License-Identifier: MIT OR Apache-2.0

//! Sound cards: loopbacks, whose cables are checked from end to end, and others.

use super::family::{Driver, Family};

mod bench;
pub mod loopback;
mod snd_minivosc;
mod snd_rloop;
mod status;
mod stress;

/// What the tool knows of them.
pub const FAMILY: Family = Family {
    name: "sound",
    about: "sound cards",
    drivers: &[
        snd_rloop::ENTRY,
        snd_minivosc::ENTRY,
        Driver::compared("snd-aloop", "snd_aloop"),
    ],
    has_cards: true,
    bench: Some(bench::command),
};
