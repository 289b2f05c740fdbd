// A pad to draw on with mouse, touch, pen or keys. What is drawn is kept as strokes; `drawing.py` reads and writes the
// same text of them. At most one request is under way: while it is, the newest drawing waits.
import { drawSegment, drawStroke } from "/static/pen.js";
import { smallPicture } from "/static/small_picture.js";
import { readStrokes, strokeText } from "/static/strokes.js";

const WIDTH = 960;
const HEIGHT = 640; // of the pad, in its own units, as in drawing.py
const APART = 5; // units between two points of a stroke, at least
const MOST_LETTERS = 11500; // of a drawing; drawing.py refuses more than 12,000
const MOST_UNDO = 100;
const PATIENCE = 3000; // milliseconds after which an answer is given up

export default {
  template: `
    <div class="pad" :class="{'pad-small': small}">
      <canvas ref="canvas" class="pad-canvas" tabindex="0" role="img" :aria-label="label" data-testid="pad"
        @pointerdown="down" @pointermove="move" @pointerup="up" @pointercancel="up" @lostpointercapture="up"
        @keydown="key" @blur="cursor = null; paint()" @contextmenu.prevent></canvas>
      <div v-if="empty" class="pad-hint" aria-hidden="true">
        <svg viewBox="0 0 120 60" class="pad-ghost"><path d="M18 16 q16 -10 22 2 q4 10 -14 24 q-6 6 -8 8 h26"/>
          <path d="M66 12 h32 q-18 18 -22 40"/></svg>
        <div>{{ hint }}</div>
        <div v-if="!small" class="pad-hint-more">{{ more }}</div>
      </div>
      <div v-for="(box, index) in boxes" class="pad-box" :class="{'pad-box-chosen': box.chosen, 'pad-box-high': box.box[1] < 0.1}" :style="place(box)">
        <button class="pad-box-name" :aria-label="'Look at the ' + box.name" @click="$emit('choose', index)">
          {{ box.name }}</button>
      </div>
      <div v-if="dropping" class="pad-drop">Drop the picture here</div>
    </div>`,

  props: { small: Boolean, label: String, hint: String, more: String, start: String, backdrop: String },
  emits: ["draw", "picture", "choose", "complain"],

  data() {
    return { empty: true, boxes: [], dropping: false, cursor: null };
  },

  created() {
    // Not reactive: Vue has no business with thousands of points.
    Object.assign(this, { strokes: [], texts: [], past: [], future: [], stroke: null, pointer: null, pen: 40 });
    Object.assign(this, { picture: null, wanted: "", waiting: false, newer: false, sent: 0 });
  },

  mounted() {
    this.context = this.$refs.canvas.getContext("2d");
    this.sizes = new ResizeObserver(() => this.fit());
    this.sizes.observe(this.$refs.canvas);
    this.themes = new MutationObserver(() => this.paint());
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.listen(true);
    this.replace(readStrokes(this.start || ""));
    if (this.backdrop) this.showPicture(this.backdrop);
  },

  unmounted() {
    this.sizes.disconnect();
    this.themes.disconnect();
    this.listen(false);
  },

  methods: {
    // ---- what the server calls -----------------------------------------------------------------------------------
    /** Show what the server read: boxes, and, where the drawing came from elsewhere, the drawing or the picture. */
    show({ drawing, picture, boxes }) {
      if (drawing !== undefined && !this.stroke) this.replace(readStrokes(drawing));
      if (picture !== undefined) this.showPicture(picture);
      if (boxes !== undefined && !this.stroke) this.boxes = boxes;
    },

    /** The answer to the newest request is on the page. */
    answered() {
      this.$el.dataset.milliseconds = (performance.now() - this.sent).toFixed(1);
      this.waiting = false;
      if (this.newer) this.send();
      else this.$el.dataset.state = "read";
    },

    /** Whatever the pen is just drawing ends here. */
    drop() {
      this.stroke = null;
      this.pointer = null;
    },

    undo() {
      this.drop();
      if (!this.past.length) return;
      this.future.push(this.strokes);
      this.replace(this.past.pop(), true);
    },

    redo() {
      this.drop();
      if (!this.future.length) return;
      this.past.push(this.strokes);
      this.replace(this.future.pop(), true);
    },

    clear() {
      this.drop();
      if (this.strokes.length) this.keep();
      this.showPicture("");
      this.replace([], true);
    },

    setPen(width) {
      this.pen = width;
    },

    // ---- strokes -------------------------------------------------------------------------------------------------
    keep() {
      this.past = [...this.past.slice(-MOST_UNDO), this.strokes];
      this.future = [];
    },

    replace(strokes, tell = false) {
      this.strokes = strokes;
      this.texts = strokes.map(strokeText);
      this.boxes = [];
      this.paint();
      if (tell) this.send();
    },

    point(event) {
      const canvas = this.$refs.canvas.getBoundingClientRect();
      const x = Math.round(((event.clientX - canvas.left) / canvas.width) * WIDTH);
      const y = Math.round(((event.clientY - canvas.top) / canvas.height) * HEIGHT);
      const press = event.pointerType === "pen" && event.pressure > 0 ? 0.4 + 1.2 * event.pressure : 1;
      return [Math.min(Math.max(x, 0), WIDTH), Math.min(Math.max(y, 0), HEIGHT), Math.round(this.pen * press)];
    },

    begin(point) {
      this.keep();
      this.showPicture("");
      this.boxes = [];
      this.stroke = [point];
      this.strokes = [...this.strokes, this.stroke];
      this.texts.push(strokeText(this.stroke));
      this.paint();
    },

    extend(point) {
      const last = this.stroke[this.stroke.length - 1];
      if (Math.hypot(point[0] - last[0], point[1] - last[1]) < APART) return;
      this.stroke.push(point);
      drawSegment(this.context, this.stroke, this.stroke.length - 1);
    },

    finish() {
      this.texts[this.texts.length - 1] = strokeText(this.stroke);
      this.stroke = null;
      if (this.text().length > MOST_LETTERS) {
        this.$emit("complain", "The pad is full: clear it to go on.");
        this.undo();
        this.future = [];
        return;
      }
      this.paint();
      this.send();
    },

    text() {
      if (this.stroke) this.texts[this.texts.length - 1] = strokeText(this.stroke);
      return this.texts.join(".");
    },

    // ---- asking --------------------------------------------------------------------------------------------------
    send() {
      const now = performance.now();
      if (this.waiting && now - this.sent < PATIENCE) {
        this.newer = true;
        return;
      }
      const text = this.text();
      if (text.length > MOST_LETTERS) return;
      Object.assign(this, { waiting: true, newer: false, sent: now });
      this.$el.dataset.state = "waiting";
      this.$emit("draw", text);
    },

    // ---- pointers ------------------------------------------------------------------------------------------------
    down(event) {
      if (this.pointer !== null || event.button !== 0) return;
      this.$refs.canvas.setPointerCapture(event.pointerId);
      this.pointer = event.pointerId;
      this.cursor = null;
      this.begin(this.point(event));
      this.send();
    },

    move(event) {
      if (event.pointerId !== this.pointer) return;
      const all = event.getCoalescedEvents ? event.getCoalescedEvents() : [];
      for (const each of all.length ? all : [event]) this.extend(this.point(each));
      this.send();
    },

    up(event) {
      if (event.pointerId !== this.pointer) return;
      this.pointer = null;
      this.finish();
    },

    // ---- keys ----------------------------------------------------------------------------------------------------
    key(event) {
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const control = event.ctrlKey || event.metaKey;
      if (control && event.key.toLowerCase() === "z") event.shiftKey ? this.redo() : this.undo();
      else if (control && event.key.toLowerCase() === "y") this.redo();
      else if (control || event.altKey) return;
      else if (event.key === "Delete" || event.key === "Backspace") this.clear();
      else if (event.key === " " || event.key === "Enter") this.press();
      else if (event.key in steps) this.step(steps[event.key], event.shiftKey ? 10 : 30);
      else return;
      event.preventDefault();
    },

    press() {
      if (this.pointer !== null) return;
      if (this.stroke) return this.finish();
      this.cursor = this.cursor || [WIDTH / 2, HEIGHT / 2];
      this.begin([...this.cursor, this.pen]);
      this.send();
    },

    step([right, down], far) {
      if (this.pointer !== null) return;
      const [x, y] = this.cursor || [WIDTH / 2, HEIGHT / 2];
      const inside = (value, most) => Math.min(Math.max(value, 0), most);
      this.cursor = [inside(x + far * right, WIDTH), inside(y + far * down, HEIGHT)];
      if (this.stroke) {
        this.extend([...this.cursor, this.pen]);
        this.send();
      }
      this.paint();
    },

    // ---- pictures ------------------------------------------------------------------------------------------------
    listen(on) {
      const change = on ? "addEventListener" : "removeEventListener";
      if (on) {
        const files = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
        this.handlers = {
          paste: (event) => this.visible() && this.take([...(event.clipboardData?.files || [])]),
          dragover: (event) => files(event) && this.visible() && (event.preventDefault(), (this.dropping = true)),
          dragleave: (event) => event.relatedTarget === null && (this.dropping = false),
          drop: (event) => {
            this.dropping = false;
            if (!files(event) || !this.visible()) return;
            event.preventDefault();
            this.take([...event.dataTransfer.files]);
          },
        };
      }
      for (const [name, handler] of Object.entries(this.handlers)) document[change](name, handler);
    },

    visible() {
      return this.$refs.canvas.offsetParent !== null;
    },

    /** Let a person choose a picture, or take one with the camera. */
    choose(camera) {
      const input = document.createElement("input");
      input.type = "file";
      input.accept = "image/*";
      if (camera) input.capture = "environment";
      input.onchange = () => this.take([...input.files]);
      input.click();
    },

    /** Send the first picture, made small enough here: a photograph need not leave its device whole. */
    async take(files) {
      if (!files.length) return;
      const file = files.find((each) => each.type.startsWith("image/"));
      try {
        if (!file) throw new Error("no picture");
        const url = await smallPicture(file);
        if (this.strokes.length) this.keep();
        this.replace([]);
        await this.showPicture(url);
        this.$emit("picture", url);
      } catch (error) {
        this.$emit("complain", "That is not a picture this browser can read.");
      }
    },

    async showPicture(url) {
      this.picture = null;
      this.wanted = url;
      if (url) {
        const image = new Image();
        image.src = url;
        await image.decode();
        if (this.wanted !== url) return; // something else is shown by now
        this.picture = image;
      }
      this.paint();
    },

    /** Where the picture lies on the pad, in its units: whole, and in the middle. */
    frame() {
      if (!this.picture) return [0, 0, WIDTH, HEIGHT];
      const { width, height } = this.picture;
      const scale = Math.min(WIDTH / width, HEIGHT / height) * (width === height && width < 64 ? 0.8 : 1);
      return [(WIDTH - width * scale) / 2, (HEIGHT - height * scale) / 2, width * scale, height * scale];
    },

    place({ box: [left, top, right, bottom] }) {
      const [x, y, width, height] = this.frame();
      const share = (value, of) => `${(100 * value) / of}%`;
      return {
        left: share(x + left * width, WIDTH),
        top: share(y + top * height, HEIGHT),
        width: share((right - left) * width, WIDTH),
        height: share((bottom - top) * height, HEIGHT),
      };
    },

    // ---- painting ------------------------------------------------------------------------------------------------
    fit() {
      const canvas = this.$refs.canvas;
      const ratio = window.devicePixelRatio || 1;
      const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
      if (!width || (canvas.width === width && canvas.height === height)) return;
      canvas.width = width;
      canvas.height = height;
      this.paint();
    },

    paint() {
      const { canvas } = this.context;
      const style = getComputedStyle(canvas);
      this.context.setTransform(1, 0, 0, 1, 0, 0);
      this.context.clearRect(0, 0, canvas.width, canvas.height);
      this.context.setTransform(canvas.width / WIDTH, 0, 0, canvas.height / HEIGHT, 0, 0);
      Object.assign(this.context, { lineCap: "round", lineJoin: "round", strokeStyle: style.color });
      if (this.picture) {
        const small = this.picture.width < 64; // a digit in MNIST's form: ink and paper in the colours of the page
        this.context.imageSmoothingEnabled = !small;
        this.context.filter = small && document.body.classList.contains("body--dark") ? "invert(1)" : "none";
        this.context.drawImage(this.picture, ...this.frame());
        this.context.filter = "none";
      }
      for (const stroke of this.strokes) drawStroke(this.context, stroke);
      if (this.cursor) this.crosshair();
      this.empty = !this.strokes.length && !this.picture;
    },

    crosshair() {
      const [x, y] = this.cursor;
      const context = this.context;
      context.save();
      context.strokeStyle = getComputedStyle(document.body).getPropertyValue("--accent");
      context.lineWidth = 3;
      context.beginPath();
      context.arc(x, y, this.pen / 2 + 8, 0, 7);
      context.moveTo(x - 40, y);
      context.lineTo(x + 40, y);
      context.moveTo(x, y - 40);
      context.lineTo(x, y + 40);
      context.stroke();
      context.restore();
    },
  },
};
