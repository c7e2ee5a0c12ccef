//! `%timeit`: its arguments, and the Rust that measures.

use super::table::one_line_of_rust;
use super::timing;

/// What to measure and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeit {
    /// Executions a run; found out if `None`.
    pub loops: Option<u64>,
    pub runs: usize,
    /// Significant digits of the result.
    pub digits: usize,
    /// Print nothing.
    pub quiet: bool,
    /// A statement or expression, with blanks before it so that columns are the cell's.
    pub code: String,
}

/// Rust that measures. It is one block, so nothing that it defines stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeitSource {
    pub code: String,
    /// The line of `code` (from 1) that is the user's, at the columns it has in the cell.
    pub user_line: usize,
}

impl Timeit {
    /// Reads what follows `%timeit`; `column` is where that starts in its line.
    ///
    /// # Errors
    /// One sentence for a person.
    pub fn parse(rest: &str, column: usize) -> Result<Timeit, String> {
        let mut timeit = Timeit {
            loops: None,
            runs: 7,
            digits: 3,
            quiet: false,
            code: String::new(),
        };
        let mut left = rest;
        while let Some(flag) = left.strip_prefix('-') {
            // `-x` of a variable, `-1`, `--`: Rust.
            let Some(letter) = flag.chars().next().filter(char::is_ascii_alphabetic) else {
                break;
            };
            let after = &flag[1..];
            if letter == 'q' && (after.is_empty() || after.starts_with(char::is_whitespace)) {
                timeit.quiet = true;
                left = after.trim_start();
                continue;
            }
            if !"nrp".contains(letter) {
                return Err(format!(
                    "`%timeit` has no option `-{letter}`; it has -n N, -r R, -p P and -q"
                ));
            }
            let value = after.trim_start();
            let end = value.find(char::is_whitespace).unwrap_or(value.len());
            let number = value[..end].parse::<u64>().ok().filter(|number| *number > 0);
            let Some(number) = number else {
                return Err(format!(
                    "`-{letter}` of `%timeit` needs a number above 0, not `{}`",
                    &value[..end]
                ));
            };
            match letter {
                'n' => timeit.loops = Some(number),
                'r' => timeit.runs = usize::try_from(number).unwrap_or(usize::MAX).min(100_000),
                _ => timeit.digits = number.min(15) as usize,
            }
            left = value[end..].trim_start();
        }
        if left.is_empty() {
            return Err("`%timeit` needs Rust to run: `%timeit f(10)`".to_owned());
        }
        one_line_of_rust("timeit", left)?;
        let before = column + rest[..rest.len() - left.len()].chars().count();
        timeit.code = format!("{}{left}", " ".repeat(before));
        Ok(timeit)
    }

    /// The Rust to run as a cell; it prints the result.
    pub fn source(&self) -> TimeitSource {
        let (loops, find) = match self.loops {
            Some(loops) => (loops, false),
            None => (1, true),
        };
        let before = format!(
            "{{\n{}\nlet mut __loops: u64 = {loops};\nlet mut __find = {find};\nlet mut __runs: Vec<f64> = Vec::new();\n\
             while __runs.len() < {} {{\nlet __start = ::std::time::Instant::now();\nfor _ in 0..__loops {{\n\
             ::std::hint::black_box({{\n",
            timing::source(),
            self.runs
        );
        let print = if self.quiet {
            String::new()
        } else {
            format!(
                "println!(\"{{}}\", format_timeit(&__runs, __loops, {}));\n",
                self.digits
            )
        };
        // The number of loops is found as IPython does it: the power of ten that takes 0.2 s. The
        // run that showed it is not counted.
        let after = format!(
            "\n}});\n}}\nlet __time = __start.elapsed().as_secs_f64();\n\
             if __find && __time < 0.2 && __loops < 1_000_000_000 {{\n__loops *= 10;\n}} else if __find {{\n\
             __find = false;\n}} else {{\n__runs.push(__time);\n}}\n}}\n{print}}}\n"
        );
        TimeitSource {
            user_line: before.matches('\n').count() + 1,
            code: format!("{before}{}{after}", self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn options_as_in_ipython() {
        let timeit = Timeit::parse("-n 10 -r3 -q -p5 -x + 1", 8);
        assert_eq!(
            timeit,
            Err("`%timeit` has no option `-x`; it has -n N, -r R, -p P and -q".to_owned())
        );
        let timeit = Timeit::parse("-n 10 -r3 -q -p5 (-x + 1)", 8).expect("options");
        assert_eq!(
            (timeit.loops, timeit.runs, timeit.digits, timeit.quiet),
            (Some(10), 3, 5, true)
        );
        assert_eq!(timeit.code, format!("{}(-x + 1)", " ".repeat(8 + 17)));
        assert_eq!(
            Timeit::parse("-1 + 2", 0).map(|t| t.code),
            Ok("-1 + 2".to_owned())
        );
        assert!(Timeit::parse("-n x", 0).is_err_and(|error| error.contains("needs a number")));
        assert!(Timeit::parse("-n 0 f()", 0).is_err());
        assert!(Timeit::parse("", 0).is_err());
        assert!(Timeit::parse("f(", 0).is_err_and(|error| error.contains("still open")));
    }

    #[test]
    fn the_source_compiles_sees_variables_and_prints_one_line() {
        let dir = tempfile::tempdir().expect("a folder");
        let timeit = Timeit::parse("-n 3 -r 1 v.iter().sum::<u64>()", 8).expect("arguments");
        let found = Timeit::parse(
            "-r 1 std::thread::sleep(std::time::Duration::from_millis(30));",
            8,
        )
        .expect("arguments");
        let source = timeit.source();
        assert_eq!(
            source.code.lines().nth(source.user_line - 1),
            Some(timeit.code.as_str())
        );
        let file = dir.path().join("main.rs");
        let program = format!(
            "#![deny(warnings)]\nfn main() {{ let v = vec![1u64, 2];\n{}\n{} }}",
            source.code,
            found.source().code
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
        let output = Command::new(&binary).output().expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert!(
            lines[0].ends_with("per loop (mean ± std. dev. of 1 run, 3 loops each)"),
            "{text}"
        );
        assert!(lines[1].contains("(mean ± std. dev. of 1 run, 1"), "{text}");
    }
}
