/** Numbers that are drawn from a seed, the same ones on every machine. */

/** A generator: `uniform()` in [0, 1), `normal()`, `whole(count)` in 0 to count - 1. */
export function drawing(seed) {
  let state = seed >>> 0;
  // Mulberry32: 32 bits of state, good enough for pictures and not for secrets.
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal, whole: (count) => Math.floor(count * uniform()) };
}
