// SPDX-License-Identifier: GPL-2.0-only

//! Control elements of one value: made with the card, and events of them.
//!
//! C header: `include/sound/control.h`

use core::mem::size_of;
use core::ptr::null_mut;

use kernel::error::{from_result, to_result};
use kernel::ffi::{c_int, c_long, c_uint};
use kernel::prelude::*;
use kernel::str::CString;
use kernel::types::ForeignOwnable;

use crate::lib::alsa::card::{write_str, CardRef, NewCard};
use crate::lib::bindings;

/// The values that an element takes, `struct snd_ctl_elem_info`.
#[derive(Clone, Copy)]
pub(crate) enum Values {
    /// BOOLEAN: 0 or 1.
    Boolean,
    /// INTEGER: from the first to the second, both included, in steps of 1.
    Integer(u32, u32),
    /// ENUMERATED: the index of one of the words, of at most 63 bytes each.
    Enumerated(&'static [&'static str]),
    /// INTEGER with a TLV: from 0 to the scale's last step.
    Decibels(&'static DecibelScale),
}

/// A scale of a volume in dB, which grows by the same with each step.
pub(crate) struct DecibelScale {
    /// The TLV that ALSA hands to programs: type, bytes of what follows, least, step
    /// (`SNDRV_CTL_TLVD_DECLARE_DB_SCALE` in `include/uapi/sound/tlv.h`).
    tlv: [c_uint; 4],
    last: u32,
}

impl DecibelScale {
    /// Makes a scale: the value 0 means `least` hundredths of a dB, each next one `step` more, up
    /// to `last`.
    pub(crate) const fn new(least: i32, step: u16, last: u32) -> Self {
        let tlv = [
            bindings::SNDRV_CTL_TLVT_DB_SCALE,
            2 * size_of::<c_uint>() as c_uint,
            least as c_uint,
            step as c_uint,
        ];
        Self { tlv, last }
    }
}

/// A PCM substream of a card, as control elements name it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Substream {
    /// The number of the PCM device.
    pub(crate) device: u32,
    /// The number of the substream within the device and its direction.
    pub(crate) subdevice: u32,
}

impl Substream {
    /// The first substream of the first device.
    pub(crate) const FIRST: Self = Self {
        device: 0,
        subdevice: 0,
    };
}

/// An event of an element, `SNDRV_CTL_EVENT_MASK_*`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// VALUE: the element has another value.
    Value,
    /// INFO: its attributes may have changed; programs read them again.
    Info,
}

/// The owner of an element, by which and by its name programs find it.
#[derive(Clone, Copy)]
pub(crate) enum ElementOwner {
    /// A PCM substream (`SNDRV_CTL_ELEM_IFACE_PCM`).
    Substream(Substream),
    /// The mixer (`SNDRV_CTL_ELEM_IFACE_MIXER`): the index among those of its name.
    Mixer(u32),
}

impl From<Substream> for ElementOwner {
    fn from(substream: Substream) -> Self {
        Self::Substream(substream)
    }
}

impl ElementOwner {
    /// The id of an element of this owner, still without a name.
    fn id(self) -> bindings::snd_ctl_elem_id {
        match self {
            Self::Substream(Substream { device, subdevice }) => bindings::snd_ctl_elem_id {
                iface: bindings::rloop_constant_RLOOP_CTL_IFACE_PCM
                    as bindings::snd_ctl_elem_iface_t,
                device,
                subdevice,
                ..Default::default()
            },
            Self::Mixer(index) => bindings::snd_ctl_elem_id {
                iface: bindings::rloop_constant_RLOOP_CTL_IFACE_MIXER
                    as bindings::snd_ctl_elem_iface_t,
                index,
                ..Default::default()
            },
        }
    }
}

/// A control element. Its operations are called by programs, may sleep, and run with the card's
/// `controls_rwsem` held.
pub(crate) trait Element: Send + Sync + 'static {
    /// The values that it takes: the same kind at each call.
    fn values(&self) -> Values;

    /// The value now, one of [`Element::values`].
    fn get(&self) -> u32;

    /// Sets the value, which is one of [`Element::values`], and returns whether it is another than
    /// before; ALSA then sends the event. For other elements that change with it, `put` has to send
    /// events itself. Only called if the element is writable.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it can't be set now.
    fn put(&self, value: u32, card: &CardRef<'_>) -> Result<bool>;
}

