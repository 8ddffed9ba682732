"""What notebooks show: HTML with nothing but text, tables and drawings in it."""
from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valence.evaluation import Evaluation, ProtocolEvaluation
    from valence.experiment import Cell, ExperimentResult, Variant
    from valence.scorer import Score, Segment

WIDTH, HEIGHT, MARGIN = 640, 140, 30


def number(value: float, digits: int = 2, sign: bool = False) -> str:
    if math.isnan(value):
        return "–"
    return f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")


def escape(value: object) -> str:
    return html.escape(str(value), quote=True)


def result(s: Score | Segment) -> str:
    """The score, or the class of a model of classes."""
    return escape(s.label or "–") if s.probabilities else number(s.score, sign=True)


def spread(g: Segment) -> str:
    """The interval of a score, the probability of a class."""
    if g.probabilities:
        return number(g.probabilities[g.label]) if g.label else "–"
    return f"{number(g.low, 1, True)} … {number(g.high, 1, True)}"


def score(s: Score) -> str:
    unit = f"{len(s.segments)} segment{'s' * (len(s.segments) != 1)}"
    head = f"<b>{result(s)}</b> {escape(s.name)[:200]} <small>({unit}, {escape(s.language) or 'language not known'})"
    rows = "".join(
        f"<tr><td>{number(g.start, 1)}</td><td><b>{result(g)}</b></td>"
        f"<td>{spread(g)}</td><td>{escape(g.flow)}</td>"
        f"<td style='text-align:left'>{escape(g.reason or g.text)}{' (unlike the training data)' * g.outside}</td></tr>"
        for g in s.segments[:50])
    more = f"<p>{len(s.segments) - 50} more</p>" if len(s.segments) > 50 else ""
    return (f"<div>{head}</small>{timeline(s)}<table><thead><tr><th>s</th><th>{'class' if s.probabilities else 'score'}</th>"
            f"<th>{'probability' if s.probabilities else 'interval'}</th><th>flow</th><th>text</th>"
            f"</tr></thead><tbody>{rows}</tbody></table>{more}</div>")


def timeline(s: Score) -> str:
    """Each segment as a line at its score over its interval, from the recording's beginning to its end."""
    segments = [g for g in s.segments if not math.isnan(g.score)]
    if not segments:
        return ""
    low, high = s.label_range
    timed = s.seconds > 0
    length = s.seconds if timed else len(s.segments)

    def x(t: float) -> float:
        return round(MARGIN + (WIDTH - MARGIN - 5) * t / length, 1)

    def y(value: float) -> float:
        return round(10 + (HEIGHT - 30) * (high - min(max(value, low), high)) / (high - low), 1)

    marks = []
    for value in (low, (low + high) / 2, high):
        marks.append(f"<line x1='{MARGIN}' x2='{WIDTH - 5}' y1='{y(value)}' y2='{y(value)}' stroke='#8884'/>"
                     f"<text x='{MARGIN - 4}' y='{y(value) + 4}' text-anchor='end'>{number(value, 0, True)}</text>")
    for g in segments:
        start, end = (g.start, g.end) if timed else (g.index, g.index + 1)
        colour = "#2a7f62" if g.score >= (low + high) / 2 else "#b3452c"
        title = f"<title>{escape(number(g.score, sign=True) + ' ' + g.text[:200])}</title>"
        width = max(x(end) - x(start) - 1, 1)
        if not math.isnan(g.low):
            marks.append(f"<rect x='{x(start)}' width='{width:.1f}' y='{y(g.high)}' height='{y(g.low) - y(g.high):.1f}' "
                         f"fill='{colour}' opacity='.15'/>")
        marks.append(f"<rect x='{x(start)}' width='{width:.1f}' y='{y(g.score) - 1.5}' height='3' fill='{colour}'>{title}</rect>")
    last = f"{number(length, 0)} s" if timed else f"{len(s.segments)} texts" if len(s.segments) > 1 else ""
    return (f"<svg viewBox='0 0 {WIDTH} {HEIGHT}' width='{WIDTH}' role='img' aria-label='scores over time' style='display:block' "
            f"font-size='11' font-family='sans-serif' fill='currentColor'>{''.join(marks)}"
            f"<text x='{WIDTH - 5}' y='{HEIGHT - 4}' text-anchor='end'>{last}</text></svg>")


