// A log that grows: lines are appended as text, and its end is followed until the reader scrolls or selects.

const MOST = 20000;

function isAtEnd(list) {
  return list.scrollHeight - list.scrollTop - list.clientHeight < 24;
}

function isSelected(list) {
  const selection = document.getSelection();
  return selection && !selection.isCollapsed && list.contains(selection.anchorNode);
}

/** One list of lines. */
class Lines {
  constructor(list, prefix) {
    this.list = list;
    this.prefix = prefix;
    this.count = Number(list.lastElementChild?.id.slice(1) ?? 0);
    this.open = false;
  }

  add(text) {
    const code = this.list.lastElementChild?.querySelector("code");
    if (this.open && code) {
      code.textContent += text;
      this.open = false;
      return;
    }
    this.count += 1;
    const line = document.createElement("li");
    line.id = `${this.prefix}${this.count}`;
    if (this.prefix === "L") {
      const link = Object.assign(document.createElement("a"), { href: `#L${this.count}`, textContent: this.count, tabIndex: -1 });
      line.append(link);
    }
    line.append(Object.assign(document.createElement("code"), { textContent: text }));
    this.list.append(line);
    while (this.list.childElementCount > MOST) this.list.firstElementChild.remove();
  }

  take(data) {
    for (const text of data.lines) this.add(text);
    this.open = data.open;
  }
}

/** Appends what the host sends. */
export function log(source) {
  const build = document.querySelector('[data-lines="build"]');
  const script = document.querySelector('[data-lines="log"]');
  // An earlier page of a log does not grow.
  if (!build || !script || !document.querySelector("[data-grows]")) return;
  const [ofBuild, ofScript] = [new Lines(build, "B"), new Lines(script, "L")];
  const button = document.querySelector("[data-follow]");
  let follows = !location.hash.startsWith("#L");
  const toEnd = (list) => { list.scrollTop = list.scrollHeight; };
  if (follows) toEnd(script);
  script.addEventListener("scroll", () => {
    follows = isAtEnd(script);
    button.hidden = follows;
  });
  button.addEventListener("click", () => {
    follows = true;
    toEnd(script);
  });
  source.addEventListener("build", (event) => {
    const details = document.querySelector("[data-build]");
    if (details.hidden) [details.hidden, details.open] = [false, ofScript.count === 0];
    const wasAtEnd = isAtEnd(build);
    ofBuild.take(JSON.parse(event.data));
    if (wasAtEnd) toEnd(build);
  });
  source.addEventListener("log", (event) => {
    document.querySelector("[data-waiting]").hidden = true;
    ofScript.take(JSON.parse(event.data));
    if (follows && !isSelected(script)) toEnd(script);
    else button.hidden = false;
  });
  source.addEventListener("end", () => {
    button.hidden = true;
    document.querySelector("[data-waiting]").textContent = "The script has printed nothing.";
  });
}
