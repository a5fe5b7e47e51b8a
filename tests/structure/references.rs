//! The module tree of the crate, and the names that its files use from each other.
//!
//! Every path of the source is resolved as the compiler would: `crate::`, `super::`, `self::`, imported names,
//! globs, and re-exports, which lead to the file that defines the name. Code that exists in tests only is left
//! out. Methods and fields are not followed: they need types, and a value of a type comes with the type's path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, UseTree, Visibility};

/// The files whose names each file uses, with these names. Paths are relative to `src`.
pub type References = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// A path to a module from the root of the crate.
type ModulePath = Vec<String>;

/// Longest chain of imports and re-exports that is followed to a name.
const MAX_IMPORT_DEPTH: usize = 16;

/// The names that a module defines and imports.
#[derive(Default)]
struct Module {
    /// The files that define the module's types and traits, by name: several where each platform has its own.
    types: BTreeMap<String, Vec<PathBuf>>,
    /// The files that define its functions, constants and macros, by name. They are apart from the types because a
    /// function may have the name of a child module.
    values: BTreeMap<String, Vec<PathBuf>>,
    children: BTreeSet<String>,
    /// Imported names, with the path that each stands for.
    imports: BTreeMap<String, Vec<String>>,
    /// The modules of glob imports.
    globs: Vec<Vec<String>>,
}

/// A path as it is written in a file of a module.
struct Mention {
    file: PathBuf,
    module: ModulePath,
    path: Vec<String>,
}

/// The modules of the crate and the paths that its files mention, read from the source.
pub struct Crate {
    modules: BTreeMap<ModulePath, Module>,
    mentions: Vec<Mention>,
}

/// The target of a path.
enum Target {
    Module(ModulePath),
    Files(Vec<PathBuf>),
    /// A name of another crate.
    Outside,
    /// A name of the language, of a local scope, or of nothing at all.
    Unknown,
}

impl Crate {
    /// Reads every file that `lib.rs` declares, directly or through another module. `source` gives the text of
    /// a file by its path below `src`.
    pub fn read(source: &dyn Fn(&Path) -> String) -> Self {
        let mut own = Self {
            modules: BTreeMap::new(),
            mentions: Vec::new(),
        };
        own.read_file(source, Path::new("lib.rs"), Path::new(""), &Vec::new());
        own
    }

    /// Returns every reference from one file to another.
    pub fn references(&self) -> References {
        let mut references = References::new();
        for mention in &self.mentions {
            let Target::Files(files) = self.resolve(&mention.module, &mention.path, 0) else {
                continue;
            };
            // Another platform's file defines the name too; the file itself is meant.
            if files.contains(&mention.file) {
                continue;
            }
            for file in files {
                let names = references.entry(mention.file.clone()).or_default();
                let name = mention.path.iter().map(String::as_str);
                let name: Vec<_> = name
                    .skip_while(|part| ["crate", "self", "super"].contains(part))
                    .collect();
                names.entry(file).or_default().insert(name.join("::"));
            }
        }
        references
    }

    /// Returns the paths of this crate that lead nowhere: the resolver does not understand how they are written.
    pub fn unresolved(&self) -> Vec<String> {
        let lost = self.mentions.iter().filter(|mention| {
            let first = mention.path.first().map(String::as_str);
            let is_own = matches!(first, Some("crate" | "self" | "super")) && mention.path.len() > 1;
            is_own && matches!(self.resolve(&mention.module, &mention.path, 0), Target::Unknown)
        });
        lost.map(|mention| format!("{}: {}", mention.file.display(), mention.path.join("::")))
            .collect()
    }

    /// Reads one file as (a part of) a module. `folder` holds the files of the module's children.
    fn read_file(
        &mut self,
        source: &dyn Fn(&Path) -> String,
        file: &Path,
        folder: &Path,
        module: &ModulePath,
    ) {
        let syntax = syn::parse_file(&source(file)).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        self.modules.entry(module.clone()).or_default();
        for (child, file, folder) in self.read_items(&syntax.items, file, folder, module) {
            self.read_file(source, &file, &folder, &child);
        }
    }

