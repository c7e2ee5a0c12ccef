//! What "cargo" says to evcxr.

use std::path::Path;

use super::shim::{BuildAnswer, BuildRequest};

/// An error of this kind at each of these lines of the generated crate.
pub fn pretended_errors(code: &str, lines: &[usize]) -> BuildAnswer {
    let message = |line: &usize| {
        let span = serde_json::json!({
            "file_name": "src/lib.rs", "line_start": line, "line_end": line, "column_start": 1, "column_end": 1,
            "byte_start": 0, "byte_end": 0, "is_primary": true, "text": [], "label": null,
            "suggested_replacement": null, "suggestion_applicability": null, "expansion": null,
        });
        let message = serde_json::json!({
            "message": "evcxr is to look at this again", "code": {"code": code, "explanation": null},
            "level": "error", "spans": [span], "children": [], "rendered": "",
        });
        format!("{message}\n")
    };
    BuildAnswer {
        stdout: lines.iter().map(message).collect(),
        stderr: String::new(),
        status: 101,
    }
}

/// Tells evcxr that there is a library where there is none.
pub fn nothing_made(request: &BuildRequest, library: &Path) -> std::io::Result<BuildAnswer> {
    std::fs::write(library, b"")?;
    made(request, library)
}

/// Tells evcxr that `library` is what it asked for.
pub fn made(request: &BuildRequest, library: &Path) -> std::io::Result<BuildAnswer> {
    if let Some(path) = request.environment.get("EVCXR_EXECUTION_SO_PATH") {
        std::fs::write(path, library.as_os_str().as_encoded_bytes())?;
    }
    Ok(BuildAnswer::default())
}

pub fn failed(message: &str) -> BuildAnswer {
    BuildAnswer {
        stdout: String::new(),
        stderr: format!("error: {message}\n"),
        status: 101,
    }
}
