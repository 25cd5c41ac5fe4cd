// SPDX-License-Identifier: MIT OR Apache-2.0
//! The drivers, as their `drivers/NAME/manifest.toml` describe them; docs/write-a-driver.md says what each key means.

mod file;
mod judge;

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use lab::arch::Arch;
use lab::board::Board;
use lab::driver::Driver;
use lab::error::{AtPath as _, Error, Result};
use lab::guest::Extras;
use lab::kernel::Flavour;
use lab::paths::Paths;

pub(crate) use judge::{Judge, Kselftest, NotOk};

/// The layer's list of all drivers.
pub(crate) const LIST: &str = "meta-rloop/conf/fragments/rloop/family.conf";

/// A driver, and what is done with it.
pub(crate) struct Manifest {
    /// What it is, in a line.
    pub(crate) summary: String,
    /// What of `rloop verify` is for it.
    pub(crate) family: Family,
    /// Its folder, module and needs.
    pub(crate) driver: Driver,
    /// The script of its folder that `cargo xtask demo` runs in a guest.
    pub(crate) demo: Option<PathBuf>,
    /// The same for `cargo xtask bench`.
    pub(crate) bench: Option<PathBuf>,
    /// Its steps of the tests.
    pub(crate) runs: Vec<Run>,
}

impl Manifest {
    /// The programs of others that its runs have, each once.
    fn others(&self) -> Vec<PathBuf> {
        let folders = self.runs.iter().flat_map(|run| &run.others);
        let mut others: Vec<PathBuf> = folders.map(|f| self.driver.dir.join(f)).collect();
        others.sort();
        others.dedup();
        others
    }
}

/// The kernel's subsystem that a driver is for, as `rloop verify FAMILY` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub(crate) enum Family {
    Sound,
    Char,
    Block,
    Net,
    Pci,
    Virtio,
}

/// One guest: a step of the tests.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    /// Its name, after the driver's.
    pub(crate) name: String,
    /// The machines that it runs on; none is the first that is tested.
    #[serde(default)]
    pub(crate) arches: Vec<Arch>,
    /// The boards that it runs on besides, with a kernel for these. It takes long there.
    #[serde(default)]
    pub(crate) boards: Vec<Board>,
    /// The architectures of 32 bits by whose programs it is run besides, on kernels of 64. These are fetched and built
    /// for that alone.
    #[serde(default)]
    pub(crate) compat: Vec<Arch>,
    /// With what checks its kernel is built.
    #[serde(default)]
    kernel: Checked,
    /// How its time passes.
    #[serde(default)]
    pub(crate) time: Time,
    /// How many processors it has in real time.
    processors: Option<u32>,
    /// When to give up, in seconds, beside what the user gives stress.
    #[serde(default = "ten_minutes")]
    pub(crate) timeout: u64,
    /// Whether it takes more than five minutes from nothing, for a kernel of its own or by itself.
    #[serde(default)]
    pub(crate) long: bool,
    /// Commands of the shell that come right before `verify` or `script`.
    #[serde(default)]
    pub(crate) setup: String,
    /// The module's parameters, for `verify`.
    #[serde(default)]
    pub(crate) parameters: String,
    /// Arguments of `rloop verify`, between loading the module and unloading it.
    pub(crate) verify: Option<String>,
    /// The beginnings of the names of checks of `rloop verify` that it is made for: they must not be skipped.
    #[serde(default)]
    pub(crate) tried: Vec<String>,
    /// A script of the driver's folder, which does all of it; or a page, whose examples are run.
    pub(crate) script: Option<PathBuf>,
    /// Whether the whole space of `rloop verify` is tried where the user wants that.
    #[serde(default)]
    pub(crate) full: bool,
    /// Files that it finds in /mnt/share/files, as paths from the repository's root.
    #[serde(default)]
    pub(crate) files: Vec<PathBuf>,
    /// Programs of others in it: folders of the driver's, each a crate with a lock file of its own.
    #[serde(default)]
    pub(crate) others: Vec<PathBuf>,
    /// What is in its root file system.
    #[serde(default)]
    pub(crate) rootfs: Root,
    /// Debian packages in it besides, which no other run's guest gets.
    #[serde(default)]
    pub(crate) packages: Vec<String>,
    /// Files and folders of the kernel's sources that it finds in /mnt/share/files/linux.
    #[serde(default)]
    pub(crate) tree: Vec<PathBuf>,
    /// Programs of the kernel's own tests, FOLDER/PROGRAM, which are compiled, and there in their places.
    #[serde(default)]
    pub(crate) selftests: Vec<String>,
    /// Arguments for the kernel.
    #[serde(default)]
    pub(crate) append: String,
    /// What its machine has besides.
    #[serde(default)]
    pub(crate) qemu: Extras,
    /// Whether it has no share before it has ended.
    #[serde(default)]
    pub(crate) sealed: bool,
    /// What of the kernel's log is looked at.
    #[serde(default)]
    pub(crate) log: Log,
    /// Who on the host looks at what it has left.
    pub(crate) judge: Option<Judge>,
}

