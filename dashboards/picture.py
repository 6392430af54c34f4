"""Pictures of the dashboards for the documentation, where no Grafana can run: the same panels over the same queries.

`python -m dashboards.picture --account ACCOUNT` asks a running Prometheus what Grafana would ask, lays the panels
out on Grafana's grid, and draws them with uPlot in a headless Chromium. It is no Grafana: it shows the data, the
titles, units, thresholds and the layout.
"""

import html
import json
import math
import time
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from urllib.request import urlopen

import typer
from playwright.sync_api import sync_playwright

from dashboards.write import DASHBOARDS, built

_VENDOR: Final = Path(__file__).resolve().parents[1] / "consumers" / "board" / "static" / "vendor"
_STEPS: Final = 240
_COLOURS: Final = ("#5794f2", "#ff9830", "#73bf69", "#b877d9", "#f2495c", "#fade2a", "#8ab8ff", "#c4162a")
_ROW_PX: Final = 34

Series = tuple[str, list[float | None]]


def ask(prometheus: str, expression: str, start: float, end: float, legend: str) -> tuple[list[float], list[Series]]:
    """A range query: the moments, and (name, value at each moment) of every series."""
    step = max((end - start) / _STEPS, 1.0)
    times = [start + step * place for place in range(int((end - start) / step) + 1)]
    asked = urlencode({"query": expression, "start": start, "end": end, "step": step})
    with urlopen(f"{prometheus}/api/v1/query_range?{asked}", timeout=30) as answer:  # noqa: S310 - a URL of ours
        result = json.load(answer)["data"]["result"]
    found = []
    for series in result:
        known = {round((float(at) - start) / step): float(value) for at, value in series["values"]}
        values = [known.get(place) for place in range(len(times))]
        found.append(
            (_name(legend, series["metric"]), [v if v is not None and math.isfinite(v) else None for v in values])
        )
    return times, sorted(found)


def _name(legend: str, labels: dict[str, str]) -> str:
    for label, value in labels.items():
        legend = legend.replace("{{" + label + "}}", value)
    return legend or "value"


def shown(value: float | None, unit: str) -> str:
    """A value in its unit, roughly as Grafana words it.

    >>> shown(0.256, "percentunit"), shown(0.02, "s"), shown(12400, "short"), shown(None, "none")
    ('26 %', '20 ms', '12.4 K', 'unknown')
    """
    if value is None:
        return "unknown"
    if unit == "percentunit":
        return f"{value * 100:.0f} %"
    if unit == "s" and abs(value) >= 86_400:
        return f"{value / 86_400:.0f} days"
    if unit == "s":
        return f"{value * 1000:.0f} ms" if abs(value) < 1 else f"{value:.1f} s"
    if unit == "short" and abs(value) >= 1000:
        return f"{value / 1000:.1f} K"
    suffix = {"d": " d", "h": " h", "rowsps": " rows/s"}.get(unit, "")
    return f"{value:.1f}".rstrip("0").rstrip(".") + suffix


def colour_of(value: float | None, steps: list[dict[str, Any]]) -> str:
    """The colour of the highest threshold that a value reaches."""
    found = "#7a8594"
    for step in steps:
        if step["value"] is None or (value is not None and value >= step["value"]):
            found = step["color"]
    return found


def drawn(panel: dict[str, Any], prometheus: str, start: float, end: float, variables: dict[str, str]) -> str:
    """One panel as HTML."""
    at = panel["gridPos"]
    place = f"grid-column:{at['x'] + 1}/span {at['w']};grid-row:{at['y'] + 1}/span {at['h']}"
    if panel["type"] == "row":
        return f'<h2 style="{place}">{html.escape(panel["title"])}</h2>'
    times: list[float] = []
    series: list[Series] = []
    for target in panel["targets"]:
        expression = target["expr"]
        for name, value in variables.items():
            expression = expression.replace(f"${name}", value)
        times, found = ask(prometheus, expression, start, end, target.get("legendFormat", ""))
        series += found
    defaults = panel["fieldConfig"]["defaults"]
    body = {"stat": _stat, "bargauge": _bars}.get(panel["type"], _lines)(panel, defaults, times, series)
    return f'<section style="{place}"><h3>{html.escape(panel["title"])}</h3>{body}</section>'


