// SPDX-License-Identifier: MIT OR Apache-2.0

//! Why a card can't be used, and what can be done about it. An error number alone names the wrong cause as often as not:
//! who may not look sees nothing, and what is hidden from a container is not missing.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::card::{Card, Seen};
use super::pcm::{Address, AlsaError, Direction, errno_text};
use super::root::Root;
use super::substream;
use crate::error::Error;

/// How a container gets at sound devices.
pub const GIVE: &str = "where this is a container, give it the devices (--device /dev/snd)";

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
pub fn no_node(root: &Root, seen: &Seen) -> Error {
    let path = root.devices().join(format!("controlC{}", seen.index));
    not_opened(root, &seen.shown(), &path, libc::ENOENT)
}

/// A card that alsa-lib does not know.
pub fn beyond(seen: &Seen, last: u32) -> Error {
    Error::NotOpened {
        card: seen.shown(),
        path: format!("hw:{}", seen.index),
        why: format!("alsa-lib knows no card beyond number {last}"),
        advice: "give it a lower number with index=".to_owned(),
    }
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

#[cfg(test)]
pub mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;

    /// A root directory of a test's own.
    pub struct Fake(PathBuf);

    impl Fake {
        pub fn new(name: &str) -> Self {
            let dir = std::env::temp_dir().join(format!("rloop-{}-{name}", std::process::id()));
            fs::create_dir_all(&dir).unwrap();
            Self(dir)
        }

        pub fn root(&self) -> Root {
            Root::at(&self.0)
        }

        pub fn dir(&self, path: &str) {
            fs::create_dir_all(self.0.join(path)).unwrap();
        }

        pub fn file(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        pub fn link(&self, path: &str, target: &str) {
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

    fn busy(fake: &Fake) -> String {
        let at = Address {
            card: 0,
            device: 0,
            subdevice: 3,
            direction: Direction::Playback,
        };
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
}
