// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where kas and bitbake run: a Debian of their own, and an ordinary user in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::{OFFLINE, WORLD};
use crate::kas::{self, Dump};
use crate::suite::bitbake_setup;
use lab::cache::{Key, Making};
use lab::context::Context;
use lab::debian::RELEASE;
use lab::debootstrap::Debootstrap;
use lab::error::{AtPath as _, Result};
use lab::exec::Cmd;
use lab::python::Python;

use crate::TOOLS;
use lab::sandbox::{self, Sandbox};
use lab::ui::Step;

/// What bitbake asks of its host, and a git for kas.
const PACKAGES: &[&str] = &[
    "build-essential",
    "ca-certificates",
    "chrpath",
    "cpio",
    "debianutils",
    "diffstat",
    "file",
    "gawk",
    "git",
    "iproute2",
    "iputils-ping",
    "locales-all",
    "lz4",
    "openssh-client",
    "procps",
    "python3",
    "python3-git",
    "python3-jinja2",
    "python3-pexpect",
    "python3-yaml",
    "rpcsvc-proto",
    "socat",
    "texinfo",
    "unzip",
    "wget",
    "xz-utils",
    "zstd",
];
/// The version of Python in that Debian.
const PYTHON: &str = "3.13";
/// bitbake runs as nobody with a name: an id that no file of the host's users has.
const USER: u32 = 2000;
/// What of the repository the layer and the kas files need.
const PARTS: &[&str] = &[
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "LICENSES",
    "crates",
    "drivers",
    "kas",
    "meta-rloop",
    bitbake_setup::FILE,
];

/// A place where kas and bitbake run.
pub(super) struct Place<'a> {
    pub(super) context: &'a Context,
    sandbox: Sandbox,
    python: Python,
    /// Where all of it lies.
    pub(super) dir: PathBuf,
}

impl<'a> Place<'a> {
    /// Makes it: a Debian with what bitbake needs, and kas.
    pub(super) fn make(context: &'a Context) -> Result<Self> {
        sandbox::check()?;
        let mut key = Key::default().with("1").with(RELEASE);
        for package in PACKAGES {
            key = key.with(package);
        }
        let name = format!("yocto-{}", key.hex());
        let root = context.cache.entry(&name, Making::Anew, |at| {
            let step = Step::new("root for bitbake (Debian packages)");
            Debootstrap {
                what: "making the root for bitbake",
                variant: "apt",
                architectures: "amd64",
                packages: PACKAGES,
                backports: false,
            }
            .command(at, context)?
            .run(&step, &context.paths.log("yocto-root"))?;
            step.ok();
            Ok(())
        })?;
        let dir = context.paths.work().join("yocto");
        fs::create_dir_all(&dir).at(&dir)?;
        let python = Python::get(context, TOOLS, Some(PYTHON))?;
        let binds = vec![python.packages().to_path_buf(), dir.clone()];
        Ok(Self {
            python,
            context,
            sandbox: Sandbox::new(root, binds),
            dir,
        })
    }

    /// A shell command as root.
    fn as_root(&self, what: &str, script: &str) -> Result<Cmd> {
        let mut cmd = self
            .sandbox
            .command::<&str, &str>(what, &self.dir, &[], "sh")?;
        cmd.args(["-ec", script]);
        Ok(cmd)
    }

    /// kas as the ordinary user, in the copy of the project.
    pub(super) fn kas(&self, arguments: &[&str]) -> Result<Cmd> {
        let mut cmd = self.as_user("kas", "python3")?;
        cmd.args(["-m", "kas"]).args(arguments);
        Ok(cmd)
    }

    /// A shell's script with `arguments`, as the ordinary user, in the copy of the project.
    pub(super) fn script(&self, script: &str, arguments: &[&str]) -> Result<Cmd> {
        let mut cmd = self.as_user("a script", "sh")?;
        cmd.args(["-ec", script, "sh"]).args(arguments);
        Ok(cmd)
    }