    /// Enters the items of a file or of an inline module; returns the modules that have files of their own.
    fn read_items(
        &mut self,
        items: &[Item],
        file: &Path,
        folder: &Path,
        module: &ModulePath,
    ) -> Vec<(ModulePath, PathBuf, PathBuf)> {
        let mut children = Vec::new();
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            let own = self.modules.get_mut(module).expect("entered before its items");
            let is_type = matches!(
                item,
                Item::Enum(_) | Item::Struct(_) | Item::Trait(_) | Item::Type(_) | Item::Macro(_)
            );
            let items = if is_type { &mut own.types } else { &mut own.values };
            for name in defined_names(item) {
                items.entry(name).or_default().push(file.to_path_buf());
            }
            let Item::Mod(child) = item else {
                let mut visitor = Visitor {
                    file,
                    module,
                    own: self,
                };
                visitor.visit_item(item);
                continue;
            };
            let name = child.ident.to_string();
            let path: ModulePath = module.iter().cloned().chain([name.clone()]).collect();
            let own = self.modules.get_mut(module).expect("entered before its items");
            own.children.insert(name.clone());
            if let Some((_, items)) = &child.content {
                self.modules.entry(path.clone()).or_default();
                children.extend(self.read_items(items, file, &folder.join(&name), &path));
                continue;
            }
            let parent = file.parent().expect("a folder");
            let mut files: Vec<_> = path_attributes(&child.attrs)
                .iter()
                .map(|below| parent.join(below))
                .collect();
            if files.is_empty() {
                files.push(folder.join(format!("{name}.rs")));
            }
            let with_folder = |file: PathBuf| (path.clone(), file.clone(), file.with_extension(""));
            children.extend(files.into_iter().map(with_folder));
        }
        children
    }

    /// Follows a path that is written in `module`.
    fn resolve(&self, module: &[String], path: &[String], depth: usize) -> Target {
        let Some((first, rest)) = path.split_first().filter(|_| depth < MAX_IMPORT_DEPTH) else {
            return Target::Unknown;
        };
        match first.as_str() {
            "crate" => self.descend(Vec::new(), rest, depth),
            "self" => self.descend(module.to_vec(), rest, depth),
            "super" => {
                let mut parent = module.to_vec();
                parent.pop().expect("super of a module below the root");
                match rest.first().map(String::as_str) {
                    Some("super") => self.resolve(&parent, rest, depth),
                    _ => self.descend(parent, rest, depth),
                }
            }
            _ => self.descend(module.to_vec(), path, depth),
        }
    }

    /// Follows the names of `rest` from a module downwards.
    fn descend(&self, module: ModulePath, rest: &[String], depth: usize) -> Target {
        let Some((name, below)) = rest.split_first() else {
            return Target::Module(module);
        };
        let own = &self.modules[&module];
        let value = own.values.get(name).filter(|_| below.is_empty());
        if let Some(files) = own.types.get(name).or(value) {
            return Target::Files(files.clone());
        }
        if own.children.contains(name) {
            let child = module.into_iter().chain([name.clone()]).collect();
            return self.descend(child, below, depth);
        }
        if let Some(import) = own.imports.get(name) {
            let path: Vec<_> = import.iter().chain(below).cloned().collect();
            return match self.resolve(&module, &path, depth + 1) {
                Target::Unknown => Target::Outside,
                found => found,
            };
        }
        for glob in &own.globs {
            if let Target::Module(from) = self.resolve(&module, glob, depth + 1)
                && from != module
                && let found @ (Target::Files(_) | Target::Module(_)) = self.descend(from, rest, depth + 1)
            {
                return found;
            }
        }
        Target::Unknown
    }
}

/// A visitor that collects the imports and the mentions of one item.
struct Visitor<'a> {
    file: &'a Path,
    module: &'a [String],
    own: &'a mut Crate,
}

