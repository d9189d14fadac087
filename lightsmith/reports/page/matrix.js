// The confusion matrix: a table of counts whose cells are tinted, a part at a time where there are many classes.

const CLASSES_AT_ONCE = 25;
const SHORT_NAME = 3; // characters: longer names over many columns stand upright

function matrix(spec) {
  const size = spec.classes.length;
  const counts = new Map();
  const sums = { row: new Array(size).fill(0), wrong: new Array(size).fill(0) };
  for (let place = 0; place < spec.cells.length; place += 3) {
    const [truth, said, count] = spec.cells.slice(place, place + 3);
    counts.set(truth * size + said, count);
    sums.row[truth] += count;
    if (truth !== said) {
      sums.wrong[truth] += count;
      sums.wrong[said] += count;
    }
  }
  const orders = {
    "the order of the labels": () => 0,
    "most mistakes first": (a, b) => sums.wrong[b] - sums.wrong[a],
    "most items first": (a, b) => sums.row[b] - sums.row[a],
    "name": (a, b) => spec.classes[a].localeCompare(spec.classes[b], "en", { numeric: true }),
  };
  const state = { order: size > CLASSES_AT_ONCE ? "most mistakes first" : "the order of the labels", start: 0 };
  const holder = element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": spec.title });
  const place = element("output", {});
  const back = element("button", { type: "button" }, "Previous");
  const on = element("button", { type: "button" }, "Next");

  function show() {
    const order = [...spec.classes.keys()].sort((a, b) => orders[state.order](a, b) || a - b);
    const part = order.slice(state.start, state.start + CLASSES_AT_ONCE);
    holder.replaceChildren(matrixTable(spec, part, counts, sums.row));
    place.textContent = `classes ${state.start + 1} to ${state.start + part.length} of ${size.toLocaleString("en-US")}`;
    back.disabled = state.start === 0;
    on.disabled = state.start + CLASSES_AT_ONCE >= size;
  }

  const choice = element("select", {}, ...Object.keys(orders).map((name) => element("option", { value: name }, name)));
  choice.value = state.order;
  choice.addEventListener("change", () => {
    Object.assign(state, { order: choice.value, start: 0 });
    show();
  });
  for (const [button, step] of [[back, -CLASSES_AT_ONCE], [on, CLASSES_AT_ONCE]]) {
    button.addEventListener("click", () => {
      state.start += step;
      show();
    });
  }
  const tools = element("div", { class: "tools" }, element("label", {}, "Sort by ", choice));
  if (size > CLASSES_AT_ONCE) tools.append(back, on, place);
  show();
  return element("div", {}, element("h3", {}, spec.title), element("p", { class: "muted" }, spec.about), tools, holder);
}

function matrixTable(spec, part, counts, items) {
  const size = spec.classes.length;
  const upright = part.length > 6 && part.some((place) => spec.classes[place].length > SHORT_NAME);
  const head = element("tr", {}, element("td", {}), ...part.map((said) => element("th", { scope: "col", class: upright ? "turned" : "", title: spec.classes[said] }, spec.classes[said])));
  const rows = part.map((truth) => {
    const cells = part.map((said) => {
      const count = counts.get(truth * size + said) ?? 0;
      const cell = element("td", { class: truth === said ? "right" : "", title: `${spec.classes[truth]} taken for ${spec.classes[said]}: ${count}` }, count ? written(count, "count") : "");
      // The square root lets a few mistakes be seen beside many right answers.
      cell.style.setProperty("--share", items[truth] ? Math.sqrt(count / items[truth]) : 0);
      return cell;
    });
    return element("tr", {}, element("th", { scope: "row", title: spec.classes[truth] }, spec.classes[truth]), ...cells);
  });
  return element("table", { class: "matrix" }, element("caption", {}, "Rows: true class. Columns: what the model said."), element("thead", {}, head), element("tbody", {}, ...rows));
}
