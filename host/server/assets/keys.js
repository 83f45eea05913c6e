// The keyboard: rows, the filter, sections, help.
const SECTIONS = { o: "/", r: "/runs", b: "/blocks", e: "/environments", s: "/system" };

function move(by) {
  const rows = [...document.querySelectorAll("[data-row]")];
  if (rows.length === 0) return;
  const at = rows.findIndex((row) => row.classList.contains("here"));
  const next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1);
  rows[at]?.classList.remove("here");
  rows[next].classList.add("here");
  rows[next].querySelector("a").focus();
  rows[next].scrollIntoView({ block: "nearest" });
}

/** Listens to keys, unless one is typed into a field. */
export function keys() {
  let goes = false;
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, select, textarea, dialog");
    if (event.key === "Escape" && field && field.tagName !== "DIALOG") field.blur();
    if (field || event.ctrlKey || event.metaKey || event.altKey) return;
    const section = goes ? SECTIONS[event.key] : undefined;
    goes = event.key === "g";
    if (section) {
      location.assign(section);
    } else if (event.key === "j" || event.key === "k") {
      move(event.key === "j" ? 1 : -1);
    } else if (event.key === "/") {
      const filter = document.querySelector("[data-focus]");
      if (!filter) return;
      filter.focus();
    } else if (event.key === "?") {
      document.getElementById("keys").showModal();
    } else {
      return;
    }
    event.preventDefault();
  });
}
