// The worst items, with what a person can see of them.

function items(spec) {
  const cards = spec.items.map((item) => {
    const image = item.image ? element("img", { src: item.image, alt: item.alt, class: item.small ? "small" : "", loading: "lazy" }) : null;
    const text = item.text ? element("blockquote", {}, item.text) : null;
    const facts = spec.columns.flatMap(({ name, as }, place) => [element("dt", {}, name), element("dd", {}, isNumeric(as) ? figure(item.cells[place], as) : written(item.cells[place]))]);
    return element("li", {}, image, text, element("p", { class: "item" }, item.name), element("dl", { class: "facts" }, ...facts));
  });
  const kind = spec.items.some((item) => item.text) ? "items texts" : "items";
  return element("div", {}, element("h3", {}, spec.title), element("p", { class: "muted" }, spec.about), element("ul", { class: kind }, ...cards));
}
