// SPDX-License-Identifier: GPL-2.0-only

//! Memory that a program shares with the kernel, a part of a `memfd_create(2)` file that the program brings; and words
//! of memory that somebody else writes to.
//!
//! The kernel maps nothing of its own to anybody: the pages are the program's.
//!
//! All functions may be called in any context unless they say something else.
//!
//! C headers: `include/linux/mm.h`, `include/linux/vmalloc.h`

use core::marker::PhantomData;
use core::ptr::NonNull;

use kernel::prelude::*;

use crate::lib::bindings;

const PAGE_SIZE: usize = bindings::rloop_virtio_constant_RLOOP_PAGE_SIZE as usize;

/// Pages of a program's file, mapped in a row. Dropping it unmaps and unpins them, so may sleep.
///
/// # Invariants
///
/// `folios` are pinned, once each, by this value; `start` is where `bytes` bytes of them are mapped, which this value
/// alone unmaps.
pub(crate) struct SharedMemory {
    folios: KVVec<*mut bindings::folio>,
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: Neither pins nor mappings are bound to a thread.
unsafe impl Send for SharedMemory {}

// SAFETY: All that is done with the memory is done by copies and by single loads and stores, as of memory that a program
// writes to at any time.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Pins and maps the first `bytes` bytes of the file of a descriptor of the current program. May sleep.
    ///
    /// # Errors
    ///
    /// `EBADF` if the descriptor is none; `EINVAL` if it is no file of memory, or has fewer bytes, or `bytes` is no
    /// multiple of a page; `ENOMEM`.
    pub(crate) fn new(descriptor: i32, bytes: usize) -> Result<Self> {
        if bytes == 0 || bytes % PAGE_SIZE != 0 {
            return Err(EINVAL);
        }
        let count = bytes / PAGE_SIZE;
        let mut folios = KVVec::with_capacity(count, GFP_KERNEL)?;
        folios.resize(count, core::ptr::null_mut(), GFP_KERNEL)?;
        let descriptor = u32::try_from(descriptor).map_err(|_| EBADF)?;
        // SAFETY: The function looks at the current thread's descriptors.
        let file = NonNull::new(unsafe { bindings::fget(descriptor) }).ok_or(EBADF)?;
        let mut offset = 0;
        let (end, most) = (bytes as i64 - 1, count as u32);
        // SAFETY: The file is there, and `folios` has room for as many as are asked for.
        let pinned = unsafe {
            bindings::memfd_pin_folios(
                file.as_ptr(),
                0,
                end,
                folios.as_mut_ptr(),
                most,
                &mut offset,
            )
        };
        // SAFETY: The reference is ours. The pages don't need it.
        unsafe { bindings::fput(file.as_ptr()) };
        let pinned = usize::try_from(pinned)
            .map_err(|_| i32::try_from(pinned).map_or(EINVAL, Error::from_errno))?;
        folios.truncate(pinned);
        // INVARIANT: They are pinned. The memory is mapped below; until then there is nothing to unmap.
        let pins = Pins(folios);
        let mut pages: KVVec<*mut bindings::page> = KVVec::with_capacity(count, GFP_KERNEL)?;
        for folio in pins.0.iter() {
            // SAFETY: It is pinned.
            let there = unsafe { bindings::rloop_folio_pages(*folio) };
            for number in 0..there {
                if pages.len() < count {
                    // SAFETY: It is pinned, and has as many pages.
                    let page = unsafe { bindings::rloop_folio_page(*folio, number) };
                    pages.push(page, GFP_KERNEL)?;
                }
            }
        }
        if pages.len() != count {
            return Err(EINVAL);
        }
        // SAFETY: All of them are pages that stay.
        let start = unsafe { bindings::rloop_map_pages(pages.as_mut_ptr(), most) };
        let start = NonNull::new(start.cast()).ok_or(ENOMEM)?;
        // INVARIANT: Just mapped, and the pins are taken over.
        Ok(Self {
            folios: pins.keep(),
            start,
            bytes,
        })
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// `bytes` bytes from `offset`; `None` if there are not as many.
    pub(crate) fn part(&self, offset: usize, bytes: usize) -> Option<Part<'_>> {
        let end = offset.checked_add(bytes)?;
        (end <= self.bytes).then(|| {
            // SAFETY: By the invariant, and as just seen, they are mapped as long as `self` is borrowed.
            unsafe { Part::new(self.start.add(offset), bytes) }
        })
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is mapped, and nobody has a `Part` of it any more.
        unsafe { bindings::vunmap(self.start.as_ptr().cast()) };
        drop(Pins(core::mem::replace(&mut self.folios, KVVec::new())));
    }
}

