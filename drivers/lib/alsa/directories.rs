// SPDX-License-Identifier: GPL-2.0-only

//! Cards that are made, set up and removed at run time: `/sys/kernel/config/DRIVER/NAME/`.
//!
//! Nothing in here waits for a program to let go of a card: one that is in use is refused to be
//! removed. If a program comes in between, the card is taken away from it, and freed later.
//!
//! Lock order:
//! 1. what configfs holds when an attribute is written;
//! 2. [`CardDirectory::settings`];
//! 3. [`Made::retired`];
//! 4. what the driver takes to make a card, and what ALSA takes when one is registered or freed.

use core::fmt::Write;

use kernel::new_mutex;
use kernel::prelude::*;
use kernel::str::{CStr, CString};
use kernel::sync::atomic::{Atomic, Relaxed};
use kernel::sync::{Arc, Mutex};

use crate::lib::alsa::card::{Card, Id, CARDS};
use crate::lib::alsa::cards::{Driver, Removable};
use crate::lib::kernel::configfs::{
    Dependency, Directory, DirectoryRef, Subsystem, ATTRIBUTES_MAX,
};
use crate::lib::kernel::parameters::refuse;
use crate::lib::kernel::parent::Parent;
use crate::lib::kernel::written::Written;
use crate::lib::model::parameters::{parse_enable, BadParameter};

/// The number of the attribute `enable`.
const ENABLE: usize = 0;
/// The number of the attribute `card`.
const CARD: usize = 1;
/// The number of the first attribute that is a parameter of the module, too.
const PARAMETERS_FROM: usize = 2;

/// The directories of a driver's cards. By the time this value is dropped there are none: each
/// holds the module.
pub(crate) struct Directories<D: Driver> {
    _subsystem: Subsystem<CardDirectory<D>>,
}

impl<D: Driver> Directories<D> {
    /// The attributes are not too many.
    const FITS: () = assert!(PARAMETERS_FROM + D::PARAMETERS.len() <= ATTRIBUTES_MAX);

    /// Makes `/sys/kernel/config/DRIVER`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(module: &'static ThisModule, driver: D) -> Result<Self> {
        let () = Self::FITS;
        let made = Arc::pin_init(
            pin_init!(Made {
                module,
                driver,
                next: Atomic::new(CARDS),
                retired <- new_mutex!(KVec::new()),
            }),
            GFP_KERNEL,
        )?;
        Ok(Self {
            _subsystem: Subsystem::new(module, D::DIRECTORY, made)?,
        })
    }
}

/// The data that all directories share, and the cards that wait to be freed.
#[pin_data]
struct Made<D: Driver> {
    module: &'static ThisModule,
    driver: D,
    /// The next card's slot; below `CARDS` are those of cards that came with the module.
    next: Atomic<u32>,
    /// The cards that were disconnected while somebody held them. Held while a card is made or
    /// removed.
    #[pin]
    retired: Mutex<KVec<D::Card>>,
}

impl<D: Driver> Made<D> {
    /// Frees those retired cards that nobody holds any more. May sleep.
    fn free_unheld(retired: &mut KVec<D::Card>) {
        retired.retain(|card| card.card().held());
    }

    /// Makes the card of the directory `name`. Its parent is called by that name, so that it is the
    /// same whenever the card is made. May sleep.
    ///
    /// # Errors
    ///
    /// As [`Driver::make`], or what the device core returns.
    fn make(&self, name: &CStr, config: &D::Config<'_>, file: &[u8]) -> Result<D::Card> {
        let mut retired = self.retired.lock();
        Self::free_unheld(&mut retired);
        let slot = self.next.fetch_add(1, Relaxed);
        let parent = CString::try_from_fmt(fmt!("{}-{}", D::NAME, name))?;
        let parent = Parent::new(&parent, None)?;
        self.driver.make(self.module, slot, parent, config, file)
    }