def cell(info: Any, value: float, interval: tuple[float, float] | None = None) -> str:
    """A figure with its interval, a share in per cent."""
    factor, digits = (100, 1) if info.is_share else (1, 3)
    shown = number(value * factor, digits)
    if interval and not math.isnan(interval[0]):
        shown += f" <small>({number(interval[0] * factor, digits)} to {number(interval[1] * factor, digits)})</small>"
    return f"<td>{shown}</td>"


def headings(infos: dict[str, Any]) -> str:
    return "".join(f"<th>{escape(info.heading)}{', %' * info.is_share}</th>" for info in infos.values())


def evaluation(e: Evaluation) -> str:
    rows = "".join(
        f"<tr><th>{escape(flow.flow)}{'' if flow.trained else ' (not trained)'}</th>"
        + "".join(cell(info, flow.metrics[key], flow.intervals[key]) for key, info in e.infos.items()) + "</tr>" for flow in e.flows)
    constant = (f"<tr><th>always {number(e.constant)}</th>"
                + "".join(cell(info, e.constant_metrics[key]) for key, info in e.infos.items()) + "</tr>")
    made_up = "SYNTHETIC data, " if e.synthetic else ""
    notes = "".join(f"<p>{escape(flow.flow)}: {escape(warning)}</p>" for flow in e.flows for warning in flow.warnings)
    return (f"<div>{made_up}{len(e.labels)} {escape(e.split)} clips; 95 % intervals in parentheses<table><thead><tr><th></th>"
            f"{headings(e.infos)}</tr></thead><tbody>{rows}{constant}</tbody></table>{notes}</div>")


def protocol(e: ProtocolEvaluation) -> str:
    rows = "".join(
        f"<tr><th>{escape(condition.name)}</th>"
        + "".join(cell(info, condition.metrics[key], condition.intervals[key]) for key, info in e.infos.items()) + "</tr>"
        for condition in e.conditions)
    return (f"<div>{escape(e.protocol)}: {len(e.labels)} {escape(e.split)} clips; 95 % intervals in parentheses<table><thead><tr>"
            f"<th>missing</th>{headings(e.infos)}</tr></thead><tbody>{rows}</tbody></table></div>")


def result_cell(info: Any, value: Cell) -> str:
    """Mean ± deviation, and the difference to the first variant with its interval."""
    factor, digits = (100, 1) if info.is_share else (1, 3)
    shown = number(value.mean * factor, digits)
    if not math.isnan(value.deviation):
        shown += f" ± {number(value.deviation * factor, digits)}"
    if not math.isnan(value.difference):
        low, high = (number(bound * factor, digits, True) for bound in (value.low, value.high))
        shown += f"<br><small>{number(value.difference * factor, digits, True)} ({low} to {high})</small>"
    return f"<td>{shown}</td>"


def validation_row(variant: Variant, is_best: bool) -> str:
    mean, deviation = variant.selected
    shown = number(mean, 3) + ("" if math.isnan(deviation) else f" ± {number(deviation, 3)}")
    return f"<tr><th>{escape(variant.name)}{' (smallest)' * is_best}</th><td>{shown}</td></tr>"


def experiment(e: ExperimentResult) -> str:
    made_up = "SYNTHETIC data, " if e.synthetic else ""
    tables = "".join(
        f"<table><caption>{escape(flow)}</caption><thead><tr><th></th>{headings(e.infos)}</tr></thead><tbody>"
        + "".join(f"<tr><th>{escape(v.name)}</th>" + "".join(result_cell(e.infos[key], cell) for key, cell in v.cells[flow].items())
                  + "</tr>" for v in e.variants if v.cells) + "</tbody></table>" for flow in e.flows)
    trained = [v for v in e.variants if not math.isnan(v.selected[0])]
    errors = "<table><caption>validation error</caption><tbody>" + "".join(
        validation_row(v, v.name == e.best) for v in trained) + "</tbody></table>" if trained else ""
    return (f"<div>{made_up}{escape(e.kind)} of {len(e.variants)} variants, {e.n_clips} {escape(e.split)} clips; differences to "
            f"{escape(e.variants[0].name)} with 95 % intervals in parentheses{tables}{errors}</div>")
