// A digit with numbers laid over it in colour: what speaks for an answer, and where.
import { bytesOf, colour, onTheme } from "/static/sheets.js";

export default {
  template: `<canvas class="overlay" role="img" :aria-label="label"></canvas>`,

  props: { label: String },

  mounted() {
    this.stop = onTheme(() => this.paint());
  },

  unmounted() {
    this.stop();
  },

  methods: {
    /** Show a picture of `side` x `side`: ink, and over it signed bytes (128 is zero), or nothing. */
    show(side, ink, over) {
      this.side = side;
      this.ink = bytesOf(ink);
      this.over = over ? bytesOf(over) : null;
      this.paint();
    },

    paint() {
      if (!this.ink) return;
      const height = this.ink.length / this.side;
      this.$el.width = this.side;
      this.$el.height = height;
      const [paper, dark, high, low] = ["--paper", "--ink", "--accent", "--accent-2"].map(colour);
      const faint = this.over ? 0.35 : 1; // the digit steps back behind the colours
      const image = new ImageData(this.side, height);
      this.ink.forEach((byte, index) => {
        const value = this.over ? (this.over[index] - 128) / 127 : 0;
        const share = Math.abs(value) ** 0.7;
        for (let part = 0; part < 3; part++) {
          const grey = paper[part] + (dark[part] - paper[part]) * faint * (byte / 255);
          image.data[4 * index + part] = grey + ((value > 0 ? high : low)[part] - grey) * share;
        }
        image.data[4 * index + 3] = 255;
      });
      this.$el.getContext("2d").putImageData(image, 0, 0);
    },
  },
};
