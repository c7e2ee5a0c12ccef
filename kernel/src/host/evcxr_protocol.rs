//! The line protocol that evcxr speaks with its child process. The kernel itself plays the child's
//! part; nothing that user code prints gets here.

use super::RunReport;
use super::control::CellFunction;

/// Reads evcxr's only command, `LOAD_AND_RUN <library> <function>`. The path may contain blanks, the
/// function's name cannot.
pub fn load_and_run(line: &str) -> Option<CellFunction> {
    let (library, function) = line.trim_end().strip_prefix("LOAD_AND_RUN ")?.rsplit_once(' ')?;
    Some(CellFunction {
        library: library.into(),
        function: function.into(),
    })
}

/// The answer to a run that needs no more words.
pub const COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE\n";

/// Cuts what comes from evcxr into lines.
#[derive(Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    /// Adds bytes as they came.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole line, without its end.
    pub fn next(&mut self) -> Option<String> {
        let end = self.0.iter().position(|&byte| byte == b'\n')?;
        let line: Vec<u8> = self.0.drain(..=end).collect();
        Some(String::from_utf8_lossy(&line[..end]).into_owned())
    }
}

/// What evcxr must hear after a run, so that what it knows is what is true.
///
/// Where the snapshot took over, nothing of the cell is left, neither items nor the moves and
/// definitions of variables. A line that is no UTF-8 makes evcxr give up the cell with an error and go back to
/// the state before it; the child process stays.
pub fn answer(report: &RunReport) -> Vec<u8> {
    if report.restored {
        return b"\xff\n".to_vec();
    }
    let mut answer = String::new();
    for name in &report.changed_type {
        answer.push_str("EVCXR_VARIABLE_CHANGED_TYPE:");
        answer.push_str(name);
        answer.push('\n');
    }
    if report.returned_error.is_some() {
        answer.push_str("EVCXR_ERROR_OCCURRED\n");
    }
    if report.panic.is_some() || report.death.is_some() || report.load_error.is_some() {
        answer.push_str("EVCXR_PANIC_NOTIFICATION\n");
    }
    answer.push_str(COMPLETE);
    answer.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_line_by_line() {
        let mut lines = Lines::default();
        lines.add(b"LOAD_AND_RUN /tmp/a b/code_1.so run_user");
        assert_eq!(lines.next(), None);
        lines.add(b"_code_2\nLOAD");
        let line = lines.next().unwrap();
        let command = load_and_run(&line).unwrap();
        assert_eq!(command.library, std::path::PathBuf::from("/tmp/a b/code_1.so"));
        assert_eq!(command.function, "run_user_code_2");
        assert_eq!(lines.next(), None);
        assert_eq!(load_and_run("HELLO x y"), None);
    }

    #[test]
    fn evcxr_hears_what_became_of_the_variables() {
        assert_eq!(answer(&RunReport::default()), b"EVCXR_EXECUTION_COMPLETE\n");
        let report = RunReport {
            changed_type: vec!["x".into()],
            ..RunReport::default()
        };
        assert_eq!(
            answer(&report),
            b"EVCXR_VARIABLE_CHANGED_TYPE:x\nEVCXR_EXECUTION_COMPLETE\n"
        );
        let report = RunReport {
            load_error: Some("no such file".into()),
            ..RunReport::default()
        };
        assert_eq!(
            answer(&report),
            b"EVCXR_PANIC_NOTIFICATION\nEVCXR_EXECUTION_COMPLETE\n"
        );
    }
}
