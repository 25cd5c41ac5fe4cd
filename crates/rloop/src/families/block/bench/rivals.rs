// SPDX-License-Identifier: MIT OR Apache-2.0

//! The disks that are measured: how each is made, and goes again. None of them was there before, so that nobody's data
//! are touched.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};

use super::super::vblk::device::Made;
use super::on_file::Loop;
use crate::families::measured::Module;

/// The size of each disk in MiB.
pub const MIB: u64 = 1_024;
/// The parameters of brd for one such disk, in KiB.
const BRD: [&str; 2] = ["rd_nr=1", "rd_size=1048576"];
/// null_blk's directory in configfs.
const NULL_BLK: &str = "/sys/kernel/config/nullb";
/// Where zram's disks are made.
const ZRAM: &str = "/sys/class/zram-control";

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rival {
    Vblk,
    Brd,
    NullBlk,
    Zram,
    Loop,
    /// null_blk that stores nothing: what it takes is the block layer's.
    Nothing,
}

impl Rival {
    /// All of them, ours first.
    pub const ALL: [Self; 6] = [
        Self::Vblk,
        Self::Brd,
        Self::NullBlk,
        Self::Zram,
        Self::Loop,
        Self::Nothing,
    ];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vblk => "vblk",
            Self::Brd => "brd",
            Self::NullBlk => "null_blk",
            Self::Zram => "zram",
            Self::Loop => "loop on tmpfs",
            Self::Nothing => "null_blk, no memory",
        }
    }

    /// Loads its module, if it needs one. With brd's come disks, which must not be somebody's.
    fn module(self) -> Result<Option<Module>, String> {
        Ok(match self {
            Self::Vblk => None,
            Self::Brd if Module::is_there("brd") => {
                return Err("brd is there already, and so are others' disks".to_owned());
            }
            Self::Brd => Some(Module::load("brd", &BRD)?),
            Self::NullBlk | Self::Nothing => Some(Module::load("null_blk", &["nr_devices=0"])?),
            Self::Zram => Some(Module::load("zram", &["num_devices=0"])?),
            Self::Loop => Some(Module::load("loop", &[])?),
        })
    }
}

fn write(path: impl AsRef<Path>, text: &str) -> Result<(), String> {
    let path = path.as_ref();
    fs::write(path, text).map_err(|e| format!("write {}: {e}", path.display()))
}

/// What there is to a disk, and has to go with it.
enum Kept {
    Vblk { _made: Made },
    NullBlk(PathBuf),
    Zram(String),
    Loop { _made: Loop },
    Nothing,
}

/// A disk of [`MIB`] MiB. Dropping this removes it.
pub struct Disk {
    /// Its node.
    pub node: PathBuf,
    // In this order they go.
    _kept: Kept,
    _module: Option<Module>,
}

impl Disk {
    /// Makes one.
    ///
    /// # Errors
    /// Why there is none.
    pub fn of(rival: Rival) -> Result<Self, String> {
        let module = rival.module()?;
        let (node, kept) = match rival {
            Rival::Vblk => {
                let size = MIB.to_string();
                let made = Made::named("bench", &[("disk_size_mb", &size)]);
                let made = made.map_err(|problem| problem.to_string())?;
                (made.device.node(), Kept::Vblk { _made: made })
            }
            Rival::Brd => ("/dev/ram0".into(), Kept::Nothing),
            Rival::NullBlk => null_blk(true)?,
            Rival::Zram => zram()?,
            Rival::Loop => on_tmpfs()?,
            Rival::Nothing => null_blk(false)?,
        };
        // devtmpfs makes nodes in a thread of its own.
        for _ in 0..100 {
            if node.exists() {
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(Self {
            node,
            _kept: kept,
            _module: module,
        })
    }
}

fn null_blk(stores: bool) -> Result<(PathBuf, Kept), String> {
    let name = "rloop-bench";
    let dir = Path::new(NULL_BLK).join(name);
    fs::create_dir(&dir).map_err(|e| format!("mkdir {}: {e}", dir.display()))?;
    let kept = Kept::NullBlk(dir.clone());
    let stores = if stores { "1" } else { "0" };
    let parameters = [
        ("size", MIB.to_string().as_str()),
        ("blocksize", "512"),
        // Requests end at once.
        ("irqmode", "0"),
        ("memory_backed", stores),
        ("discard", stores),
        ("power", "1"),
    ]
    .map(|(file, value)| write(dir.join(file), value));
    parameters.into_iter().collect::<Result<(), _>>()?;
    Ok((Path::new("/dev").join(name), kept))
}

fn zram() -> Result<(PathBuf, Kept), String> {
    let path = Path::new(ZRAM).join("hot_add");
    let number = fs::read_to_string(&path).map_err(|e| format!("read {}: {e}", path.display()))?;
    let name = format!("zram{}", number.trim());
    let kept = Kept::Zram(number.trim().to_owned());
    write(
        Path::new("/sys/block").join(&name).join("disksize"),
        &(MIB << 20).to_string(),
    )?;
    Ok((Path::new("/dev").join(name), kept))
}

fn on_tmpfs() -> Result<(PathBuf, Kept), String> {
    let why = |error| format!("a file in memory as a disk: {error}");
    let file = memfd_create("rloop-bench", MemfdFlags::CLOEXEC);
    let file = File::from(file.map_err(|e| why(e.into()))?);
    file.set_len(MIB << 20).map_err(why)?;
    let made = Loop::of(&file).map_err(why)?;
    Ok((made.node.clone(), Kept::Loop { _made: made }))
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = match self {
            Self::Vblk { .. } | Self::Loop { .. } | Self::Nothing => Ok(()),
            Self::NullBlk(dir) => {
                let off = write(dir.join("power"), "0");
                let _ = fs::remove_dir(dir);
                off
            }
            Self::Zram(number) => write(Path::new(ZRAM).join("hot_remove"), number),
        };
    }
}
