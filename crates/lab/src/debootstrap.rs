// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything that comes from Debian's mirror comes through here, by mmdebstrap.

use std::path::Path;

use crate::context::Context;
use crate::debian::RELEASE;
use crate::error::Result;
use crate::exec::Cmd;
use crate::fetched::Fetched;
use crate::{host, sandbox};

/// What apt says where another mirror helps.
const FETCHING: &[&str] = &[
    "Temporary failure resolving",
    "onnect to",
    "File not found",
    "Release file",
    "is not signed",
    "Unable to locate package",
    "no installation candidate",
];

/// What is to be fetched, and how it is to be laid out.
pub struct Debootstrap<'a> {
    /// For error messages.
    pub what: &'a str,
    /// mmdebstrap's variant: `apt` for a root that runs, `extract` for mere files.
    pub variant: &'a str,
    /// Debian's names of the architectures, the root's own first.
    pub architectures: &'a str,
    /// Packages; `NAME/SUITE` where it has to be a particular suite's.
    pub packages: &'a [&'a str],
    /// Whether backports are looked at, too.
    pub backports: bool,
}

impl Debootstrap<'_> {
    /// The command that puts it into `target`.
    pub fn command(&self, target: &Path, context: &Context) -> Result<Cmd> {
        let mirror = host::mirror(context.mirror.as_deref())?;
        let fetched = Fetched::get(context)?;
        let mut cmd = sandbox::command(self.what);
        // mmdebstrap looks at /proc, which has to be that of the new PID name space. It has dash redirect to a
        // descriptor of its own, whose number must have one digit; what whoever called us has left open is not needed.
        cmd.args([
            "sh",
            "-c",
            r#"mount -t proc proc /proc 2>/dev/null; exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; exec "$@""#,
            "sh",
        ])
        .args(["mmdebstrap", "--mode=root", "--format=directory"])
        .arg(format!("--variant={}", self.variant))
        .arg(format!("--architectures={}", self.architectures))
        .args(host::apt_options()?)
        .args(
            fetched
                .keyring()
                .map(|ring| format!("--keyring={}", ring.display())),
        )
        .arg(format!("--include={}", self.packages.join(",")))
        .arg("")
        .arg(target)
        .advise(
            FETCHING,
            format!("--mirror names another one than {mirror}"),
        );
        for (name, value) in fetched.environment() {
            cmd.env(name, value);
        }
        let mut suites = vec![RELEASE.to_owned(), format!("{RELEASE}-updates")];
        if self.backports {
            suites.push(format!("{RELEASE}-backports"));
        }
        for suite in suites {
            cmd.arg(format!("deb {mirror} {suite} main"));
        }
        Ok(cmd)
    }
}
