// SPDX-License-Identifier: GPL-2.0-only

//! Cards that are made, set up and removed at run time: `/sys/kernel/config/rloop/NAME/`.
//!
//! Nothing in here waits for a program to let go of a card: one that is in use is refused to be
//! removed. If a program comes in between, the card is taken away from it, and freed later.
//!
//! Lock order:
//! 1. what configfs holds when an attribute is written;
//! 2. [`CardDirectory::settings`];
//! 3. [`Cards::retired`];
//! 4. `FaultDirs::cards`, and what ALSA takes when a card is registered or freed.

use core::fmt::Write;

use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{Arc, Mutex};
use kernel::{c_str, new_mutex};

use crate::card::{LoopbackCard, DEVICE};
use crate::fault_dirs::FaultDirs;
use crate::lib::alsa::card::Id;
use crate::lib::alsa::parameters::CARDS;
use crate::lib::kernel::configfs::{
    Dependency, Directory, DirectoryRef, Subsystem, ATTRIBUTES_MAX,
};
use crate::lib::kernel::parent::Parent;
use crate::lib::model::parameters::{BadParameter, NOT_UTF8};
use crate::model::params::{parse, parse_enable, Config, Written, PARAMETERS};

/// The number of the attribute `enable`.
const ENABLE: usize = 0;
/// The number of the attribute `card`.
const CARD: usize = 1;
/// The number of the first attribute that is a parameter of the module, too.
const PARAMETERS_FROM: usize = 2;

const _: () = assert!(PARAMETERS_FROM + PARAMETERS.len() <= ATTRIBUTES_MAX);

/// Makes `/sys/kernel/config/rloop`. The cards' debugfs directories are made in `faults`. May
/// sleep.
///
/// # Errors
///
/// `ENOMEM`.
pub(crate) fn register(
    module: &'static ThisModule,
    faults: &Arc<FaultDirs>,
) -> Result<Subsystem<CardDirectory>> {
    let faults = faults.clone();
    let cards = Arc::pin_init(
        pin_init!(Cards {
            module,
            faults,
            next: Atomic::new(CARDS),
            retired <- new_mutex!(KVec::new()),
        }),
        GFP_KERNEL,
    )?;
    Subsystem::new(module, c_str!("rloop"), cards)
}

/// The data that all directories share, and the cards that wait to be freed.
#[pin_data]
pub(crate) struct Cards {
    module: &'static ThisModule,
    faults: Arc<FaultDirs>,
    /// The next card's slot; below `CARDS` are those of cards that came with the module.
    next: Atomic<u32>,
    /// The cards that were disconnected while somebody held them. Held while a card is made or
    /// removed.
    #[pin]
    retired: Mutex<KVec<LoopbackCard>>,
}

impl Cards {
    /// Frees those retired cards that nobody holds any more. May sleep.
    fn free_unheld(retired: &mut KVec<LoopbackCard>) {
        retired.retain(|card| card.held());
    }

    /// Makes the card of the directory `name`. Its parent is called by that name, so that it is the
    /// same whenever the card is made. May sleep.
    ///
    /// # Errors
    ///
    /// As [`LoopbackCard::new`], or what the device core returns.
    fn make(&self, name: &CStr, config: &Config<'_>) -> Result<LoopbackCard> {
        let mut retired = self.retired.lock();
        Self::free_unheld(&mut retired);
        let slot = self.next.fetch_add(1, Relaxed);
        let parent = CString::try_from_fmt(fmt!("{}-{}", DEVICE, name))?;
        let parent = Parent::new(&parent, None)?;
        LoopbackCard::new(self.module, &self.faults, slot, parent, config)
    }

    /// Takes a card away from user space, and frees it as soon as nobody holds it. May sleep, but
    /// not for a program.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: then nothing has happened.
    fn retire(&self, enabled: &mut Option<Enabled>) -> Result {
        let mut retired = self.retired.lock();
        // Before anything has happened: a card that had no place to be kept would have to wait.
        retired.reserve(1, GFP_KERNEL)?;
        if let Some(Enabled { mut card, .. }) = enabled.take() {
            card.disconnect();
            retired.push(card, GFP_KERNEL)?;
        }
        Self::free_unheld(&mut retired);
        Ok(())
    }
}

/// The directory of a card.
#[pin_data]
pub(crate) struct CardDirectory {
    cards: Arc<Cards>,
    name: CString,
    #[pin]
    settings: Mutex<Settings>,
}

/// The settings of a card, and the card, if there is one.
#[derive(Default)]
struct Settings {
    /// The value that was written to each parameter.
    written: [Option<KVec<u8>>; PARAMETERS.len()],
    enabled: Option<Enabled>,
}

/// A card that has been made. Its directory can't be removed.
struct Enabled {
    card: LoopbackCard,
    _directory: Dependency,
}

