// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask yocto`: kas and bitbake on the real layers, as far as that goes without sources:
//! everything is parsed, every task graph is resolved, and the layer is held against the Yocto
//! Project's own check. Nothing is built.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::cache::{Key, Making};
use crate::context::Context;
use crate::debian::{Debootstrap, RELEASE};
use crate::error::{AtPath as _, Error, Result};
use crate::exec::{self, Cmd};
use crate::python::{Python, TOOLS};
use crate::report::{Check, Counts, Verdict};
use crate::sandbox::{self, Sandbox};
use crate::ui::{Step, seconds};

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
    "iputils-ping",
    "locales-all",
    "lz4",
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
];
/// Nothing is fetched but by git, from the mirrors.
const OFFLINE: &str = "BB_NO_NETWORK = \"1\"\n    CONNECTIVITY_CHECK_URIS = \"\"\n    INHERIT_DISTRO:remove = \"uninative\"\n";

/// What to do.
pub(crate) struct Options {
    /// Where git repositories lie in place of the ones that the kas files name.
    pub(crate) mirrors: PathBuf,
    /// Only these kas files.
    pub(crate) only: Vec<String>,
    /// Further lines for local.conf.
    pub(crate) conf: Vec<String>,
}

/// A configuration as `kas dump` gives it.
#[derive(Deserialize)]
struct Dump {
    repos: BTreeMap<String, Option<Repo>>,
    #[serde(default)]
    overrides: Overrides,
    target: Option<Target>,
}

#[derive(Default, Deserialize)]
struct Overrides {
    #[serde(default)]
    repos: BTreeMap<String, Repo>,
}

#[derive(Deserialize)]
struct Repo {
    url: Option<String>,
    commit: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Target {
    One(String),
    Several(Vec<String>),
}

impl Dump {
    /// Name, URL and commit of each repository that has to be fetched.
    fn fetched(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.repos.iter().filter_map(|(name, repo)| {
            let repo = repo.as_ref()?;
            let pin = self
                .overrides
                .repos
                .get(name)
                .and_then(|r| r.commit.as_deref());
            let commit = pin.or(repo.commit.as_deref()).unwrap_or_default();
            Some((name.as_str(), repo.url.as_deref()?, commit))
        })
    }

    fn targets(&self) -> String {
        match &self.target {
            Some(Target::One(target)) => target.clone(),
            Some(Target::Several(targets)) => targets.join(" "),
            None => "core-image-minimal".to_owned(),
        }
    }
}

/// The repository that lies in `mirrors` for `url`: `NAME`, `NAME.git` or `OWNER+NAME`, itself or in
/// a directory `repo` of it.
fn mirror_of(mirrors: &Path, url: &str) -> Option<PathBuf> {
    let path = url.trim_end_matches('/').trim_end_matches(".git");
    let name = path.rsplit('/').next()?;
    let entries = fs::read_dir(mirrors).ok()?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let entry = path.file_name().unwrap_or_default().to_string_lossy();
            let entry = entry.strip_suffix(".git").unwrap_or(&entry);
            entry == name
                || entry
                    .rsplit_once('+')
                    .is_some_and(|(_, after)| after == name)
        })
        .flat_map(|path| [path.join("repo"), path.join(".git"), path])
        .filter(|path| path.join("HEAD").is_file())
        .collect();
    found.sort();
    found.into_iter().next()
}

/// A place where kas and bitbake run.
struct Place<'a> {
    context: &'a Context,
    sandbox: Sandbox,
    python: Python,
    dir: PathBuf,
}

