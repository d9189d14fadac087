// Elements and figures. All text goes into the page as text nodes, so that no name or text from data is ever HTML.

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

function shape(tag, attributes = {}, text = null) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

const FORMATS = {
  text: (value) => String(value),
  count: (value) => value.toLocaleString("en-US", { maximumFractionDigits: 0 }),
  metric: (value) => (value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(2) : value.toFixed(4)),
  signed: (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`,
  percent: (value) => `${(100 * value).toFixed(2)}%`,
  seconds: (value) => `${value.toFixed(1)} s`,
  milliseconds: (value) => `${Number(value.toPrecision(3))} ms`,
  rate: (value) => `${value.toLocaleString("en-US", { maximumFractionDigits: 0 })}/s`,
  gigabytes: (value) => `${(value / 1e9).toFixed(1)} GB`,
  megabytes: (value) => `${(value / 1e6).toFixed(2)} MB`,
  general: (value) => String(Number(value.toPrecision(4))),
};

function written(value, format = "text") {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? FORMATS[format === "text" ? "general" : format](value) : String(value);
}

// A figure as a person reads it, with the exact one beside it for programs, and the key of the record that it is.
function figure(value, format, key = null) {
  return element("data", { value: value === null ? "" : String(value), "data-key": key }, written(value, format));
}

function isNumeric(format) {
  return format !== "text";
}

let lastId = 0;
function freshId() {
  lastId += 1;
  return `part-${lastId}`;
}
