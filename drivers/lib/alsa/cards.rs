// SPDX-License-Identifier: GPL-2.0-only

//! The cards of a driver: those that its module's parameters ask for, made at load, and those that
//! users make in configfs.
//!
//! Any sound driver whose cards are made of parameters alone gets both by implementing [`Driver`].

use kernel::debugfs::Dir;
use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;

use crate::lib::alsa::card::{Card, CARDS};
#[cfg(CONFIG_CONFIGFS_FS)]
use crate::lib::alsa::directories::Directories;
use crate::lib::alsa::fault_dirs::{FaultDir, FaultDirs};
use crate::lib::kernel::loading;
use crate::lib::kernel::parameters::parsed;
use crate::lib::kernel::parent::Parent;
use crate::lib::model::parameters::{parse_enable, BadParameter};

/// A driver whose cards are made of parameters. The functions may sleep.
pub(crate) trait Driver: Sized + Send + Sync + 'static {
    /// The name of the cards' parent devices: `NAME.0` and so on, `NAME-DIRECTORY` for those of
    /// configfs.
    const NAME: &'static CStr;

    /// The directory in configfs in which users make cards.
    const DIRECTORY: &'static CStr;

    /// The parameters' names and defaults. The module has `enable` besides.
    const PARAMETERS: &'static [(&'static str, &'static str)];

    /// The name of a binary file that each directory in configfs has besides, and its greatest size
    /// in bytes.
    const FILE: Option<(&'static str, usize)> = None;

    /// The configuration of a card, made of the parameters.
    type Config<'a>;

    /// A card that has been made.
    type Card: Removable;

    /// Parses the parameters: `written` gives the value that was written to one.
    ///
    /// # Errors
    ///
    /// The first value that is not allowed.
    fn parse<'a>(
        written: impl FnMut(&'static str) -> Option<&'a str>,
    ) -> Result<Self::Config<'a>, BadParameter<'a>>;

    /// The number that the card is to have, or a negative mask of those that it may have.
    fn index(config: &Self::Config<'_>) -> i32;

    /// Checks the bytes that have been written to [`Driver::FILE`].
    ///
    /// # Errors
    ///
    /// What must be in it, for the message.
    fn check_file(bytes: &[u8]) -> Result<(), &'static str> {
        let _ = bytes;
        Ok(())
    }

    /// Makes a card, and registers it. No two that exist at the same time have the same `slot`.
    /// `file` is the contents of [`Driver::FILE`].
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what ALSA returns; each other than `ENOMEM` with a line in the kernel's log.
    fn make(
        &self,
        module: &'static ThisModule,
        slot: u32,
        parent: Parent,
        config: &Self::Config<'_>,
        file: &[u8],
    ) -> Result<Self::Card>;
}

/// A card of a [`Driver`]. Dropping it frees the card, which sleeps until all its files are closed.
pub(crate) trait Removable: Send + Unpin {
    /// The card. Any context.
    fn card(&self) -> &Card;

    /// Whether a program has a file of the card open, or of what else belongs to it. May sleep.
    fn in_use(&self) -> bool {
        self.card().in_use()
    }

    /// Takes the card away from user space ([`Card::disconnect`]), and frees its parent's name.
    fn disconnect(&mut self);
}

/// A registered card, its parent device and its directory of faults, where a driver has nothing else
/// to keep for it. Dropping it removes the directory, disconnects and frees the card, which sleeps
/// until all its files are closed, and unregisters the parent.
pub(crate) struct CardWithFaults<F> {
    // Fields are dropped in this order: nobody reaches for the card when it goes, and it goes
    // before its parent does.
    faults: Option<FaultDir<F>>,
    card: Arc<Card>,
    parent: Parent,
}

impl<F> CardWithFaults<F> {
    /// Makes one of `card` and its `parent`. Its directory is made in `dirs`, and what is in it by
    /// `make`. No two that exist at the same time have the same `slot`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what `make` returns.
    pub(crate) fn new(
        dirs: &Arc<FaultDirs<F>>,
        slot: u32,
        card: Card,
        parent: Parent,
        make: impl FnOnce(&Dir) -> Result<F>,
    ) -> Result<Self> {
        let card = Arc::new(card, GFP_KERNEL)?;
        Ok(Self {
            faults: Some(dirs.add(slot, &card, make)?),
            card,
            parent,
        })
    }
}

impl<F: Send> Removable for CardWithFaults<F> {
    fn card(&self) -> &Card {
        &self.card
    }

    fn disconnect(&mut self) {
        self.faults = None;
        self.card.disconnect();
        self.parent.unregister();
    }
}

/// All cards of a loaded module. Dropping it removes them.
pub(crate) struct Cards<D: Driver> {
    #[cfg(CONFIG_CONFIGFS_FS)]
    _directories: Directories<D>,
    _cards: KVec<D::Card>,
}

impl<D: Driver> Cards<D> {
    /// Makes the cards that the module's parameters ask for, and the directory in configfs for
    /// more. May sleep. As in every ALSA driver, the first card is made unless it is switched off,
    /// the others if they are switched on.
    ///
    /// # Errors
    ///
    /// `EINVAL`, with a line in the kernel's log, if a parameter is not allowed; if no card can be
    /// made, what the last one could not be made for; `ENOMEM`.
    pub(crate) fn load(module: &'static ThisModule, driver: D) -> Result<Self> {
        // All parameters are read before the first card is made.
        let mut wanted = KVec::new();
        for slot in 0..CARDS {
            let enable = parsed(slot, |written| parse_enable(written("enable")))?;
            // What is wrong for a card that is not made is wrong nevertheless.
            let config = parsed(slot, |written| D::parse(written))?;
            if enable.unwrap_or(slot == 0) {
                wanted.push((slot, config), GFP_KERNEL)?;
            }
        }

        loading::load(module, || Self::make(module, driver, &wanted))
    }

    /// Makes the cards that are `wanted`, and the directory in configfs.
    fn make(
        module: &'static ThisModule,
        driver: D,
        wanted: &[(u32, D::Config<'_>)],
    ) -> Result<Self> {
        let (mut cards, mut refused) = (KVec::new(), Ok(()));
        for (slot, config) in wanted {
            let made = Parent::new(D::NAME, Some(*slot))
                .and_then(|parent| driver.make(module, *slot, parent, config, &[]));
            match made {
                Ok(card) => cards.push(card, GFP_KERNEL)?,
                Err(error) if error == ENOMEM => return Err(error),
                // As with snd-aloop, one that can't be had is no reason to have none.
                Err(error) => {
                    refused = Err(error);
                    // Where there is no room for one with any number, there is none for others.
                    if D::index(config) == -1 && error != EINVAL {
                        break;
                    }
                }
            }
        }
        if cards.is_empty() {
            refused?;
        }
        match wanted.len() {
            wanted if wanted == cards.len() => pr_info!("module loaded, {wanted} card(s)\n"),
            wanted => pr_warn!("module loaded, {} card(s) of {wanted}\n", cards.len()),
        }
        Ok(Self {
            #[cfg(CONFIG_CONFIGFS_FS)]
            _directories: Directories::new(module, driver)?,
            _cards: cards,
        })
    }
}
