// SPDX-License-Identifier: MIT OR Apache-2.0
//! The host's memory, and what its package client is configured for: which mirror of
//! Debian, and how it is reached.

use std::fs;
use std::path::Path;

use crate::debian::{RELEASE, RELEASES};
use crate::error::{AtPath as _, Error, Result};
use crate::exec::Cmd;

/// apt's settings that decide how a mirror is reached and trusted here; taken over as they are.
const OPTIONS: &[&str] = &[
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::https::CaInfo",
    "Acquire::Check-Valid-Until",
    "Acquire::Retries",
];

/// apt's program that fetches a file as apt does.
const HELPER: &str = "/usr/lib/apt/apt-helper";

/// The host's memory, in GiB.
pub fn memory_gib() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib >> 20)
}

/// The address of the mirror: the given one, else the host's.
pub fn mirror(given: Option<&str>) -> Result<String> {
    if let Some(url) = given {
        let url = url.trim_end_matches('/');
        let known = ["http://", "https://", "file:/", "copy:/"];
        if known.iter().any(|scheme| url.starts_with(scheme)) {
            return Ok(url.to_owned());
        }
        return Err(Error::BadInput {
            what: "--mirror",
            given: url.to_owned(),
            allowed: "the address of a Debian mirror, such as http://HOST/debian".into(),
        });
    }
    // Nothing is fetched by this; it needs no lists, which a fresh machine has not.
    let uris = Cmd::new("reading apt's configuration", "apt-get")
        .args(["-o", "Debug::NoLocking=1", "update", "--print-uris"])
        .read()?;
    first_debian(&uris).ok_or_else(|| Error::Missing {
        what: "a Debian mirror in apt's configuration".into(),
        how: "name one with --mirror http://HOST/debian".into(),
    })
}

/// Asks the mirror `url` for the release that everything is taken from, as apt does, by way of the file `to`.
pub fn try_mirror(url: &str, to: &Path) -> Result<()> {
    let release = format!("{url}/dists/{RELEASE}/Release");
    if let Some(path) = ["file:", "copy:"]
        .iter()
        .find_map(|s| release.strip_prefix(s))
    {
        let path = Path::new("/").join(path.trim_start_matches('/'));
        return fs::metadata(&path).map(drop).at(&path);
    }
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir).at(dir)?;
    }
    let result = Cmd::new("asking the mirror", HELPER)
        .args([
            "-o",
            "Acquire::Retries=0",
            "-o",
            "Acquire::http::Timeout=20",
        ])
        .args([
            "-o",
            "Acquire::https::Timeout=20",
            "download-file",
            &release,
        ])
        .arg(to)
        .read()
        .map(drop);
    // There is none after a failure.
    let _ = fs::remove_file(to);
    result
}

/// The first mirror with a release of Debian in lines of `'MIRROR/dists/RELEASE/InRelease' …`.
fn first_debian(uris: &str) -> Option<String> {
    uris.lines().find_map(|line| {
        let (address, release) = line.strip_prefix('\'')?.split_once("/dists/")?;
        let base = release.split(['-', '/']).next()?;
        let security = release.contains("security") || address.contains("security");
        (RELEASES.contains(&base) && !security).then(|| address.trim_end_matches('/').to_owned())
    })
}

/// apt's settings that mmdebstrap, too, has to know, as `--aptopt=…`.
pub fn apt_options() -> Result<Vec<String>> {
    let dump = Cmd::new("reading apt's configuration", "apt-config")
        .arg("dump")
        .read()?;
    Ok(wanted_options(&dump))
}

fn wanted_options(dump: &str) -> Vec<String> {
    dump.lines()
        .filter_map(|line| {
            let (key, value) = line.trim_end_matches(';').split_once(' ')?;
            let wanted = OPTIONS.contains(&key) && value != "\"\"";
            wanted.then(|| format!("--aptopt={key} {value}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_first_with_a_release_of_debian() {
        let uris = "'http://x.example/other/dists/noble/InRelease' x 0 \n\
                    'http://s.example/debian-security/dists/bookworm-security/InRelease' x 0 \n\
                    'http://m.example/debian/dists/bookworm-updates/InRelease' x 0 \n\
                    'http://n.example/debian/dists/bookworm/InRelease' x 0 \n";
        assert_eq!(
            first_debian(uris).as_deref(),
            Some("http://m.example/debian")
        );
        let other = "'http://x.example/other/dists/noble/InRelease' x 0 \n";
        assert_eq!(first_debian(other), None);
    }

    #[test]
    fn a_mirror_must_be_an_address() {
        assert_eq!(
            mirror(Some("http://m.example/debian/")).unwrap(),
            "http://m.example/debian"
        );
        let e = mirror(Some("debian")).unwrap_err().to_string();
        assert!(
            e.starts_with("--mirror: `debian` can't be used; allowed: "),
            "{e}"
        );
    }

    #[test]
    fn only_settings_about_fetching_are_taken_over() {
        let dump = "APT \"\";\nAcquire::http::Proxy \"http://p.example:3142\";\nAcquire::https::Proxy \"\";\n\
                    Acquire::Languages \"none\";\nAcquire::Check-Valid-Until \"false\";\n";
        assert_eq!(
            wanted_options(dump),
            [
                "--aptopt=Acquire::http::Proxy \"http://p.example:3142\"",
                "--aptopt=Acquire::Check-Valid-Until \"false\"",
            ]
        );
    }
}
