// SPDX-License-Identifier: MIT OR Apache-2.0
//! The share of a guest that has no way to the host but its console: it comes there as text, an archive (`init.sh`).

use std::fs;
use std::path::Path;

use crate::error::{AtPath as _, Result};
use crate::sandbox::Sandbox;

const BEGIN: &str = "-----BEGIN SHARE-----";
const END: &str = "-----END SHARE-----";

/// Unpacks what the console's log has of the share, and takes it out of the log. None there is no error: the guest died.
pub(super) fn unpack(sandbox: &Sandbox, log: &Path, share: &Path) -> Result<()> {
    let bytes = fs::read(log).at(log)?;
    let text = String::from_utf8_lossy(&bytes);
    let Some((before, archive, after)) = split(&text) else {
        return Ok(());
    };
    let path = share.with_extension("tar.gz.b64");
    fs::write(&path, archive).at(&path)?;
    let program =
        "set -eo pipefail; base64 --decode --ignore-garbage \"$1\" | tar --gzip --extract";
    sandbox
        .command::<&str, &str>("unpacking the share", share, &[], "bash")?
        .args(["-c", program, "bash"])
        .arg(&path)
        .read()?;
    fs::remove_file(&path).at(&path)?;
    fs::write(log, format!("{before}{after}")).at(log)
}

/// What of the log comes before the archive, the archive, and what comes after it.
fn split(log: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = log.split_once(BEGIN)?;
    let (archive, after) = rest.split_once(END)?;
    Some((before, archive, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_both_ends() {
        let log = format!("a\r\n{BEGIN}\r\nH4sI\r\n{END}\r\nb");
        assert_eq!(split(&log), Some(("a\r\n", "\r\nH4sI\r\n", "\r\nb")));
        assert_eq!(split(&format!("a\n{BEGIN}\nH4sI\n")), None);
    }
}
