// The whole network in three dimensions: each layer a floor, its maps tiles on it, its units blocks as high as
// their numbers are large.
import { OrbitControls, THREE } from "nicegui-scene";
import { HEIGHT, center, floor, tileCenter, unitOn } from "/static/floors.js";
import { FRAGMENT, ROW, VERTEX } from "/static/shaders.js";
import { Sheet, bytesOf, colour, onTheme, written } from "/static/sheets.js";

const PAUSE = 50; // milliseconds between two units that the server is told of
const LABELS = 190; // pixels for the layers' names, where they stand beside the floors
const STILL = 5; // pixels that a press may move and is no drag

export default {
  template: `
    <div class="network3d">
      <canvas v-if="!broken" ref="canvas" tabindex="0" role="application" aria-label="The network in three dimensions. Arrow keys go from
        unit to unit, Page Up and Page Down from layer to layer." @keydown="key" @pointermove="move" @pointerdown="press"
        @pointerup="lift" @pointerleave="leave"></canvas>
      <div class="network3d-labels" ref="labels" aria-hidden="true"></div>
      <div class="network3d-tip" v-show="tip" :style="tipPlace" aria-hidden="true">{{ tip }}</div>
      <div v-if="!broken" class="network3d-tools">
        <button type="button" aria-label="Turn left" @click="turn(0.3)">↻</button>
        <button type="button" aria-label="Turn right" @click="turn(-0.3)">↺</button>
        <button type="button" aria-label="Nearer" @click="nearer(0.8)">+</button>
        <button type="button" aria-label="Farther" @click="nearer(1.25)">−</button>
        <button type="button" @click="reset">Reset</button>
      </div>
      <p v-if="broken" class="explained network3d-broken">This browser offers no WebGL, which the 3D view needs. The layers
        are all in the view Layers.</p>
    </div>`,

  props: { layers: Array },

  data() {
    return { tip: "", tipPlace: {}, broken: false };
  },

  mounted() {
    this.selected = { layer: -1, unit: -1 };
    this.floors = [];
    this.limits = [];
    try {
      this.renderer = new THREE.WebGLRenderer({ canvas: this.$refs.canvas, antialias: true, alpha: true });
    } catch {
      this.broken = true;
      return;
    }
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(30, 1, 1, 5000);
    this.controls = new OrbitControls(this.camera, this.$refs.canvas);
    this.controls.maxPolarAngle = Math.PI * 0.9;
    this.controls.enableZoom = false; // until the picture is clicked: the wheel should scroll the page
    this.controls.addEventListener("change", () => this.request());
    const uniforms = Object.fromEntries(["zero", "high", "low", "paper", "dark"].map((name) => [name, { value: new THREE.Vector3() }]));
    uniforms.numbers = { value: null };
    this.material = new THREE.ShaderMaterial({ vertexShader: VERTEX, fragmentShader: FRAGMENT, uniforms });
    this.frame = new THREE.LineSegments(new THREE.EdgesGeometry(new THREE.BoxGeometry(1, 1, 1)), new THREE.LineBasicMaterial());
    this.frame.visible = false;
    this.edges = new THREE.LineSegments(
      new THREE.BufferGeometry(),
      new THREE.LineBasicMaterial({ vertexColors: true, transparent: true, depthWrite: false }),
    );
    this.edges.frustumCulled = false;
    this.scene.add(this.frame, this.edges);
    this.build();
    this.stop = onTheme(() => this.paint());
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(this.$el);
  },

  unmounted() {
    clearTimeout(this.timer);
    if (this.broken) return;
    this.stop();
    this.sizes.disconnect();
    this.controls.dispose();
    this.blocks?.geometry.dispose();
    this.texture?.dispose();
    this.material.dispose();
    this.renderer.dispose();
  },

  watch: {
    layers: { handler: "build", flush: "post" },
  },

  methods: {
    /** Lay out the floors, and make a block for each tile: all of them are drawn at once. */
    build() {
      if (this.broken) return;
      this.wide = this.$el.clientWidth >= this.$el.clientHeight;
      this.floors = this.layers.map((layer, level) => floor(layer, level, this.wide));
      const places = [];
      const tiles = [];
      const inks = [];
      this.count = 0;
      for (const each of this.floors) {
        each.start = this.count;
        for (let tile = 0; tile < each.number; tile++) {
          const [x, z] = tileCenter(each, tile);
          places.push(x, each.y, z);
          tiles.push(each.start + tile * each.height * each.width, each.height, each.width, each.cell);
          inks.push(each.ink ? 1 : 0);
        }
        this.count += each.count;
      }
      const geometry = new THREE.InstancedBufferGeometry();
      const block = new THREE.BoxGeometry(1, 1, 1).translate(0, 0.5, 0);
      geometry.index = block.index;
      for (const name of ["position", "normal"]) geometry.setAttribute(name, block.getAttribute(name));
      for (const [name, numbers, size] of [["place", places, 3], ["tile", tiles, 4], ["ink", inks, 1]])
        geometry.setAttribute(name, new THREE.InstancedBufferAttribute(new Float32Array(numbers), size));
      geometry.instanceCount = inks.length;
      this.bytes = new Uint8Array(ROW * Math.max(1, Math.ceil(this.count / ROW))).fill(128);
      this.texture?.dispose();
      this.texture = new THREE.DataTexture(this.bytes, ROW, this.bytes.length / ROW, THREE.RedFormat);
      this.texture.needsUpdate = true;
      this.material.uniforms.numbers.value = this.texture;
      if (this.blocks) {
        this.scene.remove(this.blocks);
        this.blocks.geometry.dispose();
      }
      this.blocks = new THREE.Mesh(geometry, this.material);
      this.blocks.frustumCulled = false;
      this.scene.add(this.blocks);
      this.mark(-1, -1, []);
      this.write();
      this.reset();
      this.paint();
    },

    /** Write the layers' names beside their floors, and the classes' below the last one's units. */
    write() {
      this.$refs.labels.replaceChildren();
      this.texts = [];
      const add = (text, point, kind) => {
        const element = document.createElement("div");
        element.className = "network3d-label network3d-" + kind;
        element.textContent = text;
        this.$refs.labels.append(element);
        this.texts.push({ element, point: new THREE.Vector3(...point) });
      };
      this.floors.forEach((each, index) => {
        const layer = this.layers[index];
        const name = layer.names;
        if (this.wide) add(`${name}\n${layer.note}`, [-each.breadth / 2 - 4, each.y, each.depth / 2], "beside");
        else add(`${name}, ${layer.note}`, [0, each.y - 1, each.depth / 2], "below");
        layer.labels.forEach((text, unit) => {
          const [x, z] = center(each, unit);
          add(text, [x, each.y + HEIGHT + 3, z], "class");
        });
      });
    },

    /** Show numbers: all layers' bytes one after another, in base64, and what a full byte of each layer stands for. */
    show(text, limits) {
      if (this.broken) return;
      const bytes = bytesOf(text);
      if (bytes.length !== this.count) return;
      this.bytes.set(bytes);
      this.texture.needsUpdate = true;
      this.limits = limits;
      const last = this.floors[this.floors.length - 1];
      const outputs = bytes.subarray(last.start);
      const best = outputs.indexOf(Math.max(...outputs));
      this.$refs.labels.querySelectorAll(".network3d-class").forEach((label, unit) => {
        label.classList.toggle("network3d-best", unit === best);
      });
      this.mark(this.selected.layer, this.selected.unit, this.lines);
    },

    /** Mark a unit, and draw lines to others: [layer, unit, strength -1 to 1]. */
    select(layer, unit, edges) {
      if (!this.broken && layer < this.floors.length) this.mark(layer, unit, edges);
    },

    mark(layer, unit, edges) {
      this.selected = { layer, unit };
      this.lines = edges;
      this.frame.visible = layer >= 0;
      const points = [];
      const tints = [];
      if (layer >= 0) {
        const here = this.top(layer, unit);
        const cell = this.floors[layer].cell;
        const base = this.floors[layer].y;
        this.frame.position.set(here.x, (base + here.y) / 2, here.z);
        this.frame.scale.set(cell * 1.15, here.y - base + 0.6, cell * 1.15);
        const [high, low] = ["--accent", "--accent-2"].map(colour);
        for (const [other, index, strength] of edges) {
          const there = this.top(other, index);
          const tint = [...(strength > 0 ? high : low).map((part) => part / 255), 0.15 + 0.85 * Math.abs(strength)];
          points.push(here.x, here.y, here.z, there.x, there.y, there.z);
          tints.push(...tint, ...tint);
        }
      }
      this.edges.geometry.dispose();
      this.edges.geometry = new THREE.BufferGeometry();
      this.edges.geometry.setAttribute("position", new THREE.Float32BufferAttribute(points, 3));
      this.edges.geometry.setAttribute("color", new THREE.Float32BufferAttribute(tints, 4));
      this.request();
    },

    /** The middle of a block's top. */
    top(layer, unit) {
      const each = this.floors[layer];
      const [x, z] = center(each, unit);
      const byte = this.bytes[each.start + unit];
      const rise = each.vector && byte ? (Math.abs(byte - 128) / 127) * HEIGHT : 0;
      return new THREE.Vector3(x, each.y + 0.6 + rise, z);
    },

    paint() {
      const names = { zero: "--track", high: "--accent", low: "--accent-2", paper: "--track", dark: "--ink" };
      for (const [uniform, name] of Object.entries(names)) {
        this.material.uniforms[uniform].value.set(...colour(name).map((part) => part / 255));
      }
      this.frame.material.color.setRGB(...colour("--text").map((part) => part / 255), THREE.SRGBColorSpace);
      this.mark(this.selected.layer, this.selected.unit, this.lines || []);
    },

    resized() {
      const [width, height] = [this.$el.clientWidth, this.$el.clientHeight];
      if (!width || !height) return;
      this.renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
      this.renderer.setSize(width, height, false);
      this.camera.aspect = width / height;
      this.camera.updateProjectionMatrix();
      if (width >= height !== this.wide) {
        const [bytes, limits] = [this.bytes, this.limits];
        this.build();
        this.bytes.set(bytes);
        this.limits = limits;
      }
      if (this.untouched !== false) this.reset();
      this.request();
    },

    /** Look at the whole from the front and above. */
    reset() {
      if (!this.floors.length) return;
      const corners = this.floors.flatMap((each) =>
        [-1, 1].flatMap((x) =>
          [-1, 1].map((z) => new THREE.Vector3((x * each.breadth) / 2, each.y + HEIGHT / 2, (z * each.depth) / 2)),
        ),
      );
      const [width, height] = [this.$el.clientWidth || 800, this.$el.clientHeight || 600];
      const left = this.wide ? -1 + (2 * LABELS) / width : -0.94; // the names stand to the left, or below
      const [right, bottom, top] = [0.96, -1 + 50 / height, 1 - 140 / height];
      const direction = this.wide ? new THREE.Vector3(0.16, 0.6, 1) : new THREE.Vector3(0.2, 0.75, 1);
      direction.normalize();
      const middle = new THREE.Vector3(0, this.floors[this.floors.length - 1].y / 2, 0);
      let distance = 800;
      this.camera.up.set(0, 1, 0);
      for (let round = 0; round < 12; round++) {
        this.camera.position.copy(middle).addScaledVector(direction, distance);
        this.camera.lookAt(middle);
        this.camera.updateMatrixWorld();
        const seen = corners.map((corner) => corner.clone().project(this.camera));
        const [xs, ys] = [seen.map((point) => point.x), seen.map((point) => point.y)];
        const [low, high] = [new THREE.Vector2(Math.min(...xs), Math.min(...ys)), new THREE.Vector2(Math.max(...xs), Math.max(...ys))];
        const reach = distance * Math.tan((this.camera.fov * Math.PI) / 360); // of half the picture's height
        const [across, up] = [new THREE.Vector3(), new THREE.Vector3()];
        this.camera.matrixWorld.extractBasis(across, up, new THREE.Vector3());
        middle.addScaledVector(across, ((low.x + high.x - left - right) / 2) * reach * this.camera.aspect);
        middle.addScaledVector(up, ((low.y + high.y - bottom - top) / 2) * reach);
        distance *= Math.max((high.x - low.x) / (right - left), (high.y - low.y) / (top - bottom));
      }
      this.camera.position.copy(middle).addScaledVector(direction, distance);
      this.controls.target.copy(middle);
      this.controls.update();
      this.untouched = true;
      this.request();
    },

    turn(angle) {
      this.camera.position.sub(this.controls.target).applyAxisAngle(new THREE.Vector3(0, 1, 0), angle).add(this.controls.target);
      this.controls.update();
      this.request();
    },

    nearer(factor) {
      this.camera.position.sub(this.controls.target).multiplyScalar(factor).add(this.controls.target);
      this.controls.update();
      this.request();
    },

    /** Draw soon, once: nothing is drawn while nothing changes. */
    request() {
      this.waiting ??= requestAnimationFrame(() => {
        this.waiting = null;
        if (!this.$el?.clientWidth) return;
        this.renderer.render(this.scene, this.camera);
        this.placeTexts();
        this.$el.dataset.drawn = Number(this.$el.dataset.drawn || 0) + 1;
      });
    },

    placeTexts() {
      const [width, height] = [this.$el.clientWidth, this.$el.clientHeight];
      for (const { element, point } of this.texts) {
        const seen = point.clone().project(this.camera);
        element.style.left = ((seen.x + 1) / 2) * width + "px";
        element.style.top = ((1 - seen.y) / 2) * height + "px";
      }
    },

    /** The unit at a place on the canvas: where the line of sight meets a floor first. */
    unitAt(event) {
      const box = this.$refs.canvas.getBoundingClientRect();
      const spot = new THREE.Vector2(
        ((event.clientX - box.left) / box.width) * 2 - 1,
        1 - ((event.clientY - box.top) / box.height) * 2,
      );
      const caster = new THREE.Raycaster();
      caster.setFromCamera(spot, this.camera);
      const { origin, direction } = caster.ray;
      let found = null;
      this.floors.forEach((each, layer) => {
        const way = (each.y + 0.6 - origin.y) / direction.y;
        if (way <= 0 || (found && found.way < way)) return;
        const unit = unitOn(each, origin.x + way * direction.x, origin.z + way * direction.z);
        if (unit >= 0) found = { layer, unit, way };
      });
      return found;
    },

    press(event) {
      this.pressed = [event.clientX, event.clientY];
      this.controls.enableZoom = true;
      this.untouched = false;
    },

    lift(event) {
      const moved = this.pressed && Math.hypot(event.clientX - this.pressed[0], event.clientY - this.pressed[1]);
      this.pressed = null;
      if (moved === null || moved > STILL) return;
      const found = this.unitAt(event);
      this.pinned = Boolean(found);
      if (found) this.tell(found, event);
    },

    move(event) {
      if (this.pressed || event.pointerType !== "mouse") return;
      const found = this.unitAt(event);
      if (!found) this.tip = "";
      else if (this.pinned) this.describe(found, event);
      else this.tell(found, event);
    },

    leave() {
      this.tip = "";
      this.controls.enableZoom = false;
    },

    key(event) {
      if (event.key === "Escape") this.pinned = false;
      const { layer, unit } = this.selected;
      const step = { PageUp: 1, PageDown: -1 }[event.key];
      let next = { layer: Math.max(layer, 0), unit: Math.max(unit, 0) };
      if (step && layer >= 0) {
        next.layer = Math.min(Math.max(layer + step, 0), this.floors.length - 1);
        next.unit = Math.floor(((unit + 0.5) / this.floors[layer].count) * this.floors[next.layer].count);
      } else if (layer >= 0) {
        next.unit = Sheet.prototype.neighbour.call(this.floors[layer], unit, event.key);
      } else if (!event.key.startsWith("Arrow")) next.unit = null;
      if (next.unit === null) return;
      event.preventDefault();
      this.pinned = true;
      this.tell(next, null);
    },

    describe({ layer, unit }, event) {
      const each = this.floors[layer];
      const size = each.height * each.width;
      const [row, column] = [Math.floor((unit % size) / each.width), unit % each.width];
      const map = Math.floor(unit / size);
      const byte = this.bytes[each.start + unit];
      const value = ((byte - 128) / 127) * (this.limits[layer] ?? 0);
      const name = this.layers[layer].names;
      const where = each.vector ? `unit ${unit}` : `${each.number > 1 ? `map ${map}, ` : ""}row ${row}, column ${column}`;
      this.tip = `${name}, ${where}: about ${written(Number(value.toPrecision(2)))}`;
      const box = this.$el.getBoundingClientRect();
      const x = Math.min(event.clientX - box.left + 14, box.width - 230);
      this.tipPlace = { left: Math.max(x, 4) + "px", top: event.clientY - box.top + 16 + "px" };
    },

    /** Mark at once, and tell the server after a short pause, the newest unit only. */
    tell({ layer, unit }, event) {
      if (event) this.describe({ layer, unit }, event);
      if (layer === this.selected.layer && unit === this.selected.unit) return;
      this.mark(layer, unit, []);
      this.news = { layer, unit, pinned: Boolean(this.pinned) };
      this.timer ??= setTimeout(() => {
        this.timer = null;
        this.$emit("unit", this.news);
      }, PAUSE);
    },
  },
};
