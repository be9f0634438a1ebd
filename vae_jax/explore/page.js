"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const on = (id, kind, fn) => { if (byId(id)) byId(id).addEventListener(kind, fn); };
  const data = JSON.parse(byId("data").textContent);
  const [height, width, channels] = data.size;
  const [low, high] = data.limits;
  const say = (text) => { byId("said").textContent = text; };
  let member = data.members[0];
  const other = data.labels.findIndex((label) => label !== data.labels[0]);
  // What z, A and B are the codes of: an example's number, "own" for the reader's picture, or null.
  let [from, origins] = [0, [0, other > 0 ? other : data.count >> 1]];
  let [z, ends] = [[], [[], []]];
  let [codes, waiting, playing, given] = [null, false, 0, null];
  const chosen = () => (byId("label") ? Number(byId("label").value) : 0);
  const decode = (code) => network.decode(member.net, code, chosen());
  const example = (i) => codes.slice(i * member.latents, (i + 1) * member.latents);
  const shade = (label) => `hsl(${(360 * label) / data.classes.length} 70% ${label % 2 ? 40 : 58}%)`;
  const map = byId("map") && plane(byId("map"), {
    code: () => z,
    ends: () => ends,
    colour: (i) => (data.labels.length ? shade(data.labels[i]) : "#888"),
    move: (found) => go(found),
    pick: (i) => {
      go(example(i), i);
      if (byId("label")) byId("label").value = data.labels[i];
      if (data.classes.length) say(`The code of test example ${i + 1} of the map, ${data.classes[data.labels[i]]}.`);
    },
  });

  // A picture of numbers: pixels, or a bar for each element of a table.
  function paint(canvas, x) {
    const pen = canvas.getContext("2d");
    if (data.bars) {
      [canvas.width, canvas.height] = [480, 240];
      const [least, most] = [Math.min(low, 0, ...x), Math.max(high, 0, ...x)];
      const y = (v) => 238 - (236 * (v - least)) / (most - least);
      pen.fillStyle = getComputedStyle(canvas).getPropertyValue("--accent");
      x.forEach((v, i) => pen.fillRect((480 * i) / x.length, y(v), Math.max(1, 400 / x.length), y(0) - y(v)));
      return;
    }
    [canvas.width, canvas.height] = [width, height];
    const pixels = new ImageData(width, height);
    for (let i = 0; i < 4 * width * height; i += 1) {
      const c = channels === 3 ? i % 4 : 0;
      const value = (255 * (x[Math.floor(i / 4) * channels + c] - low)) / (high - low);
      pixels.data[i] = i % 4 === 3 ? 255 : value; // rounded and cut off by the array itself
    }
    pen.putImageData(pixels, 0, 0);
  }

  function show() {
    waiting = false;
    const start = performance.now();
    const x = decode(z);
    paint(byId("picture"), x);
    paint(byId("follow"), x);
    byId("took").textContent = `${(performance.now() - start).toFixed(1)} ms.`;
    for (const { at } of member.sliders) {
      byId(`z-${at}`).value = z[at];
      byId(`told-${at}`).textContent = z[at].toFixed(2);
    }
    if (map) {
      map.draw();
      byId("where").textContent = `Drag, or click a point: ${map.told()}.`;
    }
  }

  function later() {
    if (!waiting) requestAnimationFrame(show);
    waiting = true;
  }

  function go(code, of = null) {
    [z, from] = [Float32Array.from(code), of];
    later();
  }

  function stop() {
    clearInterval(playing);
    playing = 0;
    byId("play").setAttribute("aria-pressed", "false");
  }

  function setEnd(side, code, of) {
    [ends[side], origins[side]] = [Float32Array.from(code), of];
    paint(byId(`end-${side}`), decode(code));
    later();
  }

  // Along the straight line from A to B.
  const between = (t) => ends[0].map((a, l) => (1 - t) * a + t * ends[1][l]);

  function slider({ at, name, told }) {
    const box = document.createElement("div");
    box.className = "control";
    box.innerHTML = `<label for="z-${at}">${name}<small>${told}</small></label>
      <input type="range" id="z-${at}" min="${-member.reach}" max="${member.reach}" step="0.01">
      <output id="told-${at}" for="z-${at}"></output>`;
    box.querySelector("input").addEventListener("input", (event) => {
      stop();
      go(z.map((v, l) => (l === at ? Number(event.target.value) : v)));
    });
    return box;
  }

  // In another member: its code of the same example or picture, else the same numbers if they fit.
  function again(code, of) {
    if (of === "own") return network.encode(member.net, seen(), chosen());
    return of === null && code.length === member.latents ? code : example(of || 0);
  }

  function choose(i) {
    stop();
    member = data.members[i];
    codes = network.tensor(member.codes);
    byId("sliders").replaceChildren(...member.sliders.map(slider));
    byId("verdict").textContent = member.verdict;
    go(again(z, from), from);
    ends.forEach((end, side) => setEnd(side, again(end, origins[side]), origins[side]));
    plan();
  }

  function plan() {
    const which = document.querySelector("input[name=plane]:checked");
    if (map) map.show(member.planes[which ? which.value : 0], codes);
  }

  // Means of the codes of each class, as buttons that are the legend too.
  function legend() {
    byId("classes").append(...data.classes.map((name, k) => {
      const item = document.createElement("li");
      item.innerHTML = `<button type="button"><i style="background:${shade(k)}"></i></button>`;
      item.firstChild.append(name);
      item.firstChild.addEventListener("click", () => {
        const rows = data.labels.flatMap((label, i) => (label === k ? [example(i)] : []));
        if (rows.length) go(z.map((_, l) => rows.reduce((sum, row) => sum + row[l], 0) / rows.length));
      });
      return item;
    }));
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // The picture of a code, enlarged without smoothing.
  function large(code) {
    const [small, canvas] = [document.createElement("canvas"), document.createElement("canvas")];
    paint(small, decode(code));
    const scale = Math.max(1, Math.round(336 / small.width));
    [canvas.width, canvas.height] = [small.width * scale, small.height * scale];
    const pen = canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(small, 0, 0, canvas.width, canvas.height);
    return canvas;
  }

  function frames(count) {
    const along = Array.from({ length: count }, (_, i) => i / (count - 1));
    return [...along, ...along.slice(1, -1).reverse()].map((t) => {
      const canvas = large(between(t));
      return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    });
  }

  // The reader's picture as the encoder reads it, with light and dark exchanged if that is wanted.
  function seen() {
    const units = byId("invert").checked ? given.map((v) => 1 - v) : given;
    return units.map((v) => low + (high - low) * (data.binary ? Math.round(v) : v));
  }

  function encode() {
    byId("given").hidden = false;
    paint(byId("given"), seen());
    go(again(z, "own"), "own");
    setEnd(0, z, "own");
  }

  async function read(file) {
    const picture = await createImageBitmap(file).catch(() => null);
    if (!picture) { say(`${file.name || "This"} is no picture that this browser reads: take a PNG or a JPEG.`); return; }
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width, height];
    const pen = canvas.getContext("2d");
    [pen.fillStyle, pen.imageSmoothingQuality] = ["#fff", "high"];
    pen.fillRect(0, 0, width, height);
    const scale = Math.max(width / picture.width, height / picture.height); // the middle, cut to fit
    const [w, h] = [picture.width * scale, picture.height * scale];
    pen.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
    const pixels = pen.getImageData(0, 0, width, height).data;
    given = Float32Array.from({ length: width * height * channels }, (_, i) => {
      const at = 4 * Math.floor(i / channels);
      const [r, g, b] = pixels.subarray(at, at + 3);
      return (channels === 3 ? pixels[at + (i % 3)] : 0.299 * r + 0.587 * g + 0.114 * b) / 255;
    });
    const edge = given.filter((_, i) => {
      const [row, column] = [Math.floor(i / channels / width), Math.floor(i / channels) % width];
      return row === 0 || column === 0 || row === height - 1 || column === width - 1;
    });
    const ground = edge.reduce((a, b) => a + b) / edge.length;
    byId("invert").disabled = false;
    byId("invert").checked = channels === 1 && ground > 0.5 !== data.ground > 0.5;
    encode();
    say("Your picture is encoded; beside it stands what the decoder makes of its code.");
  }

  on("draw", "click", () => {
    stop();
    const draws = network.tensor(member.draws);
    const at = member.latents * Math.floor((Math.random() * draws.length) / member.latents);
    go(draws.slice(at, at + member.latents));
  });
  on("zero", "click", () => { stop(); go(new Float32Array(member.latents)); });
  on("save", "click", () => large(z).toBlob((blob) => save(blob, "picture.png")));
  on("label", "change", () => { later(); ends.forEach((end, side) => setEnd(side, end, origins[side])); });
  on("set-0", "click", () => setEnd(0, z, from));
  on("set-1", "click", () => setEnd(1, z, from));
  on("morph", "input", (event) => { stop(); go(between(Number(event.target.value))); });
  on("play", "click", () => {
    if (playing) { stop(); return; }
    const start = performance.now();
    byId("play").setAttribute("aria-pressed", "true");
    playing = setInterval(() => {
      const phase = ((performance.now() - start) / 2000) % 2; // two seconds each way
      const t = phase < 1 ? phase : 2 - phase;
      byId("morph").value = t;
      go(between(t));
    }, 33);
  });
  on("path", "click", async () => save(await animation(frames(24), 60), "path.png"));
  on("file", "change", (event) => { if (event.target.files[0]) read(event.target.files[0]); });
  on("invert", "change", encode);
  document.querySelectorAll("input[name=plane]").forEach((radio) => radio.addEventListener("change", plan));
  document.querySelectorAll("input[name=member]").forEach((radio) => radio.addEventListener("change", () => choose(Number(radio.value))));
  if (byId("drop")) {
    const over = (is) => (event) => { event.preventDefault(); byId("drop").classList.toggle("over", is); };
    document.addEventListener("dragover", over(true));
    document.addEventListener("dragleave", over(false));
    document.addEventListener("drop", (event) => {
      over(false)(event);
      if (event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
    });
    document.addEventListener("paste", (event) => {
      const [file] = event.clipboardData.files;
      if (file) read(file);
    });
  }
  // The picture again in a corner, while a slider below is moved and the picture is out of sight.
  new IntersectionObserver(([seen]) => { byId("follow").hidden = seen.isIntersecting; }).observe(byId("picture"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
  if (byId("classes")) legend();
  choose(0);
})();
