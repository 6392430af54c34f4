// Keeps the page fresh, and lets the keyboard do what the mouse can. Every page is whole without it.
"use strict";

const live = document.getElementById("live");
const body = document.body;
const page = body.dataset.page;

// ---- fresh: fetch the same page again and change what is different, in place
let running = false;
let again = false;

async function refresh(address = location.href) {
  if (running) { again = true; return; }
  running = true;
  try {
    // The header: what an action answers is for the page that asked, and stays until that page has it.
    const headers = { Accept: "text/html", "Board-Refresh": "1" };
    const answer = await fetch(address, { headers, credentials: "same-origin" });
    if (answer.redirected && new URL(answer.url).pathname === "/login") { location.reload(); return; }
    if (!answer.ok) return;
    change(await answer.text());
  } catch {
    // The stream tells when the board is away.
  } finally {
    running = false;
    if (again) { again = false; refresh(); }
  }
}

function change(text, answersAnAction = false) {
  const next = new DOMParser().parseFromString(text, "text/html");
  const stood = document.activeElement;
  for (const old of document.querySelectorAll("[data-live]")) {
    const fresh = next.getElementById(old.id);
    if (old.id === "flash" && !answersAnAction) continue;
    if (!fresh) { old.remove(); continue; }
    // What somebody is filling in stays as it is.
    if (old.contains(document.activeElement) && document.activeElement.matches("input, select, textarea")) continue;
    morph(old, fresh);
  }
  // Whoever stood on a row stands on the same one, wherever it went: a browser drops the focus of what moves.
  if (stood?.isConnected && stood !== document.activeElement) stood.focus({ preventScroll: true });
  // A part that was not there when the page was made: the page is made anew.
  const parts = [...next.querySelectorAll("[data-live][id]")];
  if (parts.some((part) => !document.getElementById(part.id))) { location.reload(); return; }
  body.dataset.fresh = String(Number(body.dataset.fresh || 0) + 1);
  document.dispatchEvent(new Event("board:fresh"));
}

function morph(old, fresh) {
  Idiomorph.morph(old, fresh, {
    ignoreActiveValue: true,
    callbacks: {
      // What was unfolded stays so; what a chart drew is drawn again from its points.
      beforeAttributeUpdated: (name, node) => !(name === "open" && node.tagName === "DETAILS"),
      beforeNodeMorphed: (node, next) => {
        if (node.nodeType !== 1) return true;
        if (node.dataset.drawn && next.dataset && node.dataset.points === next.dataset.points) return false;
        if (node.dataset.row && next.dataset && node.textContent !== next.textContent) highlight(node);
        return true;
      },
    },
  });
}

function highlight(node) {
  node.classList.remove("moved-now");
  requestAnimationFrame(() => {
    node.classList.add("moved-now");
    setTimeout(() => node.classList.remove("moved-now"), 2000);
  });
}

function say(state, words) {
  live.hidden = false;
  live.className = "live " + state;
  live.textContent = words;
}

function listen() {
  if (!["list", "account", "alerts", "reviews", "pipeline"].includes(page)) return;
  const stream = new EventSource("/events");
  stream.addEventListener("hello", () => { say("on", "live"); if (body.dataset.lost) { delete body.dataset.lost; refresh(); } });
  stream.addEventListener("changed", (event) => {
    const { accounts } = JSON.parse(event.data);
    if (page !== "account" || accounts === null || accounts.includes(body.dataset.account)) refresh();
  });
  stream.onerror = () => { body.dataset.lost = "1"; say("off", "not live: connecting again"); };
  addEventListener("pagehide", () => stream.close());
  // What has just arrived changes no report yet, and is what this page is looked at for.
  if (page === "pipeline") setInterval(() => { if (!document.hidden) refresh(); }, 1000);
}

// ---- filters act as they are changed
const filters = document.getElementById("filters");
if (filters) {
  filters.querySelector("button").hidden = true;
  let wait;
  const go = () => {
    const given = [...new FormData(filters)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(given.filter(([name, value]) => !(name === "sort" && value === "health")));
    const path = new URL(filters.action).pathname;
    const address = query.size ? `${path}?${query}` : path;
    history.replaceState(null, "", address);
    refresh(address);
  };
  filters.addEventListener("submit", (event) => { event.preventDefault(); go(); });
  filters.addEventListener("change", go);
  filters.querySelector("#search").addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(go, 200); });
}

