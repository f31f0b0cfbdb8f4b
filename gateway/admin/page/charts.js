// The drawings: SVG whose x is in per cent of the width that the page gives it, whose y is in pixels, and which is redrawn
// in place. Each says in its label what it shows to those who do not see it.

import {attributes, el, put, sized, svg} from "./dom.js";
import {byReason, paint} from "./reasons.js";
import {clock, count, duration, rate} from "./words.js";

const top = 16, height = 76, floor = top + height; // of a chart's plot; the rest is for what stands below the axis

// layers gives the groups of a chart by name, made at the first call. What is named later is drawn above.
function layers(chart, ...names) {
  if (!chart.firstChild) for (const name of names) chart.append(svg("g", {class: name}));
  return Object.fromEntries(names.map((name, i) => [name, chart.children[i]]));
}

// titled gives a node the text that the browser shows over it.
function titled(node, text) {
  if (node.firstElementChild?.tagName !== "title") node.prepend(svg("title"));
  put(node.firstElementChild, text);
}

function labels(group, all) {
  sized(group, "text", all.length).forEach((node, i) => {
    const {x, y, anchor, text} = all[i];
    attributes(node, {x: `${x}%`, y, "text-anchor": anchor});
    put(node, text);
  });
}

// roof is the figure at which a plot ends: the next of 1, 2, 3, 5, 8, 10, 20, … so that it seldom changes.
function roof(most) {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  return [1, 2, 3, 5, 8, 10].map((n) => n * size).find((n) => n >= most);
}

const minutes = 60;

// drawHistory stacks what has ended in each of the last 60 minutes by reason, the running one at the right.
export function drawHistory(chart, legend, history, now) {
  const running = Math.floor(Date.parse(now) / 60000);
  const columns = Array.from({length: minutes}, () => ({}));
  const totals = {};
  for (const minute of history?.minutes ?? []) {
    const column = minutes - 1 - (running - Math.floor(Date.parse(minute.at) / 60000));
    if (column < 0 || column >= minutes) continue;
    columns[column] = minute.closed ?? {};
    for (const [reason, n] of Object.entries(columns[column])) totals[reason] = (totals[reason] ?? 0) + n;
  }
  const most = Math.max(0, ...columns.map(sum));
  const scale = roof(most);
  const {grid, bars, text} = layers(chart, "grid", "bars", "text");
  frame(grid);
  sized(bars, "g", minutes).forEach((group, i) => drawMinute(group, columns[i], i, scale, running));
  labels(text, [
    {x: 0, y: 11, anchor: "start", text: `${count(scale)} a minute`},
    {x: 0, y: floor + 15, anchor: "start", text: "1 h ago"},
    {x: 50, y: floor + 15, anchor: "middle", text: "30 min ago"},
    {x: 100, y: floor + 15, anchor: "end", text: "now"},
  ]);
  const listed = Object.keys(totals).sort(byReason);
  drawLegend(legend, listed, totals);
  attributes(chart, {"aria-label": `Bars by minute: ${inWords(listed, totals)}; at most ${count(most)} in one minute`});
}

function sum(closed) {
  return Object.values(closed).reduce((a, b) => a + b, 0);
}

function inWords(reasons, closed) {
  return reasons.map((reason) => `${reason} ${count(closed[reason])}`).join(", ") || "none ended";
}

function frame(grid) {
  const lines = [[top, "grid-top"], [floor, "axis"]];
  sized(grid, "line", lines.length).forEach((line, i) => {
    attributes(line, {x1: 0, x2: "100%", y1: lines[i][0] + 0.5, y2: lines[i][0] + 0.5, class: lines[i][1]});
  });
}

function drawMinute(group, closed, column, scale, running) {
  const reasons = Object.keys(closed).sort(byReason);
  if (!group.firstChild) group.append(svg("g"), svg("rect", {class: "hover"}));
  const [stack, hover] = group.children; // the latter is invisible, above the bars, and has their text
  const width = 100 / minutes;
  attributes(hover, {x: `${column * width}%`, width: `${width}%`, y: top, height});
  const at = clock((running - minutes + 1 + column) * 60000).replace(/:\d\d$/, "");
  titled(hover, `${at} ${inWords(reasons, closed)}`);
  let y = floor;
  sized(stack, "rect", reasons.length).forEach((rect, i) => {
    const size = closed[reasons[i]] / scale * height;
    y -= size;
    attributes(rect, {x: `${(column + 0.1) * width}%`, width: `${0.8 * width}%`, y, height: size});
    paint(rect, reasons[i]);
  });
}

function drawLegend(legend, reasons, totals) {
  const key = inWords(reasons, totals);
  if (legend.dataset.drawn === key) return;
  legend.dataset.drawn = key;
  legend.replaceChildren(...reasons.map((reason) => {
    const swatch = el("span", {className: "swatch"});
    paint(swatch, reason);
    return el("li", {}, swatch, `${reason} `, el("b", {}, count(totals[reason])));
  }));
  if (reasons.length === 0) legend.append(el("li", {className: "muted"}, "none ended"));
}

// atRisk is the share of a timeout from which on a silence counts as one that is about to be cut.
const atRisk = 0.8;

