// SPDX-License-Identifier: MIT OR Apache-2.0

//! A PCM stream, as many threads as like may use at a time.

use std::ffi::{c_int, c_long, c_uint, c_ulong, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::path::PathBuf;
use std::ptr;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::ioctl::Opcode;
use rustix::ioctl::opcode::{none, read, read_write, write};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use crate::alsa::pcm::{Address, Direction};

/// Of the requests.
const GROUP: u8 = b'A';
/// The most channels that a card has.
const CHANNELS: usize = 128;
/// The most bytes that a frame has.
const FRAME: usize = CHANNELS * 8;
/// The most frames that are moved at a time.
pub const FRAMES: usize = 512;

/// `struct snd_pcm_hw_params`.
#[repr(C)]
struct HwParams {
    flags: c_uint,
    masks: [[u32; 8]; 8],
    intervals: [Interval; 21],
    rmask: c_uint,
    cmask: c_uint,
    info: c_uint,
    msbits: c_uint,
    rate_num: c_uint,
    rate_den: c_uint,
    fifo_size: c_ulong,
    reserved: [u8; 64],
}

/// `struct snd_interval`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Interval {
    min: c_uint,
    max: c_uint,
    flags: c_uint,
}

/// `struct snd_pcm_sw_params`.
#[repr(C)]
struct SwParams {
    tstamp_mode: c_int,
    period_step: c_uint,
    sleep_min: c_uint,
    avail_min: c_ulong,
    xfer_align: c_ulong,
    start_threshold: c_ulong,
    stop_threshold: c_ulong,
    silence_threshold: c_ulong,
    silence_size: c_ulong,
    boundary: c_ulong,
    proto: c_uint,
    tstamp_type: c_uint,
    reserved: [u8; 56],
}

/// `struct snd_pcm_status`.
#[repr(C)]
struct Status {
    state: c_int,
    trigger: libc::timespec,
    now: libc::timespec,
    positions: [c_ulong; 6],
    suspended_state: c_int,
    audio_data: u32,
    audio: libc::timespec,
    driver: libc::timespec,
    accuracy: u32,
    reserved: [u8; 52 - 2 * size_of::<libc::timespec>()],
}

/// `struct snd_pcm_sync_ptr`, with room for what it says of the card and of the program.
#[repr(C)]
struct SyncPtr {
    flags: u32,
    pad: u32,
    status: [u64; 8],
    control: [u64; 8],
}

/// `struct snd_xferi` and `struct snd_xfern`: `data` is of frames, or of as many pointers as there are channels.
#[repr(C)]
struct Transfer {
    result: c_long,
    data: *mut c_void,
    frames: c_ulong,
}

/// What a stream is set up with.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// `SNDRV_PCM_ACCESS_…`: 0 and 1 are mapped, 3 and 4 are not; 1 and 4 have a plane for each channel.
    pub access: u32,
    /// `SNDRV_PCM_FORMAT_…`.
    pub format: u32,
    pub channels: u32,
    pub rate: u32,
    /// Frames.
    pub period: u32,
    /// Frames.
    pub buffer: u32,
}

/// Pages of a stream that can be mapped.
#[derive(Clone, Copy, Debug)]
pub enum Page {
    /// The buffer, so many bytes of it.
    Data(usize),
    /// What the card does; not on every architecture.
    Status,
    /// What the program does; not on every architecture.
    Control,
}

/// An open stream.
pub struct Stream {
    file: File,
    playback: bool,
}

/// Requests without an argument.
macro_rules! plain {
    ($($name:ident = $number:literal;)*) => {
        $(pub fn $name(&self) -> io::Result<()> {
            self.request(none(GROUP, $number), ptr::null_mut::<c_void>())
        })*
    };
}

impl Stream {
    /// Opens the stream at `at`, not to wait in any call.
    ///
    /// # Errors
    /// `EAGAIN` or `EBUSY` if somebody has it open.
    pub fn open(at: Address) -> io::Result<Self> {
        let control = super::open(&PathBuf::from(format!("/dev/snd/controlC{}", at.card)))?;
        // Whoever opens a stream of this card as this thread gets that subdevice, while the control device is open.
        let mut subdevice = c_int::try_from(at.subdevice).unwrap_or(-1);
        // SAFETY: The request goes by an `int`.
        unsafe {
            super::ioctl(
                control.as_fd(),
                write::<c_int>(b'U', 0x32),
                &raw mut subdevice,
            )?;
        }
        let letter = match at.direction {
            Direction::Playback => 'p',
            Direction::Capture => 'c',
        };
        let path = format!("/dev/snd/pcmC{}D{}{letter}", at.card, at.device);
        Ok(Self {
            file: super::open(&PathBuf::from(path))?,
            playback: at.direction == Direction::Playback,
        })
    }

