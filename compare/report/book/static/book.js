// Search, theme, the contents' panel, copying and addresses. The page reads and prints without any of it.
"use strict";

const root = document.documentElement;

// --- theme: the system's, until the reader chooses; a page on disk may not be allowed to remember

const button = document.querySelector(".theme");
const systemDark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
}

function showTheme() {
  button.setAttribute("aria-pressed", String(isDark()));
}

button.addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("jaxport-theme", root.dataset.theme);
  } catch (error) {
    // chosen for this page alone
  }
  showTheme();
});
systemDark.addEventListener("change", showTheme);
showTheme();

// --- search: every word must be found; a title counts more than prose, prose more than code

const input = document.getElementById("query");
const panel = document.querySelector(".results");
const list = document.getElementById("results");
const count = document.querySelector(".count");
const MOST = 12;
const AROUND = 60;
let selected = -1;

function wordsOf(text) {
  return text.toLowerCase().split(/\s+/).filter(Boolean);
}

function weight(part) {
  return part.kind.includes(".py") ? 1 : part.kind.startsWith("quantity") ? 4 : 3;
}

function has(part, word) {
  const text = part.kind.startsWith("quantity") ? `${part.kind} ${part.text}` : part.text;
  return text.toLowerCase().includes(word);
}

// How much of the question a part holds; of two that hold as much, the weightier one is shown.
function worth(part, words) {
  return 10 * words.filter((word) => has(part, word)).length + weight(part);
}

// How well a page answers, and the part of it that does best; null unless it has every word.
function match(entry, words) {
  const title = entry.title.toLowerCase();
  let score = 0;
  let best = null;
  for (const word of words) {
    const parts = entry.parts.filter((part) => has(part, word));
    if (!parts.length && !title.includes(word)) return null;
    score += title.includes(word) ? 12 : 0;
    for (const part of parts) {
      score += weight(part);
      if (!best || worth(part, words) > worth(best, words)) best = part;
    }
  }
  return { entry, score, part: best };
}

function snippet(text, words) {
  const low = text.toLowerCase();
  const first = Math.min(...words.map((word) => low.indexOf(word)).filter((at) => at >= 0));
  const start = Number.isFinite(first) ? Math.max(0, first - AROUND) : 0;
  const end = Math.min(text.length, start + 3 * AROUND);
  return (start ? "… " : "") + text.slice(start, end) + (end < text.length ? " …" : "");
}

function emphasized(text, words) {
  const parts = document.createDocumentFragment();
  const low = text.toLowerCase();
  let at = 0;
  while (at < text.length) {
    const hits = words.map((word) => [low.indexOf(word, at), word.length]).filter(([place]) => place >= 0);
    if (!hits.length) break;
    const [place, length] = hits.reduce((one, other) => (other[0] < one[0] ? other : one));
    parts.append(text.slice(at, place));
    const mark = document.createElement("mark");
    mark.textContent = text.slice(place, place + length);
    parts.append(mark);
    at = place + length;
  }
  parts.append(text.slice(at));
  return parts;
}

function option({ entry, part }, words, number) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  const title = document.createElement("b");
  const text = document.createElement("span");
  item.id = `result-${number}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  link.href = entry.file + (part && part.at !== "top" ? `#${part.at}` : "");
  link.tabIndex = -1;
  title.append(emphasized(entry.title, words));
  if (part) text.append(emphasized(part.kind, words), ": ", emphasized(snippet(part.text, words), words));
  link.append(title, text);
  item.append(link);
  return item;
}

function open(shown) {
  panel.hidden = !shown;
  input.setAttribute("aria-expanded", String(shown));
  if (!shown) select(-1);
}

function search() {
  const words = wordsOf(input.value);
  const found = words.length ? window.bookIndex.map((entry) => match(entry, words)).filter(Boolean) : [];
  found.sort((one, other) => other.score - one.score);
  list.replaceChildren(...found.slice(0, MOST).map((one, number) => option(one, words, number)));
  const pages = found.length === 1 ? "1 page" : `${found.length} pages`;
  count.textContent = words.length ? (found.length ? pages : `No page has “${input.value.trim()}”.`) : "";
  selected = -1;
  open(words.length > 0);
  if (found.length) select(0);
}

function select(number) {
  const items = [...list.children];
  selected = items.length && number >= 0 ? (number + items.length) % items.length : -1;
  items.forEach((item, place) => item.setAttribute("aria-selected", String(place === selected)));
  if (selected < 0) {
    input.removeAttribute("aria-activedescendant");
    return;
  }
  input.setAttribute("aria-activedescendant", items[selected].id);
  items[selected].scrollIntoView({ block: "nearest" });
}

function key(event) {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (panel.hidden) search();
    else select(selected + (event.key === "ArrowDown" ? 1 : -1));
  } else if (event.key === "Enter" && selected >= 0) {
    event.preventDefault();
    const link = list.children[selected].querySelector("a");
    open(false);
    link.click();
  } else if (event.key === "Escape") {
    event.preventDefault();
    if (panel.hidden) input.value = "";
    open(false);
  }
}

input.addEventListener("input", search);
input.addEventListener("focus", () => input.value && search());
input.addEventListener("keydown", key);
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest(".search")) open(false);
});
input.addEventListener("blur", (event) => {
  if (!event.relatedTarget || !event.relatedTarget.closest(".search")) open(false);
});
panel.addEventListener("pointerdown", (event) => event.preventDefault()); // the click comes before the blur

// --- the contents' panel closes like a menu; a slash goes to the search

const contents = document.querySelector(".contents");
document.addEventListener("pointerdown", (event) => {
  if (!event.target.closest(".contents")) contents.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && contents.open) {
    contents.open = false;
    contents.querySelector("summary").focus();
  }
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    input.focus();
    input.select();
  }
});
contents.addEventListener("focusout", (event) => {
  if (event.relatedTarget && !contents.contains(event.relatedTarget)) contents.open = false;
});

// --- what a reader takes along: code as it stands, and the address of a heading

const TOLD = 1500; // milliseconds for which a button says what it did

async function copied(block) {
  const text = block.textContent.replace(/\n$/, "");
  try {
    await navigator.clipboard.writeText(text);
  } catch (error) {
    getSelection().selectAllChildren(block); // no clipboard is granted: selected, it is one key away
    return document.execCommand("copy");
  }
  return true;
}

function copyButton(block, what) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "copy";
  made.textContent = "Copy";
  made.setAttribute("aria-label", `Copy ${what}`);
  made.addEventListener("click", async () => {
    made.textContent = (await copied(block)) ? "Copied" : "Selected";
    setTimeout(() => (made.textContent = "Copy"), TOLD);
  });
  return made;
}

for (const side of document.querySelectorAll(".side")) {
  side.querySelector("figcaption").append(copyButton(side.querySelector("code"), "this side"));
}
for (const block of document.querySelectorAll(".document pre")) {
  const frame = document.createElement("div");
  frame.className = "framed";
  block.replaceWith(frame);
  frame.append(block, copyButton(block, "this code"));
}
for (const command of document.querySelectorAll(".facts > code, .commands code")) {
  command.after(" ", copyButton(command, command.textContent));
}
for (const heading of document.querySelectorAll("main :is(h2, h3)[id]")) {
  const link = document.createElement("a");
  link.className = "here";
  link.href = `#${heading.id}`;
  link.setAttribute("aria-label", `Link to ${heading.textContent.trim()}`);
  heading.append(" ", link);
}
