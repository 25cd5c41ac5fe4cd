// SPDX-License-Identifier: MIT OR Apache-2.0
//! A driver's parameters, which are said three times: to modinfo, by the driver's C; to the module, by its model; to
//! users, by its page.

use std::collections::BTreeSet;

/// The header of the table in a driver's page.
const HEADER: &str = "| parameter | values | default |";

/// What is said of the parameters.
pub(super) struct Sources<'a> {
    /// `bindings/helpers.c`.
    pub(super) c: &'a str,
    /// `model/params.rs`, and after it what it takes constants from.
    pub(super) model: &'a str,
    /// The driver's page.
    pub(super) page: &'a str,
}

/// A parameter as the C declares it.
struct Declared<'a> {
    name: &'a str,
    kind: &'a str,
    /// Whether a value holds for the devices after its own, too.
    kept: bool,
    default: &'a str,
    text: &'a str,
}

/// A row of the page's table.
struct Row<'a> {
    names: Vec<&'a str>,
    star: bool,
    values: &'a str,
    defaults: Vec<&'a str>,
}

/// Where the three differ.
pub(super) fn problems(sources: &Sources<'_>) -> Vec<String> {
    let declared: Vec<Declared<'_>> = sources.c.lines().filter_map(declared).collect();
    let mut problems = of_model(&declared, sources.model);
    problems.extend(of_page(&declared, sources.page));
    for parameter in &declared {
        if let Some(said) = default_in(parameter.text) {
            let due = value(parameter.kind, parameter.default);
            // Of `enable` it tells what holds for the first.
            if parameter.name != "enable" && value(parameter.kind, said) != due {
                problems.push(format!(
                    "modinfo says that the default of {} is {said}, and it is {due}",
                    parameter.name
                ));
            }
        }
    }
    problems
}

/// `X(name, type, kept, "default", "text")`, which is a line.
fn declared(line: &str) -> Option<Declared<'_>> {
    let line = line.trim().trim_end_matches('\\').trim_end();
    let fields = line.strip_prefix("X(")?.strip_suffix("\")")?;
    let mut fields = fields.splitn(4, ", ");
    let (name, kind, kept) = (fields.next()?, fields.next()?, fields.next()?);
    let (default, text) = fields.next()?.strip_prefix('"')?.split_once("\", \"")?;
    Some(Declared {
        name,
        kind,
        kept: kept == "true",
        default,
        text,
    })
}

/// Where the model's table, `written!`, is another. `enable` is none of it, and a driver may read its parameters without.
fn of_model(declared: &[Declared<'_>], model: &str) -> Vec<String> {
    let table = model.split_once("\nwritten! {\n");
    let Some((lines, _)) = table.and_then(|(_, rest)| rest.split_once("\n}")) else {
        return Vec::new();
    };
    let entries = lines
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',')?.split_once(": "));
    let read: Vec<(&str, &str)> = entries
        .map(|(name, default)| (name, text_of(default, model)))
        .collect();
    let mut problems = Vec::new();
    let names: Vec<&str> = declared.iter().map(|parameter| parameter.name).collect();
    names_differ(
        ("bindings/helpers.c", &names),
        ("model/params.rs", read.iter().map(|(name, _)| *name)),
        &mut problems,
    );
    for (name, default) in read {
        let Some(parameter) = declared.iter().find(|parameter| parameter.name == name) else {
            continue;
        };
        let due = value(parameter.kind, parameter.default);
        let is = value(parameter.kind, default);
        if is != due {
            problems.push(format!(
                "the default of {name} is {due} in bindings/helpers.c and {is} in model/params.rs"
            ));
        }
    }
    problems
}

/// The text that a constant stands for, or a literal.
fn text_of<'a>(expression: &'a str, model: &'a str) -> &'a str {
    let literal = expression
        .strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'));
    let constant = || {
        let (_, rest) = model.split_once(&format!("const {expression}: &str = \""))?;
        Some(rest.split_once('"')?.0)
    };
    literal.or_else(constant).unwrap_or(expression)
}

