// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs programs: their output goes into a log, the user can stop them, and
//! none of them outlives us.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::cause;
use crate::error::{AtPath as _, Error, Result, Said};
use crate::ui::Step;

/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(20);
/// How long a program may take to end itself before it is killed.
const GRACE: Duration = Duration::from_secs(3);
/// How many lines of a log an error message shows.
const TAIL_LINES: usize = 25;

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Takes over SIGINT, SIGTERM and SIGHUP, so that a step can clean up first; SIGPIPE ends us as it does others.
pub fn catch_signals() -> Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
    ] {
        signal_hook::flag::register(signal, Arc::clone(flag)).at("signal handler")?;
    }
    // Nobody reads what we write, as in `cargo xtask test --list | head -1`: no error.
    let always = Arc::new(AtomicBool::new(true));
    signal_hook::flag::register_conditional_default(signal_hook::consts::SIGPIPE, always)
        .at("signal handler")?;
    Ok(())
}

thread_local! {
    static KILLED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a program that this thread has started was killed since it was last asked, by us or by others. What it
/// was writing may be half of it, and what it has started may be about to end still.
pub fn killed() -> bool {
    KILLED.take()
}

/// Whether the user has asked us to stop.
pub fn interrupted() -> bool {
    INTERRUPTED
        .get()
        .is_some_and(|flag| flag.load(Ordering::Relaxed))
}

/// Words as one line for a shell.
pub fn shell_words(words: &[impl AsRef<OsStr>]) -> String {
    let quoted = |word: &OsStr| format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"));
    let words: Vec<String> = words.iter().map(|word| quoted(word.as_ref())).collect();
    words.join(" ")
}

/// A program with its arguments and what is to happen to its output.
pub struct Cmd {
    what: String,
    command: Command,
    shown: Vec<OsString>,
    advice: Option<(&'static [&'static str], String)>,
}

impl Cmd {
    /// `what` says, in an error message, what the program was to do.
    pub fn new(what: impl Into<String>, program: impl AsRef<OsStr>) -> Self {
        Self {
            what: what.into(),
            command: Command::new(program.as_ref()),
            shown: vec![program.as_ref().to_owned()],
            advice: None,
        }
    }

    /// What helps if it fails, and the cause that it names contains one of `causes`.
    pub fn advise(&mut self, causes: &'static [&'static str], advice: String) -> &mut Self {
        self.advice = Some((causes, advice));
        self
    }

    /// Adds an argument.
    pub fn arg(&mut self, arg: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(arg.as_ref());
        self.shown.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args<I>(&mut self, args: I) -> &mut Self
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        for arg in args {
            self.arg(arg);
        }
        self
    }

    /// Writes a program to `path` that is this one with its arguments, and takes more of them.
    pub fn write_script(&self, path: &Path) -> Result<()> {
        let script = format!("#!/bin/sh\nexec {} \"$@\"\n", shell_words(&self.shown));
        fs::write(path, script).at(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).at(path)
    }

    /// Sets a variable of its environment.
    pub fn env(&mut self, name: &str, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(name, value);
        self
    }

    /// Takes variables out of its environment.
    pub fn without(&mut self, names: &[&str]) -> &mut Self {
        for name in names {
            self.command.env_remove(name);
        }
        self
    }

    /// Sets the directory to run in.
    pub fn dir(&mut self, dir: impl AsRef<Path>) -> &mut Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs it with its output in `log`, whose last line is shown as the
    /// step's progress.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when it ends with an error.
    pub fn run(&mut self, step: &Step, log: &Path) -> Result<()> {
        let mut running = self.start(log)?;
        loop {
            if let Some(status) = running.poll()? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(self.failure(status, &read_log(log), Some(log)))
                };
            }
            step.message(&running.last_line());
        }
    }

    /// Starts it with its output in `log` and nothing to read.
    pub fn start(&mut self, log: &Path) -> Result<Running> {
        if let Some(dir) = log.parent() {
            fs::create_dir_all(dir).at(dir)?;
        }
        let file = File::create(log).at(log)?;
        let errors = file.try_clone().at(log)?;
        let child = self
            .command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|source| self.not_started(source))?;
        Ok(Running {
            child,
            log: log.to_path_buf(),
            ended: false,
            looked: Instant::now(),
            line: String::new(),
        })
    }

    /// Runs it on the user's own terminal.
    pub fn interactive(&mut self) -> Result<ExitStatus> {
        self.command
            .status()
            .map_err(|source| self.not_started(source))
    }

    /// Runs it and returns what it writes to stdout.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when it ends with an error.
    pub fn read(&mut self) -> Result<String> {
        self.read_of_status(&[0])
    }

    /// The same for a program that may end with any of `fine`.
    pub fn read_of_status(&mut self, fine: &[i32]) -> Result<String> {
        let output = self
            .command
            .stdin(Stdio::null())
            .output()
            .map_err(|source| self.not_started(source))?;
        if output
            .status
            .code()
            .is_some_and(|code| fine.contains(&code))
        {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(self.failure(output.status, &said, None))
        }
    }

    fn not_started(&self, source: std::io::Error) -> Error {
        let program = self.shown.first().cloned().unwrap_or_default();
        if source.kind() == std::io::ErrorKind::NotFound {
            missing(&program.to_string_lossy())
        } else {
            Error::Io {
                path: program.into(),
                said: source,
            }
        }
    }

    fn advised(&self, cause: String) -> String {
        match &self.advice {
            Some((causes, advice)) if causes.iter().any(|part| cause.contains(part)) => {
                format!("{}; {advice}", cause.trim_end_matches('.'))
            }
            _ => cause,
        }
    }

    fn failure(&self, status: ExitStatus, said: &str, log: Option<&Path>) -> Error {
        // A shell's way of saying it, and that of the programs which run another.
        let program = (status.code() == Some(127)).then(|| cause::missing_program(said));
        if let Some(program) = program.flatten() {
            return missing(program);
        }
        Error::Command {
            what: self.what.clone(),
            ended: ended(status),
            said: match cause::of(said) {
                Some(line) => Said::Cause(self.advised(line)),
                None => Said::Last(last_lines(said, TAIL_LINES)),
            },
            log: log.map(Path::to_path_buf),
        }
    }
}

