//! The crate's files, and the files that each imports.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type ModulePath = Vec<String>;

/// An import of a file by another.
pub(super) struct Import {
    pub(super) from: String,
    pub(super) line: usize,
    /// As it is written, without the names that `use` groups.
    pub(super) path: String,
    /// The file that defines the name.
    pub(super) to: String,
    /// The path reaches its name through a re-export of the crate's root.
    pub(super) through_root: bool,
    /// The file only passes the name on.
    pub(super) passed_on: bool,
    /// A unit test imports it.
    pub(super) by_tests: bool,
}

/// The files of a crate.
pub(super) struct Tree {
    files: BTreeMap<String, File>,
    /// The file of each module.
    modules: BTreeMap<ModulePath, String>,
    macros: BTreeMap<String, String>,
    imports: Vec<Import>,
}

#[derive(Default)]
struct File {
    /// All tokens, without those of the unit tests.
    text: Vec<String>,
    /// The paths in `use` items and inline, each with the module that it is written in.
    paths: Vec<Written>,
    /// The names that the file uses outside of `use` items.
    used: BTreeSet<String>,
}

struct Written {
    module: ModulePath,
    line: usize,
    path: Vec<String>,
    /// The name that a `pub use` gives it.
    exported: Option<String>,
}

impl Tree {
    pub(super) fn read(root: &Path) -> Self {
        let mut tree = Self {
            files: BTreeMap::new(),
            modules: BTreeMap::new(),
            macros: BTreeMap::new(),
            imports: Vec::new(),
        };
        tree.read_folder(root, "");
        tree.imports = tree.find_imports();
        tree
    }

    pub(super) fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// The first part of a file's path: its folder, or the file itself at the top.
    pub(super) fn room(&self, file: &str) -> String {
        let first = file.split('/').next().unwrap_or_default();
        first.trim_end_matches(".rs").to_owned()
    }

    pub(super) fn has_room(&self, room: &str) -> bool {
        self.modules.contains_key(&vec![room.to_owned()])
    }

    /// The files in which these tokens follow each other.
    pub(super) fn files_with(&self, tokens: &[&str]) -> Vec<String> {
        let has = |file: &File| file.text.windows(tokens.len()).any(|window| window == tokens);
        let found = self.files.iter().filter(|(_, file)| has(file));
        found.map(|(name, _)| name.clone()).collect()
    }

    fn read_folder(&mut self, folder: &Path, inside: &str) {
        for entry in fs::read_dir(folder).expect("a folder of the crate") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            let name = format!("{inside}{name}");
            // Programs are crates of their own, and use the public items alone.
            if name == "bin" {
                continue;
            }
            if path.is_dir() {
                self.read_folder(&path, &format!("{name}/"));
            } else if name.ends_with(".rs") {
                self.read_file(&path, name);
            }
        }
    }

    fn read_file(&mut self, path: &Path, name: String) {
        let text = fs::read_to_string(path).expect("a file of the crate");
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        let module = name.trim_end_matches(".rs").split('/').map(str::to_owned);
        let mut module: ModulePath = module.collect();
        if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
            module.pop();
        }
        let mut file = File::default();
        let mut macros = Vec::new();
        scan(tokens, &module, &mut file, &mut macros);
        for found in macros {
            self.macros.insert(found, name.clone());
        }
        self.modules.insert(module, name.clone());
        self.files.insert(name, file);
    }

    fn find_imports(&self) -> Vec<Import> {
        let mut imports = Vec::new();
        for (from, file) in self.files.iter().filter(|(name, _)| *name != "lib.rs") {
            for written in &file.paths {
                let Some(path) = self.absolute(written) else {
                    continue;
                };
                let (to, through_root) = self.definition(&path, 0);
                if to == *from {
                    continue;
                }
                let passed_on = written
                    .exported
                    .as_ref()
                    .is_some_and(|name| !file.used.contains(name));
                imports.push(Import {
                    from: from.clone(),
                    line: written.line,
                    path: written.path.join("::"),
                    to,
                    through_root,
                    passed_on,
                    by_tests: is_tests(&written.module),
                });
            }
        }
        imports
    }

    /// The path from the crate's root. `None` for a path into another crate.
    fn absolute(&self, written: &Written) -> Option<ModulePath> {
        let mut rest = written.path.iter().peekable();
        let mut path = match rest.peek()?.as_str() {
            "crate" => {
                rest.next();
                Vec::new()
            }
            "self" => {
                rest.next();
                written.module.clone()
            }
            "super" => written.module.clone(),
            child => {
                let mut module = written.module.clone();
                module.push(child.to_owned());
                self.modules
                    .contains_key(&module)
                    .then(|| written.module.clone())?
            }
        };
        while rest.next_if(|segment| *segment == "super").is_some() {
            path.pop();
        }
        path.extend(
            rest.filter(|segment| *segment != "self" && *segment != "*")
                .cloned(),
        );
        Some(path)
    }

    /// The file that defines the name at the end of a path, and if the root passes it on.
    fn definition(&self, path: &[String], depth: usize) -> (String, bool) {
        assert!(depth < 20, "re-exports in a circle at {path:?}");
        let mut module: ModulePath = Vec::new();
        let mut at = 0;
        while at < path.len() {
            module.push(path[at].clone());
            if !self.modules.contains_key(&module) {
                module.pop();
                break;
            }
            at += 1;
        }
        let file = self.modules[&module].clone();
        let Some(name) = path.get(at) else {
            return (file, false);
        };
        if let (true, Some(file)) = (module.is_empty(), self.macros.get(name)) {
            return (file.clone(), false);
        }
        let named = |written: &&Written| written.exported.as_ref() == Some(name) && written.module == module;
        let passed_on = self.files[&file].paths.iter().find(named);
        // A name that a file passes on from another crate, or from itself, is that file's.
        match passed_on.and_then(|written| self.absolute(written)) {
            Some(target) => {
                let (to, through) = self.definition(&target, depth + 1);
                (to, through || module.is_empty())
            }
            None => (file, module.is_empty()),
        }
    }
}

