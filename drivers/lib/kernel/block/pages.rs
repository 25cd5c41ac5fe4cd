// SPDX-License-Identifier: GPL-2.0-only

//! Pages by number, as many as are needed: what a disk in memory keeps its bytes in.
//!
//! The kernel crate's `XArray` has one lock for all look-ups. Here each page has a lock of its own, a bit of the word
//! that points to it, so that whoever uses other pages is never waited for, and a page can be freed at once: nobody uses
//! it but under that lock. Interrupts stay on; a thread that holds one of these locks can't be preempted.
//!
//! C header: `include/linux/bit_spinlock.h`

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

use kernel::prelude::*;
use kernel::sync::atomic::{Acquire, Atomic, Full, Relaxed};
use kernel::types::NotThreadSafe;

use crate::lib::bindings;

/// The size of a page in bytes, that of the kernel's smallest.
pub(crate) const PAGE: usize = 4096;

/// A page's bytes.
pub(crate) type Page = [u8; PAGE];

/// How many words a table has.
const WORDS: usize = PAGE / size_of::<usize>();
/// How many bits of a page's number choose a word.
const BITS: u32 = WORDS.ilog2();
/// How many levels of tables there are.
const LEVELS: u32 = 3;
/// How many pages there can be: with 64 bits half a tebibyte.
pub(crate) const PAGES_MAX: u64 = (WORDS as u64).pow(LEVELS);

/// The bits of a word in which a pointer to a page has none.
const LOW: usize = PAGE - 1;
/// Where in them the note is; the lowest bit is the lock's.
const NOTE_SHIFT: u32 = 1;

/// Whether an allocation may sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It may, but never waits for a disk, which could be the one that asks.
    ForMemory,
    /// It fails instead.
    Never,
}

/// A page of one's own, of which nobody else knows; dropping it frees it, with preemption on.
///
/// # Invariants
///
/// It points to a page that `rloop_page_alloc` has given, which this value alone uses and frees.
pub(crate) struct OwnedPage(NonNull<Page>);

// SAFETY: Memory is not bound to a thread.
unsafe impl Send for OwnedPage {}

// SAFETY: With a reference its bytes can only be read.
unsafe impl Sync for OwnedPage {}

impl OwnedPage {
    /// A page of zeroes. May sleep if it may wait.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(wait: Wait) -> Result<Self> {
        // SAFETY: The function may be called where what `wait` says is allowed.
        let page = unsafe { bindings::rloop_page_alloc(wait == Wait::ForMemory) };
        // INVARIANT: It is new. It has at least `PAGE` bytes, which are initialised.
        Ok(Self(NonNull::new(page.cast()).ok_or(ENOMEM)?))
    }

    /// Gives the page up, to whoever has the result.
    fn into_raw(self) -> usize {
        let page = self.0.as_ptr() as usize;
        core::mem::forget(self);
        page
    }

    /// # Safety
    ///
    /// `page` must come from [`OwnedPage::into_raw`], and nobody else may make it a page again, or use it.
    unsafe fn from_raw(page: usize) -> Option<Self> {
        // INVARIANT: By the precondition, unless it is null.
        Some(Self(NonNull::new(page as *mut Page)?))
    }
}

impl Deref for OwnedPage {
    type Target = Page;

    fn deref(&self) -> &Page {
        // SAFETY: By the invariant it is valid, and this value's own.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for OwnedPage {
    fn deref_mut(&mut self) -> &mut Page {
        // SAFETY: As in `deref`; `&mut self` rules out a second reference.
        unsafe { self.0.as_mut() }
    }
}

impl Drop for OwnedPage {
    fn drop(&mut self) {
        // SAFETY: By the invariant the page is allocated, and nobody uses it after this.
        unsafe { bindings::rloop_page_free(self.0.as_ptr().cast()) };
    }
}

type Table = [Atomic<usize>; WORDS];

/// Pages by number, less than [`PAGES_MAX`].
///
/// # Invariants
///
/// The words of `root`, and of the tables of the second level, are null or point to a page that is used as a table of
/// the next level; one that is no longer null stays as it is until the tree is dropped. Those of the third level are
/// slots: they point to a page that is the tree's, or are null, and what is behind them is used under their lock only.
pub(crate) struct PageTree {
    root: Root,
    pages: Atomic<u64>,
}

/// A table that is never replaced.
struct Root(OwnedPage);

/// Where a page is.
enum Place<'a> {
    /// In this slot.
    Slot(&'a Atomic<usize>),
    /// In none: so many pages, of which the first has a number that is a multiple of that, have no table.
    Gap(u64),
}

impl PageTree {
    /// Makes a tree without pages. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Self> {
        // INVARIANT: All words are null.
        Ok(Self {
            root: Root(OwnedPage::new(Wait::ForMemory)?),
            pages: Atomic::new(0),
        })
    }

