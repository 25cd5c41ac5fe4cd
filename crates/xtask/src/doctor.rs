// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask doctor`: what this host lacks, and how to get it.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::Access;

use lab::context::Context;
use lab::error::Result;
use lab::exec::Cmd;
use lab::fetched;
use lab::host;
use lab::kernel;
use lab::python;
use lab::sandbox;

/// What the cache takes, in GiB: toolchain, sources, and the kernels' builds.
const CACHE_GIB: u64 = 14;
/// What all tests leave in a checkout, in GiB.
const CHECKOUT_GIB: u64 = 10;
/// For the largest link and a guest with KASAN, in GiB.
const MEMORY_GIB: u64 = 4;
/// The oldest cargo that can build this workspace.
const CARGO: (u32, u32) = (1, 85);

/// How something is.
enum Finding {
    /// As it should be, with a remark.
    Good(String),
    /// It works without, but something is lost.
    Lesser(String),
    /// It doesn't work without; says how to get it.
    Missing(String),
}

/// Looks at everything; true when nothing is missing.
pub(crate) fn run(context: &Context) -> Result<bool> {
    let findings = [
        ("machine", machine()),
        ("fetched", fetched()),
        ("unshare", program("unshare", "util-linux")),
        ("setpriv", program("setpriv", "util-linux")),
        ("mount", program("mount", "mount")),
        ("name spaces", name_spaces()),
        ("git", git()),
        ("Debian mirror", mirror(context)),
        ("cargo", cargo()),
        ("cache", writable(context.cache.dir())),
        ("disk", disk(context.cache.dir(), &context.paths.work())),
        ("memory", memory()),
        ("KVM", kvm()),
    ];
    let mut good = true;
    for (what, finding) in findings {
        let (sign, text) = match finding {
            Finding::Good(text) => ("ok", text),
            Finding::Lesser(text) => ("note", text),
            Finding::Missing(text) => {
                good = false;
                ("MISS", text)
            }
        };
        println!("{sign:<5} {what:<14} {text}");
    }
    for name in kernel::cached(&context.cache) {
        println!("      {:<14} {name}", "");
    }
    println!(
        "{}",
        if good {
            "nothing is missing"
        } else {
            "something is missing"
        }
    );
    Ok(good)
}

fn machine() -> Finding {
    match std::env::consts::ARCH {
        "x86_64" => Finding::Good("x86_64".into()),
        other => Finding::Missing(format!(
            "{other}: the toolchain root is made of amd64 packages; use an x86_64 host"
        )),
    }
}

fn program(name: &str, package: &str) -> Finding {
    match Cmd::new(name, name).arg("--version").read() {
        Ok(text) => Finding::Good(text.lines().next().unwrap_or_default().to_owned()),
        Err(_) => Finding::Missing(format!("as root: apt-get install {package}")),
    }
}

/// Whether what every step does first works here.
fn name_spaces() -> Finding {
    let who = if sandbox::is_root() {
        "as root"
    } else {
        "as an ordinary user"
    };
    match sandbox::check() {
        Ok(()) => Finding::Good(format!("mounts and processes, {who}")),
        Err(e) => Finding::Missing(e.to_string()),
    }
}

fn git() -> Finding {
    match program("git", "git") {
        Finding::Missing(how) => Finding::Lesser(format!("{how}; only the layer's tests need it")),
        other => other,
    }
}

fn mirror(context: &Context) -> Finding {
    let url = match host::mirror(context.mirror.as_deref()) {
        Ok(url) => url,
        Err(e) => return Finding::Missing(e.to_string()),
    };
    match host::try_mirror(&url, &context.paths.work().join("release")) {
        Ok(()) => Finding::Good(url),
        Err(e) => Finding::Missing(format!("{e}; --mirror names another one")),
    }
}

/// What the host need not have.
fn fetched() -> Finding {
    let mut missing = fetched::missing();
    if !python::has_pip() {
        missing.push("python3-pip");
    }
    Finding::Good(match missing.as_slice() {
        [] => "nothing: mmdebstrap, Debian's keys and Python with pip are there".into(),
        missing => format!("{}, into the cache, when needed", missing.join(", ")),
    })
}

