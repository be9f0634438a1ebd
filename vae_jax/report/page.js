"use strict";
// All that the page says is there without this script: it folds, marks, copies and enlarges.
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const say = (text) => { byId("said").textContent = text; };
  const parts = all("details.part");

  // Contents: closed on narrow windows, where they would cover the page.
  const contents = document.querySelector(".contents > details");
  const narrow = matchMedia("(max-width: 75.99rem)");
  const fit = () => { contents.open = !narrow.matches; };
  narrow.addEventListener("change", fit);
  fit();

  // A link into a folded part opens it.
  function open(hash) {
    const target = hash.length > 1 && byId(decodeURIComponent(hash.slice(1)));
    if (!target) return;
    const part = target.closest("details.part") || target.querySelector("details.part");
    if (part) part.open = true;
    target.scrollIntoView();
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link) return;
    if (narrow.matches && contents.contains(link)) contents.open = false;
    open(link.hash);
  });
  addEventListener("hashchange", () => open(location.hash));
  open(location.hash);

  const fold = byId("fold");
  const name = () => { fold.textContent = parts.some((p) => p.open) ? "fold all" : "unfold all"; };
  fold.hidden = false;
  fold.addEventListener("click", () => {
    const some = parts.some((part) => part.open);
    for (const part of parts) part.open = !some;
  });
  for (const part of parts) part.addEventListener("toggle", name);
  addEventListener("beforeprint", () => { for (const part of parts) part.open = true; });

  // The part in view is marked in the contents.
  const sections = all("main > section");
  function mark() {
    const above = sections.filter((s) => s.getBoundingClientRect().top < innerHeight / 3);
    const here = above.length ? above[above.length - 1].id : "";
    for (const link of all(".contents > details > ul > li > a")) {
      if (link.hash === `#${here}` && here) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }
  addEventListener("scroll", mark, { passive: true });
  mark();

  // Tables: the csv that the link holds, with tabs, as spreadsheets paste it.
  function tabbed(text) {
    const field = /("(?:[^"]|"")*"|[^,\n]*)(,|\n|$)/y;
    const plain = (s) => (s[0] === '"' ? s.slice(1, -1).replaceAll('""', '"') : s);
    let out = "";
    while (field.lastIndex < text.length) {
      const [, value, end] = field.exec(text);
      out += plain(value).replace(/[\t\n]/g, " ") + (end === "," ? "\t" : end);
    }
    return out;
  }
  function copyOld(text) {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
  async function copy(button) {
    const uri = button.parentElement.querySelector(".csv").getAttribute("href");
    const text = tabbed(decodeURIComponent(uri.slice(uri.indexOf(",") + 1)));
    let done = true;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      done = copyOld(text);
    }
    button.textContent = done ? "copied" : "not copied";
    say(done ? "The table is copied." : "The browser does not let the page copy.");
    button.focus();
    setTimeout(() => { button.textContent = "copy"; }, 2000);
  }
  for (const button of all("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }

  // Pictures: a button around each, which shows it as large as the window or its own pixels.
  const dialog = byId("large");
  const large = new Image();
  function enlarge(image) {
    large.src = image.src;
    large.alt = image.alt;
    large.style.width = `${Math.max(image.naturalWidth, Math.min(0.92 * innerWidth, 1.6 * image.naturalWidth))}px`;
    const said = dialog.querySelector("p");
    said.textContent = image.alt;
    said.before(large);
    dialog.showModal();
    dialog.scrollTo(0, 0);
  }
  for (const image of all("main figure img")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.setAttribute("aria-label", `Enlarge: ${image.alt}`);
    image.replaceWith(button);
    button.append(image);
    button.addEventListener("click", () => enlarge(image));
  }
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target === large) dialog.close();
  });
})();
