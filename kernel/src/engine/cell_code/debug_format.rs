//! What is generated around a cell's last expression to show its value, and with which format (`:fmt`, `:types`).
//!
//! `runtime/src/private/show.rs` explains the text; it must not add a line to the cell's.

use std::collections::BTreeSet;

use ra_ap_rustc_parse_format::{Count, ParseMode, Parser, Piece, Position};
use ra_ap_syntax::ast::{self, AstNode, AstToken};
use ra_ap_syntax::{Edition, SourceFile};

/// What stands before the expression.
pub const BEFORE_SHOWN: &str = "match (\n";

/// How a value without a MIME bundle is shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DebugFormat {
    /// `{:?}`
    #[default]
    Compact,
    /// `{:#?}`
    Pretty,
    Custom(Custom),
}

/// A format string, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Custom {
    /// Without escapes of string literals.
    text: String,
    /// What is asked of the value: fields of the runtime's `Piece`.
    forms: BTreeSet<&'static str>,
    /// The type stands before the value.
    with_type: bool,
}

/// Why a text is no format for one value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadFormat {
    #[error("{0}")]
    Syntax(String),
    #[error("there is no `{{}}` in it where the value could stand")]
    NoValue,
    #[error("it asks for more than the one value")]
    OtherArgument,
    #[error("there is no format `{{:{0}}}`")]
    UnknownForm(String),
}

impl DebugFormat {
    /// Reads what stands between the quotes of a format string; `with_type` puts the type before the value.
    ///
    /// # Errors
    /// When `format!` would not take it with one argument.
    pub fn new(format: &str, with_type: bool) -> Result<DebugFormat, BadFormat> {
        let text = unescaped(format).unwrap_or_else(|| format.to_owned());
        let forms = forms(&text)?;
        Ok(match (text.as_str(), with_type) {
            ("{:?}", false) => DebugFormat::Compact,
            ("{:#?}", false) => DebugFormat::Pretty,
            _ => DebugFormat::Custom(Custom {
                text,
                forms,
                with_type,
            }),
        })
    }

    /// What stands behind the expression, on one line.
    pub(in crate::engine) fn after_shown(&self) -> String {
        const SHOWN: &str =
            "::cellar::__private::Shown(::cellar::__private::Peel(value).__cellar_peel().evcxr_display())";
        let showing = match self {
            DebugFormat::Compact => format!("(&&&&&{SHOWN}).__cellar_show()"),
            DebugFormat::Pretty => format!("(&&&&&{SHOWN}).__cellar_show_pretty()"),
            DebugFormat::Custom(custom) => {
                format!("match {SHOWN} {{ ref __cellar_shown => {} }}", custom.showing())
            }
        };
        format!(") {{ ref value => {{ use ::cellar::__private::show::*; {showing} }} }};\n")
    }
}

impl Custom {
    fn showing(&self) -> String {
        let type_name = match self.with_type {
            true => "Some(::std::any::type_name_of_val(value))",
            false => "None",
        };
        let forms: String = self
            .forms
            .iter()
            .map(|form| format!("{form}: (&__cellar_shown).__cellar_{form}(), "))
            .collect();
        format!(
            "{{ use ::cellar::__private::show::formatted::*; \
             (&&&&__cellar_shown).__cellar_show_as(&::cellar::__private::show::formatted::Formatted {{ \
             type_name: {type_name}, \
             text: &|__cellar_text| __cellar_text.write_fmt(::std::format_args!({:?}, \
             ::cellar::__private::show::formatted::Piece {{ {forms}\
             ..::cellar::__private::show::formatted::Piece::NONE }})) }}) }}",
            self.text
        )
    }
}