impl<'a> Place<'a> {
    fn make(context: &'a Context) -> Result<Self> {
        let mut key = Key::new().with("1").with(RELEASE);
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
            .command(at, context.mirror.as_deref())?
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

    /// A program of Python's as the ordinary user, in the copy of the project.
    fn kas(&self, arguments: &[&str]) -> Result<Cmd> {
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
            .command("kas", &self.dir.join("project"), &env, "setpriv")?;
        cmd.arg(format!("--reuid={USER}"))
            .arg(format!("--regid={USER}"))
            .args(["--clear-groups", "python3", "-m", "kas"])
            .args(arguments);
        Ok(cmd)
    }

    /// Copies the project, and what of the mirrors it needs, to where the ordinary user can read them.
    fn fill(
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
            if name != "mirrors" {
                sandbox::remove(&path)?;
            }
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
            if !to.exists() {
                // What a partial clone promises can't be fetched from here.
                let script = "cp -r -- \"$1\" \"$2.new\"; find \"$2.new\" -name '*.promisor' -delete; mv \"$2.new\" \"$2\"";
                Cmd::new("copying a mirror", "sh")
                    .args(["-ec", script, "sh"])
                    .arg(from)
                    .arg(&to)
                    .run(step, &log)?;
            }
            config += &format!("[url \"{}\"]\n\tinsteadOf = {url}\n", to.display());
        }
        let path = self.dir.join("gitconfig");
        fs::write(&path, config).at(&path)?;
        let mut offline = format!(
            "# Generated by `cargo xtask yocto`.\nheader:\n  version: 14\nlocal_conf_header:\n  zz-offline: |\n    {OFFLINE}"
        );
        for line in conf {
            offline += &format!("    {line}\n");
        }
        let path = self.dir.join("project/offline.yml");
        fs::write(&path, offline).at(&path)?;
        // The directories above the ones that are seen inside are the root's own, and some closed.
        // kas takes the names of files that include each other from the top of a git repository.
        let script = format!(
            "for at in {dir} {packages}; do\n\
             \twhile at=$(dirname \"$at\"); [ \"$at\" != / ]; do chmod a+x \"$at\"; done\n\
             done\n\
             grep -q '^yocto:' /etc/passwd || echo 'yocto:x:{USER}:{USER}::{dir}/home:/bin/bash' >>/etc/passwd\n\
             mkdir -p work\n\
             git init -q project\n\
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
    fn dump(&self, file: &str) -> Result<Dump> {
        let text = self
            .kas(&[
                "dump",
                "--format",
                "json",
                "--skip",
                "repo_setup_loop",
                "--skip",
                "finish_setup_repos",
                "--skip",
                "repos_checkout",
                "--skip",
                "repos_apply_patches",
                file,
            ])?
            .read()?;
        serde_json::from_str(&text).map_err(|e| Error::BadInput {
            what: "the output of kas dump",
            given: e.to_string(),
            allowed: "a configuration as JSON".into(),
        })
    }
}

/// A line of the summary.
struct Line {
    check: Check,
    took: Duration,
}

/// A configuration for yocto-check-layer: the repositories of `file`, and not our own layer, which must
/// not be in use while it is checked.
fn check_configuration(dump: &Dump, commits: &BTreeMap<String, String>) -> String {
    let mut text = format!(
        "# Generated by `cargo xtask yocto`.\nheader:\n  version: 14\nmachine: qemuarm64\ndistro: poky\n\
         local_conf_header:\n  check: |\n    KERNEL_FEATURES:append = \" rust\"\n    {OFFLINE}repos:\n"
    );
    for (name, url, _) in dump.fetched() {
        let commit = commits.get(name).map(String::as_str).unwrap_or_default();
        text += &format!("  {name}:\n    url: {url}\n    commit: {commit}\n    layers:\n");
        text += match name {
            "bitbake" => "      .: disabled\n",
            "openembedded-core" => "      meta:\n",
            _ => "      meta-poky:\n",
        };
    }
    text
}

/// Runs it; true when nothing has failed.
pub(crate) fn run(context: &Context, options: &Options) -> Result<bool> {
    if !options.mirrors.is_dir() {
        return Err(Error::BadInput {
            what: "--mirrors",
            given: options.mirrors.display().to_string(),
            allowed: "a directory with git repositories".into(),
        });
    }
    let place = Place::make(context)?;
    let step = Step::new("the project and the mirrors");
    let kas = context.paths.repo.join("kas");
    let mut files: Vec<String> = fs::read_dir(&kas)
        .at(&kas)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".yml"))
        .map(|name| format!("kas/{name}"))
        .filter(|file| options.only.is_empty() || options.only.iter().any(|o| file.contains(o)))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::BadInput {
            what: "--only",
            given: options.only.join(","),
            allowed: "parts of the names of kas files".into(),
        });
    }
    // First the project alone, so that kas can say what it needs.
    place.fill(&step, &BTreeMap::new(), &options.conf)?;
    let mut dumps = BTreeMap::new();
    let mut mirrors = BTreeMap::new();
    for file in &files {
        let dump = place.dump(file)?;
        for (_, url, _) in dump.fetched() {
            if let Some(path) = mirror_of(&options.mirrors, url) {
                mirrors.insert(url.to_owned(), path);
            }
        }
        dumps.insert(file.clone(), dump);
    }
    place.fill(&step, &mirrors, &options.conf)?;
    step.ok();

    let mut summary = Summary::default();
    for (file, dump) in &dumps {
        configuration(&place, &mirrors, file, dump, &mut summary)?;
    }
    if let Some(dump) = dumps.get("kas/qemuarm64.yml") {
        check_layer(&place, dump, &mut summary)?;
    }
    let path = context.paths.work().with_file_name("yocto.md");
    let text = summary.text();
    fs::write(&path, &text).at(&path)?;
    println!("\n{text}\nsummary: {}", path.display());
    let counts = Counts::of(summary.lines.iter().map(|line| &line.check));
    println!("{} passed, {} failed", counts.passed, counts.failed);
    Ok(counts.failed == 0)
}

