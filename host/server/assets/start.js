// The form that runs a block: files can be dropped, the upload has a progress, what is wrong is shown in place.

/** Leaves out what was not given: an empty field has no value, not an empty one. */
function given(form) {
  const data = new FormData(form);
  for (const [name, value] of [...data]) {
    const isEmpty = value instanceof File ? value.name === "" : value === "";
    if (isEmpty) data.delete(name);
  }
  return data;
}

function send(data, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", "/api/v1/runs");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) progress.value = (100 * event.loaded) / event.total;
    });
    request.addEventListener("load", () => resolve(request));
    request.addEventListener("error", () => reject(new Error("the host does not answer")));
    request.send(data);
  });
}

function drop(form) {
  const target = form.querySelector('input[type="file"]');
  if (!target) return;
  form.addEventListener("dragover", (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
  form.addEventListener("dragleave", () => form.classList.remove("over"));
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    const place = event.target.closest(".field")?.querySelector('input[type="file"]') ?? target;
    if (event.dataTransfer.files.length > 0) place.files = event.dataTransfer.files;
  });
}

/** Sends a form with script. */
export function start(form) {
  drop(form);
  const [button, progress, problem] = ["button", "[data-upload]", "[data-problem]"].map((name) => form.querySelector(name));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    [button.disabled, progress.hidden, problem.hidden, progress.value] = [true, false, true, 0];
    try {
      const answer = await send(given(form), progress);
      if (answer.status === 202) {
        location.assign(`/runs/${answer.response.run_id}`);
        return;
      }
      const { problems = [], detail } = answer.response ?? {};
      problem.textContent = problems.length > 1 ? problems.join("\n") : detail ?? `the host answered with ${answer.status}`;
    } catch (error) {
      problem.textContent = `cannot start the run: ${error.message}`;
    }
    [button.disabled, progress.hidden, problem.hidden] = [false, true, false];
  });
}
