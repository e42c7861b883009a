/* The page of csi2pc view. Everything it shows comes from the server that it came from; all text is set as text. */
"use strict";

const AHEAD = 12;    // frames that are asked for before they are shown
const KEPT = 600;    // frames that stay in memory
const FITTED = 5;    // frames, spread over the sequence, that the camera is fitted to

const at = (id) => document.getElementById(id);

async function ask(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

function element(kind, text, className) {
  const made = document.createElement(kind);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

/** The frames of one sequence: asked for once, kept for a while. */
class Frames {
  constructor(number, count) {
    this.number = number;
    this.count = count;
    this.kept = new Map();
  }

  load(frame) {
    if (!this.kept.has(frame)) {
      const loading = ask(`frame.json?number=${this.number}&frame=${frame}`).then((answer) => {
        const points = {};
        for (const [name, text] of Object.entries(answer.clouds)) points[name] = decodePoints(text);
        return {points, problems: answer.problems};
      });
      loading.catch(() => this.kept.delete(frame));
      this.kept.set(frame, loading);
      for (const old of this.kept.keys()) {
        if (this.kept.size <= KEPT) break;
        this.kept.delete(old);
      }
    }
    return this.kept.get(frame);
  }

  ahead(frame) {
    for (let next = frame + 1; next < Math.min(this.count, frame + AHEAD); next++) this.load(next).catch(() => {});
  }
}

/** One canvas a cloud, or all clouds on one, under one camera. */
class Panels {
  constructor(place) {
    this.place = place;
    this.camera = new Camera();
    this.views = [];
  }

  build(names, overlay) {
    for (const {view} of this.views) view.dispose();
    const groups = overlay ? [names] : names.map((name) => [name]);
    this.names = names;
    this.views = groups.map((group) => {
      const figure = element("figure"), caption = element("figcaption"), canvas = element("canvas");
      const counts = group.map((name) => {
        const label = element("span", name, this.style(name)), count = element("small");
        label.append(" ", count);
        caption.append(label);
        return count;
      });
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${group.join(" over ")}, a cloud of points that can be turned`);
      figure.append(caption, canvas);
      return {group, counts, figure, view: new CloudView(canvas, {clouds: [], camera: this.camera})};
    });
    this.place.replaceChildren(...this.views.map(({figure}) => figure));
  }

  style(name) {
    const styles = ["target", "prediction", "third"];
    return styles.slice(0, 2).includes(name) ? name : styles[this.names.indexOf(name) % 3];
  }

  show({points, problems}) {
    for (const {group, counts, view} of this.views) {
      const there = group.filter((name) => points[name]);
      view.setClouds(there.map((name) => ({points: points[name], colour: `--${this.style(name)}`, label: name})));
      group.forEach((name, i) => {
        counts[i].textContent = points[name] ? `${points[name].length / 3} points` : "none";
        counts[i].title = problems[name] || "";
      });
    }
  }
}

/** What is shown, and when. */
class Player {
  constructor(about) {
    this.about = about;
    this.panels = new Panels(at("views"));
    this.playing = false;
    this.opened = 0;
  }

  async open(number) {
    const turn = ++this.opened;
    this.pause();
    this.sequence = null;
    const sequence = await ask(`sequence.json?number=${number}`);
    if (turn !== this.opened) return;
    this.tell(sequence.problem);
    list(at("notes"), [...this.about.notes, ...(sequence.notes || [])]);
    at("synthetic").hidden = !sequence.synthetic;
    at("metrics").hidden = !(sequence.metrics || []).length;
    if (sequence.problem) {
      at("views").replaceChildren();
      at("position").textContent = "";
      return;
    }
    this.frames = new Frames(number, sequence.labels.length);
    this.sequence = sequence;
    at("slider").max = String(sequence.starts[sequence.labels.length - 1]);
    at("overlaying").hidden = sequence.clouds.length < 2;
    this.panels.build(sequence.clouds, at("overlay").checked);
    this.seek(0);
    await this.fit(turn);
  }

  async fit(turn) {
    const last = this.frames.count - 1, some = [];
    for (let i = 0; i < FITTED; i++) some.push(Math.round(last * i / Math.max(1, FITTED - 1)));
    const loaded = await Promise.all([...new Set(some)].map((frame) => this.frames.load(frame)));
    const box = CloudView.box(loaded.flatMap(({points}) => Object.values(points)));
    if (turn === this.opened) this.panels.camera.fit(box);
  }

  /** Show a frame as soon as it is there; of several that were asked for meanwhile, the newest. */
  async seek(frame) {
    if (!this.sequence) return;
    const {sequence, frames} = this;
    this.shown = Math.min(frames.count - 1, Math.max(0, frame));
    this.head = sequence.starts[this.shown];
    this.waiting = true;
    const asked = this.shown;
    frames.ahead(asked);
    try {
      const clouds = await frames.load(asked);
      if (sequence !== this.sequence || asked !== this.shown) return;
      this.panels.show(clouds);
      this.describe(Object.entries(clouds.problems));
    } catch (error) {
      this.pause();
      this.tell(`the server gives no more clouds: ${error.message}`);
    }
    this.waiting = false;
  }

  describe(problems) {
    const {sequence, shown} = this;
    const time = sequence.times ? `, ${(sequence.times[shown] - sequence.times[0]).toFixed(2)} s` : "";
    at("position").textContent = `frame ${shown + 1} of ${sequence.labels.length}${time}`;
    at("position").title = sequence.labels[shown];
    at("slider").value = String(sequence.starts[shown]);
    at("slider").setAttribute("aria-valuetext", at("position").textContent);
    this.tell(problems.map(([name, text]) => `no ${name}: ${text}`).join("; "));
    const rows = sequence.metrics.map((metric) => {
      const [own, blind] = [metric.values[shown], metric.blind_values[shown]];
      const better = own !== null && blind !== null && (metric.better === "lower" ? own < blind : own > blind);
      const row = element("tr"), number = (value) => value === null ? "no value" : value.toFixed(4);
      row.append(
        element("th", `${metric.name}${metric.unit && ` (${metric.unit})`} ${metric.better === "lower" ? "↓" : "↑"}`),
        element("td", number(own), better ? "number better" : "number"),
        element("td", metric.blind ? number(blind) : "", "number"),
        element("td", metric.blind),
      );
      return row;
    });
    at("metrics").tBodies[0].replaceChildren(...rows);
  }

  tell(problem) {
    at("problem").textContent = problem || "";
    at("problem").hidden = !problem;
  }

  step(by) {
    this.pause();
    if (this.sequence) this.seek(this.shown + by);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  pause() {
    this.playing = false;
    at("play").textContent = "Play";
    at("play").setAttribute("aria-pressed", "false");
  }

  play() {
    if (!this.sequence) return;
    if (this.shown === this.frames.count - 1) this.seek(0);
    this.playing = true;
    at("play").textContent = "Pause";
    at("play").setAttribute("aria-pressed", "true");
    let before = performance.now();
    const turn = this.opened, tick = (now) => {
      if (!this.playing || turn !== this.opened) return;
      if (!this.waiting) this.advance((now - before) / 1000);  // a frame that is late stops the clock
      before = now;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  advance(seconds) {
    const {starts} = this.sequence, last = this.frames.count - 1;
    const head = this.head + Math.max(0, Math.min(1, seconds)) * Number(at("speed").value);
    let frame = this.shown;
    while (frame <= last && starts[frame + 1] <= head) frame++;
    if (frame > last && at("repeat").checked) this.seek(0);
    else if (frame > last) { this.seek(last); this.pause(); }
    else {
      if (frame !== this.shown) this.seek(frame);
      this.head = head;
    }
  }

  /** The frame that is shown at a time of the slider. */
  frameAt(seconds) {
    const {starts} = this.sequence;
    let low = 0, high = this.frames.count - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (starts[middle] <= seconds) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function list(place, texts) {
  place.replaceChildren(...texts.map((text) => element("li", text)));
}

function control(player) {
  const buttons = {
    play: () => player.toggle(), back: () => player.step(-1), forward: () => player.step(1),
    reset: () => player.panels.camera.reset(),
  };
  for (const [id, act] of Object.entries(buttons)) {
    at(id).onclick = (event) => {
      act();
      if (event.detail) at(id).blur();  // after a click of the mouse, space plays; who came by keyboard stays
    };
  }
  at("sequence").onchange = () => open(player, Number(at("sequence").value));
  at("slider").oninput = () => {
    player.pause();
    if (player.sequence) player.seek(player.frameAt(Number(at("slider").value)));
  };
  at("overlay").onchange = () => {
    if (!player.sequence) return;
    player.panels.build(player.sequence.clouds, at("overlay").checked);
    player.seek(player.shown);
  };
  document.addEventListener("keydown", (event) => {
    const {target} = event;
    if (event.ctrlKey || event.metaKey || event.altKey || target.tagName === "SELECT") return;
    const keys = {ArrowLeft: () => player.step(-1), ArrowRight: () => player.step(1)};
    if (!["BUTTON", "INPUT"].includes(target.tagName) || target === at("slider")) keys[" "] = () => player.toggle();
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
}

function open(player, number) {
  player.open(number).catch((error) => player.tell(`the server gives no answer: ${error.message}`));
}

async function start() {
  const about = await ask("about.json");
  document.title = `${about.folder.split(/[\\/]/).pop()} - csi2pc view`;
  at("folder").textContent = about.folder;
  at("what").textContent = `${about.what}, ${about.names.length} sequence${about.names.length === 1 ? "" : "s"}`;
  at("version").textContent = `csi2pc ${about.version}`;
  at("sequence").replaceChildren(...about.names.map((name, number) => {
    const option = element("option", name);
    option.value = String(number);
    return option;
  }));
  at("sequence").value = String(about.first);
  const player = new Player(about);
  control(player);
  open(player, about.first);
}

start().catch((error) => {
  at("problem").textContent = `the server gives no answer: ${error.message}`;
  at("problem").hidden = false;
});
