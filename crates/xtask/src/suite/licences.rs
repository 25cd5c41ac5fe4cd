// SPDX-License-Identifier: MIT OR Apache-2.0
//! The licences that a recipe names, against those of all that is linked into its program.

use spdx::{Expression, LicenseReq, ParseMode};

/// What makes `cargo tree` say what is linked into `package` on a target: a package a line, and its licence.
pub(super) fn tree(package: &str) -> Vec<String> {
    [
        "tree",
        "--locked",
        &format!("--package={package}"),
        "--edges=normal,no-proc-macro",
        "--target=aarch64-unknown-linux-gnu",
        "--prefix=none",
        "--no-dedupe",
        "--format={p}\t{l}",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Whether what is under `licence` can be had under those that are `named`.
fn is_allowed(licence: &str, named: &[&str]) -> bool {
    // As crates have written it for long: `MIT/Apache-2.0`.
    let expression = Expression::parse_mode(licence, ParseMode::LAX);
    let is_named = |requirement: &LicenseReq| named.contains(&&*requirement.to_string());
    expression.is_ok_and(|expression| expression.evaluate(is_named))
}

/// What of `tree`, which [`tree`] has cargo say, can't be had under the licences `named`, and which of these nothing needs.
pub(super) fn complaint(tree: &str, named: &[&str]) -> Option<String> {
    let mut linked: Vec<(&str, &str)> = tree
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .collect();
    linked.sort_unstable();
    linked.dedup();
    let mut complaints: Vec<String> = linked
        .iter()
        .filter(|(_, licence)| !is_allowed(licence, named))
        .map(|(package, licence)| format!("{package} is \"{licence}\""))
        .collect();
    for without in named {
        let others: Vec<&str> = named.iter().copied().filter(|n| n != without).collect();
        if linked
            .iter()
            .all(|(_, licence)| is_allowed(licence, &others))
        {
            complaints.push(format!("nothing is {without} alone"));
        }
    }
    (!complaints.is_empty())
        .then(|| format!("of \"{}\": {}", named.join(" & "), complaints.join(", ")))
}

/// The licences that a recipe names, all of which hold.
pub(super) fn named(recipe: &str) -> Vec<&str> {
    let line = recipe
        .lines()
        .find_map(|line| line.strip_prefix("LICENSE = \""));
    let text = line.and_then(|line| line.strip_suffix('"'));
    let parts = text.unwrap_or_default().split('&');
    parts.map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_crate_has_to_be_had_under_what_is_named() {
        let one = "tool v1 (/x)\tMIT OR Apache-2.0\na v1\tMIT\na v1\tMIT\n";
        assert_eq!(complaint(one, &["MIT"]), None);
        let both = format!("{one}b v2\tMIT/Apache-2.0\nc v3\tApache-2.0\n");
        assert_eq!(complaint(&both, &["Apache-2.0", "MIT"]), None);
        assert_eq!(
            complaint(&both, &["MIT"]).unwrap(),
            "of \"MIT\": c v3 is \"Apache-2.0\""
        );
        assert_eq!(
            complaint(one, &["MIT", "Zlib"]).unwrap(),
            "of \"MIT & Zlib\": nothing is Zlib alone"
        );
        let all = "a v1\tMIT AND Unicode-3.0\n";
        assert!(complaint(all, &["MIT"]).is_some());
        assert!(complaint("a v1\t\n", &["MIT"]).is_some());
    }

    #[test]
    fn a_recipe_names_licences() {
        let recipe = "SUMMARY = \"x\"\nLICENSE = \"Apache-2.0 & MIT\"\n";
        assert_eq!(named(recipe), ["Apache-2.0", "MIT"]);
    }
}
