// SPDX-License-Identifier: MIT OR Apache-2.0

//! Why a card can't be used, and what can be done about it. An error number alone names the wrong cause as often as not:
//! who may not look sees nothing, and what is hidden from a container is not missing.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::find::Seen;
use super::{Card, Driver};
use crate::error::Error;
use crate::pcm::{Address, AlsaError, Direction, errno_text};
use crate::root::Root;
use crate::substream;

/// How a container gets at sound devices.
const GIVE: &str = "where this is a container, give it the devices (--device /dev/snd)";

/// Why the device `path` of `card` can't be opened, which gave `errno`.
pub fn not_opened(root: &Root, card: &str, path: &Path, errno: i32) -> Error {
    let advice = match errno {
        libc::EACCES => match group_of(root, path) {
            Some(group) => format!("root may, and group {group}: run this as one of them"),
            None => "run this as root".to_owned(),
        },
        libc::EPERM => {
            format!("the system forbids it, as the device rules of containers do: {GIVE}")
        }
        libc::ENOENT if !path.exists() => GIVE.to_owned(),
        libc::ENOENT => {
            "alsa-lib's configuration is missing (/usr/share/alsa/alsa.conf, of Debian's \
             libasound2-data and OpenEmbedded's alsa-conf)"
                .to_owned()
        }
        libc::ENODEV | libc::ENXIO => {
            return Error::Gone {
                card: card.to_owned(),
                during: "meanwhile".to_owned(),
            };
        }
        _ => "the kernel's log may tell more (dmesg)".to_owned(),
    };
    Error::NotOpened {
        card: card.to_owned(),
        path: path.display().to_string(),
        why: errno_text(errno),
        advice,
    }
}

/// Why a stream of `card` can't be used.
pub fn not_usable(root: &Root, card: &Card, why: AlsaError) -> Error {
    let at = why.at;
    match why.errno {
        libc::EBUSY | libc::EAGAIN => Error::Busy {
            card: card.id.clone(),
            stream: at.to_string(),
            holder: holder(root, card.number, at),
        },
        libc::EACCES | libc::EPERM | libc::ENOENT | libc::ENODEV | libc::ENXIO => {
            let direction = match at.direction {
                Direction::Playback => 'p',
                Direction::Capture => 'c',
            };
            let node = format!("pcmC{}D{}{direction}", at.card, at.device);
            not_opened(root, &card.shown(), &root.devices().join(node), why.errno)
        }
        _ => Error::Alsa {
            card: card.id.clone(),
            why,
        },
    }
}

/// Who has the stream at `at` open, of the card that /proc knows by `number`.
pub fn holder(root: &Root, number: u32, at: Address) -> String {
    let owner = substream::read(&root.proc(), number, at).ok().flatten();
    match owner.map(|stream| stream.owner) {
        None => "another program".to_owned(),
        // Not one of this process name space.
        Some(0) => "a program outside of this container".to_owned(),
        Some(process) => {
            let name = fs::read_to_string(root.join(format!("proc/{process}/comm")));
            match name {
                Ok(name) => format!("{} (process {process})", name.trim()),
                Err(_) => format!("process {process}"),
            }
        }
    }
}

/// The group that a device belongs to, if that is not root's.
fn group_of(root: &Root, path: &Path) -> Option<String> {
    let gid = fs::metadata(path).ok()?.gid();
    if gid == 0 {
        return None;
    }
    let groups = fs::read_to_string(root.join("etc/group")).unwrap_or_default();
    let name = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == gid.to_string()).then(|| name.to_owned())
    });
    Some(name.unwrap_or(gid.to_string()))
}

/// A card that has no devices here.
pub(super) fn no_node(root: &Root, seen: &Seen) -> Error {
    let path = root.devices().join(format!("controlC{}", seen.index));
    not_opened(root, &seen.shown(), &path, libc::ENOENT)
}

/// A card that alsa-lib does not know.
pub(super) fn beyond(seen: &Seen, last: u32) -> Error {
    Error::NotOpened {
        card: seen.shown(),
        path: format!("hw:{}", seen.index),
        why: format!("alsa-lib knows no card beyond number {last}"),
        advice: "give it a lower number with index=".to_owned(),
    }
}

