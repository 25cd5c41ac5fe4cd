// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask docs`: the pictures, and a site of all pages, in which every link leads somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use lab::context::Context;
use lab::error::{AtPath as _, Error, Result};
use lab::python::Python;
use lab::ui::Step;
use lab::{paths, sandbox};

use crate::report::Check;

const REQUIREMENTS: &str = "crates/xtask/docs/requirements.txt";
const CONFIGURATION: &str = "crates/xtask/docs/mkdocs.yml";
const PICTURES: &str = "docs/pictures";
/// What all pictures look like, in light and in dark.
const STYLE: &str = "style.css";
/// The pages, each at its own place in the site, so that a link leads where it does in the repository.
const PAGES: &[&str] = &[
    "docs",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "SECURITY.md",
    "meta-rloop/README.md",
];

/// Draws the pictures anew, and makes the site. True if every link in it leads somewhere.
pub(crate) fn run(context: &Context) -> Result<bool> {
    let step = Step::new("pictures");
    draw(context, &step, &context.paths.repo.join(PICTURES))?;
    step.ok();
    let step = Step::new("site");
    match site(context, &step)? {
        Ok(site) => {
            step.ok();
            println!("site     {}", site.join("index.html").display());
            Ok(true)
        }
        Err(complaints) => {
            step.end("FAIL", &complaints);
            Ok(false)
        }
    }
}

/// That the pictures are what is drawn of their sources, and that every link leads somewhere.
pub(crate) fn checks(context: &Context, step: &Step) -> Result<Vec<Check>> {
    let (old, new) = (
        context.paths.repo.join(PICTURES),
        context.paths.work().join("pictures"),
    );
    sandbox::remove(&new)?;
    paths::copy(&old, &new)?;
    draw(context, step, &new)?;
    let mut differ = Vec::new();
    for path in svgs(&new)? {
        let name = path.file_name().unwrap_or_default();
        if fs::read(&path).ok() != fs::read(old.join(name)).ok() {
            differ.push(name.to_string_lossy().into_owned());
        }
    }
    let pictures = (!differ.is_empty())
        .then(|| format!("`cargo xtask docs` draws others: {}", differ.join(", ")));
    Ok(vec![
        Check::that("pictures are those of their sources", pictures),
        Check::that("every link leads somewhere", site(context, step)?.err()),
    ])
}

/// Gives all pictures in `dir` the style, and draws those that drivers' models make.
fn draw(context: &Context, step: &Step, dir: &Path) -> Result<()> {
    let path = dir.join(STYLE);
    let style = fs::read_to_string(&path).at(&path)?;
    for path in svgs(dir)? {
        let text = fs::read_to_string(&path).at(&path)?;
        if let Some(text) = styled(&text, &style) {
            fs::write(&path, text).at(&path)?;
        }
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    for driver in &context.drivers {
        if driver.dir.join("host/examples/pictures.rs").is_file() {
            sandbox::command("drawing pictures")
                .arg(&cargo)
                .args(["run", "--locked", "--example", "pictures"])
                .arg("--manifest-path")
                .arg(driver.dir.join("host/Cargo.toml"))
                .arg("--")
                .arg(dir)
                .dir(&context.paths.repo)
                .run(step, &context.paths.log("pictures"))?;
        }
    }
    Ok(())
}

/// The pictures in `dir`.
fn svgs(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).at(dir)? {
        let path = entry.at(dir)?.path();
        if path.extension().is_some_and(|e| e == "svg") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// A picture with `style` in place of its own; `None` if it has no place for one.
fn styled(picture: &str, style: &str) -> Option<String> {
    let (before, rest) = picture.split_once("<style>\n")?;
    let (_, after) = rest.split_once("</style>")?;
    Some(format!("{before}<style>\n{style}</style>{after}"))
}

/// Makes the site, and says where it is, or which links lead nowhere.
fn site(context: &Context, step: &Step) -> Result<std::result::Result<PathBuf, String>> {
    let python = Python::get(context, REQUIREMENTS, None)?;
    let repo = &context.paths.repo;
    let dir = repo.join("target/docs");
    sandbox::remove(&dir)?;
    for page in PAGES {
        let to = dir.join("pages").join(page);
        let above = to.parent().unwrap_or(&dir);
        fs::create_dir_all(above).at(above)?;
        paths::copy(&repo.join(page), &to)?;
    }
    let configuration = dir.join("mkdocs.yml");
    paths::copy(&repo.join(CONFIGURATION), &configuration)?;
    let log = context.paths.log("site");
    let made = python
        .module("mkdocs")
        .env("NO_MKDOCS_2_WARNING", "1")
        .args(["build", "--strict", "--config-file"])
        .arg(&configuration)
        .dir(&dir)
        .run(step, &log);
    match made {
        Ok(()) => Ok(Ok(dir.join("site"))),
        Err(e @ Error::Command { .. }) => {
            let said = fs::read_to_string(&log).at(&log)?;
            let complaints = said.lines().filter_map(|l| l.strip_prefix("WARNING -  "));
            let complaints: Vec<&str> = complaints.collect();
            match complaints.as_slice() {
                [] => Err(e),
                some => Ok(Err(some.join("\n"))),
            }
        }
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_gets_the_style() {
        let picture = "<svg>\n<style>\nold\n</style>\n<g/></svg>";
        let new = "<svg>\n<style>\nnew\n</style>\n<g/></svg>";
        assert_eq!(styled(picture, "new\n").as_deref(), Some(new));
        assert_eq!(styled("<svg/>", "new\n"), None);
    }
}
