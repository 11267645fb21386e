// SPDX-License-Identifier: Apache-2.0
// The console's page: shows each snapshot of /api/events, and gives orders. Everything from the array is set as text.

const byId = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString("en");
const portId = (value) => value.toString(16).toUpperCase().padStart(6, "0");

// The token comes in the address behind #, which is never sent; it stays in this tab.
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  sessionStorage.setItem("token", given);
  history.replaceState(null, "", location.pathname);
}

const call = (method, path, body, signal) =>
  fetch(path, {
    method,
    signal,
    headers: {
      Authorization: `Bearer ${sessionStorage.getItem("token") ?? ""}`,
      ...(body ? { "Content-Type": "application/json" } : {}),
    },
    body: body ? JSON.stringify(body) : undefined,
  });

function say(text, good = false) {
  const box = byId("message");
  box.textContent = text;
  box.classList.toggle("good", good);
  box.hidden = !text;
}

async function problem(response) {
  const found = await response.json().catch(() => ({}));
  return found.message ?? `the console answers ${response.status}`;
}

async function order(method, path, body, done) {
  try {
    const response = await call(method, path, body);
    say(response.ok ? done : await problem(response), response.ok);
    return response.ok;
  } catch {
    say("the console does not answer");
    return false;
  }
}

// ---- showing ----

function element(tag, text, classes = "") {
  const made = document.createElement(tag);
  made.textContent = text;
  made.className = classes;
  return made;
}

// Rows stay the same elements while their number stays: what a person has selected is not lost ten times a second.
function rows(body, found) {
  while (body.rows.length > found.length) body.deleteRow(-1);
  found.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    cells.forEach((text, column) => {
      const cell = row.cells[column] ?? row.insertCell();
      if (cell.textContent !== text) cell.textContent = text;
      const head = body.parentElement.tHead.rows[0].cells[column];
      cell.className = head.className;
    });
  });
}

function options(list, found) {
  const key = JSON.stringify(found);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  const before = list.value;
  list.replaceChildren(...found.map(([value, text]) => Object.assign(element("option", text), { value })));
  if (found.some(([value]) => value === before)) list.value = before;
}

function makeJob(job) {
  const box = element("div", "", "job");
  box.id = `job${job.number}`;
  const what = element("p", "");
  what.append(element("span", "", "state"), element("span", "", "what"));
  const bar = element("div", "", "bar");
  bar.append(element("span", "", "copied"), element("span", "", "saved"));
  const numbers = element("p", "", "numbers");
  numbers.append(element("span", "", "key backup-pointer"), element("span", "", "key copied copy-pointer"));
  const error = element("p", "", "error");
  const buttons = element("div", "", "buttons");
  const abort = element("button", "Abort", "plain");
  abort.addEventListener("click", () => order("POST", `/api/jobs/${job.number}/abort`, null, `job ${job.number} is told to end`));
  const copied = Object.assign(element("input", ""), { type: "number", min: 0, required: true, ariaLabel: "new copy pointer (blocks)" });
  const raise = element("button", "Set copy pointer", "plain");
  const form = element("form", "");
  form.append(copied, raise);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    order("PUT", `/api/jobs/${job.number}/copy-pointer`, { copy_pointer: Number(copied.value) }, `the copy pointer is ${copied.value}`);
  });
  buttons.append(abort, form);
  box.append(what, bar, numbers, error, buttons);
  return box;
}

function showJob(box, job) {
  const find = (name) => box.querySelector(name);
  const share = (pointer) => `${(100 * pointer) / Math.max(1, job.capacity)}%`;
  box.className = `job ${job.state}`;
  find(".state").textContent = `Job ${job.number}: ${job.state}`;
  find(".what").textContent = ` · volume ${job.volume} · device ${portId(job.port_id)} LUN ${job.lun}, from block ${number(job.lba)}`;
  find("span.copied").style.width = share(job.copy_pointer);
  find("span.saved").style.width = share(job.backup_pointer);
  find(".backup-pointer").textContent = `backup pointer ${number(job.backup_pointer)}`;
  find(".copy-pointer").textContent = `copy pointer ${number(job.copy_pointer)} of ${number(job.capacity)} blocks`;
  find(".error").textContent = job.error_text;
  find(".buttons").hidden = !["login", "transfer", "logout", "queued", "pausing", "paused"].includes(job.state);
  find("form").hidden = job.copy_pointer >= job.capacity;
}

function showJobs(jobs) {
  const list = byId("jobs");
  const known = new Set(jobs.map((job) => `job${job.number}`));
  for (const box of [...list.children]) if (!known.has(box.id)) box.remove();
  for (const job of jobs) {
    const box = byId(`job${job.number}`) ?? list.appendChild(makeJob(job));
    showJob(box, job);
  }
  if (!jobs.length) list.append(element("p", "none yet", "empty"));
}

