"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const controls = data.axes.map((_, i) => byId(`axis-${i}`));
  const seeds = data.axes.map((axis) => axis.name === "seed" || axis.name === "data_seed");
  const gap = 3; // pixels of the screen between two pictures, about
  const loaded = new Map();
  let current = null;

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

  // Tiles first ... first + count - 1 of a sheet, in rows of `columns`.
  function draw(canvas, sheet, first, count, columns, said) {
    const [width, height] = data.tile;
    const scale = Math.max(1, Math.round(112 / width));
    const [w, h] = [width * scale, height * scale];
    const rows = Math.ceil(count / columns);
    canvas.width = columns * (w + 2 * gap) - 2 * gap;
    canvas.height = rows * (h + 2 * gap) - 2 * gap;
    canvas.style.width = `${canvas.width / 2}px`;
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

  async function pictures(member) {
    const own = data.sheets[member.number];
    byId("absent").hidden = Boolean(own);
    byId("pictures").hidden = !own;
    if (!own) return;
    const [originals, sheet] = await Promise.all([image(data.originals), image(own.uri)]);
    if (member !== current) return; // the slider has moved on
    const [shown, samples, latents, steps] = data.layout;
    draw(byId("originals"), originals, 0, shown, shown, "Examples");
    draw(byId("reconstructions"), sheet, 0, shown, shown, `Reconstructions, ${member.name}`);
    draw(byId("samples"), sheet, shown, samples, 10, `Samples, ${member.name}`);
    for (let i = 0; i < latents; i += 1) {
      const row = byId(`walk-${i}`);
      row.parentElement.hidden = !own.walks[i];
      byId(`walk-name-${i}`).textContent = own.walks[i];
      const first = shown + samples + i * steps;
      draw(row, sheet, first, steps, steps, `Traversal of ${own.walks[i]}, ${member.name}`);
    }
    document.body.dataset.drawn = member.number;
  }

  function numbers(member) {
    byId("numbers").replaceChildren(...member.numbers.map((one) => {
      const [line, name, value] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
      name.textContent = one.label;
      value.textContent = one.text;
      value.className = one.kind;
      if (one.error) {
        const error = document.createElement("small");
        error.textContent = ` ± ${one.error}`;
        value.append(error);
      }
      line.append(name, value);
      return line;
    }));
  }

  function mark(member) {
    const members = new Map(data.members.map((m) => [String(m.number), m]));
    const here = byId("here");
    if (here) here.style.display = "none";
    for (const point of document.querySelectorAll(".curve a")) {
      const other = members.get(point.dataset.member);
      const same = other.at.every((v, i) => seeds[i] || v === member.at[i]);
      point.classList.toggle("same", same && other !== member);
      point.removeAttribute("aria-current");
      if (other !== member) continue;
      point.setAttribute("aria-current", "true");
      const circle = point.querySelector(".point");
      for (const name of ["cx", "cy"]) here.setAttribute(name, circle.getAttribute(name));
      here.style.display = "";
    }
  }

  function show(member) {
    current = member;
    member.at.forEach((v, i) => {
      controls[i].value = v;
      const text = data.axes[i].texts[v];
      if (data.axes[i].slider) {
        byId(`value-${i}`).textContent = text;
        controls[i].setAttribute("aria-valuetext", text);
      }
    });
    byId("who").textContent = member.name;
    document.body.dataset.member = member.number;
    numbers(member);
    mark(member);
    if (data.sheets) pictures(member);
  }

  function named() {
    const found = /^#member=(\d+)$/.exec(location.hash);
    return found && data.members.find((m) => m.number === Number(found[1]));
  }

  controls.forEach((control, i) => control.addEventListener("input", () => {
    const at = [...current.at];
    at[i] = Number(control.value);
    show(nearest(at, i));
    history.replaceState(null, "", `#member=${current.number}`);
  }));
  document.querySelector(".console").addEventListener("submit", (e) => e.preventDefault());
  addEventListener("hashchange", () => { if (named()) show(named()); });
  show(named() || data.members[0]);
})();
