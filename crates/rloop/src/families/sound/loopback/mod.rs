// SPDX-License-Identifier: MIT OR Apache-2.0

//! Loopback cards, of snd-rloop and of snd-aloop, and their cables: what checks, stress and measurements share.

mod card;
pub mod elements;
pub mod ends;
mod find;
pub mod settings;
mod trouble;

pub use card::{Cable, Card, Driver, Topology, probe};
pub use find::{all, choose, choose_all};
pub use trouble::{fault_files, faults};
