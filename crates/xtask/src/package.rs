// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask package`: a release, which builds without a network, an SBOM of it, and Debian's source package.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use lab::cargo;
use lab::context::Context;
use lab::error::{AtPath as _, Error, Result};
use lab::exec::Cmd;
use lab::sandbox;
use lab::toolchain;
use lab::ui::Step;

/// The version of all that is in it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The licences of what is in the repository, each for a part, as LICENSE says.
const LICENCE: &str = "GPL-2.0-only AND (GPL-2.0-only OR MIT) AND MIT AND (MIT OR Apache-2.0)";
/// What cargo needs to find the crates in the archive.
const CONFIG: &str = ".cargo/config.toml";
/// Where they are.
const VENDOR: &str = "vendor";

/// A release.
pub(crate) struct Package {
    /// The archive, of what git has of the last commit, with the crates.
    pub(crate) archive: PathBuf,
    /// The SBOM, which is in the archive, too.
    pub(crate) sbom: PathBuf,
    /// Debian's source package of it: the file that names all others.
    pub(crate) debian: PathBuf,
}

/// The name of the directory in the archive.
pub(crate) fn name() -> String {
    format!("rloop-{VERSION}")
}

/// Makes a release, and says where it is.
pub(crate) fn run(context: &Context) -> Result<()> {
    let step = Step::new(format!("release {VERSION}"));
    let dir = context.paths.repo.join("target/package");
    let package = Package::make(context, &step, &dir)?;
    step.ok();
    if !git(&context.paths.repo, &["status", "--porcelain"])?.is_empty() {
        eprintln!("what is not committed is not in it");
    }
    println!("archive  {}", package.archive.display());
    println!("SBOM     {}", package.sbom.display());
    println!("Debian   {}", package.debian.display());
    Ok(())
}

impl Package {
    /// Makes a release in `dir`, which it empties before. The same commit gives the same bytes.
    ///
    /// # Errors
    ///
    /// Where there is no git repository, or a crate can't be fetched.
    pub(crate) fn make(context: &Context, step: &Step, dir: &Path) -> Result<Self> {
        let repo = &context.paths.repo;
        let log = context.paths.log("package");
        let name = name();
        let commit = git(
            repo,
            &[
                "show",
                "--no-patch",
                "--format=%H %ct %cd",
                "--date=format-local:%Y-%m-%dT%H:%M:%SZ",
                "HEAD",
            ],
        )?;
        let mut words = commit.split_whitespace();
        let mut word = || words.next().unwrap_or_default();
        let (commit, seconds, date) = (word(), word(), word());
        sandbox::remove(dir)?;
        fs::create_dir_all(dir).at(dir)?;

        step.message("what git has");
        let tar = dir.join("git.tar");
        Cmd::new("git archive", "git")
            .args(["archive", "--format=tar", "HEAD"])
            .arg(format!("--prefix={name}/"))
            .arg("--output")
            .arg(&tar)
            .dir(repo)
            .run(step, &log)?;
        Cmd::new("unpacking what git has", "tar")
            .arg("-xf")
            .arg(&tar)
            .dir(dir)
            .run(step, &log)?;
        fs::remove_file(&tar).at(&tar)?;

        step.message("the crates");
        let tree = dir.join(&name);
        cargo::fetch(context, &tree, &tree.join(VENDOR), step)?;
        drop_libraries(&tree.join(VENDOR))?;
        let config = tree.join(CONFIG);
        let text = fs::read_to_string(&config).at(&config)?;
        fs::write(&config, text + &vendored()).at(&config)?;

        step.message("the SBOM");
        let sbom = dir.join(format!("{name}.spdx.json"));
        let text = sbom_of(&tree, commit, date)?;
        fs::write(&sbom, &text).at(&sbom)?;
        let inside = tree.join("sbom.spdx.json");
        fs::write(&inside, text).at(&inside)?;

        step.message("the archive");
        let archive = dir.join(format!("{name}.tar.xz"));
        Cmd::new("making the archive", "tar")
            .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
            .args(["--mode=u+rw,go+r,go-w,a+X"])
            .arg(format!("--mtime=@{seconds}"))
            // The blocks of more than one thread are the same however many there are.
            .args(["--use-compress-program=xz -T2", "-cf"])
            .arg(&archive)
            .arg(&name)
            .dir(dir)
            .run(step, &log)?;

        step.message("Debian's source package");
        let original = dir.join(format!("rloop_{VERSION}.orig.tar.xz"));
        fs::hard_link(&archive, &original).at(&original)?;
        toolchain::get(context)?
            .command::<&str, &str>("dpkg-source", dir, &[], "dpkg-source")?
            .args(["--build", &name])
            .run(step, &log)?;
        sandbox::remove(&tree)?;
        let debian = with_ending(dir, "dsc")?;
        let [debian] = <[PathBuf; 1]>::try_from(debian).map_err(|found| Error::BadFile {
            path: dir.to_owned(),
            problem: format!("has {} files of the name *.dsc, one is due", found.len()),
        })?;
        Ok(Self {
            archive,
            sbom,
            debian,
        })
    }
}

