// SPDX-License-Identifier: MIT OR Apache-2.0
//! The examples of a driver's manual, as a script that runs them as they stand.
//!
//! A block that follows the line `<!-- guest -->` is run in a guest, as root, in an empty directory. The blocks of a
//! section are one script; each has to succeed, command by command, those in the background included, unless they are told
//! to end. A section that loads the module begins without it, another with it, as the manual says.

use std::fmt::Write as _;

/// The status of a program that was told to end (`SIGTERM`), as a shell has it.
const ENDED: u32 = 128 + 15;

/// What comes before a block that is run.
const MARK: &str = "<!-- guest -->";

/// A part of a page that has examples.
#[derive(Debug, PartialEq)]
struct Section {
    /// Its heading, in small letters and hyphens.
    name: String,
    commands: String,
}

/// The sections of a page that have examples. A mark without a block is one that fails.
fn sections(page: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    let mut name = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            lines.by_ref().find(|line| *line == "```");
        } else if line.starts_with('#') {
            let words = line.split(|c: char| !c.is_alphanumeric());
            let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
            name = words.join("-").to_lowercase();
        } else if line == MARK {
            let block = lines.next().is_some_and(|line| line.starts_with("```"));
            let commands: String = match block {
                true => lines
                    .by_ref()
                    .take_while(|line| *line != "```")
                    .map(noted)
                    .collect(),
                false => "echo 'a mark without a block'; false\n".to_owned(),
            };
            match sections.last_mut() {
                Some(section) if section.name == name => section.commands.push_str(&commands),
                _ => sections.push(Section {
                    name: name.clone(),
                    commands,
                }),
            }
        }
    }
    sections
}

/// A line of a script that keeps in mind what it has put into the background.
fn noted(line: &str) -> String {
    match line.strip_suffix(" &") {
        Some(command) => format!("{command} & jobs=\"$jobs $!\"\n"),
        None => format!("{line}\n"),
    }
}

/// What a guest runs, after the prelude, for the examples of `driver` on `page`.
pub(super) fn script(driver: &str, page: &str) -> String {
    let mut script = String::new();
    for (number, Section { name, commands }) in sections(page).iter().enumerate() {
        let load = match commands.contains(&format!("modprobe {driver}")) {
            true => String::new(),
            false => format!("modprobe {driver}\n"),
        };
        let _ = write!(
            script,
            "cat >/tmp/example-{number} <<'END OF EXAMPLE'\n\
             set -ex\n\
             jobs=\n\
             wait() {{ for job in $jobs; do command wait $job || [ $? = {ENDED} ]; done; jobs=; }}\n\
             {commands}\
             wait\n\
             END OF EXAMPLE\n\
             mkdir /tmp/{number} && cd /tmp/{number}\n\
             ! grep -q '^{module} ' /proc/modules || modprobe -r {driver}\n\
             {load}\
             check manual/{name} sh /tmp/example-{number}\n",
            module = driver.replace('-', "_"),
        );
    }
    script.push_str("exit $status\n");
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marked_blocks_of_a_section_are_one() {
        let page = "# A page\n\n<!-- guest -->\n```sh\none &\nwait\n```\ntext\n```sh\nno\n```\n\
                    <!-- guest -->\n```sh\ntwo\n```\n## Without any\n\n    no\n\n\
                    ### It's here: 3\n<!-- guest -->\n```sh\n# three\n```\n\
                    ```sh\n# no heading\n```\n<!-- guest -->\n\n";
        let section = |name: &str, commands: &str| Section {
            name: name.to_owned(),
            commands: commands.to_owned(),
        };
        assert_eq!(
            sections(page),
            [
                section("a-page", "one & jobs=\"$jobs $!\"\nwait\ntwo\n"),
                section(
                    "it-s-here-3",
                    "# three\necho 'a mark without a block'; false\n"
                ),
            ]
        );
    }

    #[test]
    fn the_module_is_loaded_where_no_example_does() {
        let page = "## A\n<!-- guest -->\n```sh\nmodprobe snd-rloop x=1\n```\n\
                    ## B\n<!-- guest -->\n```sh\naplay\n```\n";
        let script = script("snd-rloop", page);
        let load = script.find("\nmodprobe snd-rloop\n").unwrap();
        assert!(script.find("check manual/a ").unwrap() < load);
        assert!(load < script.find("check manual/b ").unwrap());
        assert_eq!(script.matches("\nmodprobe snd-rloop\n").count(), 1);
    }
}