def _last(values: list[float | None]) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def _stat(_panel: dict[str, Any], defaults: dict[str, Any], _times: list[float], series: list[Series]) -> str:
    value = _last(series[0][1]) if series else None
    colour = colour_of(value, defaults["thresholds"]["steps"])
    if value is not None and "decimals" in defaults and defaults["unit"] != "percentunit":
        value = round(value, int(defaults["decimals"]))
    return f'<p class="stat" style="color:{colour}">{shown(value, defaults["unit"])}</p>'


def _bars(_panel: dict[str, Any], defaults: dict[str, Any], _times: list[float], series: list[Series]) -> str:
    # Of now alone, as Grafana asks: who was among the first minutes ago may not be any more.
    known = sorted(((values[-1], name) for name, values in series), key=lambda item: (item[0] is None, item[0]))
    values = [value for value, _ in known if value is not None][:12]
    low, high = defaults.get("min", min([*values, 0.0])), defaults.get("max", max([*values, 0.0]))
    rows = []
    for value, name in known[:12]:
        if value is None:
            continue
        share = abs(value - (low if low >= 0 else high)) / max(high - low, 1e-9)
        colour = colour_of(value, defaults["thresholds"]["steps"])
        rows.append(
            f"<tr><td>{html.escape(name)}</td><td class=bar><i style='width:{share:.0%};background:{colour}'></i></td>"
            f"<td style='color:{colour}'>{shown(round(value), defaults['unit'])}</td></tr>"
        )
    return f"<table>{''.join(rows)}</table>"


def _lines(panel: dict[str, Any], defaults: dict[str, Any], times: list[float], series: list[Series]) -> str:
    series = [item for item in series if any(value is not None for value in item[1])]
    fixed = {
        item["matcher"]["options"]: item["properties"][0]["value"]["fixedColor"]
        for item in panel["fieldConfig"].get("overrides", [])
    }
    stacked = defaults.get("custom", {}).get("stacking", {}).get("mode") == "normal"
    colours = [fixed.get(name, _COLOURS[place % len(_COLOURS)]) for place, (name, _) in enumerate(series)]
    if stacked:
        order = [name for name in fixed if name in dict(series)] or [name for name, _ in series]
        colours = [colours[[name for name, _ in series].index(name)] for name in order]
        series = [(name, dict(series)[name]) for name in order]
    chart = {
        "data": [times, *(values for _, values in series)],
        "names": [name for name, _ in series],
        "colours": colours,
        "stacked": stacked,
        "unit": defaults["unit"],
        "low": defaults.get("min"),
        "high": defaults.get("max"),
    }
    legend = "".join(
        f"<span><b style='background:{colour}'></b>{html.escape(name)}</span>"
        for (name, _), colour in zip(series, colours, strict=True)
    )
    return (
        f"<div class=chart data-chart='{html.escape(json.dumps(chart), quote=True)}'></div><p class=legend>{legend}</p>"
    )


