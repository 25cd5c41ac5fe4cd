// SPDX-License-Identifier: GPL-2.0-only

//! What flush, FUA and order promise, and what a power cut may leave: the pages as the driver uses them, held against a
//! list of what was written.

#[path = "../../../lib/host/tests/properties/mod.rs"]
mod properties;

use properties::cases;
use proptest::prelude::*;
use vblk_model::geometry::{BLOCK_SIZES, PAGE, SECTOR, SECTORS};
use vblk_model::page::{prepare, read, settle, Mask, Page};
use vblk_model::power::{Cut, Fate};

/// A page of the disk, as the driver keeps it.
#[derive(Default)]
struct Disk {
    cached: Option<(Box<Page>, Mask)>,
    medium: Option<Box<Page>>,
}

impl Disk {
    fn read(&self, start: usize, bytes: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let cached = self.cached.as_ref().map(|(page, mask)| (&**page, *mask));
        read(cached, self.medium.as_deref(), start, bytes, |part| {
            out.extend_from_slice(part)
        });
        out
    }

    fn write(&mut self, start: usize, bytes: &[u8]) {
        // What was there before is no zero: only the mask may say what holds.
        let (page, mask) = self
            .cached
            .get_or_insert_with(|| (Box::new([0xee; PAGE]), Mask::default()));
        *mask = prepare(page, *mask, self.medium.as_deref(), start, bytes.len());
        page[start..start + bytes.len()].copy_from_slice(bytes);
    }

    fn write_through(&mut self, start: usize, bytes: &[u8]) {
        let medium = self.medium.get_or_insert_with(|| Box::new([0; PAGE]));
        medium[start..start + bytes.len()].copy_from_slice(bytes);
        if let Some((_, mask)) = &mut self.cached {
            *mask = mask.without(Mask::covered(start, bytes.len()));
        }
    }

    fn settle(&mut self, kept: impl FnMut(usize) -> usize) {
        if let Some((mut page, mask)) = self.cached.take() {
            if settle(&mut page, mask, self.medium.as_deref(), kept) {
                self.medium = Some(page);
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, usize, u8),
    Through(usize, usize, u8),
    Flush,
    Cut(u64, bool),
}

fn steps(block: usize) -> impl Strategy<Value = Vec<Step>> {
    let blocks = PAGE / block;
    let place =
        (0..blocks).prop_flat_map(move |first| (Just(first), 1..=blocks - first, any::<u8>()));
    let step = prop_oneof![
        5 => place.clone().prop_map(|(first, count, byte)| Step::Write(first, count, byte)),
        2 => place.prop_map(|(first, count, byte)| Step::Through(first, count, byte)),
        1 => Just(Step::Flush),
        1 => (any::<u64>(), any::<bool>()).prop_map(|(seed, torn)| Step::Cut(seed, torn)),
        1 => Just(Step::Cut(0, true)),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(cases(600))]

    /// Of each block there is what was flushed, or written through, or what was written last; nothing else, and what
    /// is written through or flushed is never gone.
    #[test]
    fn a_cut_leaves_what_it_may(
        (block, steps) in prop::sample::select(BLOCK_SIZES.to_vec()).prop_flat_map(|block| (Just(block), steps(block)))
    ) {
        let mut disk = Disk::default();
        // For each block: what is safe, and what is not, if anything is.
        let mut blocks = vec![(vec![0u8; block], None::<Vec<u8>>); PAGE / block];
        for step in steps {
            match step {
                Step::Write(first, count, byte) => {
                    let bytes: Vec<u8> = (0..count * block).map(|n| byte ^ (n as u8)).collect();
                    disk.write(first * block, &bytes);
                    for (own, new) in blocks[first..].iter_mut().zip(bytes.chunks(block)) {
                        own.1 = Some(new.to_vec());
                    }
                }
                Step::Through(first, count, byte) => {
                    let bytes: Vec<u8> = (0..count * block).map(|n| byte ^ (n as u8)).collect();
                    disk.write_through(first * block, &bytes);
                    for (own, new) in blocks[first..].iter_mut().zip(bytes.chunks(block)) {
                        *own = (new.to_vec(), None);
                    }
                }
                Step::Flush => {
                    disk.settle(|_| SECTOR);
                    for own in &mut blocks {
                        own.0 = own.1.take().unwrap_or(own.0.clone());
                    }
                }
                Step::Cut(seed, torn) => {
                    let cut = Cut { seed, torn, block };
                    disk.settle(|sector| cut.kept((7 * SECTORS + sector) as u64));
                    for (number, own) in blocks.iter_mut().enumerate() {
                        let Some(new) = own.1.take() else { continue };
                        let fate = cut.fate((7 * PAGE / block + number) as u64);
                        match fate {
                            Fate::Lost => {}
                            Fate::Kept => own.0 = new,
                            Fate::Torn(bytes) => {
                                prop_assert!(torn && (1..block).contains(&bytes));
                                own.0[..bytes].copy_from_slice(&new[..bytes]);
                            }
                        }
                        prop_assert!(seed != 0 || fate == Fate::Lost);
                    }
                }
            }
            for (number, (safe, new)) in blocks.iter().enumerate() {
                let there = disk.read(number * block, block);
                prop_assert_eq!(&there, new.as_ref().unwrap_or(safe), "block {} of {}", number, block);
            }
        }
    }

    /// Parts of sectors, as no program can write them, are as good.
    #[test]
    fn parts_of_sectors(writes in prop::collection::vec((0usize..PAGE, 1usize..900, any::<u8>()), 0..12), kept in any::<u8>()) {
        let mut disk = Disk { medium: Some(Box::new([0x55; PAGE])), ..Disk::default() };
        let mut due = vec![0x55; PAGE];
        for (start, bytes, byte) in writes {
            let bytes = bytes.min(PAGE - start);
            disk.write(start, &vec![byte; bytes]);
            due[start..start + bytes].fill(byte);
        }
        prop_assert_eq!(disk.read(0, PAGE), due.clone());
        disk.settle(|sector| if kept & (1 << sector) != 0 { SECTOR } else { 0 });
        for sector in 0..SECTORS {
            let bytes = sector * SECTOR..(sector + 1) * SECTOR;
            let there = disk.read(bytes.start, SECTOR);
            match kept & (1 << sector) {
                0 => prop_assert_eq!(there, vec![0x55; SECTOR]),
                _ => prop_assert_eq!(&there[..], &due[bytes]),
            }
        }
    }
}

#[test]
fn a_seed_chooses_and_repeats() {
    let fates = |seed, torn| {
        let cut = Cut {
            seed,
            torn,
            block: 512,
        };
        (0..1000).map(|block| cut.fate(block)).collect::<Vec<_>>()
    };
    assert!(fates(0, true).iter().all(|fate| *fate == Fate::Lost));
    assert_eq!(fates(1, false), fates(1, false));
    assert_ne!(fates(1, false), fates(2, false));
    let kept = fates(1, false)
        .iter()
        .filter(|fate| **fate == Fate::Kept)
        .count();
    assert!((400..600).contains(&kept), "{kept} of 1000 are kept");
    let torn = fates(1, true)
        .iter()
        .filter(|fate| matches!(fate, Fate::Torn(_)))
        .count();
    assert!((180..320).contains(&torn), "{torn} of 1000 are torn");
}

#[test]
fn a_cut_that_leaves_nothing_changes_nothing() {
    let mut disk = Disk::default();
    disk.write(0, &[1; 512]);
    disk.settle(|_| 0);
    assert!(disk.medium.is_none() && disk.cached.is_none());
}
