// What makes each page better with script: exact times of this place, copying, parts that are fetched, confirmations.
import { keys } from "./keys.js";
import { live, remember } from "./live.js";
import { start } from "./start.js";

const UNITS = [["year", 31536000], ["month", 2592000], ["week", 604800, 1209600], ["day", 86400], ["hour", 3600], ["minute", 60]];

function ago(seconds) {
  for (const [unit, length, from] of UNITS) {
    if (seconds >= (from ?? length)) {
      const count = Math.floor(seconds / length);
      return `${count} ${unit}${count === 1 ? "" : "s"} ago`;
    }
  }
  return "just now";
}

function times(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    const text = ago((Date.now() - moment.getTime()) / 1000);
    if (time.textContent !== text) time.textContent = text;
    time.title = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
  }
}

async function copy(element, text) {
  await navigator.clipboard.writeText(text);
  const before = element.textContent;
  element.textContent = "Copied";
  setTimeout(() => { element.textContent = before; }, 1200);
}

/** Puts the answer's part of a page in place of the link to it. */
async function load(place) {
  const address = place.dataset.load;
  delete place.dataset.load;
  place.dataset.address = address;
  const target = place.querySelector(":scope > p") ?? place;
  target.textContent = "Loading…";
  try {
    const answer = await fetch(address, { headers: { "Longshore-Part": "1", Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    target.replaceWith(...(answer.ok ? page.body.childNodes : page.querySelectorAll(".message")));
  } catch {
    target.textContent = "The host does not answer. ";
    const link = Object.assign(document.createElement("a"), { href: address, textContent: "Try again" });
    target.append(link);
  }
}

/** Prepares what is new in the page. */
export function prepare(root) {
  times(root);
  if (navigator.clipboard) {
    for (const button of root.querySelectorAll("[data-copy]")) {
      button.hidden = false;
      button.onclick = () => copy(button, button.previousElementSibling.textContent);
    }
    for (const id of root.querySelectorAll("[data-copied]")) id.onclick = () => copy(id, id.textContent);
  }
  for (const place of root.querySelectorAll("details[data-load]")) {
    place.addEventListener("toggle", () => { if (place.open && place.dataset.load) load(place); });
  }
  for (const place of root.querySelectorAll("div[data-load]")) load(place);
  for (const form of root.querySelectorAll("form[data-confirm]")) {
    const [input, button] = [form.elements.namedItem("name"), form.querySelector("button")];
    const check = () => { button.disabled = input.value.trim() !== form.dataset.confirm; };
    input.addEventListener("input", check);
    check();
  }
  for (const form of root.querySelectorAll("form[data-filter]")) {
    for (const field of form.querySelectorAll("select, input")) field.addEventListener("change", () => form.requestSubmit());
    // Addresses stay short.
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (value === "") event.formData.delete(name);
    });
  }
}

remember();
prepare(document);
setInterval(() => times(document), 30000);
keys();
live(prepare);
for (const form of document.querySelectorAll("form[data-start]")) start(form);
