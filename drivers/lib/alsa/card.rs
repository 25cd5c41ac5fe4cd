// SPDX-License-Identifier: GPL-2.0-only

//! Sound cards: made, registered, disconnected and freed.
//!
//! C header: `include/sound/core.h`

use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::{null_mut, NonNull};

use kernel::error::to_result;
use kernel::ffi::c_char;
use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::Arc;

use crate::lib::bindings;
use crate::lib::kernel::parameters::DEVICES;
use crate::lib::kernel::parent::Parent;
use crate::lib::model::parameters::CardNames;

/// The most cards that the kernel can have: `SNDRV_CARDS`.
pub(crate) const CARDS: u32 = DEVICES;

/// The target of a pointer from a part of a card (a proc file, a work item), which the card keeps.
pub(super) trait Part: Send + Sync {}

impl<T: Send + Sync> Part for T {}

/// An owned `struct snd_card`. Dropping it calls `snd_card_free()`, which stops its streams and
/// sleeps until all its files are closed.
///
/// # Invariants
///
/// `raw` points to a card that this value alone frees.
pub(crate) struct Card {
    raw: NonNull<bindings::snd_card>,
    /// The targets of its parts' pointers; dropped after the card has been freed.
    parts: KVec<Arc<dyn Part>>,
}

// SAFETY: A card is not bound to the thread that has made it.
unsafe impl Send for Card {}

// SAFETY: Of the card `&self` methods read its number, which does not change, and what C functions
// read under ALSA's locks or atomically; disconnecting takes ALSA's locks. Parts are added to a
// `NewCard` alone, by `&mut`.
unsafe impl Sync for Card {}

/// A [`Card`] that is being put together. Nobody else knows it before [`NewCard::register`], so
/// what is added to it needs no lock: all of that takes `&mut`.
pub(crate) struct NewCard {
    card: Card,
    /// The id that was asked for.
    id: CString,
    /// The device numbers (minors) that it takes.
    pub(super) minors: u32,
}

impl Deref for NewCard {
    type Target = Card;

    fn deref(&self) -> &Card {
        &self.card
    }
}

impl NewCard {
    /// Makes a card, `snd_card_new()`. It is not seen before [`NewCard::register`], in which ALSA
    /// makes its id of `id`. May sleep.
    ///
    /// `driver` (at most 15 bytes) is also the name of alsa-lib's configuration for it. What is
    /// longer, there or in `names`, is cut off; the callers have checked.
    ///
    /// # Errors
    ///
    /// `EBUSY` if the number is in use, `ENODEV` if none of those that it may have is free, both
    /// with a line in the kernel's log; `ENOMEM`.
    pub(crate) fn new(
        module: &'static ThisModule,
        parent: &Parent,
        driver: &str,
        names: CardNames<'_>,
    ) -> Result<Self> {
        let CardNames { index, id, name } = names;
        pr_info!("registering card \"{name}\"\n");
        let id = CString::try_from_fmt(fmt!("{}", id))?;
        let mut card = null_mut();
        // SAFETY: `parent` is valid, and ALSA takes a reference to it; `module` is this one. `id`
        // is a string, and copied as far as there is room for it. `card` is written to on success.
        to_result(unsafe {
            bindings::snd_card_new(
                parent.as_raw(),
                index,
                id.as_char_ptr(),
                module.as_ptr().cast(),
                0,
                &mut card,
            )
        })
        .inspect_err(|error| log_no_number(*error, index))?;
        // INVARIANT: Just made.
        let mut raw = NonNull::new(card).ok_or(ENOMEM)?;
        // SAFETY: The card is valid, and nobody else has seen it yet.
        let fields = unsafe { raw.as_mut() };
        write_str(&mut fields.driver, driver);
        write_str(&mut fields.shortname, name);
        write_str(&mut fields.longname, name);
        write_str(&mut fields.mixername, name);
        let parts = KVec::new();
        Ok(Self {
            card: Card { raw, parts },
            id,
            // That of its control device.
            minors: 1,
        })
    }

