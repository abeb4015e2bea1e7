//! Which file of a crate uses which other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::boundaries::path::{self, Path};
use crate::boundaries::source::{self, Source};

/// One file uses something of another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    pub from: String,
    pub line: usize,
    /// What it uses, from the root of the crate.
    pub what: String,
    pub to: String,
}

/// The files of a crate under their places below `src/`, without those that are tests.
pub struct Crate {
    files: BTreeMap<String, Source>,
    /// The file of each module.
    modules: HashMap<Vec<String>, String>,
}

/// The module that a file is: `page` for `page.rs` and for `page/mod.rs`, nothing for the root.
fn module_of(place: &str) -> Vec<String> {
    let segments = place.trim_end_matches(".rs").split('/').map(str::to_owned);
    let mut module: Vec<String> = segments.collect();
    if module.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

impl Crate {
    /// Takes each file's place and text.
    pub fn read(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let files = files.into_iter().map(|(place, text)| (place, source::read(&text)));
        let mut files: BTreeMap<String, Source> = files.collect();
        let mut tests = HashSet::new();
        for (place, source) in &files {
            let module = module_of(place);
            tests.extend(source.test_modules.iter().map(|name| [module.clone(), vec![name.clone()]].concat()));
        }
        files.retain(|place, _| {
            let module = module_of(place);
            (0..=module.len()).all(|length| !tests.contains(&module[..length]))
        });
        let modules = files.keys().filter(|place| *place != "main.rs");
        let modules = modules.map(|place| (module_of(place), place.clone())).collect();
        Self { files, modules }
    }

    /// The files.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// What all files use of another crate: the place, the line, and the names behind the crate's.
    pub fn uses_of<'a>(&'a self, other: &'a str) -> impl Iterator<Item = (&'a str, usize, String)> {
        let paths = self
            .files
            .iter()
            .flat_map(|(place, source)| path::all(&source.tokens).into_iter().map(|path| (place.as_str(), path)));
        let paths = paths.filter(move |(_, path)| path.segments[0] == other);
        paths.map(|(place, path)| (place, path.line, path.segments[1..].join("::")))
    }

    /// Everything that a file uses of another. That a module declares another is no use of it.
    pub fn imports(&self) -> BTreeSet<Import> {
        self.files.iter().flat_map(|(place, source)| self.imports_of(place, source)).collect()
    }

    fn imports_of(&self, place: &str, source: &Source) -> Vec<Import> {
        let module = module_of(place);
        let paths = path::all(&source.tokens);
        let mut names = HashMap::new();
        for Path { segments, imported_as, .. } in &paths {
            let found = self.rooted(&module, &HashMap::new(), segments);
            if let (Some(name), Some(found)) = (imported_as, found.filter(|found| self.modules.contains_key(found))) {
                names.insert(name.clone(), found);
            }
        }
        let import = |Path { line, segments, .. }: &Path| {
            let path = self.rooted(&module, &names, segments)?;
            let to = self.file_of(&path)?;
            let import = Import { from: place.to_owned(), line: *line, what: path.join("::"), to: to.to_owned() };
            (to != place).then_some(import)
        };
        paths.iter().filter_map(import).collect()
    }

    /// A path from the root of the crate; None if it leads out of it. `names` are the modules that the file has imported.
    fn rooted(&self, module: &[String], names: &HashMap<String, Vec<String>>, path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let mut found = match first.as_str() {
            "crate" | "waypost" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module.split_last()?.1.to_vec(),
            name => match names.get(name) {
                Some(imported) => imported.clone(),
                None => {
                    let child = [module, &[name.to_owned()]].concat();
                    self.modules.contains_key(&child).then_some(child)?
                }
            },
        };
        for segment in rest {
            if segment == "super" {
                found.pop();
            } else {
                found.push(segment.clone());
            }
        }
        Some(found)
    }

    /// The file in which an item is. A path that ends at a module uses nothing of it: what stands behind its name does.
    fn file_of(&self, path: &[String]) -> Option<&str> {
        if self.modules.contains_key(path) {
            return None;
        }
        (0..path.len()).rev().find_map(|length| self.modules.get(&path[..length])).map(String::as_str)
    }
}
