// Durations, ages and sizes as people say them.

/** Seconds as "340 ms", "1.2 s", "3 min 20 s" or "2 h 5 min". */
export function duration(seconds) {
  if (seconds < 0.9995) {
    return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(1)} s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole} s`;
  }
  if (whole < 3600) {
    return two(Math.floor(whole / 60), 'min', whole % 60, 's');
  }
  const minutes = Math.round(seconds / 60);
  return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
}

function two(large, largeUnit, small, smallUnit) {
  return small ? `${large} ${largeUnit} ${small} ${smallUnit}` : `${large} ${largeUnit}`;
}

/** Seconds as "just now", "5 min old", "3 h old" or "2 days old". */
export function age(seconds) {
  const steps = [[60, 1, 's'], [3600, 60, 'min'], [2 * 86400, 3600, 'h'], [Infinity, 86400, 'days']];
  const [, unit, name] = steps.find(([below]) => seconds < below);
  return seconds < 5 ? 'just now' : `${Math.floor(seconds / unit)} ${name} old`;
}

/** Bytes as "12 B", "3.4 kB" or "5.6 MB". */
export function size(bytes) {
  const power = Math.min(4, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const number = bytes / 1000 ** power;
  return `${power && number < 100 ? number.toFixed(1) : Math.round(number)} ${['B', 'kB', 'MB', 'GB', 'TB'][power]}`;
}