// drawSilence draws how many connections have been silent how long, against the lines at which they are cut: each has
// at (seconds), name, and kind, which is cut, dry-run or end. Bars are marked past 80 % of the one that cuts.
export function drawSilence(chart, silence, lines) {
  const bounds = silence.bounds_seconds ?? [], counts = silence.counts ?? [];
  const axis = silenceAxis(bounds, counts, lines);
  const cut = lines.find((line) => line.kind === "cut");
  const bars = silenceBars(bounds, counts, axis, cut ? atRisk * cut.at : Infinity);
  const scale = roof(Math.max(...counts, 0));
  const parts = layers(chart, "grid", "bars", "lines", "text");
  frame(parts.grid);
  sized(parts.bars, "rect", bars.length).forEach((rect, i) => {
    const {from, to, n, late, title} = bars[i];
    const x = axis.place(from), size = n / scale * height;
    attributes(rect, {x: `${x}%`, width: `${Math.max(0, axis.place(to) - x - 0.4)}%`, y: floor - size, height: size, ...(late ? {class: "late", fill: "url(#hatch)"} : {class: "calm", fill: "none"})});
    titled(rect, title);
  });
  drawLines(parts.lines, lines, axis);
  labels(parts.text, [
    {x: 0, y: 11, anchor: "start", text: count(scale)},
    ...lines.map((line) => lineLabel(line, axis)),
    ...axis.ticks.map((tick) => ({x: axis.place(tick), y: floor + 15, anchor: "middle", text: duration(tick)})),
  ]);
  attributes(chart, {"aria-label": silenceInWords(bounds, counts, lines)});
}

// silenceAxis is logarithmic, and reaches from the first bound to what there is to see.
function silenceAxis(bounds, counts, lines) {
  const last = counts.findLastIndex((n) => n > 0);
  const seen = last < 0 ? 0 : bounds[last] ?? 2 * bounds.at(-1);
  const from = Math.min(bounds[0] ?? 1, ...lines.map((line) => line.at / 2)) / 1.5;
  const to = Math.max(seen, 60, ...lines.map((line) => line.at * 1.6));
  const place = (seconds) => 100 * Math.min(1, Math.max(0, Math.log(seconds / from) / Math.log(to / from)));
  const round = [0.01, 0.1, 1, 10, 60, 600, 3600, 6 * 3600, 86400, 7 * 86400];
  return {from, to, place, ticks: round.filter((tick) => place(tick) > 4 && place(tick) < 94)};
}

// silenceBars gives a bar for each count, and two for the one in which the risk begins.
function silenceBars(bounds, counts, axis, risk) {
  return counts.flatMap((n, i) => {
    const from = i === 0 ? axis.from : bounds[i - 1], to = bounds[i] ?? axis.to;
    const title = `${count(n)} silent for ${spell(bounds, i)}`;
    if (n === 0 || from >= axis.to) return [];
    if (from >= risk || to <= risk) return [{from, to, n, title, late: from >= risk}];
    return [{from, to: risk, n, title, late: false}, {from: risk, to, n, title, late: true}];
  });
}

function spell(bounds, i) {
  if (i === 0) return `up to ${duration(bounds[0])}`;
  return i < bounds.length ? `${duration(bounds[i - 1])} to ${duration(bounds[i])}` : `more than ${duration(bounds[i - 1])}`;
}

function drawLines(group, lines, axis) {
  sized(group, "line", lines.length).forEach((node, i) => {
    const x = `${axis.place(lines[i].at)}%`;
    attributes(node, {x1: x, x2: x, y1: 14, y2: floor, class: lines[i].kind});
  });
}

// lineLabel stands on the side of its line where there is room, the dry run's at the left of that in force.
function lineLabel(line, axis) {
  const x = axis.place(line.at);
  const left = line.kind === "dry-run" ? x > 25 : x > 60;
  return {x: left ? x - 0.7 : x + 0.7, y: line.kind === "dry-run" ? 24 : 11, anchor: left ? "end" : "start", text: `${line.name} ${duration(line.at)}`};
}

function silenceInWords(bounds, counts, lines) {
  const bars = counts.flatMap((n, i) => n > 0 ? [`${count(n)} for ${spell(bounds, i)}`] : []);
  const against = lines.map((line) => `${line.name} ${duration(line.at)}`).join(", ");
  return `Silent connections: ${bars.join(", ") || "none"}. ${against || "No timeout in force"}`;
}

const mostPoints = 240;

// Series is a rate over the time since the page was opened. When it is full, each two of its points become one, so that
// it goes on to reach back to the beginning.
export class Series {
  constructor() {
    this.points = [];
    this.span = 1; // how many polls one point stands for
    this.pending = [];
  }

  add(perSecond) {
    this.pending.push(perSecond);
    if (this.pending.length < this.span) return;
    this.points.push(mean(this.pending));
    this.pending = [];
    if (this.points.length < mostPoints) return;
    this.points = Array.from({length: mostPoints / 2}, (_, i) => mean(this.points.slice(2 * i, 2 * i + 2)));
    this.span *= 2;
  }
}

function mean(values) {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

// drawSpark draws a series from its beginning at the left; scale is shared by those that are to be compared.
export function drawSpark(chart, series, scale, name, opened) {
  const points = series.points;
  if (!chart.firstChild) {
    attributes(chart, {viewBox: "0 0 100 28", preserveAspectRatio: "none"});
    chart.append(svg("path", {class: "area"}), svg("path", {class: "line", "vector-effect": "non-scaling-stroke"}));
  }
  const steps = Math.max(1, points.length - 1);
  const line = points.map((point, i) => `${(100 * i / steps).toFixed(2)} ${(27 - 25 * point / Math.max(scale, 1e-9)).toFixed(2)}`).join("L");
  const [area, path] = chart.children;
  attributes(area, {d: points.length > 1 ? `M0 28L${line}L100 28Z` : ""});
  attributes(path, {d: points.length > 1 ? `M${line}` : ""});
  attributes(chart, {"aria-label": points.length > 1
    ? `${name} since ${clock(opened)}: from ${rate(Math.min(...points))} to ${rate(Math.max(...points))} messages a second`
    : `${name}: not yet known`});
}
