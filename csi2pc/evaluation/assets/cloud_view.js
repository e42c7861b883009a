/* Point clouds on a canvas, to be turned and zoomed. No dependency.
 *
 *   const camera = new Camera();                       // share one, and turning one view turns all of them
 *   camera.fit(CloudView.box([points, ...]));          // what "reset" returns to
 *   const view = new CloudView(canvas, {clouds: [{points, colour, label}], camera});
 *   view.setClouds([{points, colour, label}]);         // other clouds, the same camera
 *   view.dispose();                                    // before the canvas goes
 *   decodePoints(text)                                 // Float32Array from the base64 of little-endian float32
 *   camera.listeners.add(() => ...)                    // called after every change; camera.changed() calls them
 *
 * `points` is a Float32Array x, y, z, x, y, z, ... in metres: x right, y down, z forward, as the sensor sees it, so the
 * start is the sensor's own view and people stand upright. `colour` is any CSS colour, or the name of a custom property
 * ("--target"), which is looked up anew for each drawing and so follows a dark scheme. `label` is text (optional).
 * Drag turns, shift-drag or the right button moves, wheel and pinch zoom; with the keyboard: arrows, + and -, Home or
 * double click resets. Keys that the view uses are not passed on. The canvas needs a size from the style sheet.
 */
"use strict";

class Camera {
  constructor() {
    this.listeners = new Set();
    this.fit({low: [-0.5, -1, -0.5], high: [0.5, 1, 0.5]});
  }

  /** Look at a box {low: [x, y, z], high: [x, y, z]} in metres from the sensor's side, a little from above. */
  fit(box) {
    this.box = box;
    this.reset();
  }

  reset() {
    const {low, high} = this.box;
    this.centre = low.map((value, axis) => (value + high[axis]) / 2);
    this.size = Math.max(0.1, Math.hypot(...low.map((value, axis) => high[axis] - value)));  // metres
    this.yaw = -0.45;
    this.pitch = 0.18;
    this.zoom = 1;
    this.changed();
  }

  turn(yaw, pitch) {
    this.yaw += yaw;
    this.pitch = Math.min(1.5, Math.max(-1.5, this.pitch + pitch));
    this.changed();
  }

  magnify(factor) {
    this.zoom = Math.min(40, Math.max(0.1, this.zoom * factor));
    this.changed();
  }

  /** Move what is seen by so many metres to the right and down. */
  move(right, down) {
    const [cy, sy, cp, sp] = this.waves();
    this.centre[0] -= right * cy + down * sp * sy;
    this.centre[1] -= down * cp;
    this.centre[2] -= right * sy - down * sp * cy;
    this.changed();
  }

  waves() {
    return [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
  }

  changed() {
    for (const listener of this.listeners) listener();
  }
}

class CloudView {
  constructor(canvas, {clouds = [], camera = new Camera()} = {}) {
    this.canvas = canvas;
    this.camera = camera;
    this.context = canvas.getContext("2d");
    this.clouds = clouds;
    this.asked = false;
    this.redraw = () => {
      if (!this.asked) {
        this.asked = true;
        requestAnimationFrame(() => { this.asked = false; this.draw(); });
      }
    };
    camera.listeners.add(this.redraw);
    this.watching = new ResizeObserver(this.redraw);
    this.watching.observe(canvas);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", this.redraw);
    this.controls = new CloudControls(this);
    this.redraw();
  }

  /** Lowest and highest corner around several Float32Arrays, but for the outer 1 % of the points of each axis. */
  static box(arrays) {
    const low = [-0.5, -0.5, -0.5], high = [0.5, 0.5, 0.5];
    for (let axis = 0; axis < 3; axis++) {
      const values = [];
      for (const points of arrays) for (let i = axis; i < points.length; i += 3) values.push(points[i]);
      const known = values.filter(Number.isFinite).sort((a, b) => a - b);
      if (!known.length) continue;
      low[axis] = known[Math.floor(0.01 * (known.length - 1))] - 0.05;
      high[axis] = known[Math.ceil(0.99 * (known.length - 1))] + 0.05;
    }
    return {low, high};
  }

  setClouds(clouds) {
    this.clouds = clouds;
    this.redraw();
  }

