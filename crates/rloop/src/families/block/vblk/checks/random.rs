// SPDX-License-Identifier: MIT OR Apache-2.0

//! Random calls, held against what has to come out.

use rig::random::Random;
use rig::verdict::{Verdict, Within as _};

use super::{Plain, done, holds, pattern, write};
use crate::families::block::vblk::Context;
use crate::families::block::vblk::device::Made;
use crate::families::block::vblk::sys::{Erase, erase};

/// Calls on each disk.
const CALLS: u64 = 600;

pub const CHECKS: &[Plain] = &[(
    "random/calls",
    "what is written is read",
    "random direct writes, reads, discards, zeroings and flushes leave what they must, with each size of block, with and without a cache",
    calls,
)];

fn calls(_: &mut Context) -> Verdict {
    for block in [512_u64, 1024, 2048, 4096] {
        for cache in ["0", "1"] {
            let made = Made::new(&[
                ("block_size", &block.to_string()),
                ("disk_size_mb", "1"),
                ("write_cache", cache),
            ])?;
            some(&made, block).within(|| format!("blocks of {block}, write_cache={cache}"))?;
        }
    }
    Ok(())
}

fn some(made: &Made, block: u64) -> Verdict {
    let file = made.device.direct()?;
    let mut shadow = vec![0; 1 << 20];
    let blocks = shadow.len() as u64 / block;
    let mut random = Random::new(block);
    for call in 0..CALLS {
        let most = if random.once_in(8) { 150 } else { 12 };
        let count = random.between(1, most);
        let first = random.between(0, blocks - count);
        let (position, bytes) = (first * block, (count * block) as usize);
        let range = position as usize..position as usize + bytes;
        match random.between(0, 9) {
            0 => done("fsync", file.sync_all())?,
            1 => {
                let how = random.pick(&[Erase::Discard, Erase::ZeroOut]);
                done("erase", erase(&file, how, position, bytes as u64))?;
                shadow[range].fill(0);
            }
            2..6 => holds(&file, position, &shadow[range]).within(|| format!("call {call}"))?,
            _ => {
                let new = pattern(position, bytes, call);
                write(&file, position, &new)?;
                shadow[range].copy_from_slice(&new);
            }
        }
    }
    holds(&file, 0, &shadow)
}
