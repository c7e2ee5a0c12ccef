//! `cellar doctor`: is everything there, and how is it mended?

mod checks;
mod python;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use console::Style;
use serde::Serialize;

use super::args;
use super::environment::Environment;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Good to know; nothing is wrong.
    Info,
    /// Something will not work, but not running cells.
    Warn,
    /// Cells will not run.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    status: Status,
    /// What is there.
    found: String,
    /// What to do about it, for [`Status::Warn`] and [`Status::Fail`].
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Check {
        Check {
            name,
            status: Status::Ok,
            found: found.into(),
            mend: None,
        }
    }

    fn info(name: &'static str, found: impl Into<String>) -> Check {
        Check {
            name,
            status: Status::Info,
            found: found.into(),
            mend: None,
        }
    }

    fn warn(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Check {
        Check {
            name,
            status: Status::Warn,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }

    fn fail(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Check {
        Check {
            name,
            status: Status::Fail,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }
}

/// Checks and tells on stdout. The status is 1 if something would keep cells from running.
///
/// # Errors
/// When stdout cannot be written.
pub fn run(typed: &args::Doctor, environment: &Environment) -> Result<ExitCode> {
    let checks = checks::all(environment);
    let mut out = std::io::stdout().lock();
    if typed.json {
        let answer = serde_json::json!({"version": env!("CARGO_PKG_VERSION"), "checks": checks});
        writeln!(out, "{}", serde_json::to_string_pretty(&answer)?)?;
    } else {
        write!(out, "{}", for_people(&checks))?;
    }
    let broken = checks.iter().any(|check| check.status == Status::Fail);
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn for_people(checks: &[Check]) -> String {
    let width = checks
        .iter()
        .map(|check| check.name.len())
        .max()
        .unwrap_or_default();
    let mut text = String::new();
    for check in checks {
        let (word, style) = match check.status {
            Status::Ok => ("ok  ", Style::new().green()),
            Status::Info => ("info", Style::new().dim()),
            Status::Warn => ("warn", Style::new().yellow()),
            Status::Fail => ("FAIL", Style::new().red().bold()),
        };
        text.push_str(&format!(
            "{}  {:width$}  {}\n",
            style.apply_to(word),
            check.name,
            check.found
        ));
        if let Some(mend) = &check.mend {
            text.push_str(&format!("{:6}{:width$}  to mend: {mend}\n", "", ""));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_says_how_to_mend() {
        let checks = [
            Check::ok("rustc", "1.95.0"),
            Check::fail("rust-src", "not there", "rustup component add rust-src"),
        ];
        let text = console::strip_ansi_codes(&for_people(&checks)).into_owned();
        assert_eq!(
            text,
            "ok    rustc     1.95.0\nFAIL  rust-src  not there\n                to mend: rustup component add rust-src\n"
        );
    }

    #[test]
    fn json_leaves_out_what_is_not_there() {
        let json = serde_json::to_value([Check::ok("rustc", "1.95.0"), Check::warn("a", "b", "c")]).unwrap();
        let expected = serde_json::json!([
            {"name": "rustc", "status": "ok", "found": "1.95.0"},
            {"name": "a", "status": "warn", "found": "b", "mend": "c"},
        ]);
        assert_eq!(json, expected);
    }
}