  dispose() {
    this.camera.listeners.delete(this.redraw);
    this.scheme.removeEventListener("change", this.redraw);
    this.watching.disconnect();
    this.controls.dispose();
  }

  /** Pixels of the style sheet that a metre takes where the camera looks at. */
  get scale() {
    const {clientWidth, clientHeight} = this.canvas;
    return 0.98 * this.camera.zoom * Math.min(clientWidth, clientHeight) / this.camera.size;
  }

  draw() {
    const {canvas, context} = this, dense = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * dense) || canvas.height !== Math.round(height * dense)) {
      canvas.width = Math.round(width * dense);
      canvas.height = Math.round(height * dense);
    }
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, width, height);
    this.style = getComputedStyle(canvas);
    this.waves = this.camera.waves();
    this.drawFloor();
    this.drawDots();
    this.drawScale(width, height);
    this.drawAxes(height);
    canvas.dataset.drawn = Number(canvas.dataset.drawn || 0) + 1;
  }

  colour(name) {
    const found = name && name.startsWith("--") ? this.style.getPropertyValue(name).trim() : name;
    return found || this.style.color;
  }

  /** Where a point in metres is drawn: [x, y, depth, magnification]; null behind the eye. */
  project(x, y, z) {
    const {centre, size, zoom} = this.camera, [cy, sy, cp, sp] = this.waves;
    x -= centre[0]; y -= centre[1]; z -= centre[2];
    const across = cy * x + sy * z, along = cy * z - sy * x;
    const down = cp * y - sp * along, depth = cp * along + sp * y;
    const eye = 2.5 * size / Math.min(zoom, 3);  // metres from the centre: near enough to see what is in front
    if (depth < -0.9 * eye) return null;
    const near = eye / (eye + depth), scale = this.scale * near;
    return [this.canvas.clientWidth / 2 + across * scale, this.canvas.clientHeight / 2 + down * scale, depth, near];
  }

  drawDots() {
    const dots = [], half = this.camera.size / 2;
    for (const cloud of this.clouds) {
      const colour = this.colour(cloud.colour), points = cloud.points;
      for (let i = 0; i + 2 < points.length; i += 3) {
        const at = this.project(points[i], points[i + 1], points[i + 2]);
        if (at && Number.isFinite(at[0] + at[1])) dots.push([...at, colour]);
      }
    }
    dots.sort((a, b) => b[2] - a[2]);
    const radius = Math.min(4, Math.max(1.3, 1.9 * Math.sqrt(this.camera.zoom)));
    for (const [x, y, depth, near, colour] of dots) {
      this.context.globalAlpha = Math.min(1, Math.max(0.35, 0.72 - 0.5 * depth / half));
      this.context.fillStyle = colour;
      this.context.beginPath();
      this.context.arc(x, y, radius * near, 0, 2 * Math.PI);
      this.context.fill();
    }
    this.context.globalAlpha = 1;
  }

  /** A grid of half metres at the foot of the camera's box. */
  drawFloor() {
    const {low, high} = this.camera.box, step = 0.5, y = high[1];
    const start = (axis) => step * Math.floor(low[axis] / step - 0.3);
    const end = (axis) => step * Math.ceil(high[axis] / step + 0.3);
    const [x0, x1, z0, z1] = [start(0), end(0), start(2), end(2)];
    if (x1 - x0 > 60 * step || z1 - z0 > 60 * step) return;  // not a person: a grid would be a grey plane
    for (let x = x0; x <= x1 + 1e-9; x += step) this.line([x, y, z0], [x, y, z1], 0.16);
    for (let z = z0; z <= z1 + 1e-9; z += step) this.line([x0, y, z], [x1, y, z], 0.16);
  }

  line(from, to, alpha) {
    const a = this.project(...from), b = this.project(...to);
    if (!a || !b) return;
    this.stroke(alpha, () => { this.context.moveTo(a[0], a[1]); this.context.lineTo(b[0], b[1]); });
  }

  stroke(alpha, path) {
    this.context.globalAlpha = alpha;
    this.context.strokeStyle = this.style.color;
    this.context.lineWidth = 1;
    this.context.beginPath();
    path();
    this.context.stroke();
    this.context.globalAlpha = 1;
  }

  write(text, x, y, align) {
    this.context.font = "11px system-ui, sans-serif";
    this.context.fillStyle = this.style.color;
    this.context.globalAlpha = 0.65;
    this.context.textAlign = align;
    this.context.fillText(text, x, y);
    this.context.globalAlpha = 1;
  }

  /** A bar of a round length at the lower right, true where the camera looks at. */
  drawScale(width, height) {
    const lengths = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50];
    const metres = lengths.find((length) => length * this.scale >= 36) || 100, pixels = metres * this.scale;
    const right = width - 10, y = height - 10;
    this.stroke(0.65, () => {
      this.context.moveTo(right - pixels, y - 4); this.context.lineTo(right - pixels, y);
      this.context.lineTo(right, y); this.context.lineTo(right, y - 4);
    });
    this.write(`${metres} m`, right - pixels / 2, y - 6, "center");
  }

  /** Which way x, y (down) and z (forward) point, at the lower left. */
  drawAxes(height) {
    const [cy, sy, cp, sp] = this.waves, x = 30, y = height - 34;
    const axes = {x: [cy, sp * sy], y: [0, cp], z: [sy, -sp * cy]};
    for (const [name, [right, down]] of Object.entries(axes)) {
      this.stroke(0.65, () => { this.context.moveTo(x, y); this.context.lineTo(x + 16 * right, y + 16 * down); });
      this.write(name, x + 23 * right, y + 23 * down + 4, "center");
    }
  }
}

