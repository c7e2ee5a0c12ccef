//! Sizes and durations as people type and read them.

use std::time::Duration;

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no size; use a number of bytes or one with a unit, such as 500MB or 2GiB")]
pub struct ParseSizeError(String);

/// The budget of a store when nobody says otherwise: 10 GiB.
pub const DEFAULT_BUDGET: u64 = 10 << 30;

/// Reads a size in bytes: `1000`, `500MB` (10⁶), `2GiB` (2³⁰), `1.5 G`. The unit's case does not
/// matter; a unit without `B` counts as the decimal one.
///
/// # Errors
/// When it is no number, has an unknown unit, is negative or too large.
///
/// ```
/// assert_eq!(cellar_cache::parse_size("500MB"), Ok(500_000_000));
/// assert_eq!(cellar_cache::parse_size("2 GiB"), Ok(2 << 30));
/// assert!(cellar_cache::parse_size("much").is_err());
/// ```
pub fn parse_size(typed: &str) -> Result<u64, ParseSizeError> {
    let wrong = || ParseSizeError(typed.to_owned());
    let text = typed.trim();
    let digits = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(wrong()),
    };
    let number = number.replace('_', "");
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale).ok_or_else(wrong);
    }
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let bytes = number * scale as f64;
    if !bytes.is_finite() || bytes >= u64::MAX as f64 {
        return Err(wrong());
    }
    Ok(bytes as u64)
}

/// The budget that the environment variable `CELLAR_CACHE_MAX` asks for; [`DEFAULT_BUDGET`] when it is
/// not set or empty.
///
/// # Errors
/// When it is set to something that is no size. The message names the variable.
pub fn budget_from_env() -> Result<u64, BudgetError> {
    match std::env::var("CELLAR_CACHE_MAX") {
        Err(std::env::VarError::NotPresent) => Ok(DEFAULT_BUDGET),
        Err(std::env::VarError::NotUnicode(text)) => {
            Err(BudgetError(ParseSizeError(text.to_string_lossy().into_owned())))
        }
        Ok(text) if text.trim().is_empty() => Ok(DEFAULT_BUDGET),
        Ok(text) => parse_size(&text).map_err(BudgetError),
    }
}

/// `CELLAR_CACHE_MAX` is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("CELLAR_CACHE_MAX: {0}")]
pub struct BudgetError(ParseSizeError);

/// A number of bytes for people: `999 B`, `1.5 kB`, `12 MB`, `3.4 GB`. Decimal units.
pub fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut number = bytes as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be shown as 1000.0.
    while number >= 999.5 && unit + 1 < UNITS.len() {
        number /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(number < 9.95);
    format!("{number:.digits$} {}", UNITS[unit])
}

/// A limit in bytes for people, in the unit in which it was probably set: `10 GiB`, `500 MB`.
pub fn human_limit(bytes: u64) -> String {
    let binary = ["KiB", "MiB", "GiB", "TiB"]
        .iter()
        .zip(1..)
        .find_map(|(unit, power)| {
            let scale = 1024_u64.pow(power);
            let whole = bytes.is_multiple_of(scale) && (1..1024).contains(&(bytes / scale));
            whole.then(|| format!("{} {unit}", bytes / scale))
        });
    binary.unwrap_or_else(|| human_size(bytes))
}

/// An age or a cost for people: `250 ms`, `3.2 s`, `5 min`, `2 h`, `3 d`.
pub fn human_duration(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{:.0} min", (s / 60.0).floor()),
        s if s < 86400.0 => format!("{:.0} h", (s / 3600.0).floor()),
        s => format!("{:.0} d", (s / 86400.0).floor()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (typed, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("10_000", 10_000),
            (" 5 kB ", 5_000),
            ("500MB", 500_000_000),
            ("2GiB", 2 << 30),
            ("1.5g", 1_500_000_000),
            ("1TiB", 1 << 40),
        ] {
            assert_eq!(parse_size(typed), Ok(bytes), "{typed}");
        }
    }

    #[test]
    fn what_is_no_size() {
        for wrong in [
            "",
            "x",
            "-1",
            "5 apples",
            "GB",
            "1.2.3MB",
            "99999999999999999999",
            "20000000TiB",
        ] {
            let error = parse_size(wrong).expect_err(wrong);
            assert!(error.to_string().contains("500MB"), "{error}");
        }
    }

    #[test]
    fn sizes_for_people() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (9_960, "10 kB"),
            (12_345_678, "12 MB"),
            (999_999, "1.0 MB"),
            (10 << 30, "11 GB"),
        ] {
            assert_eq!(human_size(bytes), text);
        }
    }

    #[test]
    fn limits_as_they_were_set() {
        for (bytes, text) in [
            (10 << 30, "10 GiB"),
            (256 << 20, "256 MiB"),
            (1 << 30, "1 GiB"),
            (1 << 40, "1 TiB"),
            (500_000_000, "500 MB"),
            (1_000_000, "1.0 MB"),
            (1_000_000_000_000, "1.0 TB"),
            (0, "0 B"),
            (12, "12 B"),
        ] {
            assert_eq!(human_limit(bytes), text);
        }
    }

    #[test]
    fn durations_for_people() {
        for (ms, text) in [
            (0, "0 µs"),
            (250, "250 ms"),
            (3210, "3.2 s"),
            (119_000, "1 min"),
            (7_300_000, "2 h"),
        ] {
            assert_eq!(human_duration(Duration::from_millis(ms)), text);
        }
    }
}
