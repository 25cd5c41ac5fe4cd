// SPDX-License-Identifier: MIT OR Apache-2.0

//! Whatever the kernel needs memory for may fail: then it says ENOMEM, and has left nothing.
//!
//! That nothing is left, a next try that succeeds shows only in part. Run with `kmemleak=on`, a kernel knows
//! more.

use std::ffi::CString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use alsa::ctl::{Ctl, ElemType, ElemValue};
use rustix::system::{delete_module, finit_module};

use crate::alsa::pcm::{Address, Config, Direction, Pcm, Stop};
use crate::families::sound::loopback::elements::{filled, id};
use crate::families::sound::loopback::{self, Cable, Driver};
use crate::families::sound::snd_rloop::context::{Context, Plain};
use crate::kernel::allocations::{Failure, Injection, at, module_file};
use rig::run::Context as _;
use rig::verdict::{Problem, Verdict, ensure, fail, skip};

pub const CHECKS: &[Plain] = &[
    (
        "allocations/streams",
        "no memory",
        "each allocation of streams that are opened, set up, linked, run, drained, prepared anew and closed fails once",
        streams,
    ),
    (
        "allocations/control",
        "no memory",
        "each allocation of a control device that is opened, read, written and listened to fails once",
        control,
    ),
    (
        "allocations/delay",
        "no memory",
        "each allocation of a delay that is made longer and shorter under a running player fails once",
        delay,
    ),
    (
        "allocations/proc",
        "no memory",
        "each allocation of the cables' files and of a timer_source that is set fails once",
        proc,
    ),
    (
        "allocations/configfs",
        "no memory",
        "each allocation of a card that is made, used and removed at run time fails once",
        configfs,
    ),
    (
        "allocations/module",
        "no memory",
        "each allocation of the module when it is loaded fails once, and some of those for cards; afterwards it is loaded \
         without parameters",
        module,
    ),
];

/// Lets each allocation of `attempt` fail once.
fn each(
    context: &mut Context,
    what: &str,
    attempt: impl FnMut() -> Result<(), Failure>,
) -> Verdict {
    each_of(context, what, 1, attempt)
}

/// Lets one of `step` allocations of `attempt` fail once.
fn each_of(
    context: &mut Context,
    what: &str,
    step: usize,
    attempt: impl FnMut() -> Result<(), Failure>,
) -> Verdict {
    if context.card.driver != Driver::SndRloop {
        return skip("only snd-rloop is tried");
    }
    let injection = Injection::new().map_err(Problem::Failed)?;
    let (failed, harmless) = injection
        .each(&context.watchdog, what, step, attempt)
        .map_err(|e| Problem::Failed(format!("{what}: {e}")))?;
    ensure(failed > 0, || format!("{what}: no allocation has failed"))?;
    context.note(format!(
        "{what}: {failed} allocations, {harmless} of no consequence"
    ));
    Ok(())
}

/// Short buffers: what fails is to be the driver's, not each page of a buffer. How late the machine is does not
/// matter.
fn short() -> Config {
    Config {
        channels: 1,
        stop: Stop::Never,
        ..Config::default().with_buffer(128, 4)
    }
}

/// Opens a device as it is, for what the kernel says of it.
fn open(path: &str) -> Result<(), Failure> {
    let mut options = File::options();
    options.read(true).write(true);
    options.open(path).map_err(at(Path::new(path)))?;
    Ok(())
}

fn play(cable: &Cable) -> Result<(), Failure> {
    let config = short();
    let longer = config.with_buffer(256, 8);
    let mut player = Pcm::open(cable.playback)?;
    let mut recorder = Pcm::open(cable.capture)?;
    for config in [config, longer] {
        player.configure(&config)?;
        recorder.configure(&config)?;
        player.link(&recorder)?;
        let mut data = [0; 512];
        player.write(&data)?;
        player.start()?;
        player.snapshot()?;
        recorder.avail()?;
        recorder.read(&mut data)?;
        player.unlink()?;
        player.begin_drain()?;
        for pcm in [&mut recorder, &mut player] {
            pcm.stop()?;
            pcm.prepare()?;
            pcm.hw_free()?;
        }
    }
    Ok(())
}

