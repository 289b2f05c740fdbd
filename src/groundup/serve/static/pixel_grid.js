// A small grey picture, each of its pixels a square: ink on paper, in the colours of the page.
export default {
  template: `<canvas class="pixels" role="img" :aria-label="label" width="28" height="28"></canvas>`,

  props: { label: String },

  mounted() {
    this.bytes = new Uint8Array(784);
    this.themes = new MutationObserver(() => this.paint());
    this.themes.observe(document.body, { attributes: true, attributeFilter: ["class"] });
    this.paint();
  },

  unmounted() {
    this.themes.disconnect();
  },

  methods: {
    /** Show 28x28 bytes in base64: 0 is paper, 255 full ink. */
    show(text) {
      this.bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      this.paint();
    },

    paint() {
      const context = this.$el.getContext("2d");
      const image = context.createImageData(28, 28);
      const dark = document.body.classList.contains("body--dark");
      this.bytes.forEach((ink, index) => {
        image.data.fill(dark ? 18 + Math.round((ink * 237) / 255) : 255 - ink, 4 * index, 4 * index + 3);
        image.data[4 * index + 3] = 255;
      });
      context.putImageData(image, 0, 0);
    },
  },
};