/// Collects the paths of a stream of tokens.
fn scan(tokens: TokenStream, module: &[String], file: &mut File, macros: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if !is_tests(module) {
            file.text.push(text(&tokens[at]));
        }
        match &tokens[at] {
            TokenTree::Ident(ident) if ident == "use" => {
                let exported = is_exported(&tokens[..at]);
                let end = (at..tokens.len()).find(|&end| is(&tokens[end], ";"));
                let end = end.unwrap_or(tokens.len());
                let line = ident.span().start().line;
                let mut leaves = Vec::new();
                leaves_of(&tokens[at + 1..end], &[], &mut leaves);
                for (path, name) in leaves {
                    file.paths.push(Written {
                        module: module.to_vec(),
                        line,
                        path,
                        exported: exported.then_some(name),
                    });
                }
                at = end;
            }
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                let before = at.checked_sub(1).map(|before| text(&tokens[before]));
                let before = before.unwrap_or_default();
                let module_body = tokens.get(at + 2).and_then(brace);
                if let (true, Some(body)) = (name == "mod", module_body) {
                    let mut inner = module.to_vec();
                    inner.push(text(&tokens[at + 1]));
                    scan(body, &inner, file, macros);
                    at += 2;
                } else if name == "macro_rules" {
                    macros.push(text(&tokens[at + 2]));
                } else if !matches!(before.as_str(), ":" | "$" | ".") {
                    let path = inline_path(&tokens[at..]);
                    if path.len() > 1 {
                        file.paths.push(Written {
                            module: module.to_vec(),
                            line: ident.span().start().line,
                            path,
                            exported: None,
                        });
                    }
                }
                file.used.insert(name);
            }
            TokenTree::Group(group) => scan(group.stream(), module, file, macros),
            _ => {}
        }
        at += 1;
    }
}

/// Tells if a module is the unit tests of its file.
fn is_tests(module: &[String]) -> bool {
    module.last().is_some_and(|name| name == "tests")
}

/// Tells if the tokens before a `use` end in `pub` or `pub(…)`.
fn is_exported(before: &[TokenTree]) -> bool {
    match before {
        [.., visibility, TokenTree::Group(group)] if group.delimiter() == Delimiter::Parenthesis => {
            is(visibility, "pub")
        }
        [.., visibility] => is(visibility, "pub"),
        [] => false,
    }
}

/// The paths that a `use` names, each with the name that it gets.
fn leaves_of(tokens: &[TokenTree], prefix: &[String], leaves: &mut Vec<(Vec<String>, String)>) {
    // A trailing comma leaves an empty one.
    for leaf in tokens
        .split(|token| is(token, ","))
        .filter(|leaf| !leaf.is_empty())
    {
        let mut path = prefix.to_vec();
        let mut name = None;
        let mut rest = leaf.iter();
        while let Some(token) = rest.next() {
            match token {
                TokenTree::Ident(ident) if ident == "as" => name = rest.next().map(text),
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Punct(star) if star.as_char() == '*' => path.push("*".to_owned()),
                TokenTree::Group(group) => {
                    let inner: Vec<_> = group.stream().into_iter().collect();
                    leaves_of(&inner, &path, leaves);
                    path.clear();
                }
                _ => {}
            }
        }
        if let Some(last) = path.iter().rfind(|segment| *segment != "self").cloned() {
            leaves.push((path, name.unwrap_or(last)));
        }
    }
}

/// The path that begins at these tokens.
fn inline_path(tokens: &[TokenTree]) -> Vec<String> {
    let mut path = Vec::new();
    let mut rest = tokens;
    while let [TokenTree::Ident(segment), after @ ..] = rest {
        path.push(segment.to_string());
        match after {
            [one, two, next @ ..] if is(one, ":") && is(two, ":") => rest = next,
            _ => break,
        }
    }
    path
}

fn brace(token: &TokenTree) -> Option<TokenStream> {
    match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    }
}

fn is(token: &TokenTree, text: &str) -> bool {
    !matches!(token, TokenTree::Group(_)) && self::text(token) == text
}

fn text(token: &TokenTree) -> String {
    match token {
        TokenTree::Group(_) => "(…)".to_owned(),
        other => other.to_string(),
    }
}