    /// A program as the ordinary user, in the copy of the project.
    fn as_user(&self, what: &str, program: &str) -> Result<Cmd> {
        let path = |name: &str| self.dir.join(name).display().to_string();
        let env = [
            ("HOME", path("home")),
            ("USER", "yocto".to_owned()),
            ("LC_ALL", "en_US.UTF-8".to_owned()),
            ("GITCONFIG_FILE", path("gitconfig")),
            ("GIT_CONFIG_GLOBAL", path("gitconfig")),
            ("KAS_WORK_DIR", path("work")),
            ("PYTHONPATH", self.python.packages().display().to_string()),
        ];
        let mut cmd = self
            .sandbox
            .command(what, &self.dir.join("project"), &env, "setpriv")?;
        cmd.arg(format!("--reuid={USER}"))
            .arg(format!("--regid={USER}"))
            .args(["--clear-groups", program]);
        Ok(cmd)
    }

    /// Copies the project, and what of the mirrors it needs, to where the ordinary user can read them.
    pub(super) fn fill(
        &self,
        step: &Step,
        mirrors: &BTreeMap<String, PathBuf>,
        conf: &[String],
    ) -> Result<()> {
        let repo = &self.context.paths.repo;
        let mut config = String::from(
            "[safe]\n\tdirectory = *\n[protocol \"file\"]\n\tallow = always\n\
             [user]\n\tname = yocto\n\temail = yocto@localhost\n",
        );
        for name in ["project", "home", "mirrors"] {
            let path = self.dir.join(name);
            sandbox::remove(&path)?;
            fs::create_dir_all(&path).at(&path)?;
        }
        let log = self.context.paths.log("yocto-copy");
        for part in PARTS {
            Cmd::new("copying the project", "cp")
                .args(["-a", "--"])
                .arg(repo.join(part))
                .arg(self.dir.join("project"))
                .run(step, &log)?;
        }
        for (url, from) in mirrors {
            let name = url.rsplit('/').next().unwrap_or_default();
            let to = self.dir.join("mirrors").join(name);
            // What a partial clone promises can't be fetched from here.
            let script = "cp -r -- \"$1/.\" \"$2\"; find \"$2\" -name '*.promisor' -delete";
            Cmd::new("copying a mirror", "sh")
                .args(["-ec", script, "sh"])
                .arg(from)
                .arg(&to)
                .run(step, &log)?;
            config += &format!("[url \"{}\"]\n\tinsteadOf = {url}\n", to.display());
        }
        let path = self.dir.join("gitconfig");
        fs::write(&path, config).at(&path)?;
        // bitbake finds what it has parsed by a hash of, among others, the printed form of some of Python's
        // sets, which with a seed of its own is another each time.
        let mut offline = format!(
            "# Generated by `cargo xtask yocto`.\nheader:\n  version: 14\nenv:\n  PYTHONHASHSEED: \"0\"\n\
             local_conf_header:\n  zz-offline: |\n    {OFFLINE}    {WORLD}"
        );
        for line in conf {
            offline += &format!("    {line}\n");
        }
        let path = self.dir.join("project/offline.yml");
        fs::write(&path, offline).at(&path)?;
        // The directories above the ones that are seen inside are the root's own, and some closed.
        // kas takes the names of files that include each other from the top of a git repository, and versions have its
        // last commit.
        let script = format!(
            "for at in {dir} {packages}; do\n\
             \twhile at=$(dirname \"$at\"); [ \"$at\" != / ]; do chmod a+x \"$at\"; done\n\
             done\n\
             grep -q '^yocto:' /etc/passwd || echo 'yocto:x:{USER}:{USER}::{dir}/home:/bin/bash' >>/etc/passwd\n\
             mkdir -p work\n\
             git init -q project\n\
             git -C project add --all\n\
             git -C project -c user.name=yocto -c user.email=yocto@localhost commit -qm 'the project'\n\
             chmod -R a+rX,u+rwX mirrors\n\
             chown {USER}:{USER} . work\n\
             chown -R {USER}:{USER} home project mirrors gitconfig\n",
            dir = self.dir.display(),
            packages = self.python.packages().display(),
        );
        self.as_root("giving the files to the ordinary user", &script)?
            .run(step, &log)
    }

    /// What `kas dump` says of `file`, without fetching anything.
    pub(super) fn dump(&self, file: &str) -> Result<Dump> {
        let mut arguments = kas::DUMP.to_vec();
        arguments.push(file);
        Dump::parse(&self.kas(&arguments)?.read()?)
    }
}
