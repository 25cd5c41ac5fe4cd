// SPDX-License-Identifier: GPL-2.0-only

//! The nodes in `/dev`, and their files. All entries may sleep, but for `poll`.

use kernel::iov::{IovIterDest, IovIterSource};
use kernel::new_spinlock;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::{Arc, SpinLock};

use crate::device::{change, Device, Timers};
use crate::lib::kernel::chardev::{Closer, File, Mode, Operations, Poller, Ready, Registration};
use crate::lib::kernel::parent::Parent;
use crate::lib::kernel::time::now;
use crate::lib::kernel::wait::Until;
use crate::model::fifo::{ATOMIC, SAMPLE_MAX};
use crate::model::intervals::{line, LINE};

/// What the last close does with what has not left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// It waits for it to leave.
    Wait,
    /// It drops it.
    Drop,
    /// It lets it leave.
    Leave,
}

/// The kinds of nodes, and what they are called.
const KINDS: [(&str, Closing); 3] = [
    ("sad", Closing::Wait),
    ("sadnb", Closing::Drop),
    ("sadbg", Closing::Leave),
];

/// Everybody may hear, and everybody may be heard.
const PERMISSIONS: u16 = 0o666;

static OPERATIONS: Operations<Sound> = Operations::new();

/// The nodes of a device. Dropping it takes them away; files that are open stay, but can only be closed.
pub(crate) struct Nodes {
    _nodes: KVec<Registration<Sound>>,
}

impl Nodes {
    /// Makes `/dev/sad` and its like below `parent`, their names ending in `suffix`.
    ///
    /// # Errors
    ///
    /// `EEXIST`, `EBUSY`, `ENOMEM`: see [`Registration::new`].
    pub(crate) fn new(
        module: &'static ThisModule,
        parent: &Parent,
        suffix: &CStr,
        timers: &Arc<Timers>,
    ) -> Result<Self> {
        let mut nodes = KVec::with_capacity(KINDS.len(), GFP_KERNEL)?;
        for (name, closing) in KINDS {
            let name = CString::try_from_fmt(fmt!("{}{}", name, suffix))?;
            let node = Node {
                timers: timers.clone(),
                closing,
            };
            let node = Registration::new(
                &OPERATIONS,
                module,
                &name,
                PERMISSIONS,
                Some(parent.device()),
                node,
            )?;
            nodes.push(node, GFP_KERNEL)?;
        }
        Ok(Self { _nodes: nodes })
    }
}

/// A node.
pub(crate) struct Node {
    timers: Arc<Timers>,
    closing: Closing,
}

/// An open file.
#[pin_data(PinnedDrop)]
pub(crate) struct Sound {
    timers: Arc<Timers>,
    closing: Closing,
    /// The file's number at its device.
    number: u64,
    #[pin]
    rests: SpinLock<Rests>,
}

/// What of a file is left between two calls. Taken before the converter's lock.
struct Rests {
    /// The beginning of a sample whose end has not been written.
    sample: Rest<SAMPLE_MAX>,
    /// The end of a line whose beginning has been read.
    line: Rest<LINE>,
    /// Which interval is the next to be read.
    cursor: u64,
}

/// A few bytes.
#[derive(Clone, Copy)]
struct Rest<const MOST: usize> {
    bytes: [u8; MOST],
    from: usize,
    to: usize,
}

impl<const MOST: usize> Rest<MOST> {
    const NONE: Self = Self {
        bytes: [0; MOST],
        from: 0,
        to: 0,
    };

    fn as_slice(&self) -> &[u8] {
        &self.bytes[self.from..self.to]
    }
}

impl Sound {
    fn device(&self) -> &Device {
        self.timers.handler()
    }

    /// Adds what `chunk` begins with to the FIFO, as much as fits, or all or nothing. Returns how many bytes.
    fn push(&self, chunk: &[u8], together: bool) -> usize {
        change(&self.timers, |converter, now| {
            converter.write(self.number, chunk, together, now)
        })
    }

    /// Takes as much of `from` as there is, or is to be waited for. `begun` is a sample's beginning that was taken
    /// before, and becomes what is left so. Returns how many bytes went to the FIFO, and what stopped it.
    fn take(
        &self,
        from: &mut IovIterSource<'_>,
        begun: &mut Rest<SAMPLE_MAX>,
        mode: Mode,
    ) -> (usize, Result) {
        let sample = usize::from(self.device().converter.lock().format().bytes);
        let together = from.len() + begun.as_slice().len() <= ATOMIC;
        let Ok(mut chunk) = KVec::from_elem(0u8, ATOMIC, GFP_KERNEL) else {
            return (0, Err(ENOMEM));
        };
        // What is written must not join what should have left by now, however late the timer is.
        self.device().catch_up();
        let mut taken = 0;
        while !from.is_empty() {
            let kept = begun.as_slice().len();
            chunk[..kept].copy_from_slice(begun.as_slice());
            // No lock is held here, however long user memory takes.
            let copied = from.copy_from_iter(&mut chunk[kept..]);
            if copied == 0 {
                return (taken, Err(EFAULT));
            }
            let filled = kept + copied;
            let whole = filled - filled.checked_rem(sample).unwrap_or(0);
            let mut pushed = 0;
            while pushed < whole {
                let more = self.push(&chunk[pushed..whole], together);
                if more > 0 {
                    // What had begun was the beginning of this.
                    *begun = Rest::NONE;
                    pushed += more;
                    taken += more;
                    continue;
                }
                if let Err(error) = self.wait_for_room(mode) {
                    return (taken, Err(error));
                }
            }
            *begun = Rest::NONE;
            begun.to = filled - whole;
            begun.bytes[..begun.to].copy_from_slice(&chunk[whole..filled]);
        }
        (taken, Ok(()))
    }

