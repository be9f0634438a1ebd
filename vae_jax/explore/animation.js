"use strict";
// An animated PNG of frames, exact in its colours: the browser compresses, this lays out the chunks.
const animation = (() => {
  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k += 1) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n;
  });

  function chunk(name, ...parts) {
    const body = parts.flatMap((part) => [...part]);
    const out = new Uint8Array(body.length + 12);
    const view = new DataView(out.buffer);
    view.setUint32(0, body.length);
    out.set([...name].map((c) => c.charCodeAt(0)), 4);
    out.set(body, 8);
    let crc = ~0;
    for (let i = 4; i < out.length - 4; i += 1) crc = table[(crc ^ out[i]) & 255] ^ (crc >>> 8);
    view.setUint32(out.length - 4, ~crc);
    return out;
  }

  const long = (...values) => values.flatMap((v) => [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255]);
  const short = (v) => [v >>> 8, v & 255];

  // Rows of RGBA from a canvas as the zlib stream of a PNG: filter 0, three bytes for a pixel.
  async function packed({ data, width, height }) {
    const rows = new Uint8Array(height * (1 + 3 * width));
    for (let i = 0; i < width * height; i += 1) {
      const at = 1 + Math.floor(i / width) + 3 * i;
      for (let c = 0; c < 3; c += 1) rows[at + c] = data[4 * i + c];
    }
    const stream = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  // ImageData of one size each, `delay` milliseconds apart, for ever.
  return async (frames, delay) => {
    const { width, height } = frames[0];
    const parts = [Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10)];
    parts.push(chunk("IHDR", long(width, height), [8, 2, 0, 0, 0]), chunk("acTL", long(frames.length, 0)));
    let count = 0;
    for (const frame of frames) {
      const content = await packed(frame);
      parts.push(chunk("fcTL", long(count, width, height, 0, 0), short(delay), short(1000), [0, 0]));
      count += 1;
      parts.push(frame === frames[0] ? chunk("IDAT", content) : chunk("fdAT", long(count), content));
      if (frame !== frames[0]) count += 1;
    }
    return new Blob([...parts, chunk("IEND")], { type: "image/png" });
  };
})();