/// The files of a directory whose names end so.
fn with_ending(dir: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).at(dir)? {
        let path = entry.at(dir)?.path();
        if path.extension().is_some_and(|e| e == ending) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Removes libraries for other systems, which some crates bring compiled: a release is sources.
fn drop_libraries(vendor: &Path) -> Result<()> {
    for entry in fs::read_dir(vendor).at(vendor)? {
        let crate_dir = entry.at(vendor)?.path();
        // cargo looks for all files that this has.
        let sums = crate_dir.join(".cargo-checksum.json");
        let text = fs::read_to_string(&sums).at(&sums)?;
        let mut value: Value = serde_json::from_str(&text).map_err(|e| not(&e, "checksums"))?;
        let Some(files) = value["files"].as_object_mut() else {
            continue;
        };
        let libraries: Vec<String> = files
            .keys()
            .filter(|name| name.ends_with(".a") || name.ends_with(".lib"))
            .cloned()
            .collect();
        for name in &libraries {
            files.remove(name);
            let path = crate_dir.join(name);
            fs::remove_file(&path).at(&path)?;
        }
        if !libraries.is_empty() {
            fs::write(&sums, value.to_string()).at(&sums)?;
        }
    }
    Ok(())
}

/// What tells cargo that the crates lie beside, and that it is not to look elsewhere.
fn vendored() -> String {
    format!(
        "\n[source.crates-io]\nreplace-with = \"vendored\"\n\n[source.vendored]\ndirectory = \"{VENDOR}\"\n\n\
         [net]\noffline = true\n"
    )
}

/// What git says to `arguments`, with dates in UTC.
fn git(repo: &Path, arguments: &[&str]) -> Result<String> {
    let mut cmd = Cmd::new("git", "git");
    cmd.args(arguments).env("TZ", "UTC0").dir(repo).read()
}

/// What `cargo metadata` says of a workspace.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Crate>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Crate {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// The checksums of a lock file.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// The SBOM, as SPDX's JSON, of what is in `tree`, a release.
fn sbom_of(tree: &Path, commit: &str, date: &str) -> Result<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Cmd::new("cargo metadata", cargo)
        .args(["metadata", "--format-version=1", "--locked", "--offline"])
        .dir(tree)
        .read()?;
    let metadata: Metadata = serde_json::from_str(&metadata).map_err(|e| not(&e, "metadata"))?;
    let path = tree.join("Cargo.lock");
    let lock = fs::read_to_string(&path).at(&path)?;
    let lock: Lock = toml::from_str(&lock).map_err(|e| not(&e, "lock file"))?;
    let document = document(&metadata, &lock, commit, date);
    Ok(format!("{document:#}\n"))
}

fn not(why: &dyn std::fmt::Display, what: &str) -> Error {
    Error::BadInput {
        what: "cargo's output",
        given: why.to_string(),
        allowed: format!("cargo's {what}"),
    }
}