/// What has been found.
#[derive(Default)]
struct Summary {
    lines: Vec<Line>,
    commits: BTreeMap<String, String>,
}

impl Summary {
    /// Runs `cmd` as the check `name`; whether it passed.
    fn run(&mut self, place: &Place<'_>, name: &str, mut cmd: Cmd) -> Result<bool> {
        let step = Step::new(name);
        let log = place
            .context
            .paths
            .log(&format!("yocto-{}", name.replace(['/', ' ', ':'], "-")));
        let result = cmd.run(&step, &log);
        let took = step.elapsed();
        let check = match result {
            Ok(()) => Check::pass(name),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(e) => Check::fail(name, e.to_string()),
        };
        let passed = check.verdict == Verdict::Pass;
        step.end(if passed { "PASS" } else { "FAIL" }, "");
        if let Verdict::Fail(why) = &check.verdict {
            eprintln!("{why}");
        }
        self.lines.push(Line { check, took });
        Ok(passed)
    }

    fn skip(&mut self, name: &str, why: String) {
        self.lines.push(Line {
            check: Check {
                name: name.to_owned(),
                verdict: Verdict::Skip(why),
            },
            took: Duration::ZERO,
        });
    }

    fn text(&self) -> String {
        let mut text = String::from("| what | result | time |\n|---|---|---|\n");
        for line in &self.lines {
            let result = match &line.check.verdict {
                Verdict::Pass => "passed".to_owned(),
                Verdict::Fail(_) => "**failed**".to_owned(),
                Verdict::Skip(why) => format!("not tried: {why}"),
            };
            text += &format!(
                "| {} | {result} | {} |\n",
                line.check.name,
                seconds(line.took)
            );
        }
        text += "\n| repository | commit |\n|---|---|\n";
        for (name, commit) in &self.commits {
            text += &format!("| {name} | `{commit}` |\n");
        }
        text
    }
}

