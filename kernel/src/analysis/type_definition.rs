//! What a `struct`, `enum`, `union` or `type` is made of.

use std::collections::BTreeSet;

use ra_ap_syntax::SyntaxNode;
use ra_ap_syntax::ast::{self, AstNode, AstToken, HasAttrs, HasGenericParams, HasName};

use super::tokens::plain_name;
use super::type_text::TypeText;

/// A type that the notebook defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDefinition {
    pub name: String,
    pub kind: TypeKind,
    /// Names of its type and const parameters.
    pub parameters: BTreeSet<String>,
    pub has_lifetimes: bool,
    pub fields: Vec<Field>,
    /// Of an enum: names that `use Enum::*` brings into scope.
    pub variants: Vec<String>,
    /// What of its attributes makes serde leave out a part of it, or write two values alike.
    pub lossy: Option<String>,
    /// `#[derive(Serialize)]`: serde is told what its attributes say.
    pub derives_serialize: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    Struct,
    Enum,
    Union,
    Alias,
}

/// One part of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// `cache`, `0`, `Variant.0`; empty for what an alias stands for.
    pub path: String,
    pub is: TypeText,
    /// As for the whole type.
    pub lossy: Option<String>,
}

/// Words in `#[serde(…)]` after which equal encodings do not prove equal values.
const LOSSY: [&str; 6] = ["with", "serialize_with", "into", "untagged", "remote", "getter"];

impl TypeDefinition {
    pub fn of(node: &SyntaxNode) -> Option<TypeDefinition> {
        let item = ast::Item::cast(node.clone())?;
        let (kind, name, parameters, mut fields) = match &item {
            ast::Item::Struct(it) => {
                let fields = it.field_list().map_or_else(Vec::new, |list| fields_of(&list, ""));
                (TypeKind::Struct, it.name(), it.generic_param_list(), fields)
            }
            ast::Item::Enum(it) => {
                let variants = it.variant_list().into_iter().flat_map(|list| list.variants());
                let fields = variants.flat_map(|variant| variant_fields(&variant)).collect();
                (TypeKind::Enum, it.name(), it.generic_param_list(), fields)
            }
            ast::Item::Union(it) => (TypeKind::Union, it.name(), it.generic_param_list(), Vec::new()),
            ast::Item::TypeAlias(it) => {
                let field = Field {
                    path: String::new(),
                    is: it.ty().map_or(TypeText::Unreadable, |of| TypeText::of(&of)),
                    lossy: None,
                };
                (TypeKind::Alias, it.name(), it.generic_param_list(), vec![field])
            }
            _ => return None,
        };
        fields.extend(defaults(parameters.as_ref()));
        let flattened = item
            .syntax()
            .descendants()
            .filter_map(ast::Attr::cast)
            .filter(|attribute| {
                let words = words_without_strings(attribute.syntax());
                words.contains("serde") && words.contains("flatten")
            });
        let runs_together = (flattened.count() > 1).then(|| "#[serde(flatten)] more than once".to_owned());
        Some(TypeDefinition {
            name: plain_name(name?.text()).to_owned(),
            kind,
            has_lifetimes: parameters
                .as_ref()
                .is_some_and(|list| list.lifetime_params().next().is_some()),
            parameters: parameter_names(parameters),
            fields,
            variants: variant_names(&item),
            lossy: lossy(&item).or_else(|| variants_alike(&item)).or(runs_together),
            derives_serialize: item.attrs().any(|attribute| {
                let words = words_without_strings(attribute.syntax());
                words.contains("derive") && words.contains("Serialize")
            }),
        })
    }
}

/// What type parameters stand for where a type is named without them: parts of it, as far as anybody knows.
fn defaults(list: Option<&ast::GenericParamList>) -> Vec<Field> {
    let parameters = list.into_iter().flat_map(|list| list.type_or_const_params());
    parameters
        .filter_map(|parameter| match parameter {
            ast::TypeOrConstParam::Type(it) => Some(Field {
                path: it.name()?.text().to_string(),
                is: TypeText::of(&it.default_type()?),
                lossy: None,
            }),
            ast::TypeOrConstParam::Const(_) => None,
        })
        .collect()
}

fn variant_names(item: &ast::Item) -> Vec<String> {
    let ast::Item::Enum(it) = item else {
        return Vec::new();
    };
    let variants = it.variant_list().into_iter().flat_map(|list| list.variants());
    variants
        .filter_map(|variant| variant.name())
        .map(|name| plain_name(name.text()).to_owned())
        .collect()
}