fn cargo() -> Finding {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let text = Cmd::new("cargo", cargo)
        .arg("--version")
        .read()
        .unwrap_or_default();
    let needed = format!(
        "{}.{} or newer is needed, from Debian or rustup",
        CARGO.0, CARGO.1
    );
    match version(&text) {
        Some(found) if found >= CARGO => Finding::Good(text.trim().to_owned()),
        Some(_) => Finding::Missing(format!("{} is too old: {needed}", text.trim())),
        None => Finding::Missing(format!("there is none: {needed}")),
    }
}

/// The first two numbers of `cargo 1.85.0 (…)`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A directory, or the one that it will be made in.
fn place(dir: &Path) -> &Path {
    dir.ancestors().find(|dir| dir.is_dir()).unwrap_or(dir)
}

fn writable(cache: &Path) -> Finding {
    let place = place(cache);
    match rustix::fs::access(place, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::Good(cache.display().to_string()),
        Err(e) => Finding::Missing(format!(
            "{}: {e}; RLOOP_CACHE names another place than {}",
            place.display(),
            cache.display()
        )),
    }
}

/// What is free at a place, and what is needed there.
struct Room<'a> {
    place: &'a Path,
    device: u64,
    free_gib: u64,
    needed_gib: u64,
}

/// Whether there is room for the cache and for `work`, where a checkout has what it builds; a quarter does for one that
/// has something already.
fn disk(cache: &Path, work: &Path) -> Finding {
    let mut rooms: Vec<Room<'_>> = Vec::new();
    let filled = |dir: &Path| fs::read_dir(dir).is_ok_and(|mut dir| dir.next().is_some());
    for (dir, used, gib) in [
        (cache, filled(cache), CACHE_GIB),
        (work, filled(&work.join("run")), CHECKOUT_GIB),
    ] {
        let needed_gib = if used { gib.div_ceil(4) } else { gib };
        let place = place(dir);
        let (Ok(stat), Ok(metadata)) = (rustix::fs::statvfs(place), place.metadata()) else {
            return Finding::Lesser(format!(
                "can't tell how much is free at {}",
                place.display()
            ));
        };
        let device = metadata.dev();
        let shared = rooms.iter_mut().find(|room| room.device == device);
        match shared {
            Some(room) => room.needed_gib += needed_gib,
            None => rooms.push(Room {
                place,
                device,
                free_gib: (stat.f_bavail * stat.f_frsize) >> 30,
                needed_gib,
            }),
        }
    }
    let text = |room: &Room<'_>| format!("{} GiB free at {}", room.free_gib, room.place.display());
    match rooms.iter().find(|room| room.free_gib < room.needed_gib) {
        None => Finding::Good(rooms.iter().map(text).collect::<Vec<_>>().join(", ")),
        Some(room) => Finding::Missing(format!(
            "{}; {} GiB are needed there (RLOOP_CACHE moves the cache)",
            text(room),
            room.needed_gib
        )),
    }
}

fn memory() -> Finding {
    match host::memory_gib() {
        Some(gib) if gib + 1 >= MEMORY_GIB => Finding::Good(format!("{gib} GiB")),
        Some(gib) => Finding::Missing(format!("{gib} GiB; {MEMORY_GIB} GiB are needed")),
        None => Finding::Lesser("can't tell how much there is".into()),
    }
}

fn kvm() -> Finding {
    match fs::File::options().read(true).write(true).open("/dev/kvm") {
        Ok(_) => Finding::Good(
            "/dev/kvm can be opened; whether guests really run is tried at the first boot".into(),
        ),
        Err(e) => Finding::Lesser(format!(
            "/dev/kvm: {e}; guests of this host's own architecture are only slower without"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(
            version("cargo 1.85.0 (d73d2caf9 2024-12-31)"),
            Some((1, 85))
        );
        assert_eq!(version(""), None);
    }
}
