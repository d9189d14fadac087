// Parallel coordinates: a line for each run through an upright axis for each setting, coloured by the headline.

function parallel(spec) {
  const readout = element("output", { class: "readout" });
  const about = `${spec.title}: ${spec.about} The runs follow as a table.`;
  const columns = [{ name: "run", as: "text" }, ...spec.axes.map(({ name, as, choices }) => ({ name, as: choices ? "text" : as }))];
  const rows = () => spec.lines.map((line, place) => [spec.names[place], ...line.map((value, axis) => spec.axes[axis].choices?.[value] ?? value)]);
  return element(
    "figure",
    {},
    element("h3", {}, spec.title),
    drawing((width) => drawParallel(spec, width, readout), about),
    readout,
    element("figcaption", {}, spec.about),
    tableBehind(spec.title, () => ({ caption: spec.title, columns, rows: rows() })),
  );
}

function drawParallel(spec, width, readout) {
  const rows = Math.ceil((160 * spec.axes.length) / width); // of names, so that none covers its neighbour
  const height = 288 + 16 * rows;
  const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, tabindex: "0" });
  const [top, bottom, left, right] = [20 + 16 * rows, height - 16, 48, width - 48];
  const at = spec.axes.map((_, place) => left + ((right - left) * place) / Math.max(spec.axes.length - 1, 1));
  const scales = spec.axes.map((axis, place) => scale(spec.lines.map((line) => line[place]), bottom, top, axis.choices ? { low: 0, high: axis.choices.length - 1 || 1 } : axis));
  const lines = spec.lines.map((line, number) => {
    const path = line.map((value, axis) => (value === null ? "" : `${axis && line[axis - 1] !== null ? "L" : "M"}${at[axis].toFixed(1)} ${scales[axis](value).toFixed(1)}`)).join("");
    const drawn = shape("path", { class: `parallel s${spec.colors[number]}`, d: path });
    svg.append(drawn);
    return drawn;
  });
  spec.axes.forEach((axis, place) => {
    svg.append(shape("line", { class: "axis", x1: at[place], x2: at[place], y1: top, y2: bottom }));
    const anchor = place === 0 ? "start" : place === spec.axes.length - 1 ? "end" : "middle";
    const x = place === 0 ? at[place] - 40 : place === spec.axes.length - 1 ? at[place] + 40 : at[place];
    svg.append(shape("text", { class: "name", x, y: 14 + 16 * (place % rows), "text-anchor": anchor }, axis.name));
    const marks = axis.choices ? axis.choices.map((name, value) => [value, name]) : scales[place].ticks(4).map((value) => [value, tickText(value)]);
    const beside = place === spec.axes.length - 1 ? -5 : 5;
    for (const [value, text] of marks) svg.append(shape("text", { class: "over", x: at[place] + beside, y: scales[place](value) + 4, "text-anchor": beside < 0 ? "end" : "start" }, text));
  });
  let chosen = -1;
  const choose = (number) => {
    lines[chosen]?.classList.remove("chosen");
    chosen = number;
    lines[chosen].classList.add("chosen");
    const values = spec.axes.map((axis, place) => `${axis.name} ${axis.choices?.[spec.lines[number][place]] ?? written(spec.lines[number][place], axis.as)}`);
    readout.textContent = `${spec.names[number]}: ${values.join(", ")}`;
  };
  lines.forEach((line, number) => line.addEventListener("pointerenter", () => choose(number)));
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(Math.min(Math.max(chosen + step, 0), lines.length - 1));
  });
  return svg;
}
