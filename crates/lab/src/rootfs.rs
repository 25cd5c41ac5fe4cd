// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's root file system: a few of Debian's packages as a cpio archive.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use crate::arch::Arch;
use crate::cache::{Key, Making};
use crate::context::Context;
use crate::cpio::Archive;
use crate::debian::RELEASE;
use crate::debootstrap::Debootstrap;
use crate::error::{AtPath as _, Result};
use crate::sandbox;
use crate::ui::Step;

/// To be raised when the way of making it changes.
const REVISION: &str = "2";

/// What a root file system holds.
pub struct Contents<'a> {
    /// The part of its name that tells it apart from the plain one; empty for that.
    suffix: &'static str,
    /// Packages beside those of the plain one.
    more: &'a [&'a str],
    /// Whether it has what only programs of more packages load, such as Python.
    whole: bool,
    /// Memory that a guest needs for it, in MiB.
    pub memory: u32,
}

impl<'a> Contents<'a> {
    /// With the packages `more`, and what these load.
    pub const fn with(more: &'a [&'a str]) -> Self {
        Self {
            suffix: "-more",
            more,
            whole: true,
            memory: PLAIN.memory,
        }
    }
}

/// What most jobs need.
pub const PLAIN: Contents<'static> = Contents {
    suffix: "",
    more: &[],
    whole: false,
    memory: 1024,
};

/// With sound servers, and with what finds and initialises cards for them.
pub const SERVERS: Contents<'static> = Contents {
    suffix: "-servers",
    whole: false,
    more: &[
        "alsa-ucm-conf",
        "dbus",
        "dbus-daemon",
        "pipewire",
        "pipewire-bin",
        "pulseaudio",
        "pulseaudio-utils",
        "udev",
        "wireplumber",
    ],
    memory: 2048,
};

const PACKAGES: &[&str] = &[
    // busybox's shell runs its own modprobe, whatever PATH says; users have kmod's.
    "bash",
    "busybox-static",
    "dash",
    "kmod",
    "libc6",
    "libgcc-s1",
    // cyclictest, for `rloop bench`.
    "rt-tests",
    "strace",
];

/// What no guest needs of those packages; it only makes the boot longer.
const DROPPED: &[&str] = &[
    "dev",
    "etc/apt",
    "etc/dpkg",
    "etc/hostname",
    "etc/resolv.conf",
    // The kernel's names of devices that no guest has.
    "usr/lib/udev/hwdb.d",
    "usr/share/bash-completion",
    "usr/share/bug",
    "usr/share/doc",
    "usr/share/fonts",
    "usr/share/icons",
    "usr/share/info",
    "usr/share/iso-codes",
    "usr/share/lintian",
    "usr/share/locale",
    "usr/share/man",
    "usr/share/mime",
    "usr/share/perl",
    "usr/share/perl5",
    "usr/share/X11",
    "usr/share/xml",
    "usr/share/zsh",
    "var/cache",
    "var/lib/apt",
    "var/lib/dpkg",
];
/// Some of rt-tests' programs are Python's; cyclictest is not.
const PYTHON: &[&str] = &[
    "usr/bin/python3.13",
    "usr/lib/python3",
    "usr/lib/python3.13",
];
/// Parts of libraries' names that only programs of more packages load.
const SPARE_LIBRARIES: &[&str] = &[
    "engines-3",
    "ossl-modules",
    "libssl",
    "libxml",
    // Python's.
    "libpython",
    "libsqlite3",
];
/// Parts of libraries' names that no program here loads.
const DROPPED_LIBRARIES: &[&str] = &[
    "gconv",
    "libfftw3f_omp",
    "libfftw3f_threads",
    // What stress-ng would draw with.
    "libEGL_mesa",
    "libgallium",
    "libLLVM",
    "libz3",
    // Of the sound servers: FFmpeg, other sound servers, and what shows pictures.
    "libaom",
    "libavcodec",
    "libavutil",
    "libcairo",
    "libcodec2",
    "libdav1d",
    "libffado",
    "libfreetype",
    "libgiomm",
    "libglibmm",
    "libgst",
    "libharfbuzz",
    "libhwy",
    "libjack",
    "libjxl",
    "libpixman",
    "librav1e",
    "libroc",
    "librsvg",
    "libSvtAv1Enc",
    "libvpx",
    "libwebrtc",
    "libx264",
    "libx265",
];