/// A stream that could not be prepared anew is not prepared: what is written to it could never be played out.
fn prepare_again(cable: &Cable) -> Result<(), Failure> {
    let config = Config {
        period_wakeup: false,
        ..short()
    };
    let mut player = Pcm::open(cable.playback)?;
    player.configure(&config)?;
    // Attempts differ by an allocation or two, so that the last one of all may be missed.
    let again = (0..4).try_for_each(|_| player.prepare());
    if player.write(&[0; 512]).is_ok() {
        player.drain_watched()?;
    }
    Ok(again?)
}

fn streams(context: &mut Context) -> Verdict {
    let cable = context.cable();
    for (end, letter) in [(cable.playback, 'p'), (cable.capture, 'c')] {
        let path = format!("/dev/snd/pcmC{}D{}{letter}", end.card, end.device);
        each(context, &path, || open(&path))?;
    }
    each(context, "streams", || play(&cable))?;
    each(context, "another prepare", || prepare_again(&cable))
}

/// The element that every cable has.
const DELAY: &str = "Cable Delay";

/// Values of the delay of `cable`, to be written.
fn delays<const N: usize>(cable: &Cable, values: [i32; N]) -> Verdict<Vec<ElemValue>> {
    let id = id(DELAY, cable.playback)?;
    let value = |number: &i32| filled(&id, ElemType::Integer, *number, DELAY);
    values.iter().map(value).collect()
}

fn control(context: &mut Context) -> Verdict {
    let name = format!("hw:{}", context.card.index);
    let path = format!("/dev/snd/controlC{}", context.card.index);
    each(context, &path, || {
        open(&path).map_err(|failure| match failure.errno {
            // What ALSA makes of it (`snd_ctl_open` in `sound/core/control.c`).
            libc::ENODEV => Failure {
                errno: libc::ENOMEM,
                ..failure
            },
            _ => failure,
        })
    })?;
    let mut delays = delays(&context.cable(), [1, 2, 0])?;
    each(context, "control device", || {
        let ctl = Ctl::new(&name, true)?;
        ctl.card_info()?;
        ctl.subscribe_events(true)?;
        ctl.elem_list()?;
        for delay in &mut delays {
            ctl.elem_write(delay)?;
            ctl.elem_read(delay)?;
        }
        // An event for which there was no memory does not come; one may have been written over.
        while let Ok(Some(_)) = ctl.read() {}
        Ok(())
    })
}

fn delay(context: &mut Context) -> Verdict {
    let name = format!("hw:{}", context.card.index);
    let cable = context.cable();
    let (none, some) = (delays(&cable, [0])?, delays(&cable, [100, 5_000, 50, 1])?);
    each(context, "delay", || {
        let ctl = Ctl::new(&name, true)?;
        let attempt = || -> Result<(), Failure> {
            let mut player = Pcm::open(cable.playback)?;
            player.configure(&short())?;
            player.write(&[0; 256])?;
            player.start()?;
            for delay in &some {
                ctl.elem_write(delay)?;
            }
            player.stop()?;
            player.prepare()?;
            Ok(())
        };
        let result = attempt();
        for delay in &none {
            ctl.elem_write(delay)?;
        }
        result
    })
}

fn proc(context: &mut Context) -> Verdict {
    let cable = context.cable();
    let number = context.card.cable_number(&cable);
    let status = context.card.proc_file(&format!("cable#{number}"));
    let source = context.card.proc_file("timer_source");
    let read = |path: &Path| fs::read_to_string(path).map_err(at(path));
    let before = read(&source).map_err(|e| Problem::Failed(e.what))?;
    // A timer that is there to be listened to.
    let others = loopback::all().map_err(|e| Problem::Failed(e.to_string()))?;
    let other = others.iter().find(|card| card.index != context.card.index);
    let timer = other.map_or("-1.0.0".to_owned(), |card| format!("{}.0.0", card.index));
    let write = |text: &str| fs::write(&source, text).map_err(at(&source));
    let result = each(context, "proc", || {
        let _player = Pcm::open(cable.playback)?;
        read(&status)?;
        read(&source)?;
        write("jiffies")?;
        write(&timer)
    });
    write(&before).map_err(|e| Problem::Failed(e.what))?;
    result
}

