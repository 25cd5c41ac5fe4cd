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
    let mut command = Cli::command();
    for (shell, path) in COMPLETIONS {
        let path = share.join(path);
        fs::create_dir_all(path.parent().unwrap_or(share))?;
        let mut file = fs::File::create(path)?;
        clap_complete::generate(*shell, &mut command, "rloop", &mut file);
    }
    let pages = share.join("man/man1");
    fs::create_dir_all(&pages)?;
    command.build();
    page(&command, "rloop", &pages)?;
    let shown = command.get_subcommands().filter(|c| !c.is_hide_set());
    for sub in shown.filter(|c| c.get_name() != "help") {
        page(sub, &format!("rloop-{}", sub.get_name()), &pages)?;
    }
    Ok(())
}

/// The page `name`, in section 1.
fn page(command: &Command, name: &str, dir: &Path) -> io::Result<()> {
    let mut page = Vec::new();
    Man::new(command.clone())
        .title(name)
        .manual("rloop")
        .render(&mut page)?;
    fs::write(dir.join(format!("{name}.1")), page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_completions_have_all_options() {
        let dir = std::env::temp_dir().join(format!("rloop-generate-{}", std::process::id()));
        all(&dir).unwrap();
        let read = |path: &str| fs::read_to_string(dir.join(path)).unwrap();
        let verify = read("man/man1/rloop-verify.1");
        let completions = COMPLETIONS.iter().map(|(_, path)| read(path));
        let completions: Vec<String> = completions.collect();
        let main = read("man/man1/rloop.1");
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
        fs::remove_dir_all(dir).unwrap();
    }
}