/// The traits that a format string asks of its one value, as fields of the runtime's `Piece`.
fn forms(text: &str) -> Result<BTreeSet<&'static str>, BadFormat> {
    let mut parser = Parser::new(text, None, None, false, ParseMode::Format);
    let pieces: Vec<Piece<'_>> = parser.by_ref().collect();
    if let Some(error) = parser.errors.first() {
        return Err(BadFormat::Syntax(error.description.clone()));
    }
    let mut forms = BTreeSet::new();
    for piece in pieces {
        let Piece::NextArgument(argument) = piece else {
            continue;
        };
        let is_value = matches!(
            argument.position,
            Position::ArgumentIs(0) | Position::ArgumentImplicitlyIs(0)
        );
        let is_number = |count: &Count<'_>| matches!(count, Count::CountIs(_) | Count::CountImplied);
        let spec = &argument.format;
        if !(is_value && is_number(&spec.width) && is_number(&spec.precision)) {
            return Err(BadFormat::OtherArgument);
        }
        forms.insert(match spec.ty {
            "" => "display",
            "?" => "debug",
            "x" => "lower_hex",
            "X" => "upper_hex",
            "o" => "octal",
            "b" => "binary",
            "e" => "lower_exp",
            "E" => "upper_exp",
            "p" => "pointer",
            other => return Err(BadFormat::UnknownForm(other.to_owned())),
        });
    }
    if forms.is_empty() {
        return Err(BadFormat::NoValue);
    }
    Ok(forms)
}

/// What a string literal of that text means; `None` if it is none.
fn unescaped(text: &str) -> Option<String> {
    let literal = format!("\"{text}\"");
    let file = SourceFile::parse(&format!("const _: &str = {literal};"), Edition::Edition2024);
    if !file.errors().is_empty() {
        return None;
    }
    let token = file
        .tree()
        .syntax()
        .descendants_with_tokens()
        .filter_map(|element| element.into_token())
        .find_map(ast::String::cast)?;
    (token.text() == literal)
        .then(|| token.value().ok().map(|value| value.into_owned()))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_formats_have_short_code() {
        assert_eq!(DebugFormat::new("{:?}", false), Ok(DebugFormat::Compact));
        assert_eq!(DebugFormat::new("{:#?}", false), Ok(DebugFormat::Pretty));
        assert!(matches!(
            DebugFormat::new("{:?}", true),
            Ok(DebugFormat::Custom(_))
        ));
    }

    #[test]
    fn what_is_asked_of_the_value_is_read_from_the_format() {
        let read = |text: &str| forms(text).map(|forms| forms.into_iter().collect::<Vec<_>>());
        assert_eq!(read("{}"), Ok(vec!["display"]));
        assert_eq!(read("{0} = {0:#06x}"), Ok(vec!["display", "lower_hex"]));
        assert_eq!(read("{:*^+12.3e}!"), Ok(vec!["lower_exp"]));
        assert_eq!(read("{:x?}"), Ok(vec!["debug"]));
        assert_eq!(read("{{{:X}}}"), Ok(vec!["upper_hex"]));
        assert_eq!(read("{:p} {0:o} {0:b} {0:E}").map(|forms| forms.len()), Ok(4));
    }

    #[test]
    fn what_is_no_format_of_one_value_is_refused() {
        let refused = |text: &str| DebugFormat::new(text, false).expect_err(text);
        for text in ["{} {}", "{1}", "{name}", "{:1$}", "{:.*}", "{:w$}"] {
            assert_eq!(refused(text), BadFormat::OtherArgument, "{text}");
        }
        for text in ["", "text", "{{}}"] {
            assert_eq!(refused(text), BadFormat::NoValue, "{text}");
        }
        for text in ["{", "}", "{:?", "{:?x}"] {
            assert!(matches!(refused(text), BadFormat::Syntax(_)), "{text}");
        }
        assert_eq!(refused("{:y}").to_string(), "there is no format `{:y}`");
    }

    #[test]
    fn the_generated_text_is_one_line_whatever_the_format_holds() {
        for text in [r"{}\n", "\"{}\"", r#"\"{:?}\""#, "{:?} \\", "ünï {}"] {
            let generated = DebugFormat::new(text, true).expect(text).after_shown();
            assert_eq!(generated.matches('\n').count(), 1, "{generated}");
            let function = format!("fn f() {{ {BEFORE_SHOWN}1{generated} }}");
            let file = SourceFile::parse(&function, Edition::Edition2024);
            assert!(file.errors().is_empty(), "{generated}");
        }
    }

    #[test]
    fn escapes_are_those_of_string_literals() {
        assert_eq!(unescaped(r"{}\t\u{41}").as_deref(), Some("{}\tA"));
        assert_eq!(unescaped("\"{}\""), None);
        assert_eq!(unescaped("{} \\"), None);
    }
}
