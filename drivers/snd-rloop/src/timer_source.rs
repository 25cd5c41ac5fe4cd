// SPDX-License-Identifier: GPL-2.0-only

//! The file `timer_source` of a card: the source of its cables' clocks. All functions may sleep.

use kernel::prelude::*;
use kernel::str::CString;
use kernel::sync::Arc;

use crate::cable::Cable;
use crate::lib::alsa::card::CARDS;
use crate::lib::alsa::proc::Setting;
use crate::lib::model::parameters::{Allowed, BadParameter};
use crate::master::is_own;
use crate::model::source::{SourceText, ALLOWED};

/// The setting behind the file.
pub(crate) struct TimerSource {
    /// The card's number.
    pub(crate) card: u32,
    /// Its cables, of which there is at least one.
    pub(crate) cables: KVec<Arc<Cable>>,
}

impl Setting for TimerSource {
    fn read(&self) -> Result<CString> {
        let cable = self.cables.first().ok_or(ENODEV)?;
        let source = cable.master().work().source();
        CString::try_from_fmt(fmt!("{}\n", format_args!("{source}")))
    }

    fn write(&self, text: &str) -> Result {
        let written = SourceText::new(text, CARDS).filter(|source| !is_own(source, self.card));
        let Some(source) = written else {
            let bad = BadParameter {
                parameter: "timer_source",
                value: text,
                allowed: Allowed::Words(ALLOWED),
            };
            pr_err!("card {}: {}\n", self.card, format_args!("{bad}"));
            return Err(EINVAL);
        };
        for cable in &self.cables {
            cable.master().set_source(source);
        }
        Ok(())
    }
}