    /// Keeps `part` until the card has been freed. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn keep(&mut self, part: Arc<dyn Part>) -> Result {
        Ok(self.card.parts.push(part, GFP_KERNEL)?)
    }

    /// Shows the card and all that belongs to it to user space, `snd_card_register()`. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY`, with a line in the kernel's log, where the kernel has not as many device numbers
    /// left as the card takes, or what else the registration of its parts returns.
    pub(crate) fn register(self) -> Result<Card> {
        // SAFETY: The card is valid and complete, and nobody else adds to it or registers it.
        to_result(unsafe { bindings::rloop_card_register(self.as_raw()) }).inspect_err(|error| {
            if *error == EBUSY {
                let (card, minors) = (self.number(), self.minors);
                pr_err!("card {card} can't be made: it takes {minors} of the 256 device numbers (minors) that all sound cards share, and no more are free\n");
            }
        })?;
        self.card.announce(self.id.to_str().unwrap_or_default());
        Ok(self.card)
    }
}

/// Logs why a card has got no number.
fn log_no_number(error: Error, index: i32) {
    if error == ENOMEM {
    } else if index < 0 {
        pr_err!("no card can be made: of the kernel's {CARDS} slots none that index={index} allows is free\n");
    } else {
        pr_err!(
            "parameter index={index} is not allowed: must be the number of a free slot, -1 for any, or another negative number as a mask of slots\n"
        );
    }
}

impl Card {
    /// The card, valid as long as this value. Any context.
    pub(super) fn as_raw(&self) -> *mut bindings::snd_card {
        self.raw.as_ptr()
    }

    /// Takes the card away from user space, `snd_card_disconnect()`: streams are stopped, and
    /// whatever is open can only be closed. The card itself stays until this value is dropped. A
    /// second call does nothing. May sleep.
    pub(crate) fn disconnect(&self) {
        // SAFETY: The card is valid. May be called any number of times.
        unsafe { bindings::rloop_card_disconnect(self.as_raw()) };
    }

    /// Logs that the card is there, and its id if that is not the `id` that was asked for. Any
    /// context.
    fn announce(&self, id: &str) {
        let number = self.number();
        pr_info!("card registered as card {number}\n");
        if self.id().text() != id {
            pr_info!(
                "card {number}: its id is {}, made by ALSA of \"{id}\": letters and digits, at most 15, and _1 and so on where an id is taken\n",
                self.id().text()
            );
        }
    }

    /// The card's number, from 0. Any context.
    pub(crate) fn number(&self) -> i32 {
        // SAFETY: The card is valid, and its number does not change.
        unsafe { (*self.as_raw()).number }
    }

    /// A copy of the card's id, which it has once it is registered, and which user space may
    /// change. Any context.
    pub(crate) fn id(&self) -> Id {
        let mut id = [0; Id::SIZE];
        // SAFETY: The card is valid, and the function writes as many bytes as an id has.
        unsafe { bindings::rloop_card_id(self.as_raw(), id.as_mut_ptr()) };
        Id(id)
    }
}

/// A copy of a card's id: letters and digits, at most 15.
pub(crate) struct Id([c_char; Self::SIZE]);

impl Id {
    /// Bytes of an id, the final 0 among them (`struct snd_card`).
    const SIZE: usize = 16;

    /// The id as text; empty if it is not UTF-8. Any context.
    pub(crate) fn text(&self) -> &str {
        let id = self.0.split(|letter| *letter == 0).next();
        core::str::from_utf8(id.unwrap_or_default()).unwrap_or_default()
    }
}

/// Functions for a card that can be removed at run time, having been made in configfs.
impl Card {
    /// Whether a program has a stream or the control device of the card open. Any context but
    /// interrupts.
    pub(crate) fn in_use(&self) -> bool {
        // SAFETY: The card is valid.
        unsafe { bindings::rloop_card_in_use(self.as_raw()) }
    }

