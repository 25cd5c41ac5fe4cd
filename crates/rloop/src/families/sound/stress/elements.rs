// SPDX-License-Identifier: MIT OR Apache-2.0

//! Programs that make control elements of their own under the names of the driver's.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::field::no_memory;
use crate::alsa::pcm::{Address, errno_name};
use crate::alsa::raw::ctl::Control;
use crate::alsa::raw::element::{INACTIVE, Id, Info, Kind, READ_WRITE, TLV_WRITE, Value};
use crate::alsa::raw::pcm::{Room, Setup, Stream};
use crate::error::Error;
use crate::families::sound::loopback::Card;
use crate::families::sound::loopback::elements::{MIXER_NAMES, OFTEN, STREAM_NAMES};
use rig::random::Random;
use rig::watchdog::Watchdog;

/// The most elements that are made at once, of consecutive indices.
const ELEMENTS: u64 = 4;
/// Words of TLV data: 64 KiB, and more than ALSA takes.
const TLV: [u64; 2] = [1 << 14, (1 << 15) + 1];

/// How often an element is made and removed in a row.
const HAMMERED: u64 = 1_000;

/// What can be done with the elements of one name.
#[derive(Clone, Copy, Debug)]
enum Action {
    Add,
    Replace,
    Remove,
    Lock,
    Unlock,
    Info,
    Read,
    Write,
    WriteTlv,
    ReadTlv,
    List,
    Version,
}

/// What is done most often stands here most often.
const ACTIONS: &[Action] = &[
    Action::Add,
    Action::Add,
    Action::Add,
    Action::Add,
    Action::Replace,
    Action::Remove,
    Action::Remove,
    Action::Remove,
    Action::Lock,
    Action::Unlock,
    Action::Info,
    Action::Read,
    Action::Write,
    Action::WriteTlv,
    Action::ReadTlv,
    Action::List,
    Action::Version,
];

/// The errors that ALSA allows: there may be no such element or the driver's, another program may have locked it, the
/// memory for such elements may be used up.
fn allowed(action: Action) -> &'static [i32] {
    match action {
        Action::Add => &[libc::EBUSY, libc::ENOMEM],
        Action::Replace => &[libc::ENOENT, libc::EBUSY, libc::EINVAL, libc::ENOMEM],
        Action::Remove => &[libc::ENOENT, libc::EBUSY, libc::EINVAL],
        Action::Lock => &[libc::ENOENT, libc::EBUSY],
        Action::Unlock => &[libc::ENOENT, libc::EINVAL, libc::EPERM],
        Action::Info => &[libc::ENOENT],
        Action::Read | Action::Write => &[libc::ENOENT, libc::EPERM, libc::EINVAL],
        Action::WriteTlv => &[
            libc::ENOENT,
            libc::ENXIO,
            libc::EPERM,
            libc::EINVAL,
            libc::ENOMEM,
        ],
        Action::ReadTlv => &[libc::ENOENT, libc::ENXIO, libc::ENOSPC, libc::ENOMEM],
        Action::List | Action::Version => &[],
    }
}

/// Where elements of cards may be: of streams and of mixers.
fn places(card: &Card) -> (Vec<Address>, u32) {
    let cables = card.cables();
    let mut ends: Vec<Address> = cables.iter().map(|cable| cable.playback).collect();
    ends.extend(cables.iter().map(|cable| cable.capture));
    ends.extend(card.readers().iter().map(|cable| cable.capture));
    (ends, cables.len() as u32)
}

/// Ids under which there were elements before, and which are left alone.
pub struct Others(HashSet<Id>);

impl Others {
    /// Those of the elements that programs have made on `control`'s card.
    ///
    /// # Errors
    /// What ALSA says.
    fn of(control: &Control) -> io::Result<Self> {
        let mut ids = HashSet::new();
        for id in control.list()? {
            let mut info = Info::of(id);
            if control.info(&mut info).is_ok() && info.is_users() {
                ids.insert(id.named());
            }
        }
        Ok(Self(ids))
    }
}

/// A thread that makes and removes elements.
pub struct Maker<'a> {
    cards: &'a [Card],
    failing_allocations: bool,
    random: Random,
    watchdog: Arc<Watchdog>,
}

impl<'a> Maker<'a> {
    /// A maker on `cards` whose actions `seed` selects, and whose calls `watchdog` watches. With `failing_allocations`
    /// each may find no memory.
    pub fn new(
        cards: &'a [Card],
        failing_allocations: bool,
        seed: u64,
        watchdog: Arc<Watchdog>,
    ) -> Self {
        Self {
            cards,
            failing_allocations,
            random: Random::new(seed),
            watchdog,
        }
    }

