// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! Sample formats: their size and their silence.
//!
//! Numbers, widths and silence are ALSA's: `include/uapi/sound/asound.h` (`SNDRV_PCM_FORMAT_*`) and
//! the table `pcm_formats` in `sound/core/pcm_misc.c`.

/// A sample format that our cards take: any of ALSA's whose samples are of one size in whole bytes
/// and are not a code whose silence depends on what came before (IMA ADPCM, G.723, MPEG, GSM).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// ALSA's number, `SNDRV_PCM_FORMAT_*`.
    pub number: u32,
    /// ALSA's name.
    pub name: &'static str,
    /// Bytes of a sample: 1, 2, 3, 4 or 8.
    pub bytes: u8,
    /// A sample of silence, in its first `bytes` bytes.
    pub silence: [u8; 8],
    /// The meaning of its bits.
    pub code: Code,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
}

/// The meaning of a sample's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// A number in so many of the lowest bits, in two's complement.
    Signed(u32),
    /// A number in so many of the lowest bits, of which half of the range is silence.
    Unsigned(u32),
    /// IEEE 754, 1 being full scale.
    Float,
    /// ITU-T G.711.
    MuLaw,
    /// ITU-T G.711.
    ALaw,
    /// IEC 60958: 24 bits, from the fifth lowest on.
    Subframe,
    /// One bit at a time, the most significant first; how many of them are 1 is the level.
    Dsd,
}

/// All formats, in the order of ALSA's numbers.
pub const FORMATS: [Format; 43] = [
    zero(0, "S8", Code::Signed(8), 1),
    format(1, "U8", Code::Unsigned(8), &[0x80]),
    zero(2, "S16_LE", Code::Signed(16), 2),
    zero(3, "S16_BE", Code::Signed(16), 2),
    format(4, "U16_LE", Code::Unsigned(16), &[0, 0x80]),
    format(5, "U16_BE", Code::Unsigned(16), &[0x80, 0]),
    zero(6, "S24_LE", Code::Signed(24), 4),
    zero(7, "S24_BE", Code::Signed(24), 4),
    format(8, "U24_LE", Code::Unsigned(24), &[0, 0, 0x80, 0]),
    format(9, "U24_BE", Code::Unsigned(24), &[0, 0x80, 0, 0]),
    zero(10, "S32_LE", Code::Signed(32), 4),
    zero(11, "S32_BE", Code::Signed(32), 4),
    format(12, "U32_LE", Code::Unsigned(32), &[0, 0, 0, 0x80]),
    format(13, "U32_BE", Code::Unsigned(32), &[0x80, 0, 0, 0]),
    zero(14, "FLOAT_LE", Code::Float, 4),
    zero(15, "FLOAT_BE", Code::Float, 4),
    zero(16, "FLOAT64_LE", Code::Float, 8),
    zero(17, "FLOAT64_BE", Code::Float, 8),
    zero(18, "IEC958_SUBFRAME_LE", Code::Subframe, 4),
    zero(19, "IEC958_SUBFRAME_BE", Code::Subframe, 4),
    format(20, "MU_LAW", Code::MuLaw, &[0x7f]),
    format(21, "A_LAW", Code::ALaw, &[0x55]),
    zero(25, "S20_LE", Code::Signed(20), 4),
    zero(26, "S20_BE", Code::Signed(20), 4),
    format(27, "U20_LE", Code::Unsigned(20), &[0, 0, 0x08, 0]),
    format(28, "U20_BE", Code::Unsigned(20), &[0, 0x08, 0, 0]),
    zero(32, "S24_3LE", Code::Signed(24), 3),
    zero(33, "S24_3BE", Code::Signed(24), 3),
    format(34, "U24_3LE", Code::Unsigned(24), &[0, 0, 0x80]),
    format(35, "U24_3BE", Code::Unsigned(24), &[0x80, 0, 0]),
    zero(36, "S20_3LE", Code::Signed(20), 3),
    zero(37, "S20_3BE", Code::Signed(20), 3),
    format(38, "U20_3LE", Code::Unsigned(20), &[0, 0, 0x08]),
    format(39, "U20_3BE", Code::Unsigned(20), &[0x08, 0, 0]),
    zero(40, "S18_3LE", Code::Signed(18), 3),
    zero(41, "S18_3BE", Code::Signed(18), 3),
    format(42, "U18_3LE", Code::Unsigned(18), &[0, 0, 0x02]),
    format(43, "U18_3BE", Code::Unsigned(18), &[0x02, 0, 0]),
    format(48, "DSD_U8", Code::Dsd, &[0x69]),
    format(49, "DSD_U16_LE", Code::Dsd, &[0x69, 0x69]),
    format(50, "DSD_U32_LE", Code::Dsd, &[0x69, 0x69, 0x69, 0x69]),
    format(51, "DSD_U16_BE", Code::Dsd, &[0x69, 0x69]),
    format(52, "DSD_U32_BE", Code::Dsd, &[0x69, 0x69, 0x69, 0x69]),
];

impl Format {
    /// The format with ALSA's number `number`; `None` if it is not one of [`FORMATS`].
    pub fn from_number(number: u32) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.number == number)
    }

    /// A sample of silence.
    pub fn silence(&self) -> &[u8] {
        &self.silence[..usize::from(self.bytes)]
    }
}

/// ALSA's bit mask (`SNDRV_PCM_FMTBIT_*`) of [`FORMATS`].
pub const fn mask() -> u64 {
    let mut mask = 0;
    let mut i = 0;
    while i < FORMATS.len() {
        mask |= 1 << FORMATS[i].number;
        i += 1;
    }
    mask
}

/// A format whose silence is all zeros.
const fn zero(number: u32, name: &'static str, code: Code, bytes: u8) -> Format {
    Format {
        number,
        name,
        bytes,
        silence: [0; 8],
        code,
        big_endian: is_big(name),
    }
}

/// Whether a format's name says that it is big endian: it ends in `BE`.
const fn is_big(name: &str) -> bool {
    let name = name.as_bytes();
    name[name.len() - 2] == b'B' && name[name.len() - 1] == b'E'
}

/// A format whose silence is `sample`.
const fn format(number: u32, name: &'static str, code: Code, sample: &[u8]) -> Format {
    let mut silence = [0; 8];
    let mut i = 0;
    while i < sample.len() {
        silence[i] = sample[i];
        i += 1;
    }
    Format {
        number,
        name,
        bytes: sample.len() as u8,
        silence,
        code,
        big_endian: is_big(name),
    }
}