/// The data of an element, to which its `private_data` points.
struct ElementData<E> {
    element: E,
    card: *mut bindings::snd_card,
}

/// The id of an element that [`create`] has made: all by which user space and events name it,
/// `numid` included. It is a copy, so it may outlive the element, and does not stand for an element
/// of that name which a program has made.
pub(crate) struct ElementId(bindings::snd_ctl_elem_id);

/// Makes an element, `snd_ctl_add()`, which the card frees with itself. May sleep.
///
/// # Errors
///
/// `EBUSY` if there is one of that name already, `ENOMEM`.
pub(crate) fn create<E: Element>(
    card: &mut NewCard,
    name: &str,
    owner: impl Into<ElementOwner>,
    writable: bool,
    element: E,
) -> Result<ElementId> {
    let mut access = match writable {
        true => bindings::SNDRV_CTL_ELEM_ACCESS_READWRITE,
        false => bindings::SNDRV_CTL_ELEM_ACCESS_READ,
    };
    let mut tlv = bindings::snd_kcontrol_new__bindgen_ty_1::default();
    if let Values::Decibels(scale) = element.values() {
        access |= bindings::SNDRV_CTL_ELEM_ACCESS_TLV_READ;
        tlv.p = scale.tlv.as_ptr();
    }
    let mut id = owner.into().id();
    write_str(&mut id.name, name);
    let name = CString::try_from_fmt(fmt!("{name}"))?;
    let template = bindings::snd_kcontrol_new {
        iface: id.iface,
        device: id.device,
        subdevice: id.subdevice,
        index: id.index,
        name: name.as_char_ptr(),
        tlv,
        access,
        count: 1,
        info: Some(info::<E>),
        get: Some(get::<E>),
        put: writable.then_some(put::<E>),
        ..Default::default()
    };
    let card = card.as_raw();
    let element_data = KBox::new(ElementData { element, card }, GFP_KERNEL)?;
    // SAFETY: ALSA copies the template and the name. The TLV is that of a `&'static` scale.
    let control = unsafe { bindings::snd_ctl_new1(&template, null_mut()) };
    if control.is_null() {
        return Err(ENOMEM);
    }
    // SAFETY: The control is new, and nobody else has it. `private_data` stays valid until `free`
    // is called, which ALSA does when it frees the control.
    unsafe {
        (*control).private_data = element_data.into_foreign().cast();
        (*control).private_free = Some(free::<E>);
    }
    // SAFETY: The card is valid; the control is new, and ALSA frees it if it can't add it.
    to_result(unsafe { bindings::snd_ctl_add(card, control) })?;
    // SAFETY: It has been added, and the card is still being put together (a `NewCard`, borrowed
    // mutably): nobody else reaches it, to remove the control or to give it another number.
    id.numid = unsafe { (*control).id.numid };
    Ok(ElementId(id))
}

impl CardRef<'_> {
    /// Sends an event of an element of this card to the programs that have subscribed,
    /// `snd_ctl_notify()`. The element is not looked up: programs make and remove elements, and
    /// what a look-up finds is theirs to free. Any context; takes time for each subscriber.
    pub(crate) fn notify(&self, element: &ElementId, event: Event) {
        let mask = match event {
            Event::Value => bindings::SNDRV_CTL_EVENT_MASK_VALUE,
            Event::Info => bindings::SNDRV_CTL_EVENT_MASK_INFO,
        };
        let mut id = element.0;
        // SAFETY: The card is there as long as this reference. ALSA reads and copies the id, which
        // is ours, under its own locks, and does nothing once the card is disconnected.
        unsafe { bindings::snd_ctl_notify(self.as_raw(), mask, &mut id) };
    }
}

/// The data of an element. Its lifetime is that of the operation that asks.
///
/// # Safety
///
/// `control` must be one that [`create`] has made for `E`, and must not be freed during the call.
unsafe fn element_data<'a, E: Element>(control: *mut bindings::snd_kcontrol) -> &'a ElementData<E> {
    // SAFETY: `private_data` comes from `into_foreign` and is valid until `free`.
    unsafe { KBox::<ElementData<E>>::borrow((*control).private_data.cast()) }
}