impl Run {
    /// With what checks its kernel is built.
    pub(crate) fn flavour(&self) -> Flavour {
        match self.kernel {
            Checked::Plain => Flavour::Plain,
            Checked::Rt => Flavour::Rt,
            Checked::Debug => Flavour::Debug,
            Checked::Kcsan => Flavour::Kcsan,
            Checked::Suites => Flavour::Suites,
            Checked::Sparse => Flavour::Sparse,
            Checked::Pages16k => Flavour::Pages16k,
            Checked::Pages64k => Flavour::Pages64k,
        }
    }

    /// How many processors it has.
    pub(crate) fn processors(&self) -> u32 {
        match self.time {
            Time::Counted => 1,
            Time::Real => self.processors.unwrap_or(PROCESSORS),
        }
    }
}

fn ten_minutes() -> u64 {
    600
}

/// How many processors a guest has in real time, unless its run says otherwise; and the most.
const PROCESSORS: u32 = 2;
const PROCESSORS_MAX: u32 = 8;

/// The kernels that runs can have.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Checked {
    #[default]
    Plain,
    Rt,
    Debug,
    Kcsan,
    Suites,
    Sparse,
    #[serde(rename = "pages-16k")]
    Pages16k,
    #[serde(rename = "pages-64k")]
    Pages64k,
}

/// How the time of a guest passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Time {
    /// With the instructions of one processor: whatever is judged by time is judged here.
    #[default]
    Counted,
    /// As the host's, on processors that race. Other steps go on beside it, so nothing may be judged by how much of
    /// the host the guest gets.
    Real,
}

/// A root file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Root {
    /// What most runs need.
    #[default]
    Plain,
    /// With sound servers.
    Servers,
}

/// What of the kernel's log is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Log {
    /// All of it.
    #[default]
    Whole,
    /// All but what the kernel itself says of allocations that were made to fail.
    FailedAllocations,
    /// All but the data races of others.
    OthersRaces,
}

/// All drivers, by name: the folders of drivers/ that have a manifest.
///
/// # Errors
///
/// [`Error::BadFile`] for a manifest that can't be.
pub(crate) fn all(paths: &Paths) -> Result<Vec<Manifest>> {
    of(&paths.drivers())
}

/// The drivers of a directory like drivers/.
pub(crate) fn of(drivers: &Path) -> Result<Vec<Manifest>> {
    let mut dirs: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(drivers).at(drivers)? {
        let dir = entry.at(drivers)?.path();
        if dir.join("manifest.toml").is_file() {
            dirs.push(dir);
        }
    }
    dirs.sort();
    dirs.iter().map(|dir| file::read(dir)).collect()
}

/// A driver, and a script of its folder.
pub(crate) struct Shown<'a> {
    /// The driver.
    pub(crate) driver: &'a Driver,
    /// Where the script is.
    pub(crate) script: PathBuf,
    /// Where the programs of others are that the driver's runs have.
    pub(crate) others: Vec<PathBuf>,
}

/// What `cargo xtask demo` shows, and `vm` unless it is told; or what it shows of `virtio`.
pub(crate) fn demo(all: &[Manifest], virtio: bool) -> Result<Shown<'_>> {
    only(all, "the key `demo` of drivers/*/manifest.toml", |m| {
        let asked = (m.family == Family::Virtio) == virtio;
        m.demo.as_deref().filter(|_| asked)
    })
}

/// What `cargo xtask bench` measures.
pub(crate) fn bench(all: &[Manifest]) -> Result<Shown<'_>> {
    only(all, "the key `bench` of drivers/*/manifest.toml", |m| {
        m.bench.as_deref()
    })
}

