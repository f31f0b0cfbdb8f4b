// The little of the DOM that the page needs. Text from the network is only ever set as text: by textContent, by
// attributes that are no code, and by el(), which does the same.

export const $ = (id) => document.getElementById(id);

// el makes an element: a tag with its classes, as in p.muted; properties by name where there are any, those with a dash as attributes;
// then children, which are nodes or text.
export function el(name, ...rest) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  node.classList.add(...classes);
  const properties = rest[0]?.constructor === Object ? rest.shift() : {};
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role" || name === "scope") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...rest);
  return node;
}

// put sets text where it has changed, so that a selection or a reader's place in what has not is left alone.
export function put(node, text) {
  text = String(text);
  if (node.textContent !== text) node.textContent = text;
}

// attributes sets those that have changed.
export function attributes(node, values) {
  for (const [name, value] of Object.entries(values)) {
    if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
  }
  return node;
}

// stamp copies a template and gives its element, and its parts by their data-is.
export function stamp(id) {
  const node = $(id).content.firstElementChild.cloneNode(true);
  const parts = {node};
  for (const part of node.querySelectorAll("[data-is]")) parts[part.dataset.is] = part;
  return parts;
}

// table makes a table that scrolls in a frame of its own. Its first row has the names of the columns, those of figures with a # before;
// the cells of the others are text or lists of nodes.
export function table(name, [heads, ...rows], kind = "") {
  const cell = (tag, i, content) => el(tag + (heads[i].startsWith("#") ? ".figure" : ""), ...[content].flat());
  const body = rows.map((row) => el("tr", ...row.map((content, i) => cell(i === 0 ? "th" : "td", i, content))));
  for (const row of body) row.firstElementChild.scope = "row";
  return el("div.scroll", {tabIndex: 0, role: "region", "aria-label": name}, el(`table.loose${kind}`,
    el("thead", el("tr", ...heads.map((head, i) => cell("th", i, head.replace("#", ""))))), el("tbody", ...body)));
}

const partsOf = new WeakMap();

// keyed makes the children of parent be those of items, in their order: make(item) gives the parts of a new one, and
// fill(parts, item) updates it. Children are kept from one call to the next, and the one that has the focus is not even
// moved, since a moved element loses it. If that one's item is gone, the focus goes to the same place in the next.
export function keyed(parent, items, keyOf, make, fill) {
  const focused = document.activeElement;
  const held = [...parent.children].find((child) => child.contains(focused));
  const heldAt = [...parent.children].indexOf(held);
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const nodes = items.map((item) => {
    const key = String(keyOf(item));
    let node = old.get(key);
    old.delete(key);
    if (!node) {
      const parts = make(item);
      node = parts.node;
      node.dataset.key = key;
      partsOf.set(node, parts);
    }
    fill(partsOf.get(node), item);
    return node;
  });
  const kept = new Set(nodes); // two items may have one key
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove();
  let next = null;
  for (const node of nodes.toReversed()) {
    if (node.nextElementSibling !== next && node !== held || node.parentNode !== parent) parent.insertBefore(node, next);
    next = node;
  }
  if (held && !held.isConnected) refocus(parent, heldAt, focused);
}

// refill updates the children of parent, as keyed made them, that are of items, and leaves all others and their order alone.
export function refill(parent, items, keyOf, fill) {
  const known = new Map(items.map((item) => [String(keyOf(item)), item]));
  for (const child of parent.children) {
    const item = known.get(child.dataset.key);
    if (item) fill(partsOf.get(child), item);
  }
}

// inPlace sorts items as the children of parent stand, those last that have none.
export function inPlace(parent, items, keyOf) {
  const places = new Map([...parent.children].map((child, i) => [child.dataset.key, i]));
  const place = (item) => places.get(String(keyOf(item))) ?? places.size;
  return items.toSorted((a, b) => place(a) - place(b));
}

const letGo = 500; // ms; what grows above moves rows away from below a pointer, and the browser scrolls after it only then

// hold gives a function that reports whether somebody aims at something in a node: a pointer is over it, or a button waits for its
// second press. It calls released when the pointer has left. A finger that is lifted leaves.
export function hold(node, released) {
  let over = false, timer;
  node.addEventListener("pointerenter", () => {
    clearTimeout(timer);
    over = true;
  });
  node.addEventListener("pointerleave", () => {
    timer = setTimeout(() => {
      over = false;
      released();
    }, letGo);
  });
  return () => over || node.querySelector(".armed") !== null;
}

function refocus(parent, at, lost) {
  const child = parent.children[Math.min(at, parent.children.length - 1)];
  const twin = child?.querySelector(`[data-is="${lost.dataset.is}"]`);
  (twin ?? parent.closest("[tabindex]"))?.focus({preventScroll: true});
}

// sized makes parent have n children of a tag and gives them: charts are redrawn in place, so that a tooltip stays.
export function sized(parent, tag, n) {
  while (parent.children.length > n) parent.lastElementChild.remove();
  while (parent.children.length < n) parent.append(svg(tag));
  return [...parent.children];
}

export function svg(tag, values = {}, ...children) {
  const node = attributes(document.createElementNS("http://www.w3.org/2000/svg", tag), values);
  node.append(...children);
  return node;
}

// say has a screen reader say it, and shows nothing.
export function say(text) {
  $("spoken").textContent = text;
}

let noticed; // the timer that takes a notice away

// notice shows a sentence below the page, or in the dialog that lies over it: a success for a while, a failure until it
// is dismissed.
export function notice(text, failed = false) {
  const fate = document.querySelector("dialog[open] [role=status]");
  if (fate) {
    put(fate, text);
    return;
  }
  clearTimeout(noticed);
  put($("notice"), text);
  $("notice-box").classList.toggle("bad", failed);
  $("notice-box").hidden = false;
  say(text);
  if (!failed) noticed = setTimeout(dismiss, 8000);
}

export function dismiss() {
  $("notice-box").hidden = true;
}

// confirmable has a button act at the second press. label gives what it does, about what that is done to, for those who do not see where
// it stands. It falls back when it loses the focus, at Escape, and in time.
export function confirmable(button, label, about, act) {
  let timer;
  const armed = () => button.classList.contains("armed");
  const show = (on) => {
    clearTimeout(timer);
    button.classList.toggle("armed", on);
    button.replaceChildren(label() + (on ? "? yes" : ""), hidden(about));
    if (on) timer = setTimeout(show, 6000, false);
  };
  button.onclick = () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    if (!armed()) {
      show(true);
      say(`${button.textContent}: press once more`);
      return;
    }
    show(false);
    act();
  };
  button.addEventListener("blur", () => show(false));
  button.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !armed()) return;
    event.preventDefault(); // it would close the dialog as well
    show(false);
  });
  show(false);
  return {relabel: () => armed() || show(false)};
}

// address gives text as nodes between which a line may break, where there is a port.
export function address(text) {
  const port = Math.max(0, text.lastIndexOf(":"));
  return [text.slice(0, port), el("wbr"), text.slice(port)];
}

// putAddress is put for addresses.
export function putAddress(node, text) {
  if (node.textContent !== text) node.replaceChildren(...address(text));
  node.title = text;
}

// fillBar shows a share, which is marked past 80 %.
export function fillBar(bar, share) {
  bar.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  bar.classList.toggle("late", share > 0.8);
}

export function hidden(text) {
  return el("span.hidden", text);
}

// mark shows a word as a state: kind is good, warn, bad or plain. The shape before it says the same as its colour.
export function mark(node, word, kind) {
  put(node, word);
  node.className = `mark ${kind}`;
}