/// Folios that are pinned, once each.
struct Pins(KVVec<*mut bindings::folio>);

impl Pins {
    /// They stay pinned.
    fn keep(mut self) -> KVVec<*mut bindings::folio> {
        core::mem::replace(&mut self.0, KVVec::new())
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            // SAFETY: They are pinned once each, and are not used after this.
            unsafe { bindings::unpin_folios(self.0.as_mut_ptr(), self.0.len()) };
        }
    }
}

/// Memory that somebody else writes to at the same time: a program, or virtio core.
///
/// # Invariants
///
/// `bytes` bytes from `start` can be read and written for as long as `'a`, by anybody.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    start: NonNull<u8>,
    bytes: usize,
    _time: PhantomData<&'a ()>,
}

/// Generates a load and a store of a word.
macro_rules! word {
    ($load:ident, $store:ident, $type:ty) => {
        /// Loads a little-endian word, once; 0 where there is none at this offset, or it is not aligned.
        pub(crate) fn $load(&self, at: usize) -> $type {
            match self.word::<$type>(at) {
                // SAFETY: `word` has looked. `read_volatile` is what `READ_ONCE()` is.
                Some(word) => <$type>::from_le(unsafe { word.as_ptr().read_volatile() }),
                None => 0,
            }
        }

        /// Stores a little-endian word, once; nothing where there is none at this offset, or it is not aligned.
        pub(crate) fn $store(&self, at: usize, value: $type) {
            if let Some(word) = self.word::<$type>(at) {
                // SAFETY: As above, `WRITE_ONCE()`.
                unsafe { word.as_ptr().write_volatile(value.to_le()) };
            }
        }
    };
}

impl<'a> Part<'a> {
    /// # Safety
    ///
    /// `bytes` bytes from `start` must be readable and writable for as long as `'a`, with no Rust reference to them.
    pub(super) unsafe fn new(start: NonNull<u8>, bytes: usize) -> Self {
        // INVARIANT: As this function's precondition.
        Self {
            start,
            bytes,
            _time: PhantomData,
        }
    }

    word!(load16, store16, u16);
    word!(load32, store32, u32);
    word!(load64, store64, u64);

    /// The word at an offset.
    fn word<T>(&self, at: usize) -> Option<NonNull<T>> {
        let end = at.checked_add(size_of::<T>())?;
        if end > self.bytes {
            return None;
        }
        // SAFETY: By the invariant, and as just seen, it is in there.
        let word = unsafe { self.start.add(at) }.cast::<T>();
        word.is_aligned().then_some(word)
    }

    /// Copies all of it from `from`, which must be as long: else nothing happens.
    pub(super) fn copy_from(&self, from: Part<'_>) {
        if from.bytes == self.bytes {
            // SAFETY: By the invariant of both. A program may write to either meanwhile: then whichever bytes come out
            // are the program's fault; nothing here depends on them. They don't overlap: one is a program's memory, the
            // other a driver's, or this copies nothing.
            unsafe { core::ptr::copy(from.start.as_ptr(), self.start.as_ptr(), self.bytes) };
        }
    }

    /// Zeroes all of it.
    pub(super) fn clear(&self) {
        // SAFETY: By the invariant.
        unsafe { self.start.as_ptr().write_bytes(0, self.bytes) };
    }
}
