// A colour for each close reason, the same wherever it is shown. A family of reasons has a hue, and its members differ in
// lightness; page.css makes colours of both that stand out from the background in either scheme.

const families = [
  {hue: 255, turn: 0, chroma: 0.035, members: ["client_fin", "upstream_fin"]},
  {hue: 300, turn: 30, chroma: 0.14, members: ["client_reset", "upstream_reset", "client_lost", "upstream_lost"]},
  {hue: 45, turn: 65, chroma: 0.15, members: [
    "idle_timeout", "first_message_timeout", "message_timeout", "heartbeat_only", "probe_unanswered", "reply_timeout",
    "idle_in_transaction", "max_lifetime",
  ]},
  {hue: 250, turn: 0, chroma: 0.13, members: ["deadline", "read_deadline", "write_deadline"]},
  {hue: 195, turn: 0, chroma: 0.09, members: ["client_stalled", "upstream_stalled", "half_close_timeout"]},
  {hue: 350, turn: 10, chroma: 0.14, members: ["connect_refused", "connect_timeout", "connect_failed", "no_endpoint"]},
  {hue: 20, turn: 0, chroma: 0.19, members: [
    "tls_handshake_failed", "tls_handshake_timeout", "protocol_error", "message_too_large", "rate_limited",
  ]},
  {hue: 150, turn: -30, chroma: 0.12, members: ["evicted", "drained", "shutdown", "killed", "route_removed", "internal_error"]},
];

const places = new Map(families.flatMap((family) => family.members.map((reason, i) => {
  const step = i / (family.members.length - 1);
  return [reason, {hue: family.hue + step * family.turn, chroma: family.chroma, step}];
})));

// reasons are all that a connection can end for, as they are listed.
export const reasons = [...places.keys()];

// byReason sorts reasons as they are stacked and listed; one that this page does not know comes last.
export function byReason(a, b) {
  const rank = (reason) => reasons.includes(reason) ? reasons.indexOf(reason) : reasons.length;
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

// paint gives a node the colour of a reason, as var(--reason).
export function paint(node, reason) {
  const place = places.get(reason) ?? {hue: 0, chroma: 0, step: 0.5};
  node.classList.add("reason");
  for (const [name, value] of Object.entries(place)) node.style.setProperty("--" + name, value);
}
