// SPDX-License-Identifier: GPL-2.0-only

//! What users write to files in debugfs.

use kernel::prelude::*;
use kernel::uaccess::UserSliceReader;

use crate::lib::model::parameters::{Allowed, BadParameter, NOT_UTF8};
use crate::lib::model::plan::{Plan, Plans};

/// Reads a number up to `most` that was written to `file`. May sleep.
///
/// # Errors
///
/// `EINVAL` if it is none, with a line in the kernel's log; `EFAULT`.
pub(crate) fn number(file: &'static str, written: &mut UserSliceReader, most: u32) -> Result<u32> {
    let allowed = Allowed::Number(0, most.into());
    word(file, allowed, written, |word| {
        word.parse().ok().filter(|number| *number <= most)
    })
}

/// Reads a plan that was written to `file`, one of `plans`. May sleep.
///
/// # Errors
///
/// As [`number`].
pub(crate) fn plan(
    file: &'static str,
    plans: Plans,
    written: &mut UserSliceReader,
) -> Result<Plan> {
    let allowed = Allowed::Words(plans.allowed);
    word(file, allowed, written, |text| plans.parse(text))
}

/// The longest text that is read, in bytes.
const TEXT_MAX: usize = 96;

/// Reads a word, or several, that was written to `file`, less the end of the line that `echo` writes, and makes of it what `read`
/// says. May sleep.
///
/// # Errors
///
/// `EINVAL` if `read` returns nothing, with a line in the kernel's log that names what is `allowed`; `EFAULT`.
pub(crate) fn word<T>(
    file: &'static str,
    allowed: Allowed,
    written: &mut UserSliceReader,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T> {
    let mut buffer = [0; TEXT_MAX];
    let bytes = written.len().min(buffer.len());
    let whole = bytes == written.len();
    written.read_slice(&mut buffer[..bytes])?;
    let text = core::str::from_utf8(&buffer[..bytes]).unwrap_or(NOT_UTF8);
    let text = text.strip_suffix('\n').unwrap_or(text);
    let value = read(text).filter(|_| whole);
    value.ok_or_else(|| {
        let bad = BadParameter {
            parameter: file,
            value: text,
            allowed,
        };
        pr_err!("debugfs: {}\n", format_args!("{bad}"));
        EINVAL
    })
}

/// Reads the `1` that was written to `file`, which does what cannot be undone. May sleep.
///
/// # Errors
///
/// As [`number`], for anything else.
pub(crate) fn one(file: &'static str, written: &mut UserSliceReader) -> Result {
    word(file, Allowed::Words("1"), written, |word| {
        (word == "1").then_some(())
    })
}
