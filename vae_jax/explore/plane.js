"use strict";
// The map: codes of examples in a plane of the latent space, and the code that is moved in it.
const plane = (canvas, { code, ends, colour, move, pick }) => {
  let own = null;
  const project = (z) => own.axes.map(
    (axis) => axis.reduce((sum, a, l) => sum + a * (z[l] - own.point[l]), 0));
  const screen = ([u, v]) => [(1 + u / own.reach) * canvas.width / 2, (1 - v / own.reach) * canvas.height / 2];

  // The code with other coordinates in the plane; what is across the plane stays.
  function moved(u, v) {
    const [from, to] = [project(code()), [u, v].map((c) => Math.min(own.reach, Math.max(-own.reach, c)))];
    return code().map((value, l) => value + own.axes.reduce((sum, axis, i) => sum + axis[l] * (to[i] - from[i]), 0));
  }

  function mark(pen, z, letter, ink, ground) {
    const [x, y] = screen(project(z));
    pen.beginPath();
    pen.arc(x, y, 17, 0, 7);
    pen.fillStyle = ink;
    pen.fill();
    pen.lineWidth = 4;
    pen.strokeStyle = ground;
    pen.stroke();
    pen.fillStyle = ground;
    pen.fillText(letter, x, y + 1);
  }

  function draw() {
    if (!own) return;
    const style = getComputedStyle(canvas);
    const [ink, line, accent, ground] = ["--ink", "--line", "--accent", "--paper"].map((n) => style.getPropertyValue(n));
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.font = "600 20px system-ui, sans-serif";
    [pen.textAlign, pen.textBaseline, pen.lineWidth, pen.strokeStyle] = ["center", "middle", 1.5, line];
    const [x0, y0] = screen([0, 0]);
    pen.strokeRect(x0, -9, 0, canvas.height + 18);
    pen.strokeRect(-9, y0, canvas.width + 18, 0);
    own.dots.forEach((dot, i) => {
      pen.fillStyle = colour(i);
      pen.fillRect(...screen(dot).map((c) => c - 3.5), 7, 7);
    });
    const [a, b] = ends();
    pen.beginPath();
    pen.moveTo(...screen(project(a)));
    pen.lineTo(...screen(project(b)));
    [pen.strokeStyle, pen.lineWidth] = [ink, 3];
    pen.stroke();
    mark(pen, a, "A", ink, ground);
    mark(pen, b, "B", ink, ground);
    mark(pen, code(), "", accent, ground);
  }

  function show(found, codes) {
    own = { ...found };
    const n = found.point.length;
    own.dots = Array.from({ length: codes.length / n }, (_, i) => project(codes.subarray(i * n, (i + 1) * n)));
    own.reach = 1.05 * own.dots.flat().reduce((most, c) => Math.max(most, Math.abs(c)), 3);
    draw();
  }

  function pointed(event, first) {
    const box = canvas.getBoundingClientRect();
    const at = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    const near = own.dots.map((dot) => {
      const [x, y] = screen(dot);
      return Math.hypot((x / canvas.width - at[0]) * box.width, (y / canvas.height - at[1]) * box.height);
    });
    const best = near.indexOf(Math.min(...near));
    if (first && near[best] < 6) pick(best); // on a point: the whole code of that example
    else move(moved((2 * at[0] - 1) * own.reach, (1 - 2 * at[1]) * own.reach));
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointed(event, true);
  });
  canvas.addEventListener("pointermove", (event) => { if (event.buttons) pointed(event, false); });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [u, v] = project(code());
    const size = event.shiftKey ? 0.5 : 0.1;
    move(moved(u + size * step[0], v + size * step[1]));
  });
  return { draw, show, told: () => own.names.map((n, i) => `${n} ${project(code())[i].toFixed(2)}`).join(", ") };
};
