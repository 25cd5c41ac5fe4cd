// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the output of a program that failed says of the cause.

/// What fails for reasons outside of the program, and is said long before its end, or once for each of many files.
const OUTSIDE: &[&str] = &[
    "No space left on device",
    "Disk quota exceeded",
    "Read-only file system",
    "Temporary failure in name resolution",
    "Temporary failure resolving",
    "Could not resolve",
    "Failed to establish a new connection",
    "onnection refused",
    "onnection timed out",
    "Network is unreachable",
];

/// How the line begins in which these programs name the cause.
const BEGINNINGS: &[&str] = &[
    // apt, and mmdebstrap.
    "E: ",
    // pip.
    "ERROR: ",
    "unshare: ",
    "setpriv: ",
    "mount: ",
    "chroot: ",
    "mkdir: ",
    "tar: ",
];

/// The line that names the cause, if there is one of which that is known.
pub fn of(output: &str) -> Option<String> {
    let lines = || output.lines().map(str::trim);
    // The last of them is the one with most about it.
    let outside = lines().rfind(|line| OUTSIDE.iter().any(|cause| line.contains(cause)));
    let cause = outside
        .map(str::to_owned)
        .or_else(|| compiler(output))
        .or_else(|| {
            let begins = |line: &&str| BEGINNINGS.iter().any(|start| line.starts_with(start));
            lines().find(begins).map(str::to_owned)
        })?;
    Some(bare(&cause).to_owned())
}

/// A line without what its program begins all of them with; of pip's retries, which are long, what they are for.
fn bare(line: &str) -> &str {
    let line = line
        .strip_prefix("E: ")
        .or_else(|| line.strip_prefix("ERROR: "))
        .unwrap_or(line);
    match line.find("Failed to establish a new connection") {
        Some(from) => line[from..].split("')").next().unwrap_or_default(),
        None => line,
    }
}

/// The first line of rustc's, cargo's or gcc's first error, with rustc's place of it.
fn compiler(output: &str) -> Option<String> {
    let mut lines = output.lines().map(str::trim);
    let first = lines.find(|line| line.starts_with("error") || line.contains(" error: "))?;
    let place = lines.next().filter(|line| line.starts_with("--> "));
    Some(place.map_or(first.to_owned(), |place| format!("{first} {place}")))
}

/// The program that could not be found, where that is all that went wrong.
pub fn missing_program(output: &str) -> Option<&str> {
    output.lines().rev().find_map(|line| {
        let line = line.trim();
        // sh: 1: exec: NAME: not found
        if let Some(rest) = line.strip_suffix(": not found") {
            return rest.rsplit(": ").next();
        }
        // setpriv: failed to execute NAME: No such file or directory
        // env: ‘NAME’: No such file or directory
        let rest = line.strip_suffix(": No such file or directory")?;
        let name = rest
            .rsplit(": ")
            .next()?
            .trim_start_matches("failed to execute ");
        Some(name.trim_matches(['‘', '’', '\'']))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_names_the_cause_is_found() {
        for (output, cause) in [
            (
                "I: running apt-get update...\nErr:1 http://m.example trixie InRelease\n  Could not connect\n\
                 E: Failed to fetch http://m.example/x  Temporary failure resolving 'm.example'\n\
                 E: Some index files failed to download.\nE: mmdebstrap failed to run\n",
                "Failed to fetch http://m.example/x  Temporary failure resolving 'm.example'",
            ),
            (
                "E: The repository 'file:/x trixie Release' does not have a Release file.\nE: mmdebstrap failed to run\n",
                "The repository 'file:/x trixie Release' does not have a Release file.",
            ),
            (
                "WARNING: Retrying after 'X('<y>: Failed to establish a new connection: [Errno -3] No')': /kas/\n\
                 ERROR: Could not find a version that satisfies the requirement kas\n",
                "Failed to establish a new connection: [Errno -3] No",
            ),
            (
                "  CC x.o\nx.c:3:1: error: expected ';'\n  3 | }\nmake: *** [x.o] Error 1\n",
                "x.c:3:1: error: expected ';'",
            ),
            (
                "   Compiling x\nerror[E0308]: mismatched types\n  --> src/card.rs:65:23\nerror: aborting\n",
                "error[E0308]: mismatched types --> src/card.rs:65:23",
            ),
            (
                "x.c:1:1: fatal error: closing y.o: No space left on device\ncompilation terminated.\n",
                "x.c:1:1: fatal error: closing y.o: No space left on device",
            ),
        ] {
            assert_eq!(of(output).as_deref(), Some(cause));
        }
        assert_eq!(of("Diff in main.rs\nmake: *** [x] Error 1\n"), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_found() {
        for line in [
            "sh: 1: exec: x: not found",
            "setpriv: failed to execute x: No such file or directory",
            "env: ‘x’: No such file or directory",
            "/usr/bin/env: 'x': No such file or directory",
        ] {
            assert_eq!(missing_program(line), Some("x"), "{line}");
        }
        assert_eq!(missing_program("x"), None);
    }
}
