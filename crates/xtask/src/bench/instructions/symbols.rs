// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whose an instruction is: the function that it is in, and the module or the object file that has the function.

use std::collections::HashMap;

/// Where a function comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A module, by its name.
    Module(String),
    /// An object file of the kernel's, from its build directory.
    Object(String),
    /// Neither is known.
    Unknown,
}

/// A function of the kernel's.
#[derive(Debug)]
pub(super) struct Symbol {
    address: u64,
    pub(super) name: String,
    pub(super) origin: Origin,
}

impl Symbol {
    /// Whether it begins at `address`.
    pub(super) fn is_at(&self, address: u64) -> bool {
        self.address == address
    }
}

/// All of them, by address.
pub(super) struct Symbols(Vec<Symbol>);

impl Symbols {
    /// From what the guest says in `/proc/kallsyms`, and from what `nm --print-file-name` says of the objects that the kernel is
    /// linked from.
    pub(super) fn new(kallsyms: &str, nm: &str) -> Self {
        let objects = objects(nm);
        let mut symbols: Vec<Symbol> = kallsyms.lines().filter_map(symbol).collect();
        symbols.sort_by_key(|symbol| symbol.address);
        let known = |symbol: &Symbol| match symbol.origin {
            Origin::Module(_) => &[],
            _ => objects
                .get(symbol.name.as_str())
                .map_or(&[][..], Vec::as_slice),
        };
        // Objects lie one after the other: of functions of one name, that of the object before this is meant.
        let mut last = "";
        for symbol in &mut symbols {
            let of = known(symbol);
            let object = of.iter().find(|object| **object == last).or(of.first());
            if let Some(object) = object {
                symbol.origin = Origin::Object((*object).to_owned());
                last = object;
            }
        }
        // Of names for one place, such as the linker's for the first function of a section, the last is found.
        symbols.sort_by_key(|symbol| (symbol.address, symbol.origin != Origin::Unknown));
        Self(symbols)
    }

    /// The function at `address`; none in a program.
    pub(super) fn find(&self, address: u64) -> Option<&Symbol> {
        let after = self.0.partition_point(|symbol| symbol.address <= address);
        self.0[..after].last()
    }

    /// The address of the function `name` of the kernel itself.
    pub(super) fn address(&self, name: &str) -> Option<u64> {
        let mut all = self.0.iter();
        let of_kernel = |s: &&Symbol| s.name == name && !matches!(s.origin, Origin::Module(_));
        all.find(of_kernel).map(|symbol| symbol.address)
    }
}

/// A line of `/proc/kallsyms`, if it is a function's.
fn symbol(line: &str) -> Option<Symbol> {
    let mut words = line.split_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    let kind = words.next()?;
    let name = words.next()?;
    let module = words.next().map(|word| word.trim_matches(['[', ']']));
    // Mapping symbols say what is code.
    let function = matches!(kind, "t" | "T" | "w" | "W") && !name.starts_with('$');
    function.then(|| Symbol {
        address,
        name: name.to_owned(),
        origin: module.map_or(Origin::Unknown, |module| Origin::Module(module.to_owned())),
    })
}

/// The objects that have a function of a name: lines of nm, `ARCHIVE:OBJECT:ADDRESS TYPE NAME`.
fn objects(nm: &str) -> HashMap<&str, Vec<&str>> {
    let mut objects: HashMap<&str, Vec<&str>> = HashMap::new();
    for line in nm.lines() {
        let parts = line.rsplit_once(' ').and_then(|(rest, name)| {
            let (rest, kind) = rest.rsplit_once(' ')?;
            let (file, _) = rest.rsplit_once(':')?;
            let object = file.rsplit_once(':').map_or(file, |(_, object)| object);
            matches!(kind, "t" | "T" | "w" | "W").then_some((name, object.trim()))
        });
        if let Some((name, object)) = parts {
            objects.entry(name).or_default().push(object);
        }
    }
    objects
}

#[cfg(test)]
mod tests {
    use super::*;

    const KALLSYMS: &str = "ffff0000 T _text\nffff0010 t init\nffff0020 T second\nffff0030 t init\n\
        ffff0038 d data\nffff0039 t $x\nffff0030 T __section\nffff0040 T asm\nfff00000 t init\t[snd_rloop]\n";
    const NM: &str = "vmlinux.a:a/b.o:0000000000000000 t init\nvmlinux.a:a/b.o:0000000000000020 T first\n\
        vmlinux.a:c/d.o:0000000000000000 T second\nvmlinux.a:c/d.o:0000000000000010 t init\n\
        vmlinux.a:c/d.o:0000000000000010 d data\nvmlinux.a:c/d.o:                 U asm\n";

    #[test]
    fn a_function_of_a_common_name_is_in_the_object_of_those_before_it() {
        let symbols = Symbols::new(KALLSYMS, NM);
        let at = |address| symbols.find(address).map(|s| (s.name.as_str(), &s.origin));
        let object = |name: &str| Origin::Object(name.to_owned());
        assert_eq!(at(0xffff_0014), Some(("init", &object("a/b.o"))));
        assert_eq!(at(0xffff_002f), Some(("second", &object("c/d.o"))));
        assert_eq!(at(0xffff_003c), Some(("init", &object("c/d.o"))));
        assert_eq!(at(0xffff_0044), Some(("asm", &Origin::Unknown)));
        let module = Origin::Module("snd_rloop".to_owned());
        assert_eq!(at(0xfff0_0000), Some(("init", &module)));
        assert_eq!(at(0x1000), None);
        assert_eq!(symbols.address("init"), Some(0xffff_0010));
        assert_eq!(symbols.address("none"), None);
    }
}
