// SPDX-License-Identifier: GPL-2.0-only

//! A cable in its card.

use kernel::sync::Arc;

use crate::cable::Cable;
use crate::lib::alsa::control::Substream;

/// A cable, and where on its card its ends are.
#[derive(Clone)]
pub(crate) struct CableEnds {
    pub(crate) cable: Arc<Cable>,
    /// The playback end.
    pub(crate) playback: Substream,
    /// The first capture end; the others are the subdevices that follow.
    pub(crate) capture: Substream,
}

impl CableEnds {
    /// Where the capture ends are.
    pub(crate) fn captures(&self) -> impl Iterator<Item = Substream> {
        let Substream { device, subdevice } = self.capture;
        let all = subdevice..subdevice + self.cable.captures();
        all.map(move |subdevice| Substream { device, subdevice })
    }
}