/// Why there is no card.
pub(super) fn no_card(root: &Root, seen: &[Seen]) -> Error {
    let modprobe = "`modprobe snd-rloop` makes one, as root".to_owned();
    let others: Vec<String> = seen
        .iter()
        .map(|seen| {
            let module = seen.module.as_deref().unwrap_or("an unknown driver");
            format!("{}, {module}", seen.shown())
        })
        .collect();
    let (found, advice) = if root.join("sys/module/snd_rloop").exists() {
        (
            "the module snd-rloop is loaded and has none now".to_owned(),
            "make one in /sys/kernel/config/rloop, or load the module anew with enable=1"
                .to_owned(),
        )
    } else if !others.is_empty() {
        (
            format!("there are only others here: {}", others.join("; ")),
            modprobe,
        )
    } else if root.proc().exists() || root.devices().exists() {
        ("there is no sound card at all here".to_owned(), modprobe)
    } else {
        (
            "there is neither /proc/asound nor /dev/snd here".to_owned(),
            format!("{modprobe}; {GIVE}"),
        )
    };
    Error::NoCard { found, advice }
}

/// Why a file of `card` in `/proc/asound` can't be read.
pub fn unread(root: &Root, card: &Card, path: &Path, error: io::Error) -> Error {
    if error.kind() != io::ErrorKind::NotFound {
        return Error::file(path)(error);
    }
    let proc = root.proc();
    let advice = if !proc.exists() {
        "there is no /proc/asound; the kernel has to have CONFIG_SND_PROC_FS"
    } else if proc.join(format!("card{}", card.number)).exists() {
        return Error::file(path)(error);
    } else if root
        .devices()
        .join(format!("controlC{}", card.index))
        .exists()
    {
        "/proc/asound is masked, as in containers; run this outside of the container, or let it see the files (docker: \
         --security-opt systempaths=unconfined, podman: --security-opt unmask=/proc/asound)"
    } else {
        return Error::Gone {
            card: card.shown(),
            during: "meanwhile".to_owned(),
        };
    };
    Error::Hidden {
        card: card.shown(),
        path: path.display().to_string(),
        advice: advice.to_owned(),
    }
}