    /// Whether dropping a card that has been disconnected would wait for somebody. Once nobody
    /// holds it, nobody gets it any more. Any context.
    pub(crate) fn held(&self) -> bool {
        // SAFETY: The card is valid.
        unsafe { bindings::rloop_card_held(self.as_raw()) }
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        self.disconnect();
        // SAFETY: The card is valid, and this value alone frees it. Waits until all its files are
        // closed; streams are stopped before.
        unsafe { bindings::snd_card_free(self.as_raw()) };
    }
}

/// A borrowed `struct snd_card`, which stays for as long as `'a`: because a stream of it is open,
/// an element of it is in use, or a reference to it is counted ([`CardHold`]).
pub(crate) struct CardRef<'a>(NonNull<bindings::snd_card>, PhantomData<&'a Card>);

impl CardRef<'_> {
    /// # Safety
    ///
    /// `card` must be valid for the lifetime that the caller gives the result.
    pub(super) unsafe fn from_raw(card: *mut bindings::snd_card) -> Self {
        // SAFETY: The caller promises that it is valid, so it is not null.
        Self(unsafe { NonNull::new_unchecked(card) }, PhantomData)
    }

    /// The card, valid as long as this value. Any context.
    pub(super) fn as_raw(&self) -> *mut bindings::snd_card {
        self.0.as_ptr()
    }
}

/// A counted reference to a card (`get_device()`): its memory stays until this value is dropped,
/// though the card may be disconnected meanwhile. `snd_card_free()` waits for it, so it must not be
/// kept for long.
///
/// # Invariants
///
/// `self.0` points to a card whose `card_dev` counts this value.
pub(super) struct CardHold(NonNull<bindings::snd_card>);

// SAFETY: The count is atomic, and may be dropped by any thread that may sleep.
unsafe impl Send for CardHold {}

impl CardHold {
    /// Counts a reference. Any context.
    pub(super) fn new(card: &CardRef<'_>) -> Self {
        // SAFETY: The card is there as long as `card`, so its device can be counted.
        unsafe { bindings::get_device(&raw mut (*card.as_raw()).card_dev) };
        // INVARIANT: It has just been counted.
        Self(card.0)
    }

    /// The card. Any context.
    pub(super) fn card(&self) -> CardRef<'_> {
        // The reference keeps it for as long as the result may live.
        CardRef(self.0, PhantomData)
    }

    /// Gives the reference away as an address, which is never 0, for [`CardHold::from_address`].
    /// Any context.
    pub(super) fn into_address(self) -> usize {
        let address = self.0.as_ptr() as usize;
        core::mem::forget(self);
        address
    }

    /// Takes back what [`CardHold::into_address`] gave; `None` for 0. Any context; to drop the
    /// result may sleep.
    ///
    /// # Safety
    ///
    /// `address` must be 0, or come from [`CardHold::into_address`] and be taken back once.
    pub(super) unsafe fn from_address(address: usize) -> Option<Self> {
        // INVARIANT: The caller promises that this is the address of a counted card.
        NonNull::new(address as *mut bindings::snd_card).map(Self)
    }
}

impl Drop for CardHold {
    fn drop(&mut self) {
        // SAFETY: By the invariant the card is there, and this reference is given up once.
        unsafe { bindings::put_device(&raw mut (*self.0.as_ptr()).card_dev) };
    }
}

/// Writes `text` and a final 0 into `field`, the field of a C structure. What there is no room for
/// is cut off. Any context.
pub(super) fn write_str(field: &mut [c_char], text: &str) {
    let Some(room) = field.len().checked_sub(1) else {
        return;
    };
    field.fill(0);
    for (to, from) in field[..room].iter_mut().zip(text.bytes()) {
        *to = from as c_char;
    }
}
