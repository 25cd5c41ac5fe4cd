// SPDX-License-Identifier: MIT OR Apache-2.0

//! What ethtool asks: `ioctl(SIOCETHTOOL)`, which no crate at hand has (`linux/ethtool.h`).

#![expect(
    unsafe_code,
    reason = "a system call that no crate has in a safe shape"
)]

use std::io;
use std::os::fd::AsRawFd as _;

use rustix::net::{AddressFamily, SocketType, socket};

const SIOCETHTOOL: u32 = 0x8946;
const GDRVINFO: u32 = 0x03;
const GLINK: u32 = 0x0a;
const GRINGPARAM: u32 = 0x10;
const SRINGPARAM: u32 = 0x11;
const GSTRINGS: u32 = 0x1b;
const GSTATS: u32 = 0x1d;
/// The set of strings that names the statistics.
const SS_STATS: u32 = 1;
const STRING: usize = 32;
/// More counters than this no device of ours has.
const COUNTERS: usize = 64;

/// What the kernel is given: `struct ifreq` with a pointer.
#[repr(C)]
struct Request {
    name: [u8; libc::IFNAMSIZ],
    data: *mut u8,
    /// The rest of the union, which is as long as a `struct ifmap`.
    rest: [u64; 2],
}

/// Asks the device `name`; `data` begins with the number of a command, and is as long as that needs.
fn ask(name: &str, data: &mut [u32]) -> io::Result<()> {
    let socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let mut request = Request {
        name: [0; libc::IFNAMSIZ],
        data: data.as_mut_ptr().cast(),
        rest: [0; 2],
    };
    let room = libc::IFNAMSIZ - 1;
    for (place, byte) in request.name.iter_mut().take(room).zip(name.bytes()) {
        *place = byte;
    }
    // SAFETY: The request is as long as a `struct ifreq`. The kernel writes to `data` as much as the command, and the
    // number of values that follows it, ask for: those below say no more than there is.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCETHTOOL as _, &raw mut request) };
    match done {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The text at byte `at` of `data`, up to `most` bytes or the first zero.
fn text(data: &[u32], at: usize, most: usize) -> String {
    let bytes = data.iter().flat_map(|word| word.to_ne_bytes());
    let bytes: Vec<u8> = bytes.skip(at).take(most).take_while(|b| *b != 0).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The driver's name and what the device is connected to.
///
/// # Errors
/// What the call says.
pub fn driver(name: &str) -> io::Result<(String, String)> {
    // `struct ethtool_drvinfo`: the command, three strings of 32 bytes, others.
    let mut data = [0; 49];
    data[0] = GDRVINFO;
    ask(name, &mut data)?;
    Ok((text(&data, 4, 32), text(&data, 4 + 3 * 32, 32)))
}

/// Whether there is a link.
///
/// # Errors
/// What the call says.
pub fn link(name: &str) -> io::Result<bool> {
    let mut data = [GLINK, 0];
    ask(name, &mut data)?;
    Ok(data[1] != 0)
}

/// For how many frames there is room in the ring, at most and now.
///
/// # Errors
/// What the call says.
pub fn ring(name: &str) -> io::Result<(u32, u32)> {
    let mut data = [0; 9];
    data[0] = GRINGPARAM;
    ask(name, &mut data)?;
    Ok((data[1], data[5]))
}

/// Changes it.
///
/// # Errors
/// What the call says.
pub fn set_ring(name: &str, frames: u32) -> io::Result<()> {
    let mut data = [0; 9];
    data[0] = GRINGPARAM;
    ask(name, &mut data)?;
    data[0] = SRINGPARAM;
    data[5] = frames;
    ask(name, &mut data)
}

/// All counters, in the driver's order.
///
/// # Errors
/// What the calls say.
pub fn statistics(name: &str) -> io::Result<Vec<(String, u64)>> {
    let mut strings = vec![0; 3 + COUNTERS * STRING / 4];
    (strings[0], strings[1]) = (GSTRINGS, SS_STATS);
    ask(name, &mut strings)?;
    let mut values = vec![0; 2 + COUNTERS * 2];
    values[0] = GSTATS;
    ask(name, &mut values)?;
    let count = (values[1] as usize).min(COUNTERS);
    let one = |n: usize| {
        let name = text(&strings, 12 + n * STRING, STRING);
        let bytes: Vec<u8> = values[2 + 2 * n..4 + 2 * n]
            .iter()
            .flat_map(|word| word.to_ne_bytes())
            .collect();
        (
            name,
            u64::from_ne_bytes(bytes.try_into().unwrap_or_default()),
        )
    };
    Ok((0..count).map(one).collect())
}
