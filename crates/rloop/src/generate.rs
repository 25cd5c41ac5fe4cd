// SPDX-License-Identifier: MIT OR Apache-2.0

//! `rloop generate DIR`: manual pages, and completions of the shells, from the command line's own declaration.

use std::fs;
use std::io;
use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;

/// Where each shell looks for completions, below a directory such as /usr/local/share, and under which name.
const COMPLETIONS: &[(Shell, &str)] = &[
    (Shell::Bash, "bash-completion/completions/rloop"),
    (Shell::Fish, "fish/vendor_completions.d/rloop.fish"),
    (Shell::Zsh, "zsh/site-functions/_rloop"),
];

/// Writes all of it below `share`.
///
/// # Errors
/// If a file can't be written; the error names none.
pub fn all(share: &Path) -> io::Result<()> {
    for (path, content) in files()? {
        let path = share.join(path);
        fs::create_dir_all(path.parent().unwrap_or(share))?;
        fs::write(path, content)?;
    }
    Ok(())
}

/// Each file: where it belongs below a directory such as /usr/local/share, and what is in it.
fn files() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command();
    let mut files = Vec::new();
    for (shell, path) in COMPLETIONS {
        let mut content = Vec::new();
        clap_complete::generate(*shell, &mut command, "rloop", &mut content);
        files.push(((*path).to_owned(), content));
    }
    command.build();
    files.push(page(&command, "rloop")?);
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
    for sub in shown.filter(|c| c.get_name() != "help") {
        files.push(page(sub, &format!("rloop-{}", sub.get_name()))?);
    }
    Ok(files)
}

/// The page `name`, in section 1.
fn page(command: &Command, name: &str) -> io::Result<(String, Vec<u8>)> {
    let mut content = Vec::new();
    Man::new(command.clone())
        .title(name)
        .source(concat!("rloop ", env!("CARGO_PKG_VERSION")))
        .manual("rloop")
        .render(&mut content)?;
    Ok((format!("man/man1/{name}.1"), content))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// The files in `share/`, as they are in the source: packages have them, and tests run where there is no source.
    macro_rules! kept {
        ($($path:literal,)*) => {
            [$(($path, include_str!(concat!("../share/", $path)))),*]
        };
    }

    fn written() -> BTreeMap<String, String> {
        let text = |(path, content)| (path, String::from_utf8(content).unwrap());
        files().unwrap().into_iter().map(text).collect()
    }

    #[test]
    fn what_is_installed_is_what_is_written_today() {
        let kept = kept![
            "bash-completion/completions/rloop",
            "fish/vendor_completions.d/rloop.fish",
            "man/man1/rloop.1",
            "man/man1/rloop-bench.1",
            "man/man1/rloop-merge.1",
            "man/man1/rloop-status.1",
            "man/man1/rloop-verify.1",
            "zsh/site-functions/_rloop",
        ];
        let mut written = written();
        let mut differ = Vec::new();
        for (path, text) in kept {
            if written.remove(path).as_deref() != Some(text) {
                differ.push(path.to_owned());
            }
        }
        differ.extend(written.into_keys());
        assert!(
            differ.is_empty(),
            "in crates/rloop/share, {} are not what the tool writes: say \
             `cargo run --package rloop -- generate crates/rloop/share`, and name new files in this test",
            differ.join(", ")
        );
    }

    #[test]
    fn all_of_it_is_below_the_directory() {
        let dir = std::env::temp_dir().join(format!("rloop-generate-{}", std::process::id()));
        all(&dir).unwrap();
        for (path, text) in written() {
            assert_eq!(fs::read_to_string(dir.join(path)).unwrap(), text);
        }
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn pages_and_completions_have_all_options() {
        let written = written();
        let verify = &written["man/man1/rloop-verify.1"];
        let completions = COMPLETIONS.iter().map(|(_, path)| &written[*path]);
        let completions: Vec<&String> = completions.collect();
        let main = &written["man/man1/rloop.1"];
        for sub in Cli::command().get_subcommands() {
            let shown = !sub.is_hide_set();
            assert_eq!(main.contains(&format!("rloop\\-{}", sub.get_name())), shown);
        }
        let command = Cli::command();
        let options = command.find_subcommand("verify").unwrap();
        for option in options.get_arguments().filter_map(|a| a.get_long()) {
            let escaped = option.replace('-', "\\-");
            assert!(verify.contains(&format!("\\-\\-{escaped}")), "{option}");
            for text in &completions {
                assert!(text.contains(option), "{option}");
            }
        }
    }
}
