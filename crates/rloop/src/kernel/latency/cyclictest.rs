// SPDX-License-Identifier: MIT OR Apache-2.0

//! How late a program wakes that nobody but the kernel can be in the way of: cyclictest (rt-tests).

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rig::verdict::{Problem, Verdict, skip};

/// Above all threads of the kernel that interrupts have, on a kernel with PREEMPT_RT.
const PRIORITY: u32 = 95;
/// Between two wake-ups, in µs.
const INTERVAL: u32 = 500;

/// A cyclictest that runs.
pub struct Cyclictest(Child);

impl Cyclictest {
    /// Starts one for so long.
    ///
    /// # Errors
    /// Skips where it can't be started.
    pub fn start(time: Duration) -> Verdict<Self> {
        let started = Command::new("cyclictest")
            .args(["--quiet", "--threads=1", "--mlockall"])
            .arg(format!("--priority={PRIORITY}"))
            .arg(format!("--interval={INTERVAL}"))
            .arg(format!("--duration={}", time.as_secs().max(1)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match started {
            Ok(child) => Ok(Self(child)),
            Err(e) => skip(format!("cyclictest (Debian has it in rt-tests): {e}")),
        }
    }

    /// Waits for its end: the longest time by which it woke too late.
    ///
    /// # Errors
    /// What it complains of.
    pub fn latest(self) -> Verdict<Duration> {
        let ended = self.0.wait_with_output();
        let output = ended.map_err(|e| Problem::Failed(format!("cyclictest: {e}")))?;
        let said = String::from_utf8_lossy(&output.stdout);
        read(&said).ok_or_else(|| {
            let error = String::from_utf8_lossy(&output.stderr);
            let last = error.lines().chain(said.lines()).last().unwrap_or_default();
            Problem::Failed(format!("cyclictest ended with {}: {last}", output.status))
        })
    }
}

/// `T: 0 (  123) P:95 I:500 C:   6000 Min:     12 Act:   15 Avg:   14 Max:      60`
fn read(said: &str) -> Option<Duration> {
    let line = said.lines().rfind(|line| line.starts_with("T:"))?;
    let (_, max) = line.split_once("Max:")?;
    Some(Duration::from_micros(max.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_read() {
        let said = "# /dev/cpu_dma_latency set to 0us\n\
                    T: 0 (  123) P:95 I:500 C:   6000 Min:     12 Act:   15 Avg:   14 Max:   3800123\n";
        assert_eq!(read(said), Some(Duration::from_micros(3_800_123)));
        assert_eq!(read("# /dev/cpu_dma_latency set to 0us\n"), None);
    }
}