impl CardDirectory {
    /// The parameters that the card is to be made of.
    fn written<'a>(&'a self, settings: &'a Settings) -> Result<Written<'a>> {
        let mut values = settings.written.iter();
        let mut written = Written::collect(|_| {
            let value = values.next().and_then(Option::as_deref);
            value.map(core::str::from_utf8).transpose()
        })?;
        written.id = written.id.or(self.name.to_str().ok());
        Ok(written)
    }

    /// Logs a parameter that is not allowed; `EINVAL`.
    fn refuse(&self, bad: BadParameter<'_>) -> Error {
        let name: &CStr = &self.name;
        pr_err!("config {}: {}\n", name, format_args!("{bad}"));
        EINVAL
    }

    /// Makes the card, if there is none. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` for parameters that are not allowed, or as [`Cards::make`].
    fn enable(&self, settings: &mut Settings, directory: &DirectoryRef<'_>) -> Result {
        if settings.enabled.is_some() {
            return Ok(());
        }
        let dependency = directory.depend()?;
        let config = parse(&self.written(settings)?, CARDS).map_err(|bad| self.refuse(bad))?;
        let card = self.cards.make(&self.name, &config)?;
        settings.enabled = Some(Enabled {
            card,
            _directory: dependency,
        });
        Ok(())
    }

    /// Removes the card, if there is one. May sleep.
    ///
    /// # Errors
    ///
    /// `EBUSY` if a program has a file of the card open, `ENOMEM`.
    fn disable(&self, settings: &mut Settings) -> Result {
        let name: &CStr = &self.name;
        let Some(Enabled { card, .. }) = &settings.enabled else {
            return Ok(());
        };
        if card.in_use() {
            pr_err!("config {}: card {} is in use: its streams and its control device must be closed first\n", name, card.number());
            return Err(EBUSY);
        }
        pr_info!("config {}: removing card {}\n", name, card.number());
        self.cards.retire(&mut settings.enabled)
    }

    /// Sets the parameter of this number. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the value is not allowed, `EBUSY` while the card is enabled, `ENOMEM`.
    fn set(&self, settings: &mut Settings, parameter: usize, value: &str) -> Result {
        let (known, _) = PARAMETERS.get(parameter).ok_or(EINVAL)?;
        if settings.enabled.is_some() {
            let name: &CStr = &self.name;
            pr_err!("config {}: {} can't be changed while the card is enabled: write 0 to enable first\n", name, *known);
            return Err(EBUSY);
        }
        let only = |name| Ok::<_, Error>((name == *known).then_some(value));
        parse(&Written::collect(only)?, CARDS).map_err(|bad| self.refuse(bad))?;
        let mut kept = KVec::new();
        kept.extend_from_slice(value.as_bytes(), GFP_KERNEL)?;
        *settings.written.get_mut(parameter).ok_or(EINVAL)? = Some(kept);
        Ok(())
    }
}

impl Directory for CardDirectory {
    type Common = Arc<Cards>;

    fn attribute(number: usize) -> Option<(&'static str, bool)> {
        match number {
            ENABLE => Some(("enable", true)),
            CARD => Some(("card", false)),
            _ => {
                let (name, _) = PARAMETERS.get(number - PARAMETERS_FROM)?;
                Some((name, true))
            }
        }
    }

    fn make(cards: &Arc<Cards>, name: &CStr) -> Result<impl PinInit<Self, Error>> {
        let (cards, name) = (cards.clone(), name.try_into()?);
        Ok(try_pin_init!(Self {
            cards,
            name,
            settings <- new_mutex!(Settings::default()),
        }? Error))
    }

    fn show(&self, number: usize, text: &mut dyn Write) -> Result {
        let settings = self.settings.lock();
        let card = settings.enabled.as_ref().map(|enabled| &enabled.card);
        match number {
            ENABLE => writeln!(text, "{}", u32::from(card.is_some()))?,
            CARD => writeln!(text, "{}", card.map_or(-1, LoopbackCard::number))?,
            _ => {
                let parameter = number - PARAMETERS_FROM;
                let mut written = self.written(&settings)?;
                // The one that ALSA has made of it.
                let id = card.map(LoopbackCard::id);
                written.id = id.as_ref().map(Id::text).or(written.id);
                let (_, default) = PARAMETERS.get(parameter).ok_or(EINVAL)?;
                let value = written.values().get(parameter).copied().flatten();
                writeln!(text, "{}", value.unwrap_or(default))?;
            }
        }
        Ok(())
    }

    fn store(&self, number: usize, text: &[u8], directory: &DirectoryRef<'_>) -> Result {
        // As `echo` ends it.
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        let text = core::str::from_utf8(text).unwrap_or(NOT_UTF8);
        let mut settings = self.settings.lock();
        match number.checked_sub(PARAMETERS_FROM) {
            Some(parameter) => self.set(&mut settings, parameter, text),
            None => match parse_enable(Some(text)).map_err(|bad| self.refuse(bad))? {
                Some(true) => self.enable(&mut settings, directory),
                _ => self.disable(&mut settings),
            },
        }
    }
}