// What a person is about to change is not overwritten by what the array has.
let touched = false;
let slid = false; // the share as shown is rounded: only a person's own is sent
byId("priority").addEventListener("input", (event) => {
  touched = true;
  slid ||= event.target.name === "backup_share";
});

function showPriority(priority) {
  if (!touched) {
    const form = byId("priority").elements;
    form.mode.value = priority.mode;
    form.backup_quantum.value = priority.backup_quantum;
    form.backup_share.value = priority.backup_share;
    byId("share").textContent = `${priority.backup_share} %`;
  }
  byId("online-time").textContent = number(priority.online_time);
}
byId("priority").elements.backup_share.addEventListener("input", (event) => {
  byId("share").textContent = `${event.target.value} %`;
});

function show(seen) {
  byId("cache").textContent = seen.array.clean ? "cache: all on the drives" : "cache: holds what is not on the drives yet";
  rows(byId("ports"), seen.ports.map((port) => [
    String(port.number), port.role, port.link, portId(port.n_port_id), port.wwpn, number(port.logins),
    number(port.open_tasks), number(port.online_frames), number(port.backup_frames), number(port.host_requests),
  ]));
  rows(byId("volumes"), seen.volumes.map((volume) => [
    String(volume.number), number(volume.blocks), `${number(volume.blocks / 2048)} MiB`,
    volume.write_protected ? "write protected" : "read and write",
  ]));
  options(byId("start").elements.volume, seen.volumes.map((volume) => [String(volume.number), `${volume.number} (${number(volume.blocks)} blocks)`]));
  byId("fabric-section").hidden = !seen.fabric;
  const others = (seen.fabric ?? []).filter((port) => port.what !== "array");
  rows(byId("fabric-ports"), (seen.fabric ?? []).map((port) => [portId(port.n_port_id), port.wwpn, port.what]));
  options(byId("fabric"), others.map((port) => [portId(port.n_port_id), port.what]));
  showJobs(seen.jobs);
  showPriority(seen.priority);
  document.querySelector("main").hidden = false;
}

function live(on, text) {
  const box = byId("live");
  box.className = on ? "on" : "off";
  if (box.textContent !== text) box.textContent = text;
}

// ---- the stream ----

// EventSource cannot send a token in a header, so the stream is read with fetch.
const SILENT = 15000; // ms; the console says something every 5 s

async function follow() {
  const control = new AbortController();
  let watch = 0;
  const alive = () => {
    clearTimeout(watch);
    watch = setTimeout(() => control.abort(), SILENT);
  };
  alive();
  try {
    const response = await call("GET", "/api/events", null, control.signal);
    if (response.status === 401) {
      live(false, "the token is missing or wrong");
      byId("enter").hidden = false;
      document.querySelector("main").hidden = true;
      return false;
    }
    if (!response.ok) throw new Error(await problem(response));
    byId("enter").hidden = true;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) throw new Error("the console has ended the connection");
      alive();
      const parts = (text + value).split("\n\n");
      text = parts.pop();
      for (const part of parts) {
        const event = /^event: (.*)\ndata: (.*)$/.exec(part);
        if (!event) continue;
        const data = JSON.parse(event[2]);
        if (event[1] === "array") {
          live(true, "live");
          show(data);
        } else live(false, data.message);
      }
    }
  } catch (error) {
    live(false, `no connection to the console (${error.message})`);
  } finally {
    clearTimeout(watch);
    control.abort();
  }
  return true;
}

async function run() {
  while (await follow()) await new Promise((resolve) => setTimeout(resolve, 1000));
}

byId("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", event.target.elements.token.value);
  run();
});

// ---- orders ----

byId("start").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.target.elements;
  const kind = event.submitter.value;
  order("POST", "/api/jobs", {
    kind,
    volume: Number(form.volume.value),
    port_id: parseInt(form.port_id.value, 16),
    lun: Number(form.lun.value),
    lba: Number(form.lba.value),
    chunk: Number(form.chunk.value),
    copy_pointer: form.copy_pointer.value === "" ? null : Number(form.copy_pointer.value),
  }, `${kind} of volume ${form.volume.value} is started`);
});

byId("priority").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target.elements;
  const set = await order("PUT", "/api/priority", {
    mode: form.mode.value,
    backup_quantum: Number(form.backup_quantum.value),
    ...(slid ? { backup_share: Number(form.backup_share.value) } : {}),
  }, "priority is set");
  if (set) touched = slid = false;
});

run();
