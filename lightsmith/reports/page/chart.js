// Charts of lines, dots and bars over two axes.

const HEIGHT = 280;
const EDGE = { left: 68, right: 14, top: 14, bottom: 42 };
const FEW_SERIES = 8; // that share one table, and are told apart by colour

// A drawing is made anew for each width that it gets, so that its text keeps its size on a phone.
function drawing(draw, label) {
  const holder = element("div");
  let width = 0;
  const redraw = () => {
    const now = Math.round(holder.clientWidth) || 640;
    if (now === width) return;
    width = now;
    const svg = draw(now);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
    holder.replaceChildren(svg);
  };
  new ResizeObserver(redraw).observe(holder);
  return holder;
}

function pointsOf(series) {
  const points = [];
  for (let place = 0; place < series.xy.length; place += 2) points.push([series.xy[place], series.xy[place + 1]]);
  return points;
}

function chart(spec) {
  const readout = element("output", { class: "readout" });
  const holder = drawing((width) => drawChart(spec, width, readout), `${spec.title}: ${spec.about} The figures follow as a table.`);
  return element(
    "figure",
    {},
    element("h3", {}, spec.title),
    legend(spec),
    holder,
    readout,
    element("figcaption", {}, spec.about),
    tableBehind(spec.title, () => tableOfChart(spec)),
  );
}

function legend(spec) {
  const names = new Map();
  for (const series of spec.series) names.set(series.group ?? series.name, series);
  if (names.size < 2 || names.size > FEW_SERIES) return null;
  const entries = [...names].map(([name, series]) => element("li", { class: `s${series.color} ${series.dashed ? "dashed" : ""}` }, element("span", {}, name)));
  return element("ul", { class: "legend" }, ...entries);
}