    /// Another descriptor of the same open stream.
    ///
    /// # Errors
    /// What the system says.
    pub fn again(&self) -> io::Result<Self> {
        Ok(Self {
            file: self.file.try_clone()?,
            playback: self.playback,
        })
    }

    fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// `argument` must be the structure that the code is made of; what that points to must be as the request
    /// wants it.
    fn request<T>(&self, code: Opcode, argument: *mut T) -> io::Result<()> {
        // SAFETY: As all callers in this file see to it.
        unsafe { super::ioctl(self.fd(), code, argument) }
    }

    /// Lets calls wait, through whichever descriptor they come, or no longer.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_blocking(&self, blocking: bool) -> io::Result<()> {
        let flags = match blocking {
            true => OFlags::empty(),
            false => OFlags::NONBLOCK,
        };
        Ok(fcntl_setfl(self.fd(), flags)?)
    }

    plain! {
        hw_free = 0x12;
        hw_sync = 0x22;
        prepare = 0x40;
        reset = 0x41;
        start = 0x42;
        stop = 0x43;
        drain = 0x44;
        resume = 0x47;
        xrun = 0x48;
        unlink = 0x61;
    }

    /// Sets hardware parameters.
    pub fn hw_params(&self, setup: &Setup) -> io::Result<()> {
        let any = Interval {
            min: 0,
            max: c_uint::MAX,
            flags: 0,
        };
        let mut params = HwParams {
            flags: 1,
            masks: [[u32::MAX; 8]; 8],
            intervals: [any; 21],
            rmask: c_uint::MAX,
            cmask: 0,
            info: 0,
            msbits: 0,
            rate_num: 0,
            rate_den: 0,
            fifo_size: 0,
            reserved: [0; 64],
        };
        for (mask, value) in [(0, setup.access), (1, setup.format), (2, 0)] {
            params.masks[mask] = [0; 8];
            params.masks[mask][value as usize / 32] = 1 << (value % 32);
        }
        // From SNDRV_PCM_HW_PARAM_SAMPLE_BITS, 8, on.
        for (parameter, value) in [
            (10, setup.channels),
            (11, setup.rate),
            (13, setup.period),
            (17, setup.buffer),
        ] {
            // Whole numbers.
            params.intervals[parameter - 8] = Interval {
                min: value,
                max: value,
                flags: 4,
            };
        }
        self.request(read_write::<HwParams>(GROUP, 0x11), &raw mut params)
    }

    /// Sets thresholds, for a buffer of so many frames.
    pub fn sw_params(&self, start: u32, stop: Option<u32>, buffer: u32) -> io::Result<()> {
        // As the kernel calculates it.
        let mut boundary = c_ulong::from(buffer.max(1));
        while boundary * 2 <= c_long::MAX as c_ulong - c_ulong::from(buffer) {
            boundary *= 2;
        }
        let mut params = SwParams {
            tstamp_mode: 1,
            period_step: 1,
            sleep_min: 0,
            avail_min: 1,
            xfer_align: 1,
            start_threshold: start.into(),
            stop_threshold: stop.map_or(boundary, c_ulong::from),
            silence_threshold: 0,
            silence_size: 0,
            boundary,
            proto: 0x0002_000f,
            tstamp_type: 1,
            reserved: [0; 56],
        };
        self.request(read_write::<SwParams>(GROUP, 0x13), &raw mut params)
    }

    /// Asks for state, positions and times.
    pub fn status(&self, extended: bool) -> io::Result<()> {
        // SAFETY: It is made of numbers, for which any bytes will do.
        let mut status: Status = unsafe { std::mem::zeroed() };
        let code = match extended {
            true => read_write::<Status>(GROUP, 0x24),
            false => read::<Status>(GROUP, 0x20),
        };
        self.request(code, &raw mut status)
    }

    /// Asks for the delay.
    pub fn delay(&self) -> io::Result<()> {
        let mut delay: c_long = 0;
        self.request(read::<c_long>(GROUP, 0x21), &raw mut delay)
    }

    /// Tells and asks for positions at a time; with `told` the program is there.
    pub fn sync_ptr(&self, hw_sync: bool, told: Option<u64>) -> io::Result<()> {
        // SNDRV_PCM_SYNC_PTR_APPL and _AVAIL_MIN: not set, but asked for.
        let asked = if told.is_none() { 2 | 4 } else { 4 };
        let mut positions = SyncPtr {
            flags: u32::from(hw_sync) | asked,
            pad: 0,
            status: [0; 8],
            control: [0; 8],
        };
        positions.control[0] = told.unwrap_or(0);
        self.request(read_write::<SyncPtr>(GROUP, 0x23), &raw mut positions)
    }

    /// Pauses, or goes on.
    pub fn pause(&self, on: bool) -> io::Result<()> {
        // It is passed by value.
        self.request(
            write::<c_int>(GROUP, 0x45),
            ptr::without_provenance_mut::<c_int>(on.into()),
        )
    }

    /// Takes back frames, or skips some.
    pub fn wind(&self, forward: bool, frames: u32) -> io::Result<()> {
        let mut frames = c_ulong::from(frames);
        let number = if forward { 0x49 } else { 0x46 };
        self.request(write::<c_ulong>(GROUP, number), &raw mut frames)
    }

    /// Links it with `other`.
    pub fn link(&self, other: &Self) -> io::Result<()> {
        let fd = usize::try_from(other.file.as_raw_fd()).unwrap_or_default();
        self.request(
            write::<c_int>(GROUP, 0x60),
            ptr::without_provenance_mut::<c_int>(fd),
        )
    }

    /// Writes or reads frames out of or into `room`, interleaved or not. Whatever format another thread sets meanwhile,
    /// there is room for it.
    pub fn transfer(&self, room: &mut Room, frames: usize, planar: bool) -> io::Result<()> {
        assert!(frames <= FRAMES);
        let data: *mut c_void = room.0.as_mut_ptr().cast();
        // All channels share the place of one: what is heard is of no interest.
        let mut planes = [data; CHANNELS];
        let mut transfer = Transfer {
            result: 0,
            data: match planar {
                true => planes.as_mut_ptr().cast(),
                false => data,
            },
            frames: frames as c_ulong,
        };
        let number = if planar { 2 } else { 0 } + u8::from(!self.playback);
        let code = match self.playback {
            true => write::<Transfer>(GROUP, 0x50 + number),
            false => read::<Transfer>(GROUP, 0x50 + number),
        };
        self.request(code, &raw mut transfer)
    }

    /// Waits for at most so many milliseconds.
    pub fn wait(&self, ms: u32) -> io::Result<()> {
        let mut fds = [PollFd::new(&self.file, PollFlags::IN | PollFlags::OUT)];
        let timeout = rustix::time::Timespec {
            tv_sec: 0,
            tv_nsec: i64::from(ms) * 1_000_000,
        };
        poll(&mut fds, Some(&timeout))?;
        Ok(())
    }

    /// Maps pages, looks at them, as a program does at its position, or writes to them, as one does to its buffer,
    /// and lets go of them.
    pub fn map(&self, page: Page) -> io::Result<()> {
        let (offset, length) = match page {
            Page::Data(bytes) => (0, bytes),
            Page::Status => (0x8200_0000, 4_096),
            Page::Control => (0x8300_0000, 4_096),
        };
        let rights = match page {
            Page::Data(_) if self.playback => ProtFlags::READ | ProtFlags::WRITE,
            Page::Control => ProtFlags::READ | ProtFlags::WRITE,
            _ => ProtFlags::READ,
        };
        // SAFETY: The system chooses where, so nothing of ours is mapped over.
        let at = unsafe {
            mmap(
                ptr::null_mut(),
                length,
                rights,
                MapFlags::SHARED,
                self.fd(),
                offset,
            )?
        };
        for byte in [0, length / 2, length - 1] {
            // SAFETY: That lies in the mapping, and the kernel does not let go of the pages while it is mapped.
            unsafe {
                let byte = at.cast::<u8>().add(byte);
                let value = byte.read_volatile();
                if matches!(page, Page::Data(_)) && self.playback {
                    byte.write_volatile(value.wrapping_add(1));
                }
            }
        }
        // SAFETY: It was mapped above, and is not used after this.
        unsafe { munmap(at, length)? };
        Ok(())
    }
}

/// Room for [`FRAMES`] frames of any format.
pub struct Room(Vec<u8>);

impl Default for Room {
    fn default() -> Self {
        Self(vec![0x5a; FRAMES * FRAME])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn layouts_are_the_kernels() {
        assert_eq!(size_of::<HwParams>(), 608);
        assert_eq!(size_of::<SwParams>(), 136);
        assert_eq!(size_of::<Status>(), 152);
        assert_eq!(size_of::<SyncPtr>(), 136);
        assert_eq!(size_of::<Transfer>(), 24);
    }
}