/// Links and directories that the packages' scripts would have made.
const LINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
];
const DIRECTORIES: &[&str] = &[
    "dev",
    "mnt",
    "mnt/share",
    "proc",
    "root",
    "run",
    "sys",
    "usr/local",
    "usr/local/bin",
];
const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nmessagebus:x:100:107::/:/bin/sh\n\
     nobody:x:65534:65534:nobody:/:/bin/sh\n";
/// With those that udev's rules name.
const GROUP: &str = "root:x:0:\ntty:x:5:\ndisk:x:6:\nlp:x:7:\nkmem:x:15:\ndialout:x:20:\ncdrom:x:24:\n\
     tape:x:26:\naudio:x:29:\nvideo:x:44:\nsgx:x:104:\ninput:x:105:\nkvm:x:106:\nmessagebus:x:107:\n\
     render:x:108:\nnogroup:x:65534:\n";

/// The archive of `contents` for `arch`, made on first use.
pub fn get(context: &Context, arch: Arch, contents: &Contents<'_>) -> Result<PathBuf> {
    let mut key = Key::default().with(REVISION).with(RELEASE);
    let drivers = context.drivers.iter().flat_map(|d| &d.packages);
    let mut packages: Vec<&str> = drivers
        .map(String::as_str)
        .chain(PACKAGES.iter().copied())
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages.extend(contents.more);
    for text in packages.iter().chain(DROPPED).chain(DROPPED_LIBRARIES) {
        key = key.with(text);
    }
    if !contents.whole {
        for text in PYTHON.iter().chain(SPARE_LIBRARIES) {
            key = key.with(text);
        }
    }
    let label = format!("{arch}{}", contents.suffix);
    let name = format!("rootfs-{label}-{}", key.hex());
    let entry = context.cache.entry(&name, Making::Anew, |at| {
        let step = Step::new(format!("root file system for {label}"));
        let files = at.with_extension("packages");
        sandbox::remove(&files)?;
        let fetch = Debootstrap {
            what: "fetching the root file system's packages",
            variant: "extract",
            architectures: arch.facts().debian,
            packages: &packages,
            backports: false,
        };
        let result = fetch
            .command(&files, context)?
            .run(&step, &context.paths.log(&format!("rootfs-{label}")))
            .and_then(|()| pack(&files, contents.whole, &at.join("rootfs.cpio")));
        sandbox::remove(&files)?;
        result?;
        step.ok();
        Ok(())
    })?;
    Ok(entry.join("rootfs.cpio"))
}

fn pack(from: &Path, whole: bool, to: &Path) -> Result<()> {
    let file = File::create(to).at(to)?;
    let mut archive = Archive::new(BufWriter::new(file));
    archive.tree(from, |path| wanted(path, whole))?;
    (|| {
        for (name, target) in LINKS {
            if from.join(name).symlink_metadata().is_err() {
                archive.symlink(name, target)?;
            }
        }
        for name in DIRECTORIES {
            archive.directory(name)?;
        }
        archive.device("dev/console", 5, 1)?;
        archive.device("dev/null", 1, 3)?;
        archive.file("etc/passwd", 0o644, PASSWD.as_bytes())?;
        archive.file("etc/group", 0o644, GROUP.as_bytes())?;
        archive.finish()?.into_inner()?.sync_all()
    })()
    .at(to)
}

fn wanted(path: &Path, whole: bool) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let one_of = |dirs: &[&str], libraries: &[&str]| {
        dirs.iter().any(|dir| path.starts_with(dir))
            || path.starts_with("usr/lib") && libraries.iter().any(|part| name.starts_with(part))
    };
    !one_of(DROPPED, DROPPED_LIBRARIES) && (whole || !one_of(PYTHON, SPARE_LIBRARIES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_kept_and_documentation_is_not() {
        let plain = |path| wanted(Path::new(path), false);
        assert!(plain("usr/share/sounds/alsa/Front_Center.wav"));
        assert!(plain("usr/lib/aarch64-linux-gnu/libc.so.6"));
        assert!(!plain("usr/share/doc/kmod"));
        assert!(!plain("usr/lib/aarch64-linux-gnu/libx265.so.215"));
        assert!(!plain("usr/lib/aarch64-linux-gnu/libssl.so.3"));
        assert!(!plain("usr/lib/python3.13/os.py"));
    }

    #[test]
    fn what_more_packages_load_is_kept_for_them() {
        let whole = |path| wanted(Path::new(path), true);
        assert!(whole("usr/lib/aarch64-linux-gnu/libssl.so.3"));
        assert!(whole("usr/lib/python3.13/os.py"));
        assert!(!whole("usr/share/doc/kmod"));
    }
}
