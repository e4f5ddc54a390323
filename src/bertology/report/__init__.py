"""Reports: a page for a run, a page for two, a table for the terminal, charts for papers. Reads run folders; no torch."""

from bertology.report.comparison import render_comparison
from bertology.report.page import render
from bertology.report.save import save_chart
from bertology.report.terminal import table

__all__ = ["render", "render_comparison", "save_chart", "table"]
