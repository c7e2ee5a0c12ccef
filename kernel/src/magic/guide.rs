//! `%help` and `%lsmagic`: what can be written in a cell, made from the tables.

use std::fmt::Write;

use super::commands::{COMMANDS, Command};
use super::directive_table::{DIRECTIVES, DirectiveSpec};
use super::table::{MAGICS, MagicSpec};
use crate::interpreter::MimeBundle;

/// A MIME bundle of plain text, and HTML where there is any.
pub fn bundle(text: &str, html: Option<&str>) -> MimeBundle {
    let mut bundle = MimeBundle::new();
    bundle.insert("text/plain".to_owned(), text.into());
    if let Some(html) = html {
        bundle.insert("text/html".to_owned(), html.into());
    }
    bundle
}

/// Text in HTML.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// What `%lsmagic` shows.
pub fn list() -> MimeBundle {
    let line: Vec<String> = MAGICS
        .iter()
        .filter(|magic| magic.line)
        .map(|magic| format!("%{}", magic.name))
        .chain(["!cmd".to_owned()])
        .collect();
    let cell: Vec<String> = MAGICS
        .iter()
        .filter(|magic| magic.cell)
        .map(|magic| format!("%%{}", magic.name))
        .collect();
    let commands: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    let directives: Vec<String> = DIRECTIVES
        .iter()
        .filter(|directive| directive.replacement.is_none())
        .map(|directive| format!("//% {}", directive.name))
        .collect();
    let text = format!(
        "Line magics:\n{}\n\nCell magics:\n{}\n\nCommands:\n{}\n\nDirectives:\n{}",
        line.join("  "),
        cell.join("  "),
        commands.join("  "),
        directives.join("  ")
    );
    bundle(&text, None)
}

/// What `%help` shows.
pub fn help() -> MimeBundle {
    let mut sections: Vec<(&str, Vec<(String, String)>)> = Vec::new();
    let mut magics: Vec<(String, String)> = MAGICS
        .iter()
        .map(|magic| (magic.forms().join("  "), magic.summary.to_owned()))
        .collect();
    magics.push((
        "!COMMAND".to_owned(),
        "Run a shell command; above the first line of Rust".to_owned(),
    ));
    magics.push((
        "NAME?".to_owned(),
        "Show what is known of a name; NAME?? shows its source too".to_owned(),
    ));
    sections.push(("Magics", magics));
    sections.push((
        "Directives",
        DIRECTIVES
            .iter()
            .filter(|directive| directive.replacement.is_none())
            .map(|directive| (format!("//% {}", directive.name), directive.summary.to_owned()))
            .collect(),
    ));
    sections.push((
        "Commands",
        COMMANDS
            .iter()
            .map(|command| {
                (
                    format!("{} {}", command.name, command.usage)
                        .trim_end()
                        .to_owned(),
                    command.summary.to_owned(),
                )
            })
            .collect(),
    ));
    let mut text = String::from(
        "A cell holds Rust: statements, items and, at its end, an expression whose value is shown.\n\
         Variables and items stay for the cells after it.\n",
    );
    let mut html = String::from(
        "<p>A cell holds Rust: statements, items and, at its end, an expression whose value is shown. \
         Variables and items stay for the cells after it.</p>",
    );
    for (title, rows) in sections {
        let width = rows
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or(0)
            .min(36);
        let _ = write!(text, "\n{title}\n");
        let _ = write!(html, "<h4>{title}</h4><table><tbody>");
        for (name, summary) in rows {
            let _ = writeln!(text, "  {name:width$}  {}", summary.replace('`', ""));
            let _ = write!(
                html,
                "<tr><td style=\"text-align: left\"><code>{}</code></td><td style=\"text-align: left\">{}</td></tr>",
                escape(&name),
                code_in_html(&summary)
            );
        }
        html.push_str("</tbody></table>");
    }
    text.push_str("\n%help NAME tells more about one of them, or about an item of the notebook.");
    html.push_str(
        "<p><code>%help NAME</code> tells more about one of them, or about an item of the notebook.</p>",
    );
    bundle(&text, Some(&html))
}

/// Markdown about a magic (`%time`, `time`), command (`:dep`) or directive (`cache_data`).
pub fn about(name: &str) -> Option<String> {
    if let Some(command) = Command::find(name) {
        return Some(format!(
            "```\n{}\n```\n\n{}.",
            format!("{} {}", command.name, command.usage).trim_end(),
            command.summary
        ));
    }
    let bare = name.trim_start_matches("//%").trim_start_matches('%').trim();
    // `cache` alone is a magic; the directive of that name is deprecated.
    let is_directive = name.starts_with("//%");
    if let Some(magic) = MagicSpec::find(bare).filter(|_| !is_directive) {
        let details = if magic.details.is_empty() {
            String::new()
        } else {
            format!("\n\n{}", magic.details)
        };
        return Some(format!(
            "```\n{}\n```\n\n{}.{details}",
            magic.forms().join("\n"),
            magic.summary
        ));
    }
    let directive = DirectiveSpec::find(bare)?;
    let mut text = format!(
        "```\n//% {}(option = value, …)\n```\n\n{}.",
        directive.name, directive.summary
    );
    if !directive.details.is_empty() {
        let _ = write!(text, "\n\n{}", directive.details);
    }
    text.push('\n');
    for option in directive.options {
        let _ = write!(text, "\n* `{}`: {}", option.name, option.summary);
    }
    Some(text)
}

/// Escapes, and makes `code` of backticks.
fn code_in_html(text: &str) -> String {
    escape(text)
        .split('`')
        .enumerate()
        .map(|(index, part)| {
            if index % 2 == 1 {
                format!("<code>{part}</code>")
            } else {
                part.to_owned()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_tables_is_in_the_help() {
        let help = help();
        let (text, html) = (
            help["text/plain"].as_str().expect("text"),
            help["text/html"].as_str().expect("html"),
        );
        let list = list();
        let list = list["text/plain"].as_str().expect("text");
        for magic in MAGICS {
            assert!(text.contains(&format!("%{}", magic.name)) && list.contains(&format!("%{}", magic.name)));
            assert!(about(&format!("%{}", magic.name)).is_some_and(|about| about.contains(magic.summary)));
        }
        for command in COMMANDS {
            assert!(
                text.contains(command.name) && html.contains(command.name) && list.contains(command.name)
            );
            assert!(about(command.name).is_some());
        }
        for directive in DIRECTIVES {
            let about = about(&format!("//% {}", directive.name)).expect("a directive");
            assert!(
                directive
                    .options
                    .iter()
                    .all(|option| about.contains(&format!("`{}`", option.name)))
            );
        }
        assert!(about("nothing").is_none());
        assert!(html.contains(
            "<code>:dep NAME = VERSION</code></td><td style=\"text-align: left\">Add a dependency: <code>:dep"
        ));
    }
}