// ---- what people do about an alert: sent as the form says, the page changed in place
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-action]")) return;
  event.preventDefault();
  const fields = new URLSearchParams(new FormData(form, event.submitter));
  const buttons = form.querySelectorAll("button");
  buttons.forEach((button) => { button.disabled = true; });
  try {
    const answer = await fetch(form.action, { method: "POST", body: fields, credentials: "same-origin" });
    if (answer.redirected && new URL(answer.url).pathname === "/login") { location.reload(); return; }
    if (document.activeElement && form.contains(document.activeElement)) document.activeElement.blur();
    if (answer.ok) change(await answer.text(), true);
    else tell(`That did not work: ${answer.statusText}`);
  } catch {
    tell("That did not work: the board is away");
  } finally {
    buttons.forEach((button) => { button.disabled = false; });
  }
});

function tell(words) {
  const flash = document.getElementById("flash");
  flash.textContent = words;
  flash.hidden = false;
}

// ---- a choice that acts by itself
for (const select of document.querySelectorAll("[data-submit]")) {
  select.form.querySelector("button").hidden = true;
  select.addEventListener("change", () => select.form.requestSubmit());
}

// ---- the whole row of an account leads to it
document.addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-row]");
  if (!row || event.target.closest("a, button, input, select, label, summary") || getSelection().toString()) return;
  location.href = row.querySelector("th a").href;
});

// ---- alerts that are ticked
const ticks = () => [...document.querySelectorAll("[data-tick]")];
const ticked = () => ticks().filter((tick) => tick.checked);
function count() {
  const words = document.getElementById("ticked");
  if (words) words.textContent = ticked().length ? `${ticked().length} selected` : "";
}
document.addEventListener("change", (event) => {
  if (event.target.id === "tick-all") ticks().forEach((tick) => { tick.checked = event.target.checked; });
  if (event.target.matches("#tick-all, [data-tick]")) count();
});
function onSelected(action, key) {
  const form = document.getElementById("selected");
  if (form && ticked().length) { form.requestSubmit(form.querySelector(`button[value="${action}"]`)); return; }
  const row = document.activeElement.closest("[data-row]");
  const button = row?.querySelector(`[data-key="${key}"]`);
  if (button) { step(1); button.form.requestSubmit(button); }
}

// ---- light and dark
const theme = document.getElementById("theme");
function changeTheme() {
  const dark = document.documentElement.dataset.theme === "dark"
    || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const next = dark ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem("theme", next);
  document.dispatchEvent(new Event("board:theme"));
}
theme.hidden = false;
theme.addEventListener("click", changeTheme);

// ---- keyboard
const help = document.getElementById("help");
const shortcuts = document.getElementById("shortcuts");
help.hidden = false;
help.addEventListener("click", () => shortcuts.showModal());

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[Math.min(Math.max(at + by, 0), rows.length - 1)];
  next.querySelector("a").focus();
  next.scrollIntoView({ block: "nearest" });
}

let leader = 0;
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || shortcuts.open) return;
  if (event.target.matches("input, select, textarea")) {
    if (event.key !== "Escape") return;
    // Escape leaves the field. By itself a browser also empties a search field: the list would grow back under the next key.
    if (event.target.type === "search") event.preventDefault();
    event.target.blur();
    return;
  }
  if (Date.now() - leader < 1500) {
    leader = 0;
    const target = { a: "/", l: "/alerts", p: "/pipeline" }[event.key];
    if (target) location.href = target;
    return;
  }
  const acts = {
    "/": () => document.getElementById("search")?.focus(),
    j: () => step(1),
    k: () => step(-1),
    x: () => { const tick = document.activeElement.closest("[data-row]")?.querySelector("[data-tick]"); if (tick) { tick.checked = !tick.checked; count(); } },
    e: () => onSelected("acknowledge", "e"),
    s: () => onSelected("snooze", "s"),
    t: changeTheme,
    "?": () => shortcuts.showModal(),
    g: () => { leader = Date.now(); },
  };
  if (acts[event.key]) { event.preventDefault(); acts[event.key](); }
});

// ---- moments also in the reader's own zone
function zones() {
  for (const time of document.querySelectorAll("time:not([title])")) {
    time.title = new Date(time.dateTime).toLocaleString();
  }
}
document.addEventListener("board:fresh", zones);
zones();
listen();
