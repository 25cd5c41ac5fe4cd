// SPDX-License-Identifier: MIT OR Apache-2.0
//! The boards that QEMU emulates, beside each architecture's own machine, and machines that UEFI boots.

use std::fmt;
use std::path::PathBuf;

use crate::arch::Arch;
use crate::cache::{Key, Making};
use crate::context::Context;
use crate::debian::RELEASE;
use crate::debootstrap::Debootstrap;
use crate::error::Result;
use crate::ui::Step;
use crate::{paths, sandbox};

/// What a board's firmware is called in the cache.
const FIRMWARE: &str = "firmware.fd";

/// A board.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Board {
    /// Raspberry Pi 4B.
    Raspi4b,
    /// NXP's i.MX 8M Plus EVK.
    Imx8mpEvk,
    /// Xunlong's Orange Pi PC.
    OrangepiPc,
    /// QEMU's own machine for 64-bit Arm, booted as servers and genericarm64's boards are.
    Uefi,
}

/// Who tells the kernel what the board is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Described {
    /// A device tree of the kernel's, as `make` takes it. The guest has no way to the host but its console: such a board
    /// has no virtio, and our kernel for it drives no PCI.
    ByTree(&'static str),
    /// UEFI, from this package of Debian's, in which this file is.
    ByFirmware {
        /// The package.
        package: &'static str,
        /// The file.
        file: &'static str,
    },
}

/// All that is different from one board to the other.
#[derive(Debug)]
pub struct Facts {
    /// The name in manifests and the names of steps.
    pub name: &'static str,
    /// Its architecture.
    pub arch: Arch,
    /// The board, as QEMU's `-machine` takes it.
    pub machine: &'static str,
    /// Its processor, as QEMU's `-cpu` takes it.
    pub processor: &'static str,
    /// How many of these it has, where that is given.
    pub processors: Option<u32>,
    /// Its memory in MiB, where that is given.
    pub memory: Option<u32>,
    /// The serial console's device in the guest.
    pub console: &'static str,
    /// How many of QEMU's serial ports come before the console's.
    pub ports_before: usize,
    /// Who describes it.
    pub described: Described,
}

const RASPI4B: Facts = Facts {
    name: "raspi4b",
    arch: Arch::Aarch64,
    machine: "raspi4b",
    processor: "cortex-a72",
    processors: Some(4),
    memory: Some(2048),
    console: "ttyAMA0",
    ports_before: 0,
    described: Described::ByTree("broadcom/bcm2711-rpi-4-b.dtb"),
};

const IMX8MP_EVK: Facts = Facts {
    name: "imx8mp-evk",
    arch: Arch::Aarch64,
    machine: "imx8mp-evk",
    processor: "cortex-a53",
    processors: Some(4),
    memory: None,
    console: "ttymxc1",
    ports_before: 1,
    described: Described::ByTree("freescale/imx8mp-evk.dtb"),
};

const ORANGEPI_PC: Facts = Facts {
    name: "orangepi-pc",
    arch: Arch::Arm,
    machine: "orangepi-pc",
    processor: "cortex-a7",
    processors: Some(4),
    memory: Some(1024),
    console: "ttyS0",
    ports_before: 0,
    described: Described::ByTree("allwinner/sun8i-h3-orangepi-pc.dtb"),
};

const UEFI: Facts = Facts {
    name: "uefi",
    arch: Arch::Aarch64,
    machine: Arch::Aarch64.facts().board,
    processor: Arch::Aarch64.facts().processor,
    processors: None,
    memory: None,
    console: Arch::Aarch64.facts().console,
    ports_before: 0,
    described: Described::ByFirmware {
        package: "qemu-efi-aarch64",
        file: "usr/share/qemu-efi-aarch64/QEMU_EFI.fd",
    },
};

impl Board {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Raspi4b, Self::Imx8mpEvk, Self::OrangepiPc, Self::Uefi];

    /// What it is called, and what it is made of.
    pub const fn facts(self) -> &'static Facts {
        match self {
            Self::Raspi4b => &RASPI4B,
            Self::Imx8mpEvk => &IMX8MP_EVK,
            Self::OrangepiPc => &ORANGEPI_PC,
            Self::Uefi => &UEFI,
        }
    }

    /// Its device tree, as the kernel's `make` takes it, if it has one.
    pub fn tree(self) -> Option<&'static str> {
        match self.facts().described {
            Described::ByTree(tree) => Some(tree),
            Described::ByFirmware { .. } => None,
        }
    }

    /// Its firmware, fetched on first use, if it has one.
    pub(crate) fn firmware(self, context: &Context) -> Result<Option<PathBuf>> {
        let Described::ByFirmware { package, file } = self.facts().described else {
            return Ok(None);
        };
        let key = Key::default().with(RELEASE).with(package).hex();
        let name = format!("firmware-{self}-{key}");
        let entry = context.cache.entry(&name, Making::Anew, |at| {
            let step = Step::new(format!("firmware for {self} (Debian's {package})"));
            // The package has more, a hundred times as large.
            let files = at.with_extension("packages");
            sandbox::remove(&files)?;
            let fetch = Debootstrap {
                what: "fetching the firmware",
                variant: "extract",
                architectures: "amd64",
                packages: &[package],
                backports: false,
            };
            let result = fetch
                .command(&files, context)?
                .run(&step, &context.paths.log(&format!("firmware-{self}")))
                .and_then(|()| paths::copy(&files.join(file), &at.join(FIRMWARE)));
            sandbox::remove(&files)?;
            result?;
            step.ok();
            Ok(())
        })?;
        Ok(Some(entry.join(FIRMWARE)))
    }
}

impl fmt::Display for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.facts().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_board_is_read_by_its_name() {
        for board in Board::ALL {
            let name = serde_json::json!(board.to_string());
            assert_eq!(serde_json::from_value::<Board>(name).unwrap(), board);
        }
    }
}
