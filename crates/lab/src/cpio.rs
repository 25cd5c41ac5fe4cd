// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writes cpio archives in the kernel's "newc" format.
//!
//! Everything belongs to root and is of the epoch, so that the same content
//! gives the same archive, whoever makes it.
//!
//! Not by the kernel's `usr/gen_init_cpio`: its list of files can't name one with a space, as 16 files of
//! alsa-ucm-conf have, and it would need a compiler and a kernel's sources before the first root file system. The
//! walk through a tree, which is most of this, is needed for such a list as well. Nor by `cpio`, which archives
//! files as they are: an ordinary user can make no device node to be archived, and times would have to be set.

use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use walkdir::WalkDir;

use crate::error::{AtPath as _, Error, Result};

const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_000;
const CHARACTER: u32 = 0o020_000;

/// An archive that is being written.
pub struct Archive<W: Write> {
    out: W,
    written: usize,
    inode: u32,
}

impl<W: Write> Archive<W> {
    /// An archive with nothing in it.
    pub fn new(out: W) -> Self {
        Self {
            out,
            written: 0,
            inode: 0,
        }
    }

    /// Adds a directory; its parents have to be there already.
    pub fn directory(&mut self, name: &str) -> io::Result<()> {
        self.entry(name.as_bytes(), DIRECTORY | 0o755, (0, 0), b"")
    }

    /// Adds a file with the permissions `mode`.
    pub fn file(&mut self, name: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        self.entry(name.as_bytes(), REGULAR | mode, (0, 0), content)
    }

    /// Adds a symbolic link.
    pub fn symlink(&mut self, name: &str, target: &str) -> io::Result<()> {
        self.entry(name.as_bytes(), SYMLINK | 0o777, (0, 0), target.as_bytes())
    }

    /// Adds a character device.
    pub fn device(&mut self, name: &str, major: u32, minor: u32) -> io::Result<()> {
        self.entry(name.as_bytes(), CHARACTER | 0o600, (major, minor), b"")
    }

    /// Adds all that is below `dir` and that `keep` (given the path below
    /// `dir`) wants, in the order of the names. Device nodes are left out.
    pub fn tree(&mut self, dir: &Path, keep: impl Fn(&Path) -> bool) -> Result<()> {
        let walk = WalkDir::new(dir)
            .min_depth(1)
            .sort_by_file_name()
            .into_iter()
            .filter_entry(|e| e.path().strip_prefix(dir).is_ok_and(&keep));
        for entry in walk {
            let entry = entry.map_err(|e| Error::BadFile {
                path: dir.to_path_buf(),
                problem: e.to_string(),
            })?;
            let path = entry.path();
            let name = path
                .strip_prefix(dir)
                .unwrap_or(path)
                .as_os_str()
                .as_bytes();
            let kind = entry.file_type();
            let mode = fs::symlink_metadata(path).at(path)?.permissions().mode() & 0o7777;
            if kind.is_dir() {
                self.entry(name, DIRECTORY | mode, (0, 0), b"").at(path)?;
            } else if kind.is_symlink() {
                let target = fs::read_link(path).at(path)?;
                let target = target.as_os_str().as_bytes();
                self.entry(name, SYMLINK | 0o777, (0, 0), target).at(path)?;
            } else if kind.is_file() {
                let content = fs::read(path).at(path)?;
                self.entry(name, REGULAR | mode, (0, 0), &content)
                    .at(path)?;
            }
        }
        Ok(())
    }

    /// Ends the archive, padded so that another may follow it.
    pub fn finish(mut self) -> io::Result<W> {
        self.entry(b"TRAILER!!!", 0, (0, 0), b"")?;
        let rest = self.written.next_multiple_of(512) - self.written;
        self.out.write_all(&vec![0; rest])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn entry(&mut self, name: &[u8], mode: u32, device: (u32, u32), data: &[u8]) -> io::Result<()> {
        let too_long = |_| io::Error::other("too long for a cpio archive");
        let size = u32::try_from(data.len()).map_err(too_long)?;
        let name_size = u32::try_from(name.len() + 1).map_err(too_long)?;
        self.inode += 1;
        let fields = [
            self.inode, mode, 0, 0, 1, 0, size, 0, 0, device.0, device.1, name_size, 0,
        ];
        let mut head = String::from("070701");
        for field in fields {
            head.push_str(&format!("{field:08X}"));
        }
        self.put(head.as_bytes())?;
        self.put(name)?;
        self.put(&[0])?;
        self.pad()?;
        self.put(data)?;
        self.pad()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len();
        self.out.write_all(bytes)
    }

    fn pad(&mut self) -> io::Result<()> {
        let rest = self.written.next_multiple_of(4) - self.written;
        self.put(&[0; 4][..rest])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_tree_gives_the_same_archive() {
        let archive = || {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join("b"), "two").unwrap();
            fs::write(dir.path().join("a"), "one").unwrap();
            std::os::unix::fs::symlink("a", dir.path().join("c")).unwrap();
            let mut archive = Archive::new(Vec::new());
            archive.tree(dir.path(), |_| true).unwrap();
            archive.finish().unwrap()
        };
        assert_eq!(archive(), archive());
    }

    #[test]
    fn the_layout_is_newc() {
        let mut archive = Archive::new(Vec::new());
        archive.file("f", 0o644, b"hello").unwrap();
        let bytes = archive.finish().unwrap();
        assert_eq!(bytes.len() % 512, 0);
        assert!(bytes.starts_with(b"070701" as &[u8]));
        // 110 bytes of header, the name with its zero: data at the next multiple of four.
        assert_eq!(&bytes[110..112], b"f\0");
        assert_eq!(&bytes[112..117], b"hello");
        assert_eq!(&bytes[120..126], b"070701");
    }

    #[test]
    fn what_is_not_kept_is_not_entered() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("doc")).unwrap();
        fs::write(dir.path().join("doc/x"), "x").unwrap();
        let mut archive = Archive::new(Vec::new());
        archive.tree(dir.path(), |p| !p.starts_with("doc")).unwrap();
        let bytes = archive.finish().unwrap();
        assert!(!bytes.windows(3).any(|w| w == b"doc"));
    }
}
