//! No module of a crate depends on one that depends on it: neither the crate's own modules nor those within a module. What
//! a file depends on is read from its `use` declarations and paths, tests apart; a name that a module hands on counts for
//! the module that it comes from.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod sources;

use sources::root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Meta, UseTree};

/// A module of a crate: the names from its root, which has none.
type Module = Vec<String>;

/// A crate's sources.
#[derive(Default)]
struct Crate {
    /// What each module names, as paths from the root.
    named: BTreeMap<Module, BTreeSet<Module>>,
    /// The names that each module has from elsewhere: what they are called there, as paths from the root.
    imported: BTreeMap<Module, BTreeMap<String, Module>>,
}

/// What one file says.
struct File {
    module: Module,
    named: BTreeSet<Module>,
    imported: BTreeMap<String, Module>,
}

impl File {
    /// A path from the root, where it is one of this crate's: through `crate`, `self` or `super`.
    fn absolute(&self, path: &[String]) -> Option<Module> {
        let mut at = match path.first()?.as_str() {
            "crate" => Vec::new(),
            "self" | "super" => self.module.clone(),
            _ => return None,
        };
        for name in path {
            match name.as_str() {
                "crate" | "self" => {}
                "super" => drop(at.pop()),
                name => at.push(name.to_owned()),
            }
        }
        Some(at)
    }

    fn take(&mut self, path: &[String], called: Option<&str>) {
        // A name without a beginning is a child's, or another crate's.
        let path = self.absolute(path).unwrap_or_else(|| [&self.module, path].concat());
        if let Some(called) = called {
            self.imported.insert(called.to_owned(), path.clone());
        }
        self.named.insert(path);
    }

    fn tree(&mut self, tree: &UseTree, above: &mut Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                above.push(path.ident.to_string());
                self.tree(&path.tree, above);
                above.pop();
            }
            UseTree::Name(name) if name.ident == "self" => {
                let called = above.last().cloned();
                self.take(&above.clone(), called.as_deref());
            }
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                self.take(&[above.as_slice(), std::slice::from_ref(&name)].concat(), Some(&name));
            }
            UseTree::Rename(name) => {
                let path = [above.as_slice(), &[name.ident.to_string()]].concat();
                self.take(&path, Some(&name.rename.to_string()));
            }
            UseTree::Glob(_) => self.take(&above.clone(), None),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, above)),
        }
    }
}

impl<'ast> Visit<'ast> for File {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !item.attrs.iter().any(is_test) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !item.attrs.iter().any(is_test) {
            self.tree(&item.tree, &mut Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let Some(path) = self.absolute(&names) {
            self.named.insert(path);
        }
        visit::visit_path(self, path);
    }
}

fn is_test(attribute: &Attribute) -> bool {
    matches!(&attribute.meta, Meta::List(list) if list.path.is_ident("cfg") && list.tokens.to_string().contains("test"))
}

impl Crate {
    fn add(&mut self, module: Module, source: &str) {
        let mut file = File { module: module.clone(), named: BTreeSet::new(), imported: BTreeMap::new() };
        file.visit_file(&syn::parse_file(source).unwrap());
        self.named.insert(module.clone(), file.named);
        self.imported.insert(module, file.imported);
    }

