// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! What a write takes.

/// Writes of up to so many bytes are whole if they are to be: `PIPE_BUF`.
pub const ATOMIC: usize = 4096;

/// The rules of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// For how many bytes there is room in an empty buffer; not 0, and at least [`ATOMIC`] if `atomic`.
    pub capacity: usize,
    /// Whether a write of up to [`ATOMIC`] bytes is taken whole or not at all.
    pub atomic: bool,
    /// Whether the oldest bytes go where there is no room for new ones.
    pub overwrite: bool,
}

/// What a step of a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The first so many of the bytes that are written are overwritten by the others.
    pub skip: usize,
    /// So many of the oldest bytes in the buffer go.
    pub push_out: usize,
    /// So many bytes are added then, for which there is room.
    pub fill: usize,
}

impl Plan {
    /// How many bytes are lost.
    pub fn overwritten(&self) -> usize {
        self.skip + self.push_out
    }
}

impl Rules {
    /// What a write of `given` bytes does first where there is room for `room`, in a step that adds `most` at most, but
    /// not less than [`ATOMIC`]; `None` if it has to wait.
    pub fn plan(&self, given: usize, room: usize, most: usize) -> Option<Plan> {
        if self.overwrite {
            let skip = given.saturating_sub(self.capacity);
            let fill = (given - skip).min(most);
            return Some(Plan {
                skip,
                push_out: fill.saturating_sub(room),
                fill,
            });
        }
        (room >= self.least(given)).then_some(Plan {
            skip: 0,
            push_out: 0,
            fill: given.min(room).min(most),
        })
    }

    /// The rules for what is left of a write that has added some: it is a long one, however little that is.
    pub fn of_rest(&self) -> Self {
        Self {
            atomic: false,
            ..*self
        }
    }

    /// For how many bytes there has to be room before a write of `given` bytes takes some.
    pub fn least(&self, given: usize) -> usize {
        match *self {
            Self {
                overwrite: true, ..
            } => 0,
            Self { atomic: true, .. } if given <= ATOMIC => given,
            _ => 1,
        }
    }

    /// Whether a file can be written, as `poll` says it: whether a write of [`ATOMIC`] bytes does not wait.
    pub fn writable(&self, room: usize) -> bool {
        room >= self.least(ATOMIC)
    }
}