/// Where the page's table is another.
fn of_page(declared: &[Declared<'_>], page: &str) -> Vec<String> {
    let rows = rows(page);
    let mut problems = Vec::new();
    let names: Vec<&str> = declared.iter().map(|parameter| parameter.name).collect();
    names_differ(
        ("bindings/helpers.c", &names),
        (
            "its page",
            rows.iter().flat_map(|row| row.names.iter().copied()),
        ),
        &mut problems,
    );
    for parameter in declared {
        let name = parameter.name;
        if !rows.iter().any(|row| row.names.contains(&name)) {
            problems.push(format!("its page lacks the parameter {name}"));
        }
    }
    for row in rows {
        let known = |name: &&str| declared.iter().find(|parameter| parameter.name == *name);
        let parameters: Vec<&Declared<'_>> = row.names.iter().filter_map(known).collect();
        let (mut said, values) = (BTreeSet::new(), ranges(row.values));
        for (parameter, default) in parameters.iter().zip(&row.defaults) {
            let due = match parameter.name {
                // The others are there only where there is a value of theirs.
                "enable" => "1",
                _ => value(parameter.kind, parameter.default),
            };
            if value(parameter.kind, default) != due {
                problems.push(format!(
                    "the default of {} is {due}, and its page says {default}",
                    parameter.name
                ));
            }
            if parameter.kept != row.star {
                problems.push(format!(
                    "its page has {} star at {}, of which a value {} for the devices after its own",
                    if row.star { "a" } else { "no" },
                    parameter.name,
                    if parameter.kept {
                        "holds"
                    } else {
                        "does not hold"
                    },
                ));
            }
            said.extend(ranges(parameter.text));
        }
        if said != values {
            problems.push(format!(
                "the ranges of {} are {said:?} to modinfo and {values:?} in its page",
                row.names.join(", ")
            ));
        }
    }
    problems
}

/// What the page's table says.
fn rows(page: &str) -> Vec<Row<'_>> {
    let table = page.split_once(HEADER).map_or("", |(_, rest)| rest);
    let lines = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    lines
        .filter_map(|line| {
            let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
            let (names, values) = (cells.next()?, cells.next()?);
            let default = cells.last()?;
            Some(Row {
                names: code(names),
                star: names.ends_with('*'),
                values,
                defaults: match code(default).as_slice() {
                    [] => vec![default],
                    defaults => defaults.to_vec(),
                },
            })
        })
        .collect()
}

/// What is between the backticks of a text.
fn code(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn names_differ<'a>(
    (of_known, known): (&str, &[&str]),
    (place, names): (&str, impl Iterator<Item = &'a str>),
    problems: &mut Vec<String>,
) {
    for name in names.filter(|name| !known.contains(name)) {
        problems.push(format!(
            "{place} has the parameter {name}, and {of_known} has not"
        ));
    }
}

/// A value in one form, whoever says it.
fn value<'a>(kind: &str, text: &'a str) -> &'a str {
    match (kind, text) {
        ("bool", "N" | "no") => "0",
        ("bool", "Y" | "yes") => "1",
        ("bool", "1 for the first, 0 for the others") => "1",
        _ => text,
    }
}

/// What a text for modinfo says of the default.
fn default_in(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("(default: ")?;
    Some(rest.split_once(')')?.0)
}

