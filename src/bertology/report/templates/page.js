// What the page does on its own: draw charts when they come into view, explain heads, filter claims, switch the theme.
const data = JSON.parse(document.getElementById("data").textContent);
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const views = new Map();

// Theme: the system's unless the reader has chosen; charts are drawn again since their colours are in the spec.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = () => root.dataset.theme || (dark.matches ? "dark" : "light");
const button = document.getElementById("theme");
const store = {
  get: () => { try { return localStorage.getItem("bertology-theme"); } catch { return null; } },
  set: (name) => { try { localStorage.setItem("bertology-theme", name); } catch { /* a file page may have no storage */ } },
};
function themed() {
  button.setAttribute("aria-pressed", String(theme() === "dark"));
  for (const place of all("[data-drawn]")) draw(place, true);
}
button.addEventListener("click", () => {
  root.dataset.theme = theme() === "dark" ? "light" : "dark";
  store.set(root.dataset.theme);
  themed();
});
dark.addEventListener("change", themed);

// Charts
async function draw(place, again = false, name = theme()) {
  if (place.dataset.started && !again) return;
  place.dataset.started = name;
  const key = place.dataset.chart;
  views.get(place)?.finalize();
  const options = { ast: true, renderer: "svg", actions: false, config: data.config[name], tooltip: { theme: name } };
  try {
    views.set(place, await window.vegaEmbed(place, structuredClone(data.charts[key]), options));
    place.dataset.drawn = "true";
  } catch (error) {
    place.textContent = "This chart could not be drawn: " + error.message;
    console.error(error);
  }
}
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) { seen.unobserve(entry.target); draw(entry.target); }
}, { rootMargin: "200px" });
all(".chart").forEach((place) => seen.observe(place));
for (const claim of all("details.claim")) claim.addEventListener("toggle", async () => {
  if (claim.open) for (const place of all(".chart", claim)) await draw(place);
});

for (const saver of all("[data-svg]")) saver.addEventListener("click", async () => {
  const place = saver.parentElement.querySelector(".chart");
  await draw(place);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([await views.get(place).view.toSVG()], { type: "image/svg+xml" }));
  link.download = saver.dataset.svg + ".svg";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});

// The numbers behind a chart, made when asked for
function points(spec) {
  return Object.values(spec.datasets ?? {})[0] ?? spec.data?.values ?? [];
}
for (const numbers of all("[data-numbers]")) numbers.addEventListener("toggle", () => {
  const box = numbers.querySelector(".scroll");
  if (box.childElementCount) return;
  const rows = points(data.charts[numbers.dataset.numbers]);
  const columns = ["run", "label", "layer", "head", "depth", "value", "low", "high", "n"].filter((c) => rows.some((row) => c in row));
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const column of columns) head.append(Object.assign(document.createElement("th"), { textContent: column }));
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const column of columns) line.insertCell().textContent = row[column] ?? "";
  }
  box.append(table);
});

