// SPDX-License-Identifier: MIT OR Apache-2.0

//! Control elements as the kernel has them.

use std::ffi::{c_int, c_long, c_longlong, c_uint};
use std::fmt;

use crate::alsa::pcm::Address;

/// `SNDRV_CTL_ELEM_ID_NAME_MAXLEN`.
const NAME: usize = 44;
/// `SNDRV_CTL_ELEM_IFACE_MIXER`.
const MIXER: c_int = 2;
/// `SNDRV_CTL_ELEM_IFACE_PCM`.
const PCM: c_int = 3;

/// `SNDRV_CTL_ELEM_ACCESS_READWRITE`.
pub const READ_WRITE: c_uint = 3;
/// `SNDRV_CTL_ELEM_ACCESS_TLV_WRITE`.
pub const TLV_WRITE: c_uint = 1 << 5;
/// `SNDRV_CTL_ELEM_ACCESS_INACTIVE`.
pub const INACTIVE: c_uint = 1 << 8;
/// `SNDRV_CTL_ELEM_ACCESS_USER`: a program has made it.
pub const USER: c_uint = 1 << 29;

/// `struct snd_ctl_elem_id`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    /// The number by which ALSA's core knows it; 0: it is known by the rest.
    pub numid: c_uint,
    iface: c_int,
    device: c_uint,
    subdevice: c_uint,
    name: [u8; NAME],
    /// Which one of that name.
    index: c_uint,
}

impl Default for Id {
    fn default() -> Self {
        Self {
            numid: 0,
            iface: 0,
            device: 0,
            subdevice: 0,
            name: [0; NAME],
            index: 0,
        }
    }
}

impl Id {
    fn new(iface: c_int, text: &str) -> Self {
        let mut name = [0; NAME];
        for (to, from) in name[..NAME - 1].iter_mut().zip(text.bytes()) {
            *to = from;
        }
        Self {
            iface,
            name,
            ..Self::default()
        }
    }

    /// The element `name` of the end `at`.
    pub fn of_stream(name: &str, at: Address) -> Self {
        Self {
            device: at.device,
            subdevice: at.subdevice,
            ..Self::new(PCM, name)
        }
    }

    /// The mixer's element `name` of cable `number`.
    pub fn of_mixer(name: &str, number: u32) -> Self {
        Self {
            index: number,
            ..Self::new(MIXER, name)
        }
    }

    /// The one that is `more` further in a set of elements.
    pub fn further(self, more: u32) -> Self {
        Self {
            index: self.index + more,
            ..self
        }
    }

    /// The same without its number: all that a name says.
    pub fn named(self) -> Self {
        Self { numid: 0, ..self }
    }

    /// Its name, up to the first 0.
    pub fn name(&self) -> String {
        let bytes = self.name.iter().take_while(|byte| **byte != 0);
        String::from_utf8_lossy(&bytes.copied().collect::<Vec<_>>()).into_owned()
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            numid,
            iface,
            device,
            subdevice,
            index,
            ..
        } = self;
        write!(
            f,
            "numid={numid},iface={iface},name='{}',device={device},subdevice={subdevice},index={index}",
            self.name().escape_default()
        )
    }
}

