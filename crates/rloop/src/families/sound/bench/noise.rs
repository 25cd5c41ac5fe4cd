// SPDX-License-Identifier: MIT OR Apache-2.0

//! The machine's own scheduling noise, by cyclictest (rt-tests), which everybody uses for that:
//! without it jitter says nothing of a card.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::figures::Noise;
use super::given::Bench;
use super::machine;
use rig::clock::whole_second;
use rig::stats::Spread;
use rig::verdict::{Problem, Verdict, skip};

/// Between two wake-ups, in µs.
const INTERVAL: u32 = 1000;
/// Beyond that the histogram does not go, in µs.
const LONGEST: u32 = 100_000;

#[derive(Deserialize)]
struct Report {
    thread: BTreeMap<String, Thread>,
}

#[derive(Deserialize)]
struct Thread {
    /// How often each number of µs came.
    histogram: BTreeMap<String, usize>,
    max: f64,
}

/// Runs it with this program's own priority.
pub fn measure(bench: &Bench<'_>) -> Verdict<Noise> {
    let file = std::env::temp_dir().join(format!("rloop-bench-{}.json", std::process::id()));
    whole_second();
    let ran = Command::new("cyclictest")
        .args(["--quiet", "--threads=1"])
        .arg(format!("--priority={}", machine::priority()))
        .arg(format!("--interval={INTERVAL}"))
        .arg(format!("--histogram={LONGEST}"))
        .arg(format!("--loops={}", bench.part(3).as_millis()))
        .arg(format!("--json={}", file.display()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output();
    let text = std::fs::read_to_string(&file);
    // It is there only if cyclictest got that far.
    let _ = std::fs::remove_file(&file);
    let output = match ran {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return skip("there is no cyclictest here (Debian has it in rt-tests)");
        }
        Err(e) => return skip(format!("cyclictest: {e}")),
        Ok(output) => output,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().last().unwrap_or_default();
        return skip(format!("cyclictest ended with {}: {last}", output.status));
    }
    let text = text.map_err(|e| Problem::Skipped(format!("{}: {e}", file.display())))?;
    read(&text).ok_or_else(|| Problem::Skipped("cyclictest reported no wake-up".to_owned()))
}

fn read(text: &str) -> Option<Noise> {
    let report: Report = serde_json::from_str(text).ok()?;
    let thread = report.thread.values().next()?;
    let late: Vec<f64> = thread
        .histogram
        .iter()
        .filter_map(|(us, count)| Some((us.parse::<f64>().ok()?, *count)))
        .flat_map(|(us, count)| std::iter::repeat_n(us, count))
        .collect();
    let spread = Spread::of(&late)?;
    Some(Noise {
        by: "cyclictest".to_owned(),
        late_us: Spread {
            // The histogram may have ended before it.
            max: spread.max.max(thread.max),
            ..spread
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_of_cyclictest_is_read() {
        let text = r#"{ "file_version": 1, "return_code": 0, "num_threads": 1, "thread": { "0": {
            "histogram": { "10": 998, "70": 1 }, "cycles": 1000, "min": 10, "max": 250000,
            "avg": 10.06, "cpu": 0, "node": 0 } } }"#;
        let noise = read(text).unwrap();
        assert_eq!(noise.late_us.count, 999);
        assert_eq!((noise.late_us.p50, noise.late_us.max), (10.0, 250_000.0));
        assert!(read("{}").is_none());
    }
}