/// The document: the release, which contains all crates, and what each crate depends on.
fn document(metadata: &Metadata, lock: &Lock, commit: &str, date: &str) -> Value {
    let sums: BTreeMap<_, _> = lock
        .package
        .iter()
        .map(|locked| ((&locked.name, &locked.version), locked.checksum.as_ref()))
        .collect();
    let release = "SPDXRef-rloop-release";
    let mut packages = vec![json!({
        "SPDXID": release,
        "name": "rloop",
        "versionInfo": VERSION,
        "sourceInfo": format!("commit {commit}"),
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "primaryPackagePurpose": "SOURCE",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": LICENCE,
        "copyrightText": "NOASSERTION",
    })];
    let mut relationships = vec![relationship("SPDXRef-DOCUMENT", "DESCRIBES", release)];
    let mut ids = BTreeMap::new();
    for one in &metadata.packages {
        let id = format!("SPDXRef-crate-{}-{}", one.name, one.version).replace(
            |c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.',
            "-",
        );
        let licence = one.license.as_deref().unwrap_or("NOASSERTION");
        let mut package = json!({
            "SPDXID": id,
            "name": one.name,
            "versionInfo": one.version,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "licenseConcluded": "NOASSERTION",
            // As crates have written it for long.
            "licenseDeclared": licence.replace('/', " OR "),
            "copyrightText": "NOASSERTION",
        });
        if one.source.is_some() {
            package["externalRefs"] = json!([{
                "referenceCategory": "PACKAGE-MANAGER",
                "referenceType": "purl",
                "referenceLocator": format!("pkg:cargo/{}@{}", one.name, one.version),
            }]);
        }
        if let Some(Some(sum)) = sums.get(&(&one.name, &one.version)) {
            package["checksums"] = json!([{ "algorithm": "SHA256", "checksumValue": sum }]);
        }
        packages.push(package);
        relationships.push(relationship(release, "CONTAINS", &id));
        ids.insert(one.id.as_str(), id);
    }
    for node in &metadata.resolve.nodes {
        let of = |id: &str| ids.get(id).map_or("NOASSERTION", String::as_str);
        let on = node.dependencies.iter();
        relationships.extend(on.map(|other| relationship(of(&node.id), "DEPENDS_ON", of(other))));
    }
    json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name(),
        "documentNamespace": format!("urn:rloop:{VERSION}:{commit}"),
        "creationInfo": {
            "created": date,
            "creators": [format!("Tool: cargo-xtask-{VERSION}")],
        },
        "packages": packages,
        "relationships": relationships,
    })
}

fn relationship(of: &str, kind: &str, to: &str) -> Value {
    json!({ "spdxElementId": of, "relationshipType": kind, "relatedSpdxElement": to })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crate_is_in_the_sbom_with_what_it_needs() {
        let metadata: Metadata = serde_json::from_value(json!({
            "packages": [
                { "id": "path+file:///r/a#0.1.0", "name": "a", "version": "0.1.0", "license": "MIT", "source": null },
                { "id": "registry#b@2.0.0+x", "name": "b", "version": "2.0.0+x", "license": "MIT/Apache-2.0", "source": "registry" },
            ],
            "resolve": { "nodes": [
                { "id": "path+file:///r/a#0.1.0", "dependencies": ["registry#b@2.0.0+x"] },
                { "id": "registry#b@2.0.0+x", "dependencies": [] },
            ] },
        }))
        .unwrap();
        let lock: Lock =
            toml::from_str("[[package]]\nname = \"b\"\nversion = \"2.0.0+x\"\nchecksum = \"12\"\n")
                .unwrap();
        let sbom = document(&metadata, &lock, "c0ffee", "2026-01-01T00:00:00Z");
        let [release, a, b] = sbom["packages"].as_array().unwrap().as_slice() else {
            panic!("{sbom:#}");
        };
        assert_eq!(release["sourceInfo"], "commit c0ffee");
        assert_eq!(a.get("checksums"), None);
        assert_eq!(b["SPDXID"], "SPDXRef-crate-b-2.0.0-x");
        assert_eq!(b["licenseDeclared"], "MIT OR Apache-2.0");
        assert_eq!(b["checksums"][0]["checksumValue"], "12");
        let purl = &b["externalRefs"][0]["referenceLocator"];
        assert_eq!(purl, "pkg:cargo/b@2.0.0+x");
        let needs = relationship(
            "SPDXRef-crate-a-0.1.0",
            "DEPENDS_ON",
            "SPDXRef-crate-b-2.0.0-x",
        );
        assert!(sbom["relationships"].as_array().unwrap().contains(&needs));
    }
}
