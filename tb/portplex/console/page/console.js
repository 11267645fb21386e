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

// A table is a list of columns: head, what an item has there (text, or a number, which stands to the right), or instead
// `make` and `update` of an element. Rows stay the same elements while their number stays: what a person has selected is
// not lost ten times a second.
function table(id, columns, items) {
  const made = byId(id);
  if (!made.tHead) {
    const head = made.createTHead().insertRow();
    for (const column of columns) head.append(element("th", column.head, column.right ? "n" : ""));
    made.createTBody();
  }
  const [body] = made.tBodies;
  while (body.rows.length > items.length) body.deleteRow(-1);
  items.forEach((item, index) => {
    const row = body.rows[index] ?? body.insertRow();
    columns.forEach((column, place) => {
      let cell = row.cells[place];
      if (!cell) {
        cell = row.insertCell();
        cell.className = column.right ? "n" : "";
        if (column.make) cell.append(column.make(index));
      }
      if (column.update) column.update(cell.firstElementChild, item);
      else if (!column.make) put(cell, column.text(item));
    });
  });
}

function put(box, text) {
  const wanted = String(text);
  if (box.textContent !== wanted) box.textContent = wanted;
}

const text = (head, of) => ({ head, text: of });
const count = (head, of) => ({ head, text: (item) => number(of(item)), right: true });
const words = (name) => name.replaceAll("_", " ");
const moment = (seconds) => new Date(1000 * seconds).toISOString().slice(0, 19).replace("T", " ");
const seconds = (input) => Math.floor(Date.parse(`${input.value}Z`) / 1000);
const portList = (ports, none) => (ports.length ? `port${ports.length > 1 ? "s" : ""} ${ports.join(", ")}` : none);

const usage = {
  head: "Usage",
  make: (port) => {
    const list = element("select", "");
    list.setAttribute("aria-label", `usage of port ${port}`);
    list.append(...["both", "online_only", "backup_only"].map((value) => Object.assign(element("option", words(value)), { value })));
    list.addEventListener("change", () => {
      list.blur();
      order("PUT", `/api/ports/${port}/usage`, { usage: list.value }, `port ${port}: ${words(list.value)}`);
    });
    return list;
  },
  update: (list, port) => {
    if (document.activeElement !== list && list.value !== port.usage) list.value = port.usage;
  },
};

const clear = {
  head: "",
  make: (entry) => {
    const button = element("button", "Clear", "plain");
    button.setAttribute("aria-label", `clear entry ${entry}`);
    button.addEventListener("click", () => order("DELETE", `/api/schedules/${entry}`, null, `entry ${entry} is off`));
    return button;
  },
  update: (button, entry) => { button.hidden = !entry.enabled; },
};

const PORTS = [
  text("Port", (port) => port.number), text("Role", (port) => port.role), usage, text("Link", (port) => port.link), count("Credit", (port) => port.credit),
  text("N_Port_ID", (port) => portId(port.n_port_id)), text("WWPN", (port) => port.wwpn),
  count("Load: I/O", (port) => port.load_io), count("Load: bytes", (port) => port.load_amount),
  text("Access", (port) => port.load_access), count("Logins", (port) => port.logins),
  count("Open tasks", (port) => port.open_tasks), count("Online frames", (port) => port.online_frames),
  count("Backup frames", (port) => port.backup_frames), count("Host requests", (port) => port.host_requests),
];
const SCHEDULES = [
  text("Entry", (entry) => entry.number), text("", (entry) => (entry.enabled ? "on" : "off")),
  text("Starts", (entry) => (entry.due ? `${entry.operation} of job ${entry.job}` : "")),
  text("Due (UTC)", (entry) => (entry.due ? moment(entry.due) : "")),
  text("Repeated", (entry) => (entry.period ? `every ${number(entry.period)} s` : entry.due ? "once" : "")),
  text("Last", (entry) => (entry.last ? moment(entry.last) : "never")), text("Answer", (entry) => entry.answer_text),
  clear,
];
const VOLUMES = [
  text("LU", (volume) => volume.number), count("Blocks", (volume) => volume.blocks),
  { head: "Size", right: true, text: (volume) => `${number(volume.blocks / 2048)} MiB` },
  text("Access", (volume) => (volume.write_protected ? "write protected" : "read and write")),
];
const FABRIC = [
  text("N_Port_ID", (port) => portId(port.n_port_id)), text("WWPN", (port) => port.wwpn), text("What", (port) => port.what),
];

