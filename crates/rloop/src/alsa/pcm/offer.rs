// SPDX-License-Identifier: MIT OR Apache-2.0

//! What an end offers before anything is chosen.

use super::params::Space;
use super::sys::HwParams;
use super::{Access, Pcm, Result};
use crate::alsa::signal::format::FORMATS;

impl Pcm {
    /// What the end offers now.
    ///
    /// # Errors
    /// `EINVAL` if nothing is possible.
    pub fn space(&self) -> Result<Space> {
        let any = self.named("snd_pcm_hw_params_any", HwParams::any(&self.handle))?;
        let bounds = (|| {
            Ok(Space {
                rate: any.rate_min()?..=any.rate_max()?,
                channels: any.channels_min()?..=any.channels_max()?,
                period: any.period_min()?..=any.period_max()?,
                periods: any.periods_min()?..=any.periods_max()?,
                buffer: any.buffer_min()?..=any.buffer_max()?,
                formats: FORMATS
                    .iter()
                    .copied()
                    .filter(|f| any.test_format(&self.handle, f.id()).is_ok())
                    .collect(),
                accesses: Access::ALL
                    .into_iter()
                    .filter(|a| any.test_access(&self.handle, a.id()).is_ok())
                    .collect(),
            })
        })();
        self.named("snd_pcm_hw_params_get_…", bounds)
    }

    /// Whether the format that ALSA gives the number `id` (`SND_PCM_FORMAT_…`) is possible now.
    pub fn offers_format_id(&self, id: i32) -> bool {
        HwParams::any(&self.handle).is_ok_and(|p| p.test_format(&self.handle, id).is_ok())
    }

    /// Whether `rate` in Hz is possible now.
    pub fn offers_rate(&self, rate: u32) -> bool {
        HwParams::any(&self.handle).is_ok_and(|p| p.test_rate(&self.handle, rate, 0).is_ok())
    }

    /// Whether this number of channels is possible now.
    pub fn offers_channels(&self, channels: u32) -> bool {
        HwParams::any(&self.handle).is_ok_and(|p| p.test_channels(&self.handle, channels).is_ok())
    }
}