    fn wait_for_room(&self, mode: Mode) -> Result {
        if mode.nonblocking {
            return Err(EAGAIN);
        }
        let converter = &self.device().converter;
        let room = || converter.lock().has_room(now()).then_some(());
        self.device().writers.wait(Until::Signal, room)
    }

    /// The next bytes to be read, if any.
    fn next_bytes(&self) -> Option<Rest<LINE>> {
        let mut rests = self.rests.lock();
        if !rests.line.as_slice().is_empty() {
            return Some(core::mem::replace(&mut rests.line, Rest::NONE));
        }
        let mut converter = self.device().converter.lock();
        let interval = converter.interval(&mut rests.cursor)?;
        Some(Rest {
            bytes: line(interval),
            from: 0,
            to: LINE,
        })
    }

    /// Waits until all that was written to the file has left.
    fn wait_until_left(&self, until: Until) -> Result {
        let converter = &self.device().converter;
        let left = || converter.lock().has_left(self.number, now()).then_some(());
        self.device().closers.wait(until, left)
    }
}

#[vtable]
impl File for Sound {
    type Node = Node;

    fn open(node: &Node, _: Mode) -> impl PinInit<Self, Error> {
        let timers = node.timers.clone();
        let closing = node.closing;
        let (number, cursor) = change(&timers, |converter, now| {
            (converter.open(now), converter.intervals().total())
        });
        let rests = Rests {
            sample: Rest::NONE,
            line: Rest::NONE,
            cursor,
        };
        try_pin_init!(Self {
            timers,
            closing,
            number,
            rests <- new_spinlock!(rests),
        }? Error)
    }

    fn release(&self, mode: Mode, closer: Closer) {
        let converter = &self.device().converter;
        let drop_rest = || {
            self.device().catch_up();
            converter.lock().drop_rest(self.number, now());
        };
        match (self.closing, closer) {
            (Closing::Drop, _) | (Closing::Wait, Closer::Killed) => drop_rest(),
            (Closing::Wait, Closer::Program) if !mode.nonblocking => {
                // What a program that is exiting has not waited for leaves all the same.
                if self.wait_until_left(Until::Kill) == Err(ERESTARTSYS) {
                    drop_rest();
                }
            }
            _ => {}
        }
        let incomplete = self.rests.lock().sample.as_slice().len();
        converter.lock().counters.incomplete += incomplete as u64;
    }

    fn read(&self, to: &mut IovIterDest<'_>, mode: Mode) -> Result<usize> {
        let mut read = 0;
        while !to.is_empty() {
            let next = match self.next_bytes() {
                None if read > 0 => break,
                None if mode.nonblocking => return Err(EAGAIN),
                None => self
                    .device()
                    .readers
                    .wait(Until::Signal, || self.next_bytes())?,
                Some(next) => next,
            };
            let wanted = next.as_slice().len().min(to.len());
            let copied = to.copy_to_iter(&next.as_slice()[..wanted]);
            read += copied;
            let rest = Rest {
                from: next.from + copied,
                ..next
            };
            if !rest.as_slice().is_empty() {
                self.rests.lock().line = rest;
            }
            if copied < wanted {
                return match read {
                    0 => Err(EFAULT),
                    read => Ok(read),
                };
            }
        }
        Ok(read)
    }

    fn write(&self, from: &mut IovIterSource<'_>, mode: Mode) -> Result<usize> {
        let mut begun = core::mem::replace(&mut self.rests.lock().sample, Rest::NONE);
        let before = begun.as_slice().len();
        let (taken, stopped) = self.take(from, &mut begun, mode);
        self.rests.lock().sample = begun;
        match (taken + begun.as_slice().len() - before, stopped) {
            (0, Err(error)) => Err(error),
            (taken, _) => Ok(taken),
        }
    }

    fn poll<'a>(&'a self, poller: &Poller<'a>, mode: Mode) -> Ready {
        let device = self.device();
        let mut ready = Ready::default();
        if mode.writable {
            poller.watch(&device.writers);
            ready.writable = device.converter.lock().has_room(now());
        }
        // A file for neither (`O_ACCMODE`) is told of the end of the device.
        if mode.readable || !mode.writable {
            poller.watch(&device.readers);
        }
        if mode.readable {
            let rests = self.rests.lock();
            let mut converter = device.converter.lock();
            ready.readable =
                !rests.line.as_slice().is_empty() || converter.has_interval(rests.cursor);
        }
        ready
    }

    fn sync(&self) -> Result {
        self.wait_until_left(Until::Signal)
    }

    fn gone(node: &Node) {
        node.timers.handler().leave();
    }
}

#[pinned_drop]
impl PinnedDrop for Sound {
    fn drop(self: Pin<&mut Self>) {
        self.device().converter.lock().close();
    }
}
