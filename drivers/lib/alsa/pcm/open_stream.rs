// SPDX-License-Identifier: GPL-2.0-only

//! Open substreams: the data of each, and how it gives up its buffer and its parameters.

use core::ops::DerefMut;

use kernel::prelude::*;
use kernel::sync::atomic::Atomic;
use kernel::sync::{Arc, Mutex};

use crate::lib::alsa::buffer::Lease;
use crate::lib::alsa::stream::Stream;
use crate::lib::kernel::quota::Share;

/// The data of an open substream, to which its `runtime->private_data` points.
#[pin_data]
pub(super) struct OpenStream<S> {
    /// The driver's stream.
    pub(super) stream: S,
    /// The resources of the stream, changed by operations that may sleep.
    #[pin]
    pub(super) resources: Mutex<Resources>,
    /// The last command that `stream` got, a `TriggerCommand`, its time in ns, and how many streams
    /// got it together; used with the stream locked only (but for `prepare`, when no command can
    /// come).
    pub(super) action: Atomic<u32>,
    pub(super) action_time: Atomic<u64>,
    pub(super) action_streams: Atomic<u32>,
}

/// The resources of an open substream, which it has of others and gives back.
#[derive(Default)]
pub(super) struct Resources {
    /// The lease of the buffer, from `prepare` on.
    pub(super) lease: Option<Arc<Lease>>,
    /// The bandwidth that it has claimed.
    pub(super) claim: Option<Share>,
}

impl<S: Stream> OpenStream<S> {
    /// Ends every use of the buffer, since it is about to change or to be freed: cancels the timer
    /// and revokes the lease. As long as the result lives, nobody gets a new one. Sleeps.
    pub(super) fn quiesce(&self) -> impl DerefMut<Target = Resources> + '_ {
        let mut resources = self.resources.lock();
        self.stream.timer().cancel();
        if let Some(lease) = resources.lease.take() {
            drop(self.stream.take_buffer());
            lease.revoke();
        }
        resources
    }

    /// As [`OpenStream::quiesce`], and the stream gives up its parameters and its claim. Sleeps.
    pub(super) fn drop_params(&self) -> impl DerefMut<Target = Resources> + '_ {
        let mut resources = self.quiesce();
        self.stream.drop_params();
        resources.claim = None;
        resources
    }
}
