// The probability of each class as a bar that follows the pen.
export default {
  template: `
    <div class="bars" role="list" aria-label="Probability of each digit" data-testid="bars">
      <div v-for="(name, index) in names" class="bar" :class="{'bar-best': index === best}" role="listitem"
        :data-share="shares[index]">
        <span class="bar-name">{{ name }}</span>
        <span class="bar-track"><span class="bar-fill" :style="{transform: 'scaleX(' + shares[index] + ')'}"></span></span>
        <span class="bar-share">{{ text(shares[index]) }}</span>
      </div>
    </div>`,

  props: { names: Array },

  data() {
    return { shares: this.names.map(() => 0), best: -1 };
  },

  methods: {
    /** Show probabilities; none at all where there is nothing to recognise. */
    show(shares, best) {
      this.shares = shares || this.names.map(() => 0);
      this.best = best;
    },

    text(share) {
      if (this.best < 0 && !share) return "";
      const percent = 100 * share;
      return percent > 0 && percent < 0.1 ? "<0.1%" : percent > 99.9 && percent < 100 ? ">99.9%" : percent.toFixed(1) + "%";
    },
  },
};
