// SPDX-License-Identifier: GPL-2.0-only

//! The devices of a driver: the one that its module's parameters ask for, made at load, and those that users make in
//! configfs, `/sys/kernel/config/DRIVER/NAME/`.
//!
//! A device that is in use is refused to be removed. If a program comes in between, the device is taken away from it.
//!
//! Lock order: what configfs holds when an attribute is written; [`InstanceDirectory::settings`]; what the driver takes
//! to make a device or to remove one.

use kernel::prelude::*;
use kernel::str::CStr;
use kernel::sync::Arc;

use crate::lib::kernel::fault_files::Faulty;
use crate::lib::kernel::parameters::parsed;
use crate::lib::kernel::plug::{Plug, Pluggable, Plugged};
use crate::lib::model::parameters::{parse_enable, BadParameter};

/// A driver whose devices are made of parameters. The functions may sleep.
pub(crate) trait Driver: Sized + Send + Sync + 'static {
    /// The name of the device that the module makes by itself, and of the directory in configfs. Others are called
    /// `NAME-DIRECTORY`.
    const NAME: &'static CStr;

    /// The parameters' names and defaults. The module has `enable` besides.
    const PARAMETERS: &'static [(&'static str, &'static str)];

    /// The configuration of a device, made of the parameters.
    type Config;

    /// A device that has been made.
    type Instance: Instance;

    /// Parses the parameters: `written` gives the value that was written to one.
    ///
    /// # Errors
    ///
    /// The first value that is not allowed.
    fn parse<'a>(
        written: impl FnMut(&'static str) -> Option<&'a str>,
    ) -> Result<Self::Config, BadParameter<'a>>;

    /// Makes a device that is called `name`, and as the last thing lets programs find it.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, or what the kernel returns; each other than `ENOMEM` with a line in the kernel's log.
    fn make(
        &self,
        module: &'static ThisModule,
        name: &CStr,
        config: &Self::Config,
    ) -> Result<Self::Instance>;

    /// Changes a parameter of a device that has been made, whose configuration becomes `config` by that; `None` if that
    /// parameter can't be changed then.
    ///
    /// # Errors
    ///
    /// What the driver says, with a line in the kernel's log: then nothing has changed.
    fn change(instance: &Self::Instance, parameter: &str, config: &Self::Config) -> Option<Result> {
        let _ = (instance, parameter, config);
        None
    }
}

/// A device of a [`Driver`]. Dropping it takes it away from programs, and must not wait for them.
pub(crate) trait Instance: Send + Sync + Unpin + 'static {
    /// Whether a program uses it. May sleep.
    fn in_use(&self) -> bool;
}

impl<P: Pluggable> Instance for Plugged<P>
where
    Plug<P>: Faulty,
{
    fn in_use(&self) -> bool {
        Plugged::in_use(self)
    }
}

/// All devices of a loaded module. Dropping it removes them.
pub(crate) struct Instances<D: Driver> {
    #[cfg(CONFIG_CONFIGFS_FS)]
    _directories: crate::lib::kernel::configfs::Subsystem<directories::InstanceDirectory<D>>,
    _own: Option<D::Instance>,
}

impl<D: Driver> Instances<D> {
    /// Makes the device that the module's parameters ask for, unless it is switched off, and the directory in configfs
    /// for more. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL`, with a line in the kernel's log, if a parameter is not allowed; as [`Driver::make`]; `ENOMEM`.
    pub(crate) fn load(module: &'static ThisModule, driver: D) -> Result<Self> {
        let enable = parsed(0, |written| parse_enable(written("enable")))?;
        let config = parsed(0, |written| D::parse(written))?;
        let driver = Arc::new(driver, GFP_KERNEL)?;
        // Without configfs nobody calls it, and what a driver has for it would be dead code.
        #[cfg(not(CONFIG_CONFIGFS_FS))]
        let _ = D::change;
        Ok(Self {
            #[cfg(CONFIG_CONFIGFS_FS)]
            _directories: directories::new(module, driver.clone())?,
            // Last: see `loading`.
            _own: match enable.unwrap_or(true) {
                true => Some(driver.make(module, D::NAME, &config)?),
                false => None,
            },
        })
    }
}

#[cfg(CONFIG_CONFIGFS_FS)]
mod directories {
    use core::fmt::Write;

    use kernel::new_mutex;
    use kernel::prelude::*;
    use kernel::str::{CStr, CString};
    use kernel::sync::{Arc, Mutex};

    use super::{Driver, Instance};
    use crate::lib::kernel::configfs::{
        Dependency, Directory, DirectoryRef, Subsystem, ATTRIBUTES_MAX,
    };
    use crate::lib::kernel::parameters::refuse;
    use crate::lib::kernel::written::Written;
    use crate::lib::model::parameters::{parse_enable, BadParameter};

    /// The number of the attribute `enable`.
    const ENABLE: usize = 0;
    /// The number of the first attribute that is a parameter of the module, too.
    const PARAMETERS_FROM: usize = 1;

