"""Less time for a text: no padding, other number formats and runtimes, early exits, dropped tokens; latency as it is measured here."""