/** What pointer, wheel and keys do to the camera of a view. */
class CloudControls {
  constructor(view) {
    const {canvas, camera} = view;
    this.stop = new AbortController();
    this.pointers = new Map();
    const on = (kind, handler, options = {}) =>
      canvas.addEventListener(kind, handler, {...options, signal: this.stop.signal});
    if (!canvas.hasAttribute("tabindex")) canvas.tabIndex = 0;
    canvas.style.touchAction = "none";
    on("contextmenu", (event) => event.preventDefault());
    on("dblclick", () => camera.reset());
    on("pointerdown", (event) => {
      this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
      try { canvas.setPointerCapture(event.pointerId); } catch { /* a pointer that is gone already */ }
    });
    for (const kind of ["pointerup", "pointercancel"]) on(kind, (event) => this.pointers.delete(event.pointerId));
    on("pointermove", (event) => this.dragged(view, event));
    let scrolled = 0;
    addEventListener("scroll", () => { scrolled = performance.now(); }, {passive: true, signal: this.stop.signal});
    on("wheel", (event) => {
      if (performance.now() - scrolled < 400) return;  // the page is on its way past the view: let it go
      event.preventDefault();
      camera.magnify(Math.exp(-0.0015 * Math.max(-200, Math.min(200, event.deltaY))));
    }, {passive: false});
    on("keydown", (event) => this.pressed(camera, event));
  }

  dragged(view, event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const across = event.clientX - before[0], down = event.clientY - before[1];
    const apart = () => {
      const [a, b] = [...this.pointers.values()];
      return Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
    };
    const pinch = this.pointers.size === 2 ? apart() : 0;
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    if (pinch) {
      view.camera.magnify(apart() / pinch);
      view.camera.move(across / 2 / view.scale, down / 2 / view.scale);
    } else if (event.shiftKey || event.buttons & 2) {
      view.camera.move(across / view.scale, down / view.scale);
    } else {
      view.camera.turn(-0.01 * across, 0.01 * down);
    }
  }

  pressed(camera, event) {
    const step = 0.1;
    const keys = {
      ArrowLeft: () => camera.turn(step, 0), ArrowRight: () => camera.turn(-step, 0),
      ArrowUp: () => camera.turn(0, -step), ArrowDown: () => camera.turn(0, step),
      "+": () => camera.magnify(1.15), "=": () => camera.magnify(1.15), "-": () => camera.magnify(1 / 1.15),
      Home: () => camera.reset(),
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }

  dispose() {
    this.stop.abort();
  }
}

/** Float32Array from the base64 of little-endian 32-bit floats. */
function decodePoints(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer), points = new Float32Array(bytes.length / 4);
  for (let i = 0; i < points.length; i++) points[i] = view.getFloat32(4 * i, true);
  return points;
}