    /// What all directories share.
    pub(crate) struct Common<D> {
        module: &'static ThisModule,
        driver: Arc<D>,
    }

    /// Makes `/sys/kernel/config/DRIVER`. May sleep.
    pub(super) fn new<D: Driver>(
        module: &'static ThisModule,
        driver: Arc<D>,
    ) -> Result<Subsystem<InstanceDirectory<D>>> {
        const { assert!(PARAMETERS_FROM + D::PARAMETERS.len() <= ATTRIBUTES_MAX) };
        let common = Arc::new(Common { module, driver }, GFP_KERNEL)?;
        Subsystem::new(module, D::NAME, common)
    }

    /// The directory of a device.
    #[pin_data]
    pub(crate) struct InstanceDirectory<D: Driver> {
        common: Arc<Common<D>>,
        /// The device's name.
        name: CString,
        #[pin]
        settings: Mutex<Settings<D>>,
    }

    /// The settings of a device, and the device, if there is one.
    struct Settings<D: Driver> {
        written: Written,
        enabled: Option<Enabled<D>>,
    }

    /// A device that has been made. Its directory can't be removed.
    struct Enabled<D: Driver> {
        instance: D::Instance,
        _directory: Dependency,
    }

    impl<D: Driver> InstanceDirectory<D> {
        /// Logs a parameter that is not allowed; `EINVAL`.
        fn refuse(&self, bad: BadParameter<'_>) -> Error {
            refuse(fmt!("{}: {}", &*self.name, format_args!("{bad}")))
        }

        /// Makes the device, if there is none.
        fn enable(&self, settings: &mut Settings<D>, directory: &DirectoryRef<'_>) -> Result {
            if settings.enabled.is_some() {
                return Ok(());
            }
            let dependency = directory.depend()?;
            let config = D::parse(|name| settings.written.text(name));
            let config = config.map_err(|bad| self.refuse(bad))?;
            let Common { module, driver } = &*self.common;
            settings.enabled = Some(Enabled {
                instance: driver.make(module, &self.name, &config)?,
                _directory: dependency,
            });
            Ok(())
        }

        /// Removes the device, if there is one: `EBUSY` if a program uses it.
        fn disable(&self, settings: &mut Settings<D>) -> Result {
            if let Some(Enabled { instance, .. }) = &settings.enabled {
                if instance.in_use() {
                    pr_err!(
                        "{} is in use: its files must be closed first\n",
                        &*self.name
                    );
                    return Err(EBUSY);
                }
            }
            settings.enabled = None;
            Ok(())
        }

        /// Sets the parameter of this number: `EINVAL`, `EBUSY` while the device is enabled and can't change it,
        /// `ENOMEM`.
        fn set(&self, settings: &mut Settings<D>, parameter: usize, value: &str) -> Result {
            let (known, _) = settings.written.parameter(parameter)?;
            if let Some(Enabled { instance, .. }) = &settings.enabled {
                let config = D::parse(|name| match name == known {
                    true => Some(value),
                    false => settings.written.text(name),
                });
                let config = config.map_err(|bad| self.refuse(bad))?;
                let Some(changed) = D::change(instance, known, &config) else {
                    pr_err!(
                        "{}: {} can't be changed while it is enabled: write 0 to enable first\n",
                        &*self.name,
                        known
                    );
                    return Err(EBUSY);
                };
                changed?;
                return settings.written.keep(parameter, value);
            }
            D::parse(|name| (name == known).then_some(value)).map_err(|bad| self.refuse(bad))?;
            settings.written.keep(parameter, value)
        }
    }

    impl<D: Driver> Directory for InstanceDirectory<D> {
        type Common = Arc<Common<D>>;

        fn attribute(number: usize) -> Option<(&'static str, bool)> {
            match number.checked_sub(PARAMETERS_FROM) {
                None => Some(("enable", true)),
                Some(parameter) => Some((D::PARAMETERS.get(parameter)?.0, true)),
            }
        }

        fn make(common: &Arc<Common<D>>, name: &CStr) -> Result<impl PinInit<Self, Error>> {
            let common = common.clone();
            let name = CString::try_from_fmt(fmt!("{}-{}", D::NAME, name))?;
            let settings = Settings {
                written: Written::new(D::PARAMETERS)?,
                enabled: None,
            };
            Ok(try_pin_init!(Self {
                common,
                name,
                settings <- new_mutex!(settings, "InstanceDirectory::settings"),
            }? Error))
        }

        fn show(&self, number: usize, text: &mut dyn Write) -> Result {
            let settings = self.settings.lock();
            if number == ENABLE {
                writeln!(text, "{}", u32::from(settings.enabled.is_some()))?;
                return Ok(());
            }
            let (name, default) = settings.written.parameter(number - PARAMETERS_FROM)?;
            let value = settings.written.text(name);
            writeln!(text, "{}", value.unwrap_or(default))?;
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
    }
}