/// What the failure to make a card is. ALSA does not look whether it could name a device, and then can't
/// register one without a name: that is EINVAL.
fn made(failure: Failure) -> Failure {
    match failure.errno {
        libc::EINVAL => Failure {
            errno: libc::ENOMEM,
            ..failure
        },
        _ => failure,
    }
}

/// A card's directory, which is not left behind.
struct Directory(PathBuf);

impl Directory {
    fn new(path: &Path) -> Result<Self, Failure> {
        fs::create_dir(path).map_err(at(path))?;
        Ok(Self(path.to_owned()))
    }

    fn set(&self, attribute: &str, value: &str) -> Result<(), Failure> {
        let path = self.0.join(attribute);
        fs::write(&path, value).map_err(at(&path))
    }

    fn number(&self) -> Result<u32, Failure> {
        let path = self.0.join("card");
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        text.trim().parse().map_err(|_| Failure {
            errno: libc::EIO,
            what: format!("{}: \"{}\" is no number", path.display(), text.trim()),
        })
    }

    fn remove(self) -> Result<(), Failure> {
        self.set("enable", "0")?;
        fs::remove_dir(&self.0).map_err(at(&self.0))
    }
}

fn configfs(context: &mut Context) -> Verdict {
    let path = Path::new("/sys/kernel/config/rloop/allocations");
    if !path.parent().is_some_and(Path::exists) {
        return skip("needs configfs, and root");
    }
    // It has all that a card of another topology has.
    let topology = "crossed";
    each(context, topology, || {
        let directory = Directory::new(path)?;
        let attempt = || -> Result<(), Failure> {
            directory.set("topology", topology)?;
            directory.set("pcm_substreams", "1")?;
            directory.set("enable", "1").map_err(made)?;
            let card = directory.number()?;
            let end = |device, direction| Address {
                card,
                device,
                subdevice: 0,
                direction,
            };
            let mut player = Pcm::open(end(0, Direction::Playback))?;
            let mut recorder = Pcm::open(end(1, Direction::Capture))?;
            player.configure(&short())?;
            recorder.configure(&short())?;
            Ok(())
        };
        let result = attempt();
        // Nothing fails any more if the attempt has: then this must succeed.
        match (&result, directory.remove()) {
            (Err(_), Err(failure)) => Err(Failure {
                errno: libc::EIO,
                ..failure
            }),
            (Ok(()), Err(failure)) => {
                // One that could not be removed for want of memory can be now.
                Directory(path.to_owned()).remove()?;
                Err(failure)
            }
            (_, Ok(())) => result,
        }
    })
}

const MODULE: &str = "snd_rloop";

fn module(context: &mut Context) -> Verdict {
    let file = module_file(MODULE)?;
    let name = CString::new(MODULE).map_err(|e| Problem::Failed(e.to_string()))?;
    let errno = |what: &'static str| {
        move |e: rustix::io::Errno| Failure {
            errno: e.raw_os_error(),
            what: format!("{what}: {e}"),
        }
    };
    let unload = || delete_module(&name, libc::O_NONBLOCK).map_err(errno("delete_module"));
    unload().map_err(|e| Problem::Failed(e.what))?;
    // How cards are made shows in configfs; here, that none of them is left when one can't be.
    for (parameters, step) in [
        (c"enable=0", 1),
        (c"enable=1,1 pcm_substreams=1,1 topology=cable,fanout", 7),
    ] {
        each_of(context, &parameters.to_string_lossy(), step, || {
            let loaded = finit_module(&file, parameters, 0);
            loaded.map_err(errno("finit_module")).map_err(made)?;
            unload()
        })?;
    }
    if let Err(failure) = finit_module(&file, c"", 0).map_err(errno("finit_module")) {
        return fail(failure.what);
    }
    Ok(())
}