// The head grid: explained on hover and focus, one tab stop, arrow keys inside
const tip = document.getElementById("tip");
function explain(cell) {
  tip.textContent = cell.getAttribute("aria-label");
  tip.hidden = false;
  const box = cell.getBoundingClientRect(), wide = tip.offsetWidth, high = tip.offsetHeight;
  const left = Math.max(8, Math.min(box.left + box.width / 2 - wide / 2, root.clientWidth - wide - 8));
  const top = box.top - high - 8 > 0 ? box.top - high - 8 : box.bottom + 8;
  tip.style.transform = `translate(${left}px, ${top}px)`;
}
const silence = () => { tip.hidden = true; };
const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
for (const figure of all("[data-heads]")) {
  const cells = all(".head", figure);
  for (const cell of cells) {
    cell.addEventListener("pointerenter", () => explain(cell));
    cell.addEventListener("pointerleave", silence);
    cell.addEventListener("focus", () => explain(cell));
    cell.addEventListener("blur", silence);
    cell.addEventListener("keydown", (event) => {
      if (event.key === "Escape") silence();
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      const next = cells.find((c) => +c.dataset.x === +cell.dataset.x + step[0] && +c.dataset.y === +cell.dataset.y + step[1]);
      if (!next) return;
      cell.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }
  const roles = all("button[data-role]", figure);
  for (const role of roles) role.addEventListener("click", () => {
    const on = role.getAttribute("aria-pressed") !== "true";
    for (const other of roles) other.setAttribute("aria-pressed", String(on && other === role));
    for (const cell of cells) cell.classList.toggle("dim", on && cell.dataset.role !== role.dataset.role);
  });
}
// Focus and smooth scrolling move the page under an explanation: it stays with its head.
addEventListener("scroll", () => {
  const cell = document.querySelector(".head:hover") ?? document.querySelector(".head:focus");
  if (cell) explain(cell); else silence();
}, { passive: true });

// Claims: filter, find, open all, and a link to a claim opens it
const claims = all("details.claim");
const find = document.getElementById("find");
function filter() {
  const off = new Set(all("[data-show][aria-pressed=false]").map((b) => b.dataset.show));
  const wanted = (find?.value ?? "").trim().toLowerCase();
  let shown = 0;
  for (const claim of claims) {
    const text = claim.querySelector(".says").textContent.toLowerCase();
    claim.hidden = off.has(claim.dataset.verdict) || !text.includes(wanted);
    shown += !claim.hidden;
  }
  for (const group of all(".group")) group.hidden = !group.querySelector("details.claim:not([hidden])");
  const nothing = document.getElementById("nothing");
  if (nothing) nothing.hidden = shown > 0;
}
for (const show of all("[data-show]")) show.addEventListener("click", () => {
  show.setAttribute("aria-pressed", String(show.getAttribute("aria-pressed") !== "true"));
  filter();
});
find?.addEventListener("input", filter);
const opener = document.getElementById("open-all");
opener?.addEventListener("click", () => {
  const open = opener.getAttribute("aria-pressed") !== "true";
  opener.setAttribute("aria-pressed", String(open));
  opener.textContent = open ? "Close all" : "Open all";
  for (const claim of claims) claim.open = open;
});
function follow() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.matches("details.claim")) {
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  }
}
addEventListener("hashchange", follow);

// The matrix of an audit: filter rows, sort by a column
const lines = all("#audit tbody tr");
const findLine = document.getElementById("find-line"), split = document.getElementById("split");
function sift() {
  const off = new Set(all("[data-over][aria-pressed=false]").map((b) => b.dataset.over));
  const wanted = (findLine?.value ?? "").trim().toLowerCase(), only = split?.getAttribute("aria-pressed") === "true";
  for (const line of lines) {
    const text = line.querySelector("th").textContent.toLowerCase();
    line.hidden = off.has(line.dataset.verdict) || (only && line.dataset.split !== "yes") || !text.includes(wanted);
  }
}
for (const press of [...all("[data-over]"), ...(split ? [split] : [])]) press.addEventListener("click", () => {
  press.setAttribute("aria-pressed", String(press.getAttribute("aria-pressed") !== "true"));
  sift();
});
findLine?.addEventListener("input", sift);
for (const sorter of all("#audit [data-sort]")) sorter.addEventListener("click", () => {
  const head = sorter.closest("th"), up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of all("#audit th[aria-sort]")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const order = (line) => +line.cells[+sorter.dataset.sort].dataset.order;
  lines.sort((a, b) => (up ? 1 : -1) * (order(a) - order(b)));
  lines[0]?.parentElement.append(...lines);
});

// Print: everything open, every chart drawn in the light theme
async function unfold() {
  for (const claim of claims) claim.open = true;
  await Promise.all(all(".chart").map((place) => draw(place, place.dataset.started !== "light", "light")));
}
addEventListener("beforeprint", unfold);
addEventListener("afterprint", themed);
document.getElementById("print").addEventListener("click", async () => { await unfold(); print(); });

if (store.get()) root.dataset.theme = store.get();
themed();
follow();