/// The one driver that has such a script.
///
/// # Errors
///
/// [`Error::BadInput`] where none or several have one.
fn only<'a>(
    all: &'a [Manifest],
    what: &'static str,
    script: impl Fn(&Manifest) -> Option<&Path>,
) -> Result<Shown<'a>> {
    let with: Vec<_> = all.iter().filter(|m| script(m).is_some()).collect();
    let shown = match with.as_slice() {
        [one] => script(one).map(|script| Shown {
            driver: &one.driver,
            script: one.driver.dir.join(script),
            others: one.others(),
        }),
        _ => None,
    };
    shown.ok_or_else(|| {
        let names: Vec<String> = with.iter().map(|m| m.driver.name()).collect();
        Error::BadInput {
            what,
            given: names.join(", "),
            allowed: "in the manifest of one driver".into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use lab::kernel::Flavour;

    use super::*;

    const HEAD: &str = "summary = \"x\"\nmodule = \"x\"\nfamily = \"char\"\n";

    fn of(runs: &str) -> std::result::Result<Manifest, String> {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("x");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("s.sh"), "").unwrap();
        fs::write(dir.join("manifest.toml"), format!("{HEAD}{runs}")).unwrap();
        file::read(&dir).map_err(|e| e.to_string())
    }

    #[test]
    fn what_is_left_out_is_as_most_runs_are() {
        let manifest = of("[[run]]\nname = \"a\"\nverify = \"--faults\"\n").unwrap();
        let run = &manifest.runs[0];
        assert_eq!(run.flavour(), Flavour::Plain);
        assert_eq!(
            (run.time, run.timeout, run.long),
            (Time::Counted, 600, false)
        );
        assert_eq!(run.processors(), 1);
        assert_eq!(run.verify.as_deref(), Some("--faults"));
    }

    #[test]
    fn what_can_t_be_is_told() {
        let error = |runs: &str| of(runs).err().unwrap();
        let run = |keys: &str| error(&format!("[[run]]\nname = \"a\"\n{keys}\n"));
        assert!(run("").ends_with("the run a: has either `verify` or `script`"));
        assert!(run("verify = \"\"\nscript = \"s.sh\"").ends_with("or `script`"));
        assert!(run("script = \"t.sh\"").ends_with("script = \"t.sh\" is not there"));
        assert!(
            run("script = \"s.sh\"\nkernel = \"fast\"")
                .contains("`kcsan`, `suites`, `sparse`, `pages-16k`, `pages-64k`")
        );
        assert!(run("script = \"s.sh\"\nspeed = 1").contains("speed"));
        assert!(run("verify = \"\"\nprocessors = 4").ends_with("counted time has one"));
        assert!(run("verify = \"\"\ntime = \"real\"\nprocessors = 9").ends_with("is 1 to 8"));
        assert!(
            run("verify = \"\"\nboards = [\"uefi\"]\nkernel = \"debug\"")
                .ends_with("`boards` have a kernel of their own")
        );
        assert!(
            run("script = \"s.sh\"\nboards = [\"uefi\"]\nsealed = true")
                .ends_with("`sealed` is not for `boards`")
        );
        assert!(run("verify = \"\"\nboards = [\"pdp-11\"]").contains("`raspi4b`"));
        assert!(
            run("script = \"s.sh\"\nrootfs = \"servers\"\npackages = [\"fio\"]")
                .ends_with("the run a: `packages` are for the root file system `plain`")
        );
        assert!(
            run("verify = \"\"\ncompat = [\"riscv64\"]")
                .ends_with("the run a: compat = \"riscv64\" can't be used; allowed: arm, i386")
        );
        assert!(
            run("verify = \"\"\ncompat = [\"arm\"]\nkernel = \"debug\"")
                .ends_with("`compat` chooses the kernel itself")
        );
        assert!(
            run("script = \"s.sh\"\ncompat = [\"arm\"]\nselftests = [\"net/x\"]")
                .ends_with("the kernel's tests are not built for `compat`")
        );
        let own = "can't be used; allowed: aarch64, x86_64, arm, riscv64";
        assert!(run("verify = \"\"\narches = [\"i386\"]").ends_with(own));
        assert!(error("arches = [\"i386\"]\n").ends_with(own));
        assert!(error("demo = \"t.sh\"\n").ends_with("demo = \"t.sh\" is not there"));
        let one = "[[run]]\nname = \"a\"\nverify = \"\"\n";
        assert!(error(&one.repeat(2)).ends_with("the run a is there twice"));
    }

    #[test]
    fn one_driver_is_shown() {
        let (with, without) = (of("demo = \"s.sh\"\n").unwrap(), of("").unwrap());
        let all = [without, with];
        assert!(demo(&all, false).unwrap().script.ends_with("x/s.sh"));
        assert!(bench(&all).is_err() && demo(&all[..1], false).is_err());
        let twice = [
            of("demo = \"s.sh\"\n").unwrap(),
            of("demo = \"s.sh\"\n").unwrap(),
        ];
        assert_eq!(
            demo(&twice, false).err().unwrap().to_string(),
            "the key `demo` of drivers/*/manifest.toml: `x, x` can't be used; allowed: in the manifest of one driver"
        );
    }

    #[test]
    fn the_manifests_of_this_checkout_are_sound() {
        let all = all(&Paths::find().unwrap()).unwrap();
        demo(&all, false).unwrap();
        demo(&all, true).unwrap();
        bench(&all).unwrap();
    }
}