impl Visitor<'_> {
    /// Records that the item mentions a path.
    fn mention(&mut self, path: Vec<String>) {
        self.own.mentions.push(Mention {
            file: self.file.to_path_buf(),
            module: self.module.to_vec(),
            path,
        });
    }

    /// Enters the names of a `use`. A private `use` counts as a mention, because a trait may have no other; a re-export
    /// does not.
    fn import(&mut self, tree: &UseTree, before: &[String], is_private: bool) {
        let with =
            |name: &syn::Ident| -> Vec<String> { before.iter().cloned().chain([name.to_string()]).collect() };
        let (name, path) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident), is_private),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before, is_private);
                }
                return;
            }
            UseTree::Glob(_) => {
                let own = self
                    .own
                    .modules
                    .get_mut(self.module)
                    .expect("entered before its items");
                own.globs.push(before.to_vec());
                return;
            }
            UseTree::Name(name) if name.ident == "self" => {
                (before.last().expect("self of a path").clone(), before.to_vec())
            }
            UseTree::Name(name) => (name.ident.to_string(), with(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => (rename.rename.to_string(), before.to_vec()),
            UseTree::Rename(rename) => (rename.rename.to_string(), with(&rename.ident)),
        };
        if is_private {
            self.mention(path.clone());
        }
        let own = self
            .own
            .modules
            .get_mut(self.module)
            .expect("entered before its items");
        own.imports.entry(name).or_insert(path);
    }

    /// Records the paths in the arguments of a macro, which are tokens and not a syntax tree.
    fn mention_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        let mut after_dot = false;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 && !path.is_empty() {
                        self.mention(std::mem::take(&mut path));
                    }
                    if !after_dot {
                        path.push(ident.to_string());
                    }
                    (colons, after_dot) = (0, false);
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                other => {
                    after_dot = matches!(&other, TokenTree::Punct(punct) if punct.as_char() == '.');
                    colons = 0;
                    if !path.is_empty() {
                        self.mention(std::mem::take(&mut path));
                    }
                    if let TokenTree::Group(group) = other {
                        self.mention_tokens(group.stream());
                    }
                }
            }
        }
        if !path.is_empty() {
            self.mention(path);
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if !is_test(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_item_use(&mut self, import: &'ast syn::ItemUse) {
        if import.leading_colon.is_none() {
            self.import(&import.tree, &[], matches!(import.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.mention(path.segments.iter().map(|part| part.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {
        // `pub(super)` and `pub(in crate::x)` say who may see the item, and use nothing.
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.mention_tokens(call.tokens.clone());
    }
}

/// Returns `true` if an item exists in tests only: `cfg(test)`, `cfg(all(test, unix))`, but not `cfg(any(test, unix))`.
fn is_test(attributes: &[Attribute]) -> bool {
    fn requires_test(tokens: TokenStream) -> bool {
        let mut is_required = true;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if ident == "test" => return true,
                TokenTree::Ident(ident) => is_required = ident == "all",
                TokenTree::Group(group) if is_required && requires_test(group.stream()) => return true,
                _ => {}
            }
        }
        false
    }
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => requires_test(list.tokens.clone()),
        _ => false,
    })
}

/// Returns the files that `#[path = "..."]` and `#[cfg_attr(..., path = "...")]` name.
fn path_attributes(attributes: &[Attribute]) -> Vec<String> {
    let text = |tokens: String| {
        let (_, rest) = tokens.split_once("path")?;
        let text = rest.split('"').nth(1)?;
        Some(text.to_owned())
    };
    let named = attributes.iter().filter_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit {
                lit: syn::Lit::Str(text),
                ..
            }) => Some(text.value()),
            _ => None,
        },
        syn::Meta::List(list) if list.path.is_ident("cfg_attr") => text(list.tokens.to_string()),
        _ => None,
    });
    named.collect()
}

/// Returns the names that an item defines in its module.
fn defined_names(item: &Item) -> Vec<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Macro(item) => match &item.ident {
            Some(ident) => ident,
            // A call that declares items, such as `named! { Bind { ... } }`.
            None => return names_in_macro_call(&item.mac),
        },
        _ => return Vec::new(),
    };
    vec![ident.to_string()]
}

/// Returns the outermost identifiers in the arguments of a macro.
fn names_in_macro_call(call: &syn::Macro) -> Vec<String> {
    let idents = call.tokens.clone().into_iter().filter_map(|token| match token {
        TokenTree::Ident(ident) => Some(ident.to_string()),
        _ => None,
    });
    idents.collect()
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
