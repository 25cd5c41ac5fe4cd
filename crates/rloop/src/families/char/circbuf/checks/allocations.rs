// SPDX-License-Identifier: MIT OR Apache-2.0

//! Each allocation in the kernel fails once.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail};
use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, pipe, splice};
use rustix::system::{delete_module, finit_module};

use super::{Plain, joined};
use crate::families::char::circbuf::device::{Device, State};
use crate::families::char::circbuf::sys::Taken;
use crate::families::char::circbuf::{Context, DRIVER, NODE};
use crate::kernel::allocations::{Failure, Injection, at, module_file};

pub const CHECKS: &[Plain] = &[
    (
        "allocations/buffer",
        "no memory",
        "each allocation of a buffer that is made, opened, written, read, spliced and removed fails once: ENOMEM, and nothing is left",
        buffer,
    ),
    (
        "allocations/module",
        "no memory",
        "each allocation of loading the module fails once, and a program that opens the node as soon as it is there opens none of a module that can't be loaded",
        module,
    ),
];

/// Lets each allocation of `attempt` fail once.
fn each(
    context: &mut Context,
    injection: &Injection,
    what: &str,
    attempt: impl FnMut() -> Result<(), Failure>,
) -> Verdict {
    let done = injection.each(&context.watchdog, what, 1, attempt);
    let (failed, harmless) = done.map_err(|e| Problem::Failed(format!("{what}: {e}")))?;
    context.note(format!(
        "{what}: {failed} allocations, {harmless} of no consequence"
    ));
    ensure(failed > 0, || format!("{what}: no allocation has failed"))
}

/// Makes allocations fail; the module must be there, whose place in memory is looked up.
fn injection() -> Verdict<Injection> {
    Injection::new().map_err(Problem::Failed)
}

/// A call that failed.
fn failed(what: &'static str) -> impl Fn(Errno) -> Failure {
    move |error| Failure {
        errno: error.raw_os_error(),
        what: format!("{what}: {error}"),
    }
}

/// Turns a buffer on, and does what a program does with it.
fn use_buffer(dir: &Path, node: &Path) -> Result<(), Failure> {
    for (file, value) in [("buffer_size", "8192"), ("overwrite", "1"), ("enable", "1")] {
        let path = dir.join(file);
        fs::write(&path, value).map_err(at(&path))?;
    }
    let mut options = File::options();
    let mut file = options
        .read(true)
        .write(true)
        .open(node)
        .map_err(at(node))?;
    // Memory that is not there yet, and more than fits.
    let memory = Taken::new(20_480).map_err(at(node))?;
    for _ in 0..2 {
        memory.write(&file).map_err(at(node))?;
    }
    file.read_exact(&mut [0; 4_096]).map_err(at(node))?;
    let (from, to) = pipe().map_err(failed("pipe"))?;
    let none = SpliceFlags::empty();
    splice(&file, None, &to, None, 4_096, none).map_err(failed("splice to a pipe"))?;
    splice(&from, None, &file, None, 4_096, none).map_err(failed("splice from a pipe"))?;
    file.write_all(&[1; 100]).map_err(at(node))?;
    State::of(&file).map(|_| ()).map_err(|problem| Failure {
        errno: libc::ENOMEM,
        what: problem.to_string(),
    })
}

fn buffer(context: &mut Context) -> Verdict {
    let name = "allocations";
    let (device, dir) = (
        Device::made_as(name),
        Path::new("/sys/kernel/config").join(DRIVER).join(name),
    );
    each(context, &injection()?, "a buffer", || {
        fs::create_dir(&dir).map_err(at(&dir))?;
        let used = use_buffer(&dir, &device.node());
        let enable = dir.join("enable");
        let off = fs::write(&enable, "0").map_err(at(&enable));
        let removed = fs::remove_dir(&dir).map_err(at(&dir));
        used.and(off).and(removed)?;
        match device.is_there() {
            false => Ok(()),
            true => Err(Failure {
                errno: 0,
                what: "the node is still there".to_owned(),
            }),
        }
    })
}

/// Loads the module, while a program opens its node as soon as it is there. Whether that has opened one, and what
/// loading gave.
fn load(file: &File) -> Verdict<(bool, Result<(), Errno>)> {
    let over = Arc::new(AtomicBool::new(false));
    let opener = thread::spawn({
        let over = Arc::clone(&over);
        move || -> Verdict<Option<File>> {
            let mut options = File::options();
            options.read(true).write(true);
            while !over.load(Ordering::Relaxed) {
                if let Ok(mut file) = options.open(NODE) {
                    while !over.load(Ordering::Relaxed) {
                        thread::yield_now();
                    }
                    // Of a module that has gone this would be no call of its.
                    let _ = file.write(&[1]);
                    return Ok(Some(file));
                }
            }
            Ok(None)
        }
    });
    let loaded = finit_module(file, c"", 0);
    over.store(true, Ordering::Relaxed);
    let opened = joined(opener)?;
    Ok((opened.is_some(), loaded))
}

fn module(context: &mut Context) -> Verdict {
    let file = module_file(DRIVER)?;
    let name = CString::new(DRIVER).map_err(|e| Problem::Failed(e.to_string()))?;
    let injection = injection()?;
    let unload = || delete_module(&name, libc::O_NONBLOCK).map_err(failed("delete_module"));
    unload().map_err(|e| Problem::Failed(e.what))?;
    let (mut early, mut while_loaded) = (0, 0);
    let came = each(context, &injection, "the module", || {
        let (opened, loaded) = load(&file).map_err(|problem| Failure {
            errno: 0,
            what: problem.to_string(),
        })?;
        match loaded {
            Ok(()) => while_loaded += u32::from(opened),
            Err(_) => early += u32::from(opened),
        }
        loaded.map_err(failed("finit_module"))?;
        unload()
    });
    if let Err(error) = finit_module(&file, c"", 0) {
        return fail(format!("finit_module: {error}"));
    }
    came?;
    context.note(format!("opened {while_loaded} times while it was loaded"));
    ensure(early == 0, || {
        format!("{early} times the node of a module was opened that then could not be loaded")
    })?;
    ensure(while_loaded > 0, || {
        "the node was never opened while the module was loaded".to_owned()
    })
}
