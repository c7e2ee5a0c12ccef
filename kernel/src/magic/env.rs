//! `%env`: environment variables of the process that runs cells, through Rust that runs there.

use std::fmt::Write;

/// What `%env` is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvAction {
    List,
    Get(String),
    Set(String, String),
}

/// A variable whose name contains one of these is listed without its value.
const SECRET: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL"];

impl EnvAction {
    /// Reads what follows `%env`.
    ///
    /// # Errors
    /// One sentence for a person.
    pub fn parse(rest: &str) -> Result<EnvAction, String> {
        if rest.is_empty() {
            return Ok(EnvAction::List);
        }
        let (name, value) = match rest.find(|c: char| c == '=' || c.is_whitespace()) {
            None => (rest, None),
            Some(at) => {
                let after = rest[at..].trim_start();
                (&rest[..at], Some(after.strip_prefix('=').unwrap_or(after).trim()))
            }
        };
        if name.is_empty() {
            return Err("`%env` needs a name before `=`: `%env NAME=value`".to_owned());
        }
        if rest.contains('\0') {
            return Err("an environment variable cannot contain a NUL character".to_owned());
        }
        Ok(match value {
            None => EnvAction::Get(name.to_owned()),
            Some(value) => EnvAction::Set(name.to_owned(), value.to_owned()),
        })
    }

    /// Rust that does it and prints the answer. It is one block, so nothing that it defines stays.
    pub fn source(&self) -> String {
        match self {
            EnvAction::List => {
                let mut hidden = String::new();
                for part in SECRET {
                    let _ = write!(hidden, "{part:?}, ");
                }
                format!(
                    "{{\nlet mut __all: Vec<_> = ::std::env::vars_os().collect();\n__all.sort();\n\
                     for (__name, __value) in &__all {{\nlet __name = __name.to_string_lossy();\n\
                     let __upper = __name.to_uppercase();\n\
                     if [{hidden}].iter().any(|__part| __upper.contains(__part)) {{ println!(\"{{__name}}=<hidden>\"); }}\n\
                     else {{ println!(\"{{__name}}={{}}\", __value.to_string_lossy()); }}\n}}\n}}\n"
                )
            }
            EnvAction::Get(name) => format!(
                "{{\nmatch ::std::env::var_os({name:?}) {{\n\
                 Some(__value) => println!(\"{{}}\", __value.to_string_lossy()),\n\
                 None => eprintln!(\"{{}} is not set\", {name:?}),\n}}\n}}\n"
            ),
            EnvAction::Set(name, value) => format!(
                "{{\n// SAFETY: cells run one at a time; threads of earlier cells that read the environment are the \
                 user's to stop.\nunsafe {{ ::std::env::set_var({name:?}, {value:?}) }};\n\
                 println!(\"env: {{}}={{}}\", {name:?}, {value:?});\n}}\n"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn forms() {
        for (rest, action) in [
            ("", EnvAction::List),
            ("HOME", EnvAction::Get("HOME".to_owned())),
            ("A=b c", EnvAction::Set("A".to_owned(), "b c".to_owned())),
            ("A b=c", EnvAction::Set("A".to_owned(), "b=c".to_owned())),
            ("A = b", EnvAction::Set("A".to_owned(), "b".to_owned())),
            ("A=", EnvAction::Set("A".to_owned(), String::new())),
        ] {
            assert_eq!(EnvAction::parse(rest), Ok(action));
        }
        assert!(EnvAction::parse("=x").is_err());
    }

    #[test]
    fn the_sources_compile_and_do_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("main.rs");
        let set = EnvAction::Set("CELLAR_T".to_owned(), "a \"b\" {} \\ ü\u{7}".to_owned());
        let get = EnvAction::Get("CELLAR_T".to_owned());
        let missing = EnvAction::Get("CELLAR_MISSING".to_owned());
        let program = format!(
            "#![deny(warnings)]\nfn main() {{\n{}{}{}{}}}",
            set.source(),
            get.source(),
            missing.source(),
            EnvAction::List.source()
        );
        std::fs::write(&file, program).expect("the source");
        let binary = dir.path().join("main");
        let status = Command::new("rustc")
            .arg("--edition=2024")
            .arg(&file)
            .arg("-o")
            .arg(&binary)
            .status();
        assert!(status.expect("rustc runs").success());
        let output = Command::new(&binary)
            .env_clear()
            .env("MY_TOKEN", "x")
            .output()
            .expect("it runs");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "env: CELLAR_T=a \"b\" {} \\ ü\u{7}\na \"b\" {} \\ ü\u{7}\nCELLAR_T=a \"b\" {} \\ ü\u{7}\nMY_TOKEN=<hidden>\n"
        );
        assert_eq!(
            String::from_utf8_lossy(&output.stderr),
            "CELLAR_MISSING is not set\n"
        );
    }
}