    /// Takes a card away from user space, and frees it as soon as nobody holds it. May sleep, but
    /// not for a program.
    ///
    /// # Errors
    ///
    /// `ENOMEM`: then nothing has happened.
    fn retire(&self, enabled: &mut Option<Enabled<D>>) -> Result {
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
struct CardDirectory<D: Driver> {
    made: Arc<Made<D>>,
    name: CString,
    #[pin]
    settings: Mutex<Settings<D>>,
}

/// The settings of a card, and the card, if there is one.
struct Settings<D: Driver> {
    written: Written,
    /// The bytes of [`Driver::FILE`].
    file: KVVec<u8>,
    enabled: Option<Enabled<D>>,
}

/// A card that has been made. Its directory can't be removed.
struct Enabled<D: Driver> {
    card: D::Card,
    _directory: Dependency,
}

impl<D: Driver> Settings<D> {
    /// The card, if there is one.
    fn card(&self) -> Option<&Card> {
        self.enabled.as_ref().map(|enabled| enabled.card.card())
    }
}

impl<D: Driver> CardDirectory<D> {
    /// The value that was written to the parameter `name`. The card's id is its directory's name if
    /// no other was written.
    fn written<'a>(&'a self, settings: &'a Settings<D>, name: &str) -> Option<&'a str> {
        let own = || self.name.to_str().ok().filter(|_| name == "id");
        settings.written.text(name).or_else(own)
    }

    /// Logs a parameter that is not allowed; `EINVAL`.
    fn refuse(&self, bad: BadParameter<'_>) -> Error {
        let name: &CStr = &self.name;
        refuse(fmt!("config {}: {}", name, format_args!("{bad}")))
    }

    /// Refuses a change of `what` while the card is enabled: `EBUSY`, and logs it.
    fn disabled(&self, settings: &Settings<D>, what: &str) -> Result {
        if settings.enabled.is_none() {
            return Ok(());
        }
        let name: &CStr = &self.name;
        pr_err!(
            "config {}: {} can't be changed while the card is enabled: write 0 to enable first\n",
            name,
            what
        );
        Err(EBUSY)
    }

    /// Makes the card, if there is none. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` for parameters that are not allowed, or as [`Made::make`].
    fn enable(&self, settings: &mut Settings<D>, directory: &DirectoryRef<'_>) -> Result {
        if settings.enabled.is_some() {
            return Ok(());
        }
        let dependency = directory.depend()?;
        let card = {
            let written = |name| self.written(settings, name);
            let config = D::parse(written).map_err(|bad| self.refuse(bad))?;
            self.made.make(&self.name, &config, &settings.file)?
        };
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
    fn disable(&self, settings: &mut Settings<D>) -> Result {
        let name: &CStr = &self.name;
        let Some(Enabled { card, .. }) = &settings.enabled else {
            return Ok(());
        };
        let (in_use, card) = (card.in_use(), card.card());
        if in_use {
            pr_err!("config {}: card {} is in use: its streams and its control device must be closed first\n", name, card.number());
            return Err(EBUSY);
        }
        pr_info!("config {}: removing card {}\n", name, card.number());
        self.made.retire(&mut settings.enabled)
    }

    /// Sets the parameter of this number. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if the value is not allowed, `EBUSY` while the card is enabled, `ENOMEM`.
    fn set(&self, settings: &mut Settings<D>, parameter: usize, value: &str) -> Result {
        let (known, _) = settings.written.parameter(parameter)?;
        self.disabled(settings, known)?;
        D::parse(|name| (name == known).then_some(value)).map_err(|bad| self.refuse(bad))?;
        settings.written.keep(parameter, value)
    }
}

impl<D: Driver> Directory for CardDirectory<D> {
    type Common = Arc<Made<D>>;

    const FILE: Option<(&'static str, usize)> = D::FILE;

    fn attribute(number: usize) -> Option<(&'static str, bool)> {
        match number {
            ENABLE => Some(("enable", true)),
            CARD => Some(("card", false)),
            _ => {
                let (name, _) = D::PARAMETERS.get(number - PARAMETERS_FROM)?;
                Some((name, true))
            }
        }
    }

    fn make(made: &Arc<Made<D>>, name: &CStr) -> Result<impl PinInit<Self, Error>> {
        let (made, name) = (made.clone(), name.try_into()?);
        let settings = Settings {
            written: Written::new(D::PARAMETERS)?,
            file: KVVec::new(),
            enabled: None,
        };
        Ok(try_pin_init!(Self {
            made,
            name,
            settings <- new_mutex!(settings),
        }? Error))
    }

    fn show(&self, number: usize, text: &mut dyn Write) -> Result {
        let settings = self.settings.lock();
        let card = settings.card();
        match number {
            ENABLE => writeln!(text, "{}", u32::from(card.is_some()))?,
            CARD => writeln!(text, "{}", card.map_or(-1, Card::number))?,
            _ => {
                let (name, default) = settings.written.parameter(number - PARAMETERS_FROM)?;
                // The id that ALSA has made of it.
                let id = card.filter(|_| name == "id").map(Card::id);
                let written = self.written(&settings, name);
                let value = id.as_ref().map(Id::text).or(written);
                writeln!(text, "{}", value.unwrap_or(default))?;
            }
        }
        Ok(())
    }

    fn store(&self, number: usize, text: &str, directory: &DirectoryRef<'_>) -> Result {
        let mut settings = self.settings.lock();
        match number.checked_sub(PARAMETERS_FROM) {
            Some(parameter) => self.set(&mut settings, parameter, text),
            None => match parse_enable(Some(text)).map_err(|bad| self.refuse(bad))? {
                Some(true) => self.enable(&mut settings, directory),
                _ => self.disable(&mut settings),
            },
        }
    }

    fn read_file(&self, bytes: &mut [u8]) -> usize {
        let settings = self.settings.lock();
        for (to, from) in bytes.iter_mut().zip(settings.file.iter()) {
            *to = *from;
        }
        settings.file.len()
    }

    fn write_file(&self, bytes: &[u8]) -> Result {
        let (file, _) = D::FILE.ok_or(EINVAL)?;
        let mut settings = self.settings.lock();
        self.disabled(&settings, file)?;
        if let Err(wanted) = D::check_file(bytes) {
            let name: &CStr = &self.name;
            pr_err!(
                "config {}: {} is not allowed: must be {}\n",
                name,
                file,
                wanted
            );
            return Err(EINVAL);
        }
        let mut kept = KVVec::with_capacity(bytes.len(), GFP_KERNEL)?;
        kept.extend_from_slice(bytes, GFP_KERNEL)?;
        settings.file = kept;
        Ok(())
    }
}
