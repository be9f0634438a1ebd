"use strict";
// The map: codes of examples in a plane of the latent space, and the code that is moved in it.
const plane = (canvas, { code, ends, colour, move, pick }) => {
  let own = null;
  const pen = canvas.getContext("2d");
  const project = (z) => own.axes.map(
    (axis) => axis.reduce((sum, a, l) => sum + a * (z[l] - own.point[l]), 0));
  const screen = ([u, v]) => [(1 + u / own.reach) * canvas.width / 2, (1 - v / own.reach) * canvas.height / 2];

  // The code with other coordinates in the plane; what is across the plane stays.
  function moved(to) {
    const from = project(code());
    const by = to.map((c, i) => Math.min(own.reach, Math.max(-own.reach, c)) - from[i]);
    return code().map((value, l) => value + own.axes.reduce((sum, axis, i) => sum + axis[l] * by[i], 0));
  }

  function mark(z, letter, ink, ground) {
    const [x, y] = screen(project(z));
    pen.beginPath();
    pen.arc(x, y, 17, 0, 7);
    [pen.fillStyle, pen.strokeStyle, pen.lineWidth] = [ink, ground, 4];
    pen.fill();
    pen.stroke();
    pen.fillStyle = ground;
    pen.fillText(letter, x, y + 1);
  }

  function draw() {
    const style = getComputedStyle(canvas);
    const [ink, line, accent, ground] = ["--ink", "--line", "--accent", "--paper"].map((n) => style.getPropertyValue(n));
    const [[x, y], [a, b]] = [screen([0, 0]), ends()];
    pen.clearRect(0, 0, canvas.width, canvas.height);
    [pen.font, pen.textAlign, pen.textBaseline] = ["600 20px system-ui, sans-serif", "center", "middle"];
    [pen.lineWidth, pen.strokeStyle] = [1.5, line];
    pen.strokeRect(x, -9, canvas.width, canvas.height + 18);
    pen.strokeRect(-9, y, canvas.width + 18, canvas.height);
    own.dots.forEach((dot, i) => {
      pen.fillStyle = colour(i);
      pen.fillRect(...screen(dot).map((c) => c - 3.5), 7, 7);
    });
    [pen.strokeStyle, pen.lineWidth] = [ink, 3];
    pen.stroke(new Path2D(`M${screen(project(a))}L${screen(project(b))}`));
    mark(a, "A", ink, ground);
    mark(b, "B", ink, ground);
    mark(code(), "", accent, ground);
  }

  function show(found, codes) {
    const n = found.point.length;
    own = { ...found };
    own.dots = Array.from({ length: codes.length / n }, (_, i) => project(codes.subarray(i * n, (i + 1) * n)));
    own.reach = 1.05 * own.dots.flat().reduce((most, c) => Math.max(most, Math.abs(c)), 3);
    draw();
  }

  function pointed(event) {
    const box = canvas.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    const near = own.dots.map(screen).map(([x, y]) =>
      Math.hypot((x / canvas.width - at[0]) * box.width, (y / canvas.height - at[1]) * box.height));
    const best = near.indexOf(Math.min(...near));
    if (event.type === "pointerdown" && near[best] < 6) pick(best); // on a point: the whole code of that example
    else move(moved([(2 * at[0] - 1) * own.reach, (1 - 2 * at[1]) * own.reach]));
  }

  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); pointed(event); });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) pointed(event); });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    move(moved(project(code()).map((c, i) => c + (event.shiftKey ? 0.5 : 0.1) * step[i])));
  });
  return { draw, show, told: () => own.names.map((n, i) => `${n} ${project(code())[i].toFixed(2)}`).join(", ") };
};
