//! The names of a notebook.

/// Everything that can be named in a notebook, for completion and inspection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNames {
    pub variables: Vec<Variable>,
    pub items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// As the engine writes it, perhaps with modules.
    pub type_name: String,
}

/// Something that the notebook defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub name: String,
    pub kind: ItemKind,
    /// The type, trait or module that it belongs to: `Point` for a method of `Point`.
    pub parent: Option<String>,
    /// `fn area(&self) -> f64`, `struct Point`, `x: f64`.
    pub signature: String,
    /// The text of its doc comments, Markdown; empty if there are none.
    pub docs: String,
    /// With doc comments and attributes.
    pub source: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemKind {
    Function,
    /// A function of a type that takes `self`.
    Method,
    Struct,
    Enum,
    Union,
    Trait,
    TypeAlias,
    Variant,
    Field,
    Const,
    Static,
    Macro,
    Module,
    /// A name that a `use` brings.
    Import,
}

impl ItemKind {
    /// The kind as frontends know it.
    pub fn name(self) -> &'static str {
        match self {
            ItemKind::Function => "function",
            ItemKind::Method => "method",
            ItemKind::Struct => "struct",
            ItemKind::Enum => "enum",
            ItemKind::Union => "union",
            ItemKind::Trait => "trait",
            ItemKind::TypeAlias => "type",
            ItemKind::Variant => "variant",
            ItemKind::Field => "field",
            ItemKind::Const => "constant",
            ItemKind::Static => "static",
            ItemKind::Macro => "macro",
            ItemKind::Module | ItemKind::Import => "module",
        }
    }
}

impl KnownNames {
    /// Adds items, each in place of an earlier one of the same name, kind and parent.
    pub fn learn(&mut self, items: Vec<Item>) {
        for item in items {
            self.items.retain(|known| {
                known.name != item.name || known.kind != item.kind || known.parent != item.parent
            });
            self.items.push(item);
        }
    }

    /// Sets a variable's type; a new one is added.
    pub fn set_variable(&mut self, name: &str, type_name: &str) {
        match self.variables.iter_mut().find(|variable| variable.name == name) {
            Some(variable) => type_name.clone_into(&mut variable.type_name),
            None => self.variables.push(Variable {
                name: name.to_owned(),
                type_name: type_name.to_owned(),
            }),
        }
    }

    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }
}

/// The name of a type without references, modules and parameters: `&mut std::vec::Vec<u8>` is `Vec`.
pub(super) fn base_name(type_name: &str) -> &str {
    let mut name = type_name.trim();
    loop {
        let shorter = name.trim_start_matches(['&', '*']).trim_start();
        let shorter = ["mut ", "const ", "dyn ", "impl "]
            .iter()
            .find_map(|word| shorter.strip_prefix(word))
            .unwrap_or(shorter);
        let shorter = match shorter.strip_prefix('\'') {
            Some(lifetime) => lifetime
                .trim_start_matches(|c: char| c == '_' || c.is_alphanumeric())
                .trim_start(),
            None => shorter,
        };
        if shorter == name {
            break;
        }
        name = shorter;
    }
    if name.starts_with('[') {
        return "slice";
    }
    let path = name.split(['<', ' ', '(']).next().unwrap_or(name);
    path.rsplit("::").next().unwrap_or(path)
}

/// Whether the `?` operator can be applied to a value of this type.
pub fn has_question_mark(type_name: &str) -> bool {
    matches!(base_name(type_name), "Result" | "Option" | "ControlFlow" | "Poll")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_names() {
        for (full, base) in [
            ("std::vec::Vec<std::string::String>", "Vec"),
            ("&'static mut str", "str"),
            ("&[u8]", "slice"),
            ("[u8; 3]", "slice"),
            ("Box<dyn Fn(u8)>", "Box"),
            ("i32", "i32"),
            ("Point", "Point"),
        ] {
            assert_eq!(base_name(full), base);
        }
        assert!(has_question_mark("std::io::Result<()>"));
        assert!(!has_question_mark("Vec<Option<u8>>"));
    }
}
