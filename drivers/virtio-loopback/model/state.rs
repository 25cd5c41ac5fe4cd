// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! The states of a device.
//!
//! ```text
//! Idle ──DRIVER_OK──► Ready ──start──► Live ──reset──► Stopping ──stopped──► Idle
//!                       └───────────reset─────────────────▲
//! any ──a ring that can't be──► Broken
//! ```

/// The device's status (`linux/virtio_config.h`): the driver is ready.
pub const DRIVER_OK: u8 = 4;

/// What a device waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// A driver.
    #[default]
    Idle,
    /// The program, which has to serve the queues.
    Ready,
    /// Nothing.
    Live,
    /// The program, which has to let go of the queues.
    Stopping,
    /// The owner, which has to close it.
    Broken,
}

impl Phase {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 5] = [
        Self::Idle,
        Self::Ready,
        Self::Live,
        Self::Stopping,
        Self::Broken,
    ];

    /// The number that programs see.
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// What there is to do for whoever has changed a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing that programs see.
    None,
    /// They have to be told.
    Seen,
}

/// What is said to one who has an old state in mind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale;

/// The state of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    phase: Phase,
    generation: u32,
    status: u8,
}

impl State {
    /// What it waits for.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How often a driver has been ready.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// What the driver has last written.
    pub fn status(&self) -> u8 {
        self.status
    }

    /// The driver writes its status, which is not 0.
    pub fn set_status(&mut self, status: u8) -> Change {
        let ready = self.status & DRIVER_OK == 0 && status & DRIVER_OK != 0;
        self.status = status;
        if ready && self.phase == Phase::Idle {
            self.phase = Phase::Ready;
            self.generation = self.generation.wrapping_add(1);
        }
        Change::Seen
    }

    /// The driver resets the device: the queues must be closed already.
    pub fn reset(&mut self) -> Change {
        self.status = 0;
        if matches!(self.phase, Phase::Ready | Phase::Live) {
            self.phase = Phase::Stopping;
        }
        Change::Seen
    }

    /// The program serves the queues.
    ///
    /// # Errors
    ///
    /// [`Stale`] if that was not asked for, or of an older generation.
    pub fn start(&mut self, generation: u32) -> Result<Change, Stale> {
        self.step(generation, Phase::Ready, Phase::Live)
    }

    /// The program has let go of the queues.
    ///
    /// # Errors
    ///
    /// [`Stale`] if that was not asked for, or of an older generation.
    pub fn stopped(&mut self, generation: u32) -> Result<Change, Stale> {
        self.step(generation, Phase::Stopping, Phase::Idle)
    }

    fn step(&mut self, generation: u32, from: Phase, to: Phase) -> Result<Change, Stale> {
        if generation != self.generation || self.phase != from {
            return Err(Stale);
        }
        self.phase = to;
        Ok(Change::Seen)
    }

    /// A ring can't be.
    pub fn broke(&mut self) -> Change {
        match self.phase {
            Phase::Broken => Change::None,
            _ => {
                self.phase = Phase::Broken;
                Change::Seen
            }
        }
    }
}
