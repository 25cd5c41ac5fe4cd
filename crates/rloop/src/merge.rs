// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop merge`: the reports of `rloop verify --shard` on several machines, together.

use std::fs;
use std::io;
use std::path::Path;

use rig::output::{Ending, Unwritten, complain};
use rig::report::Kept;
use rig::report::merge::Merged;

use crate::error::Error;
use crate::options::Merge;

/// Puts reports together, writes that, and complains of what is twice or left out.
///
/// # Errors
/// If a file can't be read or is of something else, or the results can't be written.
pub fn command(options: &Merge) -> Result<Ending, Error> {
    let mut files = Vec::new();
    for path in &options.files {
        let kept = Kept::read(&read(path)?).map_err(|why| Error::NoReport {
            path: path.display().to_string(),
            why,
            allowed: "a report of `rloop verify --format json` or `--format junit`",
        })?;
        files.push((path.display().to_string(), kept));
    }
    let wanted = options.list.as_deref().map(names).transpose()?;
    let merged = Merged::new(files);
    let failed = match merged.write(options.format, Box::new(io::stdout())) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => return Ok(Ending::Unread),
        failed => failed.map_err(Unwritten)?,
    };
    let complaints = merged.complaints(wanted.as_deref());
    complaints.iter().for_each(complain);
    Ok(Ending::of(failed + complaints.len(), true))
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(Error::file(path))
}

/// The names in a list of `rloop verify --list`.
fn names(path: &Path) -> Result<Vec<String>, Error> {
    let text = read(path)?;
    let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let names: Vec<String> = text.lines().filter_map(first).collect();
    // Other files, such as a report, have lines with a slash, too.
    let is_name = |name: &str| name.contains('/') && name.starts_with(char::is_alphanumeric);
    let bad = names.iter().find(|name| !is_name(name));
    if let Some(why) = match bad {
        Some(name) => Some(format!("{name} is no check's name")),
        None if names.is_empty() => Some("it is empty".to_owned()),
        None => None,
    } {
        return Err(Error::NoReport {
            path: path.display().to_string(),
            why,
            allowed: "a list of `rloop verify --list`",
        });
    }
    Ok(names)
}
