// SPDX-License-Identifier: GPL-2.0-only

//! What a disk keeps: the pages of its medium, and those of its volatile cache, if it has one. All entries may sleep for
//! memory, but for no disk.
//!
//! Lock order: the slot of a page in the cache, then that in the medium. Whoever uses other pages is never waited for.

use kernel::prelude::*;

use crate::lib::kernel::block::pages::{OwnedPage, PageTree, Slot, Wait, PAGES_MAX};
use crate::lib::kernel::block::Data;
use crate::model::geometry::{pieces, Piece, PAGE, SECTOR, SECTORS};
use crate::model::page::{self, Mask};
use crate::model::power::Cut;

/// The bytes of a disk.
pub(crate) struct Store {
    medium: PageTree,
    /// The note of a page is its [`Mask`].
    ///
    /// Of each page in it the medium has a slot, so that it can be brought there without memory.
    cache: Option<PageTree>,
}

impl Store {
    /// Makes one that is all zeroes, with a volatile cache if `cached`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(cached: bool) -> Result<Self> {
        Ok(Self {
            medium: PageTree::new()?,
            cache: match cached {
                true => Some(PageTree::new()?),
                false => None,
            },
        })
    }

    /// The cache, if there is one, and the medium: in this order, for a flush can bring a page from the one to the other
    /// at any time, but none back.
    fn trees(&self) -> impl Iterator<Item = &PageTree> {
        [self.cache.as_ref(), Some(&self.medium)]
            .into_iter()
            .flatten()
    }

    /// How many pages the medium and the cache have. Any context.
    pub(crate) fn pages(&self) -> (u64, u64) {
        let cache = self.cache.as_ref();
        (self.medium.pages(), cache.map_or(0, PageTree::pages))
    }

    /// Fills `data` with what is on the disk from the byte `position` on.
    pub(crate) fn read(&self, position: u64, data: &mut Data<'_>) {
        for Piece { page, start, bytes } in pieces(position, data.len() as u64) {
            let cached = self.cache.as_ref().and_then(|cache| cache.lock(page));
            let medium = self.medium.lock(page);
            let over = cached.as_ref().and_then(cached_page);
            let under = medium.as_ref().and_then(Slot::page);
            page::read(over, under, start, bytes, |part| data.put(part));
        }
    }

    /// Puts what is in `data` on the disk from the byte `position` on; into the cache if there is one, unless it is to
    /// be `safe`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: a part of it may have been written.
    pub(crate) fn write(&self, position: u64, data: &mut Data<'_>, safe: bool) -> Result {
        for piece in pieces(position, data.len() as u64) {
            match &self.cache {
                None => Self::fill(self.with_page(&self.medium, piece.page)?, piece, data),
                Some(cache) if safe => self.write_through(cache, piece, data)?,
                Some(cache) => self.write_cached(cache, piece, data)?,
            }
        }
        Ok(())
    }

    fn write_cached(&self, cache: &PageTree, piece: Piece, data: &mut Data<'_>) -> Result {
        let Piece { page, start, bytes } = piece;
        drop(self.medium.lock_or_make(page, Wait::ForMemory)?);
        let mut slot = self.with_page(cache, page)?;
        let mask = Mask(slot.note());
        let medium = self.medium.lock(page);
        if let Some(over) = slot.page_mut() {
            let under = medium.as_ref().and_then(Slot::page);
            let mask = page::prepare(over, mask, under, start, bytes);
            data.take(&mut over[start..start + bytes]);
            slot.set_note(mask.0);
        }
        Ok(())
    }

    fn write_through(&self, cache: &PageTree, piece: Piece, data: &mut Data<'_>) -> Result {
        // Memory first: none is to be had with a slot locked.
        drop(self.medium.lock_or_make(piece.page, Wait::ForMemory)?);
        // Freed, if it is not used, when no slot is locked any more.
        let mut spare = Some(OwnedPage::new(Wait::ForMemory)?);
        let cached = cache.lock(piece.page);
        let mut medium = self.medium.lock(piece.page).ok_or(EIO)?;
        if medium.page().is_none() {
            if let Some(spare) = spare.take() {
                medium.put(spare);
            }
        }
        // Of a sector that it covers in part only, the rest may be in the cache.
        let cover = Mask::covered(piece.start, piece.bytes);
        Self::fill(medium, piece, data);
        if let Some(mut cached) = cached {
            let mask = Mask(cached.note()).without(cover);
            match mask.is_empty() {
                true => cached.free(),
                false => cached.set_note(mask.0),
            }
        }
        Ok(())
    }

    #[inline]
    fn fill(mut slot: Slot<'_>, piece: Piece, data: &mut Data<'_>) {
        if let Some(page) = slot.page_mut() {
            data.take(&mut page[piece.start..piece.start + piece.bytes]);
        }
    }

    /// Locks the slot of a page that is there: one of zeroes if there was none.
    fn with_page<'a>(&self, tree: &'a PageTree, page: u64) -> Result<Slot<'a>> {
        let slot = tree.lock_or_make(page, Wait::ForMemory)?;
        if slot.page().is_some() {
            return Ok(slot);
        }
        drop(slot);
        let new = OwnedPage::new(Wait::ForMemory)?;
        let mut slot = tree.lock_or_make(page, Wait::ForMemory)?;
        match slot.page() {
            None => drop(slot.put(new)),
            // Another was faster.
            Some(_) => slot.free_later(new),
        }
        Ok(slot)
    }

    /// Makes bytes zero, which is safe at once, and gives back the pages of which nothing is left.
    pub(crate) fn erase(&self, position: u64, bytes: u64) {
        let first = position.div_ceil(PAGE as u64);
        let end = (position + bytes) / PAGE as u64;
        for tree in self.trees() {
            tree.for_each(first, end, |_, slot| slot.free());
        }
        let ends = [pieces(position, bytes).next(), last_piece(position, bytes)];
        for piece in ends.into_iter().flatten().filter(|piece| !piece.is_whole()) {
            self.erase_part(piece);
        }
    }

    fn erase_part(&self, piece: Piece) {
        let mut cached = self.cache.as_ref().and_then(|cache| cache.lock(piece.page));
        let mut medium = self.medium.lock(piece.page);
        let slots = [&mut cached, &mut medium];
        for page in slots.into_iter().flatten().filter_map(Slot::page_mut) {
            page[piece.start..piece.start + piece.bytes].fill(0);
        }
    }

    /// Gives back the pages from the byte `position` on, which is where one begins.
    pub(crate) fn truncate(&self, position: u64) {
        let first = position / PAGE as u64;
        for tree in self.trees() {
            tree.for_each(first, PAGES_MAX, |_, slot| slot.free());
        }
    }

    /// Brings all that is in the cache to the medium. Needs no memory.
    pub(crate) fn flush(&self) {
        self.settle(|_| SECTOR);
    }

    /// Empties the cache, as a power cut does. Needs no memory.
    pub(crate) fn cut(&self, cut: &Cut) {
        self.settle(|sector| cut.kept(sector));
    }

    /// Empties the cache; of each sector so many bytes are brought to the medium.
    fn settle(&self, kept: impl Fn(u64) -> usize) {
        let Some(cache) = self.cache.as_ref().filter(|cache| cache.pages() > 0) else {
            return;
        };
        cache.for_each(0, PAGES_MAX, |number, slot| {
            let mask = Mask(slot.note());
            // There is one: see `Store::cache`.
            let Some(mut medium) = self.medium.lock(number) else {
                return;
            };
            let Some(mut over) = slot.take() else {
                return;
            };
            let first = number * SECTORS as u64;
            let kept = |sector| kept(first + sector as u64);
            let old = match page::settle(&mut over, mask, medium.page(), kept) {
                true => medium.put(over),
                false => Some(over),
            };
            drop(medium);
            if let Some(old) = old {
                slot.free_later(old);
            }
        });
    }
}

/// The last piece, if it is not the first as well.
fn last_piece(position: u64, bytes: u64) -> Option<Piece> {
    let end = position + bytes;
    let start = end - end % PAGE as u64;
    let is_other = bytes > 0 && start > position;
    pieces(start, end - start).next().filter(|_| is_other)
}

fn cached_page<'a>(slot: &'a Slot<'_>) -> Option<(&'a page::Page, Mask)> {
    Some((slot.page()?, Mask(slot.note())))
}
