// SPDX-License-Identifier: MIT OR Apache-2.0

//! The sample formats of ALSA that have a fixed physical width, and what silence is in each.
//!
//! The silence patterns are those of the kernel (`snd_pcm_format_silence_64`), written out here
//! on purpose: a check must not ask the thing it checks what the right answer is.

use std::fmt;

use rig::verdict::{Verdict, fail};

/// One sample format.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Format {
    id: i32,
    name: &'static str,
    silence: &'static [u8],
}

impl Format {
    const fn new(id: i32, name: &'static str, silence: &'static [u8]) -> Self {
        Self { id, name, silence }
    }

    /// The number that ALSA gives to it (`SNDRV_PCM_FORMAT_…`).
    pub fn id(self) -> i32 {
        self.id
    }

    /// ALSA's name, as in `aplay -f`.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Bytes that one sample takes in memory, 1 to 8, padding included.
    pub fn bytes(self) -> usize {
        self.silence.len()
    }

    /// One sample of silence, [`Self::bytes`] long.
    pub fn silence(self) -> &'static [u8] {
        self.silence
    }

    /// The format of this name of ALSA's, in any case, which a check needs.
    ///
    /// # Errors
    /// If there is none.
    pub fn named(name: &str) -> Verdict<Self> {
        match Self::from_name(name) {
            Some(format) => Ok(format),
            None => fail(format!("{name} is no format")),
        }
    }

    /// Finds a format by ALSA's name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        FORMATS
            .iter()
            .copied()
            .find(|f| f.name.eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name)
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Signed 16 bit, little endian: what most programs use, and what a check uses if the format does not matter.
pub const S16_LE: Format = Format::new(2, "S16_LE", &[0x00, 0x00]);

/// Every format that a loopback card can carry, in ALSA's order.
#[rustfmt::skip]
pub const FORMATS: &[Format] = &[
    Format::new(0, "S8", &[0x00]),
    Format::new(1, "U8", &[0x80]),
    Format::new(2, "S16_LE", &[0x00, 0x00]),
    Format::new(3, "S16_BE", &[0x00, 0x00]),
    Format::new(4, "U16_LE", &[0x00, 0x80]),
    Format::new(5, "U16_BE", &[0x80, 0x00]),
    Format::new(6, "S24_LE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(7, "S24_BE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(8, "U24_LE", &[0x00, 0x00, 0x80, 0x00]),
    Format::new(9, "U24_BE", &[0x00, 0x80, 0x00, 0x00]),
    Format::new(10, "S32_LE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(11, "S32_BE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(12, "U32_LE", &[0x00, 0x00, 0x00, 0x80]),
    Format::new(13, "U32_BE", &[0x80, 0x00, 0x00, 0x00]),
    Format::new(14, "FLOAT_LE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(15, "FLOAT_BE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(16, "FLOAT64_LE", &[0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]),
    Format::new(17, "FLOAT64_BE", &[0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00]),
    Format::new(18, "IEC958_SUBFRAME_LE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(19, "IEC958_SUBFRAME_BE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(20, "MU_LAW", &[0x7f]),
    Format::new(21, "A_LAW", &[0x55]),
    Format::new(25, "S20_LE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(26, "S20_BE", &[0x00, 0x00, 0x00, 0x00]),
    Format::new(27, "U20_LE", &[0x00, 0x00, 0x08, 0x00]),
    Format::new(28, "U20_BE", &[0x00, 0x08, 0x00, 0x00]),
    Format::new(32, "S24_3LE", &[0x00, 0x00, 0x00]),
    Format::new(33, "S24_3BE", &[0x00, 0x00, 0x00]),
    Format::new(34, "U24_3LE", &[0x00, 0x00, 0x80]),
    Format::new(35, "U24_3BE", &[0x80, 0x00, 0x00]),
    Format::new(36, "S20_3LE", &[0x00, 0x00, 0x00]),
    Format::new(37, "S20_3BE", &[0x00, 0x00, 0x00]),
    Format::new(38, "U20_3LE", &[0x00, 0x00, 0x08]),
    Format::new(39, "U20_3BE", &[0x08, 0x00, 0x00]),
    Format::new(40, "S18_3LE", &[0x00, 0x00, 0x00]),
    Format::new(41, "S18_3BE", &[0x00, 0x00, 0x00]),
    Format::new(42, "U18_3LE", &[0x00, 0x00, 0x02]),
    Format::new(43, "U18_3BE", &[0x02, 0x00, 0x00]),
    Format::new(48, "DSD_U8", &[0x69]),
    Format::new(49, "DSD_U16_LE", &[0x69, 0x69]),
    Format::new(50, "DSD_U32_LE", &[0x69, 0x69, 0x69, 0x69]),
    Format::new(51, "DSD_U16_BE", &[0x69, 0x69]),
    Format::new(52, "DSD_U32_BE", &[0x69, 0x69, 0x69, 0x69]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_alsa_lib() {
        for f in FORMATS {
            let by_name: alsa::pcm::Format = f.name().parse().unwrap();
            assert_eq!(by_name as i32, f.id(), "{f}");
            assert_eq!(
                by_name.physical_width().unwrap() as usize,
                f.bytes() * 8,
                "{f}"
            );
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(Format::from_name("s16_le"), Some(S16_LE));
        assert_eq!(Format::from_name("S17_LE"), None);
    }
}