    /// Opens a control device, does up to 200 things with elements of one name, and closes it. Gives the number of calls.
    ///
    /// # Errors
    /// A result that ALSA does not allow.
    pub fn session(&mut self) -> Result<u64, String> {
        let card = &self.cards[self.random.between(0, self.cards.len() as u64 - 1) as usize];
        self.watchdog
            .step(format!("open of the control device of {}", card.id));
        let failed = |e| format!("control device of {}: {e}", card.id);
        let control = match Control::open(card.index) {
            Err(e) if no_memory(self.failing_allocations, &e) => return Ok(0),
            other => other.map_err(failed)?,
        };
        let count = if self.random.once_in(2) {
            self.hammer(card, &control)?
        } else {
            let count = self.random.between(1, 200);
            self.some(card, &control, count)?;
            count
        };
        self.watchdog.step("between sessions with elements");
        Ok(count)
    }

    /// Makes and removes an element that the driver may be telling of, as fast as can be, while another thread starts
    /// and stops that stream. Gives the number of calls.
    fn hammer(&mut self, card: &Card, control: &Control) -> Result<u64, String> {
        let name = self.random.pick(OFTEN);
        let cable = card.cable(0, 0);
        let id = Id::of_stream(name, cable.capture);
        self.watchdog
            .step(format!("{id:?} of {}, made and removed", card.id));
        if control.info(&mut Info::of(id)).is_ok() {
            return Ok(0);
        }
        // Another thread may have it.
        let stream = Stream::open(cable.playback).ok();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let starts = stream.as_ref().map(|stream| {
                let done = &done;
                scope.spawn(move || start_and_stop(stream, done))
            });
            let made = make_and_remove(control, id);
            done.store(true, Ordering::Relaxed);
            // What a stream refuses that others are linked to, or changed, is of no interest here.
            let starts = starts.and_then(|starts| starts.join().ok());
            let count = match made {
                Err(e) if no_memory(self.failing_allocations, &e) => 0,
                made => {
                    made.map_err(|e| format!("{id:?} of {}, made and removed: {e}", card.id))?
                }
            };
            Ok(count + starts.unwrap_or(0))
        })
    }

    /// Does so many things with elements of one name.
    ///
    /// # Errors
    /// A result that ALSA does not allow.
    pub fn some(&mut self, card: &Card, control: &Control, count: u64) -> Result<(), String> {
        let id = self.id(card);
        for _ in 0..count {
            let action = self.random.pick(ACTIONS);
            self.watchdog
                .step(format!("{action:?} of {id:?} of {}", card.id));
            match self.act(control, action, id) {
                Ok(()) => {}
                Err(e)
                    if e.raw_os_error()
                        .is_some_and(|e| allowed(action).contains(&e)) => {}
                Err(e) if no_memory(self.failing_allocations, &e) => {}
                Err(e) => {
                    let name = e.raw_os_error().map_or(String::new(), errno_name);
                    return Err(format!(
                        "{action:?} of {id:?} of {}: {name} ({e}), which ALSA does not allow there",
                        card.id
                    ));
                }
            }
        }
        Ok(())
    }

    /// Mostly at one of the first cables, and of an element that changes whenever a player starts or stops.
    fn id(&mut self, card: &Card) -> Id {
        let (ends, cables) = places(card);
        if self.random.once_in(8) {
            let number = self.random.between(0, u64::from(cables) - 1) as u32;
            return Id::of_mixer(self.random.pick(MIXER_NAMES), number);
        }
        let name = if self.random.once_in(2) {
            self.random.pick(OFTEN)
        } else {
            self.random.pick(STREAM_NAMES)
        };
        let at = match self.random.between(0, 2) {
            0 => card.cable(0, 0).playback,
            1 => card.cable(0, 0).capture,
            _ => self.random.pick(&ends),
        };
        Id::of_stream(name, at)
    }

    fn act(&mut self, control: &Control, action: Action, id: Id) -> io::Result<()> {
        let found = || {
            let mut info = Info::of(id);
            control.info(&mut info).map(|()| info)
        };
        let not_ours = || io::Error::from_raw_os_error(libc::ENOENT);
        match action {
            // The kernel writes a line to its log for each that is there already.
            Action::Add if found().is_ok() && !self.random.once_in(200) => Ok(()),
            Action::Add => control.add(&mut self.info(id)),
            Action::Replace => control.replace(&mut self.info(id)),
            Action::Remove => control.remove(&mut { id }),
            Action::Lock => control.lock(&mut { id }),
            Action::Unlock => control.unlock(&mut { id }),
            Action::Info => found().map(|_| ()),
            Action::Read => control.read(&mut Value::new(id, 0)),
            Action::Write => {
                // The driver's own are the business of others. Which of the two there are does not change.
                if !found()?.is_users() {
                    return Err(not_ours());
                }
                let first = self.random.between(0, 3) as u8;
                control.write(&mut Value::new(id, first))
            }
            Action::WriteTlv => {
                let most = self.random.pick(&TLV);
                let words = self.random.between(most / 2, most);
                control.write_tlv(found()?.id.numid, words as usize)
            }
            Action::ReadTlv => {
                let words = self.random.between(2, TLV[1]);
                control.read_tlv(found()?.id.numid, words as usize)
            }
            Action::List => control.list().map(|_| ()),
            Action::Version => control.version(&mut 0),
        }
    }

    fn info(&mut self, id: Id) -> Info {
        let kind = self.random.pick(&Kind::ALL);
        let values = self.random.between(1, kind.most().into()) as u32;
        let elements = self.random.between(1, ELEMENTS) as u16;
        let access =
            self.random
                .pick(&[0, READ_WRITE, READ_WRITE | TLV_WRITE, READ_WRITE | INACTIVE]);
        Info::new(id, kind, values, elements, access)
    }
}