function options(list, found) {
  const key = JSON.stringify(found);
  if (list.dataset.key === key) return;
  list.dataset.key = key;
  const before = list.value;
  list.replaceChildren(...found.map(([value, shown]) => Object.assign(element("option", shown), { value })));
  if (found.some(([value]) => value === before)) list.value = before;
}

// ---- jobs ----

const WORKING = ["login", "transfer", "logout", "pausing"];
const ORDERS = {
  pause: ["Pause", ["queued", "login", "transfer"]],
  resume: ["Resume", ["paused"]],
  abort: ["Abort", ["prepared", "queued", "paused", ...WORKING]],
};

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
  for (const [name, [label]] of Object.entries(ORDERS)) {
    const button = element("button", label, `plain ${name}`);
    button.addEventListener("click", () => order("POST", `/api/jobs/${job.number}/${name}`, null, `job ${job.number}: ${name}`));
    buttons.append(button);
  }
  const copied = Object.assign(element("input", ""), { type: "number", min: 0, required: true, ariaLabel: "new copy pointer (blocks)" });
  const raise = element("button", "Set copy pointer", "plain");
  const form = element("form", "");
  form.append(copied, raise);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    order("PUT", `/api/jobs/${job.number}/copy-pointer`, { copy_pointer: Number(copied.value) }, `the copy pointer is ${copied.value}`);
  });
  buttons.append(form);
  box.append(what, bar, numbers, error, buttons);
  return box;
}

function showJob(box, job) {
  const find = (name) => box.querySelector(name);
  const share = (pointer) => `${(100 * pointer) / Math.max(1, job.capacity)}%`;
  box.className = `job ${job.state}`;
  put(find(".state"), `Job ${job.number}: ${job.state}`);
  put(find(".what"), ` · ${job.kind} of volume ${job.volume}${job.first ? ` from block ${number(job.first)}` : ""} · device ${portId(job.port_id)} LUN ${job.lun}, from block ${number(job.lba)} · chunks of ${job.chunk} · ${portList(job.ports, "any port")}`);
  find("span.copied").style.width = share(job.copy_pointer);
  find("span.saved").style.width = share(job.backup_pointer);
  put(find(".backup-pointer"), `backup pointer ${number(job.backup_pointer)}`);
  put(find(".copy-pointer"), `copy pointer ${number(job.copy_pointer)} of ${number(job.capacity)} blocks`);
  put(find(".error"), job.error_text);
  for (const [name, [, states]] of Object.entries(ORDERS)) find(`.${name}`).hidden = !states.includes(job.state);
  find("form").hidden = job.copy_pointer >= job.capacity || !WORKING.includes(job.state);
}

function showJobs(jobs) {
  const list = byId("jobs");
  const known = new Set(jobs.map((job) => `job${job.number}`));
  for (const box of [...list.children]) if (!known.has(box.id)) box.remove();
  jobs.forEach((job, place) => {
    const box = byId(`job${job.number}`) ?? makeJob(job);
    if (list.children[place] !== box) list.insertBefore(box, list.children[place] ?? null);
    showJob(box, job);
  });
  if (!jobs.length) list.append(element("p", "none yet", "empty"));
  const all = [...Array(8).keys()].map((job) => {
    const found = jobs.find((each) => each.number === job);
    return [String(job), `${job}${found ? ` (${found.state}, ${found.kind} of LU ${found.volume})` : ""}`];
  });
  options(byId("start").elements.job, [["", "a free one"], ...all]);
  options(byId("schedule").elements.job, all);
}

// ---- settings: what a person is about to change is not overwritten by what the array has ----

const touched = new Set(); // names of inputs
document.querySelector("main").addEventListener("input", (event) => touched.add(event.target.name));

function fill(id, values) {
  for (const [name, value] of Object.entries(values)) {
    if (!touched.has(name)) byId(id).elements[name].value = value;
  }
}

