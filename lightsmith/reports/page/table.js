// Tables: sortable by their headings, with a search where they are long, and a part at first of very long ones.

const ROWS_AT_FIRST = 100;
const SEARCHED = 20;

function table(spec) {
  const order = { column: null, falling: false };
  const state = { rows: spec.rows.map((cells, place) => ({ cells, place })), search: "", all: false };
  const body = element("tbody");
  const headings = spec.columns.map((column, place) => {
    const button = element("button", { type: "button" }, column.name);
    const heading = element("th", { scope: "col", class: isNumeric(column.as) ? "" : "text" }, button);
    button.addEventListener("click", () => {
      order.falling = order.column === place ? !order.falling : isNumeric(column.as);
      order.column = place;
      headings.forEach((other, i) => (i === place ? other.setAttribute("aria-sort", order.falling ? "descending" : "ascending") : other.removeAttribute("aria-sort")));
      show();
    });
    return heading;
  });
  const more = element("button", { type: "button" });
  more.addEventListener("click", () => {
    state.all = true;
    show();
  });

  function chosen() {
    const wanted = state.search.toLowerCase();
    const found = state.rows.filter((row) => !wanted || row.cells.some((cell) => String(cell ?? "").toLowerCase().includes(wanted)));
    if (order.column === null) return found;
    const sign = order.falling ? -1 : 1;
    return found.sort((a, b) => {
      const [left, right] = [a.cells[order.column], b.cells[order.column]];
      if (left === null || right === null) return (left === null) - (right === null) || a.place - b.place;
      const bothNumbers = typeof left === "number" && typeof right === "number";
      const difference = bothNumbers ? left - right : String(left).localeCompare(String(right), "en", { numeric: true });
      return sign * difference || a.place - b.place;
    });
  }

  function show() {
    const found = chosen();
    const shown = state.all ? found : found.slice(0, ROWS_AT_FIRST);
    body.replaceChildren(...shown.map((row) => tableRow(spec, row)));
    more.textContent = `Show all ${found.length.toLocaleString("en-US")} rows`;
    more.hidden = shown.length === found.length;
  }

  const tools = element("div", { class: "tools" });
  if (spec.rows.length > SEARCHED) {
    const search = element("input", { type: "search", "aria-label": `Find in ${spec.caption}`, placeholder: "Find" });
    search.addEventListener("input", () => {
      state.search = search.value;
      show();
    });
    tools.append(search);
  }
  tools.append(more);
  show();
  const sheet = element("table", {}, element("caption", { class: "spoken" }, spec.caption), element("thead", {}, element("tr", {}, ...headings)), body);
  const region = element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": spec.caption }, sheet);
  return element("div", {}, region, tools);
}

function tableRow(spec, row) {
  const cells = spec.columns.map((column, place) => {
    const value = row.cells[place] ?? null;
    const content = isNumeric(column.as) ? figure(value, column.as) : written(value);
    return element(place === 0 ? "th" : "td", { class: isNumeric(column.as) ? "" : "text", scope: place === 0 ? "row" : null }, content);
  });
  return element("tr", { class: row.place === spec.marked ? "marked" : "" }, ...cells);
}

// The table behind a drawing, made when somebody opens it.
function tableBehind(title, spec) {
  const details = element("details", {}, element("summary", {}, `Figures of “${title}” as a table`));
  details.addEventListener("toggle", () => {
    if (details.open && details.childElementCount === 1) details.append(table(spec()));
  });
  return details;
}
