// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program's arguments.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::kind::Kind;

/// Connects a vhost-user backend with a device of the virtio-loopback module.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// The backend's socket
    #[arg(short, long)]
    pub(crate) socket: PathBuf,
    /// What kind of device it is
    #[arg(short, long)]
    pub(crate) device: Kind,
    /// The module's node: a number, a name in /dev, or a path
    #[arg(short, long, value_parser = node)]
    pub(crate) loopback: PathBuf,
    /// How many entries a queue has, a power of two; most backends take no more than this
    #[arg(long, default_value_t = 64)]
    pub(crate) queue_size: u32,
    /// How much memory the device has, in MiB [default: what such a device needs]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=64))]
    pub(crate) memory: Option<u64>,
    /// What to do when the backend goes
    #[arg(long, default_value = "replug")]
    pub(crate) on_loss: OnLoss,
}

/// What is done when the backend goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnLoss {
    /// Take the device away, and make it anew when the backend is there again
    Replug,
    /// Take the device away, and exit
    Exit,
}

/// The path of a node.
fn node(text: &str) -> std::result::Result<PathBuf, String> {
    let name = match text {
        "" => return Err("must be a number, a name in /dev, or a path".into()),
        number if number.bytes().all(|b| b.is_ascii_digit()) => format!("/dev/loopback-{number}"),
        path if path.contains('/') => path.to_owned(),
        name => format!("/dev/{name}"),
    };
    Ok(name.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_has_three_names() {
        let path = |text| node(text).unwrap().display().to_string();
        assert_eq!(path("1"), "/dev/loopback-1");
        assert_eq!(path("loopback-1"), "/dev/loopback-1");
        assert_eq!(path("./x"), "./x");
        assert!(node("").is_err());
    }

    #[test]
    fn what_it_can_not_do_is_refused() {
        let with = |more: &[&str]| {
            let all = [&["x", "-s", "a", "-d", "vhurng", "-l", "0"], more].concat();
            Cli::try_parse_from(all)
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(with(&["--on-loss", "exit"]), None);
        let resume = with(&["--on-loss", "resume"]).unwrap();
        assert!(
            resume.contains("[possible values: replug, exit]"),
            "{resume}"
        );
        assert!(with(&["--stall", "5"]).unwrap().contains("'--stall'"));
        assert!(with(&["--memory", "65"]).unwrap().contains("1..=64"));
        assert!(with(&["-d", "vhunet"]).is_some());
    }
}