/// What an element of a program's own holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    Boolean,
    Integer,
    Enumerated,
    Bytes,
    Iec958,
    Integer64,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Boolean,
        Self::Integer,
        Self::Enumerated,
        Self::Bytes,
        Self::Iec958,
        Self::Integer64,
    ];

    /// `SNDRV_CTL_ELEM_TYPE_…`.
    fn id(self) -> c_int {
        match self {
            Self::Boolean => 1,
            Self::Integer => 2,
            Self::Enumerated => 3,
            Self::Bytes => 4,
            Self::Iec958 => 5,
            Self::Integer64 => 6,
        }
    }

    /// How many values an element may have.
    pub fn most(self) -> u32 {
        match self {
            Self::Boolean | Self::Integer | Self::Enumerated => 128,
            Self::Bytes => 512,
            Self::Iec958 => 1,
            Self::Integer64 => 64,
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
union Range {
    integer: [c_long; 3],
    integer64: [c_longlong; 3],
    enumerated: Words,
    reserved: [u8; 128],
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Words {
    items: c_uint,
    item: c_uint,
    name: [u8; 64],
    names_ptr: u64,
    names_length: c_uint,
}

/// `struct snd_ctl_elem_info`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Info {
    /// Of which element.
    pub id: Id,
    kind: c_int,
    /// `SNDRV_CTL_ELEM_ACCESS_…`.
    pub access: c_uint,
    count: c_uint,
    owner: c_int,
    range: Range,
    reserved: [u8; 64],
}

/// The words of enumerated elements.
pub(super) const WORDS: &[u8] = b"one\0two\0three\0";

impl Info {
    /// To ask for that of the element `id`.
    pub fn of(id: Id) -> Self {
        Self {
            id,
            kind: 0,
            access: 0,
            count: 0,
            owner: 0,
            range: Range { reserved: [0; 128] },
            reserved: [0; 64],
        }
    }

    /// That of `elements` new elements with consecutive indices from `id` on, each of `values` values from 0 to 1000.
    pub fn new(id: Id, kind: Kind, values: u32, elements: u16, access: c_uint) -> Self {
        let mut info = Self::of(id.named());
        info.kind = kind.id();
        info.access = access;
        info.count = values;
        info.owner = elements.into();
        match kind {
            Kind::Boolean => info.range.integer = [0, 1, 1],
            Kind::Integer => info.range.integer = [0, 1_000, 1],
            Kind::Integer64 => info.range.integer64 = [0, 1_000, 1],
            Kind::Enumerated => {
                info.range.enumerated = Words {
                    items: 3,
                    item: 0,
                    name: [0; 64],
                    names_ptr: WORDS.as_ptr() as u64,
                    names_length: WORDS.len() as c_uint,
                }
            }
            Kind::Bytes | Kind::Iec958 => {}
        }
        info
    }

    /// Whether a program has made it.
    pub fn is_users(&self) -> bool {
        self.access & USER != 0
    }
}

/// `struct snd_ctl_elem_value`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Value {
    /// Of which element.
    pub id: Id,
    indirect: c_uint,
    value: Values,
    reserved: [u8; 128],
}

#[repr(C)]
#[derive(Clone, Copy)]
union Values {
    /// The largest of the kinds, and that of the strictest alignment.
    integer: [c_long; 128],
    integer64: [c_longlong; 64],
}

impl Value {
    /// The element `id` with 0 in all its values but the first.
    pub fn new(id: Id, first: u8) -> Self {
        let mut integer = [0; 128];
        integer[0] = c_long::from(first);
        Self {
            id,
            indirect: 0,
            value: Values { integer },
            reserved: [0; 128],
        }
    }
}

/// `struct snd_ctl_event`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Event {
    kind: c_int,
    /// `SNDRV_CTL_EVENT_MASK_…`.
    mask: c_uint,
    /// Of which element.
    pub id: Id,
}

/// `SNDRV_CTL_EVENT_MASK_VALUE` and `…_INFO`.
const TELLS: c_uint = 3;
/// `SNDRV_CTL_EVENT_MASK_REMOVE`.
const REMOVED: c_uint = c_uint::MAX;

impl Event {
    /// Whether it says anything else of the element than that it was added, removed, or given other TLV data.
    pub fn tells(&self) -> bool {
        self.mask != REMOVED && self.mask & TELLS != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alsa::pcm::Direction;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn layouts_are_the_kernels() {
        assert_eq!(size_of::<Id>(), 64);
        assert_eq!(size_of::<Info>(), 272);
        assert_eq!(size_of::<Value>(), 1224);
        assert_eq!(size_of::<Event>(), 72);
    }

    #[test]
    fn a_name_is_cut_off_and_ends() {
        let at = Address {
            card: 0,
            device: 1,
            subdevice: 2,
            direction: Direction::Capture,
        };
        assert_eq!(
            Id::of_stream("PCM Slave Active", at).name(),
            "PCM Slave Active"
        );
        assert_eq!(Id::of_stream(&"x".repeat(99), at).name().len(), NAME - 1);
    }
}