function axes(svg, spec, width, height, x, y) {
  const [left, right, top, bottom] = [EDGE.left, width - EDGE.right, EDGE.top, height - EDGE.bottom];
  const whole = (axis) => (value) => axis.as !== "count" || Number.isInteger(value);
  for (const value of y.ticks(5).filter(whole(spec.y))) {
    svg.append(shape("line", { class: "grid", x1: left, x2: right, y1: y(value), y2: y(value) }));
    svg.append(shape("text", { x: left - 8, y: y(value) + 4, "text-anchor": "end" }, tickText(value)));
  }
  svg.append(shape("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }));
  for (const value of x.ticks(Math.max(Math.floor(width / 90), 2)).filter(whole(spec.x))) {
    svg.append(shape("line", { class: "axis", x1: x(value), x2: x(value), y1: bottom, y2: bottom + 5 }));
    svg.append(shape("text", { x: x(value), y: bottom + 18, "text-anchor": "middle" }, tickText(value)));
  }
  svg.append(shape("text", { x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, spec.x.name));
  svg.append(shape("text", { transform: `translate(13 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, spec.y.name));
}

function drawChart(spec, width, readout) {
  const height = spec.height ?? HEIGHT;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, tabindex: "0" });
  const all = spec.series.flatMap(pointsOf);
  const half = (spec.series.find((series) => series.width)?.width ?? 0) / 2;
  const xs = [...all.flatMap(([x]) => [x - half, x + half]), ...(spec.guides ?? []).flatMap((guide) => guide.x ?? [])];
  const ys = [...all.map(([, y]) => y), ...(spec.guides ?? []).flatMap((guide) => guide.y ?? [])];
  const x = scale(xs, EDGE.left, width - EDGE.right, spec.x);
  const y = scale(ys, height - EDGE.bottom, EDGE.top, spec.y);
  axes(svg, spec, width, height, x, y);
  for (const guide of spec.guides ?? []) drawGuide(svg, { ...guide, low: hasRoomBelow(guide, all, y, height) }, width, height, x, y);
  const marks = spec.series.flatMap((series, place) => drawSeries(svg, series, x, y, height, spec.series.length, place));
  if (spec.labels) labelDots(svg, spec, marks, width, height);
  pointOut(svg, spec, marks, readout, height);
  return svg;
}

function drawGuide(svg, guide, width, height, x, y) {
  const [x1, x2] = guide.x ? [x(guide.x[0]), x(guide.x.at(-1))] : [EDGE.left, width - EDGE.right];
  const [y1, y2] = guide.y ? [y(guide.y[0]), y(guide.y.at(-1))] : [height - EDGE.bottom, EDGE.top];
  svg.append(shape("line", { class: "guide", x1, x2, y1, y2 }));
  if (!guide.name) return;
  const before = x2 > width / 2;
  svg.append(shape("text", { x: x2 + (before ? -5 : 5), y: guide.low ? height - EDGE.bottom - 8 : EDGE.top + 10, "text-anchor": before ? "end" : "start" }, guide.name));
}

// Whether the name of an upright guide has more room below than above, by the points nearest to the guide.
function hasRoomBelow(guide, all, y, height) {
  if (!guide.x || !all.length) return false;
  const least = all.reduce((best, [x]) => Math.min(best, Math.abs(x - guide.x[0])), Infinity);
  const near = all.filter(([x]) => Math.abs(x - guide.x[0]) === least).map(([, value]) => y(value));
  const room = (place) => Math.min(...near.map((at) => Math.abs(at - place)));
  return room(height - EDGE.bottom - 12) > room(EDGE.top + 6);
}

// Draws a series and gives its marks: places on the drawing with what is said of them.
function drawSeries(svg, series, x, y, height, count, number) {
  const points = pointsOf(series).filter((point) => point.every(Number.isFinite));
  const marks = points.map(([a, b], place) => ({ x: x(a), y: y(b), values: [a, b], series: number, place, radius: series.sizes?.[place] ?? 3.5 }));
  const group = shape("g", { class: `s${series.color}` });
  if (series.kind === "bars") {
    for (const mark of marks) {
      const [from, to] = [x(mark.values[0] - series.width / 2), x(mark.values[0] + series.width / 2)];
      const base = Math.min(y(0), height - EDGE.bottom);
      group.append(shape("rect", { class: "bar", x: from + 0.5, width: Math.max(to - from - 1, 0.5), y: Math.min(mark.y, base), height: Math.abs(base - mark.y) }));
    }
  } else if (series.kind === "dots") {
    for (const mark of marks) group.append(shape("circle", { class: "dot", cx: mark.x, cy: mark.y, r: mark.radius }));
  } else {
    const path = marks.map((mark, place) => `${place ? "L" : "M"}${mark.x.toFixed(1)} ${mark.y.toFixed(1)}`).join("");
    group.append(shape("path", { class: `line ${series.dashed ? "dashed" : ""} ${count > FEW_SERIES ? "many" : ""}`, d: path }));
    if (marks.length === 1) group.append(shape("circle", { class: "dot", cx: marks[0].x, cy: marks[0].y, r: 3.5 }));
  }
  svg.append(group);
  return marks;
}

// Puts a name beside each dot where it covers no other name and no dot, with a line to it if it had to go far.
function labelDots(svg, spec, marks, width, height) {
  const named = marks.filter((mark) => spec.series[mark.series].names);
  const taken = named.map((mark) => box(mark.x - mark.radius, mark.y - mark.radius, 2 * mark.radius, 2 * mark.radius));
  for (const mark of named) {
    const series = spec.series[mark.series];
    const recommended = series.names[mark.place] === spec.labels.recommended;
    const text = series.names[mark.place] + (recommended ? " – recommended" : "");
    const size = { width: text.length * 6.6 + 2, height: 14 };
    const spot = freeSpot(mark, size, taken, width, height);
    taken.push(box(spot.x, spot.y, size.width, size.height));
    if (recommended) svg.append(shape("circle", { class: "ring", cx: mark.x, cy: mark.y, r: mark.radius + 4 }));
    if (spot.far) svg.append(shape("line", { class: "leader", x1: mark.x, y1: mark.y, x2: spot.x + size.width / 2, y2: spot.y + size.height / 2 }));
    svg.append(shape("text", { class: "name", x: spot.x, y: spot.y + 11, "font-weight": recommended ? 700 : 400 }, text));
  }
}

function box(x, y, width, height) {
  return { x, y, width, height };
}

function overlap(a, b) {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

function freeSpot(mark, size, taken, width, height) {
  for (let distance = mark.radius + 6; distance < 160; distance += 8) {
    for (const angle of [0, 180, 90, 270, 45, 315, 135, 225]) {
      const turn = (angle * Math.PI) / 180;
      const centre = { x: mark.x + Math.cos(turn) * (distance + size.width / 2), y: mark.y - Math.sin(turn) * (distance + size.height / 2) };
      const spot = box(centre.x - size.width / 2, centre.y - size.height / 2, size.width, size.height);
      const inside = spot.x > EDGE.left && spot.x + spot.width < width && spot.y > 0 && spot.y + spot.height < height - EDGE.bottom;
      if (inside && !taken.some((other) => overlap(spot, other))) return { ...spot, far: distance > mark.radius + 16 };
    }
  }
  return { ...box(mark.x, mark.y, size.width, size.height), far: false };
}

// Says what is nearest to the pointer, or to where the arrow keys have gone.
function pointOut(svg, spec, marks, readout, height) {
  if (!marks.length) return;
  const cross = shape("line", { class: "cross", y1: EDGE.top, y2: height - EDGE.bottom, visibility: "hidden" });
  svg.append(cross);
  const byX = spec.series.length <= FEW_SERIES && spec.series.every((series) => series.kind !== "dots");
  const stops = [...new Set(marks.map((mark) => mark.x))].sort((a, b) => a - b);
  let stop = -1;
  const say = (said) => {
    cross.setAttribute("x1", said[0].x);
    cross.setAttribute("x2", said[0].x);
    cross.setAttribute("visibility", "visible");
    readout.textContent = sentence(spec, said);
  };
  svg.addEventListener("pointermove", (event) => {
    const frame = svg.getBoundingClientRect();
    const at = { x: event.clientX - frame.left, y: event.clientY - frame.top };
    const far = (mark) => (byX ? Math.abs(mark.x - at.x) : (mark.x - at.x) ** 2 + (mark.y - at.y) ** 2);
    const nearest = marks.reduce((best, mark) => (far(mark) < far(best) ? mark : best));
    stop = stops.indexOf(nearest.x);
    say(byX ? marks.filter((mark) => mark.x === nearest.x) : [nearest]);
  });
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    stop = Math.min(Math.max(stop + step, 0), stops.length - 1);
    say(marks.filter((mark) => mark.x === stops[stop]).slice(0, FEW_SERIES));
  });
  svg.addEventListener("pointerleave", () => cross.setAttribute("visibility", "hidden"));
}

function sentence(spec, said) {
  const of = (mark) => {
    const series = spec.series[mark.series];
    return `${series.names?.[mark.place] ?? series.name} ${written(mark.values[1], spec.y.as)}`;
  };
  return `${spec.x.name} ${written(said[0].values[0], spec.x.as)}: ${said.map(of).join(", ")}`;
}

// Few series stand side by side; of many, each point has a row.
function tableOfChart(spec) {
  const named = spec.series.some((series) => series.names);
  if (spec.series.length > FEW_SERIES || named) {
    const rows = spec.series.flatMap((series) => pointsOf(series).map(([x, y], place) => [series.names?.[place] ?? series.name, x, y]));
    return { caption: spec.title, columns: [{ name: "name", as: "text" }, spec.x, spec.y].map(({ name, as }) => ({ name, as })), rows };
  }
  const rows = new Map();
  spec.series.forEach((series, place) => {
    for (const [x, y] of pointsOf(series)) {
      if (!rows.has(x)) rows.set(x, [x, ...spec.series.map(() => null)]);
      rows.get(x)[place + 1] = y;
    }
  });
  const columns = [{ name: spec.x.name, as: spec.x.as }, ...spec.series.map((series) => ({ name: series.name, as: spec.y.as }))];
  return { caption: spec.title, columns, rows: [...rows.values()].sort((a, b) => a[0] - b[0]) };
}
