"""Figures with their limits."""

import os
import statistics
import subprocess

from bench import measure


class Report:
    """Rows of a table, and which of them are over their limit."""

    def __init__(self):
        self.rows = [["", "measured", "limit"], ["---", "---:", "---:"]]
        self.over = []

    def row(self, what, value, limit=None, unit="ms", least=False):
        """`least`: the limit is what must be reached, not what must be kept."""
        digits = 0 if unit == "ns" or abs(value) >= 100 else 2
        late = limit is not None and (value < limit if least else value > limit)
        bound = "at least " if least else ""
        self.rows.append([what, f"{value:.{digits}f} {unit}", f"{bound}{limit:.3g} {unit}" + (" **over**" if late else "") if limit is not None else ""])
        if late:
            self.over.append(what)

    def __str__(self):
        return "\n".join("| " + " | ".join(row) + " |" for row in self.rows)

    def close(self):
        """Prints all rows. Returns what is over its limit."""
        version = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
        print(self)
        print(f"\nMedians on {measure.cores()} cores, {version}, load {os.getloadavg()[0]:.1f}. Times are a client's, from sending "
              "to the reply and the last output.", flush=True)
        return self.over


def median_ms(values):
    return statistics.median(values) * 1000