_STYLE: Final = """
body{margin:0;padding:16px;background:#111217;color:#ccccdc;font:13px system-ui,sans-serif;width:1280px}
h1{font-size:17px;font-weight:500;margin:0 0 12px} h2{font-size:14px;font-weight:500;margin:6px 0 0;align-self:center}
main{display:grid;grid-template-columns:repeat(24,1fr);grid-auto-rows:34px;gap:6px}
section{background:#181b1f;border:1px solid #23262d;border-radius:3px;padding:6px 10px;overflow:hidden;min-width:0;
display:flex;flex-direction:column} h3{font-size:13px;font-weight:500;margin:0 0 4px}
.stat{font-size:40px;font-weight:600;margin:auto;text-align:center}
.legend{margin:2px 0 0;font-size:11px;white-space:nowrap;overflow:hidden} .legend span{margin-right:12px}
.legend b{display:inline-block;width:14px;height:3px;margin:0 5px 3px 0} .chart{flex:1;min-height:0}
table{width:100%;border-spacing:0 3px;font-size:12px} td{white-space:nowrap} td.bar{width:62%}
td:last-child{text-align:right}
td i{display:block;height:15px;border-radius:2px;min-width:2px} .u-legend{display:none}
"""

_SCRIPT: Final = """
const seconds=v=>v>=86400?Math.round(v/86400)+' d':v<1?Math.round(v*1000)+' ms':v+' s';
const worded=(v,u)=>v==null?'':u==='percentunit'?Math.round(v*100)+' %':u==='s'?seconds(v):v>=1000?(v/1000)+' K':''+v;
for(const box of document.querySelectorAll('.chart')){
  const c=JSON.parse(box.dataset.chart); let data=c.data; if(data.length<2) continue;
  if(c.stacked){
    const sum=data[0].map(()=>0);
    data=[data[0],...data.slice(1).map(s=>s.map((v,i)=>v==null?null:(sum[i]+=v)))];
  }
  const order=c.names.map((_,i)=>i); if(c.stacked) order.reverse();
  const series=[{},...order.map(i=>(
    {stroke:c.colours[i],width:1.6,fill:c.colours[i]+(c.stacked?'b0':'14'),points:{show:false}}))];
  const axis={stroke:'#8e8e99',grid:{stroke:'#23262d',width:1},ticks:{show:false},font:'11px system-ui'};
  new uPlot({width:box.clientWidth,height:box.clientHeight,cursor:{show:false},series,
    scales:{y:{range:(u,lo,hi)=>{lo=c.low??Math.min(lo,0);hi=c.high??hi;return[lo,hi>lo?lo+(hi-lo)*1.05:lo+1]}}},
    axes:[axis,{...axis,size:56,values:(u,v)=>v.map(x=>worded(x,c.unit))}]},[data[0],...order.map(i=>data[i+1])],box);
}
"""


def page(name: str, prometheus: str, start: float, end: float, variables: dict[str, str]) -> str:
    """One dashboard as a page of its own."""
    board = built(name)
    panels = "".join(drawn(panel, prometheus, start, end, variables) for panel in board["panels"])
    uplot, style = (_VENDOR / "uPlot.iife.min.js").read_text(), (_VENDOR / "uPlot.min.css").read_text()
    title = html.escape(f"{board['title']}{'  ·  ' + variables['account'] if name == 'account' else ''}")
    return (
        f"<!doctype html><meta charset=utf-8><style>{style}{_STYLE}</style><h1>{title}</h1>"
        f"<main>{panels}</main><script>{uplot}</script><script>{_SCRIPT}</script>"
    )


def main(
    account: Annotated[str, typer.Option(help="The account that the Account dashboard shows.")],
    prometheus: Annotated[str, typer.Option(help="A running Prometheus.")] = "http://127.0.0.1:9090",
    out: Annotated[Path, typer.Option(help="The folder of the pictures.")] = Path("docs/pictures"),
    minutes: Annotated[float, typer.Option(help="How much of the past is shown.")] = 15,
    chromium: Annotated[str, typer.Option(help="The browser that draws.")] = "/usr/bin/chromium",
) -> None:
    """Draw every dashboard."""
    end = time.time()
    variables = {"segment": ".*", "account": account}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in DASHBOARDS:
            tab = browser.new_page(viewport={"width": 1312, "height": 800})
            tab.set_content(page(name, prometheus, end - minutes * 60, end, variables))
            tab.screenshot(path=out / f"grafana-{name}.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    typer.run(main)
