// Figures as people read them. All durations come in seconds, all sizes in bytes.

const units = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

// duration gives the two largest units: 41 s, 3 m 20 s, 2 d 4 h. It cuts off and never rounds up, so that a timer which
// is shown as over is over. Below a second it gives milliseconds, which only settings have use for.
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds > 0 && seconds < 1) return `${Math.floor(seconds * 1000)} ms`;
  let rest = Math.floor(Math.max(0, seconds) * 1000) / 1000;
  if (rest < 10 && rest % 1 !== 0) return `${rest.toFixed(1)} s`;
  rest = Math.floor(rest);
  const first = units.findIndex(([, size]) => rest >= size);
  if (first < 0) return "0 s";
  return units.slice(first, first + 2).flatMap(([unit, size]) => {
    const n = Math.floor(rest / size);
    rest -= n * size;
    return n > 0 ? [`${n} ${unit}`] : [];
  }).join(" ");
}

// passing is a duration that changes as one looks: whole seconds do.
export function passing(seconds) {
  return seconds === null || seconds === undefined ? "–" : duration(Math.floor(seconds));
}

const whole = new Intl.NumberFormat("en", {maximumFractionDigits: 0});

export function count(n) {
  return whole.format(n ?? 0);
}

export function counted(n, one, many = one + "s") {
  return `${count(n)} ${n === 1 ? one : many}`;
}

// tally lists figures by name, those that are more than none.
export function tally(figures) {
  return Object.entries(figures ?? {}).filter(([, n]) => n > 0).map(([name, n]) => `${name} ${count(n)}`).join(", ");
}

export function rate(perSecond) {
  if (perSecond === null || perSecond === undefined) return "–";
  return perSecond < 99.95 ? perSecond.toFixed(1) : whole.format(perSecond);
}

export function bytes(n) {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  for (n = n ?? 0; n >= 1024 && i < names.length - 1; i++) n /= 1024;
  return `${i === 0 || n >= 10 ? Math.floor(n) : n.toFixed(1)} ${names[i]}`;
}

const clockForm = new Intl.DateTimeFormat("en-GB", {hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: "UTC"});
const dateForm = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short", timeZone: "UTC"});
let offset = 0; // ms that the gateway's clock is ahead of UTC

// setZone has times shown as the gateway's clock has them, which is what its log has, wherever the browser is. now is an instant
// as the gateway writes it.
export function setZone(now) {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(now) ?? ["", "+", 0, 0];
  offset = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60000;
}

// clock gives the time of day where the gateway is, after the date if that is not today.
export function clock(instant) {
  const at = new Date(new Date(instant).getTime() + offset);
  const day = dateForm.format(at);
  return (day === dateForm.format(Date.now() + offset) ? "" : day + ", ") + clockForm.format(at);
}

// minute gives the hour and the minute.
export function minute(instant) {
  return clockForm.format(new Date(instant).getTime() + offset).slice(0, 5);
}

// lasting says since when something is so, and for how long.
export function lasting(instant, now) {
  return `since ${clock(instant)}, for ${since(instant, now)}`;
}

// since gives how long ago an instant was by the gateway's clock, which need not agree with the browser's.
export function since(instant, now) {
  return passing((Date.parse(now) - Date.parse(instant)) / 1000);
}
