// Layers below each other, each with its numbers as a sheet of cells; a unit can be pointed at, or chosen by keys.
import { Sheet, bytesOf, onTheme } from "/static/sheets.js";

const PAUSE = 50; // milliseconds between two units that the server is told of

export default {
  template: `
    <div class="layers" @keydown.esc="release">
      <section v-for="(layer, index) in layers" :key="layer.key" class="layer" :class="{'layer-plain': !layer.shape}"
        :data-layer="layer.key">
        <div class="layer-head">
          <h3 class="layer-title"><span class="layer-number">{{ layer.number }}</span>{{ layer.title }}</h3>
          <span class="layer-note">{{ notes[index] || layer.note }}</span>
        </div>
        <p v-if="layer.words" class="explained">{{ layer.words }}</p>
        <div v-if="bars.length" class="layer-bar" aria-hidden="true">
          <span :style="{width: 100 * (bars[index] || 0) + '%'}"></span>
        </div>
        <div v-if="layer.shape" class="layer-sheet">
          <canvas ref="canvases" :data-index="index" tabindex="0" role="application"
            :aria-label="layer.label" @pointermove="point($event, index)" @pointerdown="press($event, index)"
            @pointerleave="leave" @keydown="key($event, index)"></canvas>
        </div>
      </section>
    </div>`,

  props: { layers: Array },

  data() {
    return { notes: [], bars: [] };
  },

  mounted() {
    this.sheets = {};
    this.pinned = false;
    this.build();
    this.stop = onTheme(() => this.paint());
    this.sizes = new ResizeObserver(() => this.resized());
    this.sizes.observe(this.$el);
  },

  unmounted() {
    this.stop();
    this.sizes.disconnect();
    clearTimeout(this.timer);
  },

  watch: {
    layers: { handler: "build", flush: "post" },
  },

  methods: {
    build() {
      this.sheets = {};
      this.pinned = false;
      for (const canvas of this.$refs.canvases || []) {
        const index = Number(canvas.dataset.index);
        this.sheets[index] = new Sheet(canvas, this.layers[index]);
      }
    },

    /** Show numbers: all layers' bytes one after another, in base64; a note for each layer, and maybe a bar. */
    show(text, notes, bars) {
      const bytes = bytesOf(text);
      let start = 0;
      this.layers.forEach((layer, index) => {
        const sheet = this.sheets[index];
        if (!sheet) return;
        sheet.set(bytes.subarray(start, start + sheet.bytes.length));
        start += sheet.bytes.length;
      });
      this.notes = notes;
      this.bars = bars || [];
    },

    paint() {
      Object.values(this.sheets).forEach((sheet) => sheet.paint());
    },

    resized() {
      if (this.$el.clientWidth === this.known || !this.$el.clientWidth) return;
      this.known = this.$el.clientWidth;
      Object.values(this.sheets).forEach((sheet) => sheet.layout());
      this.paint();
    },

    /** Outline a unit, and boxes in other layers: what it reads. */
    select(layer, unit, marks, reveal) {
      Object.entries(this.sheets).forEach(([index, sheet]) => {
        const own = marks.filter((mark) => mark.layer === Number(index));
        const selected = Number(index) === layer ? unit : -1;
        if (selected === sheet.selected && !own.length && !sheet.marks.length) return;
        sheet.selected = selected;
        sheet.marks = own;
        sheet.paint();
      });
      if (reveal) this.sheets[layer]?.canvas.scrollIntoView({ block: "nearest", behavior: "smooth" });
    },

    point(event, layer) {
      if (this.pinned || event.pointerType !== "mouse") return;
      this.tell(layer, this.sheets[layer].indexAt(event.offsetX, event.offsetY), false);
    },

    press(event, layer) {
      const unit = this.sheets[layer].indexAt(event.offsetX, event.offsetY);
      const again = this.pinned && this.last === `${layer}/${unit}`;
      this.pinned = unit >= 0 && !again;
      if (unit >= 0) this.tell(layer, unit, this.pinned, true);
    },

    key(event, layer) {
      const sheet = this.sheets[layer];
      const next = sheet.neighbour(Math.max(sheet.selected, 0), event.key);
      if (next === null) return;
      event.preventDefault();
      this.pinned = true;
      this.tell(layer, sheet.selected < 0 ? 0 : next, true);
    },

    release() {
      this.pinned = false;
    },

    leave() {
      if (!this.pinned) this.last = null;
    },

    /** Outline at once, and tell the server: of a click at once, of movements the newest unit, after a short pause. */
    tell(layer, unit, pinned, anew = false) {
      if (unit < 0 || (this.last === `${layer}/${unit}` && !anew)) return;
      this.last = `${layer}/${unit}`;
      this.select(layer, unit, []);
      this.news = { layer, unit, pinned };
      if (anew) this.report();
      else this.timer ??= setTimeout(() => this.report(), PAUSE);
    },

    report() {
      clearTimeout(this.timer);
      this.timer = null;
      this.$emit("unit", this.news);
    },
  },
};
