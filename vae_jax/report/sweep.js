"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const members = new Map(data.members.map((m) => [String(m.number), m]));
  const controls = data.axes.map((_, i) => byId(`axis-${i}`));
  const seeds = data.axes.map((axis) => axis.name === "seed" || axis.name === "data_seed");
  const gap = 3; // pixels of the screen between two pictures, about
  const loaded = new Map();
  let current = null;
  let pinned = null;

  // The member nearest to a place on the axes; on `fixed` it must agree: not every sweep is a grid.
  function nearest(at, fixed) {
    const far = (m) => m.at.reduce((sum, v, i) => sum + Math.abs(v - at[i]), 0);
    const fit = data.members.filter((m) => m.at[fixed] === at[fixed]);
    return fit.reduce((best, m) => (far(m) < far(best) ? m : best));
  }

  function image(uri) {
    if (!loaded.has(uri)) {
      const one = new Image();
      loaded.set(uri, new Promise((done) => { one.onload = () => done(one); }));
      one.src = uri;
    }
    return loaded.get(uri);
  }

  function element(tag, text, kind) {
    const found = document.createElement(tag);
    found.textContent = text;
    if (kind) found.className = kind;
    return found;
  }

  // Tiles first ... first + count - 1 of a sheet, in rows of `columns`.
  function draw(canvas, sheet, first, count, columns, said) {
    const [width, height] = data.tile;
    const scale = Math.max(1, Math.round(112 / width));
    const [w, h] = [width * scale, height * scale];
    const rows = Math.ceil(count / columns);
    canvas.width = columns * (w + 2 * gap) - 2 * gap;
    canvas.height = rows * (h + 2 * gap) - 2 * gap;
    canvas.style.width = `${canvas.width / 2}px`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", said);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    for (let i = 0; i < count; i += 1) {
      const tile = first + i;
      const x = (tile % data.across) * width;
      const y = Math.floor(tile / data.across) * height;
      const left = (i % columns) * (w + 2 * gap);
      const top = Math.floor(i / columns) * (h + 2 * gap);
      pen.drawImage(sheet, x, y, width, height, left, top, w, h);
    }
  }

  // The pictures of a member: side 0 is the one that is shown, side 1 the pinned one.
  async function pictures(member, side) {
    byId(`side-${side}`).hidden = !member;
    if (!member) return;
    const own = data.sheets[member.number];
    byId(`whose-${side}`).hidden = !pinned;
    byId(`whose-${side}`).textContent = side ? `${member.name}, pinned` : member.name;
    byId(`absent-${side}`).hidden = Boolean(own);
    byId(`pictures-${side}`).hidden = !own;
    if (!own) return;
    const [originals, sheet] = await Promise.all([image(data.originals), image(own.uri)]);
    if (member !== (side ? pinned : current)) return; // the slider has moved on
    const [shown, samples, latents, steps] = data.layout;
    const at = (name) => byId(`${name}-${side}`);
    draw(at("originals"), originals, 0, shown, shown, "Examples");
    draw(at("reconstructions"), sheet, 0, shown, shown, `Reconstructions, ${member.name}`);
    draw(at("samples"), sheet, shown, samples, 10, `Samples, ${member.name}`);
    for (let i = 0; i < latents; i += 1) {
      const row = byId(`walk-${side}-${i}`);
      row.parentElement.hidden = !own.walks[i];
      byId(`walk-name-${side}-${i}`).textContent = own.walks[i];
      const first = shown + samples + i * steps;
      draw(row, sheet, first, steps, steps, `Traversal of ${own.walks[i]}, ${member.name}`);
    }
    document.body.dataset[side ? "beside" : "drawn"] = member.number;
  }

  // The same examples by the members that differ from the shown one in the first axis alone.
  async function across() {
    const member = current;
    const row = data.members.filter((m) => m.at.every((v, i) => !i || v === member.at[i]));
    const drawn = row.filter((m) => data.sheets[m.number]);
    const uris = drawn.map((m) => data.sheets[m.number].uri);
    const [originals, ...sheets] = await Promise.all([data.originals, ...uris].map(image));
    if (member !== current) return;
    const count = data.layout[0];
    const line = (sheet, label, said) => {
      const canvas = document.createElement("canvas");
      draw(canvas, sheet, 0, count, count, said);
      label.append(canvas);
      return label;
    };
    const lines = drawn.map((m, i) => {
      const link = element("a", "", "strip");
      link.href = `#member=${m.number}`;
      link.dataset.member = m.number;
      if (m === member) link.setAttribute("aria-current", "true");
      link.append(element("span", data.axes[0].texts[m.at[0]]));
      return line(sheets[i], link, `Reconstructions, ${m.name}`);
    });
    const first = element("div", "", "strip");
    first.append(element("span", "examples"));
    byId("across").replaceChildren(line(originals, first, "Examples"), ...lines);
  }

  function cell(one) {
    const found = element("dd", one ? one.text : "–", one && one.kind);
    if (one && one.error) found.append(element("small", ` ± ${one.error}`));
    return found;
  }

  function numbers() {
    const beside = new Map((pinned ? pinned.numbers : []).map((one) => [one.label, one]));
    const lines = current.numbers.map((one) => {
      const line = document.createElement("div");
      line.append(element("dt", one.label), cell(one));
      if (pinned) line.append(cell(beside.get(one.label)));
      return line;
    });
    if (pinned) {
      const head = element("div", "", "head");
      head.append(element("dt", ""), element("dd", "shown"), element("dd", "pinned"));
      lines.unshift(head);
    }
    byId("numbers").classList.toggle("two", Boolean(pinned));
    byId("numbers").replaceChildren(...lines);
  }

  // Puts the ring of a member over its point; without a point there is none.
  function ring(id, member) {
    const found = byId(id);
    if (!found) return;
    const point = member && document.querySelector(`.curve a[data-member="${member.number}"] .point`);
    found.style.display = point ? "" : "none";
    if (!point) return;
    for (const name of ["cx", "cy"]) found.setAttribute(name, point.getAttribute(name));
  }

  function mark() {
    for (const point of document.querySelectorAll(".curve a")) {
      const other = members.get(point.dataset.member);
      const same = other.at.every((v, i) => seeds[i] || v === current.at[i]);
      point.classList.toggle("same", same && other !== current);
      point.removeAttribute("aria-current");
      if (other === current) point.setAttribute("aria-current", "true");
    }
    ring("here", current);
    ring("there", pinned);
    for (const dot of document.querySelectorAll(".multiples .dot")) {
      const other = members.get(dot.dataset.member);
      dot.classList.toggle("now", other === current);
      dot.classList.toggle("pinned", other === pinned);
    }
    for (const line of document.querySelectorAll(".multiples .over")) {
      line.classList.toggle("on", Number(line.dataset.group) === current.group);
    }
  }

  // The column of the shown member's β in the table of all applications.
  function column() {
    const axis = data.axes.findIndex((one) => one.name === "beta");
    const beta = axis < 0 ? NaN : data.axes[axis].values[current.at[axis]];
    for (const one of document.querySelectorAll(".heat [data-beta]")) {
      one.classList.toggle("now", Number(one.dataset.beta) === beta);
    }
  }

  function show() {
    current.at.forEach((v, i) => {
      controls[i].value = v;
      const text = data.axes[i].texts[v];
      if (data.axes[i].slider) {
        byId(`value-${i}`).textContent = text;
        controls[i].setAttribute("aria-valuetext", text);
      }
    });
    byId("who").textContent = current.name;
    byId("beside").hidden = !pinned;
    byId("beside").textContent = pinned ? `beside ${pinned.name}, which is pinned` : "";
    byId("pin").textContent = pinned ? "Unpin" : "Pin this member";
    byId("pin").setAttribute("aria-pressed", String(Boolean(pinned)));
    document.body.dataset.member = current.number;
    document.querySelector(".shown").classList.toggle("paired", Boolean(pinned));
    numbers();
    mark();
    column();
    if (!data.sheets) return;
    pictures(current, 0);
    pictures(pinned, 1);
    across();
  }

  // Shows a member, and says in the address which one and what is pinned.
  function choose(member) {
    current = member;
    const words = [`member=${member.number}`, ...(pinned ? [`pin=${pinned.number}`] : [])];
    history.replaceState(null, "", `#${words.join("&")}`);
    show();
  }

  function fromAddress() {
    const words = new URLSearchParams(location.hash.slice(1));
    const found = members.get(words.get("member"));
    pinned = members.get(words.get("pin")) || null;
    current = found || current || data.members[0];
    show();
  }

  controls.forEach((control, i) => control.addEventListener("input", () => {
    const at = [...current.at];
    at[i] = Number(control.value);
    choose(nearest(at, i));
  }));
  byId("pin").addEventListener("click", () => {
    pinned = pinned ? null : current;
    choose(current);
  });
  document.addEventListener("click", (event) => {
    const one = event.target.closest("[data-member]:not(body)");
    if (!one || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(members.get(one.dataset.member));
    if (one.closest("table")) byId("who").scrollIntoView({ block: "center" });
  });
  document.querySelector(".console").addEventListener("submit", (e) => e.preventDefault());
  addEventListener("hashchange", fromAddress);
  fromAddress();
})();
