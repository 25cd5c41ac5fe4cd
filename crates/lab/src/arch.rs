// SPDX-License-Identifier: MIT OR Apache-2.0
//! The architectures of the guest, and what each is called by whom.

use std::fmt;

/// An architecture that the module is built for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum, serde::Deserialize,
)]
pub enum Arch {
    /// 64-bit Arm.
    #[value(name = "aarch64")]
    #[serde(rename = "aarch64")]
    Aarch64,
    /// 64-bit x86.
    #[value(name = "x86_64")]
    #[serde(rename = "x86_64")]
    X86_64,
}

impl Arch {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Aarch64, Self::X86_64];

    /// The name in file names and for QEMU.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64",
            Self::X86_64 => "x86_64",
        }
    }

    /// Debian's name.
    pub fn debian(self) -> &'static str {
        match self {
            Self::Aarch64 => "arm64",
            Self::X86_64 => "amd64",
        }
    }

    /// The kernel's name, for `ARCH=`.
    pub fn kernel(self) -> &'static str {
        match self {
            Self::Aarch64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// Rust's triple.
    pub fn rust(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }

    /// `CROSS_COMPILE=`; the toolchain root is amd64.
    pub fn cross(self) -> &'static str {
        match self {
            Self::Aarch64 => "aarch64-linux-gnu-",
            Self::X86_64 => "",
        }
    }

    /// Where pkg-config finds the libraries for it in the toolchain root, for `PKG_CONFIG_LIBDIR`.
    pub fn pkg_config(self) -> &'static str {
        match self {
            Self::Aarch64 => "/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig",
            Self::X86_64 => "/usr/lib/x86_64-linux-gnu/pkgconfig:/usr/share/pkgconfig",
        }
    }

    /// The make target of the bootable image.
    pub fn image_target(self) -> &'static str {
        match self {
            Self::Aarch64 => "Image",
            Self::X86_64 => "bzImage",
        }
    }

    /// Where the bootable image is in a build directory.
    pub fn image(self) -> &'static str {
        match self {
            Self::Aarch64 => "arch/arm64/boot/Image",
            Self::X86_64 => "arch/x86/boot/bzImage",
        }
    }

    /// The serial console's device in the guest.
    pub fn console(self) -> &'static str {
        match self {
            Self::Aarch64 => "ttyAMA0",
            Self::X86_64 => "ttyS0",
        }
    }

    /// Whether this machine could run it under KVM.
    pub fn is_host(self) -> bool {
        std::env::consts::ARCH == self.name()
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
