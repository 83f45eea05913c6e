// What changes while a page is open: the parts that the host tells to have changed are fetched anew, logs get their lines.
import { log } from "./log.js";

/** Whether the reader selects text, or works with a control, in a part. */
function isInUse(part) {
  const selection = document.getSelection();
  if (selection && !selection.isCollapsed && part.contains(selection.anchorNode)) return true;
  const focus = document.activeElement;
  return part.contains(focus) && focus.matches("input, select, textarea, button, summary");
}

/** The parts as the host has sent them. */
const sent = new Map();

/** Remembers the parts as they came, before anything is changed in them. */
export function remember() {
  for (const part of document.querySelectorAll("[data-part]")) sent.set(part.id, part.innerHTML);
}

/** Fetches the page, and replaces its parts by the new ones. */
async function refresh(prepare) {
  const answer = await fetch(location.href, { headers: { "Longshore-Part": "1", Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-part]")) {
    const now = page.getElementById(part.id);
    if (!now || isInUse(part) || now.innerHTML === sent.get(part.id)) continue;
    const before = now.innerHTML;
    const [focused, here] = [part.contains(document.activeElement) && document.activeElement, part.querySelector(".here a")];
    // Tables that were opened stay as they are.
    for (const open of part.querySelectorAll("details[open]")) {
      const closed = [...now.querySelectorAll("details[data-load]")].find((other) => other.dataset.load === open.dataset.address);
      closed?.replaceWith(open);
    }
    const opened = [...part.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
    for (const summary of now.querySelectorAll("details > summary")) {
      if (opened.includes(summary.textContent) && !summary.parentElement.dataset.load) summary.parentElement.open = true;
    }
    part.replaceChildren(...now.childNodes);
    sent.set(part.id, before);
    prepare(part);
    const again = [...part.querySelectorAll("a")].find((link) => link.href === (focused || here)?.href);
    if (here && again) again.closest("[data-row]")?.classList.add("here");
    if (focused && again) again.focus({ preventScroll: true });
  }
}

/** Listens to the host. */
export function live(prepare) {
  const place = document.querySelector("[data-live]");
  if (!place) return;
  const state = document.querySelector("[data-link]");
  const source = new EventSource(place.dataset.live);
  let [waits, last, lost] = [false, 0, undefined];
  const changed = () => {
    if (waits) return;
    waits = true;
    // Not more often than a reader can follow.
    setTimeout(async () => {
      [waits, last] = [false, Date.now()];
      try { await refresh(prepare); } catch { /* The connection tells. */ }
    }, Math.max(0, last + 500 - Date.now()));
  };
  // A page that is left holds no connection, of which a browser has six; one that is come back to is loaded anew.
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  log(source);
  source.addEventListener("changed", changed);
  source.addEventListener("end", () => {
    source.close();
    clearTimeout(lost);
    state.hidden = true;
    changed();
  });
  source.addEventListener("open", () => {
    clearTimeout(lost);
    if (!state.hidden) changed();
    state.hidden = true;
  });
  source.addEventListener("error", () => {
    clearTimeout(lost);
    lost = setTimeout(() => {
      state.hidden = false;
      state.textContent = source.readyState === EventSource.CLOSED ? "Not live: reload the page" : "Connection lost, trying again…";
    }, 500);
  });
}