/// Whether `card` can do wrong on demand.
///
/// # Errors
/// Why not.
pub fn faults(root: &Root, card: &Card) -> Result<(), Error> {
    let no = |why: String, advice: &str| {
        let advice = advice.to_owned();
        Err(Error::NoFaults { why, advice })
    };
    if card.driver != Driver::SndRloop {
        let why = format!("{} is one of {}", card.shown(), card.driver.name());
        return no(why, "only cards of snd-rloop do wrong on demand");
    }
    let debugfs = root.join("sys/kernel/debug");
    let dir = root.faults().join(format!("card{}", card.number));
    let shown = |path: &Path, e: &io::Error| format!("{} can't be read: {e}", path.display());
    match fs::read_dir(&debugfs).map(|mut entries| entries.next().is_none()) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
            return no(shown(&debugfs, &e), "run this as root");
        }
        Err(e) => {
            let advice = "the kernel has to have CONFIG_DEBUG_FS";
            return no(shown(&debugfs, &e), advice);
        }
        Ok(true) => {
            let why = format!("{} is empty", debugfs.display());
            return no(
                why,
                "`mount -t debugfs none /sys/kernel/debug` shows what is in it",
            );
        }
        Ok(false) => {}
    }
    match fs::read_dir(&dir) {
        Ok(_) => Ok(()),
        Err(e) => {
            let advice = "the module has to be built for a kernel with CONFIG_DEBUG_FS";
            no(shown(&dir, &e), advice)
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;
    use crate::card::Topology;

    /// A root directory of a test's own.
    pub(in crate::card) struct Fake(PathBuf);

    impl Fake {
        pub(in crate::card) fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("rloop-{}-{name}", std::process::id()));
            fs::create_dir_all(&dir).unwrap();
            Self(dir)
        }

        pub(in crate::card) fn root(&self) -> Root {
            Root::at(&self.0)
        }

        pub(in crate::card) fn dir(&self, path: &str) {
            fs::create_dir_all(self.0.join(path)).unwrap();
        }

        pub(in crate::card) fn file(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        pub(in crate::card) fn link(&self, path: &str, target: &str) {
            symlink(target, self.0.join(path)).unwrap();
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn card() -> Card {
        Card {
            index: 0,
            number: 0,
            id: "rloop".into(),
            name: "Virtual Loopback".into(),
            driver: Driver::SndRloop,
            topology: Topology::Cable,
            subdevices: 8,
            readers: 1,
        }
    }

    fn opening(fake: &Fake, errno: i32) -> String {
        let path = fake.root().devices().join("controlC0");
        let error = not_opened(&fake.root(), "card 0 (rloop)", &path, errno).to_string();
        error.replace(&fake.0.display().to_string(), "")
    }

    #[test]
    fn whoever_may_not_is_told_who_may() {
        let fake = Fake::new("denied");
        fake.file("dev/snd/controlC0", "");
        let path = fake.root().devices().join("controlC0");
        std::os::unix::fs::chown(&path, None, Some(29)).unwrap_or_default();
        fake.file("etc/group", "root:x:0:\naudio:x:29:\n");
        let text = opening(&fake, libc::EACCES);
        let who = match fs::metadata(&path).unwrap().gid() {
            29 => "root may, and group audio: run this as one of them",
            // An ordinary user can't give a file away.
            _ => "",
        };
        assert!(
            text.starts_with(
                "card 0 (rloop): /dev/snd/controlC0 can't be opened: Permission denied"
            ) && text.contains(who),
            "{text}"
        );
        assert!(opening(&fake, libc::EPERM).contains("device rules of containers"));
    }

    #[test]
    fn a_device_that_is_not_there_is_not_a_card_that_is_not_there() {
        let fake = Fake::new("absent");
        fake.dir("dev/snd");
        let text = opening(&fake, libc::ENOENT);
        assert!(text.ends_with("(--device /dev/snd)"), "{text}");
        // If it is there, alsa-lib has missed something else.
        fake.file("dev/snd/controlC0", "");
        let text = opening(&fake, libc::ENOENT);
        assert!(text.contains("alsa.conf"), "{text}");
        assert!(opening(&fake, libc::ENODEV).contains("has gone meanwhile"));
    }

    fn nothing(fake: &Fake, seen: &[Seen]) -> String {
        no_card(&fake.root(), seen).to_string()
    }

    #[test]
    fn no_card_is_not_no_sound_and_no_sound_is_not_no_module() {
        let fake = Fake::new("none");
        assert!(nothing(&fake, &[]).contains("neither /proc/asound nor /dev/snd"));
        fake.dir("proc/asound");
        assert!(nothing(&fake, &[]).contains("no sound card at all here"));
        let other = Seen {
            index: 0,
            id: Some("PCH".into()),
            module: Some("snd_hda_intel".into()),
            node: true,
        };
        let text = nothing(&fake, &[other]);
        assert!(text.contains("card 0 (PCH), snd_hda_intel"), "{text}");
        fake.dir("sys/module/snd_rloop");
        let text = nothing(&fake, &[]);
        assert!(text.contains("is loaded and has none now"), "{text}");
        assert!(!text.contains("modprobe"), "{text}");
    }

    fn busy(fake: &Fake) -> String {
        let at = card().cable(0, 3).playback;
        let why = AlsaError {
            call: "snd_pcm_open",
            at,
            errno: libc::EBUSY,
        };
        not_usable(&fake.root(), &card(), why).to_string()
    }

    #[test]
    fn who_has_a_stream_is_named() {
        let fake = Fake::new("busy");
        assert!(busy(&fake).contains("in use by another program"));
        let status = "proc/asound/card0/pcm0p/sub3/status";
        fake.file(status, "state: RUNNING\nowner_pid   : 77\n");
        assert!(busy(&fake).contains("in use by process 77"));
        fake.file("proc/77/comm", "pulseaudio\n");
        assert!(busy(&fake).contains("in use by pulseaudio (process 77)"));
        fake.file(status, "state: RUNNING\nowner_pid   : 0\n");
        assert!(busy(&fake).contains("outside of this container"));
    }

    fn reading(fake: &Fake) -> String {
        let path = fake.root().proc().join("card0/cable#0");
        let error = io::Error::from_raw_os_error(libc::ENOENT);
        unread(&fake.root(), &card(), &path, error).to_string()
    }

    #[test]
    fn what_is_hidden_is_not_missing() {
        let fake = Fake::new("masked");
        assert!(reading(&fake).contains("CONFIG_SND_PROC_FS"));
        fake.dir("proc/asound");
        assert!(reading(&fake).contains("has gone"));
        fake.file("dev/snd/controlC0", "");
        assert!(reading(&fake).contains("masked, as in containers"));
        fake.dir("proc/asound/card0");
        assert!(reading(&fake).ends_with("No such file or directory (os error 2)"));
    }

    #[test]
    fn what_faults_need_is_named() {
        let fake = Fake::new("faults");
        let why = |card: &Card| faults(&fake.root(), card).unwrap_err().to_string();
        let aloop = Card {
            driver: Driver::SndAloop,
            ..card()
        };
        assert!(why(&aloop).contains("is one of snd-aloop"));
        assert!(why(&card()).contains("CONFIG_DEBUG_FS"));
        fake.dir("sys/kernel/debug");
        assert!(why(&card()).contains("mount -t debugfs"));
        fake.dir("sys/kernel/debug/x86");
        assert!(why(&card()).contains("built for a kernel with"));
        fake.dir("sys/kernel/debug/snd_rloop/card0");
        assert!(faults(&fake.root(), &card()).is_ok());
    }
}