fn missing(program: &str) -> Error {
    Error::Missing {
        what: format!("the program `{program}`"),
        how: "`cargo xtask doctor` says how to get it".into(),
    }
}

/// A program that runs, in a process group of its own that ends with this value.
pub struct Running {
    child: Child,
    log: PathBuf,
    ended: bool,
    looked: Instant,
    line: String,
}

impl Running {
    /// Waits a moment; the status if the program has ended.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] when the user wants to stop; the program is ended then.
    pub fn poll(&mut self) -> Result<Option<ExitStatus>> {
        if interrupted() {
            self.stop();
            return Err(Error::Interrupted);
        }
        if let Some(status) = self.child.try_wait().at(&self.log)? {
            self.ended = true;
            if status.signal().is_some() {
                KILLED.set(true);
            }
            return Ok(Some(status));
        }
        std::thread::sleep(POLL);
        Ok(None)
    }

    /// The last whole line of the log, looked up twice a second.
    pub fn last_line(&mut self) -> String {
        if self.looked.elapsed() > Duration::from_millis(500) {
            self.looked = Instant::now();
            self.line = tail_lines(&self.log, 1);
        }
        self.line.clone()
    }

    /// Ends the program and all that it has started.
    pub fn stop(&mut self) {
        if self.ended {
            return;
        }
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        // ESRCH only says that there is nobody left to end.
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::TERM);
        }
        let patience = Instant::now();
        while patience.elapsed() < GRACE {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                self.ended = true;
                break;
            }
            std::thread::sleep(POLL);
        }
        if !self.ended {
            KILLED.set(true);
        }
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
        self.ended = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// `exit status 2` or `signal 9`.
fn ended(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "unknown status".into(),
    }
}

/// The last lines of a log, as many as an error message can bear.
pub fn tail(log: &Path) -> String {
    tail_lines(log, TAIL_LINES)
}

/// The last `n` lines that aren't empty; as much as there is on any error.
fn tail_lines(log: &Path, n: usize) -> String {
    const WINDOW: u64 = 16 * 1024;
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(log) {
        let length = file.metadata().map(|m| m.len()).unwrap_or(0);
        let _ = file.seek(SeekFrom::Start(length.saturating_sub(WINDOW)));
        let _ = file.read_to_end(&mut bytes);
    }
    last_lines(&String::from_utf8_lossy(&bytes), n)
}

/// All of a log; as much as there is on any error.
fn read_log(log: &Path) -> String {
    String::from_utf8_lossy(&fs::read(log).unwrap_or_default()).into_owned()
}

/// The last `n` lines that aren't empty.
fn last_lines(text: &str, n: usize) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(n)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_names_the_log_and_shows_its_end() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let e = Cmd::new("the thing", "sh")
            .args(["-c", "echo one; echo two >&2; exit 3"])
            .run(&Step::new("x"), &log)
            .unwrap_err()
            .to_string();
        assert!(
            e.starts_with("the thing failed (exit status 3); its output is in "),
            "{e}"
        );
        assert!(e.ends_with("| one\n  | two"), "{e}");
    }

    #[test]
    fn advice_is_given_where_it_helps() {
        let said = |line: &str| {
            let script = format!("echo '{line}' >&2; exit 1");
            let mut cmd = Cmd::new("x", "sh");
            cmd.args(["-c", &script]).advise(&["fetch"], "wait".into());
            cmd.read().unwrap_err().to_string()
        };
        assert_eq!(
            said("E: no fetch."),
            "x failed (exit status 1): no fetch; wait"
        );
        assert_eq!(said("E: no"), "x failed (exit status 1): no");
    }

    #[test]
    fn a_missing_program_is_named() {
        let e = Cmd::new("x", "no-such-program").read().unwrap_err();
        assert!(
            e.to_string().contains("`no-such-program` is missing"),
            "{e}"
        );
    }

    #[test]
    fn a_program_that_another_can_t_find_is_named() {
        for (program, arguments) in [
            ("sh", vec!["-c", "exec no-such-program"]),
            ("env", vec!["no-such-program"]),
        ] {
            let e = Cmd::new("x", program).args(&arguments).read().unwrap_err();
            let text =
                "the program `no-such-program` is missing; `cargo xtask doctor` says how to get it";
            assert_eq!(e.to_string(), text);
        }
    }

    #[test]
    fn a_script_is_the_command_and_takes_more_arguments() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("script");
        let mut cmd = Cmd::new("x", "printf");
        cmd.args(["%s.", "it's one", "$HOME"])
            .write_script(&path)
            .unwrap();
        let mut sh = Cmd::new("x", "sh");
        let said = sh.arg(&path).arg("more words").read().unwrap();
        assert_eq!(said, "it's one.$HOME.more words.");
    }

    #[test]
    fn stop_ends_children_too() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let mut running = Cmd::new("x", "sh")
            .args(["-c", "sleep 100 & echo $!; wait"])
            .start(&log)
            .unwrap();
        while tail(&log).is_empty() {
            running.poll().unwrap();
        }
        let pid = tail(&log);
        running.stop();
        let state = || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let gone = || state().is_empty() || state().contains(") Z ");
        // It has its signal, but need not have run since.
        let end = Instant::now() + Duration::from_secs(10);
        while !gone() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(gone(), "{}", state());
    }
}
