#!/usr/bin/env python3
"""A Cortex analyzer over the salvor command line: the findings of a memory image."""

import json
import subprocess

from cortexutils.analyzer import Analyzer

# A result that is not whole is one all the same: see the exit codes of salvor.
RESULTS = (0, 5, 6)
# Cortex' levels by salvor's severities, the worst first.
LEVELS = {"critical": "malicious", "high": "malicious", "medium": "suspicious", "low": "suspicious", "info": "info"}


class SalvorAnalyzer(Analyzer):
    """Runs `salvor findings` on an observable of type file."""

    def run(self):
        if self.data_type != "file":
            self.notSupported()
        image = self.get_param("file", None, "the file is missing")
        if image is None:
            self.error("the job has no such file")
        program = self.get_param("config.salvor", "salvor")
        timeout = str(int(self.get_param("config.timeout", 900)))
        arguments = [program, "findings", image, "--format", "json", "--quiet", "--timeout", timeout]
        try:
            ended = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        except OSError as error:
            self.error(f"{program} cannot be run: {error}")
        if ended.returncode not in RESULTS or not ended.stdout:
            self.error(f"salvor ended with {ended.returncode}: {ended.stderr.strip()[:1000]}")
        table = json.loads(ended.stdout)
        self.report({"findings": table["rows"], "warnings": table["warnings"], "partial": ended.returncode != 0})

    def summary(self, raw):
        """A taxonomy for each severity that there is, and one that says that nothing was found."""
        counts = {}
        for finding in raw["findings"]:
            counts[finding["severity"]] = counts.get(finding["severity"], 0) + 1
        taxonomies = [
            self.build_taxonomy(level, "Salvor", severity, counts[severity])
            for severity, level in LEVELS.items()
            if severity in counts
        ]
        return {"taxonomies": taxonomies or [self.build_taxonomy("safe", "Salvor", "findings", 0)]}

    def artifacts(self, raw):
        """None by guess: what looks like an address in a sentence need not be one."""
        return []


if __name__ == "__main__":
    SalvorAnalyzer().run()
