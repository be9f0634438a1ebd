"use strict";
// The decoder and the encoder of a member, layer by layer: the formulas of models/ and layers.py.
const network = (() => {
  const sigmoid = (v) => 1 / (1 + Math.exp(-v));
  const acts = {
    gelu: (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
    relu: (v) => (v > 0 ? v : 0), silu: (v) => v * sigmoid(v), tanh: Math.tanh,
    elu: (v) => (v > 0 ? v : Math.expm1(v)), leaky_relu: (v) => (v > 0 ? v : 0.01 * v),
    softplus: (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))),
  };

  const largest = (theta) => theta.reduce((best, v, i) => (v > theta[best] ? i : best), 0);

  function bytes(text) {
    const raw = atob(text);
    return new Uint8Array(raw.length).map((_, i) => raw.charCodeAt(i)).buffer;
  }

  // Integers of 16 bits with one scale for each column.
  function tensor({ q, s }) {
    const scale = new Float32Array(bytes(s));
    return Float32Array.from(new Int16Array(bytes(q)), (v, i) => v * scale[i % scale.length]);
  }

  // y += v w[from ... from + n - 1]
  function add(y, at, v, w, from, n) {
    for (let o = 0; o < n; o += 1) y[at + o] += v * w[from + o];
  }

  function dense(x, { w, b }) {
    const y = Float32Array.from(b);
    for (let i = 0; i < x.length; i += 1) if (x[i] !== 0) add(y, 0, x[i], w, i * b.length, b.length);
    return y;
  }

  // A strided convolution reads "from" at i s + a - p and writes "to" at i; its transpose the reverse.
  function strided(x, { op, w, b, kernel, stride, from, to }) {
    const [up, inputs, outputs, pad, taps] = [op === "up", from[2], b.length, kernel >> 1, kernel ** 2];
    const [small, big] = up ? [from, to] : [to, from];
    const y = new Float32Array(to[0] * to[1] * outputs).map((_, i) => b[i % outputs]);
    for (let near = 0; near < small[0] * small[1]; near += 1) for (let a = 0; a < taps; a += 1) {
      const row = Math.floor(near / small[1]) * stride + Math.floor(a / kernel) - pad;
      const column = (near % small[1]) * stride + (a % kernel) - pad;
      if (row < 0 || column < 0 || row >= big[0] || column >= big[1]) continue;
      const far = row * big[1] + column;
      for (let c = 0; c < inputs; c += 1) {
        const v = x[(up ? near : far) * inputs + c];
        if (v !== 0) add(y, (up ? far : near) * outputs, v, w, (a * inputs + c) * outputs, outputs);
      }
    }
    return y;
  }

  // One step of a GRU or an LSTM from its gates u: the next [h, c].
  function advance({ kind, kernel }, u, [h, c]) {
    const [n, p] = [h.length, apply(h, kernel)];
    if (kind === "gru") {
      const fresh = h.map((_, i) => Math.tanh(u[2 * n + i] + sigmoid(u[i] + p[i]) * p[2 * n + i]));
      return [fresh.map((v, i) => v + sigmoid(u[n + i] + p[n + i]) * (h[i] - v)), c];
    }
    const gate = (g, i) => u[g * n + i] + p[g * n + i];
    const kept = c.map((v, i) => sigmoid(gate(1, i) + 1) * v + sigmoid(gate(0, i)) * Math.tanh(gate(2, i)));
    return [kept.map((v, i) => sigmoid(gate(3, i)) * Math.tanh(v)), kept];
  }

  // Symbols one after the other, the likeliest after those before it, until 1, the end.
  function sentence(z, { cell, start, input, fromZ, last, lastZ, out, count }) {
    const [own, beside, found] = [apply(z, fromZ), apply(z, lastZ), new Float32Array(count)];
    let state = [apply(z, start), new Float32Array(cell.hidden)];
    for (let t = 0, x = 0; t < count && x !== 1; t += 1) {
      const [{ w, b }, before] = [ready(out), x];
      const embedded = Float32Array.from({ length: w.length / b.length }, (_, i) => w[i * b.length + before]);
      state = advance(cell, apply(embedded, input).map((v, i) => v + own[i]), state);
      found[t] = x = largest(apply(apply(state[0], last).map((v, i) => v + beside[i]), out));
    }
    return found;
  }

  const ops = {
    dense, down: strided, up: strided, sentence,
    label: (x, { classes }, label) => Float32Array.from({ length: x.length + classes },
      (_, i) => (i < x.length ? x[i] : Number(i - x.length === label))),
    beside: (x, { channels: n }) => Float32Array.from({ length: 2 * x.length },
      (_, i) => (i % (2 * n) < n ? x[Math.floor(i / (2 * n)) * n + (i % (2 * n))] : 1)),
  };

  function ready(layer) { // unpacked at the first use, for a page that opens at once
    if (layer.weight) Object.assign(layer, { w: tensor(layer.weight), b: new Float32Array(bytes(layer.bias)), weight: null });
    return layer;
  }

  function apply(x, layer, label) {
    const h = ops[layer.op](x, ready(layer), label);
    return layer.act ? h.map(acts[layer.act]) : h;
  }

  const run = (layers, x, label) => layers.reduce((h, layer) => apply(h, layer, label), Float32Array.from(x));

  // E[x] of grey levels under a logistic: the sum over the levels' upper edges of P(x above).
  function level(mean, logScale, levels) {
    const slope = Math.exp(-logScale);
    let sum = 0;
    for (let k = 0; k < levels - 1; k += 1) {
      const u = (mean - (k + 0.5) / (levels - 1)) * slope;
      sum += u > 17 ? 1 : u < -17 ? 0 : sigmoid(u);
    }
    return sum / (levels - 1);
  }

  function mixture(theta, at, { components: n, levels, offset }) {
    const logits = theta.subarray(at, at + n + 2);
    const weights = logits.map((v) => Math.exp(v - Math.max(...logits)));
    let sum = 0.5 * weights[1];
    for (let k = 0; k < n; k += 1) {
      const mean = theta[at + 2 + n + k] + (k + 1) / (n + 1);
      const scale = Math.max(theta[at + 2 + 2 * n + k] + offset, -7);
      if (weights[2 + k] > 0) sum += weights[2 + k] * level(mean, scale, levels);
    }
    return sum / weights.reduce((a, b) => a + b);
  }

  // Near 0 the quotient is 0 / 0, and its series stands there.
  const continuous = (l) => (Math.abs(l) < 0.3 ? 0.5 + l / 12 - l ** 3 / 720 : -1 / Math.expm1(-l) - 1 / l);
  const heads = {
    first: (theta, at) => theta[at], sigmoid: (theta, at) => sigmoid(theta[at]),
    continuous: (theta, at) => continuous(theta[at]),
    logistic: (theta, at, { log_scale: shared, offset, levels }) =>
      level(theta[at], Math.max(shared ?? theta[at + 1] + offset, -7), levels),
    likeliest: (theta, at, { outputs }) => largest(theta.subarray(at, at + outputs)), mixture,
  };

  // z [L] -> the mean of p(x|z), flat.
  function decode(net, z, label) {
    const theta = run(net.decoder, z, label);
    const { formula, outputs } = net.head;
    return Float32Array.from({ length: theta.length / outputs },
      (_, i) => heads[formula](theta, i * outputs, net.head));
  }

  return { decode, encode: (net, x, label) => run(net.encoder, x, label), tensor };
})();
