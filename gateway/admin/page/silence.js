// The drawing of silences: how many connections have been silent how long, against the lines at which they are cut.

import {attributes, sized} from "./dom.js";
import {floor, frame, height, labels, layers, roof, titled} from "./charts.js";
import {count, duration} from "./words.js";

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
    {x: 0, y: 11, anchor: "start", text: `${count(scale)} connections`},
    ...lines.map((line) => lineLabel(line, axis)),
    ...axis.ticks.map((tick) => ({x: axis.place(tick), y: floor + 14, anchor: "middle", text: duration(tick)})),
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