    /// How many pages there are. Any context.
    pub(crate) fn pages(&self) -> u64 {
        self.pages.load(Relaxed)
    }

    /// Locks the slot of a page, if there is one: where none has ever been put there may be none. Must not be called in
    /// an interrupt; what follows must not sleep. At most one slot of a tree may be locked by a thread.
    pub(crate) fn lock(&self, page: u64) -> Option<Slot<'_>> {
        match self.place(page, None) {
            Ok(Place::Slot(word)) => Some(Slot::lock(self, word)),
            _ => None,
        }
    }

    /// As [`PageTree::lock`], but makes the slot if there is none, which may sleep as `wait` says.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` for a page that there can't be.
    pub(crate) fn lock_or_make(&self, page: u64, wait: Wait) -> Result<Slot<'_>> {
        match self.place(page, Some(wait))? {
            Place::Slot(word) => Ok(Slot::lock(self, word)),
            Place::Gap(_) => Err(EINVAL),
        }
    }

    /// Locks one after the other the slots that have a page, of those from `first` on that are before `end`, and hands
    /// them to `look` with their numbers. Others may be put or taken meanwhile. May sleep in between.
    pub(crate) fn for_each(&self, first: u64, end: u64, mut look: impl FnMut(u64, &mut Slot<'_>)) {
        let (mut page, end) = (first, end.min(PAGES_MAX));
        while page < end {
            let Ok(place) = self.place(page, None) else {
                return;
            };
            if let Place::Gap(pages) = place {
                page = (page / pages + 1) * pages;
                continue;
            }
            let stop = end.min((page / WORDS as u64 + 1) * WORDS as u64);
            while page < stop {
                if let Ok(Place::Slot(word)) = self.place(page, None) {
                    if word.load(Relaxed) & !LOW != 0 {
                        look(page, &mut Slot::lock(self, word));
                    }
                }
                page += 1;
            }
            // SAFETY: The caller may sleep, and holds no lock of a slot here.
            unsafe { bindings::rloop_resched() };
        }
    }

    /// The slot of a page, through its tables; they are made if `make` says how.
    fn place(&self, page: u64, make: Option<Wait>) -> Result<Place<'_>> {
        if page >= PAGES_MAX {
            return Ok(Place::Gap(PAGES_MAX));
        }
        // SAFETY: The root is a page of words, all of which are initialised, and lives as long as the tree. It is only
        // ever used as a table of atomics.
        let mut table: &Table = unsafe { &*self.root.0 .0.as_ptr().cast() };
        for level in (0..LEVELS).rev() {
            let word = &table[(page >> (level * BITS)) as usize % WORDS];
            if level == 0 {
                return Ok(Place::Slot(word));
            }
            let below = match (word.load(Acquire), make) {
                (0, None) => return Ok(Place::Gap(1 << (level * BITS))),
                (0, Some(wait)) => Self::make_table(word, wait)?,
                (below, _) => below,
            };
            // SAFETY: By the type's invariants the word points to a table, which stays until the tree is dropped, and
            // so longer than this borrow of it. Acquire: its zeroes have been written.
            table = unsafe { &*(below as *const Table) };
        }
        Ok(Place::Gap(PAGES_MAX))
    }

    /// Makes a table for a word that is null, unless another does meanwhile. Returns what the word is then.
    fn make_table(word: &Atomic<usize>, wait: Wait) -> Result<usize> {
        let new = OwnedPage::new(wait)?.into_raw();
        // INVARIANT: It was null, and points to a new page of zeroes.
        match word.cmpxchg(0, new, Full) {
            Ok(_) => Ok(new),
            Err(other) => {
                // SAFETY: It was given up above, and nobody has seen it.
                drop(unsafe { OwnedPage::from_raw(new) });
                Ok(other)
            }
        }
    }

    /// Frees what is behind a word of a table that is so many levels above the slots.
    fn free(word: &Atomic<usize>, level: u32) {
        let value = word.load(Relaxed);
        // SAFETY: The tree is being dropped, so nobody else uses it; by its invariants the word is null or points to a
        // page that is the tree's, to which no other word points.
        let Some(page) = (unsafe { OwnedPage::from_raw(value & !LOW) }) else {
            return;
        };
        if level > 0 {
            // SAFETY: By the tree's invariants it is a table, and it lives until `page` is dropped, below.
            let table: &Table = unsafe { &*page.0.as_ptr().cast() };
            table.iter().for_each(|word| Self::free(word, level - 1));
        }
    }
}

