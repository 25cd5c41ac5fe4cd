// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a failed call on a stream means for a check.

use rig::verdict::{Blame, Problem};

use super::pcm::AlsaError;
use super::root::Root;
use super::trouble::holder;

impl From<AlsaError> for Problem {
    fn from(error: AlsaError) -> Self {
        match error.errno {
            libc::EPIPE => xrun(error.to_string()),
            // ALSA has heard nothing for a tenth of a second: the machine may have held up the program or the card.
            libc::EIO if error.call == "snd_pcm_drain" => {
                Self::Again(Blame::Subject, error.to_string())
            }
            libc::EBUSY | libc::EAGAIN if error.call == "snd_pcm_open" => {
                let holder = holder(&Root::default(), error.at.card, error.at);
                Self::Failed(format!("{error}: it is in use by {holder}"))
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// An xrun that may be the machine's fault: the check is worth another try with a larger buffer.
pub fn xrun(what: impl Into<String>) -> Problem {
    Problem::Again(Blame::Either, what.into())
}

/// An xrun of a machine that takes more than a third of the sound's own time only to copy it.
pub fn slow(what: impl Into<String>) -> Problem {
    Problem::Again(Blame::Machine, what.into())
}
