// Where to say "don't know": a threshold that a person moves along the curve of risk over coverage.

function threshold(spec) {
  const points = [];
  for (let place = 0; place < spec.points.length; place += 3) points.push(spec.points.slice(place, place + 3));
  const said = element("output", {});
  const command = element("code");
  const name = freshId();
  const slider = element("input", { type: "range", id: name, min: 0, max: points.length - 1, step: 1, value: spec.start });

  function show() {
    const [least, coverage, risk] = points[Number(slider.value)];
    slider.setAttribute("aria-valuetext", `threshold ${least}`);
    const answered = Math.round(coverage * spec.n);
    said.replaceChildren(
      "With ", figure(least, "general"), " the model answers ", figure(coverage, "percent"), ` of the test items (${written(answered, "count")} of ${written(spec.n, "count")}), and `,
      figure(risk, "percent"), ` of these answers are wrong (${written(Math.round(risk * answered), "count")}).`,
    );
    command.textContent = `${spec.command} THRESHOLD=${least}`;
  }

  slider.addEventListener("input", show);
  show();
  const label = element("label", { for: name }, "Threshold of the probability, below which the answer is “don't know”");
  return element("div", {}, element("h3", {}, "A threshold for “don't know”"), label, element("div", {}, slider), element("p", {}, said), element("pre", { tabindex: "0" }, command));
}
