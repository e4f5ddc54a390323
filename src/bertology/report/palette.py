"""The colours of pages and charts, light and dark: one table for the style sheet, Vega-Lite and saved pictures.

Text colours keep a contrast of 4.5 to 1 on paper and panel (WCAG 2.2, AA). The verdict and series colours stay apart
for readers with red-green colour blindness; no meaning hangs on colour alone: verdicts also have a word and a shape.
"""

from typing import Any

THEMES: dict[str, dict[str, str]] = {
    "light": {
        "paper": "#f7f7f4",
        "panel": "#ffffff",
        "ink": "#1a1e24",
        "quiet": "#59616b",
        "line": "#d9dce1",
        "strong": "#8b939d",
        "accent": "#1d4f91",
        "holds": "#1a5fa8",
        "fails": "#b03c0a",
        "undecided": "#756000",
        "none": "#5f6770",
        "error": "#8e2a78",
        "region": "#dfeaf6",
    },
    "dark": {
        "paper": "#121519",
        "panel": "#1a1e24",
        "ink": "#e6e9ed",
        "quiet": "#a4acb7",
        "line": "#343b45",
        "strong": "#77818d",
        "accent": "#8dbbf4",
        "holds": "#7fb6f2",
        "fails": "#f4975f",
        "undecided": "#dbc050",
        "none": "#a0a8b2",
        "error": "#e094cf",
        "region": "#22374f",
    },
}
SERIES: dict[str, tuple[str, ...]] = {
    "light": ("#1f66b0", "#c4540f", "#23805c", "#8a3f97", "#9a7400", "#2f8ba6", "#b3365a", "#5a6270"),
    "dark": ("#74b0f0", "#f2945a", "#62c79b", "#cf90dc", "#dcbd4a", "#6fc9e2", "#f088a4", "#a9b2bd"),
}
_SEQUENTIAL = {
    "light": ("#f3f5f8", "#c9dbee", "#8fb6dc", "#4a86c0", "#1f5c9c", "#0c3566"),
    "dark": ("#1e242c", "#22405f", "#2c6096", "#4a8bcb", "#8bbcee", "#dcebfb"),
}
_DIVERGING = {
    "light": ("#a3390b", "#e3a47f", "#f4f3f0", "#8db4dc", "#184f8f"),
    "dark": ("#f7a878", "#9a5330", "#23282f", "#386aa0", "#9bc8f7"),
}
FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif"


def named(theme: str) -> dict[str, str]:
    """The theme's colours by name, those of series as "series-0" and so on."""
    return THEMES[theme] | {f"series-{i}": colour for i, colour in enumerate(SERIES[theme])}


def css(theme: str) -> str:
    """The theme's colours as CSS custom properties: `--ink:#1a1e24;...;--series-0:#...`."""
    return "".join(f"--{name}:{colour};" for name, colour in named(theme).items())


def vega_config(theme: str) -> dict[str, Any]:
    """The Vega-Lite config that makes a chart belong to the page."""
    c = THEMES[theme]
    text = {
        "labelColor": c["quiet"],
        "titleColor": c["ink"],
        "labelFont": FONT,
        "titleFont": FONT,
        "titleFontWeight": 500,
    }
    return {
        "background": None,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            **text,
            "gridColor": c["line"],
            "domainColor": c["strong"],
            "tickColor": c["strong"],
            "labelFontSize": 11,
            "titleFontSize": 11,
            "labelLimit": 190,
            "tickCount": 6,
        },
        "legend": {
            **text,
            "labelColor": c["ink"],
            "labelFontSize": 11,
            "titleFontSize": 11,
            "orient": "top",
            "symbolStrokeWidth": 2,
            "symbolOpacity": 1,
        },
        "header": {**text, "labelFontSize": 11},
        "rule": {"color": c["strong"]},
        "text": {"color": c["ink"], "font": FONT},
        "line": {"strokeWidth": 2},
        "mark": {"color": SERIES[theme][0]},
        "range": {
            "category": list(SERIES[theme]),
            "heatmap": list(_SEQUENTIAL[theme]),
            "ramp": list(_SEQUENTIAL[theme]),
            "diverging": list(_DIVERGING[theme]),
        },
    }