    /// Reads the sources below a folder.
    fn read(root: &Path) -> Self {
        let mut read = Self::default();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                if path.is_dir() {
                    folders.extend(Some(path).filter(|_| name != "tests"));
                } else if path.extension().is_some_and(|suffix| suffix == "rs") && name != "tests" {
                    let within = path.strip_prefix(root).unwrap().with_extension("");
                    let mut module: Module = within.iter().map(|part| part.to_string_lossy().into_owned()).collect();
                    if ["lib", "main", "mod"].contains(&name.as_str()) {
                        module.pop();
                    }
                    read.add(module, &std::fs::read_to_string(path).unwrap());
                }
            }
        }
        read
    }

    /// The module that a path leads to, through names that are handed on.
    fn leads_to(&self, path: &[String]) -> Module {
        let mut path = path.to_vec();
        // Names are handed on from a module to the next, and never in a circle that compiles.
        for _ in 0..10 {
            let length = (0..=path.len()).rev().find(|length| self.named.contains_key(&path[..*length])).unwrap();
            let (module, rest) = path.split_at(length);
            let Some(name) = rest.first() else { return module.to_vec() };
            match self.imported[module].get(name) {
                Some(from) if from.as_slice() != path && from.starts_with(&[]) => {
                    path = [from.as_slice(), &rest[1..]].concat();
                }
                _ => return module.to_vec(),
            }
        }
        path
    }

    /// The modules of one module that depend on each other in a circle, with what makes it.
    fn circles(&self) -> Vec<String> {
        let mut found = Vec::new();
        for above in self.named.keys() {
            // Of each module within it, the others within it that it names.
            let mut edges: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
            for (module, named) in self.named.iter().filter(|(module, _)| is_within(module, above)) {
                let from = module[above.len()].clone();
                for path in named {
                    let target = self.leads_to(path);
                    if is_within(&target, above) && target[above.len()] != from {
                        let by = format!("{} names {}", module.join("::"), path.join("::"));
                        edges.entry(from.clone()).or_default().entry(target[above.len()].clone()).or_insert(by);
                    }
                }
            }
            for (from, targets) in &edges {
                for (target, by) in targets {
                    if let Some(back) = way(&edges, target, from) {
                        found.push(format!("{by}; {}", back.join("; ")));
                    }
                }
            }
        }
        found
    }
}

fn is_within(module: &[String], above: &[String]) -> bool {
    module.len() > above.len() && module.starts_with(above)
}

/// A way along the edges, as what makes each.
fn way(edges: &BTreeMap<String, BTreeMap<String, String>>, from: &str, to: &str) -> Option<Vec<String>> {
    let mut seen = BTreeSet::from([from.to_owned()]);
    let mut ways = vec![(from.to_owned(), Vec::new())];
    while let Some((at, way)) = ways.pop() {
        for (next, by) in edges.get(&at).into_iter().flatten() {
            let way = [way.as_slice(), std::slice::from_ref(by)].concat();
            if next == to {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push((next.clone(), way));
            }
        }
    }
    None
}

fn crates() -> Vec<PathBuf> {
    let metadata =
        cargo_metadata::MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().unwrap();
    let members = metadata.packages.iter().filter(|package| package.name.as_str() != "longshore-tests");
    members.map(|package| package.manifest_path.parent().unwrap().join("src").into_std_path_buf()).collect()
}

#[test]
fn modules_depend_on_each_other_in_one_direction() {
    let mut found = Vec::new();
    for folder in crates() {
        let read = Crate::read(&folder);
        assert!(read.named.contains_key(&Vec::new()), "{} has a root", folder.display());
        found.extend(read.circles().into_iter().map(|circle| format!("{}: {circle}", folder.display())));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_planted_circle_is_found_however_it_is_made() {
    let module = |name: &str| name.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect::<Module>();
    let circles = |sources: &[(&str, &str)]| {
        let mut read = Crate::default();
        sources.iter().for_each(|(name, source)| read.add(module(name), source));
        read.circles()
    };
    let direct = [("", "mod a; mod b;"), ("a", "use crate::b::B;"), ("b", "use crate::a::{A, C as D};")];
    assert!(!circles(&direct).is_empty());
    let in_a_path = [("", "mod a; mod b;"), ("a", "fn f() { crate::b::g() }"), ("b", "use super::a;")];
    assert!(!circles(&in_a_path).is_empty());
    let handed_on = [
        ("", "mod m;"),
        ("m", "mod a; mod b; pub use a::A; use b::B;"),
        ("m::a", "use super::B; pub struct A;"),
        ("m::b", "use crate::m::A; pub struct B;"),
    ];
    assert!(!circles(&handed_on).is_empty());
    let of_three = [("", ""), ("a", "use crate::b::B;"), ("b", "use crate::c::C;"), ("c", "use crate::a::A;")];
    assert!(!circles(&of_three).is_empty());
    let one_way = [
        ("", "mod a; mod b; pub use a::A;"),
        ("a", "use crate::b::B;"),
        ("b", "use other::a::A;\n#[cfg(test)]\nmod tests { use crate::a::A; }"),
    ];
    assert_eq!(circles(&one_way), Vec::<String>::new());
}