/// `snd_kcontrol.info`: says what values the element takes. May sleep.
///
/// # Safety
///
/// `control` must be one that [`create`] has made for `E`, and `info` valid.
unsafe extern "C" fn info<E: Element>(
    control: *mut bindings::snd_kcontrol,
    info: *mut bindings::snd_ctl_elem_info,
) -> c_int {
    // SAFETY: By this function's precondition.
    let values = unsafe { element_data::<E>(control) }.element.values();
    // SAFETY: `info` is valid.
    unsafe {
        let (kind, least, most) = match values {
            Values::Boolean => (bindings::rloop_constant_RLOOP_CTL_TYPE_BOOLEAN, 0, 1),
            Values::Integer(least, most) => {
                (bindings::rloop_constant_RLOOP_CTL_TYPE_INTEGER, least, most)
            }
            Values::Decibels(scale) => (
                bindings::rloop_constant_RLOOP_CTL_TYPE_INTEGER,
                0,
                scale.last,
            ),
            Values::Enumerated(words) => {
                (*info).type_ = bindings::rloop_constant_RLOOP_CTL_TYPE_ENUMERATED
                    as bindings::snd_ctl_elem_type_t;
                (*info).count = 1;
                // Which word the program asks for; beyond the last, it gets the last.
                let shown = &mut (*info).value.enumerated;
                shown.items = words.len() as c_uint;
                shown.item = shown.item.min(shown.items.saturating_sub(1));
                let word = words.get(shown.item as usize).copied();
                write_str(&mut shown.name, word.unwrap_or_default());
                return 0;
            }
        };
        (*info).type_ = kind as bindings::snd_ctl_elem_type_t;
        (*info).count = 1;
        (*info).value.integer.min = least as c_long;
        (*info).value.integer.max = most as c_long;
        (*info).value.integer.step = 1;
    }
    0
}

/// `snd_kcontrol.get`: reads the value. May sleep.
///
/// # Safety
///
/// `control` must be one that [`create`] has made for `E`, and `value` valid.
unsafe extern "C" fn get<E: Element>(
    control: *mut bindings::snd_kcontrol,
    value: *mut bindings::snd_ctl_elem_value,
) -> c_int {
    // SAFETY: By this function's precondition.
    let element = &unsafe { element_data::<E>(control) }.element;
    let now = element.get();
    // SAFETY: `value` is valid, and which part of it counts follows from what `info` says.
    unsafe {
        match element.values() {
            Values::Enumerated(_) => (*value).value.enumerated.item[0] = now as c_uint,
            _ => (*value).value.integer.value[0] = now as c_long,
        }
    }
    0
}

/// `snd_kcontrol.put`: sets the value, if it is one that the element takes (else `EINVAL`). May
/// sleep.
///
/// # Safety
///
/// As [`get`].
unsafe extern "C" fn put<E: Element>(
    control: *mut bindings::snd_kcontrol,
    value: *mut bindings::snd_ctl_elem_value,
) -> c_int {
    // SAFETY: By this function's precondition.
    let ElementData { element, card } = unsafe { element_data::<E>(control) };
    let values = element.values();
    // SAFETY: `value` is valid, and which part of it counts follows from what `info` says.
    let wanted = unsafe {
        match values {
            Values::Enumerated(_) => i64::from((*value).value.enumerated.item[0]),
            _ => (*value).value.integer.value[0] as i64,
        }
    };
    let (least, most) = match values {
        Values::Integer(least, most) => (least, most),
        Values::Decibels(scale) => (0, scale.last),
        Values::Enumerated(words) => (0, words.len().saturating_sub(1) as u32),
        Values::Boolean => (0, 1),
    };
    // SAFETY: A card frees its controls before itself, and this control is not freed during the
    // call.
    let card = unsafe { CardRef::from_raw(*card) };
    match u32::try_from(wanted) {
        Ok(wanted) if (least..=most).contains(&wanted) => {
            from_result(|| Ok(c_int::from(element.put(wanted, &card)?)))
        }
        _ => EINVAL.to_errno(),
    }
}

/// `snd_kcontrol.private_free`: frees the element's data.
///
/// # Safety
///
/// `control` must be one that [`create`] has made for `E` and that is being freed.
unsafe extern "C" fn free<E: Element>(control: *mut bindings::snd_kcontrol) {
    // SAFETY: `private_data` comes from `into_foreign`, and ALSA calls this once, when it frees the
    // control and no operation of it runs any more.
    drop(unsafe { KBox::<ElementData<E>>::from_foreign((*control).private_data.cast()) });
}
