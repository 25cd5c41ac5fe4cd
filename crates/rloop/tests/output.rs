// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the tool writes, to readers that stop reading and to disks that are full; on any machine, with sound or without.

#![expect(
    clippy::unwrap_used,
    reason = "what a test needs and does not get fails it"
)]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Output, Stdio};

use rustix::pipe::pipe;
use tool::rloop;

mod tool;

/// The end of a pipe that nobody reads from.
fn unread() -> Stdio {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full() -> Stdio {
    File::options()
        .write(true)
        .open("/dev/full")
        .unwrap()
        .into()
}

/// A file that `rloop bench --from` reads.
struct Figures(PathBuf);

impl Figures {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rloop-{}-{name}.json", std::process::id()));
        let machine = r#"{"kernel":"7.2","architecture":"a","model":"m","processors":1,"hz":250,"clock":"c","policy":"p"}"#;
        let run = format!(
            r#"{{"title":"t","machine":{machine},"seconds":1,"noise":null,"subjects":[]}}"#
        );
        fs::write(&path, format!(r#"{{"runs":[{run}]}}"#)).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Figures {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_reader_that_has_gone_is_no_error() {
    let figures = Figures::new("unread");
    let from = ["bench", "--from", figures.path(), "--format"];
    for arguments in [
        &["--help"][..],
        &["verify", "--help"],
        &["--version"],
        &["verify", "--list"],
        &[&from[..], &["human"]].concat(),
        &[&from[..], &["markdown"]].concat(),
        &[&from[..], &["json"]].concat(),
    ] {
        let output = rloop(arguments)
            .stdout(unread())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(
            (status(&output), stderr(&output)),
            (0, String::new()),
            "{arguments:?}"
        );
    }
}

#[test]
fn an_error_that_nobody_reads_is_one() {
    for arguments in [
        &["verify", "--only", "nonsense", "--list"][..],
        &["bench", "--from", "/nonsense"],
        &["status", "--nonsense"],
    ] {
        let output = rloop(arguments)
            .stdout(Stdio::null())
            .stderr(unread())
            .output()
            .unwrap();
        assert_eq!(status(&output), 2, "{arguments:?}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let figures = Figures::new("full");
    for arguments in [
        &["verify", "--list"][..],
        &["bench", "--from", figures.path()],
        &["bench", "--from", figures.path(), "--format", "json"],
    ] {
        let output = rloop(arguments)
            .stdout(full())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let text = "rloop: the results can't be written to standard output: No space left on device (os error 28)\n";
        assert_eq!(
            (status(&output), stderr(&output).as_str()),
            (2, text),
            "{arguments:?}"
        );
    }
}

#[test]
fn figures_outlive_a_report_that_has_no_room() {
    let figures = Figures::new("report");
    let output = rloop(&["bench", "--from", figures.path(), "--report", "/dev/full"])
        .output()
        .unwrap();
    let text = "rloop: /dev/full: No space left on device (os error 28)\n";
    assert_eq!((status(&output), stderr(&output).as_str()), (2, text));
    assert!(!output.stdout.is_empty());
}

#[test]
fn each_error_is_one_line_that_says_a_thing_once() {
    for (arguments, want) in [
        (
            &["bench", "--from", "/nonsense"][..],
            "rloop: --from /nonsense: No such file or directory (os error 2)\n",
        ),
        (
            &[
                "bench",
                "--from",
                "/dev/null",
                "--report",
                "/nonsense/page.html",
            ],
            "rloop: /nonsense/page.html: No such file or directory (os error 2)\n",
        ),
        (
            &["verify", "virtio", "--stress", "5"],
            "rloop: family virtio: it has no `rloop verify --stress`; allowed: sound, char, block, net, pci\n",
        ),
        (
            &["verify", "net", "--card", "rloop", "--list"],
            "rloop: family net: it has no --card; allowed: sound\n",
        ),
        (
            &["status", "block", "--card", "rloop"],
            "rloop: family block: it has no --card; allowed: sound\n",
        ),
        (
            &["verify", "pci", "--powercut", "--list"],
            "rloop: --powercut: not for pcie-edu; allowed for: vblk\n",
        ),
        (
            &["verify", "char", "--byte-rate", "5", "--list"],
            "rloop: --byte-rate: not for sad, circbuf; allowed for: snd-rloop\n",
        ),
    ] {
        let output = rloop(arguments).output().unwrap();
        assert_eq!((status(&output), stderr(&output).as_str()), (2, want));
    }
}
