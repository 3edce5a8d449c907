/** The vertical scale of a chart, for all float64: the library draws moderate numbers only, so values are made such. */

const LEADS = [1, 2, 5];
const LEAST = 1e-6;
const MOST = 1e9;

/** Values to heights and back: logarithms if `log`, else multiples of a power of ten. */
export class Scale {
  #unit = 1;

  constructor(log) {
    this.log = log;
  }

  /** The heights of columns of values. */
  heights(columns) {
    if (this.log) return columns.map((column) => column.map((value) => value && Math.log10(value)));
    let size = 0;
    for (const column of columns) for (const value of column) if (value) size = Math.max(size, Math.abs(value));
    this.#unit =
      size === 0 || (size >= LEAST && size < MOST) ? 1 : Number(`1e${Math.max(-300, Math.floor(Math.log10(size)))}`);
    return columns.map((column) => column.map((value) => value && value / this.#unit));
  }

  /** The value at a height. */
  value(height) {
    return this.log ? 10 ** height : height * this.#unit;
  }

  /** The heights of the lines between two heights, no closer than `increment`, which is at least 1 if logarithmic. */
  lines(low, high, increment) {
    if (!this.log) return multiples(low, high, increment);
    if (high - low >= 2.5) return multiples(low, high, increment);
    const [least, most] = [10 ** low, 10 ** high];
    const powers = [Math.floor(low), Math.floor(low) + 1, Math.floor(low) + 2];
    const leads = powers
      .flatMap((power) => LEADS.map((lead) => Number(`${lead}e${power}`)))
      .filter((value) => value >= least && value <= most);
    if (leads.length >= 3 || most - least < least * 1e-9) return leads.map(Math.log10);
    const wanted = (most - least) / 4;
    const power = Math.floor(Math.log10(wanted));
    const step = [1, 2, 5, 10].map((lead) => Number(`${lead}e${power}`)).find((value) => value >= wanted);
    return multiples(least, most, step)
      .filter((value) => value > 0)
      .map(Math.log10);
  }

  /** What is written at a line; `increment` is how far the lines are apart. */
  text(height, increment) {
    if (this.log) return short(Number(this.value(height).toPrecision(10)));
    const [value, step] = [this.value(height), increment * this.#unit];
    const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    if (places <= 12 && Math.abs(value) < 1e5 && (places <= 4 || Math.abs(value) >= 0.1))
      return value.toFixed(places);
    return short(
      Number(value.toPrecision(Math.min(15, Math.max(1, Math.ceil(Math.log10(Math.abs(value) / step)) + 1)))),
    );
  }
}

/** The ends of an axis whose lowest and highest point these are. */
export function around(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = (high - low) * 0.05 || Math.abs(low) * 0.1 || 1;
  return [low - room, high + room];
}

function short(value) {
  const size = Math.abs(value);
  return value !== 0 && (size >= 1e5 || size < 1e-3) ? value.toExponential().replace("e+", "e") : String(value);
}

function multiples(low, high, increment) {
  const first = Math.ceil(low / increment);
  const count = Math.floor(high / increment) - first + 1;
  return Array.from({ length: Math.max(0, Math.min(100, count)) }, (_, k) =>
    Number(((first + k) * increment).toPrecision(15)),
  );
}
