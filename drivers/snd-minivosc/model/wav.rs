// SPDX-License-Identifier: GPL-2.0-only OR MIT

//! WAV files, as far as one is needed that holds a turn of a waveform.

/// The most bytes of a file that are read.
pub const FILE_MAX: usize = 1 << 20;

/// What a file must be.
pub const ALLOWED: &str = "a WAV file of 8, 16, 24 or 32 bits PCM, with one frame or more";

/// Samples in a WAV file: those of the first channel.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    data: &'a [u8],
    /// Bytes of a frame, and of a sample.
    frame: usize,
    bytes: usize,
}

impl<'a> Samples<'a> {
    /// Reads the chunks of a file. Those that are not needed are skipped, and a `data` chunk that is longer than the
    /// file, as a program writes it that does not know the length in advance, ends with the file.
    ///
    /// # Errors
    ///
    /// What the file must be.
    pub fn read(file: &'a [u8]) -> Result<Self, &'static str> {
        Self::chunks(file).ok_or(ALLOWED)
    }

    fn chunks(file: &'a [u8]) -> Option<Self> {
        let mut rest = file.strip_prefix(b"RIFF")?.get(4..)?;
        rest = rest.strip_prefix(b"WAVE")?;
        let mut layout = None;
        loop {
            let (name, body) = rest.split_first_chunk::<4>()?;
            let (size, body) = body.split_first_chunk::<4>()?;
            let size = u32::from_le_bytes(*size) as usize;
            let chunk = body.get(..size).unwrap_or(body);
            match name {
                b"fmt " => layout = Some(layout_of(chunk)?),
                b"data" => {
                    let (frame, bytes) = layout?;
                    let data = chunk.get(..chunk.len() - chunk.len().checked_rem(frame)?)?;
                    return (!data.is_empty()).then_some(Self { data, frame, bytes });
                }
                _ => {}
            }
            // Chunks begin at even places.
            rest = body.get(size.checked_next_multiple_of(2)?..)?;
        }
    }

    /// The samples, full scale being the range of the type.
    pub fn values(self) -> impl Iterator<Item = i32> + 'a {
        let frames = self.data.chunks_exact(self.frame.max(1));
        frames.map(move |frame| {
            // From the highest byte down.
            let sample = frame.iter().take(self.bytes).rev().zip([24, 16, 8, 0]);
            let value = sample.fold(0, |value, (byte, place)| {
                value | (u32::from(*byte) << place)
            });
            // Those of a byte have no sign.
            (value ^ if self.bytes == 1 { 1 << 31 } else { 0 }) as i32
        })
    }
}

/// Bytes of a frame and of a sample.
fn layout_of(chunk: &[u8]) -> Option<(usize, usize)> {
    const PCM: u16 = 1;
    const EXTENSIBLE: u16 = 0xfffe;
    let field = |at: usize| Some(u16::from_le_bytes([*chunk.get(at)?, *chunk.get(at + 1)?]));
    let kind = match field(0)? {
        EXTENSIBLE => field(24)?,
        kind => kind,
    };
    let (channels, frame, bits) = (field(2)?, field(12)?, field(14)?);
    let bytes = bits / 8;
    let known = kind == PCM && bits % 8 == 0 && (1..=4).contains(&bytes) && channels > 0;
    let whole = u32::from(frame) == u32::from(channels) * u32::from(bytes);
    (known && whole).then_some((frame.into(), bytes.into()))
}
