// SPDX-License-Identifier: GPL-2.0-only

//! The parallel port that samples leave by, on kernels that have some.

use kernel::prelude::*;
use kernel::str::CStr;

#[cfg(CONFIG_PARPORT)]
use crate::lib::kernel::parport::ParallelPort;
use crate::model::converter;
use crate::model::params::Config;

/// A parallel port that is the device's until this value goes.
pub(crate) struct Port {
    #[cfg(CONFIG_PARPORT)]
    port: ParallelPort,
}

impl Port {
    /// Claims the port that is asked for, if any, for the device `name`. May sleep.
    ///
    /// # Errors
    ///
    /// With a line in the kernel's log `ENODEV` if there is no such port, `EBUSY` if another driver has it; `ENOMEM`.
    pub(crate) fn claim(config: &Config<'_>, name: &CStr) -> Result<Option<Self>> {
        let Some(number) = config.parport else {
            return Ok(None);
        };
        Self::claim_number(number, name, config.strobe)
            .map(Some)
            .inspect_err(|error| match *error {
                ENODEV => {
                    pr_err!("parameter parport={number} is not allowed: must be the number of a parallel port, or -1 for none; there is no such port\n");
                }
                EBUSY => pr_err!("parport{number} is in use by another driver\n"),
                _ => {}
            })
    }

    #[cfg(CONFIG_PARPORT)]
    fn claim_number(number: u32, name: &CStr, strobe: bool) -> Result<Self> {
        let port = ParallelPort::claim(number, name, strobe)?;
        Ok(Self { port })
    }

    #[cfg(not(CONFIG_PARPORT))]
    fn claim_number(_: u32, _: &CStr, _: bool) -> Result<Self> {
        Err(ENODEV)
    }
}

impl converter::Port for Port {
    #[cfg(CONFIG_PARPORT)]
    fn put(&mut self, sample: u8) {
        self.port.put(sample);
    }

    #[cfg(not(CONFIG_PARPORT))]
    fn put(&mut self, _: u8) {}
}
