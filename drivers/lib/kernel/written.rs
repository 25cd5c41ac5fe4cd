// SPDX-License-Identifier: GPL-2.0-only

//! What users write to the attributes of a directory in configfs that are parameters of the module, too.

use kernel::prelude::*;

/// The text that was written to each of a driver's parameters, if any was.
pub(crate) struct Written {
    /// The parameters' names and defaults.
    parameters: &'static [(&'static str, &'static str)],
    texts: KVec<Option<KVec<u8>>>,
}

impl Written {
    /// Nothing has been written yet. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(parameters: &'static [(&'static str, &'static str)]) -> Result<Self> {
        let mut texts = KVec::new();
        for _ in parameters {
            texts.push(None, GFP_KERNEL)?;
        }
        Ok(Self { parameters, texts })
    }

    /// The name and the default of the parameter of this number. Any context.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none.
    pub(crate) fn parameter(&self, number: usize) -> Result<(&'static str, &'static str)> {
        self.parameters.get(number).copied().ok_or(EINVAL)
    }

    /// What was written to the parameter `name`. Any context.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let known = self.parameters.iter();
        let number = known.take_while(|(known, _)| *known != name).count();
        core::str::from_utf8(self.texts.get(number)?.as_deref()?).ok()
    }

    /// Keeps `text` as what was written to the parameter of this number. May sleep.
    ///
    /// # Errors
    ///
    /// `EINVAL` if there is none, `ENOMEM`: then nothing has changed.
    pub(crate) fn keep(&mut self, number: usize, text: &str) -> Result {
        let place = self.texts.get_mut(number).ok_or(EINVAL)?;
        let mut kept = KVec::new();
        kept.extend_from_slice(text.as_bytes(), GFP_KERNEL)?;
        *place = Some(kept);
        Ok(())
    }
}