/// Checkout, parse, task graph and signatures of one kas file.
fn configuration(
    place: &Place<'_>,
    mirrors: &BTreeMap<String, PathBuf>,
    file: &str,
    dump: &Dump,
    summary: &mut Summary,
) -> Result<()> {
    let missing: Vec<&str> = dump
        .fetched()
        .filter(|(_, url, _)| !mirrors.contains_key(*url))
        .map(|(_, url, _)| url)
        .collect();
    if !missing.is_empty() {
        summary.skip(file, format!("no mirror of {}", missing.join(", ")));
        return Ok(());
    }
    // Where a mirror is older than the pin, its newest commit is taken, and told.
    let (mut commits, mut branches) = (String::new(), String::new());
    for (name, url, commit) in dump.fetched() {
        let git = |arguments: &[&str]| {
            Cmd::new("git", "git")
                .arg("--git-dir")
                .arg(&mirrors[url])
                .args(arguments)
                .env("GIT_CONFIG_COUNT", "1")
                .env("GIT_CONFIG_KEY_0", "safe.directory")
                .env("GIT_CONFIG_VALUE_0", "*")
                .read()
        };
        let taken = if git(&["cat-file", "-e", &format!("{commit}^{{commit}}")]).is_ok() {
            commit.to_owned()
        } else {
            let head = git(&["rev-parse", "HEAD"])?.trim().to_owned();
            let branch = git(&["symbolic-ref", "--short", "HEAD"])?;
            commits += &format!("    {name}:\n      commit: {head}\n");
            branches += &format!("  {name}:\n    branch: {}\n", branch.trim());
            head
        };
        let told = if taken == commit {
            taken.clone()
        } else {
            format!("{taken} (the mirror lacks the pinned {commit})")
        };
        summary.commits.insert(name.to_owned(), told);
    }
    let mut configuration = format!("{file}:offline.yml");
    if !commits.is_empty() {
        let path = place.dir.join("project/older.yml");
        let text =
            format!("header:\n  version: 14\nrepos:\n{branches}overrides:\n  repos:\n{commits}");
        fs::write(&path, text).at(&path)?;
        configuration += ":older.yml";
    }
    let steps: [(&str, Vec<String>); 4] = [
        (
            "kas checkout",
            vec!["checkout".into(), configuration.clone()],
        ),
        ("bitbake -p", shell(&configuration, "bitbake -p")),
        (
            "bitbake -g",
            shell(&configuration, &format!("bitbake -g {}", dump.targets())),
        ),
        (
            "bitbake -S none world",
            shell(&configuration, "bitbake -S none world"),
        ),
    ];
    for (what, arguments) in steps {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let cmd = place.kas(&arguments)?;
        // What comes after needs what came before.
        if !summary.run(place, &format!("{file}: {what}"), cmd)? {
            break;
        }
    }
    Ok(())
}

fn shell(configuration: &str, command: &str) -> Vec<String> {
    ["shell", configuration, "-c", command]
        .map(str::to_owned)
        .to_vec()
}

fn check_layer(place: &Place<'_>, dump: &Dump, summary: &mut Summary) -> Result<()> {
    if exec::interrupted() {
        return Err(Error::Interrupted);
    }
    let commits = summary.commits.clone();
    let path = place.dir.join("project/check.yml");
    fs::write(&path, check_configuration(dump, &commits)).at(&path)?;
    let layer = place.dir.join("project/meta-rloop");
    let command = format!("yocto-check-layer --no-auto-dependency {}", layer.display());
    let arguments = shell("check.yml", &command);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let cmd = place.kas(&arguments)?;
    summary.run(place, "yocto-check-layer meta-rloop", cmd)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirrors_are_found_by_any_of_their_names() {
        let dir = tempfile::tempdir().unwrap();
        for entry in [
            "bitbake.git",
            "yoctoproject+meta-yocto/repo",
            "meta-agl/.git",
        ] {
            let path = dir.path().join(entry);
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("HEAD"), "").unwrap();
        }
        let find = |url: &str| {
            mirror_of(dir.path(), url).map(|p| p.strip_prefix(dir.path()).unwrap().to_owned())
        };
        assert_eq!(
            find("https://x.invalid/bitbake"),
            Some("bitbake.git".into())
        );
        assert_eq!(
            find("https://x.invalid/meta-yocto.git"),
            Some("yoctoproject+meta-yocto/repo".into())
        );
        assert_eq!(
            find("https://x.invalid/AGL/meta-agl/"),
            Some("meta-agl/.git".into())
        );
        assert_eq!(find("https://x.invalid/meta-other"), None);
    }
}