/// Makes and removes an element; gives how often.
fn make_and_remove(control: &Control, id: Id) -> io::Result<u64> {
    for count in 0..HAMMERED {
        let mut info = Info::new(id, Kind::Boolean, 1, 1, 0);
        match control.add(&mut info) {
            Ok(()) => control.remove(&mut info.id)?,
            // Another one has been here.
            Err(e) if allowed(Action::Add).contains(&e.raw_os_error().unwrap_or(0)) => {
                return Ok(count);
            }
            Err(e) => return Err(e),
        }
    }
    Ok(HAMMERED)
}

/// Starts and stops a stream until `done`; gives how often.
fn start_and_stop(stream: &Stream, done: &AtomicBool) -> u64 {
    let setup = Setup {
        access: 3,
        format: 2,
        channels: 2,
        rate: 48_000,
        period: 1_024,
        buffer: 4_096,
    };
    let mut room = Room::default();
    let mut count = 0;
    let once = |room: &mut Room| -> io::Result<()> {
        stream.prepare()?;
        stream.transfer(room, 16, false)?;
        stream.start()?;
        stream.stop()
    };
    let set_up = stream.hw_params(&setup);
    if set_up
        .and_then(|()| stream.sw_params(2 * setup.buffer, None, setup.buffer))
        .is_ok()
    {
        while !done.load(Ordering::Relaxed) && once(&mut room).is_ok() {
            count += 1;
        }
    }
    count
}

/// The ids of all elements that makers may make.
pub fn possible(card: &Card) -> impl Iterator<Item = Id> {
    let (ends, cables) = places(card);
    let streams = ends
        .into_iter()
        .flat_map(|at| STREAM_NAMES.iter().map(move |name| Id::of_stream(name, at)));
    let mixers = (0..cables).flat_map(|number| {
        MIXER_NAMES
            .iter()
            .map(move |name| Id::of_mixer(name, number))
    });
    // An element of several has as many indices.
    streams
        .chain(mixers)
        .flat_map(|id| (0..ELEMENTS as u32).map(move |more| id.further(more)))
}

/// Who removes what makers have left, and leaves what other programs had made before.
pub struct Sweeper(Vec<(Control, Others)>);

impl Sweeper {
    /// A sweeper of `cards`, before anything is made.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn new(cards: &[Card]) -> Result<Self, Error> {
        let one = |card: &Card| {
            let open = || {
                let control = Control::open(card.index)?;
                let others = Others::of(&control)?;
                Ok((control, others))
            };
            open().map_err(|why| Error::File {
                path: format!("the control device of {}", card.shown()),
                why,
            })
        };
        cards.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// Removes all that has been made since, when nobody makes more.
    ///
    /// # Errors
    /// What ALSA says.
    pub fn sweep(&self) -> io::Result<()> {
        for (control, others) in &self.0 {
            for id in control.list()? {
                let mut info = Info::of(id);
                // Elements of one control go together.
                if control.info(&mut info).is_err()
                    || !info.is_users()
                    || others.0.contains(&id.named())
                {
                    continue;
                }
                control.remove(&mut { id })?;
            }
        }
        Ok(())
    }
}
