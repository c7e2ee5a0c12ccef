//! Durations as IPython writes them.
//!
//! The functions between the marks are also compiled into the cell that `%timeit` runs, so they use
//! nothing but the standard library by full paths.

use std::time::Duration;

/// How long something ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub wall: Duration,
    /// Processor time in user code and in the system, where it was measured.
    pub cpu: Option<(Duration, Duration)>,
}

/// What `%time` and `%%time` print, with a line end.
pub fn format_times(times: &Times) -> String {
    let wall = format!("Wall time: {}\n", format_time(times.wall.as_secs_f64(), 3));
    match times.cpu {
        None => wall,
        Some((user, system)) => format!(
            "CPU times: user {}, sys: {}, total: {}\n{wall}",
            format_time(user.as_secs_f64(), 3),
            format_time(system.as_secs_f64(), 3),
            format_time((user + system).as_secs_f64(), 3),
        ),
    }
}

/// The functions below as source.
pub(super) fn source() -> &'static str {
    let file = include_str!("timing.rs");
    let start = file
        .find("// shared: begin\n")
        .map_or(0, |at| at + "// shared: begin\n".len());
    let end = file[start..]
        .find("// shared: end\n")
        .map_or(file.len(), |at| start + at);
    &file[start..end]
}

// shared: begin
/// `seconds` in the unit that fits, with `digits` significant digits.
pub fn format_time(seconds: f64, digits: usize) -> String {
    if seconds >= 60.0 {
        let mut parts = Vec::new();
        let mut left = seconds;
        for (unit, length) in [("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("s", 1.0)] {
            let count = (left / length).floor();
            if count > 0.0 {
                left -= count * length;
                parts.push(format!("{count}{unit}"));
            }
            if left < 1.0 {
                break;
            }
        }
        return parts.join(" ");
    }
    let units = ["s", "ms", "µs", "ns"];
    let order = if seconds > 0.0 {
        (-(seconds.log10().floor() / 3.0).floor()).clamp(0.0, 3.0) as usize
    } else {
        3
    };
    let scaled = seconds * 1000f64.powi(order as i32);
    format!("{} {}", significant(scaled, digits), units[order])
}

/// `value` with `digits` significant digits and no trailing zeros, as C's `%g` writes it.
fn significant(value: f64, digits: usize) -> String {
    let digits = digits.max(1);
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let scientific = format!("{value:.*e}", digits - 1);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific.as_str(), "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trim(mantissa), exponent.abs());
    }
    trim(&format!(
        "{value:.*}",
        (digits as i32 - 1 - exponent).max(0) as usize
    ))
}

/// What `%timeit` prints for `runs` (seconds each) of `loops` executions.
#[cfg_attr(not(test), allow(dead_code))] // it runs in cells
pub fn format_timeit(runs: &[f64], loops: u64, digits: usize) -> String {
    let each: Vec<f64> = runs.iter().map(|run| run / loops as f64).collect();
    let count = each.len().max(1) as f64;
    let mean = each.iter().sum::<f64>() / count;
    let deviation = (each.iter().map(|time| (time - mean) * (time - mean)).sum::<f64>() / count).sqrt();
    let best = each.iter().copied().fold(f64::INFINITY, f64::min);
    let worst = each.iter().copied().fold(0.0, f64::max);
    let mut text = String::new();
    if best > 0.0 && worst > 4.0 * best && worst > 1e-6 {
        text.push_str(&format!(
            "The slowest run took {:.2} times longer than the fastest. This could mean that an intermediate \
             result is being cached.\n",
            worst / best
        ));
    }
    let mut grouped = loops.to_string();
    let mut at = grouped.len();
    while at > 3 {
        at -= 3;
        grouped.insert(at, ',');
    }
    text.push_str(&format!(
        "{} ± {} per loop (mean ± std. dev. of {} run{}, {grouped} loop{} each)",
        format_time(mean, digits),
        format_time(deviation, digits),
        each.len(),
        if each.len() == 1 { "" } else { "s" },
        if loops == 1 { "" } else { "s" },
    ));
    text
}
// shared: end

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_in_ipython() {
        for (seconds, text) in [
            (0.00123, "1.23 ms"),
            (0.000_045, "45 µs"),
            (0.2, "200 ms"),
            (1.0, "1 s"),
            (0.0, "0 ns"),
            (2.5e-10, "0.25 ns"),
            (59.99, "60 s"),
            (61.0, "1min 1s"),
            (3600.0, "1h"),
            (90061.5, "1d 1h 1min 1s"),
            (0.9999, "1e+03 ms"),
        ] {
            assert_eq!(format_time(seconds, 3), text);
        }
        assert_eq!(format_time(0.001_234_5, 5), "1.2345 ms");
    }

    #[test]
    fn a_result_of_timeit() {
        let line = format_timeit(&[0.123, 0.124, 0.122], 100, 3);
        assert_eq!(
            line,
            "1.23 ms ± 8.16 µs per loop (mean ± std. dev. of 3 runs, 100 loops each)"
        );
        let line = format_timeit(&[2.0], 1, 3);
        assert_eq!(
            line,
            "2 s ± 0 ns per loop (mean ± std. dev. of 1 run, 1 loop each)"
        );
        assert!(format_timeit(&[1.0; 7], 10_000_000, 3).ends_with("7 runs, 10,000,000 loops each)"));
        assert!(format_timeit(&[1.0, 5.0], 1, 3).starts_with("The slowest run took 5.00 times longer"));
    }

    #[test]
    fn what_time_prints() {
        let times = Times {
            wall: Duration::from_micros(1500),
            cpu: Some((Duration::from_micros(1230), Duration::from_micros(45))),
        };
        assert_eq!(
            format_times(&times),
            "CPU times: user 1.23 ms, sys: 45 µs, total: 1.28 ms\nWall time: 1.5 ms\n"
        );
    }
}