/// Why serde may write two variants of an enum alike: another name is given to them, under which they differ in nothing but case
/// and underscores.
fn variants_alike(item: &ast::Item) -> Option<String> {
    let ast::Item::Enum(it) = item else {
        return None;
    };
    let variants: Vec<ast::Variant> = it.variant_list()?.variants().collect();
    let is_renamed = |attribute: ast::Attr| {
        let words = words_without_strings(attribute.syntax());
        words.contains("serde")
            && words
                .iter()
                .any(|word| word.starts_with("rename") || word == "alias")
    };
    if !it.attrs().any(is_renamed) && !variants.iter().any(|variant| variant.attrs().any(is_renamed)) {
        return None;
    }
    let mut taken = BTreeSet::new();
    variants.iter().find_map(|variant| {
        let name = variant.name()?.text().to_string();
        let given: Vec<String> = variant
            .attrs()
            .filter(|attribute| is_renamed(attribute.clone()))
            .flat_map(|attribute| strings_in(attribute.syntax()))
            .collect();
        let plain = |name: &str| -> String {
            let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
            letters.flat_map(char::to_lowercase).collect()
        };
        let mut names: BTreeSet<String> = given.iter().map(|name| plain(name)).collect();
        names.insert(plain(plain_name(&name)));
        let is_alike = names.iter().any(|name| taken.contains(name));
        taken.extend(names);
        is_alike.then(|| format!("#[serde(rename)] on `{name}` and another variant"))
    })
}

/// The contents of the strings in an attribute.
fn strings_in(attribute: &SyntaxNode) -> Vec<String> {
    let tokens = attribute
        .descendants_with_tokens()
        .filter_map(|element| element.into_token());
    tokens
        .filter_map(|token| Some(ast::String::cast(token)?.value().ok()?.into_owned()))
        .collect()
}

fn variant_fields(variant: &ast::Variant) -> Vec<Field> {
    let name = variant
        .name()
        .map_or_else(String::new, |name| name.text().to_string());
    let mut fields = variant
        .field_list()
        .map_or_else(Vec::new, |list| fields_of(&list, &format!("{name}.")));
    if let Some(reason) = lossy(variant) {
        fields.push(Field {
            path: name,
            is: TypeText::Tuple(Vec::new()),
            lossy: Some(reason),
        });
    }
    fields
}

fn fields_of(list: &ast::FieldList, before: &str) -> Vec<Field> {
    match list {
        ast::FieldList::RecordFieldList(list) => list
            .fields()
            .map(|field| Field {
                path: format!(
                    "{before}{}",
                    field
                        .name()
                        .map_or_else(String::new, |name| plain_name(name.text()).to_owned())
                ),
                is: field.ty().map_or(TypeText::Unreadable, |of| TypeText::of(&of)),
                lossy: lossy(&field),
            })
            .collect(),
        ast::FieldList::TupleFieldList(list) => list
            .fields()
            .enumerate()
            .map(|(index, field)| Field {
                path: format!("{before}{index}"),
                is: field.ty().map_or(TypeText::Unreadable, |of| TypeText::of(&of)),
                lossy: lossy(&field),
            })
            .collect(),
    }
}

fn parameter_names(list: Option<ast::GenericParamList>) -> BTreeSet<String> {
    list.into_iter()
        .flat_map(|list| list.type_or_const_params())
        .filter_map(|parameter| match parameter {
            ast::TypeOrConstParam::Type(it) => it.name(),
            ast::TypeOrConstParam::Const(it) => it.name(),
        })
        .map(|name| plain_name(name.text()).to_owned())
        .collect()
}

fn lossy(node: &impl HasAttrs) -> Option<String> {
    node.attrs().find_map(|attribute| {
        let words = words_without_strings(attribute.syntax());
        // Of the crate serde_with: it puts others on the fields.
        if let Some(word) = ["serde_as", "skip_serializing_none"]
            .iter()
            .find(|word| words.contains(**word))
        {
            return Some(format!("#[{word}]"));
        }
        if !words.contains("serde") {
            return None;
        }
        let word = words
            .iter()
            .find(|word| word.starts_with("skip") || LOSSY.contains(&word.as_str()))?;
        Some(format!("#[serde({word})]"))
    })
}

/// `#[serde(rename = "with")]` says nothing.
fn words_without_strings(attribute: &SyntaxNode) -> BTreeSet<String> {
    attribute
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .filter(|token| token.kind().is_any_identifier())
        .map(|token| plain_name(token.text()).to_owned())
        .collect()
}
