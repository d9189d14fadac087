// From figures to places on a drawing.

// Round steps of 1, 2 or 5 times a power of ten that cover a range, about `count` of them.
function ticks(low, high, count) {
  const rough = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}

function powers(low, high) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, place) => 10 ** (first + place));
}

// A function from figures to pixels; `zero` makes a linear one begin at 0.
function scale(values, from, to, { log = false, zero = false, low = null, high = null, pad = 0 } = {}) {
  const usable = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  let least = low ?? usable.reduce((a, b) => Math.min(a, b), Infinity);
  let most = high ?? usable.reduce((a, b) => Math.max(a, b), -Infinity);
  if (least > most) [least, most] = log ? [1, 10] : [0, 1];
  if (zero) [least, most] = [Math.min(least, 0), Math.max(most, 0)];
  if (least === most) [least, most] = log ? [least / 2, most * 2] : [least - (Math.abs(least) || 1) / 2, most + (Math.abs(most) || 1) / 2];
  if (pad && !log) {
    const reach = (most - least) * pad;
    [least, most] = [low ?? least - reach, high ?? most + reach];
  }
  const inner = log ? Math.log10 : (value) => value;
  const place = (value) => from + ((inner(value) - inner(least)) / (inner(most) - inner(least))) * (to - from);
  place.ticks = (count) => {
    const decades = log ? powers(least, most) : [];
    return decades.length > 1 ? decades : ticks(least, most, count).filter((value) => !log || value > 0);
  };
  return place;
}

// The shortest texts that tell neighbouring ticks apart.
function tickText(value) {
  if (value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3)) return value.toExponential().replace("e+", "e");
  return value.toLocaleString("en-US", { maximumFractionDigits: 6 });
}
