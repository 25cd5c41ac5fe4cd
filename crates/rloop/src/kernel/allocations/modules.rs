// SPDX-License-Identifier: MIT OR Apache-2.0

//! Modules: where in the kernel's memory their code is, and their files.

use std::fs::{self, File};
use std::ops::Range;
use std::path::PathBuf;
use std::process::Command;

use rig::verdict::{Problem, Verdict, skip};

/// As far on both sides of the modules that are there another may be loaded.
const MARGIN: u64 = 64 << 20;

/// Addresses between which there is all the modules' code, and none of the kernel's own.
///
/// # Errors
/// What can't be read.
pub fn range() -> Result<Range<u64>, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
    find(&read("/proc/modules")?, &read("/proc/kallsyms")?)
        .ok_or("/proc/modules has no addresses, or /proc/kallsyms has none: needs root".to_owned())
}

/// Addresses between which there is all the code of `module`, as the kernel calls it.
///
/// # Errors
/// What can't be read; if it is not loaded.
pub fn range_of(module: &str) -> Result<Range<u64>, String> {
    let modules = fs::read_to_string("/proc/modules").map_err(|e| format!("/proc/modules: {e}"))?;
    find_one(&modules, module)
        .ok_or_else(|| format!("/proc/modules has no address of {module}: needs root"))
}

fn find_one(modules: &str, module: &str) -> Option<Range<u64>> {
    let mut lines = modules.lines().map(|line| line.split_whitespace());
    let mut line = lines.find(|words| words.clone().next() == Some(module))?;
    // Its size is that of all of its parts; the code is the first of them.
    let size: u64 = line.nth(1)?.parse().ok()?;
    let start = address(line.nth(3)?)?;
    Some(start..start.saturating_add(size))
}

fn find(modules: &str, symbols: &str) -> Option<Range<u64>> {
    let addresses = modules
        .lines()
        .filter_map(|line| address(line.split_whitespace().nth(5)?));
    let (low, high) = addresses.fold((u64::MAX, 0), |(low, high), address| {
        (low.min(address), high.max(address))
    });
    let symbol = |name: &str| {
        let mut words = symbols.lines().map(|line| line.split_whitespace());
        let mut line = words.find(|words| words.clone().nth(2) == Some(name))?;
        address(line.next()?)
    };
    let kernel = symbol("_stext")?..symbol("_etext")?;
    if low > high {
        return None;
    }
    let around = low.saturating_sub(MARGIN)..high.saturating_add(MARGIN);
    Some(if low >= kernel.end {
        around.start.max(kernel.end)..around.end
    } else {
        around.start..around.end.min(kernel.start)
    })
}

/// The file of the module `name`, to load it from.
///
/// # Errors
/// A reason to skip if it can't be loaded as it is.
pub fn module_file(name: &str) -> Verdict<File> {
    let found = Command::new("modinfo").args(["-n", name]).output();
    let path = found.map_err(|e| Problem::Skipped(format!("modinfo: {e}")))?;
    let path = PathBuf::from(String::from_utf8_lossy(&path.stdout).trim());
    if path.extension().is_none_or(|extension| extension != "ko") {
        return skip(format!("{} is no plain file of a module", path.display()));
    }
    File::open(&path).map_err(|e| Problem::Failed(format!("{}: {e}", path.display())))
}

/// An address, unless it is one that is kept from whoever asks.
fn address(text: &str) -> Option<u64> {
    let address = u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()?;
    (address != 0).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_before_the_kernel_and_behind_it() {
        let modules = "snd_rloop 1 0 - Live 0xffff800079000000 (O)\n\
                       snd 2 1 snd_rloop, Live 0xffff800079100000\n";
        let behind = "ffff800040000000 T _stext\nffff800041000000 D _etext\n";
        assert_eq!(
            find(modules, behind),
            Some(0xffff_8000_7500_0000..0xffff_8000_7d10_0000)
        );
        let before = "ffff80007a000000 T _stext\nffff80007b000000 D _etext\n";
        assert_eq!(
            find(modules, before),
            Some(0xffff_8000_7500_0000..0xffff_8000_7a00_0000)
        );
    }

    #[test]
    fn one_module_of_several() {
        let modules = "snd_rloop 4096 0 - Live 0xffff800079000000 (O)\n\
                       snd 8192 1 snd_rloop, Live 0xffff800079100000\n";
        let of = |module| find_one(modules, module);
        assert_eq!(
            of("snd"),
            Some(0xffff_8000_7910_0000..0xffff_8000_7910_2000)
        );
        assert_eq!(of("rloop"), None);
        assert_eq!(
            find_one("snd 8192 0 - Live 0x0000000000000000\n", "snd"),
            None
        );
    }

    #[test]
    fn addresses_that_are_kept_back_are_none() {
        let modules = "snd_rloop 1 0 - Live 0x0000000000000000 (O)\n";
        let kernel = "0000000000000000 T _stext\n0000000000000000 D _etext\n";
        assert_eq!(find(modules, kernel), None);
        assert_eq!(find("", kernel), None);
    }
}
