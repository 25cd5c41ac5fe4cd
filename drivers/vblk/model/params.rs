// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The module's parameters: from what the administrator wrote to a disk's geometry.

use super::geometry::{Geometry, BLOCK_SIZES};
use crate::lib::model::number::{integer, truth};
use crate::lib::model::parameters::{bad_value, number, switch, written, Allowed, BadParameter};

/// The size of a disk in MiB if nothing else is asked for.
pub const SIZE_DEFAULT: u64 = 16;
/// The largest size of a disk in MiB.
pub const SIZE_MAX: u64 = 512 << 10;
/// The largest number of hardware queues.
pub const QUEUES_MAX: u32 = 64;

// The same, but for `enable`, as in the table of `bindings/helpers.c`.
written! {
    disk_size_mb: "16",
    block_size: "512",
    read_only: "0",
    write_cache: "0",
    queues: "0",
}

/// Reads what was written for one disk.
///
/// # Errors
///
/// The first value that is not allowed.
pub fn parse<'a>(written: &Written<'a>) -> Result<Geometry, BadParameter<'a>> {
    let sizes = (1, SIZE_MAX as i64);
    let allowed = Allowed::Number(sizes.0, sizes.1);
    let size = number(
        "disk_size_mb",
        written.disk_size_mb,
        sizes.0..=sizes.1,
        allowed,
    )?;
    let most = i64::from(QUEUES_MAX);
    let queues = number("queues", written.queues, 0..=most, Allowed::Number(0, most))?;
    let mib = size.map_or(SIZE_DEFAULT, |size| u64::from(size.unsigned_abs()));
    Ok(Geometry {
        block: block_size(written.block_size)?,
        bytes: mib << 20,
        read_only: switch("read_only", written.read_only, truth)?.unwrap_or(false),
        cache: switch("write_cache", written.write_cache, truth)?.unwrap_or(false),
        queues: queues.map_or(0, i32::unsigned_abs),
    })
}

fn block_size(written: Option<&str>) -> Result<usize, BadParameter<'_>> {
    let Some(value) = written else {
        return Ok(BLOCK_SIZES[0]);
    };
    let given = integer(value).and_then(|size| usize::try_from(size).ok());
    given
        .filter(|size| BLOCK_SIZES.contains(size))
        .ok_or(bad_value("block_size", value, "512, 1024, 2048 or 4096"))
}
