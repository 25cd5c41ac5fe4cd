// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which of a machine's cards are of one kind.
//!
//! What can be seen of a card depends on who looks: a user may not open its devices, a container has some of the devices
//! and not the others, mostly no `/proc/asound`, and sometimes other numbers.

use std::fs::File;

use alsa::ctl::{CardInfo, Ctl};

use super::card::{Card, LAST, Seen, module_of, open, seen};
use super::root::Root;
use super::trouble;
use crate::error::Error;

/// A card that has been opened, with what it says of itself.
pub struct Opened {
    /// The card.
    pub card: Card,
    /// The module of its driver, if that can be seen.
    pub module: Option<String>,
    /// Its control device.
    pub ctl: Ctl,
    /// What it says of itself.
    pub info: CardInfo,
}

/// What a driver's cards are recognised by.
pub struct Kind<'a, T> {
    /// Whether a module of this name makes such cards.
    pub module: &'a dyn Fn(&str) -> bool,
    /// What there is to be known of a card, if it is one of those.
    pub describe: &'a dyn Fn(&Opened) -> alsa::Result<Option<T>>,
}

/// The cards of one kind, and those that may be some but can't be used, with the reason.
pub struct Found<T> {
    /// Those that can be used, by index.
    pub cards: Vec<T>,
    /// The others.
    pub others: Vec<(Seen, Error)>,
}

impl<T> Found<T> {
    /// All cards.
    ///
    /// # Errors
    /// Why one that is here can't be used.
    pub fn all(mut self) -> Result<Vec<T>, Error> {
        // Cards whose devices are not here are somebody else's, if there are such as can be used.
        if !self.cards.is_empty() {
            self.others
                .retain(|(seen, _)| seen.node && seen.index <= LAST);
        }
        match self.others.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(self.cards),
        }
    }
}

/// The card, if it is of this kind.
fn inspect<T>(root: &Root, seen: &Seen, kind: &Kind<'_, T>) -> Result<Option<T>, Error> {
    let device = root.devices().join(format!("controlC{}", seen.index));
    let wrong = |e: alsa::Error| {
        // alsa-lib says of a device that may not be opened that it is not there.
        let opened = File::options().read(true).write(true).open(&device);
        let errno = opened.err().and_then(|e| e.raw_os_error());
        trouble::not_opened(root, &seen.shown(), &device, errno.unwrap_or(e.errno()))
    };
    let failed = |why| Error::Control {
        card: seen.index.to_string(),
        why,
    };
    let ctl = open(seen.index).map_err(wrong)?;
    let info = ctl.card_info().map_err(wrong)?;
    let number = u32::try_from(info.get_card().get_index()).unwrap_or(seen.index);
    let opened = Opened {
        card: Card {
            index: seen.index,
            number,
            id: info.get_id().map_err(failed)?.to_owned(),
            name: info.get_name().map_err(failed)?.to_owned(),
        },
        module: module_of(root, number),
        ctl,
        info,
    };
    (kind.describe)(&opened).map_err(failed)
}

/// Looks for cards of one kind.
pub fn find<T>(root: &Root, kind: &Kind<'_, T>) -> Found<T> {
    let mut found = Found {
        cards: Vec::new(),
        others: Vec::new(),
    };
    for seen in seen(root) {
        // Without a module's name it may be any card.
        let likely = seen.module.as_deref().is_none_or(kind.module);
        if seen.index > LAST {
            if likely {
                let error = trouble::beyond(&seen, LAST);
                found.others.push((seen, error));
            }
        } else if seen.node {
            match inspect(root, &seen, kind) {
                Ok(card) => found.cards.extend(card),
                Err(error) if likely => found.others.push((seen, error)),
                Err(_) => {}
            }
        } else if likely && seen.module.is_some() {
            let error = trouble::no_node(root, &seen);
            found.others.push((seen, error));
        }
    }
    found
}

/// All cards of the driver that ALSA calls `driver`, which is a module of that name.
///
/// # Errors
/// Why one that is here can't be used.
pub fn of_driver(driver: &str) -> Result<Vec<Card>, Error> {
    let module = driver.replace('-', "_");
    let kind = Kind {
        module: &|name| name.starts_with(&module),
        describe: &|opened: &Opened| {
            Ok((opened.info.get_driver()? == driver).then(|| opened.card.clone()))
        },
    };
    find(&Root::default(), &kind).all()
}
