"""Reports on run folders: a page for one run or for two, a table for the terminal, charts for papers."""

from bertology.report.audit import render_audit
from bertology.report.comparison import render_comparison
from bertology.report.ladder import render_ladder
from bertology.report.page import render
from bertology.report.pairs import Paradigm, render_pairs
from bertology.report.redundancy import render_redundancy
from bertology.report.retention import model_card, render_pareto, render_retention
from bertology.report.save import save_chart
from bertology.report.terminal import table
from bertology.report.training import render_training

__all__ = [
    "Paradigm", "model_card", "render", "render_audit", "render_comparison", "render_ladder", "render_pairs", "render_pareto", "render_redundancy",
    "render_retention", "render_training",
    "save_chart", "table",
]  # fmt: skip
