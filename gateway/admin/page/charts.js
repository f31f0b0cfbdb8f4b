// The drawings of an hour: SVG whose x is in per cent of the width that the page gives it, whose y is in pixels, and which is redrawn
// in place. Each says in its label what it shows to those who do not see it.

import {attributes, el, put, sized, svg} from "./dom.js";
import {byReason, paint} from "./reasons.js";
import {count, minute} from "./words.js";

const top = 16;
export const height = 66, floor = top + height; // of a chart's plot; the rest is for what stands below the axis

const minutes = 60, width = 100 / minutes; // per cent of a minute

// layers gives the groups of a chart by name, made at the first call. What is named later is drawn above.
export function layers(chart, ...names) {
  if (!chart.firstChild) for (const name of names) chart.append(svg("g", {class: name}));
  return Object.fromEntries(names.map((name, i) => [name, chart.children[i]]));
}

// titled gives a node the text that the browser shows over it.
export function titled(node, text) {
  if (node.firstElementChild?.tagName !== "title") node.prepend(svg("title"));
  put(node.firstElementChild, text);
}

export function labels(group, all) {
  sized(group, "text", all.length).forEach((node, i) => {
    const {x, y, anchor, text, name = ""} = all[i];
    attributes(node, {x: `${x}%`, y, "text-anchor": anchor, class: name});
    put(node, text);
  });
}

// roof is the figure at which a plot ends: the next of 1, 2, 3, 5, 8, 10, 20, … so that it seldom changes.
export function roof(most) {
  const size = 10 ** Math.floor(Math.log10(Math.max(1, most)));
  return [1, 2, 3, 5, 8, 10].map((n) => n * size).find((n) => n >= most);
}

export function frame(grid) {
  const lines = [[top, "grid-top"], [floor, "axis"]];
  sized(grid, "line", lines.length).forEach((line, i) => {
    attributes(line, {x1: 0, x2: "100%", y1: lines[i][0] + 0.5, y2: lines[i][0] + 0.5, class: lines[i][1]});
  });
}

// drawHour draws a bar for each of the last 60 minutes, the running one, which is not over, at the right and hatched below. bars has for
// each minute its parts, from the axis up: {n, kind} or {n, reason}. say gives a figure with its unit, words a minute's text.
export function drawHour(chart, bars, hour, {say, words, summary}) {
  const most = Math.max(0, ...bars.map(sum));
  const scale = roof(most);
  const parts = layers(chart, "grid", "running", "bars", "hovers", "text");
  frame(parts.grid);
  const [band] = sized(parts.running, "rect", 1);
  attributes(band, {x: `${100 - width}%`, width: `${width}%`, y: top, height, fill: "url(#running)"});
  sized(parts.bars, "g", minutes).forEach((group, i) => drawBar(group, bars[i], i, scale));
  sized(parts.hovers, "rect", minutes).forEach((hover, i) => {
    attributes(hover, {class: "hover", x: `${i * width}%`, width: `${width}%`, y: top, height});
    titled(hover, `${minute(hour.start + i * 60000)}${i === minutes - 1 ? " (running)" : ""} ${words(i)}`);
  });
  labels(parts.text, [
    {x: 0, y: 11, anchor: "start", text: say(scale)},
    {x: 100, y: 11, anchor: "end", text: "running minute ▾", name: "now"},
    {x: 0, y: floor + 14, anchor: "start", text: minute(hour.start)},
    {x: 50, y: floor + 14, anchor: "middle", text: minute(hour.start + 30 * 60000)},
    {x: 100, y: floor + 14, anchor: "end", text: minute(hour.start + 59 * 60000)},
  ]);
  attributes(chart, {"aria-label": `${summary}; at most ${say(most)}`});
}

const sum = (parts) => parts.reduce((total, part) => total + part.n, 0);

function drawBar(group, parts, column, scale) {
  let y = floor;
  const running = column === minutes - 1;
  sized(group, "rect", parts.length).forEach((rect, i) => {
    const size = parts[i].n / scale * height;
    y -= size;
    attributes(rect, {x: `${(column + 0.1) * width}%`, width: `${0.8 * width}%`, y, height: size, class: (parts[i].kind ?? "") + (running ? " unfinished" : "")});
    if (parts[i].reason) paint(rect, parts[i].reason);
  });
}

// drawEnds stacks why connections ended in each minute, with a legend that has the hour's sums.
export function drawEnds(chart, legend, hour) {
  const totals = totalsOf(hour);
  const listed = Object.keys(totals).sort(byReason);
  const bars = hour.minutes.map((one) => Object.entries(one?.closed ?? {}).sort(([a], [b]) => byReason(a, b)).map(([reason, n]) => ({n, reason})));
  drawHour(chart, bars, hour, {
    say: (n) => `${count(n)} a minute`, words: (i) => inWords(hour.minutes[i]?.closed ?? {}), summary: `Ended by minute: ${inWords(totals)}`,
  });
  drawLegend(legend, listed, totals);
}

// totalsOf are the ends of an hour by reason.
export function totalsOf(hour) {
  const totals = {};
  for (const one of hour.minutes) {
    for (const [reason, n] of Object.entries(one?.closed ?? {})) totals[reason] = (totals[reason] ?? 0) + n;
  }
  return totals;
}

export function inWords(closed) {
  return Object.keys(closed).sort(byReason).map((reason) => `${reason} ${count(closed[reason])}`).join(", ") || "none ended";
}

function drawLegend(legend, reasons, totals) {
  const key = inWords(totals);
  if (legend.dataset.drawn === key) return;
  legend.dataset.drawn = key;
  legend.replaceChildren(...reasons.map((reason) => {
    const swatch = el("span.swatch");
    paint(swatch, reason);
    return el("li", swatch, `${reason} `, el("b", count(totals[reason])));
  }));
  if (reasons.length === 0) legend.append(el("li.muted", "none ended"));
}

// drawStack draws the shares of reasons as one bar, for a row of a table.
export function drawStack(bar, totals) {
  const key = inWords(totals);
  if (bar.dataset.drawn === key) return;
  bar.dataset.drawn = key;
  bar.replaceChildren(...Object.keys(totals).sort(byReason).map((reason) => {
    const part = el("span");
    paint(part, reason);
    part.style.flexGrow = totals[reason];
    return part;
  }));
  bar.title = key;
}

const sparkHeight = 18;

// drawSpark draws figures as a line over its area.
export function drawSpark(chart, values, label) {
  if (!chart.firstChild) {
    attributes(chart, {viewBox: `0 0 ${values.length - 1} ${sparkHeight}`, preserveAspectRatio: "none"});
    chart.append(svg("path", {class: "area"}), svg("path", {class: "line", "vector-effect": "non-scaling-stroke"}));
  }
  const most = Math.max(1e-9, ...values);
  const line = values.map((value, i) => `${i} ${(sparkHeight - 1 - (sparkHeight - 3) * value / most).toFixed(1)}`).join("L");
  const [area, path] = chart.children;
  attributes(area, {d: `M0 ${sparkHeight}L${line}L${values.length - 1} ${sparkHeight}Z`});
  attributes(path, {d: `M${line}`});
  attributes(chart, {"aria-label": label});
}
