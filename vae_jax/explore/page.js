"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (query) => [...document.querySelectorAll(query)];
  const on = (id, kind, fn) => byId(id)?.addEventListener(kind, fn);
  const say = (text) => { byId("said").textContent = text; };
  const data = JSON.parse(byId("data").textContent);
  const [[height, width, channels], [low, high]] = [data.size, data.limits];
  const other = data.labels.findIndex((label) => label !== data.labels[0]);
  let [member, codes, z, ends, waiting, given] = [data.members[0], null, [], [[], []], false, null];
  // What z, A and B are the codes of: an example's number, "own" for the reader's picture, or null.
  let [from, origins] = [0, [0, other > 0 ? other : data.count >> 1]];
  const chosen = () => Number(byId("label")?.value ?? 0);
  const decode = (code) => network.decode(member.net, code, chosen());
  const example = (i) => codes.slice(i * member.latents, (i + 1) * member.latents);
  const map = byId("map") && plane(byId("map"), {
    code: () => z, ends: () => ends,
    colour: (i) => data.colours[data.labels[i]] ?? "#888",
    move: (found) => go(found),
    pick: (i) => {
      go(example(i), i);
      if (byId("label")) byId("label").value = data.labels[i];
      if (data.labels.length) say(`The code of test example ${i + 1} of the map, ${data.classes[data.labels[i]]}.`);
    },
  });

  // What a code stands for: words, a bar for each element of a table, or pixels.
  function paint(target, x) {
    if (data.symbols.length) {
      const old = [...target.children].map((item) => item.textContent);
      const words = [...x].filter((v) => v > data.end).map((v) => data.symbols[v]);
      target.replaceChildren(...words.map((textContent, i) => Object.assign(
        document.createElement("li"), { textContent, className: old.length && textContent !== old[i] ? "new" : "" })));
      return;
    }
    const pen = target.getContext("2d");
    [target.width, target.height] = data.bars ? [480, 240] : [width, height];
    if (data.bars) {
      const [least, most] = [Math.min(low, 0, ...x), Math.max(high, 0, ...x)];
      const y = (v) => 238 - (236 * (v - least)) / (most - least);
      pen.fillStyle = getComputedStyle(target).getPropertyValue("--accent");
      x.forEach((v, i) => pen.fillRect((480 * i) / x.length, y(v), Math.max(1, 400 / x.length), y(0) - y(v)));
      return;
    }
    const grey = (i) => (255 * (x[Math.floor(i / 4) * channels + (channels === 3 ? i % 4 : 0)] - low)) / (high - low);
    const pixels = new Uint8ClampedArray(4 * width * height).map((_, i) => (i % 4 === 3 ? 255 : grey(i)));
    pen.putImageData(new ImageData(pixels, width), 0, 0);
  }

  function show() {
    waiting = false;
    const start = performance.now();
    const x = decode(z);
    ["picture", "follow"].forEach((id) => paint(byId(id), x));
    byId("took").textContent = `${(performance.now() - start).toFixed(1)} ms.`;
    for (const input of all("#sliders div:not([hidden]) input")) {
      input.value = z[input.dataset.at];
      input.nextElementSibling.textContent = z[input.dataset.at].toFixed(2);
    }
    if (!map) return;
    map.draw();
    byId("where").textContent = `Drag, or click a point: ${map.told()}.`;
  }

  const between = (t) => ends[0].map((a, l) => (1 - t) * a + t * ends[1][l]);
  const plan = () => map.show(member.planes[document.querySelector("input[name=plane]:checked").value], codes);
  const later = () => { if (!waiting) requestAnimationFrame(show); waiting = true; };

  function go(code, of = null) {
    [z, from] = [Float32Array.from(code), of];
    later();
  }

  function setEnd(side, code, of) {
    [ends[side], origins[side]] = [Float32Array.from(code), of];
    paint(byId(`end-${side}`), decode(code));
    later();
  }

  // In another member: its code of the same example or picture, else the same numbers if they fit.
  function again(code, of) {
    if (of === "own") return network.encode(member.net, seen(), chosen());
    return of === null && code.length === member.latents ? code : example(of || 0);
  }

  function choose(number) {
    member = data.members[number];
    codes = network.tensor(member.codes);
    all("#sliders > div").forEach((box, i) => { box.hidden = i !== number; });
    byId("verdict").textContent = member.verdict;
    go(again(z, from), from);
    ends.forEach((end, side) => setEnd(side, again(end, origins[side]), origins[side]));
    if (map) plan();
  }

  function save(blob, name) {
    const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // The path there and back as an animated SVG: its frames are pictures, shown one after the other.
  function path(count) {
    const canvas = document.createElement("canvas");
    const frames = Array.from({ length: 2 * count - 2 }, (_, i) => {
      paint(canvas, decode(between(1 - Math.abs(i / (count - 1) - 1))));
      const times = `keyTimes="0;${i / (2 * count - 2)};${(i + 1) / (2 * count - 2)}" values="hidden;visible;hidden"`;
      const turn = `<animate attributeName="visibility" ${times} calcMode="discrete" dur="3s" repeatCount="indefinite"/>`;
      return `<image href="${canvas.toDataURL()}" width="100%" height="100%" visibility="hidden">${turn}</image>`;
    });
    const size = `viewBox="0 0 ${canvas.width} ${canvas.height}" width="${12 * canvas.width}" image-rendering="pixelated"`;
    return new Blob([`<svg xmlns="http://www.w3.org/2000/svg" ${size}>${frames.join("\n")}</svg>`], { type: "image/svg+xml" });
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
    const picture = file && await createImageBitmap(file).catch(() => null);
    if (!picture) { say(`${file?.name || "This"} is no picture that this browser reads: take a PNG or a JPEG.`); return; }
    const pen = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
    [pen.fillStyle, pen.imageSmoothingQuality] = ["#fff", "high"];
    pen.fillRect(0, 0, width, height);
    const scale = Math.max(width / picture.width, height / picture.height); // the middle, cut to fit
    const [w, h] = [picture.width * scale, picture.height * scale];
    pen.drawImage(picture, (width - w) / 2, (height - h) / 2, w, h);
    const pixels = pen.getImageData(0, 0, width, height).data;
    given = Float32Array.from({ length: width * height * channels }, (_, i) => {
      const [r, g, b] = pixels.subarray(4 * Math.floor(i / channels));
      return (channels === 3 ? [r, g, b][i % 3] : 0.299 * r + 0.587 * g + 0.114 * b) / 255;
    });
    const edge = [...given.subarray(0, width * channels), ...given.subarray(-width * channels)];
    byId("invert").disabled = false;
    byId("invert").checked = channels === 1 && edge.reduce((a, b) => a + b) / edge.length > 0.5 !== data.ground > 0.5;
    encode();
    say("Your picture is encoded; beside it stands what the decoder makes of its code.");
  }

  on("sliders", "input", ({ target }) => go(z.map((v, l) => (l === Number(target.dataset.at) ? Number(target.value) : v))));
  on("draw", "click", () => {
    const draws = network.tensor(member.draws);
    const at = member.latents * Math.floor((Math.random() * draws.length) / member.latents);
    go(draws.slice(at, at + member.latents));
  });
  on("zero", "click", () => go(new Float32Array(member.latents)));
  on("save", "click", () => { // enlarged without smoothing
    const [from, canvas] = [byId("picture"), document.createElement("canvas")];
    const scale = Math.max(1, Math.round(336 / from.width));
    [canvas.width, canvas.height] = [from.width * scale, from.height * scale];
    const pen = Object.assign(canvas.getContext("2d"), { imageSmoothingEnabled: false });
    pen.drawImage(from, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => save(blob, "picture.png"));
  });
  on("label", "change", () => ends.forEach((end, side) => setEnd(side, end, origins[side])));
  [0, 1].forEach((side) => on(`set-${side}`, "click", () => setEnd(side, z, from)));
  on("morph", "input", ({ target }) => go(between(Number(target.value))));
  on("path", "click", () => save(path(24), "path.svg"));
  on("file", "change", ({ target }) => read(target.files[0]));
  on("invert", "change", encode);
  all("input[name=plane]").forEach((radio) => radio.addEventListener("change", plan));
  all("input[name=member]").forEach((radio) => radio.addEventListener("change", () => choose(Number(radio.value))));
  all("#classes button").forEach((button, k) => button.addEventListener("click", () => { // the mean of a class's codes
    const rows = data.labels.flatMap((label, i) => (label === k ? [example(i)] : []));
    if (rows.length) go(z.map((_, l) => rows.reduce((sum, row) => sum + row[l], 0) / rows.length));
  }));
  const over = (event) => { event.preventDefault(); byId("drop").classList.toggle("over", event.type === "dragover"); };
  if (byId("drop")) ["dragover", "dragleave", "drop"].forEach((kind) => document.addEventListener(kind, over));
  if (byId("drop")) document.addEventListener("drop", (event) => read(event.dataTransfer.files[0]));
  if (byId("drop")) document.addEventListener("paste", ({ clipboardData: { files } }) => files[0] && read(files[0]));
  // The picture again in a corner, while a slider below is moved and the picture is out of sight.
  new IntersectionObserver(([entry]) => { byId("follow").hidden = entry.isIntersecting; }).observe(byId("picture"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", later);
  choose(0);
})();
