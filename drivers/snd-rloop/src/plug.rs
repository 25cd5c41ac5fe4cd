// SPDX-License-Identifier: GPL-2.0-only

//! A cable in its card.

use kernel::sync::Arc;

use crate::cable::Cable;
use crate::lib::alsa::control::Place;

/// A cable, and where on its card its ends are.
#[derive(Clone)]
pub(crate) struct Plug {
    pub(crate) cable: Arc<Cable>,
    /// The playback end.
    pub(crate) playback: Place,
    /// The first capture end; the others are the subdevices that follow.
    pub(crate) capture: Place,
}

impl Plug {
    /// Where the capture ends are.
    pub(crate) fn captures(&self) -> impl Iterator<Item = Place> {
        let Place { device, subdevice } = self.capture;
        let all = subdevice..subdevice + self.cable.captures();
        all.map(move |subdevice| Place { device, subdevice })
    }
}
