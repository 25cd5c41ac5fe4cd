// SPDX-License-Identifier: MIT OR Apache-2.0

//! Frames between memory and the card, in each way of access. In memory they are always interleaved.

use std::{ptr, slice};

use alsa_sys as ffi;

use super::{Handle, Raw, check};
use crate::alsa::pcm::access::{deinterleave, interleave};

impl Handle {
    /// Writes interleaved bytes by `snd_pcm_writei`, `frames` of them.
    pub fn write_interleaved(&self, data: &[u8], frames: u64, frame_bytes: usize) -> Raw<u64> {
        assert!(data.len() as u64 >= frames * frame_bytes as u64);
        // SAFETY: The PCM is open; `data` holds `frames` frames, as just checked, and is only read.
        check(unsafe { ffi::snd_pcm_writei(self.0.as_ptr(), data.as_ptr().cast(), frames as _) })
    }

    /// Reads interleaved bytes by `snd_pcm_readi`.
    pub fn read_interleaved(&self, data: &mut [u8], frames: u64, frame_bytes: usize) -> Raw<u64> {
        assert!(data.len() as u64 >= frames * frame_bytes as u64);
        // SAFETY: The PCM is open; `data` has room for `frames` frames, as just checked.
        check(unsafe { ffi::snd_pcm_readi(self.0.as_ptr(), data.as_mut_ptr().cast(), frames as _) })
    }

    /// Writes interleaved bytes by `snd_pcm_writen`, taking them apart first.
    pub fn write_planar(
        &self,
        data: &[u8],
        frames: u64,
        sample: usize,
        channels: usize,
    ) -> Raw<u64> {
        let mut planes = deinterleave(
            &data[..frames as usize * sample * channels],
            sample,
            channels,
        );
        let stride = frames as usize * sample;
        let mut pointers: Vec<_> = planes
            .chunks_exact_mut(stride)
            .map(|p| p.as_mut_ptr().cast())
            .collect();
        assert!(pointers.len() == channels);
        // SAFETY: The PCM is open; there is a pointer to `frames` samples for each channel.
        check(unsafe { ffi::snd_pcm_writen(self.0.as_ptr(), pointers.as_mut_ptr(), frames as _) })
    }

    /// Reads by `snd_pcm_readn` and puts the channels together.
    pub fn read_planar(
        &self,
        data: &mut [u8],
        frames: u64,
        sample: usize,
        channels: usize,
    ) -> Raw<u64> {
        let stride = frames as usize * sample;
        let mut planes = vec![0u8; stride * channels];
        let mut pointers: Vec<_> = planes
            .chunks_exact_mut(stride)
            .map(|p| p.as_mut_ptr().cast())
            .collect();
        // SAFETY: The PCM is open; there is a pointer to room for `frames` samples for each channel.
        let read = check(unsafe {
            ffi::snd_pcm_readn(self.0.as_ptr(), pointers.as_mut_ptr(), frames as _)
        })?;
        interleave(
            &planes,
            frames as usize,
            sample,
            channels,
            &mut data[..read as usize * sample * channels],
        );
        Ok(read)
    }

    /// Writes into the mapped buffer as much of `data` as there is room for.
    pub fn mmap_write(&self, data: &[u8], sample: usize, channels: usize) -> Raw<u64> {
        self.mapped(
            data.len() / (sample * channels),
            |done, frames, areas, offset| {
                let from = &data[done * sample * channels..][..frames * sample * channels];
                for (c, area) in areas.iter().enumerate().take(channels) {
                    for (f, frame) in from.chunks_exact(sample * channels).enumerate() {
                        // SAFETY: alsa-lib gives one area for each channel, and `frames` frames from
                        // `offset` on lie in the mapping and belong to us until they are committed.
                        unsafe {
                            let to = sample_address(area, offset + f);
                            ptr::copy_nonoverlapping(frame[c * sample..].as_ptr(), to, sample);
                        }
                    }
                }
            },
        )
    }

    /// Reads from the mapped buffer as much into `data` as is there.
    pub fn mmap_read(&self, data: &mut [u8], sample: usize, channels: usize) -> Raw<u64> {
        self.mapped(
            data.len() / (sample * channels),
            |done, frames, areas, offset| {
                let to = &mut data[done * sample * channels..][..frames * sample * channels];
                for (c, area) in areas.iter().enumerate().take(channels) {
                    for (f, frame) in to.chunks_exact_mut(sample * channels).enumerate() {
                        // SAFETY: As in `mmap_write`, with the sample of `frame` as the target.
                        unsafe {
                            let from = sample_address(area, offset + f);
                            ptr::copy_nonoverlapping(
                                from,
                                frame[c * sample..].as_mut_ptr(),
                                sample,
                            );
                        }
                    }
                }
            },
        )
    }

    /// Calls `copy` with (frames done, frames to do, areas, offset) for each contiguous part of
    /// the mapped buffer, up to `frames` in all; gives the frames that were committed.
    fn mapped(
        &self,
        frames: usize,
        mut copy: impl FnMut(usize, usize, &[ffi::snd_pcm_channel_area_t], usize),
    ) -> Raw<u64> {
        let channels = self.channels()?;
        // Not avail_update: without a wake-up of its own a mapped stream learns of its position only if it asks.
        let todo = (self.avail()? as usize).min(frames);
        let mut done = 0;
        while done < todo {
            let (mut areas, mut offset, mut part) =
                (ptr::null(), 0, (todo - done) as ffi::snd_pcm_uframes_t);
            // SAFETY: The PCM is open and set up for mapping (else this gives an error); the
            // three places are valid.
            let begun = unsafe {
                ffi::snd_pcm_mmap_begin(
                    self.0.as_ptr(),
                    &raw mut areas,
                    &raw mut offset,
                    &raw mut part,
                )
            };
            check(begun)?;
            if part == 0 || areas.is_null() {
                break;
            }
            // SAFETY: After a successful begin `areas` points to one area for each channel of
            // the stream, valid until the parameters change, which takes `&self` calls that
            // can't happen before this slice is gone.
            let slice = unsafe { slice::from_raw_parts(areas, channels) };
            copy(done, part as usize, slice, offset as usize);
            // SAFETY: The PCM is open; offset and length are those of the begin.
            let committed = unsafe { ffi::snd_pcm_mmap_commit(self.0.as_ptr(), offset, part) };
            let committed = check(committed)?;
            done += committed as usize;
            if committed < part as u64 {
                break;
            }
        }
        Ok(done as u64)
    }
}

/// # Safety
/// `frame` must lie in the buffer that `area` describes.
unsafe fn sample_address(area: &ffi::snd_pcm_channel_area_t, frame: usize) -> *mut u8 {
    let bits = area.first as usize + frame * area.step as usize;
    // SAFETY: By this function's contract the sample lies within the mapping at `addr`.
    unsafe { area.addr.cast::<u8>().add(bits / 8) }
}
