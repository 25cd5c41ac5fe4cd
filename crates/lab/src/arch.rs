// SPDX-License-Identifier: MIT OR Apache-2.0
//! The architectures of the guest, and what each is called by whom.

use std::fmt;

use crate::kernel::Flavour;

/// An architecture that modules, or only programs, are built for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// 64-bit Arm.
    Aarch64,
    /// 64-bit x86.
    #[value(name = "x86_64")]
    #[serde(rename = "x86_64")]
    X86_64,
    /// 32-bit Arm, of version 7.
    Arm,
    /// 64-bit RISC-V.
    Riscv64,
    /// 32-bit x86: of programs alone, as Linux has no Rust for it.
    #[value(skip)]
    I386,
}

/// What compiles the kernel and its modules. The toolchain root is amd64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compiler {
    /// GCC, with this before its programs' names (`CROSS_COMPILE=`).
    Gcc(&'static str),
    /// Clang and its linker, which are the same for all architectures.
    Llvm,
}

/// All that is different from one architecture to the other.
#[derive(Debug)]
pub struct Facts {
    /// The name in file names and on the command line.
    pub name: &'static str,
    /// Debian's name.
    pub debian: &'static str,
    /// The kernel's name, for `ARCH=`.
    pub kernel: &'static str,
    /// Rust's triple.
    pub rust: &'static str,
    /// GCC's and Debian's triple, which directories of libraries are called by.
    pub gnu: &'static str,
    /// What its kernel is compiled by.
    pub compiler: Compiler,
    /// The make target of the bootable image.
    pub image_target: &'static str,
    /// Where the bootable image is in a build directory.
    pub image: &'static str,
    /// QEMU's program.
    pub qemu: &'static str,
    /// The board, as QEMU's `-machine` takes it.
    pub board: &'static str,
    /// The processor, as QEMU's `-cpu` takes it, where QEMU translates.
    pub processor: &'static str,
    /// The serial console's device in the guest.
    pub console: &'static str,
    /// Whether its board has a parallel port to be brought.
    pub parallel: bool,
    /// Whether the tests have it unasked; else only `--all` and `--arch` do, as its kernel is one more to build.
    pub ordinary: bool,
    /// The architecture of 64 bits that runs its programs, too, and the kernel that is built so.
    pub wider: Option<(Arch, Flavour)>,
}

const AARCH64: Facts = Facts {
    name: "aarch64",
    debian: "arm64",
    kernel: "arm64",
    rust: "aarch64-unknown-linux-gnu",
    gnu: "aarch64-linux-gnu",
    compiler: Compiler::Gcc("aarch64-linux-gnu-"),
    image_target: "Image",
    image: "arch/arm64/boot/Image",
    qemu: "qemu-system-aarch64",
    // Linux warns of a PCI window above 4 GiB, which nothing here needs.
    board: "virt,highmem-mmio=off",
    // QEMU's own pointer authentication takes a fifth of the time of Arm's.
    processor: "max,pauth-impdef=on",
    console: "ttyAMA0",
    parallel: false,
    ordinary: true,
    wider: None,
};

const X86_64: Facts = Facts {
    name: "x86_64",
    debian: "amd64",
    kernel: "x86_64",
    rust: "x86_64-unknown-linux-gnu",
    gnu: "x86_64-linux-gnu",
    compiler: Compiler::Gcc(""),
    image_target: "bzImage",
    image: "arch/x86/boot/bzImage",
    qemu: "qemu-system-x86_64",
    board: "q35",
    // In counted time an instruction that moves a string counts once for each byte of it.
    processor: "max,erms=off,fsrm=off,fsrs=off",
    console: "ttyS0",
    parallel: true,
    ordinary: true,
    wider: None,
};

const ARM: Facts = Facts {
    name: "arm",
    debian: "armhf",
    kernel: "arm",
    rust: "armv7-unknown-linux-gnueabihf",
    gnu: "arm-linux-gnueabihf",
    compiler: Compiler::Llvm,
    image_target: "zImage",
    image: "arch/arm/boot/zImage",
    qemu: "qemu-system-arm",
    // A kernel with 32-bit page tables reaches nothing above 4 GiB.
    board: "virt,highmem=off",
    processor: "cortex-a15",
    console: "ttyAMA0",
    parallel: false,
    ordinary: false,
    wider: Some((Arch::Aarch64, Flavour::Suites)),
};

const RISCV64: Facts = Facts {
    name: "riscv64",
    debian: "riscv64",
    kernel: "riscv",
    rust: "riscv64gc-unknown-linux-gnu",
    gnu: "riscv64-linux-gnu",
    compiler: Compiler::Llvm,
    image_target: "Image",
    image: "arch/riscv/boot/Image",
    qemu: "qemu-system-riscv64",
    board: "virt",
    processor: "rv64",
    console: "ttyS0",
    parallel: false,
    ordinary: false,
    wider: None,
};

const I386: Facts = Facts {
    name: "i386",
    debian: "i386",
    kernel: "i386",
    rust: "i686-unknown-linux-gnu",
    gnu: "i386-linux-gnu",
    compiler: Compiler::Llvm,
    qemu: "qemu-system-i386",
    ordinary: false,
    wider: Some((Arch::X86_64, Flavour::Plain)),
    ..X86_64
};

impl Arch {
    /// All that modules are built for.
    pub const ALL: [Self; 4] = [Self::Aarch64, Self::X86_64, Self::Arm, Self::Riscv64];

    /// What it is called, built by and run on.
    pub const fn facts(self) -> &'static Facts {
        match self {
            Self::Aarch64 => &AARCH64,
            Self::X86_64 => &X86_64,
            Self::Arm => &ARM,
            Self::Riscv64 => &RISCV64,
            Self::I386 => &I386,
        }
    }

    /// Whether this machine could run it under KVM.
    pub fn is_host(self) -> bool {
        std::env::consts::ARCH == self.facts().name
    }
}

impl Facts {
    /// Where pkg-config finds the libraries for it below `root`, for `PKG_CONFIG_LIBDIR`.
    pub fn pkg_config(&self, root: &str) -> String {
        format!(
            "{root}/usr/lib/{}/pkgconfig:{root}/usr/share/pkgconfig",
            self.gnu
        )
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.facts().name)
    }
}