function showSettings(seen) {
  const { priority, load, clock } = seen;
  const percent = priority.percent || Math.min(99, Math.max(1, Math.round(priority.backup_share)));
  fill("priority", { mode: priority.mode, percent });
  if (!touched.has("percent")) put(byId("share"), `${percent} %`);
  fill("table670", { backup_quantum: priority.backup_quantum, online_time: priority.online_time });
  put(byId("quantum"), number(priority.backup_quantum));
  put(byId("online-time"), number(priority.online_time));
  put(byId("backup-share"), priority.backup_share);
  put(byId("placed"), portList(load.ports, "no port"));
  put(byId("moves"), number(load.moves));
  put(byId("windows"), number(load.windows));
  fill("load", Object.fromEntries(LOAD.map((name) => [name, load[name]])));
  put(byId("clock"), moment(clock.seconds));
  fill("time", { ticks_per_second: clock.ticks_per_second });
}

function show(seen) {
  put(byId("cache"), seen.array.clean ? "cache: all on the drives" : "cache: holds what is not on the drives yet");
  table("ports", PORTS, seen.ports);
  table("volumes", VOLUMES, seen.volumes);
  table("schedules", SCHEDULES, seen.schedules);
  const form = byId("start").elements;
  options(form.volume, seen.volumes.map((volume) => [String(volume.number), `${volume.number} (${number(volume.blocks)} blocks)`]));
  options(form.ports, [["", "any"], ...seen.ports.map((port) => [String(port.number), `port ${port.number} only`])]);
  byId("fabric-section").hidden = !seen.fabric;
  table("fabric", FABRIC, seen.fabric ?? []);
  const others = (seen.fabric ?? []).filter((port) => port.what !== "array");
  options(byId("destinations"), others.map((port) => [portId(port.n_port_id), port.what]));
  showJobs(seen.jobs);
  showSettings(seen);
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

const LOAD = ["load_window", "rebalance", "rebalance_margin", "spread_floor", "load_floor"];

// A form's order; what it had of a person is shown by the array from then on.
function onSubmit(id, give) {
  byId(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target.elements;
    if (await give(form, event.submitter)) for (const each of form) touched.delete(each.name);
  });
}

onSubmit("start", (form, { value: kind }) => {
  const what = form.prepare.checked ? "prepared" : "started";
  return order("POST", "/api/jobs", {
    kind,
    volume: Number(form.volume.value),
    port_id: parseInt(form.port_id.value, 16),
    lun: Number(form.lun.value),
    lba: Number(form.lba.value),
    chunk: Number(form.chunk.value),
    copy_pointer: form.copy_pointer.value === "" ? null : Number(form.copy_pointer.value),
    ports: form.ports.value === "" ? null : [Number(form.ports.value)],
    job: form.job.value === "" ? null : Number(form.job.value),
    prepare: form.prepare.checked,
  }, `${kind} of volume ${form.volume.value} is ${what}`);
});

onSubmit("schedule", (form) => order("PUT", `/api/schedules/${form.entry.value}`, {
  job: Number(form.job.value), due: seconds(form.due), period: Number(form.period.value),
}, `entry ${form.entry.value} is set`));

onSubmit("time", (form, submitter) => {
  const time = submitter.value === "now" ? Math.floor(Date.now() / 1000) : form.seconds.value === "" ? null : seconds(form.seconds);
  return order("PUT", "/api/clock", { seconds: time, ticks_per_second: Number(form.ticks_per_second.value) }, "the clock is set");
});

byId("priority").elements.percent.addEventListener("input", (event) => put(byId("share"), `${event.target.value} %`));
onSubmit("priority", (form) => order("PUT", "/api/priority", {
  mode: form.mode.value, ...(touched.has("percent") ? { percent: Number(form.percent.value) } : {}),
}, "priority is set"));

onSubmit("table670", (form) => order("PUT", "/api/priority", {
  backup_quantum: Number(form.backup_quantum.value), online_time: Number(form.online_time.value),
}, "priority is set"));

onSubmit("load", (form) => order("PUT", "/api/load", Object.fromEntries(LOAD.map((name) => [name, Number(form[name].value)])), "load settings are set"));

run();
