"use strict";

const KEPT = 20;
const SHOWN_CLASSES = 10;
const TITLES = {
  classification: "Classify", regression: "Read a value off", autoencoder: "Reconstruct", masked_language_model: "Score",
};
const part = (id) => document.getElementById(id);
let key = "";
let model = null;
let asked = 0;

/** Make an element with texts or other elements in it; nothing is ever read as HTML. */
function make(tag, attributes = {}, ...inside) {
  const element = document.createElement(tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...inside);
  return element;
}

/** Ask the service; what it refuses is thrown as a sentence. */
async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(key && { Authorization: `Bearer ${key}` }) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Error("The service cannot be reached.");
  }
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({ detail: `The service answered ${response.status}.` }));
  const expected = problem.expected ? ` Expected: ${problem.expected}.` : "";
  throw Object.assign(new Error(`${problem.detail}.${expected}`), { status: response.status });
}

async function start() {
  try {
    model = await ask("/model");
  } catch (error) {
    const refused = error.status === 401;
    const asksForKey = key ? "This key is not known." : "Whoever runs this service gives out keys to it.";
    part("lead").textContent = refused ? asksForKey : error.message;
    part("key").hidden = !refused;
    return;
  }
  const thing = model.takes === "image" ? "an image" : "a text";
  part("key").hidden = true;
  part("title").textContent = document.title = `${TITLES[model.task] ?? "Ask about"} ${thing}`;
  part("lead").textContent = `It answers with ${model.answers}. ${thing[0].toUpperCase()}${thing.slice(1)} stays on the machine that answers, ${model.kept ? "which keeps it" : "and is not kept"}.`;
  part(model.takes === "image" ? "images" : "texts").hidden = false;
  part("ask").hidden = part("model").hidden = false;
  showModel();
}

function showModel() {
  const proof = model.proof;
  const headline = proof.headline ?? "accuracy";
  const facts = {
    Kind: model.task.replaceAll("_", " "),
    ...(model.classes && { Classes: shortened(model.classes.join(", "), 200) }),
    Precision: model.precision,
    ...(proof[headline] !== undefined && { [`Test ${headline}`]: Number(proof[headline]).toPrecision(4) }),
    ...(proof.items !== undefined && { "Proved on": `${proof.items.toLocaleString("en")} test items` }),
    Size: model.bytes < 1e5 ? `${(model.bytes / 1e3).toFixed(1)} kB` : `${(model.bytes / 1e6).toFixed(2)} MB`,
    ...(model.drift && { "Latest inputs": drifted(model.drift) }),
    "SHA-256": `${String(model.sha256).slice(0, 12)}…`,
  };
  part("facts").replaceChildren(
    ...Object.entries(facts).map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))),
  );
  part("card").textContent = model.card || "There is none.";
}

/** Whether what was asked lately is like the items that the model was proved on. */
function drifted(drift) {
  if (Object.values(drift.signals).some((signal) => signal.psi === null)) return `fewer than ${drift.window_items} so far`;
  return drift.over.length ? `unlike the test items: ${drift.over.join(", ").replaceAll("_", " ")}` : "like the test items";
}

const shortened = (text, most) => (text.length > most ? `${text.slice(0, most)} …` : text);
const percent = (share) => `${(100 * share).toFixed(1)}%`;
const spelled = (number) => (number === null ? "not finite" : String(Number(number.toPrecision(6))));

/** An answer in one line. */
function sentence(answer) {
  if ("probabilities" in answer) {
    const best = Math.max(...Object.values(answer.probabilities));
    return answer.prediction === null ? "No class is probable enough" : `${answer.prediction}, ${percent(best)}`;
  }
  const [[name, value], ...others] = Object.entries(answer);
  if ("low" in answer) return `${spelled(answer.value)} (90%: ${spelled(answer.low)} to ${spelled(answer.high)})`;
  return `${name.replaceAll("_", " ")} ${spelled(value)}${others.map(([n, v]) => `, ${n.replaceAll("_", " ")} ${spelled(v)}`).join("")}`;
}

/** The most probable classes as bars, which are a table to those who cannot see them. */
function bars(probabilities) {
  const ranked = Object.entries(probabilities).sort((a, b) => b[1] - a[1]);
  const rows = ranked.slice(0, SHOWN_CLASSES).map(([name, share]) => {
    const bar = make("div", { "aria-hidden": "true" });
    bar.style.width = percent(share);
    return make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, percent(share)), make("td", { class: "bar" }, bar));
  });
  return make("table", {}, make("caption", {}, "Probability of each class"), make("tbody", {}, ...rows));
}

/** Ask about an item, show the answer, and keep it in the list. */
async function answerTo(body, type, name, picture) {
  const number = ++asked;
  const status = part("status");
  part("answer").hidden = false;
  status.classList.remove("wrong");
  status.textContent = "Asking …";
  part("details").replaceChildren();
  part("seen").hidden = !picture;
  if (picture) part("seen").src = picture;
  const started = performance.now();
  let line, answer;
  try {
    answer = await ask("/predict", { method: "POST", body, headers: { "Content-Type": type } });
    line = sentence(answer);
  } catch (error) {
    line = error.message;
  }
  const took = `${Math.round(performance.now() - started)} ms`;
  remember(name, line, took, picture);
  if (number !== asked) return;
  status.textContent = line;
  status.classList.toggle("wrong", !answer);
  if (answer?.probabilities) part("details").append(bars(answer.probabilities));
  part("details").append(make("p", { class: "muted" }, `Answered in ${took}`));
}

function remember(name, line, took, picture) {
  const image = picture ? [make("img", { src: picture, alt: "" })] : [];
  image.forEach((one) => one.addEventListener("error", () => one.remove()));
  const what = make("div", { class: "what" }, make("div", {}, line), make("div", { class: "muted" }, `${shortened(name, 120)} · ${took}`));
  part("list").prepend(make("li", {}, ...image, what));
  [...part("list").children].slice(KEPT).forEach((old) => {
    const shown = old.querySelector("img");
    if (shown && shown.src !== part("seen").src) URL.revokeObjectURL(shown.src);
    old.remove();
  });
  part("before").hidden = false;
}

function takeImage(file) {
  if (!file || model?.takes !== "image") return;
  const type = file.type.startsWith("image/") ? file.type : "application/octet-stream";
  answerTo(file, type, file.name || "a pasted image", URL.createObjectURL(file));
}

function takeText() {
  const text = part("text").value;
  if (text.trim()) answerTo(text, "text/plain; charset=utf-8", text, "");
}

part("seen").addEventListener("error", () => { part("seen").hidden = true; });
for (const id of ["file", "camera"]) {
  part(id).addEventListener("change", (event) => {
    takeImage(event.target.files[0]);
    event.target.value = "";
  });
}
part("texts").addEventListener("submit", (event) => { event.preventDefault(); takeText(); });
part("text").addEventListener("keydown", (event) => { if (event.key === "Enter" && event.ctrlKey) takeText(); });
part("key").addEventListener("submit", (event) => {
  event.preventDefault();
  key = part("secret").value;
  part("secret").value = "";
  start();
});
document.addEventListener("paste", (event) => takeImage(event.clipboardData.files[0]));
document.addEventListener("dragover", (event) => {
  if (model?.takes !== "image") return;  // a text may be dropped into its field
  event.preventDefault();
  part("drop").classList.add("over");
});
document.addEventListener("dragleave", () => part("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  if (model?.takes !== "image") return;
  event.preventDefault();
  part("drop").classList.remove("over");
  takeImage(event.dataTransfer.files[0]);
});
start();
