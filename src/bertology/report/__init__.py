"""Reports on run folders: a page for one run or for two, a table for the terminal, charts for papers."""

from bertology.report.comparison import render_comparison
from bertology.report.page import render
from bertology.report.save import save_chart
from bertology.report.terminal import table

__all__ = ["render", "render_comparison", "save_chart", "table"]
