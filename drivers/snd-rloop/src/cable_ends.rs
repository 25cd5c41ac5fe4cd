// SPDX-License-Identifier: GPL-2.0-only

//! The ends of a cable: which substreams of its card they are.

use kernel::sync::Arc;

use crate::cable::Cable;
use crate::lib::alsa::control::Substream;

/// A cable, and the substreams of its card that are its ends.
#[derive(Clone)]
pub(crate) struct CableEnds {
    /// The cable itself.
    pub(crate) cable: Arc<Cable>,
    /// The playback end.
    pub(crate) playback: Substream,
    /// The first capture end; the others are the subdevices that follow.
    pub(crate) capture: Substream,
}

impl CableEnds {
    /// The substreams of all capture ends. Any context.
    pub(crate) fn captures(&self) -> impl Iterator<Item = Substream> {
        let Substream { device, subdevice } = self.capture;
        let all = subdevice..subdevice + self.cable.captures();
        all.map(move |subdevice| Substream { device, subdevice })
    }
}
