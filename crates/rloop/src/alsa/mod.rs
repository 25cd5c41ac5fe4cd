// SPDX-License-Identifier: MIT OR Apache-2.0

//! ALSA as a program sees it: cards, streams, control elements, timers, and what is played. No driver's name in here.

pub mod card;
pub mod find;
pub mod pcm;
pub mod problem;
pub mod raw;
pub mod root;
pub mod signal;
pub mod substream;
pub mod trouble;
pub mod utimer;
