// Builds the page from the figures inside it: a header, and a section for each part of them.

const PARTS = {
  chart,
  matrix,
  table: (spec) => element("div", {}, element("h3", {}, spec.title), table(spec)),
  threshold,
  parallel,
  items,
  facts: (spec) => element("dl", {}, ...spec.rows.map(({ name, value, as, key }) => element("div", {}, element("dt", {}, name), element("dd", {}, figure(value, as, key))))),
  text: (spec) => element("p", { class: spec.muted ? "muted" : null }, spec.text),
  picture: (spec) => element("figure", {}, element("img", { class: "picture", src: spec.image, alt: spec.alt }), element("figcaption", {}, spec.alt)),
};

function part(spec) {
  return PARTS[spec.kind](spec);
}

// Charts that follow each other stand side by side where there is room.
function parts(specs) {
  const made = [];
  for (const spec of specs) {
    if (spec.kind !== "chart") made.push(part(spec));
    else if (made.at(-1)?.className === "charts") made.at(-1).append(part(spec));
    else made.push(element("div", { class: "charts" }, part(spec)));
  }
  return made;
}

function headline({ name, value, as, interval, note }) {
  const said = element("div", { class: "headline" }, element("span", {}, name), element("span", { class: "value" }, figure(value, as, "headline.value")));
  if (interval) said.append(element("span", {}, "95%: ", figure(interval[0], as), " to ", figure(interval[1], as)));
  if (note) said.append(element("span", { class: "muted" }, note));
  return said;
}

function build(page) {
  const sections = page.sections.map((section) => {
    const id = freshId();
    return { id, title: section.title, made: element("section", { "aria-labelledby": id }, element("h2", { id }, section.title), ...parts(section.parts)) };
  });
  const links = sections.map(({ id, title }) => element("li", {}, element("a", { href: `#${id}` }, title)));
  const head = element("header", {}, element("h1", {}, page.title), page.headline ? headline(page.headline) : null, ...page.lead.map((line) => element("p", { class: "muted" }, line)));
  head.append(element("nav", { "aria-label": "Sections" }, element("ul", {}, ...links)));
  const main = element("main", { id: "content" }, ...sections.map(({ made }) => made));
  document.body.append(head, main, element("footer", {}, element("p", {}, page.footer)));
}

build(JSON.parse(document.getElementById("figures").textContent));