impl Drop for PageTree {
    fn drop(&mut self) {
        // SAFETY: As in `place`; nobody else uses the tree any more.
        let table: &Table = unsafe { &*self.root.0 .0.as_ptr().cast() };
        for word in table {
            Self::free(word, LEVELS - 1);
            // SAFETY: Trees are dropped where sleeping is allowed, and no lock is held here.
            unsafe { bindings::rloop_resched() };
        }
    }
}

/// The slot of a page, locked as long as this value lives: the page, if there is one, and a note of a byte. Whoever has
/// one must not sleep.
///
/// # Invariants
///
/// The lock of `word` is held by this thread. `value` is what it becomes when it is released: null, or a page that is
/// the tree's, with the note, and with the lock's bit clear.
#[must_use = "the slot is unlocked when this is dropped"]
pub(crate) struct Slot<'a> {
    tree: &'a PageTree,
    word: &'a Atomic<usize>,
    value: usize,
    /// What is freed once the slot is unlocked: with preemption off nothing can be on `PREEMPT_RT`.
    garbage: Option<OwnedPage>,
    _not_send: NotThreadSafe,
}

impl<'a> Slot<'a> {
    fn lock(tree: &'a PageTree, word: &'a Atomic<usize>) -> Self {
        // SAFETY: The word is a slot, whose lowest bit is a lock, and lives as long as the tree.
        let value = unsafe { bindings::rloop_slot_lock(word.as_ptr().cast()) };
        // INVARIANT: Just locked, and read.
        Self {
            tree,
            word,
            value,
            garbage: None,
            _not_send: NotThreadSafe,
        }
    }

    /// The page.
    pub(crate) fn page(&self) -> Option<&Page> {
        let page = (self.value & !LOW) as *const Page;
        // SAFETY: By the invariants it is null or a page of the tree's, and only this thread uses it, as long as the
        // slot is locked. `&self` rules out that it is changed.
        unsafe { page.as_ref() }
    }

    /// The page, to be changed.
    pub(crate) fn page_mut(&mut self) -> Option<&mut Page> {
        let page = (self.value & !LOW) as *mut Page;
        // SAFETY: As in `page`; `&mut self` rules out a second reference.
        unsafe { page.as_mut() }
    }

    /// The note, 0 where there is no page.
    pub(crate) fn note(&self) -> u8 {
        ((self.value & LOW) >> NOTE_SHIFT) as u8
    }

    /// Sets the note of the page that is there.
    pub(crate) fn set_note(&mut self, note: u8) {
        if self.value & !LOW != 0 {
            self.value = (self.value & !LOW) | usize::from(note) << NOTE_SHIFT;
        }
    }

    /// Puts a page here, in the place of the one that is, which is returned. That must not be freed as long as a slot is
    /// locked.
    pub(crate) fn put(&mut self, page: OwnedPage) -> Option<OwnedPage> {
        let old = self.take();
        // INVARIANT: The page is the tree's from here on; a page has no low bits.
        self.value = page.into_raw();
        self.tree.pages.fetch_add(1, Relaxed);
        old
    }

    /// Frees `page` once this slot is unlocked, one page at most. If another slot is locked as well, then by the one that
    /// is unlocked last.
    pub(crate) fn free_later(&mut self, page: OwnedPage) {
        self.garbage = Some(page);
    }

    /// Takes the page, and frees it once this slot is unlocked.
    pub(crate) fn free(&mut self) {
        self.garbage = self.take();
    }

    /// Takes the page, and its note. It must not be freed as long as a slot is locked.
    pub(crate) fn take(&mut self) -> Option<OwnedPage> {
        // SAFETY: By the invariants it is the tree's, which forgets it below.
        let page = unsafe { OwnedPage::from_raw(self.value & !LOW) }?;
        // INVARIANT: Null.
        self.value = 0;
        self.tree.pages.fetch_add(u64::MAX, Relaxed);
        Some(page)
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        // SAFETY: By the invariants the lock is held, and the value is one that a slot may have.
        unsafe { bindings::rloop_slot_unlock(self.word.as_ptr().cast(), self.value) };
    }
}