/// The ranges of numbers that a text says, but for that of a default.
fn ranges(text: &str) -> BTreeSet<String> {
    let text = text.split("(default: ").next().unwrap_or_default();
    let words = text.split_whitespace();
    let numbers = words.map(|word| {
        word.trim_matches(|c: char| !c.is_ascii_digit())
            .replace('–', "-")
    });
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let is_range = |word: &String| {
        let ends = word.split_once('-');
        ends.is_some_and(|(first, last)| is_number(first) && is_number(last))
    };
    numbers.filter(is_range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: &str = "#define RLOOP_PARAMETERS(X)\t\\\n\
        \tX(enable, bool, false, \"N\", \"Whether to make it (default: yes).\")\t\\\n\
        \tX(size, ulong, false, \"16\", \"Size in MiB, 1-64 (default: 16).\") \\\n\
        \tX(mode, charp, true, \"near\", \"near (default), or far.\") \\\n\
        \tX(safe, bool, false, \"N\", \"Whether it is safe (default: no).\")\n";
    const MODEL: &str = "pub const MODE: &str = \"near\";\n\nwritten! {\n    size: \"16\",\n    mode: MODE,\n    safe: \"0\",\n}\n";
    const PAGE: &str = "## Parameters\n\n| parameter | values | default |\n|---|---|---|\n\
        | `enable` | 1 or 0: whether to make it | 1 |\n\
        | `size` | MiB, 1–64 | 16 |\n\
        | `mode` * | `near` or `far` | `near` |\n\
        | `safe` | 1 or 0 | 0 |\n\nMore.\n";

    /// What is told if one text is in the place of another.
    fn told(from: &str, to: &str) -> String {
        let changed = [C, MODEL, PAGE].map(|text| text.replace(from, to));
        let [c, model, page] = &changed;
        assert!(
            from.is_empty() || changed.iter().ne(&[C, MODEL, PAGE]),
            "{from}"
        );
        problems(&Sources { c, model, page }).join("; ")
    }

    #[test]
    fn what_is_said_alike_is_fine() {
        assert_eq!(told("\t\\", " \\"), "");
        let none = problems(&Sources {
            c: "",
            model: "",
            page: "",
        });
        assert!(none.is_empty());
    }

    #[test]
    fn a_name_that_is_not_everywhere_is_told() {
        assert_eq!(
            told("    safe: \"0\",\n", "    safe: \"0\",\n    new: \"0\",\n"),
            "model/params.rs has the parameter new, and bindings/helpers.c has not"
        );
        assert_eq!(
            told("| `safe` | 1 or 0 | 0 |\n", ""),
            "its page lacks the parameter safe"
        );
        assert_eq!(
            told("| `safe` |", "| `save` |"),
            "its page has the parameter save, and bindings/helpers.c has not; its page lacks the parameter safe"
        );
        assert!(told(HEADER, "| p | v | d |").contains("its page lacks the parameter size"));
    }

    #[test]
    fn a_default_that_differs_is_told() {
        assert_eq!(
            told("size: \"16\"", "size: \"17\""),
            "the default of size is 16 in bindings/helpers.c and 17 in model/params.rs"
        );
        assert_eq!(
            told("MODE: &str = \"near\"", "MODE: &str = \"far\""),
            "the default of mode is near in bindings/helpers.c and far in model/params.rs"
        );
        assert_eq!(
            told("1 or 0 | 0 |", "1 or 0 | 1 |"),
            "the default of safe is 0, and its page says 1"
        );
        assert_eq!(
            told("| `near` |", "| `far` |"),
            "the default of mode is near, and its page says far"
        );
        assert_eq!(
            told("1-64 (default: 16)", "1-64 (default: 8)"),
            "modinfo says that the default of size is 8, and it is 16"
        );
        assert_eq!(
            told("make it | 1 |", "make it | 0 |"),
            "the default of enable is 1, and its page says 0"
        );
    }

    #[test]
    fn a_range_or_a_star_that_differs_is_told() {
        let ranges = "the ranges of size are {\"1-64\"} to modinfo and {\"1-65\"} in its page";
        assert_eq!(told("1–64", "1–65"), ranges);
        assert!(told("MiB, 1–64", "MiB").ends_with("and {} in its page"));
        assert_eq!(
            told("`mode` *", "`mode`"),
            "its page has no star at mode, of which a value holds for the devices after its own"
        );
    }
}
