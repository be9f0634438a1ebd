"use strict";
// The decoder and the encoder of a member, layer by layer: the formulas of models/ and layers.py.
const network = (() => {
  const sigmoid = (v) => 1 / (1 + Math.exp(-v));
  const acts = {
    relu: (v) => (v > 0 ? v : 0),
    gelu: (v) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3))),
    silu: (v) => v * sigmoid(v),
    elu: (v) => (v > 0 ? v : Math.expm1(v)),
    tanh: Math.tanh,
    softplus: (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))),
    leaky_relu: (v) => (v > 0 ? v : 0.01 * v),
  };

  function bytes(text) {
    const raw = atob(text);
    const found = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i += 1) found[i] = raw.charCodeAt(i);
    return found.buffer;
  }

  // Integers of 16 bits with one scale for each column.
  function tensor({ q, s }) {
    const whole = new Int16Array(bytes(q));
    const scale = new Float32Array(bytes(s));
    return Float32Array.from(whole, (v, i) => v * scale[i % scale.length]);
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
    const [up, inputs, outputs, pad] = [op === "up", from[2], b.length, kernel >> 1];
    const [small, big] = up ? [from, to] : [to, from];
    const y = new Float32Array(to[0] * to[1] * outputs);
    for (let i = 0; i < y.length; i += 1) y[i] = b[i % outputs];
    const tap = (near, far, a) => {
      const [source, target] = up ? [near, far] : [far, near];
      for (let c = 0; c < inputs; c += 1) {
        const v = x[source * inputs + c];
        if (v !== 0) add(y, target * outputs, v, w, (a * inputs + c) * outputs, outputs);
      }
    };
    for (let i = 0; i < small[0]; i += 1) for (let j = 0; j < small[1]; j += 1) {
      for (let a = 0; a < kernel * kernel; a += 1) {
        const row = i * stride + Math.floor(a / kernel) - pad;
        const column = j * stride + (a % kernel) - pad;
        if (row < 0 || column < 0 || row >= big[0] || column >= big[1]) continue;
        tap(i * small[1] + j, row * big[1] + column, a);
      }
    }
    return y;
  }

  const ops = {
    dense,
    down: strided,
    up: strided,
    label: (x, { classes }, label) => Float32Array.from({ length: x.length + classes },
      (_, i) => (i < x.length ? x[i] : Number(i - x.length === label))),
    beside: (x, { channels: n }) => Float32Array.from({ length: 2 * x.length },
      (_, i) => (i % (2 * n) < n ? x[Math.floor(i / (2 * n)) * n + (i % (2 * n))] : 1)),
  };

  function run(layers, x, label) {
    let h = Float32Array.from(x);
    for (const layer of layers) {
      if (layer.weight) {
        Object.assign(layer, { w: tensor(layer.weight), b: new Float32Array(bytes(layer.bias)) });
        delete layer.weight; // unpacked at the first use, for a page that opens at once
      }
      h = ops[layer.op](h, layer, label);
      if (layer.act) h = h.map(acts[layer.act]);
    }
    return h;
  }

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
    const top = Math.max(...logits);
    const weights = logits.map((v) => Math.exp(v - top));
    let sum = 0.5 * weights[1];
    for (let k = 0; k < n; k += 1) {
      const mean = theta[at + 2 + n + k] + (k + 1) / (n + 1);
      const scale = Math.max(theta[at + 2 + 2 * n + k] + offset, -7);
      if (weights[2 + k] > 0) sum += weights[2 + k] * level(mean, scale, levels);
    }
    return sum / weights.reduce((a, b) => a + b);
  }

  function continuous(l) { // near 0 the quotient is 0 / 0, and its series stands there
    return Math.abs(l) < 0.3 ? 0.5 + l / 12 - l ** 3 / 720 : -1 / Math.expm1(-l) - 1 / l;
  }

  const heads = {
    sigmoid: (theta, at) => sigmoid(theta[at]),
    first: (theta, at) => theta[at],
    continuous: (theta, at) => continuous(theta[at]),
    logistic: (theta, at, { log_scale: shared, offset, levels }) =>
      level(theta[at], Math.max(shared ?? theta[at + 1] + offset, -7), levels),
    mixture,
    likeliest: (theta, at, { outputs }) => {
      const own = theta.subarray(at, at + outputs);
      return own.indexOf(Math.max(...own));
    },
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
